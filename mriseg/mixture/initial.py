"""Initial weights, means and covariances that the user gives, alone or together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.fitting import state_from_means
from mriseg.mixture.parameters import Parameters, outer
from mriseg.mixture.validation import check_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike

    from mriseg.mixture.covariance import CovarianceModel
    from mriseg.mixture.maximisation import MStep
    from mriseg.mixture.parameters import FloatArray, Standardization


@dataclass(frozen=True, eq=False)
class InitialValues:
    """Parameters at which EM starts, for standardized data; None where the start sets them.

    Attributes
    ----------
    weights : ndarray of float64, shape (K,), or None
        Weights.
    means : ndarray of float64, shape (K, D), or None
        Means.
    covariances : ndarray of float64, shape (K, D, D), or None
        Covariances.
    """

    weights: FloatArray | None
    means: FloatArray | None
    covariances: FloatArray | None

    @classmethod
    def standardized(
        cls,
        values: tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None],
        model: CovarianceModel,
        standardization: Standardization,
        n_components: int,
    ) -> InitialValues:
        """Return initial values given in the units of the data.

        Parameters
        ----------
        values : tuple of three array-like or None
            Weights (K,); means (K, D); inverses of the covariances, (K, D, D), also (K,) of spherical, (K, D)
            of diagonal, and (D, D) of common ones.
        model : CovarianceModel
            The covariance model.
        standardization : Standardization
            Of the data.
        n_components : int
            K.

        Returns
        -------
        InitialValues

        Raises
        ------
        MixtureError
            If a shape does not fit, the weights are no proportions, or a precision is not positive definite.
        """
        weights, means, precisions = values
        shape = n_components, len(standardization.scale)
        if weights is not None:
            weights = _proportions(check_shape("weights_init", weights, shape[:1]))
        if means is not None:
            means = check_shape("means_init", means, shape)
            means = (means - standardization.centre) / standardization.scale
        if precisions is not None:
            precisions = _inverses(_as_matrices(precisions, model, *shape)) / outer(standardization.scale)
        return cls(weights, means, precisions)

    def starts(
        self, m_step: MStep, states: Iterator[Callable[[], Parameters]]
    ) -> Iterator[Callable[[], Parameters]]:
        """Yield functions that return the initial parameters of each run, these values among them.

        Parameters
        ----------
        m_step : MStep
            The M-step of the fit.
        states : iterator of callables
            Return the initial parameters of each run; needed only for what these values leave open.

        Yields
        ------
        callable
        """
        weights, means, covariances = self.weights, self.means, self.covariances
        if weights is not None and means is not None and covariances is not None:
            whole = Parameters(weights, means, covariances)
            yield lambda: m_step.from_parameters(whole)
        elif means is not None:
            yield lambda: self._replace(m_step, state_from_means(m_step, means))
        else:
            for state in states:
                yield lambda state=state: self._replace(m_step, state())  # type: ignore[misc]

    def _replace(self, m_step: MStep, start: Parameters) -> Parameters:
        """Return a start with weights and covariances replaced where they are given."""
        if self.weights is None and self.covariances is None:
            return start
        weights = start.weights if self.weights is None else self.weights
        covariances = start.matrices if self.covariances is None else self.covariances
        return m_step.from_parameters(Parameters(weights, start.means, covariances))


def _proportions(weights: FloatArray) -> FloatArray:
    """Return weights that sum to one, or raise `MixtureError`."""
    if not (weights.min() >= 0 and np.isclose(weights.sum(), 1)):
        raise MixtureError("weights_init must not be negative, and sum to 1")
    return np.asarray(weights / weights.sum())


def _as_matrices(
    precisions: ArrayLike, model: CovarianceModel, n_components: int, dimensions: int
) -> FloatArray:
    """Return precisions as matrices (K, D, D), whichever of scikit-learn's shapes they have."""
    array = np.asarray(precisions, dtype=float)
    identity = np.eye(dimensions)
    if array.shape == (n_components,):
        return np.asarray(array[:, None, None] * identity)
    if array.shape == (dimensions, dimensions) and not model.diagonal:
        return np.tile(array, (n_components, 1, 1))
    if array.shape == (n_components, dimensions):
        return np.asarray(array[:, :, None] * identity)
    return check_shape("precisions_init", array, (n_components, dimensions, dimensions))


def _inverses(precisions: FloatArray) -> FloatArray:
    """Return the inverses of symmetric positive definite matrices, or raise `MixtureError`."""
    symmetric = np.allclose(precisions, np.swapaxes(precisions, 1, 2))
    if not symmetric or not np.linalg.eigvalsh(precisions).min() > 0:
        raise MixtureError("precisions_init must be symmetric and positive definite")
    return np.asarray(np.linalg.inv(precisions))
