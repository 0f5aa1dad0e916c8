"""One scan of a cohort: `run_job` is what every worker calls."""

from __future__ import annotations

import faulthandler
import logging
import platform
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mriseg import __version__
from mriseg._utils.atomic_write import remove_stale
from mriseg._utils.text import printable
from mriseg.cohort.record import Record, identifier_of, log_file, read_record, record_file
from mriseg.cohort.resources import scan_mb
from mriseg.errors import MrisegError, OutputError
from mriseg.file_names import REPORT, SIDECAR, result_name, stem
from mriseg.images.reading import file_digest
from mriseg.labels.orders import BIDS
from mriseg.model.cohort_prior import normalised_shares
from mriseg.options import SegmentOptions
from mriseg.pipeline import segment_scan
from mriseg.results.bids import GENERATED_BY
from mriseg.results.own_labels import editing_of
from mriseg.results.sidecar import read_sidecar, sidecar_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A scan to segment, and where its results go.

    Parameters
    ----------
    scan : Path
        Absolute.
    folder : str
        Folder of its results, relative to the output folder, with slashes.
    options : SegmentOptions
        Paths in it are absolute.
    report : bool
        Whether to write the HTML report of the scan.
    """

    scan: Path
    folder: str
    options: SegmentOptions = field(default_factory=SegmentOptions)
    report: bool = True

    @property
    def identifier(self) -> str:
        """Identifier of the scan in the cohort."""
        return identifier_of(self.folder, stem(self.scan))

    @property
    def planned_mb(self) -> float:
        """What a worker takes at the most to do it, MB; see `mriseg.cohort.resources.scan_mb`."""
        return scan_mb(self.scan, *(file for file in self.options.channels if isinstance(file, Path)))

    def record(self, *, fresh: bool = True) -> Record:
        """Return the record of the scan without measurements."""
        return Record(self.identifier, self.scan.name, self.folder, fresh=fresh)

    def sidecar(self, output: Path) -> Path:
        """Return the file that marks its results as complete."""
        return output / self.folder / result_name(stem(self.scan), SIDECAR)

    def in_short(self, text: str, output: Path) -> str:
        """Return a text with its inputs by their names, and its results as the output folder has them.

        Tables are passed on; where folders are is in the log.
        """
        for file in (self.scan, *self.options.files):
            text = text.replace(str(file), file.name)
        return text.replace(f"{output}/", "")


def is_done(job: Job, output: Path) -> bool:
    """Return whether results are complete and of the same input, options and version.

    Parameters
    ----------
    job : Job
    output : Path
        The output folder of the cohort.

    Returns
    -------
    bool
    """
    known = sidecar_or_none(job.sidecar(output))
    names = (known or {}).get("Files", [])
    if known is None or (printable(result_name(stem(job.scan), REPORT)) in names) != job.report:
        return False
    present = {printable(file.name) for file in (output / job.folder).iterdir() if file.lstat().st_size}
    if not names or not present.issuperset(names):
        return False
    try:
        expected = {
            "GeneratedBy": GENERATED_BY,
            "Settings": job.options.recorded(),
            "SourcesSHA256": {printable(job.scan.name): file_digest(job.scan)},
        }
    except MrisegError:  # an input that is gone or broken: another run reports what is wrong with it
        return False
    # Labels of a cohort are numbered as in BIDS; results of older versions have no field for it.
    in_order = known.get("LabelOrder", BIDS) == BIDS
    return in_order and all(known.get(key) == value for key, value in expected.items())


def run_job(job: Job, output: Path) -> Record:
    """Segment one scan unless `is_done`, and write its log and record.

    Earlier results are replaced by new ones, and stay if there are none.

    Parameters
    ----------
    job : Job
    output : Path
        The output folder of the cohort.

    Returns
    -------
    Record
        A bad scan is recorded as failed and raises nothing.

    Raises
    ------
    MemoryError, OSError
        If the machine failed, not the scan: a retry may succeed.
    """
    sidecar = job.sidecar(output)
    remove_stale(sidecar.parent)
    earlier = read_record(record_file(output, job.identifier)) or job.record(fresh=False)
    if is_done(job, output):
        facts = read_sidecar(sidecar)
        done = earlier.done(facts, editing_of(sidecar, facts))
        if not earlier.is_done:  # it failed in between, for want of its input or with other options
            done.write(output)
        return done
    with _scan_log(log_file(output, job.identifier)):
        start = time.perf_counter()
        _reset_peak_memory()
        _log.info("mriseg %s on %s: %s", __version__, platform.node(), job.scan)
        failure, histogram = _segment(job, output)
        seconds, peak_mb = round(time.perf_counter() - start, 3), _peak_mb()
        record = replace(job.record(), seconds=seconds, peak_mb=peak_mb)
        if failure:
            record = replace(record.failed(job.in_short(failure, output)), histogram=earlier.histogram)
        else:
            record = replace(record.done(read_sidecar(sidecar)), histogram=histogram)
        _log.info("%s after %.1f s", record.status, record.seconds)
    record.write(output)
    return record


def _segment(job: Job, output: Path) -> tuple[str, tuple[float, ...]]:
    """Segment a scan and write the results; return the reason of a failure ("" if none) and the histogram."""
    try:
        sidecar = job.sidecar(output)
        before = _content(sidecar)
        result = segment_scan(job.scan, job.options)
        if _content(sidecar) != before:
            raise OutputError(f"{sidecar}: was written by another run meanwhile; run one at a time")
        result.save(output / job.folder, overwrite=True, report=job.report)
    except MrisegError as error:
        _log.error("%s", error)
        return str(error), ()
    except (MemoryError, OSError):
        _log.exception("out of memory or file system error")
        raise
    except Exception as error:  # noqa: BLE001 - one scan must not stop the cohort
        _log.exception("internal error")
        return f"internal error, {type(error).__name__}: {error}; its log says where", ()
    for warning in result.warnings:
        level = logging.INFO if warning.severity == "note" else logging.WARNING
        _log.log(level, "%s: %s", warning.severity, warning)
    if "WM" not in result.volumes:
        return "", ()
    shares = normalised_shares(*result.histogram, result.volumes["WM"].mean)
    return "", tuple(shares.round(7).tolist())


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


@contextmanager
def _scan_log(path: Path) -> Iterator[None]:
    """Append the log of this thread, and tracebacks of crashes, to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger, thread = logging.getLogger("mriseg"), threading.get_ident()
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        handler = logging.StreamHandler(file)
        # A full disk fails the scan; it is not reported line by line.
        handler.handleError = lambda record: None  # type: ignore[method-assign]  # noqa: ARG005
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        handler.addFilter(lambda record: record.thread == thread)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        faulthandler.enable(file)
        try:
            yield
        finally:
            faulthandler.disable()
            logger.removeHandler(handler)


def _reset_peak_memory() -> None:
    """Reset the peak of resident memory (Linux): workers run several scans."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_mb() -> float | None:
    """Return the peak resident memory since `_reset_peak_memory`, MB; None except on Linux."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000
