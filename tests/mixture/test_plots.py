"""Plots on given axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from mixture_reference import dataset

from mriseg.errors import MixtureError
from mriseg.mixture import GaussianMixture, NoiseMixture, plot_density, plot_uncertainty


def eruptions():
    return dataset("eruptions")


def test_curves_are_the_components_times_their_weights_and_their_sum():
    fit = GaussianMixture(2, model="V").fit(eruptions())
    axes = Figure().subplots()
    assert plot_density(fit, eruptions(), axes) is axes
    first, second, total = (line.get_ydata() for line in axes.lines)
    np.testing.assert_allclose(first + second, total)
    np.testing.assert_allclose(total, fit.pdf(axes.lines[0].get_xdata()))
    assert [line.get_label() for line in axes.lines] == ["component 0", "component 1", "mixture"]


def test_the_sum_holds_the_noise_too():
    fit = NoiseMixture(GaussianMixture(2, model="V")).fit(eruptions())
    axes = plot_density(fit, eruptions(), Figure().subplots())
    first, second, total = (line.get_ydata() for line in axes.lines)
    np.testing.assert_allclose(total - first - second, fit.noise_weight_ / np.exp(fit.box_.log_volume))


def test_the_histogram_has_area_one_and_counts_weights():
    values, counts = np.unique(eruptions(), return_counts=True)
    fit = GaussianMixture(2, model="V").fit(eruptions())
    axes = plot_density(fit, values, Figure().subplots(), sample_weight=counts)
    left = sum(bar.get_height() * bar.get_width() for bar in axes.patches if bar.get_x() < 3)
    whole = sum(bar.get_height() * bar.get_width() for bar in axes.patches)
    assert whole == pytest.approx(1)
    assert left == pytest.approx((eruptions() < 3).mean(), abs=0.02)


def test_points_grow_with_uncertainty_and_have_the_colours_of_their_components():
    X = dataset("faithful")
    fit = GaussianMixture(2).fit(X)
    axes = Figure().subplots()
    assert plot_uncertainty(fit, X, axes) is axes
    mesh, points = axes.collections
    uncertainty = 1 - fit.predict_proba(X).max(axis=1)
    order = np.argsort(uncertainty)
    assert (np.diff(points.get_sizes()[order]) >= 0).all()
    np.testing.assert_array_equal(points.get_offsets(), X)
    assert mesh.get_array().max() == pytest.approx(0.5, abs=0.03)
    colours = points.get_facecolors()
    labels = fit.predict(X)
    assert len(np.unique(colours[labels == 0], axis=0)) == 1
    assert (colours[labels == 0][0] != colours[labels == 1][0]).any()


def test_other_dimensions_are_refused():
    X = dataset("faithful")
    with pytest.raises(MixtureError, match="this plot needs 1 column; the mixture has 2"):
        plot_density(GaussianMixture(2).fit(X), X, None)
    with pytest.raises(MixtureError, match="this plot needs 2 columns; the mixture has 1"):
        plot_uncertainty(GaussianMixture(2).fit(eruptions()), eruptions(), None)
