"""Quality-control warnings, their severities, and the verdict: the gravest severity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Severity = Literal["note", "look closely", "do not trust"]
Verdict = Literal["trust", "look closely", "do not trust"]
VERDICTS: tuple[Verdict, ...] = ("trust", "look closely", "do not trust")
_SEVERITIES: tuple[Severity, ...] = ("note", "look closely", "do not trust")


@dataclass(frozen=True)
class QCWarning:
    """A quality-control warning.

    Parameters
    ----------
    code : str
        Identifier of the check, the same in every run and version: "mask-volume", for example.
    severity : {"note", "look closely", "do not trust"}
        The verdict if this were the only warning; a note leaves it at "trust".
    text : str
        The finding, for people, on one line; never parsed.
    """

    code: str
    severity: Severity
    text: str

    def __str__(self) -> str:
        return self.text

    def about(self, subject: str) -> QCWarning:
        """Return the same warning with a subject, such as the name of a file, before its text."""
        return replace(self, text=f"{subject} {self.text}")

    def recorded(self) -> dict[str, str]:
        """Return the warning as an object of the sidecar."""
        return {"Code": self.code, "Severity": self.severity, "Text": self.text}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> QCWarning:
        """Read a warning from its object in a sidecar, see `recorded`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the record is of another form.
        """
        severity = record["Severity"]
        if severity not in _SEVERITIES:
            raise ValueError(f"{severity!r} is no severity")
        return cls(str(record["Code"]), severity, str(record["Text"]))


def note(code: str, text: str) -> QCWarning:
    """Return a warning of severity "note": something was decided that the user should know of."""
    return QCWarning(code, "note", text)


def look_closely(code: str, text: str) -> QCWarning:
    """Return a warning of severity "look closely"."""
    return QCWarning(code, "look closely", text)


def do_not_trust(code: str, text: str) -> QCWarning:
    """Return a warning of severity "do not trust"."""
    return QCWarning(code, "do not trust", text)


def reasons(warnings: Iterable[QCWarning]) -> list[QCWarning]:
    """Return the warnings that speak against trust, the gravest first.

    >>> [warning.code for warning in reasons([note("a", ""), look_closely("b", ""), do_not_trust("c", "")])]
    ['c', 'b']
    """
    against = [warning for warning in warnings if warning.severity != "note"]
    return sorted(against, key=lambda warning: -_SEVERITIES.index(warning.severity))


def gravity(found: Verdict) -> int:
    """Return the rank of a verdict, from 0 for "trust".

    >>> [gravity(found) for found in ("trust", "look closely", "do not trust")]
    [0, 1, 2]
    """
    return VERDICTS.index(found)


def verdict(warnings: Iterable[QCWarning]) -> Verdict:
    """Return the verdict: the gravest severity of the warnings, or "trust".

    Parameters
    ----------
    warnings : iterable of QCWarning

    Returns
    -------
    {"trust", "look closely", "do not trust"}

    >>> verdict([])
    'trust'
    >>> verdict([look_closely("tissue-share", "WM is 62% of the brain mask"),
    ...          do_not_trust("tissue-empty", "GM is all but empty")])
    'do not trust'
    >>> verdict([note("mask-soft", "the mask was cut at half of its maximum")])
    'trust'
    """
    severities = {warning.severity for warning in warnings}
    if "do not trust" in severities:
        return "do not trust"
    return "look closely" if "look closely" in severities else "trust"
