"""Segment damaged scans with known truth and record what is lost, the verdict and the image quality figures.

Usage: python scripts/benchmark_verdict.py run DATA_DIR TABLE.tsv [PART OF_PARTS]
       python scripts/benchmark_verdict.py report TABLE.tsv...

`run` adds a row for each head of DATA_DIR and damage of `degraded_scans` that TABLE.tsv does not hold yet;
PART OF_PARTS takes every n-th, for several processes with a table each. `report` prints what the verdict is
worth: false trust and false alarm by kind of damage, and how often the predicted bound holds; and draws
docs/images/verdict_reliability.png.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from degraded_scans import DAMAGES, Damage, Head, heads, on_grid_of

import mriseg
from mriseg.errors import MrisegError
from mriseg.evaluation.metrics import dice
from mriseg.quality.agreement import FIGURE_OF_TISSUE, predicted_agreement, predicted_loss
from mriseg.quality.constants import MAX_TRUSTED_LOSS

TISSUES = {"GM": 1, "WM": 2}
# Dice lost in GM or WM: what counts as bad from here on, and as good below.
BAD_LOSS, GOOD_LOSS = 0.1, 0.05
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "verdict_reliability.png"


def row_of(head: Head, kind: str, name: str, damage: Damage) -> dict[str, object]:
    """Damage a head, segment it, and return Dice, verdict, warnings and figures."""
    rng = np.random.default_rng(zlib.crc32(f"{head.name} {name}".encode()))
    data, affine = damage(head.data, head.affine, head.brain, rng)
    row: dict[str, object] = {"head": head.name, "kind": kind, "damage": name}
    try:
        with tempfile.TemporaryDirectory() as folder:
            scan = Path(folder) / "damaged_T1w.nii"
            nib.save(nib.Nifti1Image(data.astype(np.float32), affine), scan)
            result = mriseg.segment(scan)
    except MrisegError as error:
        return row | {"verdict": "refused", "warnings": str(error)[:80]}
    labels = on_grid_of(result.labels, affine, head.truth.shape, head.affine)
    inside = head.data > 0 if head.stripped else head.truth > 0
    agreement = {
        f"dice_{tissue}": dice((labels == label) & inside, (head.truth == label) & inside)
        for tissue, label in TISSUES.items()
    }
    row |= agreement | {"verdict": result.verdict}
    row["warnings"] = " ".join(sorted({w.code for w in result.warnings if w.severity != "note"}))
    return row | dict(result.quality.values)


def run(folder: Path, table: Path, part: int = 0, parts: int = 1) -> None:
    """Add the rows that the table lacks."""
    rows = read(table) if table.exists() else []
    done = {(row["head"], row["damage"]) for row in rows}
    cases = [(head, kind, name) for head in heads(folder) for kind in DAMAGES for name in DAMAGES[kind]]
    for number, (head, kind, name) in enumerate(cases):
        if number % parts == part and (head.name, name) not in done:
            rows.append(row_of(head, kind, name, DAMAGES[kind][name]))
            write(table, rows)
            print(*list(rows[-1].values())[:7], flush=True)


def read(table: Path) -> list[dict[str, object]]:
    """Read a table; figures as numbers."""
    with table.open(newline="") as file:
        return [
            {key: _number(value) for key, value in row.items()}
            for row in csv.DictReader(file, delimiter="\t")
        ]


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def write(table: Path, rows: list[dict[str, object]]) -> None:
    """Write a table."""
    columns = max(rows, key=len)
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="nan", delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


def losses_of(rows: list[dict[str, object]]) -> dict[tuple[object, object], dict[str, float]]:
    """Return the Dice that each run lost against its head without damage, by head and damage."""
    plain = {row["head"]: row for row in rows if row["kind"] == "plain"}
    return {
        (row["head"], row["damage"]): {
            tissue: plain[row["head"]][f"dice_{tissue}"] - row[f"dice_{tissue}"] for tissue in TISSUES
        }
        for row in rows
        if row["verdict"] != "refused" and row["head"] in plain
    }


def judged(
    rows: list[dict[str, object]],
    lost: dict[str, np.ndarray],
    bounds: dict[str, np.ndarray],
    most: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return which runs are bad, which good, which trusted, and which have another warning than the bound's.

    A run is trusted if no other warning was given and no bound exceeds `most`.
    """
    worst, bound = (np.max(list(figures.values()), axis=0) for figures in (lost, bounds))
    other = np.array([row["warnings"] not in ("", "agreement-low") for row in rows])
    return worst >= BAD_LOSS, worst < GOOD_LOSS, ~other & (bound <= most), other


