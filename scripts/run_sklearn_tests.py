"""Run scikit-learn's own tests of its mixtures, as installed, on mriseg's classes.

    python scripts/run_sklearn_tests.py [PYTEST OPTION]...

The classes stand in under a shim of spellings: scikit-learn's defaults, shapes and dtypes of its parameters,
order of its samples, private methods that tests call. Errors and warnings must be of the type that a test
expects; their words are not compared. What a test fails by is printed; docs/mixture.md says why. Tests of
scikit-learn's private functions run on scikit-learn itself and are counted apart.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sklearn.mixture

from mriseg.mixture import BayesianGaussianMixture, GaussianMixture, Parameters

if TYPE_CHECKING:
    from collections.abc import Callable

# scikit-learn's defaults where ours differ.
DEFAULTS = {"covariance_type": "full", "init_params": "kmeans", "tol": 1e-3, "max_iter": 100}
# Tests of functions that are scikit-learn's own; they pass whatever stands in.
PRIVATE = (
    "test_log_dirichlet_norm", "test_log_wishart_norm", "test_suffstat", "test_gaussian_suffstat",
    "test_compute_log_det_cholesky",
)  # fmt: skip


def by_type(matrices: np.ndarray, kind: str) -> np.ndarray:
    """Return matrices (K, D, D) in the shape that scikit-learn gives them."""
    if kind == "tied":
        return matrices[0]
    diagonals = np.diagonal(matrices, axis1=1, axis2=2)
    return {"full": matrices, "diag": diagonals, "spherical": diagonals[:, 0]}[kind]


def matrices_of(covariances: np.ndarray, kind: str, n_components: int, dimensions: int) -> np.ndarray:
    """Return covariances in scikit-learn's shape as matrices (K, D, D)."""
    eye = np.eye(dimensions)
    if kind in {"full", "tied"}:
        return np.broadcast_to(covariances, (n_components, dimensions, dimensions))
    return np.reshape(covariances, (n_components, -1, 1)) * eye


class Spellings:
    """Attributes in scikit-learn's shapes and dtypes, and its private methods that tests call."""

    dtype = np.dtype(float)

    def fit(self, X: object, y: None = None, sample_weight: object = None) -> object:
        """Fit, and remember the dtype of the data."""
        super().fit(X, y, sample_weight)
        self.dtype = np.result_type(np.asarray(X).dtype, np.float32)
        if hasattr(self, "covariance_prior_"):
            self._respell_posterior()
        return self

    def _respell_posterior(self) -> None:
        self.covariance_prior_ = by_type(self.covariance_prior_[None], self.covariance_type)
        if self.covariance_type in {"diag", "spherical"}:
            self.covariance_prior_ = self.covariance_prior_[0]
        if self.covariance_type == "tied":
            self.degrees_of_freedom_ = self.degrees_of_freedom_[0]

    @property
    def weights_(self) -> np.ndarray:
        """Weights in the dtype of the data."""
        return super().weights_.astype(self.dtype)

    @property
    def means_(self) -> np.ndarray:
        """Means in the dtype of the data."""
        return super().means_.astype(self.dtype)

    @property
    def covariances_(self) -> np.ndarray:
        """Covariances by type."""
        return by_type(self._fitted().matrices, self.covariance_type).astype(self.dtype)

    @property
    def precisions_(self) -> np.ndarray:
        """Precisions by type."""
        return by_type(np.linalg.inv(self._fitted().matrices), self.covariance_type).astype(self.dtype)

    @property
    def precisions_cholesky_(self) -> np.ndarray:
        """Cholesky factors of the precisions by type."""
        factors = np.linalg.inv(np.linalg.cholesky(self._fitted().matrices))
        return by_type(np.swapaxes(factors, 1, 2), self.covariance_type).astype(self.dtype)

    @property
    def lower_bounds_(self) -> np.ndarray:
        """The bound after each iteration."""
        return self.history_[1:]

    def sample(self, n_samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return points in the order of their components."""
        points, labels = super().sample(n_samples)
        order = np.argsort(labels, kind="stable")
        return points[order], labels[order]

    def score_samples(self, X: object) -> np.ndarray:
        """Log-density in the dtype of the data."""
        return super().score_samples(X).astype(self.dtype)

    def _n_parameters(self) -> int:
        return self.n_parameters_

    def _set_parameters(self, parameters: tuple[np.ndarray, ...]) -> None:
        weights, means, covariances, _ = parameters
        self.dtype, shape = means.dtype, means.shape
        self.parameters_ = Parameters(weights, means, matrices_of(covariances, self.covariance_type, *shape))

    def _initialize(self, X: np.ndarray, resp: np.ndarray) -> None:
        self.set_params(n_components=resp.shape[1], init=resp, init_params=None, max_iter=0).fit(X)

    def _check_parameters(self, X: np.ndarray) -> None:
        """Do nothing: `fit` checks."""

    def _initialize_parameters(self, X: np.ndarray, random_state: object) -> None:  # noqa: ARG002
        self.set_params(max_iter=0).fit(X)


def shim(ours: type) -> type:
    """Return one of our classes under scikit-learn's spellings."""
    names = ours().get_params()
    defaults = {name: value for name, value in DEFAULTS.items() if name in names}

    class Shim(Spellings, ours):
        def __init__(self, n_components: int = 1, **settings: object) -> None:
            # scikit-learn's generator is another than that of numpy.random.Generator: it gives a seed.
            if isinstance(settings.get("random_state"), np.random.RandomState):
                settings["random_state"] = int(settings["random_state"].randint(2**31))
            super().__init__(n_components, **{**defaults, **settings})

        @classmethod
        def _names(cls) -> list[str]:
            return list(names)

    Shim.__name__ = Shim.__qualname__ = ours.__name__
    return Shim


def without_words(check: Callable) -> Callable:
    """Return ``pytest.raises`` or ``pytest.warns`` that takes any text."""

    def wrapped(kind: type, *args: object, match: str | None = None, **settings: object) -> object:  # noqa: ARG001
        return check(kind, *args, **settings)

    return wrapped


class Count:
    """Plugin that counts the outcomes, those of scikit-learn's own functions apart."""

    def __init__(self) -> None:
        self.passed = self.private = 0
        self.failed = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one outcome."""
        if report.when != "call" or report.skipped:
            return
        name = report.nodeid.split("::", 1)[1]
        if name.startswith(PRIVATE):
            self.private += 1
        elif report.passed:
            self.passed += 1
        else:
            self.failed[name] = str(report.longrepr.reprcrash.message).splitlines()[0]


def main() -> int:
    """Run the tests, print what failed and the count; return 1 if any failed."""
    os.environ.setdefault("SKLEARN_RUN_FLOAT32_TESTS", "1")
    pytest.raises, pytest.warns = without_words(pytest.raises), without_words(pytest.warns)
    sklearn.mixture.GaussianMixture = shim(GaussianMixture)
    sklearn.mixture.BayesianGaussianMixture = shim(BayesianGaussianMixture)
    count = Count()
    options = ["--pyargs", "sklearn.mixture.tests", "-q", "-p", "no:cacheprovider", "--tb=no", "--no-summary"]
    pytest.main([*options, *sys.argv[1:]], plugins=[count])
    for name, message in count.failed.items():
        print(f"{name}: {message}")
    total = count.passed + len(count.failed)
    print(f"{count.passed} of {total} pass; {count.private} more test scikit-learn's own functions")
    return int(bool(count.failed))


if __name__ == "__main__":
    sys.exit(main())
