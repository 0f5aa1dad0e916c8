"""A further scan of the same head, of any contrast, on the grid of the first.

The headers say where the two lie. They are wrong where the head moved between the scans, so a rigid motion is
sought that maximises the mutual information of the two [1]_, as a share of their joint entropy, which does
not depend on how far they overlap [2]_. Powell's method climbs from coarse to fine. Both scans are sampled at
points on no grid: on one, mutual information would peak wherever the voxels of the two meet [3]_.

References
----------
.. [1] Maes F et al. (1997). Multimodality image registration by maximization of mutual information. IEEE
   Trans Med Imaging 16:187-198.
.. [2] Studholme C, Hill DLG, Hawkes DJ (1999). An overlap invariant entropy measure of 3D medical image
   alignment. Pattern Recognition 32:71-86.
.. [3] Thevenaz P, Bierlaire M, Unser M (2008). Halton sampling for image registration based on mutual
   information. Sampl Theory Signal Image Process 7:141-171.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import entr

from mriseg._utils.parallel import parallel_chunks
from mriseg.channels.constants import (
    BRAIN_SAMPLING,
    HISTOGRAM_BINS,
    HISTOGRAM_PERCENTILES,
    MATRIX_DECIMALS,
    MAX_MOTION_MM,
    MAX_ROTATION_DEGREES,
    MIN_CONSTANT_BACKGROUND,
    MIN_COVERAGE,
    MIN_INFORMATION_RATIO,
    MIN_MOTION_MM,
    MIN_MOTION_VOXELS,
    MIN_SMOOTHED_RATIO,
    POWELL_FTOL,
    POWELL_XTOL,
    REFINEMENT_LEVELS,
    REPORTED_MOTION_MM,
    ROTATION_RADIUS_MM,
    SAMPLING_MARGIN_MM,
)
from mriseg.errors import ImageError
from mriseg.images.background import background_intensity
from mriseg.images.volume import same_grid
from mriseg.images.voxels import FWHM_TO_SIGMA, bounding_box, coarsen

if TYPE_CHECKING:
    from mriseg.images.volume import Volume

Floats = NDArray[np.floating]
Scan = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Planes that are resampled at a time.
_PLANES = 16


@dataclass(frozen=True, eq=False)
class Alignment:
    """A further scan on the grid of the first.

    Parameters
    ----------
    data : ndarray of float32, shape (X, Y, Z)
        Its intensities; its background where it has no data.
    covered : ndarray of bool, shape (X, Y, Z)
        Where it has data.
    overlap : float
        Share of the brain that it covers, 0 to 1.
    facts : dict
        For the sidecar: ``Method`` ("same grid", "headers" or "headers, refined by mutual information"),
        ``Overlap`` and, on another grid, the ``Refinement`` that was found, applied or not: how far it moves
        the brain (root mean square, mm) and turns it (degrees), the mutual information before and after as a
        share of the joint entropy (0 to 1), and the matrix from the scan's world to the channel's, mm.
    warnings : tuple of str
        What is odd about it, in plain words that follow its name.
    """

    data: Scan
    covered: Mask
    overlap: float
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Refinement:
    """A rigid motion (4, 4) from the scan's world to the channel's, mm, and what it does to the brain."""

    matrix: Floats
    moved_mm: float
    turned_degrees: float
    before: float
    after: float
    clear: bool

    @property
    def applies(self) -> bool:
        plausible = self.moved_mm <= MAX_MOTION_MM and self.turned_degrees <= MAX_ROTATION_DEGREES
        return self.clear and plausible

    def facts(self) -> dict[str, Any]:
        return {
            "Applied": self.applies,
            "MovedMM": round(self.moved_mm, 3),
            "TurnedDegrees": round(self.turned_degrees, 3),
            "MutualInformationBefore": round(self.before, 6),
            "MutualInformationAfter": round(self.after, 6),
            "ScanToChannel": self.matrix.tolist(),
        }

    def warnings(self) -> tuple[str, ...]:
        way = f"{self.moved_mm:.1f} mm and {self.turned_degrees:.1f} degrees"
        if self.clear and not self.applies:
            return (f"does not seem to fit the first scan: it lies {way} off, too far to be moved there",)
        if self.applies and self.moved_mm > REPORTED_MOTION_MM:
            return (f"was moved by {way} to fit the first scan; see whether the two lie on one another",)
        return ()


def align(channel: Volume, volume: Volume, mask: Mask) -> Alignment:
    """Bring a further scan of the same head to the grid of the first.

    On the same grid it is taken as it is. On another it is resampled by the headers, linearly, after the
    motion that maximises mutual information (Maes et al. 1997; normalised: Studholme et al. 1999) where that
    is clear and plausible: a correct header is not disturbed.

    Parameters
    ----------
    channel : Volume
        In any contrast, on any grid.
    volume : Volume
        The first scan, of shape (X, Y, Z).
    mask : ndarray of bool, shape (X, Y, Z)
        The brain in the first scan; not empty.

    Returns
    -------
    Alignment

    Raises
    ------
    ImageError
        If the channel covers less than half of the brain, or is empty there.
    """
    brain = _placed(volume.affine, np.argwhere(mask)[::BRAIN_SAMPLING].T)
    _refuse_elsewhere(channel, volume, brain)
    if same_grid(channel, volume):
        facts = {"Method": "same grid", "Overlap": 1.0}
        return Alignment(channel.data, np.ones(mask.shape, dtype=np.bool_), 1.0, facts)
    found = _refine(channel, volume, mask, brain)
    motion = found.matrix if found.applies else np.eye(4)
    data, covered = _resampled(channel, np.linalg.inv(channel.affine) @ motion @ volume.affine, mask.shape)
    overlap = float(covered[mask].mean())
    method = "headers, refined by mutual information" if found.applies else "headers"
    facts = {"Method": method, "Overlap": round(overlap, 6), "Refinement": found.facts()}
    return Alignment(data, covered, overlap, facts, found.warnings())


def _placed(affine: Floats, points: NDArray[Any]) -> Floats:
    """Apply an affine (4, 4) to points (3, N); a matrix product's last digits depend on its threads."""
    x, y, z = points
    return np.asarray(affine[:3, :1] * x + affine[:3, 1:2] * y + affine[:3, 2:3] * z + affine[:3, 3:4])


