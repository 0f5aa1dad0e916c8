"""The table of the image quality figures: name, unit, meaning, source."""

from __future__ import annotations

from typing import NamedTuple

MRIQC, MRIQC_CHANGED, OWN = "MRIQC", "MRIQC, changed", "mriseg"


class Figure(NamedTuple):
    """An image quality figure.

    Parameters
    ----------
    unit : str
        "1" of a ratio or a share.
    description : str
    source : {"MRIQC", "MRIQC, changed", "mriseg"}
    """

    unit: str
    description: str
    source: str


_OF_TISSUE = {"csf": "CSF", "gm": "GM", "wm": "WM"}
_AXES = {"x": "left to right", "y": "back to front", "z": "foot to head"}

FIGURES: dict[str, Figure] = {
    **{
        f"snr_{k}": Figure("1", f"Median of {t} over its standard deviation", MRIQC)
        for k, t in _OF_TISSUE.items()
    },
    "snr_total": Figure("1", "Mean of snr_csf, snr_gm and snr_wm", MRIQC),
    **{
        f"snrd_{k}": Figure("1", f"Median of {t} over the noise of air, for Rayleigh noise", MRIQC)
        for k, t in _OF_TISSUE.items()
    },
    "snrd_total": Figure("1", "Mean of snrd_csf, snrd_gm and snrd_wm", MRIQC),
    "cnr": Figure(
        "1", "Difference of WM and GM over the root of the summed variances of WM, GM and air", MRIQC_CHANGED
    ),
    "cjv": Figure("1", "Sum of the deviations of WM and GM over their difference", MRIQC),
    "efc": Figure("1", "Entropy of the intensities of the whole scan over the largest possible", MRIQC),
    "fber": Figure("1", "Median energy of the head over that outside", MRIQC),
    "qi_1": Figure("1", "Share of the air that is far brighter than its noise", MRIQC_CHANGED),
    "qi_2": Figure("1", "Misfit of a chi-squared distribution to the noise of air", MRIQC_CHANGED),
    "wm2max": Figure("1", "Median of WM over the 99.95th percentile of the head", MRIQC_CHANGED),
    "inu_range": Figure(
        "1", "5th to 95th percentile of the bias field in the brain, over its median", MRIQC_CHANGED
    ),
    "inu_med": Figure("1", "Median of the bias field in the brain", MRIQC),
    **{
        f"fwhm_{k}": Figure("mm", f"Smoothness of the noise within tissues, {axis}", MRIQC_CHANGED)
        for k, axis in _AXES.items()
    },
    "fwhm_avg": Figure("mm", "Mean of fwhm_x, fwhm_y and fwhm_z", MRIQC_CHANGED),
    **{
        f"rpve_{k}": Figure("1", f"Residual partial volume of {t}: 1 if every voxel is pure", MRIQC_CHANGED)
        for k, t in _OF_TISSUE.items()
    },
    **{
        f"ghost_{k}": Figure(
            "1", f"Excess of air where the head would lie shifted by half the scan, {axis}", MRIQC_CHANGED
        )
        for k, axis in _AXES.items()
    },
    **{
        f"smear_{k}": Figure(
            "1", f"Excess of air in lines that meet the head, without that ghost, over all axes, {axis}", OWN
        )
        for k, axis in _AXES.items()
    },
    **{
        f"ghost_in_brain_{k}": Figure(
            "1", f"Deviation in the brain that such a ghost explains, over the contrast, {axis}", OWN
        )
        for k, axis in _AXES.items()
    },
    **{
        f"correlation_{k}": Figure("1", f"Autocorrelation within tissues 4 mm apart, {axis}", OWN)
        for k, axis in _AXES.items()
    },
    **{
        f"jaggedness_{k}": Figure(
            "1",
            f"Differences of neighbours over those of voxels twice as far, over the other axes, {axis}",
            OWN,
        )
        for k, axis in _AXES.items()
    },
    "clipped_floor": Figure("1", "Share of the brain at its lowest intensity", OWN),
    "clipped_ceiling": Figure("1", "Share of the brain at its highest intensity", OWN),
    "edge_sharpness": Figure(
        "1/mm", "Step between neighbours at the border of GM and WM, over the contrast", OWN
    ),
    "histogram_rms": Figure("1", "Difference of histogram and mixture, over the peak of the histogram", OWN),
    "similarity": Figure("1", "R squared of the template on the intensities of the head", OWN),
    "explained": Figure("1", "R squared of the template's tissue maps on the intensities of the brain", OWN),
    "speckle_gm": Figure("1", "Share of GM in voxels of whose six neighbours five are WM", OWN),
    "speckle_wm": Figure("1", "Share of WM in voxels of whose six neighbours five are GM", OWN),
    "gm_in_deep_wm": Figure("1", "Share of GM where the template is all but sure of WM", OWN),
    "wm_in_deep_gm": Figure("1", "Share of WM where the template is all but sure of cortex", OWN),
    **{
        f"asymmetry_{k}": Figure("1", f"Right less left {t}, over their mean", OWN)
        for k, t in _OF_TISSUE.items()
    },
    "atypical_ml": Figure("mL", "Volume of the regions unlike any tissue", OWN),
    "atypical_region_ml": Figure("mL", "Volume of the largest of these", OWN),
    "atypical_region_x": Figure("mm", "Its centre, to the right of the middle of the brain", OWN),
    "atypical_region_y": Figure("mm", "Its centre, in front of the middle of the brain", OWN),
    "atypical_region_z": Figure("mm", "Its centre, above the middle of the brain", OWN),
    **{
        f"misplaced_{k}": Figure(
            "1", f"Largest excess of {t} over template and other half, over the most that is usual", OWN
        )
        for k, t in _OF_TISSUE.items()
    },
    "misplaced_ml": Figure("mL", "Volume of the region of the largest of these", OWN),
    **{f"misplaced_{k}": Figure("mm", f"Place of that excess, MNI coordinate {k}", OWN) for k in _AXES},
    **{
        f"agreement_{t.lower()}": Figure(
            "1", f"Dice of {t} with the truth that nine of ten such T1 scans exceed", OWN
        )
        for t in ("GM", "WM")
    },
}
