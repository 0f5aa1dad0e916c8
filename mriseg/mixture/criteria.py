"""Information criteria of a fitted mixture: BIC, AIC and ICL; the lower the better."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from mriseg.mixture.estimator import Mixture

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class MixtureWithCriteria(Mixture):
    """Mixture with a known number of free parameters, from which information criteria follow."""

    @property
    @abstractmethod
    def n_parameters_(self) -> int:
        """Number of free parameters."""

    def bic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the Bayesian information criterion, −2 log L + n_parameters log N.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed; their sum replaces N.

        Returns
        -------
        float
            The lower the better; R's mclust reports the negative.

        Notes
        -----
        Schwarz (1978), Ann Statist 6:461-464.
        """
        total = _total(X, sample_weight)
        return float(
            -2 * total * self.score(X, sample_weight=sample_weight) + self.n_parameters_ * np.log(total)
        )

    def aic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the Akaike information criterion, −2 log L + 2 n_parameters.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        float
            The lower the better.

        Notes
        -----
        Akaike (1974), IEEE Trans Automat Contr 19:716-723.
        """
        total = _total(X, sample_weight)
        return float(-2 * total * self.score(X, sample_weight=sample_weight) + 2 * self.n_parameters_)

    def icl(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the integrated completed likelihood criterion, BIC − 2 Σₙ log maxₖ rₖₙ.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        float
            The lower the better; the term beyond BIC penalises components that overlap.

        Notes
        -----
        Biernacki, Celeux and Govaert (2000), IEEE Trans Pattern Anal Mach Intell 22:719-725.
        """
        weights = 1.0 if sample_weight is None else np.asarray(sample_weight, dtype=float)
        log_max_responsibility = np.log(self.predict_proba(X).max(axis=1))
        return self.bic(X, sample_weight) - 2 * float((weights * log_max_responsibility).sum())


def _total(X: ArrayLike, sample_weight: ArrayLike | None) -> float:
    """Return the number of observations: the rows, or the sum of their weights."""
    return float(len(np.asarray(X)) if sample_weight is None else np.sum(sample_weight))
