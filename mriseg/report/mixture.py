"""Plots of mixtures: densities over a histogram in one dimension, ellipses over scatter plots in several."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from mriseg._utils.text import printable
from mriseg.mixture import plot_density
from mriseg.report.constants import MAX_PLOTTED_COLUMNS, MAX_PLOTTED_POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mriseg.mixture import GaussianMixture


def save_mixture_plot(
    mixture: GaussianMixture,
    X: NDArray[np.floating],
    columns: Sequence[str],
    path: Path,
    *,
    sample_weight: NDArray[np.floating] | None = None,
) -> None:
    """Draw a fitted mixture over its data.

    One column: the histogram, each component times its weight, and their sum. Several: for each pair of the
    first six columns the points, coloured by component, and ellipses of 50 and 95 % probability of each
    component; on the diagonal the histograms.

    Parameters
    ----------
    mixture : GaussianMixture
        Fitted, of D dimensions.
    X : array (N, D)
        The data.
    columns : sequence of str
        Names of the D columns.
    path : Path
        A PNG file.
    sample_weight : array (N,), optional
        Weight of each row.
    """
    plotted = min(X.shape[1], MAX_PLOTTED_COLUMNS)
    figure = Figure(
        figsize=(7, 4) if plotted == 1 else (2.4 * plotted, 2.4 * plotted), dpi=120, layout="constrained"
    )
    FigureCanvasAgg(figure)
    grid = figure.subplots(plotted, plotted, squeeze=False)
    labels = mixture.predict(X)
    columns = [printable(name).replace("$", r"\$") for name in columns]  # a dollar would start mathtext
    colours = component_colours(mixture.n_components)
    for row in range(plotted):
        for column in range(plotted):
            axes = grid[row, column]
            if row == column:
                plot_density(
                    mixture.marginal([row]), X[:, row], axes, sample_weight=sample_weight, colours=colours
                )
            else:
                _draw_points(axes, X[:, [column, row]], labels, colours)
                draw_ellipses(axes, mixture.marginal([column, row]))
            if row == plotted - 1:
                axes.set_xlabel(columns[column])
            axes.set_ylabel("density" if row == column else columns[row] if column == 0 else "")
    if plotted == 1:
        grid[0, 0].legend(frameon=False)
    with warnings.catch_warnings():
        # The font of matplotlib draws a box for a letter that it lacks, such as a Japanese one.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure.savefig(path, metadata={"Software": None})


def component_colours(n_components: int) -> NDArray[np.floating]:
    """Return the colour of each component, RGBA from 0 to 1, shape (K, 4)."""
    if n_components <= 10:
        return np.asarray(colormaps["tab10"](np.arange(n_components)))
    return np.asarray(colormaps["turbo"](np.linspace(0.05, 0.95, n_components)))


def draw_ellipses(axes: Axes, mixture: GaussianMixture) -> None:
    """Draw the ellipses of 50 and 95 % probability of each two-dimensional component."""
    colours = component_colours(mixture.n_components)
    for mean, covariance, colour in zip(mixture.means_, mixture.covariances_, colours, strict=True):
        variances, directions = np.linalg.eigh(covariance)
        angle = np.degrees(np.arctan2(directions[1, 1], directions[0, 1]))
        for share in (0.5, 0.95):
            width, height = 2 * np.sqrt(-2 * np.log(1 - share) * variances[::-1])
            axes.add_patch(
                Ellipse(tuple(mean), width, height, angle=angle, fill=False, color=colour, linewidth=1.5)
            )


def _draw_points(
    axes: Axes, X: NDArray[np.floating], labels: NDArray[np.intp], colours: NDArray[np.floating]
) -> None:
    """Draw points (N, 2), subsampled to at most `MAX_PLOTTED_POINTS`."""
    step = -(-len(X) // MAX_PLOTTED_POINTS)
    x, y = X[::step].T
    axes.scatter(x, y, s=6, c=colours[labels[::step]], alpha=0.4, linewidths=0)