def _refuse_elsewhere(channel: Volume, volume: Volume, brain: Floats) -> None:
    values, inside = _sampled(channel.data, channel.affine, brain)
    shown = inside & (values != background_intensity(channel.data)[0])
    rest = f"the brain in {volume.path.name}; give a scan of the same session, or register it first"
    if inside.mean() < MIN_COVERAGE:
        raise ImageError(f"{channel.path}: covers {inside.mean():.0%} of {rest}")
    if shown.mean() < MIN_COVERAGE or np.ptp(values[shown]) == 0:
        raise ImageError(f"{channel.path}: shows nothing in most of {rest}")


def _sampled(data: Scan, affine: Floats, points: Floats) -> tuple[Floats, Mask]:
    """Interpolate a volume at points in the world (3, N); tell which of them lie in it."""
    places = _placed(np.linalg.inv(affine), points)
    last = np.reshape(data.shape, (3, 1)) - 0.5
    inside: Mask = np.all((places >= -0.5) & (places <= last), axis=0)
    return ndimage.map_coordinates(data, places, order=1, mode="nearest"), inside


def _resampled(channel: Volume, to_channel: Floats, shape: tuple[int, ...]) -> tuple[Scan, Mask]:
    """Bring a channel to a grid whose voxels `to_channel` (4, 4) takes to its own; tell where it has data."""
    background, share = background_intensity(channel.data)
    carried = _signal_alone if share > MIN_CONSTANT_BACKGROUND else _carried
    resampled = carried(channel.data - background, to_channel, shape) + background
    covered = _covered(channel.data.shape, to_channel, shape)
    resampled[~covered] = background
    return resampled, covered


