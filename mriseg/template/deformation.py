"""Deformation of the template, smooth and of few parameters, by the likelihood of the tissues.

The template's maps at a place m in MNI space are taken from m + u(m). The displacement u is a sum of products
of cosines with coefficients c, as in [1]_; they maximise

    sum_n V log sum_k l_nk t_k(m_n + u(m_n)) - 1/2 sum_i (s |w_i|)^4 |c_i|^2                               (1)

with l_nk the likelihood of the intensity of sample n, of V mL, in tissue k, t_k the template's probability
of it, and w_i the frequency of cosine i in radians per mm: the penalty is the bending energy, with a
stiffness s. The optimisation is L-BFGS.

References
----------
.. [1] Ashburner J, Friston KJ (2005). Unified segmentation. NeuroImage 26:839-851.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from mriseg.images.voxels import bounding_box
from mriseg.template.constants import (
    DEFORMATION_DECIMALS,
    DEFORMATION_ITERATIONS,
    DEFORMATION_MARGIN_MM,
    DEFORMATION_MIN_PROBABILITY,
    DEFORMATION_SPACING_MM,
    DEFORMATION_STIFFNESS_MM,
    DEFORMATION_TOLERANCE,
    DEFORMATION_WAVE_MM,
    SHIFT_STIFFNESS,
)
from mriseg.template.head import load_template

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Deformation:
    """A displacement in the template's box around the brain.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (3, I, J, K)
        Of the cosines, for the displacement along x, y and z, mm.
    """

    coefficients: Floats

    def deformed(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an array on the grid of the template, deformed in the box around the brain."""
        result, box = array.copy(), _box().slices
        result[box] = ndimage.map_coordinates(array[box], self._voxels, order=1, mode="nearest")
        return result

    def taken_from(self, voxels: Floats) -> Floats:
        """Return where points of the template, voxels (N, 3), are taken from: the same outside the box."""
        box = _box()
        inner = voxels - [side.start for side in box.slices]
        inside = ((inner >= 0) & (inner <= np.array(box.shape) - 1)).all(axis=1)
        moved = voxels.astype(np.float64)
        for axis, source in enumerate(self._voxels):
            found = ndimage.map_coordinates(source, inner[inside].T, order=1, mode="nearest")
            moved[inside, axis] = found + box.slices[axis].start
        return moved

    @cached_property
    def _voxels(self) -> NDArray[np.float32]:
        """Where each voxel of the box is taken from, shape (3, X, Y, Z)."""
        box = _box()
        waves = [_cosines(np.arange(n), n, size) for n, size in zip(box.shape, _sizes(), strict=True)]
        displacement = _summed("aijk,xi,yj,zk->axyz", self.coefficients, *waves)
        return np.asarray(np.indices(box.shape) + displacement / box.zooms[:, None, None, None], np.float32)


class Samples(NamedTuple):
    """Places of the template and the voxels of a scan there.

    Voxel indices in the template's box (M, 3) and in the scan (M, 3), and the volume of each sample in the
    scan, mL.
    """

    places: NDArray[np.intp]
    voxels: NDArray[np.intp]
    ml: float


def samples_of(mask: NDArray[np.bool_], mni_to_voxels: Floats, voxel_ml: float) -> Samples:
    """Sample a brain on a grid of the template.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        The brain in the scan.
    mni_to_voxels : ndarray of float64, shape (4, 4)
        MNI coordinates, mm, to voxel indices of the scan.
    voxel_ml : float
        Volume of a voxel of the scan, mL.

    Returns
    -------
    Samples
    """
    template, box = load_template(), _box()
    steps = np.maximum(1, np.round(DEFORMATION_SPACING_MM / box.zooms)).astype(int)
    first = (np.array(box.shape) - 1) % steps // 2  # as far from both ends
    coarse = tuple(slice(start, None, step) for start, step in zip(first, steps, strict=True))
    places = np.argwhere(template.distance[box.slices][coarse] < DEFORMATION_MARGIN_MM) * steps + first
    to_voxels = mni_to_voxels @ template.affine
    corner = np.array([side.start for side in box.slices])
    voxels = np.rint((places + corner) @ to_voxels[:3, :3].T + to_voxels[:3, 3]).astype(np.intp)
    inside = ((voxels >= 0) & (voxels < mask.shape)).all(axis=1)
    inside[inside] = mask[tuple(voxels[inside].T)]
    sample_voxels = abs(float(np.linalg.det(to_voxels[:3, :3]))) * float(np.prod(steps))
    return Samples(places[inside], voxels[inside], sample_voxels * voxel_ml)


