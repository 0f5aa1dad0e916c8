"""Measure the brain mask on the whole heads of a data set with truth masks.

    python scripts/benchmark_brain.py DATA_DIR [SHEET.png]

DATA_DIR holds bids/sub-*/anat/*_T1w.nii.gz and truth/sub-*/*_desc-brain_mask.nii.gz. For each head: Dice, the
95 % Hausdorff distance in mm, CPU seconds and peak memory of the whole process `mriseg brain`; optionally a
sheet of contours, the truth's in green and ours in red.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mriseg.evaluation.metrics import dice, hausdorff95
from mriseg.images.reading import load_volume

if TYPE_CHECKING:
    from mriseg.images.volume import Volume


def run_brain(scan: Path, mask: Path) -> tuple[float, float]:
    """Run the command; return its CPU seconds and peak MB."""
    command = [sys.executable, "-m", "mriseg", "brain", "-q", "--overwrite", str(scan), "-o", str(mask)]
    _, status, usage = os.wait4(subprocess.Popen(command).pid, 0)
    if status:
        sys.exit(f"mriseg brain failed on {scan}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def canonical(path: Path, volume: Volume) -> np.ndarray:
    """Read a mask in the canonical orientation of its scan."""
    image = nib.load(path)
    return volume.to_canonical(np.asarray(image.dataobj).reshape(image.shape[:3]) > 0)


def draw_sheet(rows: list[tuple[str, Volume, np.ndarray, np.ndarray]], path: Path) -> None:
    """Draw two cuts in each plane for every head."""
    figure = Figure(figsize=(14, 2.4 * len(rows)), dpi=70, facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), 6, squeeze=False, gridspec_kw={"wspace": 0.01, "hspace": 0.01})
    for row, (name, volume, truth, mask) in zip(axes, rows, strict=True):
        row[0].set_title(name, color="white", fontsize=8)
        top = np.percentile(volume.data[truth], 99.5)
        for place, plot in enumerate(row):
            axis, share = divmod(place, 2)
            filled = np.flatnonzero(truth.any(axis=tuple({0, 1, 2} - {axis})))
            index = filled[int(len(filled) * (0.5, 0.25)[share])]
            across, up = (volume.zooms[a] for a in range(3) if a != axis)
            plot.imshow(volume.data.take(index, axis).T, origin="lower", cmap="gray", vmin=0, vmax=top,
                        aspect=up / across)  # fmt: skip
            for outline, color in ((truth, "lime"), (mask, "red")):
                if outline.take(index, axis).any():
                    plot.contour(outline.take(index, axis).T, levels=[0.5], colors=[color], linewidths=0.7)
            plot.set_axis_off()
    figure.savefig(path, facecolor="black", bbox_inches="tight")


def main(data: Path, sheet: Path | None) -> None:
    """Print the table."""
    rows, scores = [], []
    print(f"{'head':<10}{'Dice':>8}{'95% mm':>8}{'CPU s':>7}{'MB':>6}")
    files = sorted(data.glob("truth/sub-*/*_desc-brain_mask.nii.gz"))
    names = [file.parent.name for file in files]
    scans = [data / "bids" / name / "anat" / f"{name}_T1w.nii.gz" for name in names]
    with tempfile.TemporaryDirectory() as scratch:
        masks = [Path(scratch) / f"{name}.nii.gz" for name in names]
        # All runs come first: a child's peak counts what its parent held when it began.
        costs = [run_brain(scan, found) for scan, found in zip(scans, masks, strict=True)]
        for name, file, scan, found, (cpu, peak) in zip(names, files, scans, masks, costs, strict=True):
            volume = load_volume(scan)
            truth, mask = canonical(file, volume), canonical(found, volume)
            scores.append(dice(truth, mask))
            apart = hausdorff95(mask, truth, volume.zooms)
            print(f"{name[4:]:<10}{scores[-1]:>8.4f}{apart:>8.1f}{cpu:>7.1f}{peak:>6.0f}", flush=True)
            rows.append((name, volume, truth, mask))
    print(f"{len(scores)} heads, Dice mean {np.mean(scores):.4f}, least {min(scores):.4f}")
    if sheet:
        draw_sheet(rows, sheet)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
