"""Time mriseg's GaussianMixture against scikit-learn's: same data, model, start and number of iterations.

    python scripts/benchmark_mixture.py [--json FILE] [--only NAME] [--repeats N] [--large]

Runs of the two alternate, each a process of its own, so that its peak memory is its own. Times are CPU
seconds of ``fit`` and of ``predict_proba``, medians over the repeats; a ratio is scikit-learn's time over
ours, beside what it should at least be. Memory is the peak of ``fit`` over what the process held with the
data in it. ``--large`` adds fits of 2,048 components, which scikit-learn is spared.

`select_model` has no counterpart in Python: its rows are times, to be compared with those of other versions
of the code (``PYTHONPATH`` names another).
"""

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

# name: (observations, dimensions, components, model, iterations, dtype, at least of fit and predict_proba)
CASES = {
    "1e6, 3, 3 full": (1_000_000, 3, 3, "full", 20, "float64", (3, 4)),
    "2e5, 10, 8 full": (200_000, 10, 8, "full", 20, "float64", (1.5, 1.5)),
    "1e5, 50, 16 full": (100_000, 50, 16, "full", 5, "float64", (1, 1)),
    "1e5, 50, 16 tied": (100_000, 50, 16, "tied", 5, "float64", (1, 1)),
    "1e5, 50, 16 spherical": (100_000, 50, 16, "spherical", 10, "float64", (1, 1)),
    "2e4, 200, 5 full": (20_000, 200, 5, "full", 5, "float64", (1, 1)),
    "2e4, 200, 5 tied": (20_000, 200, 5, "tied", 5, "float64", (1, 1)),
    "1e5, 24, 512 diag": (100_000, 24, 512, "diag", 3, "float64", (3, 2)),
    "1.5e6 whole numbers": (1_500_000, 1, 3, "whole", 30, "float64", (2, 2)),
    # The default start of both sides, and their default criterion of convergence.
    "1.5e6 distinct, 1-D": (1_500_000, 1, 3, "default", 0, "float64", (2, 2)),
}
LARGE = {
    "1e6, 24, 2048 diag float32": (1_000_000, 24, 2048, "diag", 1, "float32", (1, 1)),
    "1e6, 24, 2048 full float32": (1_000_000, 24, 2048, "full", 1, "float32", (1, 1)),
}
TABLES = ("faithful", "iris")
REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference"