def _signal_alone(data: Scan, to_channel: Floats, shape: tuple[int, ...]) -> Scan:
    """Resample what is not 0 and nothing else: an edge that is blended with 0 looks like another tissue."""
    signal = _carried((data != 0).astype(np.float32), to_channel, shape)
    seen = signal > 0.5
    return np.divide(_carried(data, to_channel, shape), signal, out=np.zeros_like(signal), where=seen)


def _carried(data: Scan, to_channel: Floats, shape: tuple[int, ...]) -> Scan:
    """Resample linearly, smoothed first along the axes on which the grid cannot hold what the data can."""
    turn, carried = to_channel[:3, :3], np.empty(shape, dtype=np.float32)
    widths = np.linalg.norm(turn, axis=1)
    sigmas = np.where(widths > MIN_SMOOTHED_RATIO, np.sqrt(np.maximum(widths**2 - 1, 0)) * FWHM_TO_SIGMA, 0)
    smoothed = ndimage.gaussian_filter(data, sigmas, mode="nearest") if sigmas.any() else data

    def fill(part: slice) -> None:
        planes, begin = carried[part], to_channel[:3, 3] + turn[:, 0] * part.start
        ndimage.affine_transform(smoothed, turn, begin, planes.shape, planes, order=1, mode="nearest")

    parallel_chunks(fill, len(carried), _PLANES)
    return carried


def _covered(channel_shape: tuple[int, ...], to_channel: Floats, shape: tuple[int, ...]) -> Mask:
    """Mark the voxels of a grid whose centre lies in a voxel of the channel."""
    covered = np.ones(shape, dtype=np.bool_)
    x, y, z = np.ogrid[tuple(map(slice, shape))]

    def mark(part: slice) -> None:
        for row, length in zip(to_channel[:3], channel_shape, strict=True):
            place = row[0] * x[part] + row[1] * y + row[2] * z + row[3]
            covered[part] &= (place >= -0.5) & (place <= length - 0.5)

    parallel_chunks(mark, len(covered), _PLANES)
    return covered


@dataclass(frozen=True, eq=False)
class _Level:
    """Two scans at one spacing: points (3, N) in the world, the bins of the first there (N,), the channel."""

    points: Floats
    bins: NDArray[np.intp]
    data: Scan
    affine: Floats
    tails: Floats
    least: int

    def information(self, matrix: Floats) -> float:
        """Return how much the scans tell about one another under a motion (4, 4) of the points."""
        values, inside = _sampled(self.data, self.affine, _placed(matrix, self.points))
        if np.count_nonzero(inside) < self.least:
            return 0.0
        return _mutual_share(_joint_histogram(self.bins[inside], _scaled(values[inside], self.tails)))


def _refine(channel: Volume, volume: Volume, mask: Mask, brain: Floats) -> _Refinement:
    """Look for the rigid motion under which two scans tell most about one another."""
    centre, parameters = brain.mean(axis=1), np.zeros(6)
    for spacing, count, step in REFINEMENT_LEVELS:
        level = _level(channel, volume, mask, spacing, count)
        parameters = _climb(level, centre, parameters, step)
    matrix = np.round(_rigid(parameters, centre), MATRIX_DECIMALS)  # what is recorded is what is applied
    turned = float(np.rad2deg(np.linalg.norm(parameters[3:]) / ROTATION_RADIUS_MM))
    moved = float(np.sqrt(np.mean(((_placed(matrix, brain) - brain) ** 2).sum(axis=0))))
    before, after = level.information(np.eye(4)), level.information(matrix)
    edge = max(float(np.prod(scan.zooms)) ** (1 / 3) for scan in (channel, volume))
    far_enough = moved >= max(MIN_MOTION_MM, MIN_MOTION_VOXELS * edge)
    return _Refinement(
        matrix, moved, turned, before, after, far_enough and after > MIN_INFORMATION_RATIO * before
    )


