"""Mixtures with known parameters, and those that follow from others: marginal, conditional, adapted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture import adaptation, conditional
from mriseg.mixture.criteria import MixtureWithCriteria
from mriseg.mixture.parameters import Parameters, Standardization
from mriseg.mixture.validation import check_sample_weight

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Self

    from numpy.typing import ArrayLike

    from mriseg.mixture.adaptation import BaumWelchStatistics, Part
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

    def baum_welch(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> BaumWelchStatistics:
        """Return the Baum-Welch statistics of data, see `mriseg.mixture.adaptation`.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        BaumWelchStatistics
            Those of several recordings are their sum; ``.about(mixture.means_)`` centres them.
        """
        standardization = Standardization.from_parameters(self._fitted())
        return self._standardized_statistics(X, sample_weight, standardization).inverse_transform(
            standardization
        )

    def adapt(
        self,
        X: ArrayLike,
        *,
        relevance_factor: float = 16.0,
        parts: Collection[Part] = adaptation.MEANS,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Return the mixture adapted to data (MAP adaptation), see `mriseg.mixture.adaptation`.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data: those of one speaker, where this is the background model of many.
        relevance_factor : float
            Observations that this mixture counts for in each component, 0 to infinity; 16 is that of Reynolds
            et al. (2000).
        parts : collection of {"weights", "means", "covariances"}
            What is adapted; the means alone serve speaker verification best.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        GaussianMixture
            Adapted by one iteration; itself is not changed.
        """
        standardization = Standardization.from_parameters(self._fitted())
        statistics = self._standardized_statistics(X, sample_weight, standardization)
        background = standardization.transform_parameters(self._fitted())
        adapted = adaptation.adapt(background, statistics, relevance_factor, parts)
        return self._from(standardization.inverse_transform_parameters(adapted))

    def _standardized_statistics(
        self, X: ArrayLike, sample_weight: ArrayLike | None, standardization: Standardization
    ) -> BaumWelchStatistics:
        """Return the statistics of standardized data."""
        data = self._checked(X)
        return adaptation.baum_welch_statistics(
            standardization.transform_parameters(self._fitted()),
            standardization.transform(data),
            check_sample_weight(sample_weight, len(data)),
        )
