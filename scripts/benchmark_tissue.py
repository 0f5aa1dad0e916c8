"""Measure tissue labels on scans with truth, with each part of the model off in turn, beside the peers.

Usage: python scripts/benchmark_tissue.py DATA_DIR

DATA_DIR holds bids/sub-*/anat/*_T1w.nii.gz, truth/sub-*/*_dseg.nii.gz, *_desc-brain_mask.nii.gz and
*_desc-structures_dseg.nii.gz, contrasts/*/{T1w,T2w,FLAIR,mask,dseg}.nii.gz, coil/{raw,normalised}_T1w.nii.gz
and coil/brain_mask.nii.gz, and phantom_models/brainweb_crisp.nii.gz. The contrast is never stated. Scans are
judged by Dice where the truth has a tissue, the stripped ones of adults wherever they are not 0; structures
by the share that is labelled with their tissue.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import mriseg
from mriseg.evaluation.metrics import calibration_error, dice
from mriseg.evaluation.phantom import simulate
from mriseg.images.reading import load_map, load_volume
from mriseg.images.volume import new_volume

TISSUES = ("CSF", "GM", "WM")
LABELS = {"CSF": 3, "GM": 1, "WM": 2}
# Numbers in *_desc-structures_dseg.nii.gz, and the tissue that they are.
STRUCTURES = {
    "accumbens": (1, "GM"),
    "caudate": (2, "GM"),
    "pallidum": (3, "GM"),
    "putamen": (4, "GM"),
    "thalamus": (5, "GM"),
    "amygdala": (6, "GM"),
    "hippocampus": (7, "GM"),
    "cerebellar cortex": (8, "GM"),
    "cerebellar WM": (9, "WM"),
    "brain stem": (10, "WM"),
}
SETTINGS = {
    "everything on": {},
    "no bias field": {"bias": False},
    "no neighbours": {"spatial": False},
    "no template": {"priors": False},
    "none of them": {"bias": False, "spatial": False, "priors": False},
}
PEERS = {
    "IBSR": {"FSL FAST": ".098 .795 .872", "Atropos": ".082 .760 .871", "scikit-learn": ".094 .811 .871"},
    "elders, mask given": {"N4 + Atropos": ".873 .760 .821", "SAMSEG, 3 scans": ".859 .837 .887"},
}
BRAINWEB = {1: 3, 2: 1, 8: 1, 3: 2}
SIMULATIONS = [(noise, bias) for noise in (1, 3, 5, 7, 9) for bias in (0, 20, 40)]


@dataclass(frozen=True)
class Case:
    """A scan with truth.

    Parameters
    ----------
    scan, truth : Path
    mask, structures : Path, optional
        A brain mask that is given, and labels of structures.
    whole_brain : bool
        Judge the scan wherever it is not 0 instead of where the truth has a tissue.
    """

    scan: Path
    truth: Path
    mask: Path | None = None
    structures: Path | None = None
    whole_brain: bool = False


def groups_of(folder: Path) -> dict[str, list[Case]]:
    """Return the scans with truth, by kind."""
    contrasts = folder / "contrasts"
    ibsr = [Case(scan, _truth(folder, scan), whole_brain=True) for scan in _t1_scans(folder, "ibsr")]
    elders = [Case(scan, _truth(folder, scan)) for scan in _t1_scans(folder, "elder")]
    masked = [
        Case(case.scan, case.truth, _truth(folder, case.scan, "desc-brain_mask"),
             _truth(folder, case.scan, "desc-structures_dseg"))
        for case in elders
    ]  # fmt: skip
    flair = [
        Case(scan, scan.with_name("dseg.nii.gz"), scan.with_name("mask.nii.gz"))
        for scan in sorted(contrasts.glob("elder*/FLAIR.nii.gz"))
    ]
    infants = {
        f"infants, {kind}": [
            Case(scan, scan.with_name("dseg.nii.gz"))
            for scan in sorted(contrasts.glob(f"infant*/{kind}w.nii.gz"))
        ]
        for kind in ("T1", "T2")
    }
    return {"IBSR": ibsr, "elders, mask given": masked, "elders, own mask": elders,
            "FLAIR of the elders, mask given": flair, **infants}  # fmt: skip


def _t1_scans(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"bids/sub-{name}*/anat/*_T1w.nii.gz"))


def _truth(folder: Path, scan: Path, kind: str = "dseg") -> Path:
    participant = scan.name.removesuffix("_T1w.nii.gz")
    return folder / "truth" / participant / f"{participant}_{kind}.nii.gz"


def figures(labels: np.ndarray, truth: np.ndarray, inside: np.ndarray) -> dict[str, float]:
    """Return the Dice of CSF, GM and WM."""
    return {t: dice((labels == LABELS[t]) & inside, (truth == LABELS[t]) & inside) for t in TISSUES}


def shares_of_structures(labels: np.ndarray, structures: np.ndarray) -> dict[str, float]:
    """Return the share of each structure that is labelled with its tissue."""
    return {
        name: float((labels[structures == number] == LABELS[tissue]).mean())
        for name, (number, tissue) in STRUCTURES.items()
    }


def measured(case: Case, words: dict[str, bool]) -> dict[str, float]:
    """Segment a scan and return its figures, whether it is trusted, and the CPU time."""
    volume = load_volume(case.scan)
    truth = volume.to_scan_grid(load_map(case.truth).data)
    inside = volume.to_scan_grid(volume.data) > 0 if case.whole_brain else truth > 0
    begun = time.process_time()
    result = mriseg.segment(volume, mask=case.mask, **words)
    seconds = time.process_time() - begun
    row = figures(result.labels, truth, inside)
    if case.structures is not None:
        structures = np.rint(volume.to_scan_grid(load_map(case.structures).data))
        row |= shares_of_structures(result.labels, structures)
    return row | {"trusted": float(result.verdict == "trust"), "CPU s": seconds}


def print_group(title: str, cases: list[Case]) -> None:
    """Print the figures of each scan, and their means and lowest ones by setting."""
    print(f"\n{title}", flush=True)
    for setting, words in SETTINGS.items():
        rows = []
        for case in cases:
            rows.append(measured(case, words))
            print(f"  {case.truth.parent.name:<12}{setting:<15}", _listed(rows[-1]), flush=True)
        for name, over in (("MEAN", np.mean), ("LOWEST", np.min)):
            summary = {key: float(over([row[key] for row in rows])) for key in rows[0]}
            print(f"  {name:<12}{setting:<15}", _listed(summary), flush=True)
    for peer, row in PEERS.get(title, {}).items():
        print(f"  PEER        {peer:<15} {row}")


def _listed(row: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in row.items())


def print_coil(folder: Path) -> None:
    """Print how one head without coil normalisation agrees with itself with it, the mask given."""
    raw, normalised = (
        mriseg.segment(folder / f"{name}_T1w.nii.gz", mask=folder / "brain_mask.nii.gz")
        for name in ("raw", "normalised")
    )
    print("\nhead coil, raw against normalised: Dice, and ratios of volumes")
    print("  Dice   ", _listed(figures(raw.labels, normalised.labels, normalised.mask)))
    ratios = {t: raw.volumes[t].ml / normalised.volumes[t].ml for t in TISSUES}
    print("  volumes", _listed(ratios), flush=True)


def print_contrasts_of_patients(folder: Path) -> None:
    """Print the volume of GM in T2 and FLAIR of the patients with multiple sclerosis against that in T1."""
    print("\nms03, ms04: volume of GM over that in T1, own masks")
    for name in ("ms03", "ms04"):
        in_t1 = mriseg.segment(_t1_scans(folder, name)[0])
        print(f"  {name}  T1 {in_t1.volumes['GM'].ml:.0f} ml")
        for kind in ("T2w", "FLAIR"):
            result = mriseg.segment(folder / "contrasts" / name / f"{kind}.nii.gz")
            ratio = result.volumes["GM"].ml / in_t1.volumes["GM"].ml
            print(f"  {name}  {kind:<5} as {result.contrast:<6} {ratio:.3f}  {result.verdict}", flush=True)


def print_simulations(model: Path) -> None:
    """Print a table over noise and bias for scans simulated from a label map."""
    volume = load_map(model)
    labels = np.rint(volume.data).astype(int)
    print(
        "\nsimulated: noise %, bias %; Dice CSF GM WM; sd of the log ratio of the fields; calibration error"
    )
    for noise, bias in SIMULATIONS:
        phantom = simulate(labels, volume.canonical_affine, tissues=BRAINWEB, noise=noise, bias=bias)
        scan = new_volume(phantom.data, phantom.affine, Path(tempfile.gettempdir()) / "simulated.nii.gz")
        result = mriseg.segment(scan, stripped=True)
        brain = (phantom.labels > 0) & result.mask
        ratio = np.log(result.field.on_grid(brain.shape)[brain] / phantom.field[brain])
        shares = np.stack([phantom.fractions[LABELS[t]][brain] for t in TISSUES], axis=1)
        posteriors = np.stack([result.posteriors[t][brain] for t in TISSUES], axis=1)
        row = figures(result.labels, phantom.labels, phantom.labels > 0)
        error = calibration_error(posteriors, shares / shares.sum(axis=1, keepdims=True))
        print(
            f"  {noise} {bias:>3}  ",
            *(f"{value:.3f}" for value in row.values()),
            f" {ratio.std():.4f}  {error:.3f}",
        )


def main() -> None:
    """Print all tables."""
    folder = Path(sys.argv[1])
    for title, cases in groups_of(folder).items():
        print_group(title, cases)
    print_coil(folder / "coil")
    print_contrasts_of_patients(folder)
    print_simulations(folder / "phantom_models" / "brainweb_crisp.nii.gz")


if __name__ == "__main__":
    main()