def prepare_deformation() -> None:
    """Load and derive what `deformation_of` needs, beforehand."""
    _maps()
    import_module("scipy.optimize")


def deformation_of(samples: Samples, likelihoods: Floats) -> Deformation | None:
    """Deform the template to where its tissues are likely in a scan, by (1).

    Parameters
    ----------
    samples : Samples
    likelihoods : ndarray of float64, shape (4, M)
        Of the intensity of each sample in CSF, cortical GM, deep GM and WM, in any common unit.

    Returns
    -------
    Deformation or None
        None if no deformation raises the penalised likelihood.
    """
    from scipy.optimize import minimize  # takes .2 s to load

    objective = _Objective(samples, likelihoods)
    start = np.zeros(3 * objective.scale.size)
    options = {"maxiter": DEFORMATION_ITERATIONS, "ftol": DEFORMATION_TOLERANCE}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    if not found.fun < objective(start)[0]:
        return None
    return Deformation(np.round(objective.coefficients(found.x), DEFORMATION_DECIMALS) + 0.0)


class _Objective:
    """The objective (1), negative, of coefficients in units of their standard deviation by the penalty."""

    def __init__(self, samples: Samples, likelihoods: Floats) -> None:
        self.samples = samples
        self.likelihoods = likelihoods
        self.box = _box()
        self.scale = 1 / np.sqrt(_stiffness())
        self.waves = [
            _cosines(np.unique(column), n, size)
            for column, n, size in zip(samples.places.T, self.box.shape, _sizes(), strict=True)
        ]
        x, y, z = (np.unique(column, return_inverse=True)[1] for column in samples.places.T)
        self.at = (slice(None), x, y, z)

    def coefficients(self, variables: Floats) -> Floats:
        """Return the coefficients, mm, shape (3, I, J, K)."""
        return np.asarray(variables.reshape(3, *self.scale.shape) * self.scale)

    def __call__(self, variables: Floats) -> tuple[float, Floats]:
        """Return the value and its gradient, shape (P,)."""
        shift = _summed("aijk,xi,yj,zk->axyz", self.coefficients(variables), *self.waves)[self.at]
        places = self.samples.places.T + shift / self.box.zooms[:, None]
        mixed, slopes = _mixed(_maps(), places, self.likelihoods)
        by_place = np.zeros((3, *(len(wave) for wave in self.waves)))
        by_place[self.at] = slopes / self.box.zooms[:, None] / mixed * self.samples.ml
        rise = _summed("axyz,xi,yj,zk->aijk", by_place, *self.waves) * self.scale
        value = 0.5 * variables @ variables - self.samples.ml * np.log(mixed).sum()
        return float(value), variables - rise.ravel()


def _summed(subscripts: str, *operands: Floats) -> Floats:
    return np.asarray(np.einsum(subscripts, *operands, optimize=True))


