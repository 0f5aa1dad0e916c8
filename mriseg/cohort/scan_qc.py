"""Quality control of scans by comparison with their cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mriseg.cohort.constants import OUTLIER_LIMIT
from mriseg.cohort.outliers import Deviation, deviations, measures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriseg.cohort.record import Record
    from mriseg.qc import QCWarning


@dataclass(frozen=True)
class ScanQC:
    """A segmented scan and the deviations of its measures from the cohort.

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
        """Warnings of the segmentation."""
        return self.record.warnings

    @property
    def outlying(self) -> list[Deviation]:
        """The deviations beyond `OUTLIER_LIMIT`."""
        return [deviation for deviation in self.deviations if abs(deviation.score) > OUTLIER_LIMIT]

    @property
    def suspicious(self) -> bool:
        """Whether there is any reason to look at the scan."""
        return self.qc_rank[0] > 0

    @property
    def qc_rank(self) -> tuple[int, float]:
        """Sort key for review: number of warnings and outliers, then the largest absolute score."""
        score = abs(self.deviations[0].score) if self.deviations else 0.0
        return sum(warning.severity != "note" for warning in self.warnings) + len(self.outlying), score


def check_scans(records: Sequence[Record]) -> list[ScanQC]:
    """Score each segmented scan against the cohort."""
    done = [record for record in records if record.is_done]
    scores = deviations([measures(record.figures) for record in done])
    return [ScanQC(record, of) for record, of in zip(done, scores, strict=True)]
