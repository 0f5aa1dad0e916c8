"""Constants that decide how images are read and understood."""

from __future__ import annotations

# --- Intensities ----------------------------------------------------------------------------------

# Intensity, absolute value: beyond it a value is damage, not finite; its square is a number of float32.
MAX_INTENSITY = 1e15
# Intensity: range of an image below which it is constant; its square is a number of float32.
MIN_RANGE = 1e-15
# Share of the voxels off the background whose six neighbours are equal, 0 to 1: above it an image of whole
# numbers is a label image; at most 0.1 in real scans, also when stored in a hundred grey levels or
# interpolated, from 0.3 in label images.
MAX_UNIFORM = 0.25

# --- Stripped scans -------------------------------------------------------------------------------

# Share of the voxels, 0 to 1: foreground beyond it is more than a brain; not tuned.
MAX_FOREGROUND = 0.6
# mL: no brain with the CSF around it is larger; the smallest adult head without its neck is.
MAX_BRAIN_ML = 2500.0
# mm: spacing at which the layers under the surface are compared; for speed, not tuned.
LAYER_SPACING_MM = 3.0
# mm, depth under the surface of the foreground: layer of scalp in a whole head, of brain in a stripped scan.
SCALP_DEPTHS_MM = (3.0, 9.0)
# mm, depth under the surface of the foreground: layer of the dark skull in a whole head, of brain in a
# stripped scan.
SKULL_DEPTHS_MM = (9.0, 15.0)
# Ratio of the median intensities of these layers, skull to scalp: below it there is a skull; not tuned.
MIN_SKULL_RATIO = 0.8
# Share of the voxels, 0 to 1: foreground beyond it means that a scan has no constant background; not tuned.
MAX_STRIPPED_FOREGROUND = 0.95
# Share of the voxels outside the mask, 0 to 1: background beyond it means that a scan is stripped; not tuned.
MIN_SILENT_SURROUNDINGS = 0.95

# Share of the voxels on the faces of a scan: below it the background is not constant, and fills nothing; a
# brain cropped to its box covers less than half of them.
MIN_FILLED_FACES = 0.5
# Ratio of the darkest intensity of a brain to the middle one, both from the zero: least and most that are
# plausible. 0.00 to 0.21 in 20 heads in T1, T2 and FLAIR, up to 0.39 in infants; splines swing below 0.
MIN_DARKEST_RATIO, MAX_DARKEST_RATIO = -0.1, 0.5
# The same where the zero is estimated from it: the middle of these heads.
USUAL_DARKEST_RATIO = 0.08

# --- Stripped scans that were changed afterwards --------------------------------------------------

# Percent: percentile of the intensities that stands for the brightest; not tuned.
BRIGHTEST_PERCENTILE = 99.9
# Percent: percentile of the intensities above a tenth of the brightest that stands for brain; not tuned.
BRAIN_PERCENTILE = 80.0
# Percent: percentile of the deviations from the background on the faces that stands for their spread; a
# cropped brain covers fewer of them, corners of a turned volume more.
SPREAD_PERCENTILE = 80.0
# Ratio: excess over the background from which a voxel is foreground, to that spread; not tuned.
BACKGROUND_SPREADS = 3.0
# Share of the intensity of brain: excess over the background from which a voxel is foreground; not tuned.
MIN_FOREGROUND_LEVEL = 0.02
# Share of the intensity of brain: noise of the background above it hides the border of the brain, so that the
# scan is smoothed before it is looked for; not tuned.
MAX_NOISE_LEVEL = 0.15
# Voxels: standard deviation of the Gaussian that lowers such noise to a quarter before the brain is cut out.
DENOISING_SIGMA_VOXELS = 0.85
# cm2: largest area of the foreground on a face of the scan; a brain that was cropped touches a face by less,
# necks by more; not tuned.
MAX_FACE_CM2 = 25.0
# Share of the foreground: fainter voxels up to which a background is constant; 0.02 in exact strips, 0.2
# after smoothing by a millimetre, above 1 after interpolation by splines.
MAX_FAINT = 0.1
# Ratio: intensity of a voxel to that of the next one deeper along a line of the grid, median at equal
# distance from the border: below it the voxels belong to a rim. At the border 0.64 and more in exactly
# stripped scans, 0.22 to 0.51 along an axis that was interpolated or smoothed.
MAX_RIM_RATIO = 0.62
# Ratio: the same where the background is constant, so that scans that were cut along a steep border stay as
# they are (0.47 and more); at most 0.43 after linear interpolation or smoothing.
MAX_CERTAIN_RIM_RATIO = 0.46
# Voxels: widest rim; not tuned.
MAX_RIM_VOXELS = 4
# Voxels: standard deviation of the Gaussian over which the intensity beneath the rim is averaged; not tuned.
BENEATH_SIGMA_VOXELS = 0.7

