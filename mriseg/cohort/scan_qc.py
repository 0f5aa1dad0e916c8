"""The scans of a cohort held against one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mriseg.cohort.constants import OUTLIER_LIMIT
from mriseg.cohort.outliers import Deviation, deviations, measures
from mriseg.cohort.record import DONE, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.qc import QCWarning


@dataclass(frozen=True)
class ScanQC:
    """A scan that was done, and how far its figures lie from the cohort's.

    Parameters
    ----------
    record : Record
    deviations : list of Deviation
        The farthest first.
    """

    record: Record
    deviations: list[Deviation]

    @property
    def warnings(self) -> tuple[QCWarning, ...]:
        """What the segmentation itself found doubtful."""
        return self.record.warnings

    @property
    def outlying(self) -> list[Deviation]:
        """The figures that are out of line."""
        return [deviation for deviation in self.deviations if abs(deviation.score) > OUTLIER_LIMIT]

    @property
    def qc_rank(self) -> tuple[int, float]:
        """How much there is to distrust: first the number of reasons, then the largest score."""
        score = abs(self.deviations[0].score) if self.deviations else 0.0
        return sum(warning.severity != "note" for warning in self.warnings) + len(self.outlying), score


def check_scans(records: Sequence[Record]) -> list[ScanQC]:
    """Compare the scans that were done with one another."""
    done = [record for record in records if record.status == DONE]
    scores = deviations([measures(record.figures) for record in done])
    return [ScanQC(record, of) for record, of in zip(done, scores, strict=True)]
