"""Time mriseg's GaussianMixture against scikit-learn's: same data, model, start and number of iterations.

    python scripts/benchmark_mixture.py [--json FILE] [--only NAME] [--large]

Every run is a process of its own, so that its peak memory is its own. Times are of ``fit`` alone, after the
data are made; the ratio is scikit-learn's over ours. ``--large`` adds the 2,048-component fit, which
scikit-learn is spared.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

# name: (observations, dimensions, components, model, iterations, dtype, whole numbers)
CASES = {
    "voxels 1-D": (1_500_000, 1, 3, "full", 30, "float64", True),
    "D=4 K=8 full": (200_000, 4, 8, "full", 20, "float64", False),
    "D=24 K=512 diag": (200_000, 24, 512, "diag", 3, "float64", False),
    "D=24 K=2048 diag float32": (1_000_000, 24, 2048, "diag", 1, "float32", False),
    "D=24 K=2048 full float32": (1_000_000, 24, 2048, "full", 1, "float32", False),
}


def data(
    n: int, dimensions: int, n_components: int, dtype: str, *, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points around K centres, or voxels in whole numbers; return them and starting means."""
    generator = np.random.default_rng(0)
    if whole:
        tissue = generator.choice(3, n, p=[0.15, 0.5, 0.35])
        points = generator.normal(np.array([200, 500, 700])[tissue], np.array([50, 60, 40])[tissue])
        return np.rint(np.maximum(points, 1))[:, None], np.array([[250.0], [450], [650]])
    centres = generator.normal(scale=3, size=(n_components, dimensions))
    points = generator.standard_normal((n, dimensions), dtype=np.float32).astype(dtype)
    points += centres[generator.integers(n_components, size=n)].astype(dtype)
    return points, centres + generator.normal(scale=0.3, size=centres.shape)


def run(case: str, side: str) -> dict[str, object]:
    """Fit one case with one of the two libraries, in this process."""
    n, dimensions, K, model, iterations, dtype, whole = CASES[case]
    X, means = data(n, dimensions, K, dtype, whole=whole)
    variance = float(X.var())
    weights = np.full(K, 1 / K)
    before = peak()
    mixture: object
    if side == "mriseg":
        from mriseg.mixture import GaussianMixture, Parameters

        start = Parameters(weights, means, np.full((K, dimensions), variance))
        mixture = GaussianMixture(K, model=model, init=start, tol=0, max_iter=iterations)
    else:
        from sklearn.mixture import GaussianMixture as ScikitMixture

        precision = {
            "full": np.tile(np.eye(dimensions) / variance, (K, 1, 1)),
            "diag": np.full((K, dimensions), 1 / variance),
        }[model]
        mixture = ScikitMixture(
            K, covariance_type=model, reg_covar=0, tol=0, max_iter=iterations,
            weights_init=weights, means_init=means, precisions_init=precision.astype(dtype),
        )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        mixture.fit(X)
        seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "iterations": int(mixture.n_iter_),
        "data_mb": X.nbytes / 1e6,
        "before_mb": before,
        "peak_mb": peak(),
        "score": float(mixture.score(X[:1000])),
    }


def peak() -> float:
    """Return the largest memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def measure(case: str, side: str, repeats: int) -> dict[str, object]:
    """Run one case in processes of its own; return the fastest of them."""
    command = [sys.executable, __file__, "--run", case, side]
    results = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(repeats)
    ]
    return min(results, key=lambda result: result["seconds"])


def main() -> None:
    """Print the table of ratios, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--run", nargs=2, metavar=("CASE", "SIDE"), help="fit once in this process; print JSON"
    )
    parser.add_argument("--only", help="one case, by its name")
    parser.add_argument("--large", action="store_true", help="the 2,048-component fits too")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", help="write the figures here")
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run(*options.run)))
        return
    figures = {}
    print(f"{'':26} {'':10} {'seconds':^26} {'peak MB':^20}")
    print(f"{'case':26} {'iterations':>10}" + f" {'mriseg':>9} {'sklearn':>9} {'ratio':>6}" * 2)
    for case in [options.only] if options.only else CASES:
        large = "2048" in case
        if large and not (options.large or options.only):
            continue
        ours = measure(case, "mriseg", 1 if large else options.repeats)
        theirs = None if large else measure(case, "sklearn", options.repeats)
        figures[case] = {"mriseg": ours, "sklearn": theirs}
        line = f"{case:26} {ours['iterations']:>10} {ours['seconds']:9.3f}"
        if theirs:
            line += (
                f" {theirs['seconds']:9.3f} {theirs['seconds'] / ours['seconds']:6.1f} {ours['peak_mb']:9.0f}"
            )
            line += f" {theirs['peak_mb']:9.0f} {theirs['peak_mb'] / ours['peak_mb']:6.1f}"
        else:
            line += f" {'':16} {ours['peak_mb']:9.0f}"
        print(line, flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
