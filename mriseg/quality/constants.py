"""Constants of the checks of a segmentation, which decide its verdict; see docs/tissue.md."""

from __future__ import annotations

# Share of each tissue in the brain mask, 0 to 1, that is plausible: wide bounds from young children to
# atrophy.
PLAUSIBLE_SHARE = {"CSF": (0.03, 0.45), "GM": (0.25, 0.65), "WM": (0.18, 0.60)}
# Share of each tissue in the brain mask, 0 to 1: the same of infants.
PLAUSIBLE_INFANT_SHARE = {"CSF": (0.03, 0.45), "GM": (0.20, 0.70), "WM": (0.15, 0.65)}
# Share of the brain mask, 0 to 1: distance beyond these bounds from which the severity is "do not trust"; not
# tuned.
SHARE_MARGIN = 0.1
# Ratio of the volume of GM to that of WM: least that is plausible where the template fits a whole brain; 1.2
# to 2.2 in 17 scans in T1, 0.82 in FLAIR of one head whose cortex is taken for WM.
MIN_GREY_TO_WHITE = 1.0
# Mean of CSF plus that of GM, both from air and in units of that of WM: most that is plausible where CSF is
# the darkest and WM the brightest; 0.8 to 1.2 in 17 scans in T1 as scanners store them, 1.2 to 1.5 in the
# square roots of 8 of them, 1.4 to 1.7 in their logarithms.
MAX_DARK_LEVELS = 1.3
# Share of the brain mask, 0 to 1: below it a class counts as empty.
EMPTY_SHARE = 0.005
# Mahalanobis distance (sds): least separation of classes adjacent in intensity.
MIN_SEPARATION_SDS = 1.0
# Share of the brain mask, 0 to 1: largest share of labels out of order with intensity that is not reported.
MAX_OUT_OF_ORDER = 0.01
# Share of the brain mask, 0 to 1: largest share without signal (equal to the background of a stripped scan)
# that is not reported.
MAX_SILENT = 0.01
# Percent, lowest and highest: percentiles of the intensities of the brain that stand for its ends.
CUT_PERCENTILES = (0.1, 99.9)
# Share of the range between them: how near to an end an intensity counts as cut off there.
CUT_MARGIN = 0.01
# Share of the brain mask, 0 to 1: largest share at one end that is not reported; up to 0.005 in 17 scans. Of
# six damaged ones between .02 and .03 five lose nothing.
MAX_SATURATED = 0.03
# Ratio: least mean depth of WM to that of GM; 1.2 to 1.8 in heads of all ages, below 1 where tissues
# are swapped.
MIN_WM_DEPTH_RATIO = 1.0
# mm: spacing of the voxels at which depth is measured.
DEPTH_SPACING_MM = 3.0
# mm: depth in the brain mask up to which its border reaches.
BORDER_DEPTH_MM = 3.5
# mm: spacing of the voxels at which it is measured.
BORDER_SPACING_MM = 2.0
# Share of the border, 0 to 1: largest share labelled WM that is not reported, in T1; 0.00 to 0.11 in whole
# brains, 0.05 to 0.24 after 4 mm were cut away, 0.09 to 0.30 after 6 mm.
MAX_BORDER_WM = 0.12
# Standard deviation of the log bias field in the brain beyond which it may not be corrected well: up to 0.43,
# under the measured field of a coil and under made ones, volumes of GM and WM are within 5 % and CSF within
# 10 % of those of the scan without it; under made ones of 0.46 and 0.52 Dice falls to .92 and .90.
MAX_CORRECTED_FIELD = 0.45
# The same: largest that leaves the verdict at "trust". Under made fields of 0.7 none of nine heads over which
# the template was laid lost more than .03 Dice in GM and WM.
MAX_TRUSTED_FIELD = 0.75

# --- Image quality figures ------------------------------------------------------------------------

