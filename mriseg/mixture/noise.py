"""Gaussian mixture with a noise component: a uniform density over the region of the data.

    p(x) = Σₖ πₖ N(x; μₖ, Σₖ) + π₀ / V,   Σₖ πₖ + π₀ = 1                                           (1)

with V the volume of the region of the data ([1]_; [2]_, section 5), see `mriseg.mixture.box`: the points of
noise are those of a Poisson process of one rate in it. The logarithm of π₀ / V is linear in the features of
`mriseg.mixture.expectation` with the constant one alone, so that EM is that of the Gaussians with one more
row of coefficients.

The first guess of what is noise is that of `mriseg.mixture.clutter`.

References
----------
.. [1] Banfield JD, Raftery AE (1993). Model-based Gaussian and non-Gaussian clustering. Biometrics
   49:803-821.
.. [2] Fraley C, Raftery AE (2002). Model-based clustering, discriminant analysis, and density estimation. J
   Am Stat Assoc 97:611-631.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.box import Box
from mriseg.mixture.clutter import clutter
from mriseg.mixture.criteria import MixtureWithCriteria
from mriseg.mixture.diagnostics import report_fit, unwarned
from mriseg.mixture.em import Step, convergence_test, run_em
from mriseg.mixture.expectation import log_joint_coefficients
from mriseg.mixture.floor import at_floor
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.log_joint import LogJoint
from mriseg.mixture.maximisation import rounding_bound
from mriseg.mixture.parameters import Parameters, Standardization
from mriseg.mixture.validation import check_data, random_generator, row_weights

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.maximisation import MStep
    from mriseg.mixture.parameters import FloatArray


@dataclass(frozen=True, eq=False)
class NoisyLogJoint(LogJoint):
    """Log(weight × density) of the components, and of noise as the last row.

    Attributes
    ----------
    log_noise : float
        Logarithm of π₀ / V in the units of the data.
    """

    log_noise: float = 0.0

    @property
    def n_rows(self) -> int:
        """Number of rows of the result, K + 1."""
        return super().n_rows + 1

    @cached_property
    def standardization(self) -> Standardization:
        """That of the Gaussians alone, whose weights do not sum to one."""
        return Standardization.from_parameters(_of_gaussians(self.parameters))

    def __call__(self, X: FloatArray) -> FloatArray:
        """Return `LogJoint` and noise of standardized points, shape (K + 1, N)."""
        log_joint = super().__call__(X)
        noise = np.full_like(log_joint[:1], self.log_noise + self.standardization.log_jacobian)
        return np.concatenate([log_joint, noise])


class NoiseMixture(MixtureWithCriteria):
    """Gaussian mixture with a noise component, fitted by EM; see `mriseg.mixture.noise`.

    Parameters
    ----------
    gaussians : GaussianMixture, optional
        The Gaussian components: their number, model, start, tolerance and all other settings; it is not
        changed. By default one.
    noise : array-like of bool, shape (N,), optional
        First guess of the rows that are noise; by default that of the nearest neighbours, which does not
        count ``sample_weight``. The Gaussians start from the other rows.

    Attributes
    ----------
    weights_ : ndarray of float64, shape (K,)
        Mixing proportions of the Gaussians; with ``noise_weight_`` they sum to one.
    noise_weight_ : float
        π₀.
    box_ : Box
        The region of the data, whose volume is V.
    converged_, n_iter_, history_, at_floor_
        As of `GaussianMixture`.

    Notes
    -----
    `predict` and `predict_proba` count noise as component K, the last. The density is π₀ / V everywhere, also
    outside of the box, which only `sample` and `cdf` respect.
    """

    noise_weight_: float
    box_: Box
    converged_: bool
    n_iter_: int
    history_: FloatArray
    at_floor_: NDArray[np.bool_]

    def __init__(self, gaussians: GaussianMixture | None = None, *, noise: ArrayLike | None = None) -> None:
        self.gaussians = gaussians
        self.noise = noise

    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Fit the mixture.

        Parameters
        ----------
        X : array-like, shape (N, D)
            Observations.
        y : None
            Ignored; part of scikit-learn's protocol.
        sample_weight : array-like, shape (N,), optional
            Number of times each row was observed.

        Returns
        -------
        NoiseMixture
            Itself.

        Raises
        ------
        MixtureError
            If the data or a setting is unusable, or all rows are guessed to be noise.
        DegenerateError
            If a component becomes empty or a covariance loses rank.
        """
        data = check_data(X)
        weights = row_weights(sample_weight, len(data))
        noise = clutter(data) if self.noise is None else np.asarray(self.noise, dtype=bool)
        if noise.shape != (len(data),) or not weights @ noise < weights.sum():
            raise MixtureError(f"noise must mark some of the {len(data)} rows, not all, by True and False")
        observed = weights > 0
        self.box_ = Box.around(data[observed], weights[observed])
        # From a weight of zero EM would never leave: where none is guessed to be noise, as much as one row.
        share = max(float(weights @ noise), 1.0) / float(weights.sum())
        start = _start(self._gaussians, data[~noise], weights[~noise], min(share, 0.5))
        self._run(data, weights.astype(data.dtype), start)
        self._remember_columns(X, data)
        report_fit(self)
        return self

    def _run(self, data: FloatArray, weights: FloatArray, start: Parameters) -> None:
        """Run EM from a start in the units of the data, and set the result."""
        settings = self._gaussians
        m_step, standardization = settings.prepare(data, weights)
        step = partial(_step, m_step, self.box_.log_volume - standardization.log_jacobian)
        total = m_step.observations.total
        converged = convergence_test(settings.convergence, settings.tol, total)
        # The floor is that of all rows, above that of the rows without noise, on which the start may rest.
        start = standardization.transform_parameters(start)
        start = replace(m_step.from_parameters(start), weights=start.weights)
        run = run_em(step, start, converged, settings.max_iter)
        self.converged_, self.n_iter_ = run.converged, len(run.history) - 1
        self.history_ = np.array(run.history) - total * standardization.log_jacobian
        self.at_floor_ = at_floor(run.state.covariances, m_step.floor)
        self.parameters_ = standardization.inverse_transform_parameters(run.state)
        self.noise_weight_ = _noise_weight(run.state)

    @property
    def n_parameters_(self) -> int:
        """Number of free parameters: those of the Gaussians, the weight of noise, and the volume."""
        n_components, dimensions = self.means_.shape
        of_gaussians = self._gaussians.count_parameters(n_components, dimensions)
        return of_gaussians + 2

    @property
    def max_iter(self) -> int:
        """Maximum number of iterations."""
        return self._gaussians.max_iter

    @property
    def verbose(self) -> int:
        """Whether a line about the fit is printed."""
        return self._gaussians.verbose

    @property
    def tol(self) -> float:
        """Tolerance of the convergence criterion."""
        return self._gaussians.tol

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return the probability density of a mixture of one dimension, see `Mixture.pdf`.

        Parameters
        ----------
        x : array-like, any shape
            Where to evaluate.

        Returns
        -------
        ndarray of float64
            In the shape of x.
        """
        return np.asarray(super().pdf(x) + self.noise_weight_ / np.exp(self.box_.log_volume))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the cumulative distribution function of a mixture of one dimension, see `Mixture.cdf`.

        Parameters
        ----------
        x : array-like, any shape
            Where to evaluate.

        Returns
        -------
        ndarray of float64
            In the shape of x.
        """
        values = np.asarray(x, dtype=float)
        share = self.box_.coordinates(values.reshape(-1, 1)).reshape(values.shape)
        return np.asarray(super().cdf(x) + self.noise_weight_ * np.clip(share, 0, 1))

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.Generator | None = 0
    ) -> tuple[FloatArray, NDArray[np.intp]]:
        """Return random points from the mixture, those of noise uniform in the box.

        Parameters
        ----------
        n_samples : int
            Number of points.
        random_state : int, Generator or None
            Seed; None seeds from the operating system.

        Returns
        -------
        X : ndarray of float64, shape (n_samples, D)
            The points.
        labels : ndarray of int, shape (n_samples,)
            The component of each, K for noise.
        """
        generator = random_generator(random_state)
        points, labels = super().sample(n_samples, generator)
        noise = generator.random(n_samples) < self.noise_weight_
        points[noise] = self.box_.sample(int(noise.sum()), generator)
        return points, np.where(noise, len(self.weights_), labels)

    @property
    def _gaussians(self) -> GaussianMixture:
        """The settings of the Gaussians."""
        return GaussianMixture() if self.gaussians is None else self.gaussians

    def _log_joint(self) -> NoisyLogJoint:
        """Return the log-density of the components and of noise."""
        with np.errstate(divide="ignore"):  # noise of weight zero has log-density −∞
            log_noise = float(np.log(self.noise_weight_)) - self.box_.log_volume
        return NoisyLogJoint(self._fitted(), log_noise=log_noise)