def _mixed(
    maps: NDArray[np.float32], places: Floats, likelihoods: Floats
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mix likelihoods (K, M) by the maps (X, Y, Z, K) at places (3, M), voxels.

    The maps are coefficients of quadratic splines: splines that smooth stay probabilities, and have a
    gradient everywhere, unlike linear interpolation. Returns the mixed likelihoods, shape (M,), and their
    gradient by the place, shape (3, M).
    """
    nearest = np.rint(places).astype(np.intp)
    past = places - nearest
    weights = np.stack([0.5 * (0.5 - past) ** 2, 0.75 - past**2, 0.5 * (0.5 + past) ** 2])
    slopes = np.stack([past - 0.5, -2 * past, past + 0.5])
    sides = zip(nearest, maps.shape, strict=False)
    rows = [np.clip(near + np.arange(-1, 2)[:, None], 0, length - 1) for near, length in sides]
    flat, strides = maps.reshape(-1, maps.shape[-1]), (maps.shape[1] * maps.shape[2], maps.shape[2], 1)
    x, y, z = (row * stride for row, stride in zip(rows, strides, strict=True))
    at = (x[:, None, None] + y[:, None] + z).reshape(27, -1)
    by_sample = np.ascontiguousarray(likelihoods.T, dtype=np.float32)
    around = np.stack([np.einsum("mk,mk->m", flat[row], by_sample) for row in at]).reshape(3, 3, 3, -1)
    along_z, slope_z = (np.einsum("ijkm,km->ijm", around, by[:, 2]) for by in (weights, slopes))
    along_yz, slope_y = (np.einsum("ijm,jm->im", along_z, by[:, 1]) for by in (weights, slopes))
    slope_z = np.einsum("ijm,jm->im", slope_z, weights[:, 1])
    mixed = np.einsum("im,im->m", along_yz, weights[:, 0])
    gradient = [
        np.einsum("im,im->m", array, by[:, 0])
        for array, by in ((along_yz, slopes), (slope_y, weights), (slope_z, weights))
    ]
    return mixed, np.stack(gradient)


class _Box(NamedTuple):
    """The box of the template around the brain: slices, shape, and voxel size in mm (3,)."""

    slices: tuple[slice, ...]
    shape: tuple[int, ...]
    zooms: Floats


@cache
def _box() -> _Box:
    template = load_template()
    slices = bounding_box(template.distance < DEFORMATION_MARGIN_MM)
    zooms = np.linalg.norm(template.affine[:3, :3], axis=0)
    return _Box(slices, template.distance[slices].shape, zooms)


def _sizes() -> tuple[int, ...]:
    """Return the number of cosines along each axis, the constant included."""
    box = _box()
    return tuple(
        int(2 * n * zoom / DEFORMATION_WAVE_MM) + 1 for n, zoom in zip(box.shape, box.zooms, strict=True)
    )


def _cosines(indices: NDArray[np.intp], length: int, size: int) -> Floats:
    """Return the cosines of an axis at indices (N,), of mean square 1 over its length; shape (N, size)."""
    waves = np.cos(np.pi * np.outer(indices + 0.5, np.arange(size)) / length)
    waves[:, 1:] *= np.sqrt(2)
    return np.asarray(waves)


@cache
def _stiffness() -> Floats:
    """Factors of the penalty in (1), shape (I, J, K)."""
    box = _box()
    frequencies = [
        np.pi * np.arange(size) / (n * zoom)
        for size, n, zoom in zip(_sizes(), box.shape, box.zooms, strict=True)
    ]
    squares = sum(np.meshgrid(*(frequency**2 for frequency in frequencies), indexing="ij"))
    return np.asarray(DEFORMATION_STIFFNESS_MM**4 * squares**2 + SHIFT_STIFFNESS)


@cache
def _maps() -> NDArray[np.float32]:
    """Probabilities of CSF, cortical GM, deep GM and WM in the box, shape (X, Y, Z, 4)."""
    template, box = load_template(), _box()
    cortex, deep, white = template.cortex, template.deep, template.white
    csf = np.maximum(1 - cortex - deep - white, 0)
    maps = np.stack([tissue[box.slices] for tissue in (csf, cortex, deep, white)], axis=-1)
    floored = np.maximum(maps, np.float32(DEFORMATION_MIN_PROBABILITY))
    return np.ascontiguousarray(floored / floored.sum(axis=-1, keepdims=True))
