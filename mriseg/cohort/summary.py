"""Summary of a cohort: one table and one page with the scans to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mriseg._utils.atomic_write import atomic_write
from mriseg.cohort.page import write_page
from mriseg.cohort.participants import remember
from mriseg.cohort.record import FAILED, Record, collect
from mriseg.cohort.scan_qc import ScanQC, check_scans
from mriseg.cohort.table import TableWriter, columns, describe, row, write_failures
from mriseg.errors import CohortError
from mriseg.file_names import COHORT_FAILURES, COHORT_PAGE, COHORT_SIDECAR, COHORT_TABLE
from mriseg.results.sidecar import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mriseg.cohort.groups import Groups


class Summary(NamedTuple):
    """The scans of a cohort that were segmented and those that failed, each by identifier."""

    checked: list[ScanQC]
    failed: list[Record]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the table, by identifier."""
        scans = [(scan.record, scan) for scan in self.checked] + [(record, None) for record in self.failed]
        return [row(record, scan) for record, scan in sorted(scans, key=lambda of: of[0].identifier)]


def tissues_of(records: Iterable[Record]) -> set[str]:
    """Return the abbreviations of all classes in the figures of a cohort."""
    ending = "_fraction"
    return {
        name.removesuffix(ending) for record in records for name in record.figures if name.endswith(ending)
    }


def summarise(
    output: Path,
    of_run: Iterable[Record] = (),
    groups: Groups | None = None,
    numbers: Sequence[Groups] = (),
    tables: Sequence[Path] = (),
) -> Summary:
    """Write ``cohort.tsv``, ``cohort_report.html`` and, if scans failed, ``failures.tsv``.

    ``cohort.json`` describes the columns of ``cohort.tsv``.

    Parameters
    ----------
    output : Path
        The output folder of `mriseg batch` or `mriseg bids`, or any folder with results.
    of_run : iterable of Record, optional
        Records of a run; they stand in for those that could not be written.
    groups : Groups, optional
        Outliers are judged within each, instead of the whole cohort.
    numbers : sequence of Groups
        Numbers of the participants that the page can plot measures against, such as their age.
    tables : sequence of Path
        Where these are from: ``cohort.json`` names the files for the next time.

    Returns
    -------
    Summary

    Raises
    ------
    CohortError
        If there is no scan, done or failed, or none has a group.
    OutputError
        If the folder cannot be written.
    """
    known = {record.identifier: record for record in (*of_run, *collect(output))}
    records = [known[identifier] for identifier in sorted(known)]
    if not records:
        raise CohortError(f"{output}: no results there; name the output folder of mriseg batch or bids")
    if groups:
        groups.check((record.identifier, record.folder) for record in records)
    checked = check_scans(records, groups)
    failed = [record for record in records if record.status == FAILED]
    found = Summary(checked, failed)
    names = [*([COHORT_FAILURES] if failed else []), COHORT_PAGE, COHORT_SIDECAR, COHORT_TABLE]
    column = groups.column if groups else ""
    header = columns(tissues_of(records), grouped=bool(groups))
    with atomic_write(output, names, overwrite=True, obsolete=[COHORT_FAILURES]) as scratch:
        with TableWriter(scratch / COHORT_TABLE, header) as table:
            for cells in found.rows():
                table.write(cells)
        described = describe(header, column)
        remember(described, tables, output)
        write_json(scratch / COHORT_SIDECAR, described)
        if failed:
            write_failures(scratch / COHORT_FAILURES, failed)
        write_page(scratch / COHORT_PAGE, output, checked, failed, column, numbers)
    return found
