"""The names of files: of the scans that are read, and of the results that are written.

Results are named ``STEM_ENDING``: `stem` returns STEM from the name of the scan, and the endings are those
of BIDS derivatives; `NOT_IN_BIDS` lists the names that BIDS does not define.
"""

from __future__ import annotations

import glob
import re
from pathlib import Path  # noqa: TC003 - the doctests make some
from typing import Literal

from mriseg.labels.contrasts import SUFFIXES
from mriseg.labels.lookup_tables import lut_extension

NIFTI_EXTENSIONS = (".nii.gz", ".nii", ".hdr.gz", ".hdr", ".img.gz", ".img")
FREESURFER_EXTENSIONS = (".mgz", ".mgh")
IMAGE_EXTENSIONS = (*NIFTI_EXTENSIONS, *FREESURFER_EXTENSIONS)

LABELS = "dseg.nii.gz"
LABEL_TABLE = "dseg.tsv"
SIDECAR = "dseg.json"  # written last: its presence marks the others as complete
BRAIN_MASK = "desc-brain_mask.nii.gz"
BRAIN_MASK_SIDECAR = "desc-brain_mask.json"
ATYPICALITY = "desc-atypicality_map.nii.gz"
CORRECTED = "desc-preproc"  # and the BIDS suffix of the contrast
VOLUMES = "volumes.tsv"
FIELD = "desc-bias_field.nii.gz"  # of a simulated scan
OVERLAY = "overlay.png"
REPORT = "report.html"
REQUIRED = (LABELS, BRAIN_MASK, BRAIN_MASK_SIDECAR, ATYPICALITY, LABEL_TABLE, VOLUMES, OVERLAY, SIDECAR)
# Of results whose labels were edited by hand: what was there before, and a pattern of both.
UNEDITED_LABELS, UNEDITED_REPORT = "desc-unedited_dseg.nii.gz", "desc-unedited_report.html"
UNEDITED_PATTERN = "desc-unedited_*"
# Endings that some options write and others do not, as patterns.
OPTIONAL_PATTERNS = ("label-*_probseg.nii.gz", f"{CORRECTED}*_*.*", REPORT, "dseg_lut-*")

COHORT_TABLE, COHORT_PAGE, COHORT_FAILURES = "cohort.tsv", "cohort_report.html", "failures.tsv"
COHORT_SIDECAR = "cohort.json"
NOT_IN_BIDS = (
    "*.html",
    "*.png",
    f"*{VOLUMES}",
    "*_lut-*",
    "*_map.nii.gz",
    "*_MRI.*",
    COHORT_TABLE,
    COHORT_SIDECAR,
    COHORT_FAILURES,
)
# Kinds of images that are not scans, by the BIDS suffix of their names.
ImageKind = Literal["labels", "mask", "posterior", "map"]
_KINDS: dict[str, ImageKind] = {
    "_dseg": "labels",
    "_mask": "mask",
    "_probseg": "posterior",
    "_map": "map",
}
_DERIVED = re.compile(rf"_(dseg|probseg|mask|{CORRECTED}\w*|desc-atypicality_map)$")
_DESCRIBED = re.compile(r"_(?:label|desc)-([^_]+)_[^_]+$")


def without_extension(path: Path) -> str:
    """Return the name of an image file without its extension.

    >>> without_extension(Path("sub-01_T1w.nii.gz"))
    'sub-01_T1w'
    """
    ending = next((end for end in IMAGE_EXTENSIONS if path.name.lower().endswith(end)), "")
    return path.name[: len(path.name) - len(ending)]


def stem(path: Path) -> str:
    """Return the start of the names of all results of a scan: its file name without extension and suffix.

    Of contrasts other than T1w the suffix becomes the entity space, the image whose grid the results have:
    those of several scans of a session do not collide.

    >>> stem(Path("sub-01/anat/sub-01_T1w.nii.gz"))
    'sub-01'
    >>> stem(Path("sub-01/anat/sub-01_T2w.nii.gz"))
    'sub-01_space-T2w'
    >>> stem(Path("...nii"))  # no folder is to be named so
    'scan'
    """
    name, suffix = without_suffix(path), bids_suffix(path)
    if suffix not in (None, "T1w") and name != without_extension(path):
        return f"{name}_{suffix}" if "_space-" in name else f"{name}_space-{suffix}"
    return name if name.strip(".") else "scan"


