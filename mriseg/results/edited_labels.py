"""Labels that were edited by hand, beside those before any edit, and the volumes that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg import file_names
from mriseg.errors import ImageError
from mriseg.file_names import result_name
from mriseg.images.marks import read_mark
from mriseg.images.nifti import format_shape
from mriseg.images.orientation import max_corner_distance
from mriseg.images.reading import load_map, load_volume, open_image
from mriseg.images.volume import same_grid, whole_numbers
from mriseg.labels.numbers import table_beside
from mriseg.labels.orders import BIDS, marked_order, numbered, renumbered
from mriseg.labels.tissues import GM, LESION, Tissue
from mriseg.results.own_labels import DIGESTS, digest_of_voxels
from mriseg.results.reading import most_likely, numbers_of, read_labels
from mriseg.results.sidecar import read_sidecar
from mriseg.results.volumes import TissueVolume

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.images.reading import ImageSource
    from mriseg.images.volume import Volume
    from mriseg.report.overlay import OverlayStyle


class EditedLabels:
    """A result, the labels before any edit, and the edited ones.

    Parameters
    ----------
    sidecar : Path
        Of the result.
    source : str, Path, nibabel image or Volume
        The edited labels.
    """

    def __init__(self, sidecar: Path, source: ImageSource) -> None:
        self.sidecar = sidecar
        self.current = read_labels(sidecar)
        self.facts = read_sidecar(sidecar)
        # The user has saved over the label map: what was there is computed, and no edit is lost.
        self.in_place = self.current.editing == "in place"
        # Figures before any edit: an edit of edited labels counts from the same start.
        self.earlier: dict[str, Any] | None = self.facts.get("Edited")
        self.classes: dict[str, Any] = (self.earlier or {}).get("Before", self.facts["Classes"])
        self.order: str = self.facts.get("LabelOrder", BIDS)
        self.source, self.edited = source, load_map(source)
        self.tissues = self._tissues()
        self._refuse_loss()
        self.grid = load_map(self.place(file_names.BRAIN_MASK)) if self.in_place else self.current.volume
        self.unedited = self._unedited()
        self.labels = self._checked()
        self.changed = self.labels != self.unedited

    @property
    def are_own(self) -> bool:
        """Whether the edited labels are the file of the result, as it was written."""
        path = self.current.volume.path
        same = self.edited.path.exists() and self.edited.path.samefile(path)
        return same and not self.in_place and np.array_equal(self.labels, self.current.labels)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, mL."""
        return self.grid.voxel_ml

    @property
    def name(self) -> str:
        """STEM of the files of the result."""
        return self.current.name

    @property
    def brain_ml(self) -> float:
        """Volume of the voxels with a label, mL."""
        return float(np.count_nonzero(self.labels)) * self.voxel_ml

    @property
    def changed_share(self) -> float:
        """Share of the voxels with a label, before or after the edit, that have another one after it."""
        either = np.count_nonzero((self.labels > 0) | (self.unedited > 0))
        return float(np.count_nonzero(self.changed) / either)

    @property
    def overlay_style(self) -> OverlayStyle:
        """How the overlay of the result was drawn: with outlines where that is not known."""
        return "fill" if self.facts.get("OverlayStyle") == "fill" else "contour"

    def place(self, ending: str) -> Path:
        """Return the file of the result with an ending."""
        return self.sidecar.with_name(result_name(self.current.name, ending))

    def backdrop(self, scan: ImageSource | None) -> Volume:
        """Return the scan to draw over: the given one, or that of the result without its bias field."""
        if scan is not None:
            given = load_volume(scan)
            if not same_grid(given, self.grid):
                raise ImageError(
                    f"{given.path}: is not on the grid of the labels; give the scan that was segmented"
                )
            return given
        if self.current.scan is None:
            raise ImageError(
                f"{self.sidecar.parent}: holds no scan without its bias field to draw over; name the scan "
                "that was segmented with --scan (in Python scan=)"
            )
        return load_map(self.current.scan)

    def _tissues(self) -> tuple[Tissue, ...]:
        """Return the tissues that labels can be by number; lesions always, where there are tissues."""
        known = {*self.current.tissues, *([LESION] if GM in self.current.tissues else [])}
        return tuple(sorted(known, key=lambda tissue: tissue.index))

    def _unedited(self) -> NDArray[np.uint8]:
        """Return the labels before any edit."""
        if self.earlier is None:
            return self._of_posteriors() if self.in_place else self.current.labels
        kept = self.place(file_names.UNEDITED_LABELS)
        if not kept.is_file():
            raise ImageError(f"{kept}: is gone, so that nobody knows what was edited; segment the scan again")
        return _renumbered(load_map(kept), self._numbers())

    def _of_posteriors(self) -> NDArray[np.uint8]:
        """Return the labels that were saved over: the most probable tissues, lesions where there is none.

        Raises
        ------
        ImageError
            If these are not the labels that the sidecar describes.
        """
        paths = {
            tissue.index: self.place(file_names.posterior_ending(tissue.abbreviation))
            for tissue in self.current.tissues
            if tissue != LESION
        }
        labels = np.zeros(self.grid.data.shape, dtype=np.uint8)
        if all(path.is_file() for path in paths.values()):
            shares = ((index, load_map(path).data) for index, path in paths.items())
            labels = most_likely(shares, self.grid.data.shape)
            labels[(self.grid.data > 0) & (labels == 0)] = LESION.index
        stored = renumbered(labels, self.current.tissues, self.order)
        if self.facts.get(DIGESTS, {}).get("Voxels") != digest_of_voxels(stored):
            raise ImageError(
                f"{self.current.volume.path}: was changed in its place, and the labels before cannot be "
                "computed from the posteriors; move it to another name, segment the scan again, and give it "
                "as the edited one"
            )
        return labels

    def _refuse_loss(self) -> None:
        """Raise ImageError if labels that the user saved over those of the result would be replaced."""
        path = self.current.volume.path
        if self.in_place and self.edited.sha256 != self.current.volume.sha256:
            raise ImageError(
                f"{path}: was changed in its place, and {self.edited.path.name} would replace what was "
                f"edited there; first give {path.name} itself as the edited labels"
            )

    def _numbers(self) -> dict[int, Tissue]:
        """Return the tissue of each number in the label images of the result."""
        written = numbered(self.tissues, self.order)
        by_name = {tissue.abbreviation: tissue for tissue in self.tissues}
        return {tissue.index: by_name[tissue.abbreviation] for tissue in written}

    def _checked(self) -> NDArray[np.uint8]:
        """Return the edited labels as `mriseg.labels.tissues` numbers them, in canonical orientation."""
        edited, grid = self.edited, self.grid
        if edited.not_finite:
            raise ImageError(
                f"{edited.path}: holds {edited.not_finite} values that are not finite; each must be a label"
            )
        if not same_grid(edited, grid):
            raise ImageError(
                f"{edited.path}: is not on the grid of {grid.path.name} ({_difference(edited, grid)}); save "
                "the edited labels without resampling"
            )
        labels = _renumbered(edited, self._numbers_of_edited())
        _refuse_mask(edited, labels, self.unedited)
        return labels

    def _numbers_of_edited(self) -> dict[int, Tissue]:
        """Return the tissue of each number in the edited labels: the result's, unless the file says others.

        Raises
        ------
        ImageError
            If header and table of the file contradict each other, or cannot be read.
        """
        own, order = self._numbers(), marked_order(read_mark(open_image(self.source).header))
        says_nothing = order == BIDS and not table_beside(self.edited.path).is_file()
        # Programs keep the header while they change the labels: that of the result's own order holds still.
        if GM not in self.tissues or says_nothing or order == self.order != BIDS:
            return own
        by_index = {tissue.index: tissue for tissue in self.tissues}
        found = numbers_of(self.source, volume=self.edited)
        return own | {number: by_index[index] for number, index in found.items()}

    def volumes(self, scan: Volume) -> dict[str, TissueVolume]:
        """Return the volumes of the tissues that are there or were there before."""
        brain = int(np.count_nonzero(self.labels))
        found = {}
        for tissue in self.tissues:
            inside = self.labels == tissue.index
            before = self.classes.get(tissue.abbreviation)
            if before is None and not inside.any():
                continue
            count = int(np.count_nonzero(inside))
            voxels = float(count) if tissue == LESION else self._expected(tissue, inside)
            # Lesions take no part in the fit; those without a voxel keep mean and sd of the ones before.
            fitted = before if before and (tissue != LESION or not count) else None
            mean, sd = (fitted["mean"], fitted["sd"]) if fitted else _mean_and_sd(scan.data[inside])
            found[tissue.abbreviation] = TissueVolume(
                ml=voxels * self.voxel_ml,
                label_ml=count * self.voxel_ml,
                fraction=voxels / brain,
                mean=mean,
                sd=sd,
            )
        return found

    def _expected(self, tissue: Tissue, inside: NDArray[np.bool_]) -> float:
        """Return the expected number of voxels of a tissue: by posteriors, of edited voxels by label."""
        voxels = self.classes[tissue.abbreviation]["ml"] / self.voxel_ml
        if not self.changed.any():
            return float(voxels)
        path = self.place(file_names.posterior_ending(tissue.abbreviation))
        share = load_map(path).data[self.changed].sum(dtype=np.float64)
        # Not below 0, which rounding of the posteriors could make it.
        return max(0.0, float(voxels - share + np.count_nonzero(inside & self.changed)))


