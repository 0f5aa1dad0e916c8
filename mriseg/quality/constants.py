"""Constants of the checks of a segmentation, which decide its verdict; see docs/tissue.md."""

from __future__ import annotations

# Share of each tissue in the brain mask, 0 to 1, that is plausible: wide bounds from young children to
# atrophy.
PLAUSIBLE_SHARE = {"CSF": (0.03, 0.45), "GM": (0.25, 0.65), "WM": (0.18, 0.60)}
# The same in infants.
PLAUSIBLE_INFANT_SHARE = {"CSF": (0.03, 0.45), "GM": (0.20, 0.70), "WM": (0.15, 0.65)}
# How far beyond these bounds a share leaves nothing to trust.
SHARE_MARGIN = 0.1
# Share of the brain mask below which a class is empty.
EMPTY_SHARE = 0.005
# Standard deviations that neighbouring classes lie apart at least.
MIN_SEPARATION_SDS = 1.0
# Share of the brain mask whose labels may contradict the order of intensities.
MAX_OUT_OF_ORDER = 0.01
# Share of a brain mask that may be as dark as the background of a stripped scan.
MAX_SILENT = 0.01
# Ratio of the mean depth of WM to that of GM at least: 1.2 to 1.8 in heads of all ages, below 1 where tissues
# changed places.
MIN_WM_DEPTH_RATIO = 1.0
# mm: spacing of the voxels at which depth is measured.
DEPTH_SPACING_MM = 3.0
