"""Where the real scans lie and what is known about them."""

from __future__ import annotations

import nibabel as nib
import numpy as np

STRIPPED = ("ibsr01", "ibsr04", "ibsr07", "ibsr09", "ibsr12", "ibsr16")
ELDERLY = ("elder01", "elder02", "elder03", "elder04", "elder05", "elder06")
HEADS = ("colin27", "pumi", "xa30", "ms03", "ms04", *ELDERLY)


def scan_of(scans, name):
    """The T1-weighted scan of a subject."""
    return scans / "bids" / f"sub-{name}" / "anat" / f"sub-{name}_T1w.nii.gz"


def truth_of(scans, name, kind="dseg"):
    """The file of a subject's labels, or of its brain mask (`desc-brain_mask`)."""
    return scans / "truth" / f"sub-{name}" / f"sub-{name}_{kind}.nii.gz"


def array_of(path):
    """The values of a file, as they are stored."""
    image = nib.load(path)
    return np.asarray(image.dataobj).reshape(image.shape[:3])
