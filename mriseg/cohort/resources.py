"""How many scans fit side by side: cores, memory, and what one scan needs."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import nibabel as nib
import psutil

# Measured with headroom: a worker at rest holds 105 MB; voxels add 30 to 55 bytes each at the peak.
_WORKER_MB = 150.0
_BYTES_PER_VOXEL = 60.0
# What is left to everything else that runs.
_SHARE = 0.9

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
    """Return how much memory may be planned with, MB: nine tenths of what is free."""
    free = [psutil.virtual_memory().available]
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):
            numbers = [int((_CGROUPS / name).read_text(encoding="ascii")) for name in (limit, used)]
            free.append(max(0, numbers[0] - numbers[1]))
    return float(_SHARE * min(free) / 1e6)


@cache
def scan_mb(scan: Path) -> float:
    """Estimate from the header how much memory a worker takes at the most to segment a scan, MB.

    Parameters
    ----------
    scan : Path

    Returns
    -------
    float
        That of a worker at rest where the header cannot be read: such a scan fails at once.
    """
    try:
        shape: tuple[int, ...] = nib.load(scan).header.get_data_shape()  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - any broken header; the scan's own run says what is wrong
        return _WORKER_MB
    return _WORKER_MB + _BYTES_PER_VOXEL * float(math.prod(float(max(0, n)) for n in shape)) / 1e6
