"""Mixture of tissues whose mixing proportions depend on place.

The template tells where in the brain a tissue is likely [1]_; which Gaussian is which tissue follows from
where it lies, not from the order of the means, so that one model serves every contrast. Four kinds of tissue,
CSF, cortical GM, deep GM and WM, have a mean mu_k each in every channel, and share the variance of its noise.
As in `mriseg.model.partial_volume`, a voxel holds one of them, or two in a fraction that is uniform on
(0, 1): CSF with cortex, or cortex with WM.

With a_cg the prior proportion of the voxels of group g at place c, which for a pair is the geometric mean of
those of its tissues, the mixing proportions are

    pi_cg = w_g a_cg / sum_h w_h a_ch                                                                     (1)

with factors w_g that adapt the template to the brain [1]_. A share of the voxels of each tissue are outliers,
uniform over all intensities: dark white matter in the midst of the white matter stays WM.

Given its component, a voxel's intensities in D channels are independent: the density of component j is

    p_j(y) = prod_d [(1 - o_dj) N(y_d; m_dj, v_d) + o_dj / range_d] ^ e_d                                 (2)

with m_j the mean of the contents of j and o_dj its share of outliers.

References
----------
.. [1] Ashburner J, Friston KJ (2005). Unified segmentation. NeuroImage 26:839-851.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mriseg.model.constants import (
    CHANNEL_EXPONENT,
    CHANNEL_OUTLIERS,
    MAX_ITERATIONS,
    TISSUE_OUTLIERS,
    TOLERANCE,
)
from mriseg.model.template_components import (
    CONTENT,
    FIRST_OF_GROUP,
    GROUP,
    GROUP_SIZES,
    GROUP_TISSUES,
    KIND_OF_TISSUE,
    KINDS,
    PAIRS,
    TISSUE_CONTENT,
    TISSUES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mriseg.labels.tissues import Tissue
    from mriseg.model.places import Places

    Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class TemplateMixture:
    """A fitted mixture of tissues with mixing proportions by place.

    Parameters
    ----------
    levels : ndarray of float64, shape (4, D)
        Means of CSF, cortical GM, deep GM and WM in each channel.
    variances : ndarray of float64, shape (D,)
        Of the noise in each channel, common to all components.
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
    order : tuple of int, optional
        CSF, GM and WM (0, 1, 2) in the order of results; by rising mean in the first channel if not given.
    """

    levels: Floats
    variances: Floats
    factors: Floats
    proportions: Floats
    sizes: Floats
    outlier_range: Floats
    history: tuple[float, ...] = ()
    converged: bool = False
    order: tuple[int, ...] | None = None
    identifier: ClassVar[str] = "template"
    description: ClassVar[str] = "three tissues and their partial volumes, in proportions by the template"
    partial_volume: ClassVar[bool] = True
    n_groups: ClassVar[int] = KINDS + len(PAIRS)
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
        """CSF, GM and WM (0, 1, 2) by rising mean in the first channel, or in `order`, shape (3,)."""
        if self.order is not None:
            return np.array(self.order)
        return np.argsort(self.levels[KIND_OF_TISSUE, 0], kind="stable")

    @property
    def tissues(self) -> tuple[Tissue, ...]:
        """The tissues by rising mean in the first channel."""
        return tuple(TISSUES[tissue] for tissue in self.rising)

    @property
    def centres(self) -> Floats:
        """Means of the tissues in all channels, of GM in the cortex, shape (3, D)."""
        return np.asarray(self.levels[KIND_OF_TISSUE[self.rising]])

    @property
    def means(self) -> Floats:
        """Of the tissues in the first channel, rising, shape (3,)."""
        return np.asarray(self.centres[:, 0])

    @property
    def covariances(self) -> Floats:
        """Of the tissues, shape (3, D, D)."""
        return np.repeat(np.diag(self.variances)[None], 3, axis=0)

    @property
    def sds(self) -> Floats:
        """Standard deviation of each tissue in the first channel, shape (3,)."""
        return np.full(3, np.sqrt(self.variances[0]))

    @property
    def weights(self) -> Floats:
        """Mixing proportions of the groups in the whole brain, shape (6,)."""
        return np.asarray(self.sizes @ self.group_proportions / self.sizes.sum())

    @property
    def tissues_in_component(self) -> NDArray[np.bool_]:
        """Whether the components of a group contain a tissue, shape (6, 3)."""
        return np.asarray(GROUP_TISSUES[:, self.rising])

    @property
    def n_iter(self) -> int:
        """Number of iterations done."""
        return max(0, len(self.history) - 1)

    @cached_property
    def group_priors(self) -> Floats:
        """Prior proportions of the groups at each place, a of (1), shape (C, 6)."""
        pairs = [np.sqrt(self.proportions[:, a] * self.proportions[:, b]) for a, b in PAIRS]
        return np.column_stack([self.proportions, *pairs])

    @cached_property
    def group_proportions(self) -> Floats:
        """Mixing proportions (1), shape (C, 6); rows sum to 1."""
        weighted = self.group_priors * self.factors
        return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))

    @property
    def component_proportions(self) -> Floats:
        """Mixing proportions of the components at each place, shape (C, J)."""
        return np.asarray((self.group_proportions / GROUP_SIZES)[:, GROUP])

    @property
    def mean_proportions(self) -> Floats:
        """Mixing proportions of the components in the whole brain, shape (J,)."""
        return np.asarray(self.sizes @ self.component_proportions / self.sizes.sum())

    def marginal(self, channel: int) -> TemplateMixture:
        """Return the mixture of one channel, its tissues in the order of all channels."""
        levels, variances = self.levels[:, [channel]], self.variances[[channel]]
        limits, order = self.outlier_range[[channel]], tuple(map(int, self.rising))
        return replace(self, levels=levels, variances=variances, outlier_range=limits, order=order)

    def rescaled(self, factors: Floats) -> TemplateMixture:
        """Return the mixture of the same intensities times a factor a channel, shape (D,)."""
        return replace(self, levels=self.levels * factors, variances=self.variances * factors**2)

    @property
    def outliers(self) -> Floats:
        """Share of outliers in each component, o of (2), shape (D, J)."""
        outliers = np.full((len(self.variances), len(CONTENT)), CHANNEL_OUTLIERS)
        outliers[0] = np.where(GROUP < KINDS, TISSUE_OUTLIERS, 0)
        return outliers

    @property
    def exponents(self) -> Floats:
        """Of the density of each channel, e of (2), shape (D,)."""
        return np.append(1.0, np.full(len(self.variances) - 1, CHANNEL_EXPONENT))

    @property
    def component_means(self) -> Floats:
        """Means of the components in each channel, shape (J, D)."""
        return np.asarray(CONTENT @ self.levels)

    @property
    def component_variances(self) -> Floats:
        """Variances of the components in each channel, shape (J, D)."""
        return np.tile(self.variances, (len(CONTENT), 1))

    def inlier_responsibilities(self, intensities: Floats, number: NDArray[np.int16] | None = None) -> Floats:
        """Return the probability of each component in voxels with intensities (N, D), without outliers.

        Parameters
        ----------
        intensities : ndarray, shape (N, D)
        number : ndarray of int16, shape (N,), optional
            Place of each voxel; anywhere in the brain if not given.

        Returns
        -------
        ndarray of float64, shape (D, J, N)
        """
        inliers = self.inlier_densities(intensities)
        everywhere = self.mean_proportions[:, None]
        proportions = everywhere if number is None else self.component_proportions.T[:, number]
        joint = self.densities(inliers) * proportions
        return np.asarray(joint / joint.sum(axis=0) * self.inlying(inliers))

    def inlying(self, inliers: Floats) -> Floats:
        """Return the probability that a component's intensity is no outlier, (D, J, B), see `densities`."""
        return np.asarray(inliers / np.maximum(inliers + self.outlier_densities(), np.finfo(float).tiny))

    def squared_distances(self, intensities: Floats) -> Floats:
        """Return squared Mahalanobis distances to the nearest component of each group, shape (B, 6)."""
        groups = np.split(self._squares(intensities).sum(axis=0), FIRST_OF_GROUP[1:])
        return np.stack([squares.min(axis=0) for squares in groups]).T

    def inlier_densities(self, intensities: Floats) -> Floats:
        """Return (1 - o) N of (2) at intensities (B, D), shape (D, J, B)."""
        squares = self._squares(intensities)
        scale = (1 - self.outliers) / np.sqrt(2 * np.pi * self.variances)[:, None]
        return np.asarray(np.exp(-0.5 * squares) * scale[:, :, None].astype(squares.dtype))

    def outlier_densities(self) -> Floats:
        """Return o / range of (2), shape (D, J, 1)."""
        return np.asarray((self.outliers / self.outlier_range[:, None])[:, :, None])

    def densities(self, inliers: Floats) -> Floats:
        """Return the densities of the components (2), (J, B), from those of their inliers (D, J, B)."""
        by_channel = inliers + self.outlier_densities().astype(inliers.dtype)
        exponents = self.exponents[:, None, None].astype(inliers.dtype)
        return np.asarray(np.prod(by_channel**exponents, axis=0))

    def density(self, intensities: Floats) -> Floats:
        """Return the density in the brain at intensities (B, D) or (B,), with all exponents 1, shape (B,)."""
        by_channel = self.inlier_densities(intensities) + self.outlier_densities()
        return np.asarray(self.mean_proportions @ np.prod(by_channel, axis=0))

    def responsibilities(self, intensities: Floats) -> Floats:
        """Return the expected share of each tissue at intensities, wherever they lie, shape (B, 3)."""
        return np.asarray(self._shares(intensities, self.mean_proportions[None])[0])

    def responsibilities_by_place(self, intensities: Floats) -> Floats:
        """Return the expected share of each tissue at intensities, at each place.

        Parameters
        ----------
        intensities : ndarray, shape (B,) or (B, D)

        Returns
        -------
        ndarray of float64, shape (C, B, 3)
            Tissues by rising mean; they sum to 1.
        """
        return self._shares(intensities, self.component_proportions)

    def responsibilities_at(self, intensities: Floats, number: NDArray[np.int16]) -> Floats:
        """Return the expected share of each tissue in voxels (N, D) at places (N,), shape (N, 3)."""
        joint = self.densities(self.inlier_densities(self._clipped(intensities)))
        joint *= self.component_proportions.T.astype(joint.dtype)[:, number]
        shares = TISSUE_CONTENT.T[self.rising].astype(joint.dtype) @ joint
        return np.asarray((shares / shares.sum(axis=0)).T)

    def _shares(self, intensities: Floats, proportions: Floats) -> Floats:
        densities = self.densities(self.inlier_densities(self._clipped(intensities)))
        total = proportions @ densities
        parts = [(proportions * held) @ densities / total for held in TISSUE_CONTENT.T[self.rising]]
        return np.stack(parts, axis=-1)

    def _clipped(self, intensities: Floats) -> Floats:
        """Clip the first channel to the outer means: beyond, the nearest is not the most probable one."""
        rows = intensities.reshape(len(intensities), -1).copy()
        np.clip(rows[:, 0], self.levels[:, 0].min(), self.levels[:, 0].max(), out=rows[:, 0])
        return rows

    def _squares(self, intensities: Floats) -> Floats:
        """Return squared distances from all components in units of the noise, shape (D, J, B)."""
        rows = intensities.reshape(len(intensities), -1)
        scale = 1 / np.sqrt(self.variances)
        centres = (CONTENT @ (self.levels * scale)).astype(rows.dtype)
        return np.asarray(((rows * scale.astype(rows.dtype)).T[:, None, :] - centres.T[:, :, None]) ** 2)

    def log_likelihood_by_place(self, intensities: Floats, counts: Floats) -> float:
        """Return the log-likelihood of intensities (B,), of which each place has counts (C, B)."""
        densities = self.densities(self.inlier_densities(intensities))
        return float((counts * np.log(self.component_proportions @ densities)).sum())

    def bic(self, intensities: Floats, counts: Floats) -> float:
        """Return the Bayesian information criterion of a histogram without places: the lower the better."""
        channels = self.levels.shape[1]
        parameters = self.levels.size + channels + len(self.factors)
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
        known = [centres[tissues.index(tissue.abbreviation)] for tissue in TISSUES]
        nowhere = np.full((1, KINDS), 1 / KINDS)
        unplaced = cls(
            start_levels(*known), np.diagonal(covariances[0]), weights, nowhere, np.ones(1), outlier_range
        )
        return replace(unplaced, factors=weights / unplaced.group_priors[0])

    def at(self, places: Places, sizes: Floats, outlier_range: Floats) -> TemplateMixture:
        """Return the mixture with the places (C,) of another brain, and its range of outliers (D,)."""
        return replace(
            self, proportions=places.proportions, sizes=sizes, outlier_range=outlier_range, history=()
        )


def start_levels(csf: Floats, grey: Floats, white: Floats) -> Floats:
    """Return the means of a start, shape (4, D), from those of CSF, GM and WM: deep GM lies halfway to WM."""
    return np.stack([csf, grey, (grey + white) / 2, white])
