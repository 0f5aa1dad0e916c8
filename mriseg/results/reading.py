"""Reading of label maps, with or without the other results of a segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg import file_names
from mriseg.errors import ImageError, OptionError
from mriseg.file_names import posterior_ending, result_name, stem_of_labels, stem_of_result
from mriseg.images.marks import is_of_labels, read_mark
from mriseg.images.reading import IN_MEMORY, image_path, load_map, open_image
from mriseg.images.resampling import resample
from mriseg.images.volume import Volume, same_grid, whole_numbers
from mriseg.labels.contrasts import rising_tissues
from mriseg.labels.numbers import BIDS_NUMBERS, as_numbers, label_numbers, parse_label_map, table_beside
from mriseg.labels.orders import BIDS, ORDERS, marked_order, numbers_of_order
from mriseg.labels.tissues import CSF, GM, LESION, MAX_CLASSES, WM, Tissue
from mriseg.results.own_labels import editing_of
from mriseg.results.sidecar import SidecarError, read_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images.reading import ImageSource
    from mriseg.results.own_labels import Editing

# Tissues of label maps, in the order of tables.
_IN_LABEL_MAPS = (CSF, GM, WM, LESION)
TISSUES = (*_IN_LABEL_MAPS, *rising_tissues("t1", MAX_CLASSES))
# The highest number of a tissue in BIDS: 11, the cerebellum.
MAX_BIDS_NUMBER = 11
# Largest range of exactly represented integers in float32.
_MAX_INTENSITY = 1 << 24


@dataclass(frozen=True, eq=False)
class Labels:
    """A label map on its own grid, with volumes and files of its segmentation if available.

    Parameters
    ----------
    path : Path
        The argument of `read_labels`: a folder, a sidecar or a label map, or the file of an image.
    name : str
        STEM of its files.
    volume : Volume
        The label map with its own numbers.
    labels : ndarray of uint8, shape (X, Y, Z)
        In canonical orientation, numbered as `mriseg.labels.tissues` has it.
    tissues : tuple of Tissue
        The tissues that it distinguishes.
    ml : dict of str to float
        Sums of the posteriors by tissue abbreviation, mL; empty for a label map alone.
    brain_mask_ml : float or None
        mL; None for a label map alone.
    posteriors : dict of int to Path or nibabel image
        Posteriors that there are, by label.
    scan : Path, nibabel image, Volume or None
        The scan without its bias field.
    editing : {"no", "updated", "in place"}
        Whether labels of a result were edited, see `mriseg.results.own_labels`. Volumes and posteriors are
        not those of a label map that was changed in its place, and are left out then.
    """

    path: Path
    name: str
    volume: Volume
    labels: NDArray[np.uint8]
    tissues: tuple[Tissue, ...]
    ml: dict[str, float]
    brain_mask_ml: float | None
    posteriors: Mapping[int, ImageSource]
    scan: ImageSource | None
    editing: Editing = "no"

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.path if self.path.is_dir() else self.path.parent

    def label_ml(self, tissue: Tissue) -> float:
        """Return the volume of the voxels that carry a label, mL."""
        return float(np.count_nonzero(self.labels == tissue.index)) * self.volume.voxel_ml


def is_result_path(path: Path) -> bool:
    """Return whether `read_labels` reads a path as a result (folder or sidecar) rather than a label map."""
    return path.is_dir() or path.name.endswith(f"_{file_names.SIDECAR}")


def result_sidecar(path: Path) -> Path:
    """Return the sidecar of a result, given as it is or by its folder.

    Raises
    ------
    ImageError
        If the path is neither, or the folder does not hold one segmentation.
    """
    if not is_result_path(path):
        raise ImageError(f"{path}: is no folder of results; give one that mriseg segment wrote")
    if not path.is_dir():
        return path
    found = sorted(path.glob(f"*_{file_names.SIDECAR}"))
    if not found:
        raise ImageError(
            f"{path}: holds no STEM_{file_names.SIDECAR}, so it is no result of mriseg segment; "
            "give the folder of one, or a label map"
        )
    if len(found) > 1:
        raise ImageError(f"{path}: holds {len(found)} segmentations; give the sidecar of one, such as "
                         f"{found[0]}")  # fmt: skip
    return found[0]


def read_labels(source: ImageSource, numbers: Mapping[int, int | str] | None = None) -> Labels:
    """Read a label map, or the labels, volumes and file names of a segmentation.

    Parameters
    ----------
    source : str, Path, nibabel image or Volume
        A folder that `mriseg segment` wrote, the sidecar ``STEM_dseg.json`` in it, or a label map.
    numbers : mapping of int to int or str, optional
        Numbers of a label map to 1 GM, 2 WM or 3 CSF, or to these names; otherwise see `numbers_of`.
        Label 7 is a lesion in label maps where these three are numbered so, as in BIDS.

    Returns
    -------
    Labels

    Raises
    ------
    ImageError
        If a file cannot be read, the folder does not hold one segmentation, or the label map no tissue.
    OptionError
        If numbers are given for a result, whose sidecar has them, or to something else.
    """
    path = image_path(source)
    if isinstance(source, IN_MEMORY) or not is_result_path(path):
        return _read_label_map(source, numbers)
    if numbers is not None:
        raise OptionError(f"{path}: its sidecar says which label is which; numbers are for label maps")
    return _read_result(path, result_sidecar(path))


def numbers_of(
    source: ImageSource, given: str | None = None, *, volume: Volume | None = None
) -> dict[int, int]:
    """Return which number of a label map is which tissue.

    Parameters
    ----------
    source : str, Path, nibabel image or Volume
        Of an image in memory the file that it was read from counts.
    given : str or None
        As the user says, see `mriseg.labels.numbers.parse_label_map`; otherwise as the table of the same name
        that ends in .tsv says, or the header of an image that mriseg wrote in another order than that of
        BIDS; otherwise as in BIDS.
    volume : Volume, optional
        The label map, if it was read already.

    Returns
    -------
    dict of int to int
        Number in the file to 1 GM, 2 WM or 3 CSF.

    Raises
    ------
    ImageError
        If the image or the table cannot be read, they contradict each other, or the labels were changed after
        the header was written and there is no table.
    ValueError
        If what the user says is malformed.
    """
    if given is not None:
        return parse_label_map(given)
    path, header = image_path(source), open_image(source).header
    mark, named = read_mark(header), path.is_file() or not isinstance(source, IN_MEMORY)
    if marked_order(mark) != BIDS and not is_of_labels(header, whole_numbers(volume or load_map(source))):
        if not (named and table_beside(path).is_file()):
            raise ImageError(
                f"{path}: its header says {mark}, and its labels were changed since; say which number is "
                "which in a table of the same name that ends in .tsv"
            )
        mark = ""
    if not mark and not (named and table_beside(path).is_file()):
        _check_bids_numbers(volume or load_map(source))
    return label_numbers(path, None, mark) if named else numbers_of_order(marked_order(mark))


def _check_bids_numbers(volume: Volume) -> None:
    """Raise ImageError if a label map has numbers that BIDS has no tissue for."""
    other = [int(number) for number in np.unique(whole_numbers(volume)) if number > MAX_BIDS_NUMBER]
    if other:
        raise ImageError(
            f"{volume.path}: has numbers that are no tissue in BIDS, such as {other[0]}; say which number is "
            "which, by --map or in a table of the same name that ends in .tsv"
        )


def on_grid(of: Labels, grid: Volume) -> tuple[NDArray[np.uint8], str]:
    """Resample labels to the grid of a volume.

    Parameters
    ----------
    of : Labels
    grid : Volume

    Returns
    -------
    labels : ndarray of uint8, shape of ``grid.data``
        0 outside the grid of `of`.
    how : {"no", "nearest", "trilinear"}
        Interpolation: none on the same grid; nearest neighbour of the labels; or the largest posterior,
        trilinear, if there is a posterior of every tissue.

    Raises
    ------
    ImageError
        If a posterior cannot be read, or is not on the grid of its labels.
    """
    if same_grid(of.volume, grid):
        return of.labels, "no"
    present = [tissue for tissue in of.tissues if (of.labels == tissue.index).any()]
    if of.posteriors and all(t is LESION or t.index in of.posteriors for t in present):
        shares = ((t.index, resample(_share(of, t), of.volume, grid, order=1)) for t in present)
        return most_likely(shares, grid.data.shape), "trilinear"
    return resample(of.labels, of.volume, grid, order=0), "nearest"


def _read_result(path: Path, sidecar: Path) -> Labels:
    start = stem_of_result(sidecar, file_names.SIDECAR) or sidecar.stem
    facts, numbers, ml = _read_sidecar(sidecar)
    editing = editing_of(sidecar, facts)
    as_written = editing != "in place"
    volume = load_map(sidecar.with_name(result_name(start, file_names.LABELS)))
    names = set(ml)
    if not as_written and GM.abbreviation in ml:  # lesions may have been painted in
        numbers, names = {**numbers, LESION.index: LESION.index}, {*ml, LESION.abbreviation}
    tissues = tuple(tissue for tissue in TISSUES if tissue.abbreviation in names)
    maps = {t.index: sidecar.with_name(result_name(start, posterior_ending(t.abbreviation))) for t in tissues}
    # Posteriors are those before an edit of the labels, and say nothing of edited ones.
    maps = maps if editing == "no" else {}
    # The scan comes first, then its channels.
    corrected = result_name(start, f"{file_names.CORRECTED}_")
    files = (name for name in facts["Files"] if "/" not in name and name.startswith(corrected))
    scans = map(sidecar.with_name, files)
    return Labels(
        path=path,
        name=start,
        volume=volume,
        labels=_tissue_labels(volume, numbers),
        tissues=tissues,
        ml=ml if as_written else {},
        brain_mask_ml=float(facts["BrainMask"]["VolumeML"]) if as_written else None,
        posteriors={index: file for index, file in maps.items() if file.is_file()},
        scan=next((file for file in scans if file.is_file() and file.name.endswith(".nii.gz")), None),
        editing=editing,
    )


def _read_sidecar(path: Path) -> tuple[dict[str, Any], dict[int, int], dict[str, float]]:
    """Return the content of a sidecar, tissue by label, and volumes of tissues in mL."""
    index_of = {tissue.abbreviation: tissue.index for tissue in TISSUES}
    try:
        facts = read_sidecar(path)
        classes = facts["Classes"]
        numbers = {of["Label"]: index_of[name] for name, of in classes.items()}
        if not set(numbers) <= set(range(256)):
            raise SidecarError("its labels make no sense")
    except (SidecarError, KeyError) as error:
        raise ImageError(f"{path}: is no sidecar of mriseg segment ({error}); segment the scan again, or "
                         "give its label map alone") from error  # fmt: skip
    ml = {name: float(of["ml"]) for name, of in classes.items()}
    return facts, numbers, ml


def _read_label_map(source: ImageSource, given: Mapping[int, int | str] | None) -> Labels:
    volume = load_map(source)
    numbers = numbers_of(source, volume=volume) if given is None else as_numbers(given)
    # Of other programs 7 is any structure: their numbers are given.
    if numbers == BIDS_NUMBERS or (given is None and numbers in map(numbers_of_order, ORDERS)):
        numbers = {**numbers, LESION.index: LESION.index}
    labels = _tissue_labels(volume, numbers)
    tissues = tuple(tissue for tissue in _IN_LABEL_MAPS if tissue.index in numbers.values())
    return Labels(volume.path, stem_of_labels(volume.path), volume, labels, tissues, {}, None, {}, None)


def _tissue_labels(volume: Volume, numbers: Mapping[int, int]) -> NDArray[np.uint8]:
    """Renumber a label map to `mriseg.labels.tissues`; other labels become 0."""
    whole = whole_numbers(volume)
    labels = np.zeros(whole.shape, dtype=np.uint8)
    for index in set(numbers.values()):
        of_tissue = [n for n, tissue in numbers.items() if tissue == index and abs(n) <= _MAX_INTENSITY]
        labels[np.isin(whole, of_tissue)] = index
    if not labels.any():
        raise ImageError(f"{volume.path}: has no voxel of a tissue; say which number is which in a table of "
                         "the same name that ends in .tsv")  # fmt: skip
    return labels


def _share(of: Labels, tissue: Tissue) -> NDArray[np.float32]:
    """Return the posterior map of a tissue; for lesions, the binary label."""
    if tissue is LESION:
        return np.asarray(of.labels == tissue.index, dtype=np.float32)
    posterior: Volume = load_map(of.posteriors[tissue.index])
    if not same_grid(posterior, of.volume):
        raise ImageError(
            f"{posterior.path}: is not on the grid of {of.volume.path.name}; segment the scan again"
        )
    return posterior.data


def most_likely(shares: Iterator[tuple[int, NDArray[Any]]], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return labels by the largest share, background included; one map in memory at a time."""
    labels = np.zeros(shape, dtype=np.uint8)
    largest, total = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for index, share in shares:
        labels[share > largest] = index
        np.maximum(largest, share, out=largest)
        total += share
    labels[1 - total > largest] = 0
    return labels
