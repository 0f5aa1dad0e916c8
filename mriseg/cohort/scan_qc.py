"""Quality control of scans by their verdicts and by comparison with their cohort."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mriseg._utils.text import counted, natural_key
from mriseg.cohort.constants import MIN_COMPARED_SCANS, OUTLIER_LIMIT
from mriseg.cohort.outliers import Deviation, deviations_within, measures
from mriseg.qc import VERDICTS, Verdict, gravity, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.cohort.groups import Groups
    from mriseg.cohort.record import Record


@dataclass(frozen=True)
class ScanQC:
    """A segmented scan and the deviations of its measures from the cohort.

    Parameters
    ----------
    record : Record
    deviations : list of Deviation
        The farthest first.
    group : str or None
        The group that it is compared with; None where it is unknown, "" if the cohort is not divided.
    """

    record: Record
    deviations: list[Deviation]
    group: str | None = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the segmentation."""
        return verdict(self.record.warnings)

    @property
    def outlying(self) -> list[Deviation]:
        """The deviations beyond `OUTLIER_LIMIT`."""
        return [deviation for deviation in self.deviations if abs(deviation.score) > OUTLIER_LIMIT]

    @property
    def suspicious(self) -> bool:
        """Whether there is any reason to look at the scan."""
        return self.verdict != "trust" or bool(self.outlying)

    @property
    def qc_rank(self) -> tuple[int, float]:
        """Sort key for review: gravity of the verdict, then the largest absolute score."""
        return gravity(self.verdict), abs(self.deviations[0].score) if self.deviations else 0.0


def check_scans(records: Sequence[Record], groups: Groups | None = None) -> list[ScanQC]:
    """Score each segmented scan against the cohort, or against its group if there are groups."""
    done = [record for record in records if record.is_done]
    names = [groups.of(record.identifier, record.folder) if groups else "" for record in done]
    scores = deviations_within([measures(record.figures) for record in done], names)
    return [ScanQC(record, of, name) for record, of, name in zip(done, scores, names, strict=True)]


class GroupQC(NamedTuple):
    """A group of a cohort: its name, None of scans whose group is unknown, and its scans."""

    name: str | None
    scans: list[ScanQC]

    @property
    def is_compared(self) -> bool:
        """Whether its scans are compared with each other."""
        return self.name is not None and len(self.scans) >= MIN_COMPARED_SCANS

    def count(self, found: Verdict) -> int:
        """Return the number of scans with a verdict."""
        return sum(scan.verdict == found for scan in self.scans)

    @property
    def outlying(self) -> int:
        """Number of scans with an outlying measure."""
        return sum(bool(scan.outlying) for scan in self.scans)


def groups_of(checked: Sequence[ScanQC]) -> list[GroupQC]:
    """Return the groups of a cohort by name; scans whose group is unknown come last."""
    members: dict[str | None, list[ScanQC]] = {}
    for scan in checked:
        members.setdefault(scan.group, []).append(scan)
    names = sorted(members, key=lambda name: (name is None, natural_key(name or "")))
    return [GroupQC(name, members[name]) for name in names]


def describe_groups(checked: Sequence[ScanQC], column: str) -> str:
    """Say within how many groups outliers are judged, and which scans are compared with none.

    Parameters
    ----------
    checked : sequence of ScanQC
    column : str
        What the groups are, such as "site".

    Returns
    -------
    str
        One or two sentences.
    """
    groups = groups_of(checked)
    compared = sum(group.is_compared for group in groups)
    small = [group for group in groups if group.name is not None and not group.is_compared]
    of_small, unknown = (
        sum(len(group.scans) for group in some)
        for some in (small, [group for group in groups if group.name is None])
    )
    left_out = [
        f"{counted(of_small, 'scan')} of {counted(len(small), 'group')} below {MIN_COMPARED_SCANS} scans",
        f"{counted(unknown, 'scan')} without {column}",
    ]
    parts = [text for text, number in zip(left_out, (of_small, unknown), strict=True) if number]
    ending = f" Not compared: {', '.join(parts)}." if parts else ""
    within = counted(compared, "group") if compared else "no group"
    return f"Outliers are judged within {within} of {column}.{ending}"


def describe_suspicious(checked: Sequence[ScanQC]) -> str:
    """Count the scans to look at, by verdict; those that are out of line alone are counted last."""
    verdicts = Counter(scan.verdict for scan in checked)
    counts: dict[str, int] = {found: verdicts[found] for found in reversed(VERDICTS) if found != "trust"}
    suspicious = sum(scan.suspicious for scan in checked)
    counts["only out of line"] = suspicious - sum(counts.values())
    parts = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    return f"{suspicious} to look at{f' ({parts})' if parts else ''}"
