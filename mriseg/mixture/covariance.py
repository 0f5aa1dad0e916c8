"""Covariance models of a Gaussian mixture and their M-steps.

Each covariance is decomposed [1]_ as

    Σₖ = λₖ Dₖ Aₖ Dₖᵀ                                                                              (1)

with volume λₖ, shape Aₖ (diagonal, |Aₖ| = 1) and orientation Dₖ (orthogonal). The three letters of a model
state for volume, shape and orientation, in that order, whether it is equal over components (E), varies (V),
or is the identity (I). In one dimension only the volume is left: "E" or "V".

The M-step [2]_ minimises the deviance over the covariances that the model admits,

    F(Σ₁, …, Σ_K) = Σₖ [ nₖ log|Σₖ| + tr(Σₖ⁻¹ Wₖ) ]                                                (2)

with nₖ the observations of component k, n = Σ nₖ, and Wₖ its scatter matrix. Along fixed axes, where Wₖ has
the diagonal wₖ, the variances vₖ = λₖ Aₖ that minimise (2) are, in D dimensions,

    EI   λ = Σₖ tr Wₖ / (n D)                                                                      (3)
    VI   λₖ = tr Wₖ / (nₖ D)                                                                       (4)
    EE   v = Σₖ wₖ / n                                                                             (5)
    VV   vₖ = wₖ / nₖ                                                                              (6)
    EV   Aₖ = wₖ / gₖ,  λ = Σₖ gₖ / n,  gₖ = |diag wₖ|^(1/D)                                       (7)
    VE   A ∝ Σₖ wₖ / λₖ,  λₖ = tr(A⁻¹ Wₖ) / (nₖ D), alternating until convergence                  (8)

The axes are the coordinates (orientation I), the eigenvectors of each Wₖ (V), which solve (2) exactly for
each of these rules, or common ones (E). Common axes with a common shape have closed forms or iterations in
whole matrices:

    EEE  Σ = Σₖ Wₖ / n                                                                             (9)
    VEE  C ∝ Σₖ Wₖ / λₖ,  |C| = 1,  λₖ = tr(C⁻¹ Wₖ) / (nₖ D), alternating until convergence       (10)

and EVE and VVE alternate between axes and variances, see `mriseg.mixture.orientation`.

References
----------
.. [1] Banfield JD, Raftery AE (1993). Model-based Gaussian and non-Gaussian clustering. Biometrics
   49:803-821.
.. [2] Celeux G, Govaert G (1995). Gaussian parsimonious clustering models. Pattern Recognition 28:781-793.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import INNER_TOLERANCE, MAX_INNER_ITERATIONS
from mriseg.mixture.orientation import common_axes, from_axes, variances_along
from mriseg.mixture.parameters import DegenerateError, outer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mriseg.mixture.parameters import FloatArray

    VarianceRule = Callable[[FloatArray, FloatArray], FloatArray]

# Names of scikit-learn's covariance types.
ALIASES = {"spherical": "VII", "diag": "VVI", "tied": "EEE", "full": "VVV"}
# Models whose constraint on volume or shape a floor on single variances would violate.
WITHOUT_FLOOR = frozenset({"VEI", "EVI", "VEE", "EVE", "VEV", "EVV"})
# Models that stay what they are when the units of one column change.
SCALE_FREE = frozenset({"EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVV", "VVV"})


def _variances_ei(counts: FloatArray, squares: FloatArray) -> FloatArray:
    """Return (3): one variance for all components and axes."""
    return np.full_like(squares, squares.sum() / (counts.sum() * squares.shape[1]))


def _variances_vi(counts: FloatArray, squares: FloatArray) -> FloatArray:
    """Return (4): one variance for all axes of a component."""
    variances = squares.mean(axis=1, keepdims=True) / counts[:, None]
    return np.repeat(variances, squares.shape[1], axis=1)


def _variances_ee(counts: FloatArray, squares: FloatArray) -> FloatArray:
    """Return (5): the pooled variances for all components."""
    return np.tile(squares.sum(axis=0) / counts.sum(), (len(counts), 1))


def _variances_vv(counts: FloatArray, squares: FloatArray) -> FloatArray:
    """Return (6): free variances."""
    return np.asarray(squares / counts[:, None])


def _variances_ev(counts: FloatArray, squares: FloatArray) -> FloatArray:
    """Return (7): free shapes of equal volume."""
    volumes = _geometric_mean(squares)
    return np.asarray(squares / volumes * (volumes.sum() / counts.sum()))


def _variances_ve(counts: FloatArray, squares: FloatArray) -> FloatArray:
    """Return (8): one shape with free volumes, by alternating minimisation."""
    shape = _unit_volume(squares.sum(axis=0))
    for _ in range(MAX_INNER_ITERATIONS):
        volumes = (squares / shape).mean(axis=1) / counts
        previous, shape = shape, _unit_volume((squares / volumes[:, None]).sum(axis=0))
        if np.abs(shape / previous - 1).max() < INNER_TOLERANCE:
            break
    volumes = (squares / shape).mean(axis=1) / counts
    return np.asarray(volumes[:, None] * shape)


# By the letters of volume and shape.
VARIANCE_RULES: dict[str, VarianceRule] = {
    "EI": _variances_ei,
    "VI": _variances_vi,
    "EE": _variances_ee,
    "VE": _variances_ve,
    "EV": _variances_ev,
    "VV": _variances_vv,
}


@dataclass(frozen=True)
class CovarianceModel:
    """One of the fourteen covariance models.

    Attributes
    ----------
    name : str
        Letters of volume, shape and orientation, see the module docstring.
    """

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
        """Whether the model is invariant to a change of the units of one column."""
        return self.name in SCALE_FREE

    def n_parameters(self, n_components: int, dimensions: int) -> int:
        """Return the number of free parameters of the covariances (Celeux and Govaert 1995, table 1).

        Parameters
        ----------
        n_components : int
            K.
        dimensions : int
            D.

        Returns
        -------
        int
        """
        copies = {"I": 0, "E": 1, "V": n_components}
        volumes, shapes, orientations = (copies[letter] for letter in self.name)
        return volumes + shapes * (dimensions - 1) + orientations * dimensions * (dimensions - 1) // 2

    def estimate(
        self,
        counts: FloatArray,
        scatter: FloatArray,
        previous: FloatArray | None = None,
        floor: FloatArray | float = 0.0,
    ) -> FloatArray:
        """Return the M-step estimate of the covariances, the minimum of the deviance (2).

        Parameters
        ----------
        counts : ndarray, shape (K,)
            Observations of each component.
        scatter : ndarray, shape (K, D) if `diagonal`, else (K, D, D)
            Sums of squares (and products) of each component about its mean, of standardized data.
        previous : ndarray like ``scatter``, optional
            Covariances of the previous iteration, at whose axes the search for common axes starts.
        floor : float or ndarray, shape (D,)
            Smallest variance F of each column, equal for all unless `scale_free`: every Σ − diag F is to be
            positive semidefinite. At 0 all covariances must have full rank.

        Returns
        -------
        ndarray of float64 like ``scatter``
            Covariance matrices, or variances if `diagonal`.

        Raises
        ------
        DegenerateError
            If a covariance loses rank under a model that does not admit a floor.
        """
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                return self._estimate_above(
                    np.broadcast_to(floor, scatter.shape[-1:]), counts, scatter, previous
                )
        except (FloatingPointError, np.linalg.LinAlgError):
            raise self._lost_rank() from None

    def _estimate_above(
        self, floor: FloatArray, counts: FloatArray, scatter: FloatArray, previous: FloatArray | None
    ) -> FloatArray:
        """Return the estimate above the floor of each column, shape (D,)."""
        if self.diagonal:
            return self._variances(counts, scatter, floor)
        highest = float(floor.max())
        if highest == floor.min():
            return self._estimate(counts, scatter, previous, highest)
        # In units of the floors the floor is the same along all axes; only models free of scale get here.
        units = outer(np.sqrt(floor / highest))
        return np.asarray(self._estimate(counts, scatter / units, None, highest) * units)

    def _estimate(
        self, counts: FloatArray, scatter: FloatArray, previous: FloatArray | None, floor: float
    ) -> FloatArray:
        """Apply the variance rule along the axes of the model, which is not diagonal."""
        if self.name == "EEE":
            eigenvalues, axes = np.linalg.eigh(scatter.sum(axis=0) / counts.sum())  # (9)
            return np.tile(from_axes(self._floored(eigenvalues, floor), axes), (len(counts), 1, 1))
        if self.name == "VEE":
            return self._estimate_vee(counts, scatter, floor)
        if self.name[2] == "V":
            squares, axes = np.linalg.eigh(scatter)
            return from_axes(self._variances(counts, np.maximum(squares, 0), floor), axes)

        def variances(counts: FloatArray, squares: FloatArray) -> FloatArray:
            return self._variances(counts, squares, floor)

        axes = common_axes(counts, scatter, variances, previous)
        return from_axes(variances(counts, variances_along(scatter, axes)), axes)

    def _variances(self, counts: FloatArray, squares: FloatArray, floor: FloatArray | float) -> FloatArray:
        """Return the floored variances along axes with the given sums of squares, both of shape (K, D)."""
        return self._floored(VARIANCE_RULES[self.name[:2]](counts, squares), floor)

    def _floored(self, variances: FloatArray, floor: FloatArray | float) -> FloatArray:
        """Raise variances to the floor where that is the minimum of (2) under the floor; else refuse.

        Where volume and shape are free or pooled, (2) separates over axes and is convex in each log variance,
        so the constrained minimum is at the floor.
        """
        if (variances >= floor).all() and variances.min() > 0:
            return variances
        if self.name in WITHOUT_FLOOR or not np.isfinite(variances).all() or not np.min(floor) > 0:
            raise self._lost_rank()
        return np.maximum(variances, floor)

    def _lost_rank(self) -> DegenerateError:
        return DegenerateError(
            f"a covariance of model {self.name} has lost rank: ask for fewer components, another start, "
            "a prior, or a model that takes a floor (VVI, VVV)"
        )

    def _estimate_vee(self, counts: FloatArray, scatter: FloatArray, floor: float) -> FloatArray:
        """Return (10): one matrix of determinant one with free volumes, by alternating minimisation."""
        shape = _unit_determinant(scatter.sum(axis=0))
        for _ in range(MAX_INNER_ITERATIONS):
            volumes = _volumes(counts, scatter, shape)
            previous, shape = shape, _unit_determinant((scatter / volumes[:, None, None]).sum(axis=0))
            if np.abs(shape - previous).max() < INNER_TOLERANCE * np.abs(shape).max():
                break
        covariances = _volumes(counts, scatter, shape)[:, None, None] * shape
        self._floored(np.linalg.eigvalsh(covariances), floor)
        return covariances


MODELS = tuple(
    CovarianceModel(name)
    for name in (
        *("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE"),
        *("VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
    )
)


def covariance_model(name: str, dimensions: int) -> CovarianceModel:
    """Return a covariance model by name.

    Parameters
    ----------
    name : str
        In several dimensions a name of `MODELS`, or scikit-learn's "spherical", "diag", "tied" or "full". In
        one dimension "E" or "V"; of any other name the letter of the volume counts.
    dimensions : int
        D.

    Returns
    -------
    CovarianceModel

    Raises
    ------
    MixtureError
        If there is no such model.
    """
    name = ALIASES.get(str(name), str(name))
    if dimensions == 1:
        if name in {"E", "V"} or CovarianceModel(name) in MODELS:
            return CovarianceModel("EII" if name.startswith("E") else "VVI")
    elif CovarianceModel(name) in MODELS:
        return CovarianceModel(name)
    known = "E, V" if dimensions == 1 else ", ".join(model.name for model in MODELS)
    raise MixtureError(f"no covariance model {name!r} in {dimensions} dimension(s): choose from {known}")


def _geometric_mean(variances: FloatArray) -> FloatArray:
    """Return the geometric mean over the last axis, which is kept; zero where any variance is zero."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.log(variances).mean(axis=-1, keepdims=True)))


def _unit_volume(variances: FloatArray) -> FloatArray:
    """Return variances scaled to a product of one."""
    volume = _geometric_mean(variances)
    if not volume.min() > 0:
        raise DegenerateError("all components are flat along one axis: leave that column out or add a prior")
    return np.asarray(variances / volume)


def _unit_determinant(matrix: FloatArray) -> FloatArray:
    """Return a positive definite matrix scaled to a determinant of one."""
    eigenvalues, axes = np.linalg.eigh(matrix)
    return from_axes(_unit_volume(np.maximum(eigenvalues, 0)), axes)


def _volumes(counts: FloatArray, scatter: FloatArray, shape: FloatArray) -> FloatArray:
    """Return the volumes λₖ of (10), shape (K,), given the common matrix C."""
    traces = np.einsum("kij,ji->k", scatter, np.linalg.inv(shape))
    return np.asarray(traces / (counts * len(shape)))