def without_suffix(path: Path) -> str:
    """Return the name of an image without its extension and without the suffix of its contrast.

    >>> without_suffix(Path("sub-01_T2w.nii.gz"))
    'sub-01'
    """
    name = without_extension(path)
    for suffix in SUFFIXES:
        name = name.removesuffix(f"_{suffix}") or name
    return name


def stem_of_labels(path: Path) -> str:
    """Return the STEM of all results, from the name of the label map.

    >>> stem_of_labels(Path("sub-01_dseg.nii.gz"))
    'sub-01'
    """
    return stem(path).removesuffix("_dseg")


def bids_suffix(path: Path) -> str | None:
    """Return the BIDS suffix of a scan if it is that of a contrast, or None.

    >>> bids_suffix(Path("sub-01_FLAIR.nii.gz"))
    'FLAIR'
    """
    ending = path.name.split(".", maxsplit=1)[0].rpartition("_")[2]
    return ending if ending in SUFFIXES else None


def image_kind(path: Path) -> ImageKind | None:
    """Return the kind of an image by its BIDS suffix; None for a scan.

    >>> image_kind(Path("sub-01_desc-brain_mask.nii.gz"))
    'mask'
    """
    name = without_suffix(path)
    return next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), None)


def entity_value(path: Path) -> str:
    """Return the value of the entity label or desc in the name of an image; its stem if it has neither.

    >>> entity_value(Path("sub-01_label-GM_probseg.nii.gz"))
    'GM'
    """
    name = without_suffix(path)
    found = _DESCRIBED.search(name)
    return found[1] if found else name


def is_derived(path: Path) -> bool:
    """Return whether a name is that of a mask, a label map or a result rather than a scan.

    >>> is_derived(Path("sub-01_label-GM_probseg.nii.gz")), is_derived(Path("sub-01_T1w.nii.gz"))
    (True, False)
    """
    return bool(_DERIVED.search(without_suffix(path)))


def result_name(name: str, ending: str) -> str:
    """Return the name of a result of the scan whose `stem` is given."""
    return f"{name}_{ending}"


def stem_of_result(path: Path, ending: str) -> str | None:
    """Return STEM of a file named by `result_name` with this ending, or None if the ending differs."""
    return path.name.removesuffix(f"_{ending}") if path.name.endswith(f"_{ending}") else None


def required_files(name: str) -> list[str]:
    """List the files that every segmentation has, the sidecar last."""
    return [result_name(name, ending) for ending in REQUIRED]


def optional_patterns(name: str) -> list[str]:
    """List patterns of the files that only some segmentations have, and those that were edited by hand."""
    return [result_name(glob.escape(name), ending) for ending in (*OPTIONAL_PATTERNS, UNEDITED_PATTERN)]


def posterior_ending(abbreviation: str) -> str:
    """Return the ending of the posterior map of a tissue."""
    return f"label-{abbreviation}_probseg.nii.gz"


def corrected_ending(suffix: str, number: int = 1) -> str:
    """Return the ending of a bias-corrected scan; the number tells apart scans with one suffix.

    >>> corrected_ending("T1w"), corrected_ending("FLAIR", 2)
    ('desc-preproc_T1w.nii.gz', 'desc-preproc2_FLAIR.nii.gz')
    """
    return f"{CORRECTED}{number if number > 1 else ''}_{suffix}.nii.gz"


def lookup_table_ending(program: str) -> str:
    """Return the ending of the look-up table for a program.

    >>> lookup_table_ending("slicer")
    'dseg_lut-slicer.ctbl'
    """
    return f"dseg_lut-{program}.{lut_extension(program)}"


def sidecar_of(image: str) -> str:
    """Return the name of the JSON sidecar of an image.

    >>> sidecar_of("sub-01_desc-preproc_T1w.nii.gz")
    'sub-01_desc-preproc_T1w.json'
    """
    return f"{image.removesuffix('.nii.gz')}.json"
