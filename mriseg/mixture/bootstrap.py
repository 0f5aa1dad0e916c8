"""Standard errors and intervals of the parameters of a mixture by the bootstrap.

The mixture is fitted again to B replicates of the data, each fit started at the original one so that the
components keep their names; the spread of the fits is that of the estimator ([1]_; [2]_, section 2.16). With
wᵢ the number of times that row i was observed, n = Σ wᵢ, a replicate is one of ([3]_)

    nonparametric   the rows, observed a multinomial number of times: n draws of probabilities wᵢ / n
    weighted        the rows, of weights n times Dirichlet(w₁, …): the weighted likelihood bootstrap [4]_
    parametric      a sample of n observations of the mixture

The weighted bootstrap leaves out no row, so that small components cannot be lost; its weights are continuous.

References
----------
.. [1] Efron B (1979). Bootstrap methods: another look at the jackknife. Ann Statist 7:1-26.
.. [2] McLachlan GJ, Peel D (2000). Finite Mixture Models. Wiley.
.. [3] O'Hagan A, Murphy TB, Scrucca L, Gormley IC (2019). Investigation of parameter uncertainty in
   clustering using a Gaussian mixture model via jackknife, bootstrap and weighted likelihood bootstrap.
   Comput Statist 34:1779-1813.
.. [4] Newton MA, Raftery AE (1994). Approximate Bayesian inference with the weighted likelihood bootstrap. J
   R Statist Soc B 56:3-48.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.diagnostics import unwarned
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import DegenerateError, Parameters
from mriseg.mixture.validation import check_data, random_generator, row_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from mriseg.mixture.parameters import FloatArray

    # Data (N, D) and their weights (N,) or None.
    Replicate = tuple[FloatArray, FloatArray | None]

Kind = Literal["nonparametric", "weighted", "parametric"]


@dataclass(frozen=True, eq=False)
class BootstrappedParameters:
    """Parameters fitted to B replicates of the data.

    Attributes
    ----------
    weights : ndarray of float64, shape (B, K)
        Mixing proportions.
    means : ndarray of float64, shape (B, K, D)
        Means.
    covariances : ndarray of float64, shape (B, K, D, D)
        Covariance matrices.
    """

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    def standard_errors(self) -> Parameters:
        """Return the standard error of each parameter.

        Returns
        -------
        parameters : Parameters
            Standard errors in place of the weights (K,), means (K, D) and covariances (K, D, D).
        """
        return Parameters(*(values.std(axis=0, ddof=1) for values in self._arrays()))

    def quantiles(self, probability: float) -> Parameters:
        """Return a quantile of each parameter; those of 0.025 and 0.975 are a 95 % interval.

        Parameters
        ----------
        probability : float
            0 to 1.

        Returns
        -------
        parameters : Parameters
            Quantiles in place of the weights (K,), means (K, D) and covariances (K, D, D).
        """
        return Parameters(*(np.quantile(values, probability, axis=0) for values in self._arrays()))

    def _arrays(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the three arrays."""
        return self.weights, self.means, self.covariances


def bootstrap_parameters(
    mixture: GaussianMixture,
    X: ArrayLike,
    *,
    kind: Kind = "nonparametric",
    n_bootstrap: int = 999,
    sample_weight: ArrayLike | None = None,
    random_state: int | np.random.Generator | None = 0,
) -> BootstrappedParameters:
    """Fit a mixture again to replicates of its data.

    Parameters
    ----------
    mixture : GaussianMixture
        Fitted to the data; its settings are used, it is not changed.
    X : array-like, shape (N, D)
        The data.
    kind : {"nonparametric", "weighted", "parametric"}
        How a replicate is made, see the module docstring.
    n_bootstrap : int
        Number of replicates, B; those on which a fit degenerates are left out.
    sample_weight : array-like, shape (N,), optional
        Number of times each row was observed.
    random_state : int, Generator or None
        Seed of the replicates.

    Returns
    -------
    BootstrappedParameters

    Raises
    ------
    MixtureError
        If the data or the kind is unusable, or fewer than two fits succeed.
    """
    data = check_data(X)
    counts = row_weights(sample_weight, len(data))
    replicate = _replication(kind, mixture, data, counts, random_generator(random_state))
    fits = []
    for _ in range(n_bootstrap):
        rows, weights = replicate()
        try:
            with unwarned():
                fits.append(_anew(mixture).fit(rows, sample_weight=weights))
        except DegenerateError:
            continue
    if len(fits) < 2:
        raise MixtureError(
            f"{len(fits)} of {n_bootstrap} replicates could be fitted: two at least are needed"
        )
    return BootstrappedParameters(
        np.array([fit.weights_ for fit in fits]),
        np.array([fit.means_ for fit in fits]),
        np.array([fit.covariances_ for fit in fits]),
    )


def _anew(mixture: GaussianMixture) -> GaussianMixture:
    """Return a mixture of the same settings that starts at the parameters of a fitted one, and is silent."""
    no_other_start = dict.fromkeys(("init_params", "weights_init", "means_init", "precisions_init"))
    start = Parameters(mixture.weights_, mixture.means_, mixture.covariances_)
    changed = {"init": start, "warm_start": False, "verbose": 0}
    return GaussianMixture(**{**mixture.get_params(), **no_other_start, **changed})


def _replication(
    kind: str,
    mixture: GaussianMixture,
    data: FloatArray,
    counts: FloatArray,
    generator: np.random.Generator,
) -> Callable[[], Replicate]:
    """Return a function that draws a replicate of the data."""
    total = counts.sum()
    n = round(total)
    observed = np.flatnonzero(counts)
    rows, counts = data[observed], counts[observed]
    kinds: dict[str, Callable[[], Replicate]] = {
        "nonparametric": lambda: (rows, generator.multinomial(n, counts / total).astype(float)),
        "weighted": lambda: (rows, n * generator.dirichlet(counts)),
        "parametric": lambda: (mixture.sample(n, generator)[0], None),
    }
    if kind not in kinds:
        raise MixtureError(f"no bootstrap {kind!r}: choose from {', '.join(kinds)}")
    return kinds[kind]