def _climb(level: _Level, centre: Floats, start: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Maximise the information by Powell's method, from `start` (6,)."""
    from scipy import optimize

    def loss(parameters: Floats) -> float:
        return -level.information(_rigid(parameters, centre))

    options = {"direc": step * np.eye(6), "xtol": POWELL_XTOL, "ftol": POWELL_FTOL}
    return np.asarray(optimize.minimize(loss, start, method="Powell", options=options).x)


def _rigid(parameters: Floats, centre: Floats) -> Floats:
    """Turn by the last three parameters about a centre, and move by the first three (mm); (4, 4)."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(parameters[3:] / ROTATION_RADIUS_MM).as_matrix()
    matrix[:3, 3] = centre + parameters[:3] - matrix[:3, :3] @ centre
    return matrix


def _level(channel: Volume, volume: Volume, mask: Mask, spacing: float, count: int) -> _Level:
    points = _placed(volume.affine, _scattered(mask, volume.zooms, count))
    scan, _ = _sampled(*coarsen(volume.data, volume.affine, spacing), points)
    data, affine = coarsen(channel.data, channel.affine, spacing)
    values, inside = _sampled(data, affine, points)
    bins = np.rint(_scaled(scan, np.percentile(scan, HISTOGRAM_PERCENTILES))).astype(np.intp)
    least = round(MIN_COVERAGE * np.count_nonzero(inside))
    return _Level(points, bins, data, affine, np.percentile(values[inside], HISTOGRAM_PERCENTILES), least)


def _scattered(mask: Mask, zooms: Floats, count: int) -> Floats:
    """Spread points evenly, on no grid, over the box around a mask; voxel coordinates (3, N).

    The parts behind the point of multiples of the powers of 1 / r, where r^4 = r + 1, leave no large gaps.
    """
    last, margin = np.array(mask.shape) - 1.0, SAMPLING_MARGIN_MM / zooms
    ends = np.array([(side.start, side.stop - 1) for side in bounding_box(mask)])
    low, high = np.maximum(ends[:, 0] - margin, 0), np.minimum(ends[:, 1] + margin, last)
    spread = np.outer(1.2207440846057596 ** -np.arange(1.0, 4), np.arange(1, count + 1)) % 1
    return np.asarray(low[:, None] + (high - low)[:, None] * spread)


def _scaled(values: Floats, tails: Floats) -> Floats:
    """Scale intensities to the bins of a histogram, 0 to the last, the tails cut."""
    low, high = tails.tolist()
    scale = (HISTOGRAM_BINS - 1) / max(high - low, 1e-30)
    return np.asarray(np.clip((values - low) * scale, 0, HISTOGRAM_BINS - 1))


def _joint_histogram(bins: NDArray[np.intp], scaled: Floats) -> Floats:
    """Count pairs of bins; a scaled intensity counts in both bins around it, so that counts are smooth."""
    below = np.minimum(scaled.astype(np.intp), HISTOGRAM_BINS - 2)
    share, cell = scaled - below, bins * HISTOGRAM_BINS + below
    counts = np.bincount(cell, 1 - share, HISTOGRAM_BINS**2) + np.bincount(cell + 1, share, HISTOGRAM_BINS**2)
    return np.asarray(counts.reshape(HISTOGRAM_BINS, HISTOGRAM_BINS))


def _mutual_share(counts: Floats) -> float:
    """Return the mutual information of a joint histogram as a share of its entropy, 0 to 1."""
    joint = counts / counts.sum()
    both, first, second = (float(entr(p).sum()) for p in (joint, joint.sum(axis=0), joint.sum(axis=1)))
    return (first + second) / both - 1 if both > 0 else 0.0
