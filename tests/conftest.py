"""Scans for the tests: a small one with known tissues, made on the spot, and real ones where at hand."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from browser import ARGUMENTS, CHROMIUM
from real_scans import scan_of

import mriseg
from mriseg.cli import main

MEANS = {3: 30.0, 1: 70.0, 2: 100.0}  # T1-like, by label


@pytest.fixture(scope="session")
def scans() -> Path:
    """The folder of real scans with truth; its tests are skipped where it is absent."""
    folder = Path(os.environ.get("MRISEG_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "bids").is_dir():
        pytest.skip(f"no real scans in {folder}; set MRISEG_TEST_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def segmented(scans):
    """Segment a subject's scan with the same options once for tests that follow one another.

    Results are not to be changed; the last three are kept. The tests of one file run on one worker.
    """

    @lru_cache(maxsize=3)
    def segment(name: str, **options) -> mriseg.Segmentation:
        return mriseg.segment(scan_of(scans, name), **options)

    return segment


@pytest.fixture(scope="session")
def browser():
    """Chromium without a screen; its tests are skipped where it or playwright is absent."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium to open pages with; apt-get install chromium")
    with sync_api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def ball_labels() -> np.ndarray:
    """A ball of WM in a shell of GM in a shell of CSF: labels (48, 56, 40) on voxels of 3 x 3 x 4 mm."""
    grid = np.moveaxis(np.indices((48, 56, 40)), 0, -1) * (3.0, 3.0, 4.0)
    radius = np.linalg.norm(grid - np.array([70.0, 82.0, 78.0]), axis=-1)
    return np.select([radius < 40, radius < 55, radius < 62], [2, 1, 3], 0).astype(np.uint8)


@pytest.fixture(scope="session")
def ball_data(ball_labels: np.ndarray) -> np.ndarray:
    """The ball as a stripped T1-like scan, int16, with Gaussian noise of sd 6 and background 0."""
    noise = np.random.default_rng(3).normal(0, 6, ball_labels.shape)
    means = np.vectorize(MEANS.get, otypes=[float])(ball_labels, 0.0)
    return np.where(ball_labels > 0, np.maximum(np.rint(means + noise), 1), 0).astype(np.int16)


@pytest.fixture(scope="session")
def ball_affine() -> np.ndarray:
    """An oblique affine, stored left-posterior-superior."""
    turn = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-3.0, -3.0, 4.0])
    affine[:3, 3] = (60, 70, -50)
    return affine


def _write_ball(path: Path, data: np.ndarray, affine: np.ndarray) -> Path:
    image = nib.Nifti1Image(data, affine)
    image.set_qform(affine, "scanner")
    image.set_sform(affine, "aligned")
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"Jane Doe 1970-01-01"
    image.to_filename(path)
    return path


@pytest.fixture
def ball(tmp_path: Path, ball_data: np.ndarray, ball_affine: np.ndarray) -> Path:
    """The ball in a file of its own."""
    return _write_ball(tmp_path / "sub-ball_T1w.nii.gz", ball_data, ball_affine)


@pytest.fixture(scope="session")
def ball_result(tmp_path_factory, ball_data: np.ndarray, ball_affine: np.ndarray) -> mriseg.Segmentation:
    """The ball, segmented; not to be changed."""
    scan = tmp_path_factory.mktemp("ball") / "sub-ball_T1w.nii.gz"
    return mriseg.segment(_write_ball(scan, ball_data, ball_affine))


@pytest.fixture(scope="session")
def ball_folder(tmp_path_factory, ball_result: mriseg.Segmentation) -> Path:
    """The files of the ball's segmentation; not to be changed."""
    folder = tmp_path_factory.mktemp("results")
    ball_result.save(folder)
    return folder


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command line in this process, from the test's own folder."""

    def run_on_worker(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["mriseg", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return Done(code, *capsys.readouterr())

    return run_on_worker
