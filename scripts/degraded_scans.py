"""Scans with known truth, damaged in known ways: what the verdict is learned from and measured on.

Every damage takes an array (X, Y, Z), its affine, the brain in it and a random generator, and returns an
array and its affine. `DAMAGES` lists them by kind, each in several strengths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from pathlib import Path

Damage = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Head:
    """A scan, its array and affine, labels that count as truth (0 where there are none), and its brain."""

    name: str
    data: np.ndarray
    affine: np.ndarray
    truth: np.ndarray
    brain: np.ndarray
    stripped: bool


def zooms_of(affine: np.ndarray) -> np.ndarray:
    """Return the voxel size, mm."""
    return np.linalg.norm(affine[:3, :3], axis=0)


def _level(data: np.ndarray) -> float:
    return float(np.percentile(data[data > 0], 95))


def _stripped_again(damaged, data):
    """Empty the background of a stripped scan, as damage comes before the strip."""
    return np.where(data > 0, damaged, 0) if (data == 0).mean() > 0.5 else damaged


def noise(data, affine, brain, rng, share):
    """Add Rician noise, as a share of bright tissue."""
    sd = share * _level(data)
    noisy = np.hypot(data + rng.normal(0, sd, data.shape), rng.normal(0, sd, data.shape))
    return _stripped_again(noisy, data), affine


def blur(data, affine, brain, rng, mm):
    """Blur by a Gaussian of this standard deviation, mm."""
    return ndimage.gaussian_filter(data, mm / zooms_of(affine)), affine


def motion(data, affine, brain, rng, degrees):
    """Take a part of k-space from a head that turned and moved."""
    moved = ndimage.shift(ndimage.rotate(data, degrees, axes=(0, 1), reshape=False, order=1),
                          rng.uniform(-1, 1, 3) * degrees / 2 / zooms_of(affine), order=1)  # fmt: skip
    return _then(data, moved, 1, rng), affine


def _then(data, moved, axis, rng):
    """Take the later lines of k-space along an axis from a head that has moved."""
    k, other = np.fft.fftn(data), np.fft.fftn(moved)
    begin = int(data.shape[axis] * rng.uniform(0.2, 0.4))
    later = (slice(None),) * axis + (slice(begin, None),)
    k[later] = other[later]
    return _stripped_again(np.abs(np.fft.ifftn(k)), data)


def shaking(data, affine, brain, rng, mm):
    """Shift the head by a random walk between lines of k-space."""
    k = np.fft.fftn(data)
    n = data.shape[1]
    walk = ndimage.gaussian_filter1d(rng.normal(size=n), 3)
    walk *= mm / zooms_of(affine)[1] / walk.std()
    shaken = np.abs(np.fft.ifftn(k * np.exp(-2j * np.pi * np.fft.fftfreq(n) * walk)[:, None]))
    return _stripped_again(shaken, data), affine


def nod(data, affine, brain, rng, degrees):
    """Take a part of k-space from a head that nodded, its lines along the third axis."""
    moved = ndimage.rotate(data, degrees, axes=(1, 2), reshape=False, order=1)
    return _then(data, moved, 2, rng), affine


def slices(data, affine, brain, rng, degrees):
    """Turn and shift each slice in its plane, as a head does that moves between slices."""
    damaged = np.empty_like(data)
    for z in range(data.shape[2]):
        turned = ndimage.rotate(data[:, :, z], rng.normal(0, degrees), reshape=False, order=1)
        shift = rng.normal(0, degrees / 2, 2) / zooms_of(affine)[:2]
        damaged[:, :, z] = ndimage.shift(turned, shift, order=1)
    return damaged, affine


def shuffled(data, affine, brain, rng, share):
    """Exchange a share of the slices with their next neighbours."""
    order = np.arange(data.shape[2])
    for z in range(0, len(order) - 1, 2):
        if rng.random() < share:
            order[[z, z + 1]] = order[[z + 1, z]]
    return data[:, :, order], affine


def ghost(data, affine, brain, rng, share):
    """Add a ghost half a field of view away."""
    ghostly = np.abs(data + share * np.roll(data, data.shape[1] // 2, axis=1))
    return _stripped_again(ghostly, data), affine


def spike(data, affine, brain, rng, share):
    """Add a wave, as a spike in k-space does."""
    grid = np.indices(data.shape).reshape(3, -1)
    wave = np.cos(2 * np.pi * (rng.uniform(0.05, 0.2, 3) @ grid)).reshape(data.shape)
    return np.abs(data + share * _level(data) * wave) * (data > 0), affine


def saturation(data, affine, brain, rng, percentile):
    """Cut off the values above a percentile of the brain."""
    return np.minimum(data, np.percentile(data[brain], percentile)), affine


def field(data, affine, brain, rng, sd):
    """Multiply by a smooth field, the standard deviation of its logarithm in the brain given."""
    x = (np.indices(data.shape).reshape(3, -1).T - np.argwhere(brain).mean(0)) / np.ptp(
        np.argwhere(brain), axis=0
    )
    design = np.column_stack([x, x**2, x[:, [0]] * x[:, [1]], x[:, [1]] * x[:, [2]]])
    log_field = (design @ rng.normal(size=design.shape[1])).reshape(data.shape)
    return data * np.exp((log_field - log_field[brain].mean()) * sd / log_field[brain].std()), affine


def thick(data, affine, brain, rng, mm, axis=2):
    """Average slices to this thickness along an axis."""
    factor = max(1, round(mm / zooms_of(affine)[axis]))
    n = data.shape[axis] // factor * factor
    moved = np.moveaxis(data, axis, 0)[:n].reshape(-1, factor, *np.delete(data.shape, axis)).mean(1)
    affine = affine.copy()
    affine[:3, 3] += affine[:3, axis] * (factor - 1) / 2
    affine[:3, axis] *= factor
    return np.moveaxis(moved, 0, axis), affine


def coarse(data, affine, brain, rng, mm):
    """Average voxels to this size along all axes."""
    for axis in range(3):
        data, affine = thick(data, affine, brain, rng, mm, axis)
    return data, affine


def crop(data, affine, brain, rng, mm):
    """Cut so many mm of the brain off at its top or bottom."""
    up = nib.orientations.io_orientation(affine)
    axis = int(np.flatnonzero(up[:, 0] == 2)[0])
    indices = np.argwhere(brain)[:, axis]
    cut = round(mm / zooms_of(affine)[axis])
    part = [slice(None)] * 3
    if rng.random() < 0.5:
        part[axis] = slice(int(indices.min()) + cut, None)
        affine = affine.copy()
        affine[:3, 3] += affine[:3, axis] * part[axis].start
    else:
        part[axis] = slice(None, int(indices.max()) - cut)
    return data[tuple(part)], affine


def strip(data, affine, brain, rng, mm):
    """Strip with a mask that is so many mm too wide, or too narrow if negative."""
    zooms = zooms_of(affine)
    distance = ndimage.distance_transform_edt(~brain, sampling=zooms) - ndimage.distance_transform_edt(
        brain, sampling=zooms
    )
    return np.where(distance <= mm, data, 0), affine


def curve(data, affine, brain, rng, exponent):
    """Raise to a power."""
    return np.maximum(data, 0) ** exponent, affine


def levels(data, affine, brain, rng, count):
    """Round to so many levels."""
    return np.round(data / data.max() * count), affine


def turned(data, affine, brain, rng, degrees):
    """Turn the head in its grid by linear interpolation, and the header with it."""
    angle = np.deg2rad(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    # About the middle of the grid and in mm, or the header were sheared.
    to_mm = np.diag([*zooms_of(affine), 1.0])
    to_mm[:3, 3] = -zooms_of(affine) * (np.array(data.shape) - 1) / 2
    matrix = np.linalg.inv(to_mm) @ turn @ to_mm
    return ndimage.affine_transform(data, matrix[:3, :3], matrix[:3, 3], order=1), affine @ matrix


def tumour(data, affine, brain, rng, ml):
    """Put a round lesion with the intensity of GM or of CSF into the brain."""
    inner = ndimage.distance_transform_edt(brain, sampling=zooms_of(affine)) > 15
    middle = rng.permutation(np.argwhere(inner))[0]
    radius = (3 * ml * 1000 / (4 * np.pi)) ** (1 / 3)
    offsets = (np.indices(data.shape).reshape(3, -1).T - middle) * zooms_of(affine)
    inside = (np.linalg.norm(offsets, axis=1) < radius).reshape(data.shape) & brain
    level = np.percentile(data[brain], rng.choice([10, 40, 99]))
    result = data.copy()
    result[inside] = level + rng.normal(0, 0.05 * level, int(inside.sum()))
    return result, affine


def plain(data, affine, brain, rng):
    """Leave the scan as it is."""
    return data, affine


def _several(function: Callable, *strengths: object) -> dict[str, Damage]:
    name = function.__name__
    return {f"{name} {strength}": partial(_call, function, strength) for strength in strengths}


def _call(function, strength, data, affine, brain, rng):
    return function(data, affine, brain, rng, strength)


DAMAGES: dict[str, dict[str, Damage]] = {
    "plain": {"plain": plain},
    "noise": _several(noise, 0.03, 0.06, 0.09, 0.12, 0.16, 0.22),
    "blur": _several(blur, 0.6, 1.0, 1.4, 1.8, 2.4, 3.0),
    "motion": _several(motion, 1, 2, 3, 5, 8),
    "shaking": _several(shaking, 0.3, 0.7, 1.5, 3.0),
    "nod": _several(nod, 2, 5, 8),
    "slices": _several(slices, 0.5, 1, 2, 4),
    "shuffled": _several(shuffled, 0.2, 1.0),
    "ghost": _several(ghost, 0.05, 0.1, 0.2, 0.4),
    "spike": _several(spike, 0.03, 0.08, 0.15, 0.3),
    "saturation": _several(saturation, 50, 65, 80, 92, 98),
    "field": _several(field, 0.1, 0.25, 0.45, 0.7),
    "thick": _several(thick, 2, 3, 5, 7),
    "coarse": _several(coarse, 2, 3, 4),
    "crop": _several(crop, 5, 15, 30, 50),
    "strip": _several(strip, -6, -3, 0, 4, 8, 12),
    "curve": _several(curve, 0.5, 0.75, 1.5, 2.0),
    "levels": _several(levels, 16, 32, 64, 200),
    "turned": _several(turned, 5, 20, 45),
    "tumour": _several(tumour, 10, 40, 100),
}


def on_grid_of(
    labels: np.ndarray, affine: np.ndarray, shape: tuple[int, ...], onto: np.ndarray
) -> np.ndarray:
    """Sample labels at the nearest voxel of each voxel of another grid; 0 beyond."""
    matrix = np.linalg.inv(affine) @ onto
    return ndimage.affine_transform(
        labels, matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=0, cval=0
    )


def heads(folder: Path) -> list[Head]:
    """Return the scans of a data folder that have a truth."""
    found = []
    for scan in sorted(folder.glob("bids/sub-*/anat/*_T1w.nii.gz")):
        name = scan.name.removesuffix("_T1w.nii.gz").removeprefix("sub-")
        truth = folder / "truth" / f"sub-{name}" / f"sub-{name}_dseg.nii.gz"
        if not truth.exists():
            continue
        image = nib.load(scan)
        data = np.asarray(image.get_fdata(dtype=np.float32)).squeeze()
        mask = truth.with_name(f"sub-{name}_desc-brain_mask.nii.gz")
        stripped = not mask.exists()
        labels, brain = (
            on_grid_of(
                np.asarray(file.dataobj).squeeze().astype(np.uint8), file.affine, data.shape, image.affine
            )
            for file in map(nib.load, (truth, truth if stripped else mask))
        )
        brain = data > 0 if stripped else brain > 0
        found.append(Head(name, data, image.affine, labels, brain, stripped))
    return found
