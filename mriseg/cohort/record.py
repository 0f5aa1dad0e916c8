"""The outcome of one scan: measurements from its sidecar, and a record file of run-dependent data.

Time and memory differ between runs and failures have no sidecar: both are written to
``logs/IDENTIFIER.json``, so that results are reproducible to the byte.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mriseg._utils.access import paths_below
from mriseg._utils.atomic_write import atomic_write
from mriseg.file_names import SIDECAR, result_name, stem, stem_of_result
from mriseg.qc import reasons, verdict
from mriseg.results.own_labels import editing_of, editing_warnings
from mriseg.results.sidecar import SidecarError, is_finite, is_of_mriseg, quality_of, read_sidecar
from mriseg.results.volumes import VOLUME_FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mriseg.qc import QCWarning, Verdict
    from mriseg.results.own_labels import Editing

DONE, FAILED = "done", "failed"
LOGS = "logs"

Figures = dict[str, float | str | None]


@dataclass(frozen=True)
class Record:
    """The outcome of one scan.

    Parameters
    ----------
    identifier : str
        Name of the scan in the cohort, see `identifier_of`.
    scan : str
        Name of its file.
    folder : str
        Folder of its results, relative to the output folder.
    status : {"done", "failed"}
    reason : str
        Why it failed, in one line.
    seconds : float or None
        Wall time; None where it was not recorded.
    peak_mb : float or None
        Peak resident memory of the worker, MB; None where it was not measured.
    fresh : bool
        Whether the scan was segmented in this run.
    figures : dict
        See `figures`; empty for a scan that failed.
    warnings : tuple of QCWarning
        Of the segmentation; empty for a scan that failed.
    histogram : tuple of float
        Normalised histogram if there are three tissues, see `mriseg.model.cohort_prior.normalised_shares`;
        empty where it was not recorded.
    editing : {"no", "updated", "in place"}
        Whether the labels were edited, see `mriseg.results.own_labels`; a label map that was changed in its
        place is among the warnings.
    earlier : str
        SHA-256 digest of the sidecar of earlier results that a failure left in place; "" if there was none.
    """

    identifier: str
    scan: str
    folder: str
    status: str = DONE
    reason: str = ""
    seconds: float | None = None
    peak_mb: float | None = None
    fresh: bool = True
    figures: Figures = field(default_factory=dict)
    warnings: tuple[QCWarning, ...] = ()
    histogram: tuple[float, ...] = ()
    editing: Editing = "no"
    earlier: str = ""

    @property
    def is_done(self) -> bool:
        """Whether the scan was segmented."""
        return self.status == DONE

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on the segmentation, see `mriseg.qc.verdict`; None if the scan failed."""
        return verdict(self.warnings) if self.is_done else None

    @property
    def reasons(self) -> list[QCWarning]:
        """The warnings that speak against trust, the gravest first."""
        return reasons(self.warnings)

    def sidecar(self, output: Path) -> Path:
        """Return the path of the sidecar."""
        return output / self.folder / result_name(stem(Path(self.scan)), SIDECAR)

    def failed(self, reason: str) -> Record:
        """Return a copy with the reason of the failure, on one line."""
        return replace(self, status=FAILED, reason=" ".join(reason.split()), figures={}, warnings=())

    def done(self, sidecar: dict[str, Any], editing: Editing = "no") -> Record:
        """Return a copy with the figures and the warnings of a sidecar, and whether labels were edited."""
        warnings = (*sidecar["Warnings"], *editing_warnings(editing))
        return replace(
            self, status=DONE, reason="", figures=figures(sidecar), warnings=warnings, editing=editing
        )

    def write(self, output: Path) -> None:
        """Write the record file."""
        content = {
            "Identifier": self.identifier,
            "Scan": self.scan,
            "Folder": self.folder,
            "Status": self.status,
            "Reason": self.reason,
            "Seconds": self.seconds,
            "PeakMB": self.peak_mb,
            "Histogram": self.histogram,
            "EarlierSHA256": "" if self.is_done else _digest(self.sidecar(output)),
        }
        file = record_file(output, self.identifier)
        # Not tidied: the folder has as many files as the cohort has scans. A run tidies it as a whole.
        with atomic_write(file.parent, [file.name], overwrite=True, tidy=False) as scratch:
            # ASCII: names of files need not be valid text.
            (scratch / file.name).write_text(json.dumps(content) + "\n", encoding="ascii")


def record_file(output: Path, identifier: str) -> Path:
    """Return the path of the record file of a scan."""
    return output / LOGS / f"{identifier}.json"


def log_name(identifier: str) -> str:
    """Return the path of the log of a scan, relative to the output folder."""
    return f"{LOGS}/{identifier}.log"


def log_file(output: Path, identifier: str) -> Path:
    """Return the path of the log of a scan."""
    return output / log_name(identifier)


