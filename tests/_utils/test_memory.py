from __future__ import annotations

from mriseg._utils.memory import _free_in_groups, available_memory, segmentation_bytes, usable_memory


def test_memory_is_what_the_tightest_group_leaves(tmp_path):
    def group(path, limit, used, cache, names=("memory.max", "memory.current")):
        path.mkdir(parents=True)
        for name, value in zip(names, (limit, used), strict=True):
            (path / name).write_text(f"{value}\n")
        (path / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\n")

    group(tmp_path / "job", 1000, 400, 100)
    group(tmp_path / "job" / "step", "max", 300, 0)
    assert _free_in_groups("0::/job/step\n", tmp_path) == [700]
    group(tmp_path / "memory" / "old", 500, 450, 0, ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    assert _free_in_groups("7:cpu,cpuacct:/x\n4:memory:/old\n", tmp_path) == [50]
    assert _free_in_groups("0::/nowhere\n", tmp_path) == []
    assert 0 < available_memory() < 1 << 50


def test_a_process_may_use_what_is_free_and_what_it_holds():
    held = bytearray(200_000_000)
    assert usable_memory() > len(held)


def test_a_larger_scan_takes_more_in_proportion():
    first, second, third = (segmentation_bytes(voxels) for voxels in (0, 1_000_000, 3_000_000))
    assert first > 155e6
    assert third - second == 2 * (second - first)
    assert second - first >= 47e6  # the most that was measured
