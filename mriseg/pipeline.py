"""The method, in one sentence.

Load the volume; find the brain; estimate the bias field; join further channels; fit the mixture; name the
tissues; ask the template where they usually lie; regularise in space; mark what is like none of them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.brain.checks import mask_warnings
from mriseg.brain.mask import BrainMask, brain_mask
from mriseg.channels.joining import air_intensity, correct_bias, prepare_channel
from mriseg.errors import ImageError, MaskError, MixtureError, PriorError
from mriseg.images.background import stripped_mask, with_signal
from mriseg.images.reading import load_mask, load_volume
from mriseg.images.volume import Volume
from mriseg.images.voxels import bounding_box
from mriseg.labels.contrasts import name_components
from mriseg.labels.tissues import AUTO, GM, WM
from mriseg.model.bias_field import estimate_bias_field, no_field, white_matter
from mriseg.model.fitting import Fit, MixtureSpec, atypicality_of, fit, posteriors_of
from mriseg.model.markov_field import neighbour_strength, regularise
from mriseg.options import check_options, max_classes, recorded_settings
from mriseg.results.assembly import Fitted, assemble
from mriseg.template.contrast import detect_contrast, tissue_levels
from mriseg.template.tissue_maps import apply_tissue_prior, register_template, tissue_prior

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mriseg.channels.joining import Channel
    from mriseg.labels.tissues import Tissue
    from mriseg.model.bias_field import BiasField
    from mriseg.results.segmentation import Segmentation
    from mriseg.template.contrast import TissueLevels
    from mriseg.template.tissue_maps import TissuePrior

_log = logging.getLogger(__name__)


def segment(
    scan: str | Path | Volume,
    *,
    channels: Sequence[str | Path] = (),
    mask: str | Path | None = None,
    stripped: bool = False,
    contrast: str = "t1",
    classes: int | str = 3,
    merge: bool = False,
    covariance: str | None = None,
    lesion_mask: str | Path | None = None,
    bias: bool = True,
    spatial: bool = True,
    priors: bool = True,
    prior: str | Path | None = None,
    fix_means: bool = False,
) -> Segmentation:
    """Segment the brain of a scan into tissues.

    Parameters
    ----------
    scan : str, Path or Volume
        A NIfTI file of a whole head or of a stripped brain, or what `mriseg.load_volume` made of it.
    channels : sequence of str or Path
        Further scans of the same session, in any contrast, that join the mixture. On another grid than the
        scan they are resampled to it by their headers, and by a rigid motion where these are off.
    mask : str or Path, optional
        A brain mask on the grid of the scan; found by `mriseg.brain_mask` if not given.
    stripped : bool
        Take everything but the background as brain, without asking whether the scan looks stripped.
    contrast : {"t1", "t2", "pd", "flair", "t1-infant", "auto"}
        Of the scan; decides which of three classes is CSF, GM and WM. Infants' white matter is darker than
        grey matter up to about half a year. "auto" looks at the ventricles, and tells T1, T2 (or proton
        density, which has the same order) and FLAIR apart.
    classes : int or "auto"
        From 2 to 10, or chosen by BIC; three are named as tissues, others are numbered by rising mean of the
        scan.
    merge : bool
        Merge four and more classes to the three tissues that they consist of.
    covariance : str, optional
        Make each class one Gaussian with this covariance model of `mriseg.mixture`, without partial volumes.
    lesion_mask : str or Path, optional
        Lesions on the grid of the scan: they belong to the brain, take no part in the fit and are no tissue.
    bias : bool
        Estimate the bias field of every channel and correct for it.
    spatial : bool
        Let neighbouring voxels speak for one another.
    priors : bool
        Let the template say where grey and white matter usually lie; three classes only.
    prior : str or Path, optional
        Where the fit begins: the sidecar of an earlier segmentation, stretched to the intensities of this
        one; or what `mriseg cohort-prior` made of scans like this one, which steadies the fit where there are
        few voxels.
    fix_means : bool
        Hold the means where the sidecar has them, in its units.

    Returns
    -------
    Segmentation

    Raises
    ------
    ImageError, MaskError
        If the scan, a channel or a mask cannot be used.
    MixtureError, CohortError
        If the intensities in the mask cannot be told apart, or the prior does not suit.
    ValueError
        If an argument is out of its range, or both `mask` and `stripped` are given.

    Examples
    --------
    >>> result = segment("sub-01_T1w.nii.gz")  # doctest: +SKIP
    >>> result.volumes["GM"].ml  # doctest: +SKIP
    612.4
    >>> result.save("derivatives/sub-01")  # doctest: +SKIP
    """
    # First of all, while nothing but the arguments is there.
    options: dict[str, Any] = {name: value for name, value in locals().items() if name != "scan"}
    check_options(**options)
    _log.info("reading the scan")
    volume = scan if isinstance(scan, Volume) else load_volume(scan)
    others = _load_channels(channels, volume)
    _log.info("finding the brain")
    brain, contrast = _find_brain(volume, mask, stripped, contrast)
    lesions = _lesions(volume, lesion_mask)
    tissue = brain.mask
    if lesions is not None:
        tissue = brain.mask & ~lesions
        brain = replace(brain, mask=brain.mask | lesions)
        if not tissue.any():
            raise MaskError(f"{lesion_mask}: leaves nothing of the brain in {volume.path.name}")
    limit = max_classes(lesions=lesion_mask is not None and not merge)
    wanted = MixtureSpec(contrast, classes, covariance, prior, fix_means, merge, limit)
    try:
        voxels = _correct(volume, others, tissue, wanted.white, bias=bias)
        _log.info("fitting the mixture")
        fitted = voxels.fit(wanted)
    except PriorError:
        raise
    except MixtureError as error:
        raise MixtureError(f"{volume.path}: its intensities make no {classes} classes ({error})") from error
    posteriors = voxels.posteriors(fitted)
    _log.info("naming the tissues")
    components = name_components(fitted.model.means, contrast)
    template = _Template()
    if GM in components:
        _log.info("asking the template")
        template = _ask_template(volume, tissue, brain, components, priors=priors)
        posteriors = template.apply_tissue_prior(posteriors, len(voxels.images))
    strength = 0.0
    if spatial:
        _log.info("regularising in space")
        strength = neighbour_strength(fitted.model.centres, fitted.model.covariances)
        posteriors = regularise(posteriors, tissue, volume.zooms, strength)
    return assemble(
        Fitted(
            volume=volume,
            brain=brain,
            lesions=lesions,
            signal=voxels.signal,
            contrast=contrast,
            levels=template.levels,
            field=voxels.field,
            corrected=voxels.images[0] if bias else None,
            channels=voxels.channels,
            fit=fitted,
            prior=template.prior,
            neighbour_strength=strength,
            components=components,
            posteriors=posteriors,
            atypicality=voxels.atypicality(fitted, template.usual),
            settings=recorded_settings(**options),
        )
    )


def _load_channels(channels: Sequence[str | Path], scan: Volume) -> list[Volume]:
    """Read further scans, each another than the first and than the rest."""
    read = [scan]
    for channel in map(load_volume, channels):
        for other in read:
            if channel.sha256 and channel.sha256 == other.sha256:
                raise ImageError(
                    f"{channel.path}: is the same scan as {other.path.name}; name each scan once"
                )
        read.append(channel)
    return read[1:]


def _find_brain(
    volume: Volume, mask: str | Path | None, stripped: bool, contrast: str
) -> tuple[BrainMask, str]:
    """Find the brain, and see what the scan is weighted by if that was not said."""
    found = load_mask(mask, volume) if mask is not None else stripped_mask(volume) if stripped else None
    if contrast == AUTO:
        contrast = detect_contrast(volume, found)
    if found is None:
        return brain_mask(volume, contrast), contrast
    method = "given" if mask is not None else "stripped scan"
    return BrainMask(found, method, warnings=mask_warnings(found, volume, contrast)), contrast


def _lesions(volume: Volume, lesion_mask: str | Path | None) -> NDArray[np.bool_] | None:
    if lesion_mask is None:
        return None
    return load_mask(lesion_mask, volume, of="lesions", may_be_empty=True)


@dataclass(frozen=True, eq=False)
class _Voxels:
    """The scan and its channels without their bias fields, to fit a mixture to and to ask it about.

    `images` have the shape (X, Y, Z), as `tissue` of N voxels and its part `seen`, where all see something;
    the scan itself does in `signal` voxels.
    """

    images: tuple[NDArray[np.float32], ...]
    tissue: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    signal: int
    field: BiasField
    channels: tuple[Channel, ...]

    def fit(self, wanted: MixtureSpec) -> Fit:
        """Fit a mixture to what all channels see."""
        return fit([_inside(image, self.seen) for image in self.images], wanted)

    def posteriors(self, fitted: Fit) -> NDArray[np.float32]:
        """Return the shares of the tissues, shape (N, K); where a channel sees nothing, by the first scan."""
        found = posteriors_of(fitted.model, fitted.histograms, self._columns)
        if self._blind is not None:
            alone = [self._columns[0][self._blind]]
            found[self._blind] = posteriors_of(fitted.model.marginal(0), fitted.histograms[:1], alone)
        return found

    def atypicality(
        self, fitted: Fit, usual: tuple[int, int, NDArray[np.float32]] | None
    ) -> NDArray[np.float32]:
        """Return the distance from what is usual, shape (N,)."""
        found = atypicality_of(fitted.model, self._columns, usual)
        if self._blind is not None:
            alone = [self._columns[0][self._blind]]
            there = None if usual is None else (*usual[:2], usual[2][self._blind])
            found[self._blind] = atypicality_of(fitted.model.marginal(0), alone, there)
        return found

    @cached_property
    def _columns(self) -> list[NDArray[np.float32]]:
        return [_inside(image, self.tissue) for image in self.images]

    @cached_property
    def _blind(self) -> NDArray[np.bool_] | None:
        """Which voxels (N,) a channel sees nothing of."""
        if not self.channels:
            return None
        return np.asarray(~np.logical_and.reduce([_inside(c.seen, self.tissue) for c in self.channels]))


def _correct(
    volume: Volume, others: Sequence[Volume], tissue: NDArray[np.bool_], white: int, *, bias: bool
) -> _Voxels:
    """Divide the bias fields out of the scan and its channels, which come to its grid."""
    _log.info("estimating the bias field")
    signal = with_signal(tissue, volume.data)
    air = air_intensity(volume.data)
    field = no_field()
    if bias:
        field = estimate_bias_field(volume.data, signal, volume.zooms, white, float(air))
    corrected = correct_bias(volume.data, air, field)
    channels: list[Channel] = []
    if others:
        _log.info("joining the channels")
        share = white_matter(_inside(corrected, signal), white)[0] if bias else None
        channels = [prepare_channel(other, volume, signal, share) for other in others]
    seen = np.logical_and.reduce([signal, *(channel.seen for channel in channels)])
    images = (corrected, *(channel.corrected for channel in channels))
    return _Voxels(images, tissue, seen, int(np.count_nonzero(signal)), field, tuple(channels))


@dataclass(frozen=True, eq=False)
class _Template:
    """What the template says about a scan whose mixture has GM in column `grey` and WM in column `white`."""

    grey: int = 0
    white: int = 0
    levels: TissueLevels | None = None
    prior: TissuePrior | None = None

    def apply_tissue_prior(self, posteriors: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
        """Let it share out grey and white matter, if it was asked to."""
        if self.prior is None:
            return posteriors
        return apply_tissue_prior(posteriors, self.prior, self.grey, self.white, channels)

    @property
    def usual(self) -> tuple[int, int, NDArray[np.float32]] | None:
        """The columns, and the log odds of white against grey matter."""
        if self.prior is None or not self.prior.fits:
            return None
        return self.grey, self.white, self.prior.log_odds


def _ask_template(
    volume: Volume, tissue: NDArray[np.bool_], brain: BrainMask, components: Sequence[Tissue], *, priors: bool
) -> _Template:
    """Lay the template over the brain, look what the scan is like there, and learn what is usual there."""
    registration = register_template(volume, tissue, brain.scan_to_mni)
    return _Template(
        components.index(GM),
        components.index(WM),
        tissue_levels(volume, tissue, registration),
        tissue_prior(volume, tissue, registration) if priors else None,
    )


def _inside(data: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    box = bounding_box(mask)
    return data[box][mask[box]]