def _difference(edited: Volume, grid: Volume) -> str:
    """Say how the grid of edited labels differs from that of the result."""
    if edited.data.shape != grid.data.shape:
        shapes = (format_shape(volume.data.shape) for volume in (edited, grid))
        return "{} against {} voxels".format(*shapes)
    if not (int(edited.header["sform_code"]) or int(edited.header["qform_code"])):
        return "its header has neither sform nor qform, which would place the voxels"
    distance = max_corner_distance(edited.canonical_affine, grid.canonical_affine, grid.data.shape)
    return f"its header places the voxels up to {distance:.2g} mm beside"


def _renumbered(volume: Volume, numbers: Mapping[int, Tissue]) -> NDArray[np.uint8]:
    """Return labels with the numbers of their tissues.

    Raises
    ------
    ImageError
        If there are other numbers than 0 and these.
    """
    whole = whole_numbers(volume)
    unknown = sorted({int(number) for number in np.unique(whole)} - {0, *numbers})
    if unknown:
        known = ", ".join(f"{number} {tissue.abbreviation}" for number, tissue in sorted(numbers.items()))
        raise ImageError(
            f"{volume.path}: holds the labels {', '.join(map(str, unknown[:8]))}, which are none of the "
            f"result's (0 background, {known})"
        )
    table = np.zeros(max(numbers) + 1, dtype=np.uint8)
    for number, tissue in numbers.items():
        table[number] = tissue.index
    return table[whole.astype(np.uint8)]


def _refuse_mask(edited: Volume, labels: NDArray[np.uint8], unedited: NDArray[np.uint8]) -> None:
    """Raise ImageError if labels are one and the same where there were several before: those of a mask."""
    now, before = (np.setdiff1d(values, [0]) for values in (labels, unedited[labels > 0]))
    if len(now) == 1 < len(before):
        raise ImageError(
            f"{edited.path}: holds one label alone where there were several, as a mask does; give edited "
            "labels, or segment the scan again within the edited mask"
        )


def _mean_and_sd(intensities: NDArray[np.float32]) -> tuple[float, float]:
    """Return mean and standard deviation of the voxels of lesions."""
    values = intensities.astype(np.float64)
    return float(values.mean()), float(values.std())
