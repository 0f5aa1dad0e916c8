"""Measure what further channels are worth, whether wrong contrasts are caught, and how lesions stand out.

Usage: python scripts/benchmark_channels.py DATA_DIR

DATA_DIR holds phantom_models/head_labels_*.nii.gz and brainweb_crisp.nii.gz, and channels/ms19_*.nii.gz.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import mriseg
from mriseg.evaluation.metrics import dice
from mriseg.evaluation.phantom import Phantom, simulate
from mriseg.images.reading import load_map
from mriseg.images.volume import Volume, new_volume
from mriseg.images.writing import save_array
from mriseg.labels.contrasts import CONTRASTS

LABELS = {"CSF": 3, "GM": 1, "WM": 2}
BRAINWEB = {1: 3, 2: 1, 8: 1, 3: 2}
WHITE, FLUID = (2, 41, 7, 46, 16, 28, 60), (4, 43, 14, 15, 24)
# Skull and the rest of the head in the head models, in each contrast.
SKULL, SCALP = 515, 516
HEADS = {"t1": (15, 160), "t2": (5, 90), "pd": (10, 90), "flair": (5, 80), "t1-infant": (10, 120)}
INFANT_SCALE = 0.68
THRESHOLDS = (2.0, 2.5, 3.0, 3.5, 4.0)


def tissue_numbers(labels: np.ndarray) -> dict[int, int]:
    """Return which number of a head model is which tissue."""
    inside = [int(number) for number in np.unique(labels) if 0 < number < 500]
    return {number: 2 if number in WHITE else 3 if number in FLUID else 1 for number in inside}


def simulated(model: Path, contrast: str, *, head: bool = False, **settings: object) -> Phantom:
    """Simulate a scan from a label map, a stripped one or with the head around it."""
    volume = load_map(model)
    labels = np.rint(volume.data).astype(int)
    numbers = BRAINWEB if "brainweb" in model.name else tissue_numbers(labels)
    skull, scalp = HEADS[contrast]
    around = {int(n): float(skull if n == SKULL else scalp) for n in np.unique(labels) if n > 500}
    return simulate(
        labels,
        np.diag([*[INFANT_SCALE if contrast == "t1-infant" else 1.0] * 3, 1.0]) @ volume.canonical_affine,
        tissues=numbers,
        intensities=CONTRASTS[contrast].phantom_intensities,
        surroundings=around if head else None,
        **settings,  # type: ignore[arg-type]
    )


def saved(phantom: Phantom, path: Path) -> Volume:
    """Write a simulated scan and return it."""
    volume = new_volume(phantom.data, phantom.affine, path)
    save_array(phantom.data, volume, path)
    return volume


def overlap(labels: np.ndarray, truth: np.ndarray, inside: np.ndarray) -> list[float]:
    """Return the Dice of CSF, GM and WM."""
    return [dice((labels == k) & inside, (truth == k) & inside) for k in LABELS.values()]


def figures(values: list[float]) -> str:
    """Lay out Dice coefficients."""
    return " ".join(f"{value:.3f}" for value in values)


def pairs(models: list[Path], folder: Path) -> None:
    """Print what T2 adds to T1 at 9 % noise."""
    print("\nT1 and T2 of 9 % noise each: Dice CSF GM WM of T1, of both, and the gain")
    for model in models:
        first = simulated(model, "t1", noise=9, bias=20, seed=1)
        second = simulated(model, "t2", noise=9, bias=20, seed=2)
        scan, channel = saved(first, folder / "a_T1w.nii.gz"), folder / "a_T2w.nii.gz"
        saved(second, channel)
        inside = first.labels > 0
        alone = overlap(mriseg.segment(scan).labels, first.labels, inside)
        both = overlap(mriseg.segment(scan, channels=[channel]).labels, first.labels, inside)
        gain = [b - a for a, b in zip(alone, both, strict=True)]
        print(f"  {model.name:<26}", figures(alone), " ", figures(both), " ", figures(gain))


def swapped(models: list[Path], *, head: bool) -> None:
    """Print what comes of every contrast with every flag."""
    print(f"\n{'whole heads' if head else 'stripped'}, contrasts in rows: --contrast, verdict, Dice GM WM")
    flags = ("auto", *CONTRASTS)
    for model in models:
        for contrast in CONTRASTS:
            phantom = simulated(model, contrast, head=head, noise=5, bias=20, zooms=_zooms(contrast))
            scan = new_volume(phantom.data, phantom.affine, Path("simulated.nii.gz"))
            cells = [_outcome(scan, phantom, flag) for flag in flags]
            print(f"  {model.name[:14]} {contrast:<10}", " | ".join(cells))


def _zooms(contrast: str) -> tuple[float, float, float]:
    size = 2 * (INFANT_SCALE if contrast == "t1-infant" else 1.0)
    return size, size, size


def _outcome(scan: Volume, phantom: Phantom, flag: str) -> str:
    try:
        result = mriseg.segment(scan, contrast=flag)
    except mriseg.MrisegError:
        return f"{flag}: refused"
    seen = f"{flag} ({result.contrast})" if flag == "auto" else flag
    agreement = overlap(result.labels, phantom.labels, phantom.labels > 0)[1:]
    return f"{seen}: {result.verdict}, " + " ".join(f"{value:.2f}" for value in agreement)


def patient(folder: Path) -> None:
    """Print the table of ms19: channels, agreement with T1 alone outside lesions, time, lesions found."""
    scan = folder / "ms19_T1w.nii.gz"
    lesions = mriseg.load_volume(scan).to_scan_grid(
        load_map(folder / "ms19_label-lesion_mask.nii.gz").data > 0
    )
    alone = None
    print(
        "\nms19: Dice CSF GM WM with T1 alone outside lesions; CPU s; Dice of lesions with atypicality, and"
    )
    print(f"of what is also brighter in FLAIR than the mean of GM, above {THRESHOLDS}")
    for others in ((), ("T2w",), ("FLAIR",), ("T2w", "FLAIR")):
        begun = time.process_time()
        result = mriseg.segment(scan, channels=[folder / f"ms19_{kind}.nii.gz" for kind in others])
        seconds = time.process_time() - begun
        alone = result.labels if alone is None else alone
        found = [dice(result.atypicality > limit, lesions) for limit in THRESHOLDS]
        agreement = overlap(result.labels, alone, ~lesions)
        print(f"  {' '.join(('T1w', *others)):<16} {figures(agreement)}  {seconds:4.1f} s  ", figures(found),
              " ", figures(_bright(result, others, lesions)))  # fmt: skip


def _bright(result: mriseg.Segmentation, others: tuple[str, ...], lesions: np.ndarray) -> list[float]:
    """Return the Dice of what is atypical and brighter in FLAIR than grey matter."""
    if "FLAIR" not in others:
        return []
    flair = others.index("FLAIR")
    grey = result.model.centres[1, 1 + flair]
    bright = result.volume.to_scan_grid(result.channels[flair].corrected > grey)
    return [dice((result.atypicality > limit) & bright, lesions) for limit in THRESHOLDS]


def main() -> None:
    """Print all tables."""
    folder = Path(sys.argv[1])
    heads = sorted((folder / "phantom_models").glob("head_labels_*.nii.gz"))
    with tempfile.TemporaryDirectory() as scratch:
        pairs([folder / "phantom_models" / "brainweb_crisp.nii.gz", *heads], Path(scratch))
    for head in (False, True):
        swapped(heads, head=head)
    patient(folder / "channels")


if __name__ == "__main__":
    main()
