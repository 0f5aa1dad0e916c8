"""Estimation of bias fields together with the mixture.

The logarithm of the field is a polynomial of position, b = Phi c, with Phi orthonormal over the voxels. Each
round fits the mixture to the corrected intensities y exp(-b) by a few iterations of EM, and takes one Newton
step in c. With r_nj the responsibilities, m_j and v_j the means and variances of the components, the expected
log-likelihood of an intensity changes with b as that of a regression [1]_ [2]_ with targets and weights

    t_n = sum_j r_nj m_j (y_n exp(-b_n) - m_j) / v_j / W_n,    W_n = sum_j r_nj m_j^2 / v_j              (1)

The sums are over all components of a mixture with place. Without places, only the middle of the WM counts:
r_n is the responsibility of pure WM times the least of it among six neighbours. A field fitted to all tissues
would take deep nuclei for cortex, and one fitted to all voxels as bright as WM would take them for WM.

The fields of scanners range from none at all to those of head coils, a factor of four across the brain: the
prior of the coefficients of N voxels has heavy tails,

    log p(c) = -N k / 2 log(s^2 + sum_i d_i c_i^2)                                                        (2)

with d_i the degree of the polynomial. It shrinks what anatomy could explain as well, and leaves strong fields
alone.

References
----------
.. [1] Ashburner J, Friston KJ (2005). Unified segmentation. NeuroImage 26:839-851.
.. [2] Larsen CT, Iglesias JE, Van Leemput K (2014). N3 bias field correction explained as a Bayesian modeling
   method. MICCAI BAMBI workshop, LNCS 8677:1-12.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from mriseg.images.voxels import bounding_box, voxels_of
from mriseg.model.bias_field import BiasField, unit_field
from mriseg.model.constants import (
    FIELD_EM_ITERATIONS,
    FIELD_NEIGHBOUR_MM,
    FIELD_ORDER,
    FIELD_PRIOR,
    FIELD_ROUNDS,
    FIELD_SAMPLING_MM,
    FIELD_SLACK,
    FIELD_TOLERANCE,
    MAX_FIELD,
    MAX_ITERATIONS,
    MIN_FIELD,
    MIN_FIELD_VARIANCE,
    MIN_FIELD_VOXELS,
)
from mriseg.model.histogram import intensity_histogram
from mriseg.model.partial_volume_em import fit_partial_volume
from mriseg.model.template_em import fit_at_places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mriseg.model.partial_volume import PartialVolumeMixture
    from mriseg.model.places import Places
    from mriseg.model.template_mixture import TemplateMixture

    Floats = NDArray[np.floating]

# Exponents of the monomials, the constant first, and their degrees.
_STEPS = range(FIELD_ORDER + 1)
_POWERS = sorted((power for power in product(_STEPS, repeat=3) if sum(power) <= FIELD_ORDER), key=sum)
_DEGREES = np.array([sum(power) for power in _POWERS])


class _Mixture(Protocol):
    """What the estimation needs of a mixture of J components in D channels."""

    @property
    def history(self) -> tuple[float, ...]:
        """Log-likelihood plus log-prior of its weights, at the start and after each iteration of EM."""

    @property
    def component_means(self) -> Floats:
        """Shape (J, D)."""

    @property
    def component_variances(self) -> Floats:
        """Shape (J, D)."""

    def inlier_responsibilities(self, intensities: Floats, number: NDArray[np.int16] | None = None) -> Floats:
        """Return the probability of each component in voxels (N, D), without outliers, shape (D, J, N)."""


_Model = TypeVar("_Model", bound=_Mixture)


@dataclass(frozen=True, eq=False)
class FieldEstimator:
    """Estimates the bias fields of the scans of a brain.

    Parameters
    ----------
    mask : ndarray of bool, shape (X, Y, Z)
        The brain, N voxels.
    zooms : ndarray of float64, shape (3,)
        Voxel size, mm.
    white : int
        Rank of white matter among the three tissues by rising mean: 2 in T1, 0 in T2; used without places.
    places : Places, optional
        Of the voxels in the template; without them the mixture depends on intensities alone.
    """

    mask: NDArray[np.bool_]
    zooms: Floats
    white: int
    places: Places | None = None

    def field(self, image: NDArray[np.float32], seen: NDArray[np.bool_]) -> BiasField:
        """Estimate the field of a scan.

        Parameters
        ----------
        image : ndarray of float32, shape (X, Y, Z)
            Intensities above that of air, to which the field does not add.
        seen : ndarray of bool, shape (X, Y, Z)
            Voxels of the mask with a signal.

        Returns
        -------
        BiasField
            Its mean logarithm over these voxels is 0. One everywhere if weaker than `MIN_FIELD`, if there are
            too few voxels or planes, or where the estimation runs away.
        """
        return self._field_of_last([image], seen)

    def field_beside(
        self, scan: NDArray[np.float32], channel: NDArray[np.float32], seen: NDArray[np.bool_]
    ) -> BiasField:
        """Estimate the field of a further channel, as `field` does; the corrected scan helps."""
        return self._field_of_last([scan, channel], seen)

    def _field_of_last(self, images: Sequence[NDArray[np.float32]], seen: NDArray[np.bool_]) -> BiasField:
        box = bounding_box(seen)
        grid = _Grid(seen[box], self.zooms)
        if not grid.suffices:
            return unit_field()
        rows = np.stack([grid.values(image[box]) for image in images], axis=1)
        if self.places is None:
            contrasts = grid.contrasts(images[0][box])
            refit = partial(_WhiteMatter.refit, white=self.white, contrasts=contrasts)
            coefficients = _fitted(rows, grid.basis, refit, [0])
        else:
            places = self.places.among(seen[self.mask]).among(grid.chosen)

            def refit_at(rows: NDArray[np.float32], start: TemplateMixture | None) -> TemplateMixture:
                return fit_at_places(rows, places, start, max_iterations=FIELD_EM_ITERATIONS)

            coefficients = _fitted(rows, grid.basis, refit_at, slice(None), places.number)
        return grid.field(coefficients[-1], np.array([side.start for side in box]))


class _Grid:
    """Voxels of a mask (X, Y, Z) some millimetres apart, and orthonormal polynomials there."""

    def __init__(self, mask: NDArray[np.bool_], zooms: Floats) -> None:
        steps = voxels_of(FIELD_SAMPLING_MM, zooms)
        # In steps from the middle to both sides: a reflected brain has the same voxels.
        apart = [np.abs(2 * np.arange(n) - (n - 1)) // 2 for n in mask.shape]
        x, y, z = (distance % step == 0 for distance, step in zip(apart, steps, strict=True))
        on_grid = x[:, None, None] & y[:, None] & z
        self.mask = mask
        self.chosen = on_grid[mask]
        self.voxels = np.argwhere(mask & on_grid)
        self.centre = (np.array(mask.shape) - 1) / 2
        self.zooms = zooms

    @property
    def suffices(self) -> bool:
        """Whether the voxels determine a polynomial, by their number and that of their planes."""
        planes = min(len(np.unique(axis)) for axis in self.voxels.T)
        return len(self.voxels) >= MIN_FIELD_VOXELS and planes > FIELD_ORDER

    @cached_property
    def scale(self) -> Floats:
        """Distance from the centre that is 1 in the polynomials, in voxels, shape (3,)."""
        offsets = (self.voxels - self.centre) * self.zooms
        return np.asarray(2 * np.sqrt((offsets**2).mean()) / self.zooms)

    def values(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the values of an image (X, Y, Z) in these voxels, shape (M,)."""
        return np.asarray(image[tuple(self.voxels.T)])

    def contrasts(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the darkest and the brightest of six neighbours over the voxel itself, shape (2, M).

        A smooth field does not change them. All outside the mask is infinitely bright; at 0 both are 0.
        """
        steps = np.diag(voxels_of(FIELD_NEIGHBOUR_MM, self.zooms))
        margin = steps.sum(axis=0)
        inside = np.where(self.mask, image, np.float32(np.inf))
        padded = np.pad(inside, [(n, n) for n in margin], constant_values=np.inf)
        around = [padded[tuple((self.voxels + margin + step).T)] for step in (*steps, *-steps)]
        ends = np.stack([np.min(around, axis=0), np.max(around, axis=0)])
        own = self.values(image)
        return np.asarray(np.divide(ends, own, out=np.zeros_like(ends), where=own != 0))

    @cached_property
    def _design(self) -> Floats:
        positions = (self.voxels - self.centre) / self.scale
        return np.stack([np.prod(positions**power, axis=1) for power in _POWERS], axis=1)

    @cached_property
    def _monomials(self) -> Floats:
        """Coefficients of the monomials in each polynomial, by columns, shape (P, P)."""
        return np.linalg.inv(np.linalg.qr(self._design, mode="r") / np.sqrt(len(self._design)))

    @cached_property
    def basis(self) -> Floats:
        """Polynomials of unit variance, shape (M, P)."""
        return np.asarray(self._design @ self._monomials)

    def field(self, fitted: Floats, corner: NDArray[np.intp]) -> BiasField:
        """Return the field with coefficients (P,), its mean logarithm 0, on a grid that begins before."""
        coefficients = np.zeros((FIELD_ORDER + 1,) * 3)
        coefficients[tuple(np.transpose(_POWERS))] = self._monomials @ fitted
        log_field = BiasField(coefficients, self.centre, self.scale).log_on_grid(self.mask.shape)[self.mask]
        mean, sd = (float(figure(dtype=np.float64)) for figure in (log_field.mean, log_field.std))
        if not MIN_FIELD <= sd <= MAX_FIELD:
            return unit_field()
        coefficients[0, 0, 0] -= mean
        low, high = (float(np.exp(end - mean)) for end in (float(log_field.min()), float(log_field.max())))
        return BiasField(coefficients, self.centre + corner, self.scale, sd, low, high)


@dataclass(frozen=True, eq=False)
class _WhiteMatter:
    """The middle of the white matter in D channels, told by the mixture without places of the scan alone.

    Parameters
    ----------
    scan : PartialVolumeMixture
        Mixture of the first channel.
    shares : ndarray of float64, shape (M,)
        Responsibility of WM in each voxel of the fit, times the least among its neighbours.
    component_means, component_variances : ndarray of float64, shape (1, D)
    """

    scan: PartialVolumeMixture
    shares: Floats
    component_means: Floats
    component_variances: Floats

    @property
    def history(self) -> tuple[float, ...]:
        """Of the mixture of the scan."""
        return self.scan.history

    @classmethod
    def refit(
        cls,
        rows: NDArray[np.float32],
        before: _WhiteMatter | None,
        white: int,
        contrasts: NDArray[np.float32],
    ) -> _WhiteMatter:
        """Fit the mixture to intensities (M, D), from the one before or from its own start.

        `contrasts` are the intensities of the darkest and the brightest neighbour over that of each voxel,
        shape (2, M).
        """
        values, counts = intensity_histogram(rows[:, 0])
        start = None if before is None else before.scan
        most = FIELD_EM_ITERATIONS if start else MAX_ITERATIONS
        scan = fit_partial_volume(values, counts, start, white=white, max_iterations=most)
        whole = np.stack([rows[:, 0], *(contrasts * rows[:, 0])]).astype(np.float64)
        own, *ends = scan.inlier_responsibilities(whole.reshape(-1, 1))[white].reshape(whole.shape)
        shares = own * np.minimum(*ends)
        weights = shares / max(float(shares.sum()), np.finfo(float).tiny)
        means = weights @ rows
        variances = weights @ (rows - means) ** 2
        means[0], variances[0] = scan.means[white], scan.sd**2
        return cls(scan, shares, means[None], np.maximum(variances, np.finfo(float).tiny)[None])

    def inlier_responsibilities(self, intensities: Floats, number: NDArray[np.int16] | None = None) -> Floats:
        """Return the shares in the voxels of the fit, shape (D, 1, M)."""
        del number  # there is one place only; the intensities are those of the fit
        return np.tile(self.shares, (intensities.shape[1], 1, 1))


def _fitted(
    rows: NDArray[np.float32],
    basis: Floats,
    refit: Callable[[NDArray[np.float32], _Model | None], _Model],
    components: Sequence[int] | slice,
    number: NDArray[np.int16] | None = None,
) -> Floats:
    """Alternate between mixture and fields of intensities (M, D); return the coefficients (D, P).

    Under a coil CSF near the surface is brighter than cortex in the middle; a mixture that takes one for the
    other bears its field out. Where they settle, it is started anew and kept if it fits better. White matter
    alone may draw the field to where the whole brain has a lower likelihood: then the best round counts.
    """
    coefficients = best = np.zeros((rows.shape[1], basis.shape[1]))
    model: _Model | None = None
    objective, slack = -np.inf, FIELD_SLACK * len(rows)
    for _ in range(FIELD_ROUNDS):
        corrected = rows * np.exp(-basis @ coefficients.T).astype(np.float32)
        model = refit(corrected, model)
        if model.history[-1] > objective:
            objective, best = model.history[-1], coefficients
        step = _newton_step(model, corrected, number, components, basis, coefficients)
        coefficients = coefficients + step
        # The basis is orthonormal: these are the standard deviations of change and field.
        change, sd = (np.sqrt((figures**2).sum(axis=1)).max() for figures in (step, coefficients))
        settled = bool(change < FIELD_TOLERANCE)
        anew = refit(corrected, None) if settled else model
        better = anew.history[-1] > model.history[-1] + slack
        if sd > MAX_FIELD or (settled and not better):
            break
        model = anew
    worse = model is None or model.history[-1] < objective - slack
    return best if worse else coefficients


def _newton_step(
    model: _Mixture,
    corrected: NDArray[np.float32],
    number: NDArray[np.int16] | None,
    components: Sequence[int] | slice,
    basis: Floats,
    coefficients: Floats,
) -> Floats:
    """Return the step of the regression (1) with the prior (2), shape (D, P)."""
    resp = model.inlier_responsibilities(corrected.astype(np.float64), number)[:, components]
    means = model.component_means[components]
    slopes = means / model.component_variances[components]
    steps = np.zeros_like(coefficients)
    for channel, before in enumerate(coefficients):
        weights = (slopes * means)[:, channel] @ resp[channel]
        residuals = slopes[:, channel] @ resp[channel] * corrected[:, channel] - weights
        unit = max(float(weights.mean()), np.finfo(float).tiny)
        ridge = len(basis) * FIELD_PRIOR * _DEGREES / (MIN_FIELD_VARIANCE + _DEGREES @ before**2)
        normal = basis.T @ ((weights / unit)[:, None] * basis) + np.diag(ridge)
        steps[channel] = np.linalg.lstsq(normal, basis.T @ residuals / unit - ridge * before, rcond=None)[0]
    steps[:, 0] = 0  # a constant factor is one of the mixture
    return steps
