"""How far a channel repeats another: by its contrast, and by its noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.channels.constants import LIKENESS_PAIRS, MAX_CORRELATION, MAX_NOISE_CORRELATION

if TYPE_CHECKING:
    from numpy.typing import NDArray


def describe_likeness(
    first: NDArray[np.float32], second: NDArray[np.float32], mask: NDArray[np.bool_]
) -> str | None:
    """Say why two scans of one head are not two measurements, or None if they are.

    Parameters
    ----------
    first, second : ndarray of float32, shape (X, Y, Z)
        Intensities on one grid.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain, where both have a signal.

    Returns
    -------
    str or None
    """
    contrast = float(np.corrcoef(first[mask], second[mask])[0, 1])
    if contrast > MAX_CORRELATION:
        return f"its intensities follow those of the first scan (correlation {contrast:.2f})"
    noise = noise_correlation(first, second, mask)
    if abs(noise) > MAX_NOISE_CORRELATION:
        return (
            f"its noise is that of the first scan (correlation {noise:.2f}), so that it was computed from it"
        )
    return None


def noise_correlation(
    first: NDArray[np.float32], second: NDArray[np.float32], mask: NDArray[np.bool_]
) -> float:
    """Correlate the noise of two scans: differences of neighbouring voxels where the first is even.

    The half of the pairs of neighbours with the smaller difference in the first scan shows its noise rather
    than borders of tissues, which all contrasts of a head share.

    Parameters
    ----------
    first, second : ndarray of float32, shape (X, Y, Z)
        Intensities on one grid.
    mask : ndarray of bool, shape (X, Y, Z)

    Returns
    -------
    float
        -1 to 1; 0 without a pair of neighbours, or where a scan has no noise.
    """
    pairs = [_differences(first, second, mask, axis) for axis in range(3)]
    ours, theirs = (np.concatenate(parts).astype(np.float64) for parts in zip(*pairs, strict=True))
    if not ours.size:
        return 0.0
    even = np.abs(ours) <= np.median(np.abs(ours))
    ours, theirs = ours[even], theirs[even]
    scale = np.sqrt((ours @ ours) * (theirs @ theirs))
    return float(ours @ theirs / scale) if scale > 0 else 0.0


def _differences(
    first: NDArray[np.float32], second: NDArray[np.float32], mask: NDArray[np.bool_], axis: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the differences of neighbours along an axis, of some pairs inside the mask."""
    inside = np.moveaxis(mask, axis, 0)
    pairs = np.flatnonzero(inside[1:] & inside[:-1])
    pairs = pairs[:: 1 + len(pairs) // LIKENESS_PAIRS]
    lower = np.unravel_index(pairs, inside[1:].shape)
    upper = (lower[0] + 1, *lower[1:])
    moved = (np.moveaxis(image, axis, 0) for image in (first, second))
    ours, theirs = (image[upper] - image[lower] for image in moved)
    return ours, theirs
