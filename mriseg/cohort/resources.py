"""Available cores and memory, and the memory that one scan needs."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from mriseg._utils.memory import available_memory, segmentation_bytes
from mriseg.cohort.constants import MEMORY_SHARE
from mriseg.errors import MrisegError
from mriseg.images.nifti import open_nifti

_CGROUPS = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Return how many cores this process may use: its affinity, and the quota of its container."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = math.inf
    with suppress(OSError, ValueError):  # version 2 of control groups
        limit, period = (_CGROUPS / "cpu.max").read_text(encoding="ascii").split()
        quota = math.ceil(int(limit) / int(period))
    with suppress(OSError, ValueError):  # version 1; -1 is no limit
        limit_v1 = int((_CGROUPS / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii"))
        period_v1 = int((_CGROUPS / "cpu/cpu.cfs_period_us").read_text(encoding="ascii"))
        quota = min(quota, math.ceil(limit_v1 / period_v1) if limit_v1 > 0 else math.inf)
    return int(max(1, min(affinity, quota)))


def available_mb() -> float:
    """Return the memory budget, MB: `MEMORY_SHARE` of the free memory."""
    return MEMORY_SHARE * available_memory() / 1e6


@cache
def scan_mb(scan: Path, *channels: Path) -> float:
    """Estimate from the headers how much memory a worker takes at the most to segment a scan, MB.

    Parameters
    ----------
    scan : Path
    *channels : Path
        Segmented with it.

    Returns
    -------
    float
        That of an idle worker if a header cannot be read, or is one of a series: such a scan fails at once.
    """
    try:
        first, *others = (open_nifti(image).shape for image in (scan, *channels))
    except MrisegError:
        first, others = (), []
    is_scan = len(first) == 3
    return segmentation_bytes(math.prod(first) * is_scan, sum(map(math.prod, others)) * is_scan) / 1e6
