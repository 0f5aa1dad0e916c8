"""Mixture of tissues whose mixing proportions depend on place.

The template tells where in the brain a tissue is likely [1]_; which Gaussian is which tissue follows from
where it lies, not from the order of the means, so that one model serves every contrast. Four kinds of tissue,
CSF, cortical GM, deep GM and WM, have a mean mu_k each, and share the variance of the noise. As in
`mriseg.model.partial_volume`, a voxel holds one of them, or two in a fraction that is uniform on (0, 1): CSF
with cortex, or cortex with WM.

With a_cg the prior proportion of the voxels of group g at place c, which for a pair is the geometric mean of
those of its tissues, the mixing proportions are

    pi_cg = w_g a_cg / sum_h w_h a_ch                                                                     (1)

with factors w_g that adapt the template to the brain [1]_. A share of the voxels of each tissue are outliers,
uniform over all intensities: dark white matter in the midst of the white matter stays WM.

References
----------
.. [1] Ashburner J, Friston KJ (2005). Unified segmentation. NeuroImage 26:839-851.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mriseg.labels.tissues import CSF, GM, WM
from mriseg.model.constants import (
    FRACTION_LEVELS,
    LOOKUP_LEVELS,
    MAX_ITERATIONS,
    TISSUE_OUTLIERS,
    TOLERANCE,
)
from mriseg.model.histogram import nearest_levels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mriseg.labels.tissues import Tissue
    from mriseg.model.places import Places

    Floats = NDArray[np.floating]

# Kinds of tissue: CSF, cortical GM, deep GM, WM; deep GM is reported as GM.
_TISSUES = (CSF, GM, WM)
KINDS = 4
_TISSUE_OF_KIND = np.array([0, 1, 1, 2])
_KIND_OF_TISSUE = np.array([0, 1, 3])
_PAIRS = ((0, 1), (1, 3))
_FRACTIONS = (np.arange(FRACTION_LEVELS) + 0.5) / FRACTION_LEVELS


def _pair_content(first: int, second: int) -> Floats:
    eye = np.eye(KINDS)
    return np.asarray(np.outer(1 - _FRACTIONS, eye[first]) + np.outer(_FRACTIONS, eye[second]))


# Components in rows, kinds of tissue in columns: the fraction of each in the voxel.
CONTENT = np.vstack([np.eye(KINDS), *(_pair_content(*pair) for pair in _PAIRS)])
GROUP = np.append(np.arange(KINDS), np.repeat(KINDS + np.arange(len(_PAIRS)), FRACTION_LEVELS))
_GROUP_SIZES = np.bincount(GROUP)
_FIRST_OF_GROUP = np.cumsum(_GROUP_SIZES) - _GROUP_SIZES
# Fraction of each tissue in a component, and whether the components of a group contain it.
_TISSUE_CONTENT = CONTENT @ np.eye(3)[_TISSUE_OF_KIND]
_GROUP_TISSUES = _TISSUE_CONTENT[_FIRST_OF_GROUP] > 0


@dataclass(frozen=True, eq=False)
class TemplateMixture:
    """A fitted mixture of tissues with mixing proportions by place.

    Parameters
    ----------
    levels : ndarray of float64, shape (4, D)
        Means of CSF, cortical GM, deep GM and WM in each channel.
    noise : ndarray of float64, shape (D, D)
        Covariance of every component.
    factors : ndarray of float64, shape (6,)
        w of (1): of the four kinds of tissue, CSF with cortex, cortex with WM.
    proportions : ndarray of float64, shape (C, 4)
        Of the four kinds of tissue at each place, by the template.
    sizes : ndarray of float64, shape (C,)
        Voxels at each place.
    outlier_range : ndarray of float64, shape (D,)
        Range of intensities over which outliers are uniform.
    history : tuple of float
        Log-likelihood plus log-prior of the factors, at the start and after each iteration; it never falls.
    converged : bool
        Whether the rise in one iteration fell below the tolerance.
    """

    levels: Floats
    noise: Floats
    factors: Floats
    proportions: Floats
    sizes: Floats
    outlier_range: Floats
    history: tuple[float, ...] = ()
    converged: bool = False
    identifier: ClassVar[str] = "template"
    description: ClassVar[str] = "three tissues and their partial volumes, in proportions by the template"
    partial_volume: ClassVar[bool] = True
    n_groups: ClassVar[int] = KINDS + len(_PAIRS)
    monotonic: ClassVar[bool] = False
    settings: ClassVar[Mapping[str, object]] = {
        "Start": "the template's maps, or hierarchical clustering where that leads higher",
        "Trace": "log-likelihood plus log-prior of the factors on the mixing proportions",
        "Criterion": "rise of the trace per voxel",
        "Tolerance": TOLERANCE,
        "MaxIterations": MAX_ITERATIONS,
    }

    @cached_property
    def rising(self) -> NDArray[np.intp]:
        """CSF, GM and WM (0, 1, 2) by rising mean in the first channel, shape (3,)."""
        return np.argsort(self.levels[_KIND_OF_TISSUE, 0], kind="stable")

    @property
    def tissues(self) -> tuple[Tissue, ...]:
        """The tissues by rising mean in the first channel."""
        return tuple(_TISSUES[tissue] for tissue in self.rising)

    @property
    def centres(self) -> Floats:
        """Means of the tissues in all channels, of GM in the cortex, shape (3, D)."""
        return np.asarray(self.levels[_KIND_OF_TISSUE[self.rising]])

    @property
    def means(self) -> Floats:
        """Of the tissues in the first channel, rising, shape (3,)."""
        return np.asarray(self.centres[:, 0])

    @property
    def covariances(self) -> Floats:
        """Of the tissues, shape (3, D, D)."""
        return np.repeat(self.noise[None], 3, axis=0)

    @property
    def sds(self) -> Floats:
        """Standard deviation of each tissue in the first channel, shape (3,)."""
        return np.full(3, np.sqrt(self.noise[0, 0]))

    @property
    def weights(self) -> Floats:
        """Mixing proportions of the groups in the whole brain, shape (6,)."""
        return np.asarray(self.sizes @ self.group_proportions / self.sizes.sum())

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Whether the components of a group contain a tissue, shape (6, 3)."""
        return np.asarray(_GROUP_TISSUES[:, self.rising])

    @property
    def n_iter(self) -> int:
        """Number of iterations done."""
        return max(0, len(self.history) - 1)

    @cached_property
    def group_priors(self) -> Floats:
        """Prior proportions of the groups at each place, a of (1), shape (C, 6)."""
        pairs = [np.sqrt(self.proportions[:, a] * self.proportions[:, b]) for a, b in _PAIRS]
        return np.column_stack([self.proportions, *pairs])

    @cached_property
    def group_proportions(self) -> Floats:
        """Mixing proportions (1), shape (C, 6); rows sum to 1."""
        weighted = self.group_priors * self.factors
        return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))

    @property
    def component_proportions(self) -> Floats:
        """Mixing proportions of the components at each place, shape (C, J)."""
        return np.asarray((self.group_proportions / _GROUP_SIZES)[:, GROUP])

    def marginal(self, channel: int) -> TemplateMixture:
        """Return the mixture of one channel."""
        one = [channel]
        return replace(
            self,
            levels=self.levels[:, one],
            noise=self.noise[np.ix_(one, one)],
            outlier_range=self.outlier_range[one],
        )

    def rescaled(self, factors: Floats) -> TemplateMixture:
        """Return the mixture of the same intensities times a factor a channel, shape (D,)."""
        return replace(self, levels=self.levels * factors, noise=self.noise * np.outer(factors, factors))

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return squared Mahalanobis distances to the nearest component of each group, shape (B, 6)."""
        squares = self._squares(intensities)
        return np.asarray(np.minimum.reduceat(squares, _FIRST_OF_GROUP, axis=0).T)

    def normal_densities(self, intensities: Floats) -> Floats:
        """Return the Gaussian density of each component at intensities (B, D), shape (J, B)."""
        root = float(np.sqrt(np.linalg.det(2 * np.pi * self.noise)))
        return np.asarray(np.exp(-0.5 * self._squares(intensities)) / root)

    def densities(self, normal: Floats) -> Floats:
        """Return the densities (J, B) with the outliers of the pure tissues."""
        densities = normal.copy()
        densities[:KINDS] *= 1 - TISSUE_OUTLIERS
        densities[:KINDS] += TISSUE_OUTLIERS / float(np.prod(self.outlier_range))
        return densities

    def density(self, intensities: Floats) -> Floats:
        """Return the density in the whole brain at intensities (B, D) or (B,), shape (B,)."""
        shares = self.sizes @ self.component_proportions / self.sizes.sum()
        return np.asarray(shares @ self.densities(self.normal_densities(intensities)))

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected share of each tissue at intensities, wherever they lie, shape (B, 3)."""
        shares = self.sizes @ self.component_proportions / self.sizes.sum()
        return np.asarray(self._shares(intensities, shares[None])[0])

    def responsibilities_by_place(self, intensities: Floats) -> Floats:
        """Return the expected share of each tissue at intensities, at each place.

        Parameters
        ----------
        intensities : ndarray, shape (B,) or (B, D)
            Of a single channel, intensities beyond the outer means are clipped to these: far out, the nearest
            component is not the most probable one.

        Returns
        -------
        ndarray of float64, shape (C, B, 3)
            Tissues by rising mean; they sum to 1.
        """
        return self._shares(intensities, self.component_proportions)

    def _shares(self, intensities: Floats, proportions: Floats) -> Floats:
        if self.levels.shape[1] == 1:
            intensities = np.clip(intensities, self.levels.min(), self.levels.max())
        densities = self.densities(self.normal_densities(intensities))
        total = proportions @ densities
        parts = [(proportions * held) @ densities / total for held in _TISSUE_CONTENT.T[self.rising]]
        return np.stack(parts, axis=-1)

    def _squares(self, intensities: Floats) -> Floats:
        """Return squared Mahalanobis distances from all components, shape (J, B)."""
        rows = intensities.reshape(len(intensities), -1)
        whiten = np.linalg.inv(np.linalg.cholesky(self.noise)).T.astype(rows.dtype)
        centres = (CONTENT @ self.levels).astype(rows.dtype) @ whiten
        squares = np.zeros((len(centres), len(rows)), dtype=rows.dtype)
        for centre, column in zip(centres.T, (rows @ whiten).T, strict=True):
            squares += (column - centre[:, None]) ** 2
        return squares

    def log_likelihood_by_place(self, intensities: Floats, counts: Floats) -> float:
        """Return the log-likelihood of intensities (B,), of which each place has counts (C, B)."""
        densities = self.densities(self.normal_densities(intensities))
        return float((counts * np.log(self.component_proportions @ densities)).sum())

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a histogram without places: the lower the better."""
        channels = self.levels.shape[1]
        parameters = self.levels.size + channels * (channels + 1) / 2 + len(self.factors)
        likelihood = float(counts @ np.log(self.density(intensities)))
        return float(-2 * likelihood + parameters * np.log(counts.sum()))

    @classmethod
    def from_parameters(
        cls,
        centres: Floats,
        covariances: Floats,
        weights: Floats,
        tissues: Sequence[str],
        outlier_range: Floats,
    ) -> TemplateMixture:
        """Return a start with given parameters, see `mriseg.model.base.FittedModel.from_parameters`.

        Deep GM lies halfway between cortex and WM. The places are those of no brain: `at` sets them.
        """
        known = [centres[tissues.index(tissue.abbreviation)] for tissue in _TISSUES]
        nowhere = np.full((1, KINDS), 1 / KINDS)
        unplaced = cls(start_levels(*known), covariances[0], weights, nowhere, np.ones(1), outlier_range)
        return replace(unplaced, factors=weights / unplaced.group_priors[0])

    def at(self, places: Places, sizes: Floats, outlier_range: Floats) -> TemplateMixture:
        """Return the mixture with the places (C,) of another brain, and its range of outliers (D,)."""
        return replace(
            self, proportions=places.proportions, sizes=sizes, outlier_range=outlier_range, history=()
        )


def start_levels(csf: Floats, grey: Floats, white: Floats) -> Floats:
    """Return the means of a start, shape (4, D), from those of CSF, GM and WM: deep GM lies halfway to WM."""
    return np.stack([csf, grey, (grey + white) / 2, white])


def shares_by_place(
    model: TemplateMixture, values: Floats, intensities: NDArray[np.float32], places: Places
) -> NDArray[np.float32]:
    """Return the expected shares of the tissues in voxels, by a table of intensity and place.

    Parameters
    ----------
    model : TemplateMixture
        Of a single channel.
    values : ndarray of float64, shape (B,)
        Of the histogram, rising: the first and the last bound the table.
    intensities : ndarray of float32, shape (N,)
    places : Places
        Of the voxels.

    Returns
    -------
    ndarray of float32, shape (N, 3)
        Tissues by rising mean, column by column in memory; rows sum to 1.
    """
    low, high = np.float32(values[0]), np.float32(values[-1])
    table = model.responsibilities_by_place(np.linspace(low, high, LOOKUP_LEVELS)).astype(np.float32)
    levels = nearest_levels(intensities, low, high)
    levels += places.number.astype(np.intp) * LOOKUP_LEVELS
    return np.take(table.reshape(-1, 3).T.copy(), levels, axis=1).T
