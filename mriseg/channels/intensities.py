"""The intensities of a scan and its channels without their bias fields, and a mixture's results for them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mriseg.channels.joining import prepare_channel
from mriseg.images.background import with_signal
from mriseg.images.voxels import bounding_box
from mriseg.model.bias_em import FieldEstimator
from mriseg.model.bias_field import air_intensity, correct_bias, unit_field
from mriseg.model.fitting import fit
from mriseg.model.lesions import white_lesions
from mriseg.model.posteriors import atypicality_of, posteriors_of
from mriseg.model.template_em import fit_at_places, fit_where_places_tell, likelihoods_of_kinds
from mriseg.template.deformation import deformation_of, samples_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mriseg.channels.joining import Channel
    from mriseg.images.volume import Volume
    from mriseg.model.bias_field import BiasField
    from mriseg.model.fitting import MixtureFit, MixtureSpec
    from mriseg.model.places import Places
    from mriseg.template.registration import Registration

    WhiteAgainstGrey = tuple[int, int, NDArray[np.float32]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Intensities:
    """The intensities of the N voxels of a brain in D scans, without their bias fields.

    Parameters
    ----------
    images : tuple of D ndarrays of float32, shape (X, Y, Z)
        The scan, corrected, and its channels on its grid.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain without lesions, N voxels.
    signal : ndarray of bool, shape (X, Y, Z)
        The part of the mask where the scan has a signal.
    field : BiasField
        Of the scan.
    channels : tuple of Channel
    places : Places or None
        Of the voxels in the template; None where it does not fit.
    """

    images: tuple[NDArray[np.float32], ...]
    mask: NDArray[np.bool_]
    signal: NDArray[np.bool_]
    field: BiasField
    channels: tuple[Channel, ...]
    places: Places | None = None

    def fit(self, spec: MixtureSpec) -> MixtureFit:
        """Fit a mixture to the voxels where all scans have a signal."""
        seen = np.logical_and.reduce([self.signal, *(channel.seen for channel in self.channels)])
        places = self.places and self.places.among(_inside(seen, self.mask))
        return fit([_inside(image, seen) for image in self.images], spec, places)

    def posteriors(self, fitted: MixtureFit) -> NDArray[np.float32]:
        """Return the shares of the tissues, shape (N, K).

        Where a channel has no signal, they follow from the first scan alone.
        """
        found = posteriors_of(fitted.model, fitted.histograms, self._columns, self.places)
        if self._incomplete is not None:
            first = [self._columns[0][self._incomplete]]
            there = self.places and self.places.among(self._incomplete)
            found[self._incomplete] = posteriors_of(
                fitted.model.marginal(0), fitted.histograms[:1], first, there
            )
        return found

    def atypicality(
        self, fitted: MixtureFit, log_odds: WhiteAgainstGrey | None = None
    ) -> NDArray[np.float32]:
        """Return the Mahalanobis distance to the nearest component at each place, shape (N,).

        Parameters
        ----------
        fitted : MixtureFit
        log_odds : tuple of int, int and ndarray of float32, shape (N,), optional
            See `mriseg.model.fitting.atypicality_of`.
        """
        found = atypicality_of(fitted.model, self._columns, log_odds)
        if self._incomplete is not None:
            first = [self._columns[0][self._incomplete]]
            there = None if log_odds is None else (*log_odds[:2], log_odds[2][self._incomplete])
            found[self._incomplete] = atypicality_of(fitted.model.marginal(0), first, there)
        return found

    def white_lesions(
        self,
        fitted: MixtureFit,
        white_against_grey: WhiteAgainstGrey,
        atypicality: NDArray[np.float32],
        zooms: NDArray[np.floating],
    ) -> NDArray[np.bool_]:
        """Return the lesions of white matter, shape (N,), see `mriseg.model.lesions.white_lesions`."""
        grey, white, log_odds = white_against_grey
        levels = fitted.model.centres[grey], fitted.model.centres[white]
        return white_lesions(self._columns, levels, log_odds, atypicality, self.mask, zooms)

    def without(self, lesions: NDArray[np.bool_]) -> Intensities:
        """Return the intensities of the other voxels than lesions, an array of shape (N,)."""
        left = self.mask.copy()
        left[self.mask] = ~lesions
        places = self.places and self.places.among(~lesions)
        return replace(self, mask=left, signal=self.signal & left, places=places)

    def deformed(self, registration: Registration, volume: Volume, places: Places) -> Registration:
        """Deform the template to the tissues of the scan.

        Parameters
        ----------
        registration : Registration
            Of the template to the scan.
        volume : Volume
            The scan.
        places : Places
            Of the voxels by the affine.

        Returns
        -------
        Registration
        """
        seen = places.among(_inside(self.signal, self.mask))
        model = fit_at_places(_inside(self.images[0], self.signal), seen)
        mni_to_voxels = np.linalg.inv(volume.canonical_affine) @ registration.affine
        samples = samples_of(self.signal, mni_to_voxels, volume.voxel_ml)
        likelihoods = likelihoods_of_kinds(model, self.images[0][tuple(samples.voxels.T)][:, None])
        return replace(registration, deformation=deformation_of(samples, likelihoods))

    @cached_property
    def _columns(self) -> list[NDArray[np.float32]]:
        return [_inside(image, self.mask) for image in self.images]

    @cached_property
    def _incomplete(self) -> NDArray[np.bool_] | None:
        """Which of the voxels (N,) a channel has no signal in."""
        if not self.channels:
            return None
        return np.asarray(~np.logical_and.reduce([_inside(c.seen, self.mask) for c in self.channels]))


def corrected_intensities(
    volume: Volume,
    mask: NDArray[np.bool_],
    white: int,
    places: Places | None = None,
    *,
    bias: bool,
    clear: NDArray[np.float32],
) -> Intensities:
    """Divide the bias field out of a scan.

    Parameters
    ----------
    volume : Volume
        The scan.
    mask : ndarray of bool, shape (X, Y, Z)
        The brain without lesions.
    white : int
        Rank of white matter by rising mean; used where the places do not tell.
    places : Places, optional
        Of the voxels of the mask in the template.
    bias : bool
        Whether the bias field is estimated.
    clear : ndarray of float32, shape (X, Y, Z)
        The scan without the field that was estimated before; itself if none was. Whether the places tell the
        tissues is judged there: under a strong field they hardly do in the scan itself.

    Returns
    -------
    Intensities
        Of a single channel; without places where these do not raise the likelihood.
    """
    if bias:
        _log.info("estimating the bias field")
    signal = with_signal(mask, volume.data)
    if places is not None:
        placed = fit_where_places_tell(_inside(clear, signal), places.among(_inside(signal, mask)))
        places = None if placed is None else places
    air, field = air_intensity(volume.data, _inside(volume.data, signal)), unit_field()
    if bias:
        above = places and places.above(float(air))
        field = FieldEstimator(mask, volume.zooms, white, above).field(volume.data - air, signal)
    return Intensities((correct_bias(volume.data, air, field),), mask, signal, field, (), places)


def join_channels(
    intensities: Intensities, volume: Volume, others: Sequence[Volume], white: int, *, bias: bool
) -> Intensities:
    """Bring further scans of the same session to the grid of a scan, and divide out their bias fields.

    Parameters
    ----------
    intensities : Intensities
        Of the scan.
    volume : Volume
        The scan.
    others : sequence of Volume
    white : int
        Rank of white matter by rising mean of the scan; used without places.
    bias : bool
        Whether bias fields are estimated.

    Returns
    -------
    Intensities

    Raises
    ------
    ImageError
        If a channel covers less than half of the brain, or is empty there.
    """
    if not others:
        return intensities
    _log.info("joining the channels")
    beside = None
    if bias:
        air = air_intensity(volume.data, _inside(volume.data, intensities.signal))
        above = intensities.places and intensities.places.above(float(air))
        estimator = FieldEstimator(intensities.mask, volume.zooms, white, above)
        beside = partial(estimator.field_beside, intensities.images[0] - air)
    channels = [prepare_channel(other, volume, intensities.signal, beside) for other in others]
    images = (intensities.images[0], *(channel.corrected for channel in channels))
    return replace(intensities, images=images, channels=tuple(channels))


def _inside(data: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    box = bounding_box(mask)
    return data[box][mask[box]]