# mm: spacing of the voxels of the whole scan that its noise and its intensities are measured at.
SCAN_SAMPLING_MM = 2.0
# mm: spacing of the voxels of the brain that tissues and labels are measured at; some 50,000.
BRAIN_SAMPLING_MM = 3.0
# mm: spacing at which the bias field, which is smooth, is measured.
FIELD_SAMPLING_MM = 8.0
# mm: spacing of the blocks in which head, air and ghosts are told apart; noise is averaged out there.
BLOCKS_MM = 4.0
# Share of a block, 0 to 1: least that lies in the brain where ghosts in it are measured; all but rounding.
FULL_BLOCK = 0.99
# mm: least distance of air from the head; the head's edge, blurred or moved, reaches less far.
MIN_AIR_DISTANCE_MM = 10.0
# Factor: standard deviation of normal values over their median absolute deviation.
MAD_TO_SD = 1.4826
# Factor: standard deviation of Rayleigh noise over that of each of its two parts [Dietrich 2007].
DIETRICH_FACTOR = 0.6551364
# Probability, 0 to 1: least of a tissue in the voxels that its intensities are measured in; as in MRIQC.
SURE = 0.85
# mm: voxels of at least this size are not eroded for it; as in MRIQC.
MAX_ERODED_MM = 1.9
# Share of the signal of the brain: noise below which air counts as constant, set to one value by a program.
MIN_AIR_NOISE = 1e-4
# Voxels: fewest that a figure is computed from.
MIN_FIGURE_VOXELS = 20
# Voxels: about how many medians and percentiles of head and air are computed from at the most.
MAX_FIGURE_VOXELS = 100_000
# Robust sds: brightness beyond which a voxel of the air counts as artefact; as in MRIQC.
ARTEFACT_SDS = 10.0
# Intensity: level of WM to which MRIQC scales a scan before it computes QI2, a density per unit.
HARMONISED_WM = 1000.0
# Share of the 98th percentile of air: sd of the Gaussian that smooths its density; as in MRIQC.
KERNEL_SHARE = 0.05
# Cells of the histogram of air that QI2 compares; as in MRIQC.
AIR_CELLS = 1000
# mm: lag at which the autocorrelation of the residuals is measured, beyond the blur of most scans.
RESIDUAL_LAG_MM = 4.0
# Voxels: largest smoothness that is told from neighbours, which correlate by 0.997 there; what is left of the
# bias field and of partial volume in the tissues does as much.
MAX_FWHM_VOXELS = 20.0
# Neighbours of six: fewest of another tissue around a speckle.
SPECKLE_NEIGHBOURS = 5
# Log odds: least of WM against cortex, or of the reverse, in the template where a tissue counts as deep.
DEEP_LOG_ODDS = 3.0
# Mahalanobis distance: least that counts as high atypicality; 0.05 % of a normal tissue lie beyond.
HIGH_ATYPICALITY = 3.5
# mm: spacing of the blocks that regions of high atypicality consist of; most of a block must be atypical.
REGION_BLOCKS_MM = 3.0
# mL: least region of high atypicality that is left out of the figures of tissues, as a lesion and no damage
# to the scan; a ball of 10 mL has one of 9.
MIN_LESION_ML = 5.0
# mL: largest region of high atypicality that is not reported; up to 1.5 in T1 of 17 heads, 8 with FLAIR of
# old heads with lesions, 38 in a patient with 50 mL of lesions.
MAX_ATYPICAL_ML = 10.0
# mL: largest region of a tissue out of place that leaves the verdict at "trust". Of balls of 10 mL in 13
# heads those that are named are of 9 to 18, of 40 and 100 mL of 16 and more.
MAX_TRUSTED_MISPLACED_ML = 15.0
# mm: MNI coordinates of about the middle of the box around a brain.
BOX_MIDDLE_MNI = (0.0, -18.0, 5.0)
# mm: distance from the midline up to which a place is in the middle.
MIDLINE_MM = 8.0
# mm: size of the cells in MNI space in which tissues are compared with the template and the other half.
CELL_MM = 4.0
# Cells along each axis, as many right of the midline as left.
CELLS = (46, 62, 50)
# mm: MNI coordinates of the corner of the first cell.
CELLS_FROM_MM = (-92.0, -132.0, -80.0)
# mm: sd of the Gaussian that smooths them; a ball of 40 mL fills nine tenths of it, gyri average out.
EXCESS_SMOOTHING_MM = 8.0
# Share, 0 to 1: least of brain around a cell by that Gaussian; nearer to the border masks differ.
MIN_BRAIN_IN_CELL = 0.9
# Share, 0 to 1: largest excess of a tissue over the template that is not reported; up to .58 (GM of infants)
# in 39 scans in all contrasts, .56 (CSF of old age) in T1 of adults.
MAX_EXCESS = 0.65
# The same over the template and the other half, by tissue; up to .27, .19 and .30 in these scans.
MAX_ONE_SIDED_EXCESS = {"CSF": 0.35, "GM": 0.25, "WM": 0.35}
# Share of the highest excess, 0 to 1: the border of a ball of 40 to 100 mL after that Gaussian.
REGION_LEVEL = 0.4
# Count: bins of the histogram at the most that the density of the mixture is compared with.
DENSITY_BINS = 128
# Dice: predicted loss, against an undamaged scan, beyond which a result is not trusted without a look
# (docs/verdict.md).
MAX_TRUSTED_LOSS = 0.11
# The same beyond which it is not trusted at all.
MAX_LOSS = 0.2
# The same that a reason must cost to be named.
SLIGHT_LOSS = 0.02