def data(n: int, dimensions: int, n_components: int, model: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw points around K centres, or voxels in one dimension; return them and starting means."""
    generator = np.random.default_rng(0)
    if dimensions == 1:
        tissue = generator.choice(3, n, p=[0.15, 0.5, 0.35])
        points = generator.normal(np.array([200, 500, 700])[tissue], np.array([50, 60, 40])[tissue])
        points = np.rint(np.maximum(points, 1)) if model == "whole" else points
        return points[:, None], np.array([[250.0], [450], [650]])
    centres = generator.normal(scale=2 / dimensions**0.5, size=(n_components, dimensions))
    points = generator.standard_normal((n, dimensions), dtype=np.float32).astype(dtype)
    points += centres[generator.integers(n_components, size=n)].astype(dtype)
    return points, centres + generator.normal(scale=0.3, size=centres.shape)


def mixture_of(case: str, side: str, X: np.ndarray, means: np.ndarray) -> object:
    """Return the unfitted mixture of one side: the same start and number of iterations for both."""
    _, dimensions, K, model, iterations, dtype, _ = (CASES | LARGE)[case]
    if side == "mriseg":
        from mriseg.mixture import GaussianMixture
    else:
        from sklearn.mixture import GaussianMixture
    if model == "default":
        return GaussianMixture(K, random_state=0)
    kind = "full" if model == "whole" else model
    precision = 1 / float(X.var())
    eye = np.eye(dimensions)
    shapes = {"full": np.tile(eye, (K, 1, 1)), "tied": eye, "diag": np.ones((K, dimensions))}
    precisions = (precision * shapes.get(kind, np.ones(K))).astype(dtype)
    return GaussianMixture(
        K, covariance_type=kind, tol=0, max_iter=iterations, reg_covar=0,
        weights_init=np.full(K, 1 / K), means_init=means, precisions_init=precisions,
    )  # fmt: skip


def run(case: str, side: str) -> dict[str, float]:
    """Fit one case with one of the two libraries, in this process."""
    n, dimensions, K, model, _, dtype, _ = (CASES | LARGE)[case]
    X, means = data(n, dimensions, K, model, dtype)
    mixture = mixture_of(case, side, X, means)
    type(mixture)(1).fit(X[:100, :1]).predict_proba(X[:100, :1])  # imports what is lazy
    before = peak()
    began = time.process_time()
    mixture.fit(X)
    fitted = time.process_time()
    after = peak()
    mixture.predict_proba(X)
    return {
        "fit": fitted - began,
        "predict_proba": time.process_time() - fitted,
        "iterations": int(mixture.n_iter_),
        "data_mb": X.nbytes / 1e6,
        "over_data_mb": after - before,
        "score": float(mixture.score(X[:1000])),
    }


def run_selection(name: str) -> dict[str, float]:
    """Select a model of one of R's data sets, in this process."""
    from mriseg.mixture import select_model

    with (REFERENCE / f"{name}.csv").open() as file:
        X = np.array([[float(cell) for cell in row[:4]] for row in list(csv.reader(file))[1:]])
    select_model(X, [1, 2], ["VVV"])  # imports what is lazy
    began = time.process_time()
    best = select_model(X).best
    return {"fit": time.process_time() - began, "bic": float(best.bic(X))}


def peak() -> float:
    """Return the largest memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def in_process(case: str, side: str) -> dict[str, float]:
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "--run", case, side]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def median(results: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {key: statistics.median(result[key] for result in results) for key in results[0]}


def compare(case: str, sides: list[str], repeats: int) -> dict[str, dict[str, float]]:
    """Return the medians of both sides over runs that alternate."""
    rounds = [{side: in_process(case, side) for side in sides} for _ in range(repeats)]
    return {side: median([results[side] for results in rounds]) for side in sides}


def line(case: str, figures: dict[str, dict[str, float]]) -> str:
    """Return the row of one case."""
    ours, theirs = figures["mriseg"], figures.get("sklearn")
    if "iterations" not in ours:
        return f"{case:27} {ours['fit']:8.2f}"
    cells = [f"{case:27}"]
    for step, least in zip(("fit", "predict_proba"), (CASES | LARGE)[case][-1], strict=True):
        ratio = f"{theirs[step]:8.2f} {theirs[step] / ours[step]:5.1f} ({least})" if theirs else ""
        cells.append(f"{ours[step]:8.2f} {ratio:20}")
    cells.append(f"{ours['over_data_mb']:6.0f}" + (f" {theirs['over_data_mb']:6.0f}" if theirs else ""))
    cells.append(f"  {ours['iterations']:g}" + (f" {theirs['iterations']:g}" if theirs else ""))
    return " ".join(cells)


def main() -> None:
    """Print the table of ratios, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", nargs=2, metavar=("CASE", "SIDE"), help="run once; print JSON")
    parser.add_argument("--only", help="one case, by its name")
    parser.add_argument("--large", action="store_true", help="the 2,048-component fits too")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", help="write the figures here")
    options = parser.parse_args()
    if options.run:
        warnings.simplefilter("ignore")
        case, side = options.run
        print(json.dumps(run_selection(case) if case in TABLES else run(case, side)))
        return
    cases = [options.only] if options.only else [*CASES, *(LARGE if options.large else ()), *TABLES]
    print(f"{'N, D, K':27} {'fit: ours, theirs, ratio':29} {'predict_proba':29} MB over data  iterations")
    figures = {}
    for case in cases:
        one_sided = case in LARGE or case in TABLES
        figures[case] = compare(case, ["mriseg"] if one_sided else ["mriseg", "sklearn"], options.repeats)
        print(line(case, figures[case]), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
