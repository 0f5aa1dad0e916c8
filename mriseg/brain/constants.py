"""Constants of the brain mask.

Except where a comment says otherwise they were chosen on the eleven development heads of
``scripts/benchmark_brain.py`` (see the README), T1-weighted, against a network's masks.
"""

from __future__ import annotations

import numpy as np

# --- Registration quality -------------------------------------------------------------------------

# R squared, 0 to 1: below it the registration of the template has failed; real heads reach 0.4 to 0.8.
FAILED_SIMILARITY = 0.25
# R squared, 0 to 1: below it the registration of the template is reported as doubtful; see FAILED_SIMILARITY.
DOUBTFUL_SIMILARITY = 0.35

# --- Plausible masks ------------------------------------------------------------------------------

# mL, lowest and highest: volume of a plausible intracranial mask; wide bounds of human brains, not tuned.
PLAUSIBLE_ML = (700.0, 2300.0)
# mL, lowest and highest: the same of infants, from birth; not tuned.
PLAUSIBLE_INFANT_ML = (250.0, 1300.0)
# mm, left to right, back to front, bottom to top: smallest plausible extent of a mask; the smallest healthy
# mask measured 126, 162 and 126 mm, half of a large brain is shorter than these bounds.
MIN_EXTENT_MM = (100.0, 115.0, 85.0)
# mm, same axes: the same of infants, from birth; not tuned.
MIN_INFANT_EXTENT_MM = (70.0, 85.0, 55.0)
# Share of the mask, 0 to 1: largest plausible difference between the volumes of its two halves; not tuned.
MAX_ASYMMETRY = 0.06
# mm: sampling distance of the mask when its halves are compared; for speed, not tuned.
ASYMMETRY_SPACING_MM = 3.0
# cm: half axes of an ellipsoid of the size of a brain and its CSF, to the left and the right, the back and
# the front, the bottom and the top. What it says is missing of 13 heads cropped by 5 to 30 mm is right within
# a fifth or 15 mL at the top, within two fifths at the bottom.
BRAIN_HALF_AXES_CM = ((6.8, 6.8), (8.4, 8.4), (8.0, 6.0))
# mL: largest part beyond the end of a scan that is not reported, by the area of the mask there; a fiftieth of
# a brain.
MAX_MISSING_ML = 30.0
# mL: largest such part that leaves the verdict at "trust". Heads that lacked up to 84 mL lost less than .03
# Dice in GM and WM, those that lacked 118 mL and more .042 to .079.
MAX_TRUSTED_MISSING_ML = 100.0

# mm: width of the layer around a mask in which noise of the full range disturbs its surface.
NOISE_LAYER_MM = 8.0
# Share of that layer, 0 to 1: most noise of the full range there that is not reported. Heads in noisy air
# have up to 0.05; noise in the skull, or in a box over the face, gives 0.08 to 0.34, and CSF up to 16 % off.
MAX_NOISE_NEAR = 0.07

# mm: spacing of the blocks over which the surroundings of a mask are averaged; noise nearly vanishes there.
SURROUNDINGS_SPACING_MM = 6.0
# mm, nearest and farthest: distances from a mask between which the scalp of a whole head lies.
SURROUNDINGS_MM = (6.0, 18.0)
# Ratio: standard deviation of the blocks around a mask to that inside, below which nothing but noise lies
# around it; 0.6 and more in 50 whole heads, also under noise, at most 0.06 in noise around a stripped brain.
MIN_SURROUNDINGS = 0.2

# --- Surface and profiles -------------------------------------------------------------------------

# mm, outward positive: depths at which profiles are sampled, -20 to 20 in steps of 1; a brain that lies
# farther off was not registered.
DEPTHS_MM = np.arange(-20.0, 21.0)
# Template voxels of 2 mm: distance of the surface points along each axis, hence about 4 mm.
SURFACE_STEP_VOXELS = 2
# The same where a mask is only checked, about 6 mm: 43 strips are on one side of `MAX_EXCESS` by both.
CHECKED_STEP_VOXELS = 3
# mm: standard deviation of the Gaussian that smooths the signed distance before its gradient gives the
# normals.
NORMAL_SMOOTHING_MM = 4.0
# mm: standard deviation of one pass of the smoothing operator over surface points; wider ones repeat it.
SMOOTHING_MM = 4.0
# Points: nearest neighbours that the smoothing operator averages, the point itself included.
SMOOTHING_NEIGHBOURS = 24
# (mm, 1/mm2) per pass, coarse to fine: standard deviation over which boundary scores are averaged, and weight
# of the squared distance in mm from the offset of the previous pass; these passes precede the affine update.
COARSE_SCHEDULE = ((12.0, 0.02), (8.0, 0.04))
# The same, of the final optimisation: the coarse passes and one at 4 mm.
SMOOTHING_SCHEDULE = (*COARSE_SCHEDULE, (4.0, 0.08))
# mm: scale of the Cauchy weights 1 / (1 + (offset / scale)^2) in the affine update; larger offsets are more
# often faults of a profile than of the affine.
OFFSET_SCALE_MM = 6.0
# Template voxels: standard deviation of the Gaussian that interpolates the offsets between surface points.
OFFSET_SMOOTHING_VOXELS = 2
# Standard deviations: truncation of that Gaussian, so that every voxel near the surface has a weight; not
# tuned.
OFFSET_TRUNCATION = 6.0

