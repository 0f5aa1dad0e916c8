"""The options of a segmentation: defined, checked, parsed and recorded in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mriseg.errors import MixtureError, OptionError, PriorError
from mriseg.images.reading import IN_MEMORY, file_digest, image_path
from mriseg.labels.contrasts import CONTRASTS, rising_tissues
from mriseg.labels.tissues import AS_WM, AUTO, LESION, MAX_CLASSES, OWN
from mriseg.mixture.covariance import covariance_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mriseg.images.reading import ImageSource
    from mriseg.labels.tissues import Tissue

_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def _flag(cell: str, _folder: Path) -> bool:
    if cell.lower() not in _YES_NO:
        raise ValueError(f"is {cell!r}; it must be yes or no")
    return _YES_NO[cell.lower()]


def _word(cell: str, _folder: Path) -> str:
    return cell


def _number(cell: str, _folder: Path) -> int | str:
    return int(cell) if cell.isdecimal() else cell


def _file(cell: str, folder: Path) -> Path:
    return folder / cell


def _files(cell: str, folder: Path) -> tuple[Path, ...]:
    return tuple(folder / file.strip() for file in cell.split("|") if file.strip())


def _as_flag(value: object) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"is {value!r}; it must be True or False")
    return bool(value)


def _as_word(value: object) -> str | None:
    if not isinstance(value, (str, type(None))):
        raise ValueError(f"is {value!r}; it must be a word")
    return value


def _as_number(value: object) -> int | str:
    if isinstance(value, str):
        return int(value) if value.isdecimal() else value
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    raise ValueError(f"is {value!r}; it must be from 2 to {MAX_CLASSES}, or {AUTO}")


def _as_path(value: object) -> Path | None:
    if not isinstance(value, (str, PathLike, type(None))):
        raise ValueError(f"is of the type {type(value).__name__}; it must be the path of a file")
    return None if value is None else Path(value)


def _as_image(value: object) -> ImageSource | None:
    if isinstance(value, IN_MEMORY):
        return cast("ImageSource", value)
    try:
        return _as_path(value)
    except ValueError as error:
        raise ValueError(f"{error}, a nibabel image or a volume") from error


def _as_images(value: object) -> tuple[ImageSource, ...]:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(image for image in map(_as_image, several) if image is not None)


# By the kind of an option: the parser of a cell of a list, (cell, folder of the list) -> value; and the check
# and conversion of an argument.
_FLAG = {"parse": _flag, "convert": _as_flag}
_WORD = {"parse": _word, "convert": _as_word}
_NUMBER = {"parse": _number, "convert": _as_number}
_FILE = {"parse": _file, "convert": _as_path}
_IMAGE = {"parse": _file, "convert": _as_image}
_IMAGES = {"parse": _files, "convert": _as_images}


@dataclass(frozen=True)
class SegmentOptions:
    """The options of a segmentation.

    Paths may be given as strings, a single channel without a sequence, numbers and flags as NumPy has them.

    Parameters
    ----------
    channels : tuple of Path, nibabel image or Volume
        Further scans of the same session, in any contrast.
    mask : Path, nibabel image or Volume, optional
        A brain mask on the grid of the scan.
    stripped : bool
        Take everything but the background as brain.
    contrast : str
        One of `mriseg.labels.contrasts.CONTRASTS`, or "auto".
    classes : int or "auto"
        From 2 to `MAX_CLASSES`, or "auto": chosen by BIC.
    merge : bool
        Merge four and more classes to three tissues.
    covariance : str, optional
        Covariance model of Gaussian classes without partial volume; None: the partial-volume mixture.
    lesion_mask : Path, nibabel image or Volume, optional
        Lesions on the grid of the scan.
    lesions : {"wm", "own"}
        What lesions of white matter that are found are labelled as.
    bias, spatial, priors : bool
        Estimate the bias field; regularise in space; use the template's tissue maps.
    warm_start : Path, optional
        The sidecar of a segmentation whose mixture EM starts from.
    cohort_prior : Path, optional
        A file of `mriseg cohort-prior` from similar scans.
    fix_means : bool
        Fix the means at those of the warm start.

    Raises
    ------
    OptionError
        If an option is of a wrong type or out of its range, or options exclude each other.
    """

    channels: tuple[ImageSource, ...] = field(default=(), metadata=_IMAGES)
    mask: ImageSource | None = field(default=None, metadata=_IMAGE)
    stripped: bool = field(default=False, metadata=_FLAG)
    contrast: str = field(default=AUTO, metadata=_WORD)
    classes: int | str = field(default=3, metadata=_NUMBER)
    merge: bool = field(default=False, metadata=_FLAG)
    covariance: str | None = field(default=None, metadata=_WORD)
    lesion_mask: ImageSource | None = field(default=None, metadata=_IMAGE)
    lesions: str = field(default=AS_WM, metadata=_WORD)
    bias: bool = field(default=True, metadata=_FLAG)
    spatial: bool = field(default=True, metadata=_FLAG)
    priors: bool = field(default=True, metadata=_FLAG)
    warm_start: Path | None = field(default=None, metadata=_FILE)
    cohort_prior: Path | None = field(default=None, metadata=_FILE)
    fix_means: bool = field(default=False, metadata=_FLAG)

    def __post_init__(self) -> None:
        for option in fields(self):
            try:
                value = option.metadata["convert"](getattr(self, option.name))
            except ValueError as error:
                raise OptionError(f"{option.name} {error}") from error
            object.__setattr__(self, option.name, value)
        self._check()
        self._check_classes()
        self._check_lesions()

    def _check(self) -> None:
        if self.mask is not None and self.stripped:
            raise OptionError("give a mask or say that the scan is stripped, not both")
        if self.contrast not in (*CONTRASTS, AUTO):
            known = ", ".join(CONTRASTS)
            raise OptionError(f"contrast is {self.contrast!r}; it must be one of {known}, {AUTO}")
        if self.warm_start is not None and self.cohort_prior is not None:
            raise OptionError("give a warm start or the prior of a cohort, not both")
        if self.fix_means and self.warm_start is None:
            raise OptionError("means can be fixed at those of a saved fit only; give it as the warm start")
        if self.covariance is not None:
            try:
                covariance_model(self.covariance, 1 + len(self.channels))
            except MixtureError as error:
                raise OptionError(str(error)) from error

    def _check_classes(self) -> None:
        classes = self.classes
        if classes == AUTO:
            if self.warm_start is not None or self.cohort_prior is not None:
                raise OptionError("a saved fit or a prior has a number of classes: give that instead of auto")
            return
        if isinstance(classes, str) or not 2 <= classes <= MAX_CLASSES:
            raise OptionError(f"classes is {classes!r}; it must be from 2 to {MAX_CLASSES}, or {AUTO}")
        if self.merge and classes <= 3:
            raise OptionError(
                f"{classes} classes cannot be merged to three tissues; ask for more, or for {AUTO}"
            )
        if classes > self.max_classes:
            raise OptionError(
                f"lesions have the label {LESION.index}; ask for fewer classes than that, or merge"
            )

    def _check_lesions(self) -> None:
        if self.lesions not in (AS_WM, OWN):
            raise OptionError(f"lesions is {self.lesions!r}; it must be {AS_WM} or {OWN}")
        if self.lesions == AS_WM:
            return
        if self.lesion_mask is not None:
            raise OptionError("give a lesion mask or have lesions found, not both")
        if not self.priors or not (self.merge or self.classes == 3):
            raise OptionError(
                "lesions are found among three tissues by the template's maps: with lesions apart, leave out "
                "--no-priors, and --classes unless with --merge"
            )

    @property
    def max_classes(self) -> int:
        """The highest number of classes that leaves the label of lesions free, if there are any."""
        return LESION.index - 1 if self.lesion_mask is not None and not self.merge else MAX_CLASSES

    @property
    def may_be_tissues(self) -> bool:
        """Whether the classes are, or may turn out to be, CSF, GM and WM."""
        return self.merge or self.classes in (3, AUTO)

    @property
    def tissues(self) -> tuple[Tissue, ...]:
        """The tissues or classes that the labels can be."""
        if self.merge:
            numbers = [3]
        else:
            numbers = [*range(2, MAX_CLASSES + 1)] if isinstance(self.classes, str) else [self.classes]
        tissues = dict.fromkeys(tissue for number in numbers for tissue in rising_tissues("t1", number))
        return (*tissues, *([LESION] if self.lesion_mask is not None or self.lesions == OWN else []))

    @property
    def given(self) -> dict[str, Any]:
        """The options that are not at their defaults, by name."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}

    def with_cells(self, cells: Mapping[str, str], folder: Path) -> SegmentOptions:
        """Return the options with those replaced that the cells of a list give.

        Parameters
        ----------
        cells : mapping of str to str
            By name of the option. Several channels have | between them.
        folder : Path
            The folder that relative paths are relative to.

        Raises
        ------
        OptionError
            If a cell cannot be parsed, or options exclude each other.
        """
        parsers = {f.name: f.metadata["parse"] for f in fields(self)}
        values = {}
        for name, cell in cells.items():
            try:
                values[name] = parsers[name](cell, folder)
            except ValueError as error:
                raise OptionError(f"{name} {error}") from error
        return replace(self, **values)

    def with_files(self, local: Callable[[Path], Path]) -> SegmentOptions:
        """Return the options with another path for each file, such as that of a copy."""

        def of(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(of, value))
            return local(value) if isinstance(value, Path) else value

        return replace(self, **{f.name: of(getattr(self, f.name)) for f in fields(self)})

    @property
    def files(self) -> list[Path]:
        """The files that the options name, those of images that are in memory included."""
        images = [image for image in (*self.channels, self.mask, self.lesion_mask) if image is not None]
        starts = [path for path in (self.warm_start, self.cohort_prior) if path is not None]
        return [*map(image_path, images), *starts]

    def recorded(self, digests: Mapping[Path, str] | None = None) -> dict[str, Any]:
        """Return the content of ``Settings`` in the sidecar.

        Two runs on the same scan with the same version and the same recorded settings write the same bytes.

        Parameters
        ----------
        digests : mapping of Path to str, optional
            SHA-256 digests of files already read; others are computed.

        Raises
        ------
        ImageError, PriorError
            If a file cannot be read.
        """
        known = digests or {}

        def digest_of(source: ImageSource) -> str:
            return (known.get(source) if isinstance(source, Path) else None) or file_digest(source)

        mask, lesions = self.mask, self.lesion_mask
        return {
            "Channels": [image_path(channel).name for channel in self.channels],
            "ChannelsSHA256": [digest_of(channel) for channel in self.channels],
            "Mask": None if mask is None else image_path(mask).name,
            "MaskSHA256": None if mask is None else digest_of(mask),
            "Stripped": self.stripped,
            "Contrast": self.contrast,
            "Classes": self.classes,
            "Merge": self.merge,
            "Covariance": self.covariance,
            "LesionMask": None if lesions is None else image_path(lesions).name,
            "LesionMaskSHA256": None if lesions is None else digest_of(lesions),
            "Lesions": self.lesions,
            "Bias": self.bias,
            "Spatial": self.spatial,
            "Priors": self.priors,
            "WarmStart": self.warm_start.name if self.warm_start else None,
            "WarmStartSHA256": _digest(self.warm_start) if self.warm_start else None,
            "CohortPrior": self.cohort_prior.name if self.cohort_prior else None,
            "CohortPriorSHA256": _digest(self.cohort_prior) if self.cohort_prior else None,
            "FixMeans": self.fix_means,
        }


OPTION_NAMES = tuple(option.name for option in fields(SegmentOptions))


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise PriorError(f"{path}: cannot be read ({error.strerror}); check its name") from error
