"""Compare the geometry of results with that of their scan in programs that are not ours.

    apt-get install nifti-bin mrtrix3 && pip install SimpleITK
    python scripts/check_geometry.py SCAN RESULTS_FOLDER

nifti_tool must find no fault in any header, and MRtrix's mrinfo and SimpleITK must see the same size, voxels
and transform in every result as in the scan. Prints a line a file; exits with 1 if any disagrees.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import SimpleITK


def mrtrix(path: Path) -> str:
    """Ask MRtrix for size, spacing and transform of the first three axes."""
    size, spacing, transform = (
        subprocess.run(["mrinfo", "-quiet", option, path], capture_output=True, text=True, check=True).stdout
        for option in ("-size", "-spacing", "-transform")
    )
    return " ".join([*size.split()[:3], *spacing.split()[:3], *transform.split()])


def itk(path: Path) -> str:
    """Ask ITK for size, spacing, origin and direction of the first three axes."""
    image = SimpleITK.ReadImage(str(path))
    if image.GetDimension() == 4:
        image = image[:, :, :, 0]
    return f"{image.GetSize()} {image.GetSpacing()} {image.GetOrigin()} {image.GetDirection()}"


def faultless(path: Path) -> bool:
    """Ask nifti_tool whether the header is in order."""
    said = subprocess.run(
        ["nifti_tool", "-check_hdr", "-infiles", path], capture_output=True, text=True, check=False
    )
    return "IS GOOD" in said.stdout


def main(scan: Path, folder: Path) -> int:
    """Check every image in a folder."""
    expected, failures = (mrtrix(scan), itk(scan)), 0
    for path in sorted(folder.glob("*.nii.gz")):
        same, good = (mrtrix(path), itk(path)) == expected, faultless(path)
        failures += not (same and good)
        print("same geometry" if same else "DIFFERS", "sound" if good else "FAULTY", path.name, sep="\t")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
