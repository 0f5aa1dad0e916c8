"""The packaged head template in MNI space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np

from mriseg.images.reading import load_map
from mriseg.template.constants import BRAIN_STEM_WM

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASSETS = ("head", "distance", "gm", "wm", "deep_grey", "brain_stem")


@dataclass(frozen=True, eq=False)
class Template:
    """A mean T1-weighted head in MNI space with its brain and tissue maps.

    Parameters
    ----------
    head : ndarray of float32, shape (X, Y, Z)
        T1-weighted intensities, arbitrary units.
    distance : ndarray of float32, shape (X, Y, Z)
        Signed distance in mm to the surface of the brain with the CSF around it, negative inside; exact up to
        some 25 mm.
    gm, wm : ndarray of float32, shape (X, Y, Z)
        Probability of GM and of WM, 0 to 1.
    deep_grey, brain_stem : ndarray of float32, shape (X, Y, Z)
        Share of each voxel, 0 to 1, that lies in thalamus, caudate, putamen, pallidum or accumbens, and in
        the brain stem.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices to MNI coordinates in mm.
    """

    head: NDArray[np.float32]
    distance: NDArray[np.float32]
    gm: NDArray[np.float32]
    wm: NDArray[np.float32]
    deep_grey: NDArray[np.float32]
    brain_stem: NDArray[np.float32]
    affine: NDArray[np.floating]

    @property
    def brain(self) -> NDArray[np.float32]:
        """Partial volume of the brain with the CSF around it in each voxel, 0 to 1."""
        share: NDArray[np.float32] = np.clip(0.5 - self.distance / np.float32(self.affine[2, 2]), 0, 1)
        return share

    @property
    def skull(self) -> NDArray[np.float32]:
        """Partial volume of the skull in each voxel, 0 to 1, assumed 1 to 7 mm outside the brain."""
        share: NDArray[np.float32] = np.clip(2 - np.abs(self.distance - np.float32(4)) / 2, 0, 1)
        return share

    @property
    def cortex(self) -> NDArray[np.float32]:
        """Probability of GM other than deep GM and the GM of the brain stem that is WM, 0 to 1."""
        return np.asarray((self.gm - self._white_of_stem) * (1 - self.deep_grey))

    @property
    def deep(self) -> NDArray[np.float32]:
        """Probability of deep GM, 0 to 1."""
        return np.asarray(self.deep_grey * (self.gm + self.wm))

    @property
    def white(self) -> NDArray[np.float32]:
        """Probability of WM with that of the brain stem, 0 to 1.

        The maps, made from intensities, call the brain stem half GM; labels by experts call it WM.
        """
        return np.asarray((self.wm + self._white_of_stem) * (1 - self.deep_grey))

    @property
    def _white_of_stem(self) -> NDArray[np.float32]:
        return np.asarray(np.float32(BRAIN_STEM_WM) * self.brain_stem * self.gm)

    @property
    def csf(self) -> NDArray[np.float32]:
        """Probability of CSF, 0 to 1: the brain less GM and WM."""
        csf: NDArray[np.float32] = np.maximum(self.brain - self.gm - self.wm, np.float32(0))
        return csf


@cache
def load_template() -> Template:
    """Read the packaged template; cached, with read-only arrays."""
    with as_file(files("mriseg") / "assets") as folder:
        volumes = [load_map(folder / f"{name}.nii.gz") for name in ASSETS]
    for volume in volumes:
        volume.data.flags.writeable = False
    head, distance, gm, wm, deep_grey, brain_stem = (volume.data for volume in volumes)
    return Template(head, distance, gm, wm, deep_grey, brain_stem, volumes[0].canonical_affine)
