"""Constants of comparisons, metrics and simulated scans."""

from __future__ import annotations

# --- Comparison of two segmentations --------------------------------------------------------------

# mm: distance of the centres of all tissue beyond which two segmentations are reported as misaligned; two
# programs agree on the centre of a brain within a few mm, and so do registered scans.
MAX_CENTRE_DISTANCE_MM = 5.0
# Share of the tissue of B, 0 to 1: outside the grid of A beyond which it is reported; resampling changes the
# volume of a brain by less.
MAX_OUTSIDE = 0.02

# --- Metrics --------------------------------------------------------------------------------------

# Percent: percentile of the surface distances in the Hausdorff distance (Huttenlocher et al. 1993; 95 by
# custom).
HAUSDORFF_PERCENTILE = 95
# Count: bins of the posterior in the expected calibration error, ten by custom.
CALIBRATION_BINS = 10

# --- Simulated scans ------------------------------------------------------------------------------

# Points: samples of the label map in each voxel along each axis, for the true shares of tissue; not tuned.
SAMPLES_PER_VOXEL = 4
# Order: highest sum of the half-waves along the three axes in the simulated bias field; smooth as those of
# coils, not tuned.
MAX_FIELD_ORDER = 2
# Percent of the intensity of WM: standard deviation of noise beyond which a scan shows nothing; not tuned.
MAX_NOISE_PERCENT = 1000
# Share of the voxel, 0 to 1: tissue beyond which a voxel is brain; half, by definition.
MIN_BRAIN_SHARE = 0.5
