"""Learn the bounds of `mriseg.quality.agreement` from a table of `benchmark_verdict.py run`.

Usage: python scripts/learn_agreement.py TABLE.tsv...

Writes mriseg/assets/agreement.json, and prints how well the bounds hold and what the verdict would be worth
with one head, and with one kind of damage, left out at a time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from benchmark_verdict import TISSUES, choices, losses_of, read, summarised
from scipy.optimize import linprog

from mriseg.quality.agreement import TERMS
from mriseg.quality.constants import MAX_TRUSTED_LOSS

OUTPUT = Path(__file__).parent.parent / "mriseg" / "assets" / "agreement.json"
QUANTILE = 0.9
# Dice per unit of a term: what a coefficient must earn to be above 0.
SPARSITY = 0.002
# Dice: the bound of scans without any excess is not higher.
MAX_BASE = 0.04
# Percentile of scans without damage to their quality: the worst that is usual.
USUAL_PERCENTILE = 75
# Their kinds.
UNDAMAGED = ("plain", "turned", "field", "tumour")
# Kinds of damage that other checks are for: what is missing or left over does not show in these figures.
ELSEWHERE = ("crop", "strip")


def fitted(terms: np.ndarray, losses: dict[str, np.ndarray], undamaged: np.ndarray) -> dict:
    """Fit the bounds (1) of `mriseg.quality.agreement` to terms (N, I) and losses (N,) of tissues.

    `undamaged`, shape (N,), are the scans that say what is usual.
    """
    usual = np.where(np.isfinite(terms), terms, np.nan)
    references = np.nanpercentile(usual[undamaged], USUAL_PERCENTILE, axis=0)
    excess = np.maximum(terms - references, 0)
    # Of one scale, so that the penalty is fair.
    scale = np.maximum(np.percentile(excess, 98, axis=0), np.finfo(float).eps)
    excess /= scale
    found: dict = {
        "Base": {},
        "Terms": {name: {"Reference": float(r)} for name, r in zip(TERMS, references, strict=True)},
    }
    for tissue, loss in losses.items():
        n, size = excess.shape
        equations = np.hstack([np.ones((n, 1)), excess, np.eye(n), -np.eye(n)])
        costs = np.concatenate(
            [[0], np.full(size, SPARSITY * n), np.full(n, QUANTILE), np.full(n, 1 - QUANTILE)]
        )
        bounds = [(0, MAX_BASE)] + [(0, None)] * (size + 2 * n)
        solution = linprog(costs, A_eq=equations, b_eq=loss, bounds=bounds, method="highs").x
        found["Base"][tissue] = float(solution[0])
        for name, coefficient in zip(TERMS, solution[1 : 1 + size] / scale, strict=True):
            found["Terms"][name][tissue] = float(coefficient)
    return found


def bounds_of(found: dict, terms: np.ndarray) -> dict[str, np.ndarray]:
    """Return the bound of each tissue for terms (N, I)."""
    references = [found["Terms"][name]["Reference"] for name in TERMS]
    excess = np.maximum(terms - references, 0)
    return {
        tissue: found["Base"][tissue] + excess @ [found["Terms"][name][tissue] for name in TERMS]
        for tissue in TISSUES
    }


def main(tables: list[Path]) -> None:
    """Learn, check and write."""
    rows = [row for table in tables for row in read(table)]
    losses = losses_of(rows)
    rows = [row for row in rows if row["verdict"] != "refused"]
    terms = np.array([[term.value_of(row) for term in TERMS.values()] for row in rows])
    lost = {
        tissue: np.array([losses[row["head"], row["damage"]][tissue] for row in rows]) for tissue in TISSUES
    }
    used = np.array([row["kind"] not in ELSEWHERE for row in rows])
    undamaged = np.array([row["kind"] in UNDAMAGED for row in rows])
    for left_out in ("head", "kind"):
        groups = np.array([row[left_out] for row in rows])
        bounds = {tissue: np.zeros(len(rows)) for tissue in TISSUES}
        for group in np.unique(groups):
            kept = used & (groups != group)
            found = fitted(
                terms[kept], {tissue: loss[kept] for tissue, loss in lost.items()}, undamaged[kept]
            )
            for tissue, bound in bounds_of(found, terms[groups == group]).items():
                bounds[tissue][groups == group] = bound
        print(f"\nleft out: one {left_out} at a time")
        summarised(rows, lost, bounds, MAX_TRUSTED_LOSS)
        choices(rows, lost, bounds)
    found = fitted(terms[used], {tissue: loss[used] for tissue, loss in lost.items()}, undamaged[used])
    plain = [row for row in rows if row["kind"] == "plain"]
    found["Usual"] = {
        tissue: float(np.median([row[f"dice_{tissue}"] for row in plain])) for tissue in TISSUES
    }
    found["Quantile"] = QUANTILE
    OUTPUT.write_text(json.dumps(_rounded(found), indent=2) + "\n")
    print(json.dumps(_rounded(found), indent=1))


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return float(f"{value:.4g}")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
