"""How much a doubt about a result matters, and what all doubts together come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Verdict = Literal["trust", "look closely", "do not trust"]


class GraveDoubt(str):
    """A warning that leaves nothing to trust; one that is a plain string asks for a closer look."""

    __slots__ = ()


def verdict(warnings: Iterable[str]) -> Verdict:
    """Say what to think of a result.

    Parameters
    ----------
    warnings : iterable of str
        What makes it doubtful.

    Returns
    -------
    {"trust", "look closely", "do not trust"}
        By the gravest warning.

    >>> verdict([])
    'trust'
    >>> verdict(["WM is 62% of the brain mask", GraveDoubt("GM is all but empty")])
    'do not trust'
    """
    graveness = [isinstance(warning, GraveDoubt) for warning in warnings]
    return "do not trust" if any(graveness) else "look closely" if graveness else "trust"
