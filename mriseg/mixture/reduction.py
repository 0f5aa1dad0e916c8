"""Reduction of the columns to the directions in which the components of a mixture differ.

With mean μ of the whole mixture, covariance Σ of the data (or of the whole mixture, the same where its model
leaves all free), and Σ̄ = Σₖ πₖ Σₖ that within the components,

    M₁ = Σₖ πₖ (μₖ − μ)(μₖ − μ)ᵀ                    (differences of the means)                     (1)
    M₂ = Σₖ πₖ (Σₖ − Σ̄) Σ⁻¹ (Σₖ − Σ̄)ᵀ               (differences of the covariances)               (2)

the directions are the generalized eigenvectors of

    (M₁ Σ⁻¹ M₁ + M₂) v = λ Σ v,   vᵀ Σ v = 1                                                       (3)

by falling λ [1]_: along those of eigenvalue zero all components are alike. An affine map of the data changes
no eigenvalue. The paper goes on to a search of the best subset of the directions by BIC, which is not here.

References
----------
.. [1] Scrucca L (2010). Dimension reduction for model-based clustering. Stat Comput 20:471-484.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import Parameters, Standardization, outer
from mriseg.mixture.validation import check_data, check_sample_weight

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mriseg.mixture.estimator import Mixture
    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions in which the components of a mixture differ, by falling eigenvalue.

    Attributes
    ----------
    basis : ndarray of float64, shape (D, D)
        The directions as columns, in the inverse units of the data: the scores have variance one and no
        correlation. The largest element of each column is positive.
    eigenvalues : ndarray of float64, shape (D,)
        λ of (3) of the module docstring; 0 where all components are alike.
    centre : ndarray of float64, shape (D,)
        Mean of the mixture.
    """

    basis: FloatArray
    eigenvalues: FloatArray
    centre: FloatArray

    def transform(self, X: ArrayLike, n_directions: int | None = None) -> FloatArray:
        """Return the scores of data along the first directions.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Data.
        n_directions : int, optional
            G, 1 to D; by default all.

        Returns
        -------
        ndarray of float64, shape (N, G)
        """
        return np.asarray((np.asarray(X, dtype=float) - self.centre) @ self._first(n_directions))

    def project(self, mixture: Mixture, n_directions: int | None = None) -> GaussianMixture:
        """Return the mixture of the scores.

        Parameters
        ----------
        mixture : Mixture
            Of D dimensions.
        n_directions : int, optional
            G, 1 to D; by default all.

        Returns
        -------
        GaussianMixture
            Of G dimensions.
        """
        basis = self._first(n_directions)
        covariances = basis.T @ mixture.covariances_ @ basis
        return GaussianMixture.from_parameters(
            mixture.weights_, self.transform(mixture.means_, n_directions), covariances
        )

    def _first(self, n_directions: int | None) -> FloatArray:
        """Return the first directions, shape (D, G)."""
        dimensions = len(self.basis)
        if n_directions is not None and not 1 <= n_directions <= dimensions:
            raise MixtureError(f"there are {dimensions} directions, not {n_directions}")
        return self.basis[:, :n_directions]


def differing_directions(
    mixture: Mixture, X: ArrayLike | None = None, sample_weight: ArrayLike | None = None
) -> Directions:
    """Return the directions in which the components of a mixture differ.

    Parameters
    ----------
    mixture : Mixture
        Fitted; any covariance model.
    X : array-like, shape (N, D), optional
        The data, whose covariance is Σ of the module docstring; by default it is that of the mixture.
    sample_weight : array-like, shape (N,), optional
        Number of times each row was observed.

    Returns
    -------
    Directions

    Raises
    ------
    MixtureError
        If the data are unusable or the mixture is not fitted.
    """
    given = Parameters(mixture.weights_, mixture.means_, mixture.covariances_)
    standardization = Standardization.from_parameters(given)
    total = None
    if X is not None:
        data = standardization.transform(check_data(X).astype(float))
        weights = check_sample_weight(sample_weight, len(data))
        total = np.atleast_2d(np.cov(data, rowvar=False, ddof=0, aweights=weights))
    eigenvalues, basis = _solve(standardization.transform_parameters(given), total)
    basis = basis / standardization.scale[:, None]
    largest = basis[np.abs(basis).argmax(axis=0), np.arange(len(basis))]
    return Directions(basis * np.sign(largest), eigenvalues, standardization.centre)


def _solve(parameters: Parameters, total: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Return eigenvalues (D,) and eigenvectors (D, D) of (3) for a mixture of mean zero and Σ (D, D)."""
    from scipy.linalg import eigh

    weights, matrices = parameters.weights[:, None, None], parameters.matrices
    between = (weights * outer(parameters.means)).sum(axis=0)  # (1)
    within = (weights * matrices).sum(axis=0)
    total = within + between if total is None else total
    inverse = np.linalg.inv(total)
    deviations = matrices - within
    kernel = (weights * (deviations @ inverse @ deviations)).sum(axis=0) + between @ inverse @ between  # (2)
    eigenvalues, basis = eigh(kernel, total)
    # Rounding must not leave a negative eigenvalue.
    return np.maximum(eigenvalues[::-1], 0), basis[:, ::-1]
