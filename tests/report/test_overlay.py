from __future__ import annotations

import numpy as np
import pytest
from skimage.io import imread

from mriseg.images.reading import load_volume
from mriseg.labels.tissues import CSF, GM, WM
from mriseg.report.constants import OVERLAY_KEY_HEIGHT
from mriseg.report.overlay import draw_overlay, save_overlay


@pytest.fixture
def picture(ball, ball_labels, tmp_path):
    volume = load_volume(ball)
    save_overlay(volume, volume.to_canonical(ball_labels), (GM, WM, CSF), tmp_path / "overlay.png")
    return imread(tmp_path / "overlay.png")[..., :3].astype(int)


def test_every_tissue_is_drawn_in_its_colour(picture):
    for tissue in (GM, WM, CSF):
        colour = np.array([int(tissue.color[i : i + 2], 16) for i in (1, 3, 5)])
        near = np.abs(picture - colour).max(axis=-1) < 30
        assert near[: int(0.9 * len(picture))].sum() > 300, tissue.name


def test_a_ball_is_drawn_round_though_its_voxels_are_not_cubes(picture):
    assert picture.shape[1] >= 1200
    bright = (picture.min(axis=-1) > 200)[: len(picture) // 4, : picture.shape[1] // 2]
    blue = np.abs(picture - np.array([0x56, 0xB4, 0xE9])).max(axis=-1) < 60
    # the middle panel of the first row (axial) and of the second (coronal: 3 x 4 mm voxels)
    width = picture.shape[1] // 5
    heights = picture.shape[0] / 3
    assert bright.any()
    for row in (0, 1):
        panel = blue[int(row * heights) : int((row + 1) * heights) - 40, 2 * width : 3 * width]
        down, across = np.nonzero(panel)
        assert np.ptp(down) == pytest.approx(np.ptp(across), rel=0.08)


def test_filled_tissues_let_the_scan_shine_through(ball, ball_labels, tmp_path, picture):
    volume = load_volume(ball)
    save_overlay(volume, volume.to_canonical(ball_labels), (GM, WM, CSF), tmp_path / "fill.png", style="fill")
    filled = imread(tmp_path / "fill.png")[..., :3].astype(int)
    assert filled.shape == picture.shape

    key, above = filled[-OVERLAY_KEY_HEIGHT:], filled[:-OVERLAY_KEY_HEIGHT]
    swatches, counts = np.unique(key.reshape(-1, 3), axis=0, return_counts=True)
    swatches = swatches[(counts > 200) & (np.ptp(swatches, axis=1) > 30)]
    assert len(swatches) == 3
    for swatch in swatches:  # as it looks in the picture
        assert (np.abs(above - swatch).max(axis=-1) < 12).sum() > 2000
    filled, outlined = (image[: int(0.9 * len(image))] for image in (filled, picture))
    coloured = np.ptp(filled, axis=-1) > 30
    assert coloured.sum() > 3 * (np.ptp(outlined, axis=-1) > 30).sum()
    assert len(np.unique(filled[coloured], axis=0)) > 100  # not one flat colour a tissue


@pytest.mark.parametrize("name", ["T2w", "FLAIR"])
def test_a_sphere_on_thick_slices_is_drawn_round(scans, name):
    """Slices of 3 mm and more of a patient, between which pictures are interpolated."""
    volume = load_volume(scans / "contrasts" / "ms04" / f"{name}.nii.gz")
    assert volume.zooms.max() > 2.5 * volume.zooms.min()
    grid = np.moveaxis(np.indices(volume.data.shape), 0, -1) * volume.zooms
    radius = np.linalg.norm(grid - grid[-1, -1, -1] / 2, axis=-1)
    picture = np.asarray(draw_overlay(volume, (radius < 55).astype(np.uint8), (GM,), style="fill")).astype(
        int
    )
    orange = picture[..., 0] - picture[..., 2] > 30
    heights = np.flatnonzero(orange[:, : picture.shape[1] // 2].any(axis=1))
    rows = np.split(heights, np.flatnonzero(np.diff(heights) > 5) + 1)[:3]  # the key is below
    assert len(rows) == 3
    for row in rows:
        band = orange[row[0] : row[-1] + 1]
        columns = np.flatnonzero(band.any(axis=0))
        spheres = np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1)
        largest = max(spheres, key=len)
        assert len(largest) == pytest.approx(len(row), rel=0.04)
