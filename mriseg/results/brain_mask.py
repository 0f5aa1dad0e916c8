"""The brain mask of a scan as a result of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.brain.mask import find_brain
from mriseg.errors import OptionError
from mriseg.images.reading import as_volume
from mriseg.images.rim import without_rim
from mriseg.labels.contrasts import CONTRASTS
from mriseg.labels.tissues import AUTO
from mriseg.qc import verdict
from mriseg.template.contrast import detect_contrast

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.brain.mask import Brain
    from mriseg.images.reading import ImageSource
    from mriseg.images.volume import NiftiImage, Volume
    from mriseg.qc import QCWarning, Verdict
    from mriseg.template.registration import Registration


@dataclass(frozen=True, eq=False, repr=False)
class BrainMask:
    """The brain mask of a scan.

    Parameters
    ----------
    volume : Volume
        The scan.
    contrast : str
        Of the scan, given or detected.
    brain : Brain
        The mask in canonical orientation, its method, the similarity of the template, and the coordinates.
    warnings : tuple of QCWarning
        Of reading and of all checks; empty if nothing is doubtful.
    """

    volume: Volume
    contrast: str
    brain: Brain
    warnings: tuple[QCWarning, ...]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The mask on the grid of the scan's file, shape (X, Y, Z)."""
        return self.volume.to_scan_grid(self.brain.mask)

    @property
    def mask_image(self) -> NiftiImage:
        """The mask on the grid of the scan's file, 0 and 1; `mriseg.segment` takes it as ``mask``."""
        return self.volume.image_of(self.mask.astype(np.uint8), "label")

    @property
    def method(self) -> str:
        """How the mask was found."""
        return self.brain.method

    @property
    def ml(self) -> float:
        """Volume of the mask, mL."""
        return float(np.count_nonzero(self.brain.mask)) * self.volume.voxel_ml

    @property
    def verdict(self) -> Verdict:
        """The verdict, see `mriseg.qc.verdict`."""
        return verdict(self.warnings)

    def __repr__(self) -> str:
        return f"<BrainMask of {self.volume.path.name}: {self.ml:.0f} mL ({self.method}); {self.verdict}>"


def brain_mask(scan: ImageSource, contrast: str = AUTO, *, intracranial: bool = True) -> BrainMask:
    """Compute the brain mask of a whole head or of a stripped scan.

    Parameters
    ----------
    scan : str, Path, nibabel image or Volume
        As for `mriseg.segment`.
    contrast : {"auto", "t1", "t2", "pd", "flair", "t1-infant", "t2-infant"}
        Weighting of the scan; detected if not given, as `mriseg.segment` does.
    intracranial : bool
        Include the CSF in the sulci and around the brain, about up to the inner table of the skull, and down
        to the foramen magnum. Otherwise the mask ends at brain tissue; ventricles stay included. The mask of
        a stripped scan is its foreground in either case.

    Returns
    -------
    BrainMask

    Raises
    ------
    ImageError
        If the scan cannot be read.
    MaskError
        If no head is found in the scan.
    OptionError
        If the contrast is unknown.

    Examples
    --------
    >>> import mriseg, nibabel
    >>> found = mriseg.brain_mask("sub-01_T1w.nii.gz")  # doctest: +SKIP
    >>> nibabel.save(found.mask_image, "sub-01_mask.nii.gz")  # doctest: +SKIP
    """
    if contrast not in (AUTO, *CONTRASTS):
        raise OptionError(f"contrast is {contrast!r}; it must be one of {', '.join((AUTO, *CONTRASTS))}")
    volume = without_rim(as_volume(scan))
    registration: Registration | None = None
    doubts: tuple[QCWarning, ...] = ()
    if contrast == AUTO:
        contrast, registration, doubts = detect_contrast(volume)
    brain = find_brain(volume, contrast, intracranial=intracranial, registration=registration)
    return BrainMask(volume, contrast, brain, (*volume.warnings, *doubts, *brain.warnings))
