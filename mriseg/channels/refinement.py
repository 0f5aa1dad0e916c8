"""Estimation of the rigid motion between two scans of a head by maximisation of mutual information.

The mutual information of the scans [1]_ is taken as a share of their joint entropy, which is invariant to
their overlap [2]_, and maximised with Powell's method as in [1]_, coarse to fine. Both scans are sampled at
quasi-random points: on a grid, interpolation artefacts give mutual information local maxima wherever the
voxels of the scans coincide [3]_.

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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from mriseg.channels.constants import (
    HISTOGRAM_BINS,
    HISTOGRAM_PERCENTILES,
    MATRIX_DECIMALS,
    MAX_MOTION_MM,
    MAX_ROTATION_DEGREES,
    MIN_COVERAGE,
    MIN_INFORMATION_RATIO,
    MIN_MOTION_MM,
    MIN_MOTION_VOXELS,
    POWELL_FTOL,
    POWELL_XTOL,
    REFINEMENT_LEVELS,
    REPORTED_MOTION_MM,
    ROTATION_RADIUS_MM,
    SAMPLING_MARGIN_MM,
)
from mriseg.images.resampling import sample_at, transform_points
from mriseg.images.voxels import bounding_box, coarsen
from mriseg.qc import QCWarning, look_closely

if TYPE_CHECKING:
    from mriseg.images.volume import Volume

Floats = NDArray[np.floating]
Scan = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Refinement:
    """An estimated rigid motion.

    Parameters
    ----------
    matrix : ndarray of float64, shape (4, 4)
        World coordinates of the scan to those of the channel, mm.
    moved_mm : float
        Root mean square displacement of the brain, mm.
    turned_degrees : float
        Angle of the rotation.
    before, after : float
        Mutual information as a share of the joint entropy, 0 to 1, without and with the motion.
    significant : bool
        Whether motion and gain are larger than sequences differ without any motion.
    """

    matrix: Floats
    moved_mm: float
    turned_degrees: float
    before: float
    after: float
    significant: bool

    @property
    def applies(self) -> bool:
        """Whether the motion is significant and of a plausible size."""
        plausible = self.moved_mm <= MAX_MOTION_MM and self.turned_degrees <= MAX_ROTATION_DEGREES
        return self.significant and plausible

    def facts(self) -> dict[str, Any]:
        """Return the entries of the sidecar."""
        return {
            "Applied": self.applies,
            "MovedMM": round(self.moved_mm, 3),
            "TurnedDegrees": round(self.turned_degrees, 3),
            "MutualInformationBefore": round(self.before, 6),
            "MutualInformationAfter": round(self.after, 6),
            "ScanToChannel": self.matrix.tolist(),
        }

    def warnings(self) -> tuple[QCWarning, ...]:
        """Return warnings of implausible and of large motions."""
        motion = f"{self.moved_mm:.1f} mm and {self.turned_degrees:.1f} degrees"
        if self.significant and not self.applies:
            far = (
                f"does not seem to fit the first scan: it lies {motion} off, too far to be moved there, and "
                "tissues are wrong where the two disagree; see that both are of one session, or leave it out"
            )
            return (look_closely("channel-far-off", far),)
        if self.applies and self.moved_mm > REPORTED_MOTION_MM:
            moved = f"was moved by {motion} to fit the first scan; see whether the two lie on one another"
            return (look_closely("channel-moved", moved),)
        return ()


def refine(channel: Volume, volume: Volume, mask: Mask, brain: Floats) -> Refinement:
    """Estimate the rigid motion that maximises the mutual information of two scans, coarse to fine.

    Parameters
    ----------
    channel : Volume
        In any contrast, on any grid.
    volume : Volume
        The first scan, of shape (X, Y, Z).
    mask : ndarray of bool, shape (X, Y, Z)
        The brain in the first scan; not empty.
    brain : ndarray of float64, shape (3, N)
        Points of the brain over which the motion is measured; world coordinates of the first scan, mm.

    Returns
    -------
    Refinement
    """
    centre, parameters = brain.mean(axis=1), np.zeros(6)
    for spacing, count, step in REFINEMENT_LEVELS:
        level = _level(channel, volume, mask, spacing, count)
        parameters = _maximise_information(level, centre, parameters, step)
    # Rounded before it is applied, so that the matrix of the sidecar is the one applied.
    matrix = np.round(_rigid_matrix(parameters, centre), MATRIX_DECIMALS)
    turned = float(np.rad2deg(np.linalg.norm(parameters[3:]) / ROTATION_RADIUS_MM))
    moved = float(np.sqrt(np.mean(((transform_points(matrix, brain) - brain) ** 2).sum(axis=0))))
    before, after = level.information(np.eye(4)), level.information(matrix)
    edge = max(float(np.prod(scan.zooms)) ** (1 / 3) for scan in (channel, volume))
    far_enough = moved >= max(MIN_MOTION_MM, MIN_MOTION_VOXELS * edge)
    return Refinement(
        matrix, moved, turned, before, after, far_enough and after > MIN_INFORMATION_RATIO * before
    )


@dataclass(frozen=True, eq=False)
class _Level:
    """Samples of the scan and the channel to interpolate, at one spacing.

    Parameters
    ----------
    points : ndarray of float64, shape (3, N)
        World coordinates of the scan, mm.
    bins : ndarray of int, shape (N,)
        Histogram bins of the scan's intensities at the points.
    data : ndarray of float32, shape (U, V, W)
        Intensities of the channel.
    affine : ndarray of float64, shape (4, 4)
        Voxel indices of the channel to its world coordinates, mm.
    tails : ndarray of float64, shape (2,)
        Intensities of the channel that the first and last bin stand for.
    min_points : int
        Least number of points inside the channel.
    """

    points: Floats
    bins: NDArray[np.intp]
    data: Scan
    affine: Floats
    tails: Floats
    min_points: int

    def information(self, matrix: Floats) -> float:
        """Return the mutual information under a rigid motion (4, 4), as a share of the joint entropy."""
        values, inside = sample_at(self.data, self.affine, transform_points(matrix, self.points))
        if np.count_nonzero(inside) < self.min_points:
            return 0.0
        scaled = _scale_to_bins(values[inside], self.tails)
        return _normalised_information(_joint_histogram(self.bins[inside], scaled))


def _maximise_information(
    level: _Level, centre: Floats, start: NDArray[np.float64], step: float
) -> NDArray[np.float64]:
    """Maximise the mutual information by Powell's method, from rigid parameters (6,)."""
    from scipy import optimize

    def loss(parameters: Floats) -> float:
        return -level.information(_rigid_matrix(parameters, centre))

    options = {"direc": step * np.eye(6), "xtol": POWELL_XTOL, "ftol": POWELL_FTOL}
    return np.asarray(optimize.minimize(loss, start, method="Powell", options=options).x)


