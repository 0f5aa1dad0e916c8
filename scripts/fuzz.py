"""Run `mriseg segment` on damaged files, each in a process of its own that may take 2 GB and 20 CPU seconds.

    nice python scripts/fuzz.py --count 5000 --seeds ../shared/data/hostile

Every input must end in a complete set of files (exit 0), or in one line on stderr and no file (exit 1).
What ends otherwise is kept in the folder --keep, and the exit code is 1. Seeds are the files of --seeds,
those that nibabel's own tests read, and a small made scan in several data types.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.append(str(Path(__file__).parents[1] / "tests"))

import nibabel as nib
import numpy as np
from mutations import mutate

import mriseg.pipeline
import mriseg.report.overlay
import mriseg.results.segmentation
from mriseg.cli import main as mriseg_main

_SECONDS, _BYTES = 20, 2 << 30
_MAX_SEED = 4 << 20


def made_scans(folder: Path) -> list[Path]:
    """Write a ball of three tissues in several data types."""
    centred = np.moveaxis(np.indices((32, 36, 30)), 0, -1) - (16, 18, 15)
    radius = np.linalg.norm(centred * (4.0, 4.0, 5.0), axis=-1)
    tissue = np.select([radius < 38, radius < 52, radius < 60], [100.0, 70.0, 30.0], 0.0)
    noisy = np.where(
        tissue > 0, np.maximum(tissue + np.random.default_rng(0).normal(0, 6, tissue.shape), 1), 0
    )
    paths = []
    for kind, image in (("1", nib.Nifti1Image), ("2", nib.Nifti2Image)):
        for dtype in ("u1", "<i2", ">i2", "f4", "f8"):
            for ending in (".nii", ".nii.gz"):
                path = folder / f"ball_{kind}_{dtype.strip('<>')}_{dtype[0] == '>'}{ending}"
                image(noisy.astype(dtype), np.diag([4.0, 4, 5, 1]), dtype=np.dtype(dtype)).to_filename(path)
                paths.append(path)
    return paths


def outcome(scan: Path, out: Path, said: Path, *, drawn: bool) -> tuple[str, int]:
    """Run one input; return what became of it, and the peak of memory in bytes."""
    child = os.fork()
    if child == 0:
        if not drawn:
            mriseg.report.overlay.save_overlay = _no_overlay
        # Of CPU time, which a busy machine does not stretch; who waits for ever is ended by the clock.
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS + 1))
        signal.alarm(30 * _SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with said.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.argv = ["mriseg", "segment", str(scan), "-o", str(out), "-q", *([] if drawn else ["--no-report"])]
        code = 70  # an exception that nobody expected
        try:
            mriseg_main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        finally:
            with contextlib.suppress(Exception):
                sys.stderr.flush()
            os._exit(int(code))
    _, status, usage = os.wait4(child, 0)
    return _judge(status, out, said.read_text(errors="replace")), usage.ru_maxrss * 1024


def _no_overlay(*arguments: object, **_: object) -> None:
    """Stand in for the picture, which takes longer than all the rest, in 49 inputs of 50."""
    next(path for path in arguments if isinstance(path, Path)).touch()


def _judge(status: int, out: Path, text: str) -> str:
    if os.WIFSIGNALED(status):
        return (
            "hang"
            if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU)
            else f"signal {os.WTERMSIG(status)}"
        )
    code, left = os.WEXITSTATUS(status), sorted(path.name for path in out.glob("*"))
    if code == 0 and all(line.startswith("mriseg: warning: ") for line in text.splitlines()):
        whole = any(name.endswith("_dseg.json") for name in left) and len(left) >= 10
        return "segmented" if whole else "partial output"
    if code == 1 and text.startswith("mriseg: error: ") and text.count("\n") == 1:
        return "memory" if "memory does not suffice" in text else "partial output" if left else "refused"
    return "traceback" if "Traceback" in text or code == 70 else f"exit {code}"


def main() -> None:
    """Mutate, run, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first input; the same number, the same input"
    )
    parser.add_argument("--seeds", type=Path, action="append", default=[])
    parser.add_argument("--keep", type=Path, default=Path("fuzz_failures"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        nibabel_data = Path(nib.__file__).parent / "tests" / "data"
        found = [path for place in (*options.seeds, nibabel_data) for path in sorted(place.glob("*.nii*"))]
        made = made_scans(folder)
        # The made scans are small and quick: nine in ten inputs stem from them.
        given = [path for path in found if 0 < path.stat().st_size <= _MAX_SEED] or made
        counts, peak, bad = Counter(), 0, 0
        for number in range(options.first, options.first + options.count):
            chance = random.Random(number)  # noqa: S311
            seed = chance.choice(made if chance.random() < 0.9 else given)
            ending = ".nii.gz" if seed.name.endswith(".gz") else ".nii"
            scan, out = folder / f"scan{ending}", folder / "out"
            try:
                scan.write_bytes(mutate(seed.read_bytes(), chance))
            except (OSError, EOFError):  # the seed itself cannot be inflated
                scan.write_bytes(seed.read_bytes())
            result, memory = outcome(scan, out, folder / "said", drawn=chance.random() < 0.02)
            counts[result], peak = counts[result] + 1, max(peak, memory)
            if result not in ("segmented", "refused") or memory > _BYTES:
                bad += 1
                options.keep.mkdir(exist_ok=True)
                shutil.copy(scan, options.keep / f"{number}_{result.replace(' ', '_')}{ending}")
                shutil.copy(folder / "said", options.keep / f"{number}.txt")
            shutil.rmtree(out, ignore_errors=True)
            scan.unlink()
            if number % 250 == 249:
                print(number + 1, dict(counts), f"peak {peak / 1e6:.0f} MB", flush=True)
    print(f"{options.count} inputs: {dict(counts)}, peak {peak / 1e6:.0f} MB")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
