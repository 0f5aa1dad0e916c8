"""Covariance models and their M-steps.

Each covariance is written Σₖ = λₖ Dₖ Aₖ Dₖᵀ: a volume λ, a shape A (diagonal, |A| = 1) and an orientation D.
A model's three letters say for each, in that order, whether it is equal over components (E), varies (V), or
is the identity (I): Banfield and Raftery, Biometrics 49, 1993; the estimates are those of Celeux and Govaert,
Pattern Recognition 28, 1995. In one dimension only the volume is left: "E" or "V".

Every model is a rule for variances along given axes. The axes are the coordinates (I), the eigenvectors of
each component (V), or common ones (E).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.orientation import along, common_axes, rotated
from mriseg.mixture.parameters import DegenerateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mriseg.mixture.parameters import FloatArray

    Rule = Callable[[FloatArray, FloatArray], FloatArray]

# The smallest variance along any axis, as a fraction of the variance of the data: a standard deviation of a
# thousandth. Where the model's volume and shape are free to meet it, this is the exact constrained maximum.
FLOOR = 1e-6

INNER_ITERATIONS = 500
INNER_TOLERANCE = 1e-12

ALIASES = {"spherical": "VII", "diag": "VVI", "tied": "EEE", "full": "VVV"}


def _eii(counts: FloatArray, scatter: FloatArray) -> FloatArray:
    return np.full_like(scatter, scatter.sum() / (counts.sum() * scatter.shape[1]))


def _vii(counts: FloatArray, scatter: FloatArray) -> FloatArray:
    variances = scatter.mean(axis=1, keepdims=True) / counts[:, None]
    return np.repeat(variances, scatter.shape[1], axis=1)


def _eei(counts: FloatArray, scatter: FloatArray) -> FloatArray:
    return np.tile(scatter.sum(axis=0) / counts.sum(), (len(counts), 1))


def _vvi(counts: FloatArray, scatter: FloatArray) -> FloatArray:
    return np.asarray(scatter / counts[:, None])


def _evi(counts: FloatArray, scatter: FloatArray) -> FloatArray:
    sizes = _geometric_mean(scatter)
    return np.asarray(scatter / sizes * (sizes.sum() / counts.sum()))


def _vei(counts: FloatArray, scatter: FloatArray) -> FloatArray:
    shape = _unit_volume(scatter.sum(axis=0))
    for _ in range(INNER_ITERATIONS):
        volumes = (scatter / shape).mean(axis=1) / counts
        previous, shape = shape, _unit_volume((scatter / volumes[:, None]).sum(axis=0))
        if np.abs(shape / previous - 1).max() < INNER_TOLERANCE:
            break
    volumes = (scatter / shape).mean(axis=1) / counts
    return np.asarray(volumes[:, None] * shape)


RULES: dict[str, Rule] = {"EI": _eii, "VI": _vii, "EE": _eei, "VE": _vei, "EV": _evi, "VV": _vvi}


@dataclass(frozen=True)
class CovarianceModel:
    """One of the fourteen models, by its letters: volume, shape, orientation."""

    name: str

    @property
    def diagonal(self) -> bool:
        """Whether all covariances are diagonal."""
        return self.name[2] == "I"

    @property
    def spherical(self) -> bool:
        """Whether all covariances are multiples of the identity."""
        return self.name[1] == "I"

    @property
    def common(self) -> bool:
        """Whether all components share one covariance."""
        return "V" not in self.name

    @property
    def scale_free(self) -> bool:
        """Whether a change of the units of one column leaves the model what it is."""
        return self.name in {"EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVV", "VVV"}

    def n_parameters(self, n_components: int, dimensions: int) -> int:
        """Count the free parameters of the covariances."""
        copies = {"I": 0, "E": 1, "V": n_components}
        volume, shape, orientation = (copies[letter] for letter in self.name)
        return volume + shape * (dimensions - 1) + orientation * dimensions * (dimensions - 1) // 2

    def estimate(
        self, counts: FloatArray, scatter: FloatArray, previous: FloatArray | None = None
    ) -> FloatArray:
        """Maximise the likelihood over the covariances: the M-step.

        Parameters
        ----------
        counts : array (K,)
            Observations of each component.
        scatter : array (K, D) if `diagonal`, else (K, D, D)
            Sums of squares of each component about its mean, in units where the data have variance one.
        previous : array like ``scatter``, optional
            Covariances of the iteration before, from whose axes a common orientation is sought.

        Returns
        -------
        array like ``scatter``
            Covariances, or variances if `diagonal`, none below `FLOOR`.

        Raises
        ------
        DegenerateError
            If a covariance loses rank under a model that a floor would contradict.
        """
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                return self._maximum(counts, scatter, previous)
        except (FloatingPointError, np.linalg.LinAlgError):
            raise self._lost_rank() from None

    def _maximum(self, counts: FloatArray, scatter: FloatArray, previous: FloatArray | None) -> FloatArray:
        """Estimate along the axes of the model, and turn back."""
        rule = RULES[self.name[:2]]
        if self.diagonal:
            return self._floored(rule(counts, scatter))
        if self.name == "EEE":
            eigenvalues, axes = np.linalg.eigh(scatter.sum(axis=0) / counts.sum())
            return np.tile(rotated(self._floored(eigenvalues), axes), (len(counts), 1, 1))
        if self.name == "VEE":
            return self._equal_up_to_volume(counts, scatter)
        if self.name[2] == "V":
            sums, axes = np.linalg.eigh(scatter)
            return rotated(self._floored(rule(counts, np.maximum(sums, 0))), axes)

        def floored_rule(counts: FloatArray, scatter: FloatArray) -> FloatArray:
            return self._floored(rule(counts, scatter))

        axes = common_axes(counts, scatter, floored_rule, previous)
        return rotated(floored_rule(counts, along(scatter, axes)), axes)

    def _floored(self, variances: FloatArray) -> FloatArray:
        """Raise variances to the floor where that is the constrained maximum; refuse elsewhere."""
        if variances.min() >= FLOOR:
            return variances
        if self.name in {"VEI", "EVI", "VEE", "EVE", "VEV", "EVV"} or not np.isfinite(variances).all():
            raise self._lost_rank()
        return np.maximum(variances, FLOOR)

    def _lost_rank(self) -> DegenerateError:
        return DegenerateError(
            f"a covariance of model {self.name} has lost rank: ask for fewer components, another start, "
            "a prior, or a model that takes a floor (VVI, VVV)"
        )

    def _equal_up_to_volume(self, counts: FloatArray, scatter: FloatArray) -> FloatArray:
        """VEE: one matrix of determinant one, times a volume for each component."""
        shape = _unit_determinant(scatter.sum(axis=0))
        for _ in range(INNER_ITERATIONS):
            volumes = _volumes(counts, scatter, shape)
            previous, shape = shape, _unit_determinant((scatter / volumes[:, None, None]).sum(axis=0))
            if np.abs(shape - previous).max() < INNER_TOLERANCE * np.abs(shape).max():
                break
        covariances = _volumes(counts, scatter, shape)[:, None, None] * shape
        self._floored(np.linalg.eigvalsh(covariances))
        return covariances


MODELS = tuple(
    CovarianceModel(name)
    for name in (
        *("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE"),
        *("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
    )
)


def covariance_model(name: str, dimensions: int) -> CovarianceModel:
    """Return the model of that name for data of that many dimensions.

    In one dimension "E" and "V" are the names; any other name counts by its volume alone. In several, the
    names are those of `MODELS`, or scikit-learn's "spherical", "diag", "tied" and "full".

    Raises
    ------
    MixtureError
        If there is no such model.
    """
    name = ALIASES.get(name, name)
    if dimensions == 1:
        if name in {"E", "V"} or CovarianceModel(name) in MODELS:
            return CovarianceModel("EII" if name.startswith("E") else "VVI")
    elif CovarianceModel(name) in MODELS:
        return CovarianceModel(name)
    known = "E, V" if dimensions == 1 else ", ".join(model.name for model in MODELS)
    raise MixtureError(f"no covariance model {name!r} in {dimensions} dimension(s): choose from {known}")


def _geometric_mean(variances: FloatArray) -> FloatArray:
    """Geometric mean over the last axis, which is kept; zero where any variance is zero."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.log(variances).mean(axis=-1, keepdims=True)))


def _unit_volume(variances: FloatArray) -> FloatArray:
    """Scale variances so that their product is one."""
    size = _geometric_mean(variances)
    if not size.min() > 0:
        raise DegenerateError("all components are flat along one axis: leave that column out or add a prior")
    return np.asarray(variances / size)


def _unit_determinant(matrix: FloatArray) -> FloatArray:
    """Scale a positive definite matrix so that its determinant is one."""
    eigenvalues, axes = np.linalg.eigh(matrix)
    return rotated(_unit_volume(np.maximum(eigenvalues, 0)), axes)


def _volumes(counts: FloatArray, scatter: FloatArray, shape: FloatArray) -> FloatArray:
    """Volumes (K,) of components whose covariances share a matrix of determinant one."""
    traces = np.einsum("kij,ji->k", scatter, np.linalg.inv(shape))
    return np.asarray(traces / (counts * len(shape)))
