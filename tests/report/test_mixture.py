"""Plots of mixtures."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from mriseg.mixture import GaussianMixture
from mriseg.report.mixture import draw_ellipses, save_mixture_plot


def points(dimensions):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(60, dimensions)), rng.normal(size=(60, dimensions)) + 5])


@pytest.mark.parametrize(("dimensions", "shape"), [(1, (480, 840)), (2, (576, 576))])
def test_columns_decide_the_size_and_the_same_fit_gives_the_same_bytes(dimensions, shape, tmp_path):
    X = points(dimensions)
    fit = GaussianMixture(2, model="VVI").fit(X)
    for name in ("a.png", "b.png"):
        save_mixture_plot(fit, X, [f"c{i}" for i in range(dimensions)], tmp_path / name)
    assert imread(tmp_path / "a.png").shape[:2] == shape
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_more_columns_than_can_be_read_are_left_out(tmp_path):
    X = points(8)
    fit = GaussianMixture(2, model="VVI").fit(X)
    save_mixture_plot(fit, X, [f"c{i}" for i in range(8)], tmp_path / "a.png")
    assert imread(tmp_path / "a.png").shape[:2] == (1728, 1728)


def test_names_in_letters_that_the_font_lacks_are_drawn_without_a_warning(tmp_path, recwarn):
    X = points(2)
    save_mixture_plot(GaussianMixture(2, model="VVI").fit(X), X, ["größe", "長さ"], tmp_path / "a.png")
    assert not [str(warning.message) for warning in recwarn]


def test_ellipses_hold_the_share_of_points_that_they_say():
    fit = GaussianMixture.from_parameters([1.0], [[3.0, -1.0]], [[[4.0, 1.5], [1.5, 1.0]]])
    axes = Figure().subplots()
    draw_ellipses(axes, fit)
    drawn = fit.sample(20_000)[0]
    for ellipse, share in zip(axes.patches, (0.5, 0.95), strict=True):
        turn = np.radians(ellipse.angle)
        along = (drawn - ellipse.center) @ [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        inside = ((along / [ellipse.width / 2, ellipse.height / 2]) ** 2).sum(axis=1) < 1
        assert inside.mean() == pytest.approx(share, abs=0.01)