# --- Geometry -------------------------------------------------------------------------------------

# Share of the smallest voxel edge: displacement of the corners up to which two grids are the same; rounding
# in headers moves them by less.
MAX_GRID_SHIFT = 0.1
# mm, shortest and longest: plausible edges of a voxel, from microscopes to scouts; not tuned.
PLAUSIBLE_ZOOMS_MM = (0.02, 50.0)
# Any unit of length: magnitude of affine entries and voxel sizes beyond which a header is damaged; not tuned.
MAX_COORDINATE = 1e9
# Ratio: volume of a voxel to that of the box with its edges, 1 if rectangular; below it an affine is flat;
# not tuned.
MIN_VOXEL_VOLUME_RATIO = 0.1
# Cosine of the angle between two axes: beyond it an affine is sheared; less is rounding.
MAX_SHEAR = 0.01
# Ratio: relative difference up to which voxel sizes and sform agree; less is rounding.
ZOOM_TOLERANCE = 0.01
# Share of the smallest voxel edge: displacement of the corners up to which sform and qform agree; not tuned.
MAX_FORM_SHIFT = 0.5

# --- Masks ----------------------------------------------------------------------------------------

# Negative values of a mask, as a share of its maximum, that ringing of splines explains; not tuned.
MAX_MASK_RINGING = 0.4
# Voxels each way in which a mask of whole numbers has both lower and higher values where it rises; not tuned.
MASK_RISE_VOXELS = 2
# Share of the voxels between 0 and the level of a mask of whole numbers that lie on such a rise: below it the
# mask is a label map; 0.8 and more in masks smoothed by up to 4 voxels in steps of a quarter and less, up to
# 0.54 in labels of tissues, structures, lobes and lesions.
MIN_MASK_RISING = 0.65
# Percent of the values above a quarter of the highest that lie below the level of a soft mask; not tuned.
MASK_LEVEL_PERCENTILE = 90.0
# Share of its level from which a value of a soft mask counts as near it; not tuned.
NEAR_MASK_MAXIMUM = 0.8
# Share of the values above a quarter of the highest that lie near the level of a soft mask at least: a brain
# mask that was smoothed by some millimetres has more; not tuned.
MIN_NEAR_MASK_MAXIMUM = 0.5

# --- Intensities ----------------------------------------------------------------------------------

# Percent of the voxels that lie below the floor of the intensities: damage, and ringing of interpolation; not
# tuned.
FLOOR_PERCENTILE = 0.1

# --- Noise where there is no signal ---------------------------------------------------------------

# Share of the range of intensities, 0 to 1: standard deviation of neighbours beyond which there is no signal;
# uniform noise of the full range, and the ratio of two images of noise, have 1 / sqrt(12) = 0.29. In 17 scans
# 0.15 % of a brain has more at the most.
MIN_NOISE_SD = 0.2
# The same on the faces of a scan, median: beyond it there is no signal where neighbours deviate by a share
# of that. 0.19 in such noise after linear interpolation to 2 mm, up to 0.07 in scans with 15 % of noise.
MIN_FACE_NOISE_SD = 0.1
# Share of the median on the faces beyond which there is no signal; not tuned.
NOISE_SHARE_OF_FACES = 0.75
# Percent, lowest and highest: percentiles of a scan between which that range lies; not tuned.
NOISE_RANGE_PERCENTILES = (1, 99)
# mm: distance of the neighbours, at least a voxel; noise that was interpolated is independent at it.
NOISE_LAG_MM = 2.0
# mm: width of the window about every voxel in which differences are averaged, at least three voxels.
NOISE_WINDOW_MM = 5.0
# mm: spacing of the lattice on which a scan is examined first; for speed, not tuned.
NOISE_LATTICE_MM = 4.0
# mL: largest piece of noise below which a scan has none; the edges of 36 scans make pieces of 11 mL at the
# most, air around a head has litres.
MIN_NOISE_ML = 100.0
# Share of the median of the brain above the background: how far below the background splines may swing.
MAX_UNDERSHOOT = 0.25