def _start(
    settings: GaussianMixture, data: FloatArray, weights: FloatArray, noise_weight: float
) -> Parameters:
    """Return the start of the Gaussians on the rows that are not noise, weighted by their share."""
    gaussians = GaussianMixture(**{**settings.get_params(), "max_iter": 0})
    with unwarned():
        gaussians.fit(data, sample_weight=weights)
    parameters = gaussians.parameters_
    return replace(parameters, weights=parameters.weights * (1 - noise_weight))


def _step(m_step: MStep, log_volume: float, parameters: Parameters) -> Step[Parameters]:
    """Run the E-step of Gaussians and noise on standardized data, and return the objective and the M-step."""
    coefficients = log_joint_coefficients(parameters)
    noise = np.zeros_like(coefficients[:1])
    with np.errstate(divide="ignore"):
        noise[:, 0] = np.log(_noise_weight(parameters)) - log_volume
    coefficients = np.concatenate([coefficients, noise])
    log_likelihood, statistics = m_step.observations.e_step(coefficients)
    log_prior = 0.0 if m_step.prior is None else m_step.prior.log_density(_of_gaussians(parameters))

    def next_state() -> Parameters:
        moments = m_step.moments(statistics[:-1])
        gaussians = m_step.maximise(moments, parameters.covariances)
        share = moments.counts.sum() / statistics[:, 0].sum()
        return replace(gaussians, weights=gaussians.weights * share)

    return Step(log_likelihood + log_prior, rounding_bound(m_step.observations, coefficients), next_state)


def _noise_weight(parameters: Parameters) -> float:
    """Return what the weights of the Gaussians leave to one."""
    return max(1 - float(parameters.weights.sum()), 0.0)


def _of_gaussians(parameters: Parameters) -> Parameters:
    """Return the Gaussians alone, a mixture whose weights sum to one."""
    return replace(parameters, weights=parameters.weights / parameters.weights.sum())
