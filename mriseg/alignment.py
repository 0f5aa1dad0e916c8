"""A further channel on the grid of the scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mriseg.images import Volume


@dataclass(frozen=True, eq=False)
class Alignment:
    """A further scan on the grid of the first."""

    data: NDArray[np.float32]
    covered: NDArray[np.bool_]
    method: str
    overlap: float
    facts: dict[str, Any] = field(default_factory=dict)


def align(channel: Volume, volume: Volume, mask: NDArray[np.bool_]) -> Alignment:
    """Resample a further scan to the grid of the first by their headers."""
    if channel.data.shape == volume.data.shape and np.allclose(channel.affine, volume.affine, atol=0.05):
        return Alignment(channel.data, np.ones(mask.shape, bool), "same grid", 1.0, {"Method": "same grid"})
    to = np.linalg.inv(channel.affine) @ volume.affine
    data = ndimage.affine_transform(channel.data, to[:3, :3], to[:3, 3], output_shape=mask.shape, order=1)
    cov = (
        ndimage.affine_transform(
            np.ones_like(channel.data), to[:3, :3], to[:3, 3], output_shape=mask.shape, order=1
        )
        > 0.99
    )
    return Alignment(data, cov, "headers", float(cov[mask].mean()), {"Method": "headers"})
