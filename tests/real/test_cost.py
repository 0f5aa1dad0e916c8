"""What a segmentation costs, counted and not timed: memory, iterations, bytes compressed."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field

import pytest

from mriseg import load_volume, segment
from mriseg._utils.parallel import thread_count
from mriseg.cohort.resources import scan_mb
from mriseg.images import writing
from mriseg.model import template_em

# Two maps of the prior on the grid of the template, and two of structures, are kept for the next scan.
TEMPLATE_BYTES = 30e6


@dataclass
class Cost:
    voxels: int = 0
    planned_mb: float = 0.0
    segment_bytes: int = 0
    save_bytes: int = 0
    iterations: int = 0
    written: list[int] = field(default_factory=list)


@pytest.fixture(scope="module", params=["ibsr07", pytest.param("colin27", marks=pytest.mark.slow)])
def cost(request, scans, tmp_path_factory):
    found = Cost()
    step, write_gzip = template_em._m_step, writing.write_gzip

    def counted_step(*arguments, **options):
        found.iterations += 1
        return step(*arguments, **options)

    def counted_write(stream, chunks):
        sizes = []
        write_gzip(stream, (sizes.append(len(chunk)) or chunk for chunk in chunks))
        found.written.append(sum(sizes))

    path = next((scans / "bids" / f"sub-{request.param}").rglob("*_T1w.nii.gz"))
    volume = load_volume(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_em, "_m_step", counted_step)
        patch.setattr(writing, "write_gzip", counted_write)
        tracemalloc.start()
        try:
            result = segment(volume)
            found.segment_bytes = tracemalloc.get_traced_memory()[1] + volume.data.nbytes
            tracemalloc.reset_peak()
            result.save(tmp_path_factory.mktemp("cost"), report=False)
            found.save_bytes = tracemalloc.get_traced_memory()[1] + volume.data.nbytes
        finally:
            tracemalloc.stop()
    found.voxels, found.planned_mb = volume.data.size, scan_mb(path)
    return found


def test_memory_stays_within_a_few_volumes(cost):
    """The scan itself is one volume of four bytes a voxel, as are the corrected one and the atypicality.

    Posterior maps are volumes, too, but only one for each thread is there at a time.
    """
    assert cost.segment_bytes <= 8.25 * 4 * cost.voxels
    assert cost.save_bytes <= (5.5 + min(thread_count(), 3)) * 4 * cost.voxels + TEMPLATE_BYTES


def test_cohorts_plan_with_more_memory_than_a_scan_takes(cost):
    rest = 160e6  # what a worker holds before it reads a scan, and of constant size meanwhile
    assert rest + max(cost.segment_bytes, cost.save_bytes) <= cost.planned_mb * 1e6


def test_the_mixture_is_fitted_in_some_hundred_iterations(cost):
    assert 0 < cost.iterations <= 450


def test_every_image_is_compressed_once(cost):
    """Labels and mask of one byte a voxel; posterior maps, the corrected scan and how atypical of four."""
    assert sorted(cost.written) == sorted(352 + size * cost.voxels for size in (1, 1, 4, 4, 4, 4, 4))
