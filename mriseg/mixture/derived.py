"""Mixtures with known parameters, and those that follow from others: marginal and conditional ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import conditional
from mriseg.mixture.criteria import MixtureWithCriteria
from mriseg.mixture.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import ArrayLike

    from mriseg.mixture.parameters import FloatArray


class MixtureOfParameters(MixtureWithCriteria):
    """Mixture that can be made from parameters, and its marginal and conditional mixtures."""

    @classmethod
    def from_parameters(cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> Self:
        """Return a mixture with known parameters.

        Parameters
        ----------
        weights : array-like, shape (K,)
            Mixing proportions.
        means : array-like, shape (K, D); in one dimension also (K,)
            Means.
        covariances : array-like, shape (K, D, D); in one dimension also (K,)
            Covariance matrices, or variances.

        Returns
        -------
        GaussianMixture

        Raises
        ------
        MixtureError
            If the shapes do not fit, the weights are no proportions, or a covariance is not positive
            definite.
        """
        weights, means = np.asarray(weights, dtype=float), np.asarray(means, dtype=float)
        means = means.reshape(len(weights), -1)
        covariances = np.asarray(covariances, dtype=float)
        if means.shape[1] == 1:
            covariances = covariances.reshape(-1, 1, 1)
        if covariances.shape != (*means.shape, means.shape[1]):
            raise MixtureError(f"covariances {covariances.shape} do not fit means {means.shape}")
        if weights.min() < 0 or abs(weights.sum() - 1) > 1e-9:
            raise MixtureError("weights must not be negative and sum to 1")
        if not np.linalg.eigvalsh(covariances).min() > 0:
            raise MixtureError("covariances must be positive definite")
        return cls._from(Parameters(weights, means, covariances))

    @classmethod
    def _from(cls, parameters: Parameters) -> Self:
        """Return a mixture with these parameters."""
        mixture = cls()
        mixture.set_params(n_components=len(parameters.weights))
        mixture.parameters_ = parameters
        mixture.n_features_in_ = parameters.means.shape[1]
        return mixture

    def marginal(self, dimensions: Sequence[int]) -> Self:
        """Return the marginal mixture of some dimensions, see `mriseg.mixture.conditional.marginal`.

        Parameters
        ----------
        dimensions : sequence of int, length G
            The dimensions to keep, in the order wanted.

        Returns
        -------
        GaussianMixture
        """
        return self._from(conditional.marginal(self._fitted(), dimensions))

    def condition(self, dimensions: Sequence[int], values: ArrayLike) -> Self:
        """Return the conditional mixture of the other dimensions, see `mriseg.mixture.conditional.condition`.

        Parameters
        ----------
        dimensions : sequence of int, length G
            The given dimensions.
        values : array-like, shape (G,)
            Their values.

        Returns
        -------
        GaussianMixture
        """
        return self._from(conditional.condition(self._fitted(), dimensions, np.asarray(values, dtype=float)))

    def regress(self, dimensions: Sequence[int], X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return conditional means and covariances, see `mriseg.mixture.conditional.regress`.

        Parameters
        ----------
        dimensions : sequence of int, length G
            The given dimensions.
        X : array-like, shape (N, G)
            Their values.

        Returns
        -------
        mean : ndarray of float64, shape (N, D − G)
        covariance : ndarray of float64, shape (N, D − G, D − G)
        """
        return conditional.regress(self._fitted(), dimensions, np.asarray(X, dtype=float))
