"""The orders in which written label images number the tissues: that of BIDS, and that of FSL FAST.

Within the program the tissues have the numbers of `mriseg.labels.tissues`, those of BIDS. An order counts in
what is written alone: the label image, its tables and its sidecar.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mriseg.errors import OptionError
from mriseg.labels.tissues import CSF, GM, WM, Tissue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

BIDS, FAST = "bids", "fast"
# Tissues by their numbers in label images, from 1; all other labels keep theirs.
ORDERS = {BIDS: (GM, WM, CSF), FAST: (CSF, GM, WM)}


def check_order(order: str) -> None:
    """Raise `OptionError` unless an order is one of `ORDERS`."""
    if order not in ORDERS:
        raise OptionError(f"label_order is {order!r}; it must be one of {', '.join(ORDERS)}")


def numbers_of_order(order: str) -> dict[int, int]:
    """Return the number in `mriseg.labels.tissues` of each number of an order.

    >>> numbers_of_order("fast")
    {1: 3, 2: 1, 3: 2}
    """
    return {number: tissue.index for number, tissue in enumerate(ORDERS[order], start=1)}


def numbered(tissues: Iterable[Tissue], order: str) -> tuple[Tissue, ...]:
    """Return tissues with the numbers that they have in an order, by rising number.

    Parameters
    ----------
    tissues : iterable of Tissue
        CSF, GM and WM are numbered anew; lesions and generic classes are not.
    order : str
        One of `ORDERS`.

    Returns
    -------
    tuple of Tissue
        ``mapping`` still is the number in BIDS.

    >>> [(tissue.index, tissue.abbreviation) for tissue in numbered((GM, WM, CSF), "fast")]
    [(1, 'CSF'), (2, 'GM'), (3, 'WM')]
    """
    anew = (
        replace(tissue, index=ORDERS[order].index(tissue) + 1) if tissue in ORDERS[order] else tissue
        for tissue in tissues
    )
    return tuple(sorted(anew, key=lambda tissue: tissue.index))


def renumbered(labels: NDArray[np.uint8], tissues: Collection[Tissue], order: str) -> NDArray[np.uint8]:
    """Return labels with the numbers of an order; the array itself if these are the same.

    Parameters
    ----------
    labels : ndarray of uint8
        Numbered as `tissues` are.
    tissues : collection of Tissue
        That labels can be, as `mriseg.labels.tissues` numbers them.
    order : str
        One of `ORDERS`.

    Returns
    -------
    ndarray of uint8
    """
    same = np.arange(256, dtype=np.uint8)
    table = same.copy()
    for number, index in numbers_of_order(order).items():
        if any(tissue.index == index and tissue in ORDERS[order] for tissue in tissues):
            table[index] = number
    # Fortran order, as in the file: writing is faster.
    return labels if (table == same).all() else np.asfortranarray(table[labels])


def described(tissues: Iterable[Tissue]) -> str:
    """Return numbers and abbreviations in words, for descriptions.

    >>> described((GM, WM))
    '1 GM, 2 WM'
    """
    return ", ".join(f"{tissue.index} {tissue.abbreviation}" for tissue in tissues)


def order_mark(tissues: Collection[Tissue], order: str) -> str:
    """Return what the header of a label image says of its order; nothing if the numbers are those of BIDS.

    An image may be copied without its tables: the field ``intent_name``, 15 characters, goes with it.

    >>> order_mark((GM, WM, CSF), "fast"), order_mark((GM, WM, CSF), "bids")
    ('1CSF 2GM 3WM', '')
    """
    if order == BIDS or not set(ORDERS[order]) <= set(tissues):
        return ""
    return " ".join(f"{tissue.index}{tissue.abbreviation}" for tissue in numbered(ORDERS[order], order))


def marked_order(mark: str) -> str:
    """Return the order that a header says; that of BIDS if it says none that is known.

    >>> marked_order("1CSF 2GM 3WM"), marked_order("anything")
    ('fast', 'bids')
    """
    return next((order for order, tissues in ORDERS.items() if order_mark(tissues, order) == mark), BIDS)
