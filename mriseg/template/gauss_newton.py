"""Gauss-Newton optimisation of an affine by the R squared of a regression on template maps.

At every step the scan, sampled where the template's points fall, is regressed on the maps of the template and
a constant; the R squared of this regression is the similarity. A second regression on the maps and on the
derivatives of their fitted combination with respect to the affine parameters gives the step. The template is
differentiated instead of the scan, and the affine is composed with the inverse of the step, as in the inverse
compositional algorithm (section 3.2 of [1]_); here the coefficients of the maps, and with them the
derivatives, are estimated anew at every step, which makes the intensities of template and scan comparable in
any contrast.

The coefficient of a map may be a polynomial of place instead of a number. It then takes up the receive field
of the coil, by which the same tissue is several times brighter at the rim of the head than in its middle. The
polynomials are orthonormal over the points, and all but the constant one are subject to a ridge penalty: a
free field would explain the scan wherever the template lies.

References
----------
.. [1] Baker S, Matthews I (2004). Lucas-Kanade 20 years on: a unifying framework. Int J Comput Vis
56:221-255.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mriseg.images.voxels import coarsen
from mriseg.template.constants import (
    FIELD_PERCENTILE,
    MARGIN_TAPER_MM,
    MAX_STEPS,
    MIN_GAIN,
    MIN_OVERLAP,
    MIN_SAMPLE_WEIGHT,
    REGISTRATION_MARGIN_MM,
    STEP_LENGTHS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.template.head import Template

Floats = NDArray[np.floating]

# Columns: directions in the twelve entries of a 3 x 4 affine, row by row, along which a step may go.
AFFINE_DIRECTIONS = np.eye(12)
# Translations along x, y and z, infinitesimal rotations about z, y and x, and isotropic scaling.
SIMILARITY_DIRECTIONS = np.array([
    [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0, 0, 0, -1, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0],
    [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
], dtype=np.float64).T  # fmt: skip


class ScanLevel(NamedTuple):
    """The scan at one spacing: intensities (X, Y, Z), and voxel indices to world coordinates in mm (4, 4)."""

    data: NDArray[np.float32]
    affine: Floats


@dataclass(frozen=True)
class TemplateLevel:
    """The template at one spacing.

    Parameters
    ----------
    points : ndarray of float64, shape (N, 3)
        MNI coordinates, mm.
    weights : ndarray of float64, shape (N,)
        Weight of each point, 0 to 1.
    values : ndarray of float64, shape (N, M)
        Values of the maps.
    gradients : ndarray of float64, shape (N, 3, M)
        Gradients of the maps, 1/mm.
    field : ndarray of float64, shape (N, K)
        Polynomials of place that each coefficient is a combination of; the first one is the constant 1.
    field_penalty : float
        Ridge penalty on the others, as a share of the sum of squares of the map.
    """

    points: Floats
    weights: Floats
    values: Floats
    gradients: Floats
    field: Floats
    field_penalty: float = 0.0

    def with_penalty(self, penalty: float) -> TemplateLevel:
        """Return the level with another penalty on the field."""
        return replace(self, field_penalty=penalty)

    def without_field(self) -> TemplateLevel:
        """Return the level with numbers as coefficients."""
        return replace(self, field=self.field[:, :1])

    @property
    def has_field(self) -> bool:
        """Whether coefficients vary in place."""
        return bool(self.field.shape[1] > 1)

    @cached_property
    def regressors(self) -> Floats:
        """Every map times every polynomial, then the constant 1; shape (N, M * K + 1)."""
        products = (self.values[:, :, None] * self.field[:, None, :]).reshape(len(self.points), -1)
        return np.column_stack([products, np.ones(len(self.points))])

    @cached_property
    def penalty(self) -> Floats:
        """Ridge penalty on the squared coefficient of each regressor, shape (M * K + 1,)."""
        squares = self.weights @ self.values**2
        penalty = np.full((squares.size, self.field.shape[1]), self.field_penalty) * squares[:, None]
        penalty[:, 0] = 0
        return np.append(penalty, 0.0)

    def fitted_gradient(self, coefficients: Floats) -> Floats:
        """Return the gradient of the fitted combination of the maps, its field fixed; shape (N, 3)."""
        shares = self.field @ coefficients[:-1].reshape(-1, self.field.shape[1]).T
        gradient: Floats = np.einsum("nam,nm->na", self.gradients, shares)
        return gradient


class _Regression(NamedTuple):
    """Regression of the scan on the maps.

    R squared less the penalty; intensities and weights at the points (N,); coefficients of the regressors.
    """

    r_squared: float
    intensities: Floats
    weights: Floats
    coefficients: Floats


def template_level(
    template: Template, maps: Sequence[NDArray[np.float32]], spacing: float, field_order: int = 0
) -> TemplateLevel:
    """Coarsen maps of the template to a spacing and sample them around the brain.

    Parameters
    ----------
    template : Template
    maps : sequence of ndarray of float32, shape of the template
    spacing : float
        In mm.
    field_order : int
        Order of the polynomial of place that each coefficient is; 0 for numbers.

    Returns
    -------
    TemplateLevel
    """
    margin = REGISTRATION_MARGIN_MM - template.distance
    near: NDArray[np.float32] = np.clip(margin / np.float32(MARGIN_TAPER_MM), 0, 1)
    weights, affine = coarsen(near, template.affine, spacing)
    sampled = weights > MIN_SAMPLE_WEIGHT
    coarse = [coarsen(data, template.affine, spacing)[0].astype(np.float64) for data in maps]
    spacings = np.linalg.norm(affine[:3, :3], axis=0)
    points = np.argwhere(sampled) @ affine[:3, :3].T + affine[:3, 3]
    point_weights = weights[sampled].astype(np.float64)
    return TemplateLevel(
        points=points,
        weights=point_weights,
        values=np.stack([data[sampled] for data in coarse], axis=1),
        gradients=np.stack([_gradient(data, spacings)[sampled] for data in coarse], axis=2),
        field=_orthonormal_polynomials(points, point_weights, field_order),
    )


def gauss_newton(
    level: TemplateLevel, scan: ScanLevel, start: Floats, directions: Floats
) -> tuple[Floats, float]:
    """Maximise the similarity from a start by Gauss-Newton with a backtracking line search.

    Parameters
    ----------
    level : TemplateLevel
    scan : ScanLevel
    start : ndarray of float64, shape (4, 4)
        MNI coordinates to world coordinates of the scan, mm.
    directions : ndarray of float64, shape (12, P)
        Span of the steps, see `AFFINE_DIRECTIONS` and `SIMILARITY_DIRECTIONS`.

    Returns
    -------
    affine : ndarray of float64, shape (4, 4)
        At the local maximum.
    similarity : float
        R squared there, 0 to 1; minus infinity if the start overlaps too little with the scan.
    """
    to_voxels = np.linalg.inv(scan.affine)
    best, current = start, _regress(level, scan.data, to_voxels @ start)
    for _ in range(MAX_STEPS):
        if not np.isfinite(current.r_squared):
            break
        step = _step(level, current, directions)
        for length in STEP_LENGTHS:
            # Inverse compositional update: W(x; p) <- W(x; p) o W(x; dp)^-1.
            candidate = best @ np.linalg.inv(np.eye(4) + length * step)
            regression = _regress(level, scan.data, to_voxels @ candidate)
            if regression.r_squared > current.r_squared:
                break
        else:
            break
        gain, best, current = regression.r_squared - current.r_squared, candidate, regression
        if gain < MIN_GAIN:
            break
    return best, current.r_squared


def lowest_similarity(level: TemplateLevel, scan: ScanLevel, affine: Floats) -> float:
    """Return the similarity of a place, or that of the left or right half of the head where it is lower.

    Parameters
    ----------
    level : TemplateLevel
    scan : ScanLevel
    affine : ndarray of float64, shape (4, 4)
        MNI coordinates to world coordinates of the scan, mm.

    Returns
    -------
    float
        At most 1. 0 where the field of a map is not positive, as no receive field is: the template does not
        lie on a head.
    """
    found = _regress(level, scan.data, np.linalg.inv(scan.affine) @ affine)
    if level.has_field:
        mean, field = found.coefficients[0], level.field @ found.coefficients[: level.field.shape[1]]
        if mean <= 0 or np.percentile(field, FIELD_PERCENTILE) <= 0:
            return 0.0
    squares = found.weights * (found.intensities - level.regressors @ found.coefficients) ** 2
    halves = [level.points[:, 0] < 0, level.points[:, 0] >= 0]
    return min(found.r_squared, *(_r_squared_of(found, squares, half) for half in halves))


def _r_squared_of(found: _Regression, squares: Floats, part: NDArray[np.bool_]) -> float:
    """Return the R squared at some of the points, given the weighted squares of all residuals; 0 of none."""
    weights, intensities = found.weights[part], found.intensities[part]
    if not weights.any():
        return 0.0
    total = weights @ (intensities - np.average(intensities, weights=weights)) ** 2
    return float(1 - squares[part].sum() / total) if total > 0 else 0.0


def _orthonormal_polynomials(points: Floats, weights: Floats, order: int) -> Floats:
    """Return the polynomials up to an order, orthonormal over weighted points (N, 3); shape (N, K)."""
    scaled = (points - points.mean(axis=0)) / np.abs(points).max()
    exponents = [powers for powers in product(range(order + 1), repeat=3) if sum(powers) <= order]
    monomials = np.stack([np.prod(scaled**powers, axis=1) for powers in exponents], axis=1)
    triangle = np.linalg.qr(monomials * np.sqrt(weights / weights.sum())[:, None], mode="r")
    triangle *= np.sign(np.diag(triangle))[:, None]
    polynomials: Floats = np.linalg.solve(triangle.T, monomials.T).T
    return polynomials


def _gradient(data: Floats, spacings: Floats) -> Floats:
    """Return the gradient of a map, shape (X, Y, Z, 3), 1/mm."""
    gradient: list[Floats] = list(np.gradient(data, *spacings))
    return np.stack(gradient, axis=-1)


def _regress(level: TemplateLevel, data: NDArray[np.float32], to_voxels: Floats) -> _Regression:
    """Regress the scan at the template's points on the template's maps, by weighted least squares."""
    voxels = to_voxels[:3, :3] @ level.points.T + to_voxels[:3, 3:]
    last = np.reshape(data.shape, (3, 1)) - 0.5
    inside = ((voxels > -0.5) & (voxels < last)).all(axis=0)
    weights = level.weights * inside
    if weights.sum() < MIN_OVERLAP * level.weights.sum():
        return _Regression(-np.inf, weights, weights, np.zeros(level.penalty.size))
    intensities = ndimage.map_coordinates(data, voxels, order=1, mode="nearest").astype(np.float64)
    coefficients = _least_squares(level.regressors, intensities, weights, level.penalty)
    total = (weights * (intensities - weights @ intensities / weights.sum()) ** 2).sum()
    if total == 0:  # only constant background in the overlap: R squared is not defined
        return _Regression(-np.inf, weights, weights, coefficients)
    residual = (weights * (intensities - level.regressors @ coefficients) ** 2).sum()
    residual += level.penalty @ coefficients**2
    return _Regression(float(1 - residual / total), intensities, weights, coefficients)


def _step(level: TemplateLevel, current: _Regression, directions: Floats) -> Floats:
    """Regress the scan on the maps and their derivatives by the affine; return the step (4, 4)."""
    gradient = level.fitted_gradient(current.coefficients)
    homogeneous = np.column_stack([level.points, np.ones(len(level.points))])
    # Chain rule: the derivative of a map at A p by the entries of A is its gradient times p.
    derivatives = (gradient[:, :, None] * homogeneous[:, None, :]).reshape(-1, 12) @ directions
    regressors = np.column_stack([derivatives, level.regressors])
    penalty = np.append(np.zeros(directions.shape[1]), level.penalty)
    coefficients = _least_squares(regressors, current.intensities, current.weights, penalty)
    step = (directions @ coefficients[: directions.shape[1]]).reshape(3, 4)
    return np.vstack([step, np.zeros(4)])


def _least_squares(regressors: Floats, values: Floats, weights: Floats, penalty: Floats) -> Floats:
    """Solve the normal equations of a weighted ridge regression; minimum norm where they are singular."""
    weighted = regressors.T * weights
    normal = weighted @ regressors + np.diag(penalty)
    solution: Floats = np.linalg.lstsq(normal, weighted @ values, rcond=None)[0]
    return solution
