"""Constants of the alignment of further channels and of their preparation; see docs/channels.md."""

from __future__ import annotations

# --- Coverage -------------------------------------------------------------------------------------

# Share of the brain, 0 to 1: a channel that shows less of it is of another place or session, and is refused.
MIN_COVERAGE = 0.5
# Share of the brain, 0 to 1: a channel that covers less of it is reported; the first scan decides the rest.
MIN_FULL_COVERAGE = 0.995
# Share of the face voxels, 0 to 1: a constant background beyond it was written by software, and is not
# interpolated with the signal; not tuned.
MIN_CONSTANT_BACKGROUND = 0.95
# Share of the brain, 0 to 1: a channel without a signal in more of it is reported, as one that covers less.
# Its darkest CSF may have none: up to .01 of the brain in 12 channels of 7 heads; not tuned.
MAX_SILENT = 0.1
# Voxels: every so many of the brain is sampled for coverage and motion; a prime, so that samples fall in step
# with no grid; for speed, not tuned.
BRAIN_SAMPLING = 61

# --- Resampling -----------------------------------------------------------------------------------

# Ratio of the voxel width of the scan to that of the channel: beyond it the channel is smoothed before it is
# resampled, against aliasing; not tuned.
MIN_SMOOTHED_RATIO = 1.5

# --- Refinement by mutual information -------------------------------------------------------------

# mm: margin around the brain that is sampled; skull and scalp help, jaw and neck mislead.
SAMPLING_MARGIN_MM = 10.0
# (mm, points, mm), coarse to fine: spacing that the scans are smoothed to, number of samples, and first step
# of Powell's method.
REFINEMENT_LEVELS = ((4.0, 8_000, 3.0), (2.0, 25_000, 1.0))
# Count: bins of the joint histogram along each axis; not tuned.
HISTOGRAM_BINS = 32
# Percent, lowest and highest: percentiles of the intensities that the first and last bin stand for; not
# tuned.
HISTOGRAM_PERCENTILES = (1, 99)
# mm: radius of the brain by which rotations are scaled to lengths, so that Powell's steps are alike; not
# tuned.
ROTATION_RADIUS_MM = 60.0
# mm and mm of arc: tolerance of Powell's method on the parameters; not tuned.
POWELL_XTOL = 3e-2
# Relative: tolerance of Powell's method on the mutual information; not tuned.
POWELL_FTOL = 1e-4
# Digits: of the rigid matrix in mm that are kept; what is recorded is what is applied.
MATRIX_DECIMALS = 6

# --- When a refinement is applied -----------------------------------------------------------------
# Sequences differ by up to 0.7 mm where nobody moved (fat shift, distortion by susceptibility, other edges of
# tissues in another contrast), with up to 4 % more mutual information; a true millimetre gains 4 to 14 %.

# mm, root mean square over the brain: least motion that is applied.
MIN_MOTION_MM = 1.0
# Edges of the larger of the two voxels: least motion that is applied.
MIN_MOTION_VOXELS = 0.5
# Ratio: least mutual information after the motion to that before.
MIN_INFORMATION_RATIO = 1.05
# mm, root mean square over the brain: largest plausible motion; not tuned.
MAX_MOTION_MM = 20.0
# Degrees: largest plausible rotation; not tuned.
MAX_ROTATION_DEGREES = 20.0
# mm, root mean square over the brain: motion beyond which the user is asked to check the alignment; not
# tuned.
REPORTED_MOTION_MM = 2.0
# Correlation of the intensities of a channel with those of the scan beyond which it is nearly the same scan.
MAX_CORRELATION = 0.9
# Correlation of the noise of a channel with that of the scan, either sign, beyond which one was computed from
# the other. Separate scans of 10 heads reach .23, copies that were negated, stretched or resampled .42 to 1.
MAX_NOISE_CORRELATION = 0.35
# Pairs of neighbours along each axis that are looked at for it; for memory and speed, not tuned.
LIKENESS_PAIRS = 1_000_000