def summarised(
    rows: list[dict[str, object]],
    lost: dict[str, np.ndarray],
    bounds: dict[str, np.ndarray],
    most: float,
) -> None:
    """Print false trust and false alarm by kind of damage, and how often the bounds hold."""
    bad, good, trusted, other = judged(rows, lost, bounds, most)
    kinds = np.array([row["kind"] for row in rows])
    print("kind          runs  lost .10 and more: trusted   lost under .05: not trusted (by the bound)")
    for kind in [*np.unique(kinds), "all"]:
        of_kind = (kinds == kind) | (kind == "all")
        alarms = good & of_kind & ~trusted
        counts = f"{(bad & of_kind & trusted).sum():11} of {(bad & of_kind).sum():3}"
        counts += f"{alarms.sum():18} of {(good & of_kind).sum():3} ({(alarms & ~other).sum()})"
        print(f"{kind:<12} {of_kind.sum():5} {counts}")
    held = {tissue: float((lost[tissue] <= bounds[tissue]).mean()) for tissue in TISSUES}
    print("bound holds: " + ", ".join(f"{tissue} {share:.2f}" for tissue, share in held.items()))


def choices(
    rows: list[dict[str, object]], lost: dict[str, np.ndarray], bounds: dict[str, np.ndarray]
) -> None:
    """Print what the largest predicted loss that is trusted costs, for some to choose from."""
    for most in np.arange(0.06, 0.15, 0.01):
        bad, good, trusted, _ = judged(rows, lost, bounds, float(most))
        shares = [
            float(some.sum() / of.sum()) for some, of in ((bad & trusted, bad), (good & ~trusted, good))
        ]
        print(f"trusted up to {most:.2f}: {shares[0]:6.1%} of bad trusted, {shares[1]:6.1%} of good not")


def draw(rows: list[dict[str, object]], path: Path) -> None:
    """Draw the Dice that each run reached against the predicted bound, by tissue and kind of damage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.4), layout="constrained")
    kinds = sorted({str(row["kind"]) for row in rows}, key=lambda kind: (kind != "plain", kind))
    axes = figure.subplots(1, len(TISSUES), sharex=True, sharey=True)
    for axis, tissue in zip(axes, TISSUES, strict=True):
        for number, kind in enumerate(kinds):
            points = [
                (predicted_agreement(row)[FIGURE_OF_TISSUE[tissue]], row[f"dice_{tissue}"])
                for row in rows
                if row["kind"] == kind
            ]
            marker = "o^"[number // 10]
            axis.scatter(*zip(*points, strict=True), s=22, marker=marker, color=f"C{number % 10}", label=kind)
        axis.axline((0.5, 0.5), slope=1, color="0.4", linewidth=1)
        axis.set(title=tissue, xlabel="predicted: nine of ten reach more", xlim=(0.5, 0.9), ylim=(0.5, 1))
    axes[0].set_ylabel("Dice with the truth")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=9, frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def report(tables: list[Path]) -> None:
    """Print and draw what the verdict is worth with the bounds that the package has."""
    rows = [row for table in tables for row in read(table)]
    losses = losses_of(rows)
    rows = [row for row in rows if (row["head"], row["damage"]) in losses]
    lost = {
        tissue: np.array([losses[row["head"], row["damage"]][tissue] for row in rows]) for tissue in TISSUES
    }
    bounds = {tissue: np.array([predicted_loss(row)[tissue] for row in rows]) for tissue in TISSUES}
    summarised(rows, lost, bounds, MAX_TRUSTED_LOSS)
    draw(rows, PICTURE)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:6]))
    else:
        report([Path(argument) for argument in sys.argv[2:]])