# --- Boundary score -------------------------------------------------------------------------------

# mm, deepest and shallowest: range of depths whose median is the brain intensity beneath a surface point.
BRAIN_DEPTHS_MM = (-16.0, -3.0)
# mm: standard deviation over which the brain intensities beneath the surface are averaged.
BRAIN_LEVEL_MM = 20.0
# Intensity: lower limit of the brain intensity that profiles are divided by; guards a division, not tuned.
MIN_BRAIN_INTENSITY = 1e-100
# Share of the brain intensity beneath: up to it intensities separate bone and CSF from brain, beyond it they
# separate tissue, brain or scalp, from bone and CSF.
GREY_LEVEL = 0.6
# Share of the brain intensity beneath: relative intensities are clipped here (fat, vessels).
MAX_RELATIVE_INTENSITY = 1.5
# ((first mm, last mm), weight), outward positive, both ends included: layers about a candidate depth and the
# weights of their mean intensity up to GREY_LEVEL; brain is expected inside and not outside.
UP_TO_GREY_WEIGHTS = (((-9, -4), 1.0), ((-3, -2), 1.0), ((-1, 0), 0.5), ((3, 5), -0.5))
# The same for the mean intensity beyond GREY_LEVEL; none is expected at the boundary itself, where CSF and
# bone separate brain from scalp.
BEYOND_GREY_WEIGHTS = (((-3, -2), -1.0), ((-1, 0), -2.0), ((1, 2), -1.0))

# --- Plausible strips -----------------------------------------------------------------------------

# Factors: sizes of the template, fitted to the foreground of a stripped scan, from which its surface is
# optimised: a shell of skull and scalp of 5 and 10 mm enlarges a brain by so much.
STRIP_SCALES = (1.0, 0.93, 0.86)
# mm: sampling distance of the foreground when it is compared with the surface; for speed, not tuned.
STRIP_SPACING_MM = 3.0
# Share of the foreground, 0 to 1: largest share beyond the surface of the brain that is not reported; at most
# 0.04 in 22 good strips, 0.05 to 0.09 with a shell of 3 mm, 0.07 to 0.11 with one of 4 mm, more beyond.
MAX_EXCESS = 0.055

# mm: spacing at which the distance from the border of a mask is measured; for speed, not tuned.
OUTLINE_SPACING_MM = 2.0
# mm: distances from the border of a mask are clipped here, so that few points do not decide; not tuned.
MAX_OUTLINE_MM = 12.0
# mm: standard deviation over which they are averaged over the surface of the template, so that gyri and
# sulci do not count.
OUTLINE_SMOOTHING_MM = 12.0
# mm: largest depth of the border below the surface of the template's brain that is not reported.
MAX_SHORTFALL_MM = 7.0
# mm: largest difference between the depths on the left and on the right that is not reported.
MAX_SIDE_DIFFERENCE_MM = 5.5

# --- From the signed distance to the mask ---------------------------------------------------------

# mm: the signed distance is truncated here before it is resampled to the scan; not tuned.
MAX_DISTANCE_MM = 8.0
# mm: depth in the mask below which there is brain only, where the bone threshold is estimated.
INTERIOR_DEPTH_MM = 10.0
# Percent: percentile of the interior intensities below which a voxel of the rim is bone; hardly any brain is
# darker. For contrasts in which the surface is not detected; tried on simulated heads only.
BONE_PERCENTILE = 0.5

# --- Opening and closing --------------------------------------------------------------------------

# mm: half the width of bridges from the brain to the dura that the opening of a mask cuts.
DURA_BRIDGE_MM = 1.5
# mm: half the width of bridges from the brain to eyes and muscle that the opening of a whole head cuts.
HEAD_BRIDGE_MM = 5.0
# mm: half the width of sulci that the closing fills.
SULCUS_MM = 3.0
# Percent, lowest and highest: percentiles at which intensities are clipped before Otsu's thresholds; not
# tuned.
OTSU_PERCENTILES = (0.5, 99.5)
# mL: smallest volume that the fallback accepts as a head; not tuned.
MIN_HEAD_ML = 100.0

# --- Lost signal ----------------------------------------------------------------------------------

# Ratio: mean intensity of a plane to that of its neighbours, where these hold brain, below which its signal
# was lost; 0.89 and more in 17 scans in T1, 0.76 in FLAIR and T2 with interleaved slices.
MIN_PLANE_RATIO = 0.65
# Share of the planes of the brain along an axis: lost ones beyond which the severity is "do not trust"; with
# five of a head of 2 mm lost, Dice fell by .19 in GM and .31 in WM.
MAX_LOST_PLANES = 0.05
# Share of the largest section of the brain: planes whose neighbours share less of it are not compared.
MIN_PLANE_SHARE = 0.2
# Share of the median of the brain, from air: below it there is no signal. Ventricles in FLAIR are brighter.
MAX_HOLE_LEVEL = 0.03
# mm: depth in the brain mask from which a piece without signal is a hole; a mask that is too wide holds skull
# near its surface; not tuned.
HOLE_DEPTH_MM = 5.0
# mL: largest piece without signal that is no hole; at most 0.05 in 34 scans.
MAX_HOLE_ML = 1.0
# mL: largest such piece that a surgeon may have left; beyond, the severity is "do not trust". Not tuned.
MAX_LOST_ML = 50.0
