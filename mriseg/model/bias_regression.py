"""Regression of the logarithm of a bias field on polynomials of position, from cells of white matter."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from mriseg.model.constants import (
    MAX_FIELD_ORDER,
    MIN_ORDER_GAIN,
    STRONG_FIELD_ORDER,
    STRONG_FIELD_PENALTY,
    STRONG_ORDER_GAIN,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.model.bias_cells import Cells

    Floats = NDArray[np.floating]


def polynomial_field(
    cells: Cells, pure: NDArray[np.bool_], brightness: Floats, *, strong: bool = False
) -> Floats:
    """Regress the log intensities of white-matter cells on a polynomial whose order is cross-validated.

    Parameters
    ----------
    cells : Cells
        M cells of the brain.
    pure : ndarray of bool, shape (M,)
        Which of them are white matter.
    brightness : ndarray of float64, shape (W,)
        Mean intensity in each of those, above 0.
    strong : bool
        Whether third and fourth orders are tried, with a ridge penalty.

    Returns
    -------
    ndarray of float64, shape (D, D, D)
        Coefficients of the monomials of the scaled position; 0 for the constant.
    """
    positions, fold, values = cells.positions[pure], cells.fold[pure], np.log(brightness)
    errors = [
        _prediction_error(_design(positions, order), values, fold) for order in range(MAX_FIELD_ORDER + 1)
    ]
    order = _best_order(errors)
    if strong:
        basis, penalty = _penalised_basis(cells, len(values))
        design = _design(positions, STRONG_FIELD_ORDER) @ basis
        if _prediction_error(design, values, fold, penalty) < STRONG_ORDER_GAIN * errors[order]:
            fitted = basis @ _robust_fit(design, values, penalty)
            return _coefficients(STRONG_FIELD_ORDER, fitted)
    return _coefficients(order, _robust_fit(_design(positions, order), values))


def _powers(order: int) -> list[tuple[int, int, int]]:
    """List the exponents of all monomials up to an order, the constant first."""
    steps = range(order + 1)
    every = [(i, j, k) for i, j, k in product(steps, steps, steps) if i + j + k <= order]
    return sorted(every, key=sum)


def _design(positions: Floats, order: int) -> Floats:
    return np.stack([np.prod(positions**power, axis=1) for power in _powers(order)], axis=1)


def _penalised_basis(cells: Cells, number: int) -> tuple[Floats, Floats]:
    """Return polynomials that are orthonormal over the brain, and a ridge penalty beyond the second order.

    Columns of the basis hold the coefficients of the monomials; the squared coefficient of a polynomial is
    the variance that it adds to the field in the brain.
    """
    triangle = np.linalg.qr(_design(cells.positions, STRONG_FIELD_ORDER), mode="r")
    basis = np.linalg.inv(triangle / np.sqrt(len(cells.positions)))
    penalty = np.full(len(basis), STRONG_FIELD_PENALTY * number)
    penalty[: len(_powers(MAX_FIELD_ORDER))] = 0
    return basis, penalty


def _coefficients(order: int, fitted: Floats) -> Floats:
    """Return the coefficients of the monomials up to an order, 0 for the constant; shape (D, D, D)."""
    coefficients = np.zeros((order + 1,) * 3)
    for power, value in zip(_powers(order)[1:], fitted[1:], strict=True):
        coefficients[power] = value
    return coefficients


def _best_order(errors: Sequence[float]) -> int:
    """Choose the order by its prediction error; a higher one must lower it to `MIN_ORDER_GAIN`."""
    best = 0
    for order, error in enumerate(errors):
        if error < MIN_ORDER_GAIN * errors[best]:
            best = order
    return best


def _prediction_error(
    design: Floats, values: Floats, fold: NDArray[np.intp], penalty: Floats | None = None
) -> float:
    """Return the mean absolute error of cross-validation over regions."""
    errors = []
    for left_out in (fold == number for number in np.unique(fold)):
        fitted = _fit(design[~left_out], values[~left_out], penalty)
        errors.append(np.abs(values[left_out] - design[left_out] @ fitted))
    return float(np.concatenate(errors).mean())


def _fit(design: Floats, values: Floats, penalty: Floats | None = None) -> Floats:
    """Fit by least squares, the squares of the coefficients penalised."""
    if penalty is not None:
        design = np.vstack([design, np.diag(np.sqrt(penalty))])
        values = np.append(values, np.zeros(len(penalty)))
    return np.asarray(np.linalg.lstsq(design, values, rcond=None)[0])


def _robust_fit(design: Floats, values: Floats, penalty: Floats | None = None) -> Floats:
    """Fit by iteratively reweighted least squares with Cauchy weights, robust to cells of other tissue."""
    fitted = _fit(design, values, penalty)
    for _ in range(3):
        residuals = values - design @ fitted
        spread = 2 * 1.4826 * float(np.median(np.abs(residuals))) + 1e-12
        root = 1 / np.sqrt(1 + (residuals / spread) ** 2)
        fitted = _fit(design * root[:, None], values * root, penalty)
    return fitted
