"""Warnings about a fit, and the error before it, as users of scikit-learn catch them."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mriseg.errors import MixtureError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class NotFittedError(MixtureError, AttributeError):
    """A mixture that is asked about its parameters before it has any."""


class MixtureWarning(UserWarning):
    """A fit that succeeded but should not be believed as it stands."""


class VarianceFloorWarning(MixtureWarning):
    """A component rests on the smallest variance that the fit admits: it describes a point or a plane."""


class NotConvergedWarning(MixtureWarning):
    """EM ended before its criterion was met."""


class Fit(Protocol):
    """What is known of a fit."""

    converged_: bool
    n_iter_: int
    history_: NDArray[Any]
    at_floor_: NDArray[np.bool_]

    # Read only, since a mixture may take them from the settings of another.
    @property
    def max_iter(self) -> int:
        """Maximum number of iterations."""

    @property
    def tol(self) -> float:
        """Tolerance of the convergence criterion."""

    @property
    def verbose(self) -> int:
        """Whether to print a line about the fit."""


def report_fit(fit: Fit) -> None:
    """Warn where EM did not converge or a component rests on the variance floor; print if it is verbose.

    Parameters
    ----------
    fit : Fit
        A fitted mixture. With ``max_iter`` or ``tol`` of 0 it was the number of iterations that was asked
        for, and nothing is said of convergence.
    """
    if fit.verbose:
        end = "converged" if fit.converged_ else "stopped"
        sys.stdout.write(f"EM {end} after {fit.n_iter_} iterations at {fit.history_[-1]:.10g}\n")
    if not fit.converged_ and fit.max_iter > 0 and fit.tol > 0:
        message = (
            f"EM did not converge in {fit.max_iter} iterations: raise max_iter or tol, or start otherwise"
        )
        warnings.warn(
            message, _known_to_scikit_learn(NotConvergedWarning, "ConvergenceWarning"), stacklevel=3
        )
    if fit.at_floor_.any():
        message = (
            f"component {', '.join(map(str, np.flatnonzero(fit.at_floor_)))} rests on the variance floor: it "
            "describes a point or a plane; ask for fewer components, a simpler model or a prior, or set "
            "reg_covar"
        )
        warnings.warn(message, VarianceFloorWarning, stacklevel=3)


@contextmanager
def unwarned() -> Iterator[None]:
    """Silence `MixtureWarning` in a block whose fits are steps on the way, or are judged otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MixtureWarning)
        yield


def not_fitted_error(name: str) -> Exception:
    """Return the error to raise before the fit of an estimator.

    Parameters
    ----------
    name : str
        Of its class.

    Returns
    -------
    NotFittedError
        An instance of scikit-learn's class as well where that has been imported.
    """
    error: Exception = _known_to_scikit_learn(NotFittedError, "NotFittedError")(
        f"this {name} is not fitted yet: call fit first"
    )
    return error


def _known_to_scikit_learn(category: Any, name: str) -> Any:
    """Return a subclass of a category and of scikit-learn's of that name where that has been imported."""
    exceptions = sys.modules.get("sklearn.exceptions")
    if exceptions is None:
        return category
    return _both(category, getattr(exceptions, name))


@cache
def _both(category: type[Exception], theirs: type[Exception]) -> type[Exception]:
    """Return one subclass of two exceptions."""
    # Pickled as the category itself, since the subclass has no name to be found by.
    members = {"__reduce__": lambda self: (category, self.args)}
    return type(category.__name__, (category, theirs), members)
