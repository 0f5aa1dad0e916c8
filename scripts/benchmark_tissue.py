"""Measure tissue labels on scans with truth, with each part of the model off in turn, beside the peers.

Usage: python scripts/benchmark_tissue.py DATA_DIR

DATA_DIR holds bids/sub-*/anat/*_T1w.nii.gz, truth/sub-*/*_dseg.nii.gz and *_desc-brain_mask.nii.gz, and
phantom_models/brainweb_crisp.nii.gz. Real scans are judged by Dice where the truth has a tissue; the stripped
ones wherever they are not 0.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import mriseg
from mriseg.evaluation.metrics import calibration_error, dice
from mriseg.evaluation.phantom import simulate
from mriseg.images.reading import load_map, load_volume
from mriseg.images.volume import new_volume

TISSUES = ("CSF", "GM", "WM")
LABELS = {"CSF": 3, "GM": 1, "WM": 2}
SETTINGS = {
    "everything on": {},
    "no bias field": {"bias": False},
    "no neighbours": {"spatial": False},
    "no priors": {"priors": False},
    "none of them": {"bias": False, "spatial": False, "priors": False},
}
PEERS = {
    "stripped": {"FSL FAST": ".098 .795 .872", "Atropos": ".082 .760 .871", "scikit-learn": ".094 .811 .871"},
    "heads, mask given": {"N4 + Atropos": ".873 .760 .821", "SAMSEG, 3 scans": ".859 .837 .887"},
}
BRAINWEB = {1: 3, 2: 1, 8: 1, 3: 2}
SIMULATIONS = [(noise, bias) for noise in (1, 3, 5, 7, 9) for bias in (0, 20, 40)]


def figures(result: mriseg.Segmentation, truth: np.ndarray, inside: np.ndarray) -> list[float]:
    """Return the Dice of CSF, GM and WM."""
    return [dice((result.labels == LABELS[t]) & inside, (truth == LABELS[t]) & inside) for t in TISSUES]


def truth_of(folder: Path, name: str, kind: str) -> Path | None:
    """Return the file of a kind of truth of a participant."""
    return next(iter((folder / "truth" / name).rglob(f"*_{kind}.nii.gz")), None)


def real_scans(folder: Path, stripped: bool, given_mask: bool) -> dict[str, list[list[float]]]:
    """Return the figures of all scans of a kind, by setting."""
    found: dict[str, list[list[float]]] = {setting: [] for setting in SETTINGS}
    for scan in sorted(folder.glob("bids/sub-*/anat/*_T1w.nii.gz")):
        name = scan.parent.parent.name
        labels, mask = truth_of(folder, name, "dseg"), truth_of(folder, name, "desc-brain_mask")
        if labels is None or (mask is None) != stripped or "colin" in name:
            continue
        volume = load_volume(scan)
        truth = volume.to_scan_grid(load_map(labels).data)
        inside = volume.to_scan_grid(volume.data) > 0 if stripped else truth > 0
        for setting, words in SETTINGS.items():
            begun = time.process_time()
            result = mriseg.segment(volume, mask=mask if given_mask else None, **words)
            row = figures(result, truth, inside)
            found[setting].append(row)
            print(f"  {name:<14}{setting:<16}", *(f"{value:.3f}" for value in row),
                  f"{time.process_time() - begun:6.1f} s")  # fmt: skip
    return found


def simulations(model: Path) -> None:
    """Print a table over noise and bias for scans simulated from a label map."""
    volume = load_map(model)
    labels = np.rint(volume.data).astype(int)
    print(
        "\nsimulated: noise %, bias %; Dice CSF GM WM; sd of the log ratio of the fields; calibration error"
    )
    for noise, bias in SIMULATIONS:
        phantom = simulate(labels, volume.affine, tissues=BRAINWEB, noise=noise, bias=bias)
        scan = new_volume(phantom.data, phantom.affine, Path(tempfile.gettempdir()) / "simulated.nii.gz")
        result = mriseg.segment(scan, stripped=True)
        brain = (phantom.labels > 0) & result.mask
        ratio = np.log(result.field.on_grid(brain.shape)[brain] / phantom.field[brain])
        shares = np.stack([phantom.fractions[LABELS[t]][brain] for t in TISSUES], axis=1)
        posteriors = np.stack([result.posteriors[t][brain] for t in TISSUES], axis=1)
        row = figures(result, phantom.labels, phantom.labels > 0)
        error = calibration_error(posteriors, shares / shares.sum(axis=1, keepdims=True))
        print(
            f"  {noise} {bias:>3}  ", *(f"{value:.3f}" for value in row), f" {ratio.std():.4f}  {error:.3f}"
        )


def main() -> None:
    """Print all tables."""
    folder = Path(sys.argv[1])
    kinds = {"stripped": (True, False), "heads, mask given": (False, True), "heads, own mask": (False, False)}
    for title, (stripped, given_mask) in kinds.items():
        print(f"\n{title}: Dice CSF GM WM, CPU time")
        for setting, rows in real_scans(folder, stripped, given_mask).items():
            print(f"  MEAN {setting:<25}", *(f"{value:.3f}" for value in np.mean(rows, axis=0)),
                  "  lowest GM WM", *(f"{value:.3f}" for value in np.min(rows, axis=0)[1:]))  # fmt: skip
        for peer, row in PEERS.get(title, {}).items():
            print(f"  PEER {peer:<25} {row}")
    simulations(folder / "phantom_models" / "brainweb_crisp.nii.gz")


if __name__ == "__main__":
    main()
