"""Kill a cohort run again and again, resume it, and compare with a run that nobody disturbed.

Each time the whole process group gets SIGKILL at a random moment, as in a power cut. In the end the results
must be the same bytes, the table less time and memory too, and nothing half-written may be left.

    python scripts/check_kill.py FOLDER-OF-SCANS [--kills 5] [--seed 1]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Run, kill, resume, compare; exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        start = time.monotonic()
        run(arguments.scans, whole).wait()
        duration = time.monotonic() - start
        print(f"undisturbed: {len(digests(whole))} files in {duration:.0f} s")
        for _ in range(arguments.kills):
            moment = moments.uniform(0.2, 0.7) * duration
            process = run(arguments.scans, killed, "--resume")
            time.sleep(moment)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            scratch = len(list(killed.rglob(".mriseg-*")))
            print(
                f"killed after {moment:.1f} s: {complete(killed)} scans complete, {scratch} scratch folders"
            )
        run(arguments.scans, killed, "--resume").wait()
        left = list(killed.rglob(".mriseg-*"))
        differing = {name for name, _ in digests(whole).items() ^ digests(killed).items()}
        print(f"resumed: {complete(killed)} scans done, {len(differing)} files differ, {len(left)} left over")
    sys.exit(bool(differing or left))


def run(scans: Path, output: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a run in a process group of its own."""
    command = [sys.executable, "-m", "mriseg", "batch", str(scans), "-o", str(output), "-q", *options]
    return subprocess.Popen(command, start_new_session=True)


def complete(output: Path) -> int:
    """Count the scans that are done."""
    return len(list(output.rglob("*_dseg.json")))


def digests(output: Path) -> dict[str, str]:
    """Return the digest of every file but logs and records; of the table without time and memory."""
    found = {}
    for path in output.rglob("*"):
        name = path.relative_to(output).as_posix()
        if path.is_file() and not name.startswith("logs/"):
            content = path.read_bytes()
            if name == "cohort.tsv":
                content = b"\n".join(line.rsplit(b"\t", 2)[0] for line in content.splitlines())
            found[name] = hashlib.sha256(content).hexdigest()
    return found


if __name__ == "__main__":
    main()
