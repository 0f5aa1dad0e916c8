"""Plots of a mixture on given axes of matplotlib, which is not imported here: the axes draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import univariate
from mriseg.mixture.density import histogram_density
from mriseg.mixture.parameters import Parameters
from mriseg.mixture.validation import check_data, check_sample_weight

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from mriseg.mixture.estimator import Mixture
    from mriseg.mixture.parameters import FloatArray


def plot_density(
    mixture: Mixture,
    X: ArrayLike,
    axes: Any,
    *,
    sample_weight: ArrayLike | None = None,
    colours: Iterable[Any] | None = None,
) -> Any:
    """Draw the density of a mixture of one dimension, and its components, over the histogram of data.

    Parameters
    ----------
    mixture : Mixture
        Fitted, of one dimension.
    X : array-like, shape (N,) or (N, 1)
        Data.
    axes : matplotlib.axes.Axes
        To draw on.
    sample_weight : array-like, shape (N,), optional
        Number of times each row was observed.
    colours : iterable of length K, optional
        Colours of the components; by default those of matplotlib's cycle.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; each component times its weight has a label for a legend, and so has their sum.

    Raises
    ------
    MixtureError
        If the mixture or the data have several dimensions.
    """
    values = _columns(mixture, X, 1)[:, 0]
    bins = int(np.clip(2 * np.sqrt(len(values)), 20, 100))
    centres, density = histogram_density(values, bins, check_sample_weight(sample_weight, len(values)))
    axes.bar(centres, density, width=centres[1] - centres[0], color="0.85")
    margin = 0.1 * (centres[-1] - centres[0])
    points = np.linspace(centres[0] - margin, centres[-1] + margin, 500)
    weights, means, covariances = mixture.weights_, mixture.means_, mixture.covariances_
    for k, colour in enumerate(_colours(len(weights)) if colours is None else colours):
        component = Parameters(weights[[k]], means[[k]], covariances[[k]])
        axes.plot(points, univariate.pdf(component, points), color=colour, label=f"component {k}")
    axes.plot(points, mixture.pdf(points), "--", color="black", linewidth=1, label="mixture")
    axes.set_ylim(bottom=0)
    return axes


def plot_uncertainty(mixture: Mixture, X: ArrayLike, axes: Any) -> Any:
    """Draw how uncertain the components of points in the plane are: one minus the largest responsibility.

    Parameters
    ----------
    mixture : Mixture
        Fitted, of two dimensions.
    X : array-like, shape (N, 2)
        Data.
    axes : matplotlib.axes.Axes
        To draw on.

    Returns
    -------
    matplotlib.axes.Axes
        The axes: points in the colours of their components, the larger the more uncertain, over the
        uncertainty in the plane, the darker the larger.

    Raises
    ------
    MixtureError
        If the mixture or the data have not two dimensions.
    """
    data = _columns(mixture, X, 2)
    low, high = data.min(axis=0), data.max(axis=0)
    margin = 0.05 * (high - low)
    x, y = np.linspace(low - margin, high + margin, 200).T
    plane = np.stack(np.meshgrid(x, y), axis=-1)
    shading = _uncertainty(mixture, plane.reshape(-1, 2)).reshape(plane.shape[:2])
    # Half of the range of greys, so that points are seen in the dark.
    axes.pcolormesh(x, y, shading, cmap="Greys", vmin=0, vmax=1, shading="nearest", rasterized=True)
    labels = mixture.predict(data)
    colours = np.array(_colours(int(labels.max()) + 1))
    axes.scatter(*data.T, s=4 + 60 * _uncertainty(mixture, data), c=colours[labels], alpha=0.7, linewidths=0)
    return axes


def _uncertainty(mixture: Mixture, X: FloatArray) -> FloatArray:
    """Return one minus the largest responsibility of each row, shape (N,)."""
    return np.asarray(1 - mixture.predict_proba(X).max(axis=1))


def _colours(n_components: int) -> list[str]:
    """Return colours of matplotlib's cycle by name."""
    return [f"C{k % 10}" for k in range(n_components)]


def _columns(mixture: Mixture, X: ArrayLike, dimensions: int) -> FloatArray:
    """Return checked data of as many columns as the plot and the mixture have."""
    data = check_data(X)
    found = mixture.means_.shape[1]
    if not found == data.shape[1] == dimensions:
        raise MixtureError(
            f"this plot needs {dimensions} column{'s' if dimensions > 1 else ''}; the mixture has {found}, "
            f"the data have {data.shape[1]}: draw a marginal mixture"
        )
    return data
