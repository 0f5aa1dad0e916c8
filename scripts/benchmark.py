"""Measure whole processes: mriseg beside the cost of its files, a plain mixture, and other programs.

    python scripts/benchmark.py DATA_DIR [--scans ibsr07 elder03 colin27] [--repeats 5]
        [--peers PYTHON ...] [--scale] [--plot FILE.png] [--json FILE.json]

DATA_DIR holds bids/sub-*/anat/*_T1w.nii.gz. Every program runs in a process of its own, one after the other
and all again, so that a busy machine slows all alike; medians are printed. "I/O floor" is a process that
imports numpy and nibabel, reads the scan and writes the images that mriseg wrote. Peers (pip install
'.[peers]', in environments of their own if need be) are run by the first of the given interpreters that can
import them. "In Python" is mriseg called there, step by step. --scale resamples colin27 to 2, 1.5, 1, 0.7 and
0.5 mm and measures that alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# This process imports nothing large: a child's peak memory counts that of its parent until it begins.
STEP = re.compile(r"mriseg: (.*) \((\d+) ms\)")
SPACINGS_MM = (2.0, 1.5, 1.0, 0.7, 0.5)

IO_FLOOR = """
import sys, numpy as np, nibabel as nib
scan, arrays, out = sys.argv[1:]
image = nib.load(scan)
np.asarray(image.dataobj, dtype=np.float32)
with np.load(arrays) as stored:
    for name in stored.files:
        nib.save(nib.Nifti1Image(stored[name], image.affine), f"{out}/{name}.nii.gz")
"""
ARRAYS = """
import sys, pathlib, numpy as np, nibabel as nib
images = {p.name[:-7]: nib.load(p) for p in sorted(pathlib.Path(sys.argv[1]).glob("*.nii.gz"))}
np.savez(sys.argv[2], **{name: np.asfortranarray(np.asanyarray(i.dataobj)) for name, i in images.items()})
"""
PLAIN = """
import sys, numpy as np, nibabel as nib
for source, target in (sys.argv[1:3], sys.argv[3:5]):
    image = nib.load(source)
    nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj).reshape(image.shape[:3]), image.affine), target)
"""
# Says the CPU time of each step as the command line says its wall time, of which a busy machine takes more.
STEPS = """
import sys, time, logging
class Steps(logging.Handler):
    def emit(self, record):
        seen.append((record.getMessage(), time.process_time()))
seen = []
logger = logging.getLogger("mriseg")
logger.setLevel(logging.INFO)
logger.addHandler(Steps())
from mriseg import load_volume, segment
import mriseg.pipeline, mriseg.report.overlay
begun = time.process_time()
segment(load_volume(sys.argv[1])).save(sys.argv[2], overwrite=True, report=False)
seen = [("reading the scan", begun), *seen[1:], ("", time.process_time())]
for (step, start), (_, end) in zip(seen, seen[1:]):
    print(f"mriseg: {step} ({1000 * (end - start):.0f} ms)", file=sys.stderr)