def _rigid_matrix(parameters: Floats, centre: Floats) -> Floats:
    """Return the rigid matrix (4, 4) of six parameters in mm: translation, and rotation about a centre.

    Rotations are rotation vectors times the radius of the brain, so that all parameters are lengths.
    """
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(parameters[3:] / ROTATION_RADIUS_MM).as_matrix()
    matrix[:3, 3] = centre + parameters[:3] - matrix[:3, :3] @ centre
    return matrix


def _level(channel: Volume, volume: Volume, mask: Mask, spacing: float, count: int) -> _Level:
    """Smooth both scans to a spacing in mm, and sample the first at `count` points around the brain."""
    points = transform_points(volume.canonical_affine, _quasi_random_points(mask, volume.zooms, count))
    scan, _ = sample_at(*coarsen(volume.data, volume.canonical_affine, spacing), points)
    data, affine = coarsen(channel.data, channel.canonical_affine, spacing)
    values, inside = sample_at(data, affine, points)
    bins = np.rint(_scale_to_bins(scan, np.percentile(scan, HISTOGRAM_PERCENTILES))).astype(np.intp)
    min_points = round(MIN_COVERAGE * np.count_nonzero(inside))
    return _Level(
        points, bins, data, affine, np.percentile(values[inside], HISTOGRAM_PERCENTILES), min_points
    )


def _quasi_random_points(mask: Mask, zooms: Floats, count: int) -> Floats:
    """Return quasi-random points in the box around a mask with a margin; voxel coordinates (3, N).

    The additive recurrence x_n = frac(n / r^k), k = 1 to 3, where r is the real root above 1 of r^4 = r + 1:
    a sequence of low discrepancy in three dimensions.
    """
    last, margin = np.array(mask.shape) - 1.0, SAMPLING_MARGIN_MM / zooms
    ends = np.array([(side.start, side.stop - 1) for side in bounding_box(mask)])
    low, high = np.maximum(ends[:, 0] - margin, 0), np.minimum(ends[:, 1] + margin, last)
    fractions = np.outer(1.2207440846057596 ** -np.arange(1.0, 4), np.arange(1, count + 1)) % 1
    return np.asarray(low[:, None] + (high - low)[:, None] * fractions)


def _scale_to_bins(values: Floats, tails: Floats) -> Floats:
    """Scale intensities linearly to the bins of a histogram, 0 to the last, clipped at the tails."""
    low, high = tails.tolist()
    scale = (HISTOGRAM_BINS - 1) / max(high - low, 1e-30)
    return np.asarray(np.clip((values - low) * scale, 0, HISTOGRAM_BINS - 1))


def _joint_histogram(bins: NDArray[np.intp], scaled: Floats) -> Floats:
    """Count pairs of bins; scaled intensities are shared linearly by the two nearest bins.

    The mutual information is then a continuous function of the motion.
    """
    below = np.minimum(scaled.astype(np.intp), HISTOGRAM_BINS - 2)
    fraction, cells = scaled - below, bins * HISTOGRAM_BINS + below
    counts = np.bincount(cells, 1 - fraction, HISTOGRAM_BINS**2) + np.bincount(
        cells + 1, fraction, HISTOGRAM_BINS**2
    )
    return np.asarray(counts.reshape(HISTOGRAM_BINS, HISTOGRAM_BINS))


def _normalised_information(counts: Floats) -> float:
    """Return the mutual information of a joint histogram as a share of its entropy, 0 to 1.

    I(A; B) / H(A, B) = (H(A) + H(B)) / H(A, B) - 1, the overlap-invariant measure of Studholme et al. (1999)
    less 1.
    """
    joint = counts / counts.sum()
    joint_entropy, first, second = (
        float(entr(p).sum()) for p in (joint, joint.sum(axis=0), joint.sum(axis=1))
    )
    return (first + second) / joint_entropy - 1 if joint_entropy > 0 else 0.0
