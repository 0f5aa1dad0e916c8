"""Constants of the registration of the head template, of tissue maps and of the detection of the contrast.

The registration was chosen on the eleven development heads of ``scripts/benchmark_brain.py``, the tissue maps
on the twelve scans of ``scripts/benchmark_tissue.py`` (see docs/tissue.md), the detection of the contrast on
the simulated and real scans of ``scripts/benchmark_channels.py`` (see docs/channels.md).
"""

from __future__ import annotations

import numpy as np

# --- Registration: samples ------------------------------------------------------------------------

# mm: distance from the brain up to which the template is compared; scalp and skull help, neck and face
# mislead. Eleven development heads.
REGISTRATION_MARGIN_MM = 22.0
# mm: width over which the weights of the samples fall from 1 to 0 at that margin; not tuned.
MARGIN_TAPER_MM = 8
# Weight, 0 to 1: points of the template with less weight are left out; not tuned.
MIN_SAMPLE_WEIGHT = 0.05
# mm, coarse to fine: spacings of the two levels of the pyramid. Eleven development heads.
REGISTRATION_SPACINGS_MM = (8.0, 4.0)
# Percent: percentile of the intensities of the head at which fat is clipped; not tuned.
FAT_PERCENTILE = 98
# Percent, lowest and highest: percentiles of a masked brain at which its intensities are clipped; not tuned.
BRAIN_PERCENTILES = (2, 98)
# Order: of the polynomial of place by which the template is multiplied, the receive field of a head coil. A
# second-order polynomial explains 98 % of the logarithm of one that was measured.
FIELD_ORDER = 2
# Share of the sum of squares of a map: ridge penalty on each coefficient of the field but its mean, low
# enough to follow the measured field of a coil; between 0.1 and 0.3 all the same on eleven development heads.
FREE_FIELD_PENALTY = 0.2
# The same, high enough that a better fit is a better place; a field with the lower one explains heads at a
# wrong place. With this one alone, the field of a coil misleads two of eleven development heads.
STIFF_FIELD_PENALTY = 1.0
# Percent: percentile of the field that must be positive; single points at the margin may not be.
FIELD_PERCENTILE = 2
# Factor: of Otsu's threshold, below which lies air and above which lies the head. Eleven development heads.
HEAD_THRESHOLD_FACTOR = 0.7

# --- Registration: Gauss-Newton -------------------------------------------------------------------

# Count: Gauss-Newton steps at the most; convergence comes earlier, not tuned.
MAX_STEPS = 40
# R squared: gain of a step below which the optimisation has converged; not tuned.
MIN_GAIN = 1e-5
# Factors: lengths that are tried for a step, in this order, until the similarity rises; not tuned.
STEP_LENGTHS = (1.0, 0.5, 0.25, 0.125)
# Share, 0 to 1: least overlap of the weighted samples with the scan; below it a pose counts as failed; not
# tuned.
MIN_OVERLAP = 0.5
# Digits: of the affine in mm that are kept, a micrometre; the digits beyond depend on the number of threads.
AFFINE_DECIMALS = 6

# --- Registration: starts -------------------------------------------------------------------------

# mm: heights of the template's brain against the top of the head, one start each. Eleven development heads.
START_HEIGHTS_MM = (-40.0, -20.0, 0.0, 20.0)
# Factors: isotropic scales of the template, one start each. Eleven development heads.
START_SCALES = (0.7, 0.85, 1.0)
# Factors: the same for infants; tried on simulated heads only (docs/channels.md).
INFANT_START_SCALES = (0.55, 0.7, 0.85)
# R squared: if all upright starts stay below it the head may lie under a strong receive field, or be tilted:
# starts with a free field, then rotated ones are added. Eleven plain upright heads have 0.49 to 0.74.
UPRIGHT_SIMILARITY = 0.45
# Radians: rotation of these starts about each axis, both ways, 30 degrees; not tuned.
START_ROTATION = np.deg2rad(30)
# Radians: rotations of the starts on a given mask about each axis, half a turn, as wrong headers have it.
MASK_START_ROTATIONS = (np.pi,)
# mm2: area of the head in the highest axial slice that counts as the top of the head; not tuned.
MIN_CROWN_AREA_MM2 = 1500
# mm: height below the top of the head whose centroid places the starts left to right and back to front.
CROWN_HEIGHT_MM = 130
# Count: distinct coarse results that are refined at the most. Eleven development heads.
MAX_RIVALS = 3
# mm, root mean square over the samples: distance from which two coarse results are distinct; not tuned.
MIN_RIVAL_DISTANCE_MM = 5.0
# Share of the highest R squared, 0 to 1: that a coarse result needs to be refined; not tuned.
MIN_RIVAL_SIMILARITY = 0.9

# --- Registration: plausibility -------------------------------------------------------------------

# Ratio: smallest to largest singular value of the affine of a whole brain; whole brains have 0.82 and more,
# halves of brains 0.6.
MIN_SCALE_RATIO = 0.7
# Factor: smallest singular value of the affine of a whole human brain; that of an infant of 306 mL is 0.46.
MIN_SCALE = 0.42
# Factors, lowest and highest: plausible scale of the affine to a head, the cube root of its determinant. The
# template's brain with its CSF holds 2.1 L, so that brains of 350 and 2,300 mL have 0.55 and 1.03.
PLAUSIBLE_SCALES = (0.55, 1.15)
# The same of infants, from birth: 250 mL has 0.49.
PLAUSIBLE_INFANT_SCALES = (0.45, 1.15)