"""
SKLEARN = """
import sys, numpy as np, nibabel as nib
from sklearn.mixture import GaussianMixture
data = np.asarray(nib.load(sys.argv[1]).dataobj, dtype=np.float32)
mask = np.asarray(nib.load(sys.argv[2]).dataobj) > 0
values = data[mask][:, None]
GaussianMixture(3, random_state=0).fit(values).predict_proba(values)
"""
N4 = """
import sys, SimpleITK as sitk
image, mask = sitk.ReadImage(sys.argv[1], sitk.sitkFloat32), sitk.ReadImage(sys.argv[2], sitk.sitkUInt8)
mask.CopyInformation(image)
small = [sitk.Shrink(i, [4] * 3) for i in (image, mask)]
n4 = sitk.N4BiasFieldCorrectionImageFilter()
n4.Execute(*small)
sitk.WriteImage(image / sitk.Exp(n4.GetLogBiasFieldAsImage(image)), sys.argv[3] + "/n4.nii.gz")
"""
ATROPOS = """
import sys, ants
image, mask = ants.image_read(sys.argv[1]), ants.image_read(sys.argv[2])
ants.copy_image_info(image, mask)
found = ants.atropos(a=image, x=mask, i="KMeans[3]", m="[0.2,1x1x1]", c="[5,0]")
ants.image_write(found["segmentation"], sys.argv[3] + "/atropos.nii.gz")
"""
HMRF = """
import sys, numpy as np, nibabel as nib
from dipy.segment.tissue import TissueClassifierHMRF
image = nib.load(sys.argv[1])
data = np.asarray(image.dataobj, dtype=np.float64) * (np.asarray(nib.load(sys.argv[2]).dataobj) > 0)
labels = TissueClassifierHMRF().classify(data, 3, 0.1)[1]
nib.save(nib.Nifti1Image(labels.astype(np.uint8), image.affine), sys.argv[3] + "/hmrf.nii.gz")
"""
BRAINEXTRACTOR = """
import sys, nibabel as nib
from brainextractor import BrainExtractor
extractor = BrainExtractor(img=nib.load(sys.argv[1]))
extractor.run()
extractor.save_mask(sys.argv[3] + "/brainextractor.nii.gz")
"""
# Name, module that must be there, program; its arguments are the scan, the brain mask and a folder.
PEERS = (
    ("scikit-learn GaussianMixture", "sklearn", SKLEARN),
    ("SimpleITK N4, shrunk by 4", "SimpleITK", N4),
    ("ANTs Atropos", "ants", ATROPOS),
    ("dipy HMRF", "dipy", HMRF),
    ("brainextractor", "brainextractor", BRAINEXTRACTOR),
)
RESAMPLE = """
import sys, numpy as np, nibabel as nib
from scipy import ndimage
source, spacing, target = sys.argv[1], float(sys.argv[2]), sys.argv[3]
image = nib.load(source)
data = np.asarray(image.dataobj, dtype=np.float32).reshape(image.shape[:3])
shape = [round(side / spacing) for side in (192, 256, 256)]
first = (np.array(data.shape) - 1) / 2 - spacing * (np.array(shape) - 1) / 2
zooms = np.full(3, spacing)
fine = ndimage.affine_transform(data, zooms, first, output_shape=shape, order=1, output=np.uint8)
affine = image.affine @ np.diag([spacing, spacing, spacing, 1.0])
affine[:3, 3] = image.affine[:3, :3] @ first + image.affine[:3, 3]
nib.save(nib.Nifti1Image(fine, affine), target)
"""


def measure(command: list[str]) -> dict[str, object]:
    """Run a command; return wall and CPU seconds, peak MB, and the seconds of each step that it says."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if status:
        raise SystemExit(f"failed: {' '.join(command)[-300:]}\n{said[-2000:]}")
    steps: dict[str, float] = {}
    for name, ms in STEP.findall(said):
        steps[name] = steps.get(name, 0) + int(ms) / 1000
    cpu = usage.ru_utime + usage.ru_stime
    steps["imports and the rest"] = cpu - sum(steps.values())
    return {
        "wall": wall,
        "cpu": cpu,
        "mb": usage.ru_maxrss / 1024,
        "steps": steps,
    }


def median(runs: list[dict[str, object]]) -> dict[str, object]:
    """Return the median of every figure of some runs."""
    figures: dict[str, object] = {
        key: statistics.median(run[key] for run in runs) for key in ("wall", "cpu", "mb")
    }
    figures["steps"] = {
        step: statistics.median(run["steps"][step] for run in runs) for step in runs[0]["steps"]
    }
    return figures


def mriseg(scan: Path, folder: Path) -> list[str]:
    """Return the command: everything on, all files and the overlay, no report."""
    return [sys.executable, "-m", "mriseg", "segment", str(scan), "-o", str(folder), "--no-report",
            "--overwrite"]  # fmt: skip


def importable(python: str, module: str) -> bool:
    """Tell whether an interpreter has a module."""
    found = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    return subprocess.run([python, "-c", found, module], check=False, capture_output=True).returncode == 0


def peers(pythons: list[str], stripped: bool) -> list[tuple[str, str, str]]:
    """List what can be run: name, interpreter, program; a brain is only extracted from a whole head."""
    found = []
    for name, module, program in PEERS:
        python = next((python for python in pythons if importable(python, module)), None)
        if python is None:
            print(f"  {name}: not installed")
        elif not (stripped and program is BRAINEXTRACTOR):
            found.append((name, python, program))
    return found


