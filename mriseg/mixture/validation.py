"""Checks of data, weights and settings, and the counting of equal values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.errors import MixtureError
from mriseg.mixture.constants import NEGLIGIBLE_WEIGHT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mriseg.mixture.parameters import FloatArray


class DataTypeError(MixtureError, TypeError):
    """Data that are no numbers in a dense array."""


def check_data(X: ArrayLike) -> FloatArray:
    """Return data as a matrix of finite floats.

    Parameters
    ----------
    X : array-like of numbers, shape (N, D) or (N,)
        Observations by columns; (N,) is one column. Data frames may hold booleans and nullable numbers.

    Returns
    -------
    ndarray of float32 or float64, shape (N, D)
        float32 data stay float32, all others become float64.

    Raises
    ------
    MixtureError
        If X is not a matrix of finite numbers with at least one row and one column, or has masked values.
    """
    data = _as_floats(X)
    data = data[:, None] if data.ndim == 1 else data
    if data.ndim != 2:
        raise MixtureError(
            f"data must be a matrix of observations by columns, (N, D); this has shape {data.shape}"
        )
    if 0 in data.shape:
        found = f"{data.shape[0]} sample(s), {data.shape[1]} feature(s)"
        raise MixtureError(f"data are empty: {found} (shape={data.shape}) while a minimum of 1 is required.")
    if not np.isfinite(data).all():
        raise MixtureError("data hold NaN or infinite values: leave those rows out")
    return data


def _as_floats(X: ArrayLike) -> FloatArray:
    """Return any array-like of real numbers as floats."""
    if hasattr(X, "tocsr"):
        raise DataTypeError("sparse data are not supported: pass X.toarray()")
    if np.ma.is_masked(X):
        raise MixtureError("data have masked values: leave those rows out (numpy.ma.compress_rows)")
    try:
        data = np.asarray(X)
    except ValueError as error:  # rows of unequal lengths
        raise DataTypeError(f"data must be a matrix ({error})") from None
    if data.dtype.kind == "c":
        raise DataTypeError(f"Complex data not supported: these are {data.dtype}")
    if data.dtype.kind == "O":
        return _objects_as_floats(X, data)
    if data.dtype.kind not in "fiub":
        raise DataTypeError(f"data must be numbers; these are {data.dtype}")
    return data if data.dtype == np.float32 else data.astype(float, copy=False)


def _objects_as_floats(X: Any, data: NDArray[np.object_]) -> FloatArray:
    """Return numbers among Python objects as floats, missing values of data frames as NaN."""
    try:
        if hasattr(X, "convert_dtypes"):  # a frame of pandas, whose nullable columns hold pandas.NA
            return np.asarray(X.to_numpy(dtype=float, na_value=np.nan))
        return data.astype(float)
    except (TypeError, ValueError) as error:
        raise DataTypeError(f"data must be numbers ({error})") from None


def column_names(X: object) -> NDArray[np.object_] | None:
    """Return the names of the columns of a data frame.

    Parameters
    ----------
    X : object
        Any data.

    Returns
    -------
    ndarray of str, shape (D,), or None
        None if there are none, or any is not a string.
    """
    names = list(getattr(X, "columns", ()))
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return np.array(names, dtype=object)


def check_names(names: NDArray[np.object_] | None, fitted: NDArray[np.object_] | None) -> None:
    """Check that columns have the names, in the order, that they had when the mixture was fitted.

    Parameters
    ----------
    names : ndarray of str, shape (D,), or None
        Of the data.
    fitted : ndarray of str, shape (D,), or None
        At the fit; without names on both sides nothing is checked.

    Raises
    ------
    MixtureError
        If they differ.
    """
    if names is None or fitted is None or np.array_equal(names, fitted):
        return
    raise MixtureError(
        "The feature names should match those that were passed during fit: "
        f"{', '.join(names)}; at the fit {', '.join(fitted)}"
    )


def check_sample_weight(sample_weight: ArrayLike | None, n: int) -> FloatArray | None:
    """Return sample weights as floats, negligible ones set to zero.

    Parameters
    ----------
    sample_weight : array-like, shape (N,), or None
        Number of times each row was observed.
    n : int
        Number of rows, N.

    Returns
    -------
    ndarray of float64, shape (N,), or None
        None if there are no weights.

    Raises
    ------
    MixtureError
        If the shape is wrong, a weight is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return None
    if np.ma.is_masked(sample_weight):
        raise MixtureError("sample_weight has masked values: set them to zero")
    try:
        weights = np.asarray(sample_weight, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataTypeError(f"sample_weight must be numbers ({error})") from None
    if weights.shape != (n,):
        raise MixtureError(f"sample_weight has shape {weights.shape}; {n} observations need ({n},)")
    if not np.isfinite(weights).all() or weights.min() < 0 or not 0 < weights.sum() < np.inf:
        raise MixtureError("sample_weight must be finite and not negative, and not zero in sum")
    return np.where(weights < NEGLIGIBLE_WEIGHT * weights.max(), 0.0, weights)


def row_weights(sample_weight: ArrayLike | None, n: int) -> FloatArray:
    """Return sample weights as `check_sample_weight` does, all one if there are none; shape (N,)."""
    weights = check_sample_weight(sample_weight, n)
    return np.ones(n) if weights is None else weights


def check_shape(
    name: str, values: ArrayLike, shape: tuple[int, ...], *, allow_nan: bool = False
) -> FloatArray:
    """Return values as finite floats of a given shape.

    Parameters
    ----------
    name : str
        Name of the values in the error message.
    values : array-like
        Values in that shape, but for axes of length one.
    shape : tuple of int
        The shape to return.
    allow_nan : bool
        Whether NaN stands for values that are free.

    Returns
    -------
    ndarray of float64
        The values in that shape.

    Raises
    ------
    MixtureError
        If the values are no finite numbers or the shape differs.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataTypeError(f"{name} must be numbers ({error})") from None
    # Axes of length one may be left out or added; any other shape is another order of the values.
    if [length for length in array.shape if length != 1] != [length for length in shape if length != 1]:
        raise MixtureError(f"{name} has shape {array.shape}; this mixture needs {shape}")
    if not (np.isfinite(array) | (np.isnan(array) if allow_nan else False)).all():
        raise MixtureError(f"{name} must be finite")
    return array.reshape(shape)


def check_settings(n_components: int, n_init: int, tol: float, max_iter: int) -> None:
    """Check the settings that all estimators share.

    Parameters
    ----------
    n_components : int
        Number of components, at least 1.
    n_init : int
        Number of restarts, at least 1.
    tol : float
        Tolerance, not negative.
    max_iter : int
        Maximum number of iterations, not negative.

    Raises
    ------
    MixtureError
        If a setting is of another type, or out of its range.
    """
    counts: dict[str, tuple[Any, int]] = {
        "n_components": (n_components, 1),
        "n_init": (n_init, 1),
        "max_iter": (max_iter, 0),
    }
    for name, (value, least) in counts.items():
        if not (isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least):
            raise MixtureError(f"{name} must be a whole number of at least {least}, not {value!r}")
    check_not_negative("tol", tol)


def check_not_negative(name: str, number: Any) -> None:
    """Raise `MixtureError` unless a setting is a finite number of 0 or more."""
    real = isinstance(number, int | float | np.number) and not isinstance(number, bool)
    if not (real and 0 <= number < np.inf):
        raise MixtureError(f"{name} must be a finite number of 0 or more, not {number!r}")


def random_generator(random_state: int | np.random.Generator | None) -> np.random.Generator:
    """Return a generator of random numbers.

    Parameters
    ----------
    random_state : int, Generator or None
        A seed, a generator to go on with, or None for another one each time.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    MixtureError
        If it is none of these.
    """
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError):
        raise MixtureError(
            f"random_state must be a seed of 0 or more, a numpy Generator or None, not {random_state!r}"
        ) from None


def count_unique(values: FloatArray, sample_weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Return the distinct values in ascending order with the sum of their weights.

    Parameters
    ----------
    values : ndarray, shape (N,)
        Values.
    sample_weight : ndarray, shape (N,), or None
        Number of times each was observed; None counts each once.

    Returns
    -------
    unique : ndarray of float64, shape (M, 1)
        Distinct values with a positive weight.
    counts : ndarray of float64, shape (M,)
        Sums of their weights.
    """
    # Whole numbers over a range smaller than N, such as intensities, are counted in O(N) without sorting.
    whole = values.max() < len(values) + values.min() and np.array_equal(values, np.rint(values))
    if whole:
        minimum = values.min()
        counts = np.bincount((values - minimum).astype(np.intp), weights=sample_weight).astype(float)
        found = np.flatnonzero(counts)
        return (found + float(minimum))[:, None], counts[found]
    if sample_weight is None:
        unique, counts = np.unique(values, return_counts=True)
    else:
        unique, inverse = np.unique(values, return_inverse=True)
        counts = np.bincount(inverse, weights=sample_weight)
    return unique[counts > 0, None].astype(float), counts[counts > 0].astype(float)