# --- Tissue maps ----------------------------------------------------------------------------------

# mm: standard deviation of the Gaussian that blurs the tissue maps: how far tissues may lie from where the
# affine puts them. Twelve scans (docs/tissue.md).
TISSUE_BLUR_MM = 2.0
# Share of the GM map in the brain stem that is WM by the protocols of experts: all but the nuclei. Not tuned.
BRAIN_STEM_WM = 0.8
# mm: how far wide ventricles displace the deep nuclei; not tuned.
NUCLEI_BLUR_MM = 6.0
# Share, 0 to 1, of either tissue that is possible in the midst of the nuclei: without it, .71 of the caudate
# of six old heads is labelled GM, with it .81.
NUCLEI_DOUBT = 0.4
# Share of the blurred nuclei, 0 to 1, up to which there is no such doubt: the centrum semiovale has 0.02.
MIN_NEAR_NUCLEI = 0.025
# Share of deep GM in the tissue of a voxel, 0 to 1, up to which there is none; not tuned.
MIN_DEEP_GREY = 0.02
# Probability, 0 to 1: that each tissue has everywhere at least. Twelve scans (docs/tissue.md).
MIN_TISSUE_PROBABILITY = 0.02
# Log odds: magnitude relative to the whole brain up to which the prior is flat. Twelve scans
# (docs/tissue.md).
FLAT_LOG_ODDS = 1.0
# Factor: weight of the log odds beyond that. Twelve scans (docs/tissue.md).
LOG_ODDS_WEIGHT = 3.0
# R squared, 0 to 1: least share of the variance of the brain that the tissue maps explain where they fit.
# Real brains reach 0.15 to 0.6, infants in T2 0.025; the likelihood decides then whether the places tell.
MIN_EXPLAINED = 0.02
# mL: smallest brain mask on which the template is registered; not tuned.
MIN_BRAIN_ML = 100.0
# Percent, lowest and highest: percentiles at which intensities are clipped before that regression; not tuned.
EXPLAINED_PERCENTILES = (1, 99)
# mm: sampling distance of the scan where it is compared with tissue maps; for speed, not tuned.
SAMPLING_MM = 3.0

# --- Deformation ----------------------------------------------------------------------------------

# mm: spacing of the samples; 4 and 6 mm change no Dice by .005.
DEFORMATION_SPACING_MM = 8.0
# mm: distance from the brain of the template up to which there are samples; a brain mask may be wider.
DEFORMATION_MARGIN_MM = 6.0
# mm: shortest wave length of the displacement; 60 mm follows the caudate less.
DEFORMATION_WAVE_MM = 40.0
# mm: stiffness, the wave length over 2 pi at which a displacement of 1 mm costs half of what 1 mL of voxels
# gains where they become e times as likely. About the softest at which brains without contrast between GM and
# WM keep their GM (26 scans, docs/tissue.md).
DEFORMATION_STIFFNESS_MM = 69.0
# mL / mm2: the same for a shift of the whole brain; not tuned.
SHIFT_STIFFNESS = 0.5
# Probability, 0 to 1: that each tissue has everywhere at least; not tuned.
DEFORMATION_MIN_PROBABILITY = 0.01
# Count: iterations of L-BFGS at the most; not tuned.
DEFORMATION_ITERATIONS = 40
# Share of the objective: rise of an iteration below which L-BFGS has converged; 1e-5 moves nothing by .1 mm.
DEFORMATION_TOLERANCE = 1e-4
# Digits: of its coefficients in mm that are kept; the digits beyond depend on the number of threads.
DEFORMATION_DECIMALS = 4

# --- Detection of the contrast --------------------------------------------------------------------

# Probability, 0 to 1: of GM above which a place of the template is certain GM.
CERTAIN_GM = 0.8
# Probability, 0 to 1: of WM above which a place of the template is certain WM.
CERTAIN_WM = 0.95
# Probability, 0 to 1: of CSF above which a deep place of the template is a ventricle.
CERTAIN_CSF = 0.5
# mm, signed distance to the surface of the brain: below it CSF is that of the ventricles.
VENTRICLE_DEPTH_MM = -20.0
# Voxels: least number in each of the three places; not tuned.
MIN_CERTAIN_VOXELS = 30
# Contrast of a scan that was not stated, where the template does not lie over its tissues.
UNPLACED_CONTRAST = "t1"
# Share of the range of intensities in the brain: least difference of ventricles from GM and WM that is
# conclusive; healthy T1 have 0.3 to 0.5.
MIN_CSF_DIFFERENCE = 0.1
# Share of the range of intensities in the brain: least difference of WM from GM that is conclusive; healthy
# T1 have 0.1 to 0.5.
MIN_WM_DIFFERENCE = 0.05
# Percent, lowest and highest: percentiles of the intensities in the ventricles that stand for dark and bright
# CSF; in small ventricles tissue fills a part of the place.
VENTRICLE_PERCENTILES = (20, 80)
# Percent, lowest and highest: percentiles that bound the range of intensities in the brain; not tuned.
RANGE_PERCENTILES = (2, 98)
# mL: volume of the brain with the CSF around it below which a head that looks like FLAIR is an infant's in
# T1; brains are larger from about a year on.
MIN_GROWN_ML = 950.0