def compare(scan: Path, pythons: list[str], repeats: int) -> dict[str, object]:
    """Measure mriseg, the floor and the peers on a scan, alternating."""
    with tempfile.TemporaryDirectory() as scratch:
        ours, others, arrays = Path(scratch) / "ours", Path(scratch) / "others", f"{scratch}/arrays.npz"
        others.mkdir()
        measure(mriseg(scan, ours))
        subprocess.run([sys.executable, "-c", ARRAYS, str(ours), arrays], check=True)
        (mask,) = ours.glob("*_desc-brain_mask.nii.gz")
        # Some peers refuse trailing axes of length one, as some scans have them.
        plain = [str(scan), f"{scratch}/scan.nii.gz", str(mask), f"{scratch}/mask.nii.gz"]
        subprocess.run([sys.executable, "-c", PLAIN, *plain], check=True)
        method = json.loads(next(ours.glob("*_dseg.json")).read_text())["BrainMask"]["Method"]
        commands = {
            "mriseg": mriseg(scan, ours),
            "in Python": [sys.executable, "-c", STEPS, str(scan), str(ours)],
            "I/O floor": [sys.executable, "-c", IO_FLOOR, str(scan), arrays, str(others)],
        }
        for name, python, program in peers(pythons, method == "stripped scan"):
            commands[name] = [python, "-c", program, plain[1], plain[3], str(others)]
        runs: dict[str, list[dict[str, object]]] = {name: [] for name in commands}
        for _ in range(repeats):
            for name, command in commands.items():
                runs[name].append(measure(command))
    return {name: median(found) for name, found in runs.items()}


def scale(scan: Path, repeats: int) -> dict[str, object]:
    """Measure mriseg on one head at several voxel sizes."""
    found: dict[str, object] = {}
    for spacing in SPACINGS_MM:
        with tempfile.TemporaryDirectory() as scratch:
            resampled = Path(scratch) / "sub-colin27_T1w.nii.gz"
            subprocess.run(
                [sys.executable, "-c", RESAMPLE, str(scan), str(spacing), str(resampled)], check=True
            )
            command = [sys.executable, "-c", STEPS, str(resampled), str(Path(scratch) / "out")]
            figures = median([measure(command) for _ in range(repeats)])
        figures["voxels"] = round(192 / spacing) * round(256 / spacing) ** 2
        found[f"{spacing:g} mm"] = figures
        print_row(f"{spacing:g} mm, {figures['voxels'] / 1e6:.1f} M voxels", figures)
        print_steps(figures)
    return found


def print_steps(figures: dict[str, object]) -> None:
    """Print the CPU seconds of each step."""
    for step, seconds in figures["steps"].items():
        print(f"      {step:<42}{seconds:8.2f} s CPU")


def print_row(name: str, figures: dict[str, object], ours: dict[str, object] | None = None) -> None:
    """Print wall, CPU, memory, and wall relative to ours."""
    relative = f"{figures['wall'] / ours['wall']:8.2f} x" if ours else ""
    print(f"  {name:<32}{figures['wall']:8.2f} s wall{figures['cpu']:8.2f} s CPU{figures['mb']:8.0f} MB"
          f"{relative}")  # fmt: skip


def plot(scales: dict[str, object], path: Path) -> None:
    """Draw time and memory over the number of voxels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    millions = [row["voxels"] / 1e6 for row in scales.values()]
    for axes, key, label in zip(
        figure.subplots(1, 2), ("cpu", "mb"), ("CPU seconds, whole process", "peak memory, MB"), strict=True
    ):
        axes.plot(millions, [row[key] for row in scales.values()], "o-", color="#0072b2")
        for i, (x, (name, row)) in enumerate(zip(millions, scales.items(), strict=True)):
            beside = {"xytext": (6, -12)} if i % 2 else {"xytext": (-6, 4), "ha": "right"}
            axes.annotate(name, (x, row[key]), textcoords="offset points", fontsize=8, **beside)
        axes.set_xlabel("million voxels")
        axes.margins(0.12)
        axes.set_ylabel(label)
        axes.grid(visible=True, which="both", alpha=0.25)
    figure.savefig(path)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--scans", nargs="*", help="participants; without it, all of the data set")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", nargs="*", default=[], metavar="PYTHON")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    scans = {path.name.removeprefix("sub-").split("_")[0]: path
             for path in sorted(asked.data.glob("bids/sub-*/anat/*_T1w.nii.gz"))}  # fmt: skip
    found: dict[str, object] = {"repeats": asked.repeats, "cores": os.cpu_count()}
    for name in scans if asked.scans is None else asked.scans:
        print(f"\n{name}: medians of {asked.repeats}", flush=True)
        found[name] = compare(scans[name], [sys.executable, *asked.peers], asked.repeats)
        for program, figures in found[name].items():
            print_row(program, figures, found[name]["mriseg"])
        print_steps(found[name]["in Python"])
    if asked.scale:
        print(f"\ncolin27 resampled: medians of {asked.repeats}", flush=True)
        found["scale"] = scale(scans["colin27"], asked.repeats)
        if asked.plot:
            plot(found["scale"], asked.plot)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