def read_record(file: Path) -> Record | None:
    """Read a record file; None if it is missing or not a record."""
    content = read_json(file) or {}
    texts = [content.get(name, "") for name in ("Identifier", "Scan", "Folder", "Status", "Reason")]
    seconds, peak_mb, histogram = (content.get(name) for name in ("Seconds", "PeakMB", "Histogram"))
    if (
        not all(isinstance(text, str) for text in texts)
        or not texts[0]
        or texts[3] not in (DONE, FAILED)
        or not all(figure is None or is_finite(figure) for figure in (seconds, peak_mb))
        or not isinstance(histogram, list)
        or not all(map(is_finite, histogram))
    ):
        return None
    return replace(
        Record(*texts),
        seconds=seconds,
        peak_mb=peak_mb,
        fresh=False,
        histogram=tuple(histogram),
        earlier=str(content.get("EarlierSHA256", "")),
    )


def read_json(file: Path) -> dict[str, Any] | None:
    """Read a JSON object; None if the file is missing, invalid or holds no object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def identifier_of(folder: str, name: str) -> str:
    """Return the identifier of a scan in a cohort.

    In a BIDS layout the stem of its file names, which is unique there; elsewhere its folder.

    Parameters
    ----------
    folder : str
        Folder of its results, relative to the output folder, with slashes.
    name : str
        STEM of its files.

    Returns
    -------
    str

    >>> identifier_of("sub-01/ses-2/anat", "sub-01_ses-2_run-1")
    'sub-01_ses-2_run-1'
    >>> identifier_of("visit1/T1", "T1")
    'visit1/T1'
    """
    parts = folder.split("/")
    in_dataset = parts[0].startswith("sub-") and parts[-1] == "anat" and f"{name}_".startswith(f"{parts[0]}_")
    return name if in_dataset else folder


def figures(sidecar: dict[str, Any]) -> Figures:
    """Return the measurements of a sidecar that ``cohort.tsv`` lists.

    Parameters
    ----------
    sidecar : dict
        As `mriseg.results.sidecar.sidecar` makes it.

    Returns
    -------
    dict
        Volumes in mL, fractions of the brain mask, means and sds in the scan's units, the lowest and the
        highest factor of the bias field, the image quality figures (None where there is none), among them the
        similarity to the template.
    """
    brain, field_ = sidecar["BrainMask"], sidecar["BiasField"]
    figures: Figures = {"brain_mask_ml": brain["VolumeML"], **quality_of(sidecar)}
    for tissue, of in sidecar["Classes"].items():
        figures |= {f"{tissue}_{name}": of[name] for name in VOLUME_FIGURES}
    return figures | {
        "bias_lowest": field_["Lowest"],
        "bias_highest": field_["Highest"],
        "similarity": brain["TemplateSimilarity"],
    }


def collect(output: Path) -> Iterator[Record]:
    """Yield the records of all scans in an output folder, by identifier.

    A scan whose last try failed has failed, though earlier results may be left; a scan whose results are gone
    or cannot be read has failed, too. Any other with a sidecar is done, whatever its record.

    Parameters
    ----------
    output : Path
        The output folder of `mriseg batch` or `mriseg bids`; any folder with results will do.

    Yields
    ------
    Record
        One a scan.
    """
    records = {
        record.identifier: record
        for file in paths_below(output / LOGS)
        if file.suffix == ".json" and (record := read_record(file))
    }
    results = [
        record
        for file in sorted(paths_below(output))
        if file.name.endswith(f"_{SIDECAR}") and (record := _record_of_results(file, output, records))
    ]
    found = {record.identifier: record for record in _named_apart(results, records)}
    for identifier in sorted(records.keys() | found.keys()):
        known = found.get(identifier) or records[identifier]
        is_gone = identifier not in found and known.is_done
        yield known.failed("its results are gone; segment it again") if is_gone else known


def _named_apart(results: Sequence[Record], records: Mapping[str, Record]) -> Iterator[Record]:
    """Yield the records of results, several of one folder by the names of their files, too."""
    counts = Counter(record.identifier for record in results)
    for record in results:
        known = records.get(record.identifier)
        if known.scan == record.scan if known else counts[record.identifier] == 1:
            yield record
        else:
            yield replace(record, identifier=f"{record.identifier}/{stem(Path(record.scan))}")


def _record_of_results(file: Path, output: Path, records: Mapping[str, Record]) -> Record | None:
    """Return the record of the results that a sidecar completes; None if it is not one of a scan."""
    folder = file.parent.relative_to(output).as_posix()
    if "/.mriseg-" in f"/{folder}":
        return None
    name = stem_of_result(file, SIDECAR) or file.stem
    known = records.get(identifier_of(folder, name))
    if known and stem(Path(known.scan)) != name:
        known = None
    if known and not known.is_done and known.earlier == _digest(file):
        return known
    try:
        facts = read_sidecar(file)
    except SidecarError as error:
        if not (known or is_of_mriseg(file)):
            return None
        known = known or Record(identifier_of(folder, name), name, folder, fresh=False)
        return known.failed(f"its results cannot be used ({error}); segment it again")
    known = known or Record(identifier_of(folder, name), facts["Sources"][0], folder, fresh=False)
    return known.done(facts, editing_of(file, facts))


def _digest(file: Path) -> str:
    """Return the SHA-256 digest of a file, "" if it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
