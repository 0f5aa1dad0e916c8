"""How much memory a segmentation takes, and how much a process may take."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")
# Peaks measured with two threads: 155 MB of libraries; a voxel takes 23 to 47 bytes, with five classes and in
# stripped scans that are cut to the brain too. The rest is left to more threads.
_FIXED_BYTES = 200_000_000
_BYTES_PER_VOXEL = 75


def segmentation_bytes(voxels: int) -> int:
    """Estimate how much memory a process takes at the most to segment a scan of so many voxels, in bytes."""
    return _FIXED_BYTES + _BYTES_PER_VOXEL * voxels


def usable_memory() -> int:
    """Measure how much memory this process may hold altogether: what is free and what it holds, in bytes."""
    return available_memory() + int(psutil.Process().memory_info().rss)


def available_memory() -> int:
    """Measure the memory that is free for this process, in bytes.

    Returns
    -------
    int
        What the machine can give without swapping, or less if a control group (a container, a cluster job)
        or a limit on the address space (``ulimit -v``) allows less.
    """
    own = Path("/proc/self/cgroup")
    groups = own.read_text(encoding="utf-8") if own.exists() else ""
    free = int(psutil.virtual_memory().available)
    return max(0, min([free, *_free_in_groups(groups, _CGROUPS), *_free_addresses()]))


def _free_in_groups(groups: str, root: Path) -> list[int]:
    """Read what the control groups of a process, and those that hold them, leave free."""
    free = []
    for line in groups.splitlines():
        _, controllers, place = line.split(":", 2)
        if not controllers:
            free += _free_upwards(root, place, "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            first = root / "memory"
            free += _free_upwards(first, place, "memory.limit_in_bytes", "memory.usage_in_bytes")
    return free


def _free_upwards(root: Path, place: str, limit: str, usage: str) -> list[int]:
    group = root / place.strip("/")
    free = []
    for folder in (group, *group.parents):
        if not folder.is_relative_to(root):
            break
        try:
            most = int((folder / limit).read_text())
            used = int((folder / usage).read_text())
            figures = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such group here, or no limit ("max")
            continue
        # The cache of files counts as used but gives way.
        free.append(most - used + int(figures.get("inactive_file", 0)))
    return free


def _free_addresses() -> list[int]:
    try:
        import resource
    except ImportError:  # not a POSIX system
        return []
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if limit == resource.RLIM_INFINITY else [limit - int(psutil.Process().memory_info().vms)]
