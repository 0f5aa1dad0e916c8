from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from mriseg._utils.parallel import beside, parallel_chunks, run_in_parallel, thread_count


@pytest.mark.parametrize(("asked", "expected"), [("1", 1), ("3", 3), ("64", 4), ("0", 1)])
def test_threads_are_as_many_as_asked_and_four_at_most(monkeypatch, asked, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert thread_count() == expected


@pytest.mark.parametrize("asked", ["", "many", "-2"])
def test_without_a_number_threads_are_as_many_as_cores(monkeypatch, asked):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert thread_count() == 3


@pytest.mark.parametrize("threads", ["1", "2", "4"])
@pytest.mark.parametrize(("length", "size"), [(10, 3), (9, 3), (1, 5), (0, 4)])
def test_every_part_is_worked_on_once_and_cut_the_same_way(monkeypatch, threads, length, size):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    times, parts = np.zeros(length, dtype=int), []

    def work(part):
        times[part] += 1
        parts.append((part.start, part.stop))

    parallel_chunks(work, length, size)
    assert (times == 1).all()
    assert sorted(parts) == [(start, min(start + size, length)) for start in range(0, length, size)]


def test_what_a_part_raises_is_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def work(part):
        if part.start == 4:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        parallel_chunks(work, 10, 2)


def test_tasks_run_side_by_side(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    both = threading.Barrier(2, timeout=60)
    run_in_parallel([both.wait, both.wait])
    assert not both.broken


def test_after_a_failure_the_tasks_that_wait_are_left_undone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = []

    def failing():
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        run_in_parallel([lambda: done.append(1), failing, *[lambda: done.append(time.sleep(0.05))] * 100])
    assert done[0] == 1
    assert len(done) < 101


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_task_beside_returns_or_raises_what_it_does(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert beside(lambda: 3)() == 3
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0)()


def test_a_task_beside_runs_while_the_caller_does_something_else(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    asked, answered = threading.Event(), threading.Event()

    def answer():
        asked.wait(10)
        answered.set()

    done = beside(answer)
    asked.set()
    assert answered.wait(10)
    done()
