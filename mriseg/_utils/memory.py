"""Memory required by a segmentation, and memory available to a process."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")
# Bytes: libraries, template, page and the heap of a worker after many scans; on scans of 0.2 million voxels
# workers took up to 350 MB.
_FIXED_BYTES = 350_000_000
# Bytes per voxel of the scan; peaks beyond that with two threads were 20 to 47, also with five classes and in
# stripped scans that are cropped to the brain, the rest is a reserve for more threads.
_BYTES_PER_VOXEL = 75
# Bytes per voxel of the channels; 11 beside a small scan, whatever their type, the rest is a reserve.
_BYTES_PER_CHANNEL_VOXEL = 15


def segmentation_bytes(voxels: int, channel_voxels: int = 0) -> int:
    """Estimate the peak memory of a process that segments a scan, by the voxels of it and its channels."""
    return _FIXED_BYTES + _BYTES_PER_VOXEL * voxels + _BYTES_PER_CHANNEL_VOXEL * channel_voxels


def usable_memory() -> int:
    """Return the memory that this process may use in total, held and available, bytes."""
    return available_memory() + int(psutil.Process().memory_info().rss)


def available_memory() -> int:
    """Return the memory available to this process, bytes.

    Returns
    -------
    int
        Memory that the machine has available without swapping, or less if a control group (a container, a
        cluster job) or a limit on the address space (``ulimit -v``) is lower.
    """
    own = Path("/proc/self/cgroup")
    groups = own.read_text(encoding="utf-8") if own.exists() else ""
    free = int(psutil.virtual_memory().available)
    return max(0, min([free, *_free_in_groups(groups, _CGROUPS), *_free_address_space()]))


def _free_in_groups(groups: str, root: Path) -> list[int]:
    """Return the memory that the control groups of a process and their ancestors leave available, bytes."""
    free = []
    for line in groups.splitlines():
        _, controllers, name = line.split(":", 2)
        if not controllers:
            free += _free_in_ancestors(root, name, "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            controller = root / "memory"
            free += _free_in_ancestors(controller, name, "memory.limit_in_bytes", "memory.usage_in_bytes")
    return free


def _free_in_ancestors(root: Path, name: str, limit: str, usage: str) -> list[int]:
    """Return limit less usage of a control group and of its ancestors, bytes."""
    group = root / name.strip("/")
    free = []
    for folder in (group, *group.parents):
        if not folder.is_relative_to(root):
            break
        try:
            maximum = int((folder / limit).read_text())
            used = int((folder / usage).read_text())
            figures = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such group here, or no limit ("max")
            continue
        # The page cache counts as used but is reclaimed on demand.
        free.append(maximum - used + int(figures.get("inactive_file", 0)))
    return free


def _free_address_space() -> list[int]:
    """Return the unused part of the limit on the address space, bytes; empty without a limit."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return []
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if limit == resource.RLIM_INFINITY else [limit - int(psutil.Process().memory_info().vms)]
