"""Write the 5,000 intensities of participant ibsr01 that mclust.R fits.

    python scripts/reference/scan_sample.py DATA_FOLDER VALUES.csv

The scan is free for research but not ours to hand on, so neither it nor the sample is kept with the project.
"""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np

SEED, SIZE = 20261122, 5000


def scan_sample(folder: Path) -> np.ndarray:
    """Draw the sample from the scans in ``folder``."""
    scan = nib.load(folder / "bids" / "sub-ibsr01" / "anat" / "sub-ibsr01_T1w.nii.gz")
    voxels = np.asarray(scan.dataobj).astype(float)
    return np.random.default_rng(SEED).choice(voxels[voxels > 0], SIZE, replace=False)


if __name__ == "__main__":
    np.savetxt(sys.argv[2], scan_sample(Path(sys.argv[1])), fmt="%.17g")
