"""Constants of outlier detection, cohort prior and scheduling; see docs/cohorts.md."""

from __future__ import annotations

# Modified z-score, absolute: beyond it a measure is an outlier (Iglewicz and Hoaglin 1993).
OUTLIER_LIMIT = 3.5
# Count: fewest scans with a measure for outlier scores.
MIN_COMPARED_SCANS = 8
# Count: groups whose medians are marked in the distributions at the most; more lines would hide the bars.
MAX_MARKED_GROUPS = 10
# Median absolute deviation that counts at the least, by measure: the predicted Dice of good scans is the same
# to a thousandth, and most have no voxel unlike any tissue, so that trifles would be outliers. An outlier is
# five of these off: .03 Dice, 5 mL. Not tuned.
LEAST_DEVIATION = {"agreement_gm": 0.006, "agreement_wm": 0.006, "atypical_ml": 1.0}
# Count: fewest scans for a cohort prior.
MIN_PRIOR_SCANS = 5
# Factor: weight of the cohort, over the number of independent voxels whose mean ratio of GM to WM would vary
# as much as in the cohort; above 1 because a voxel of a scan is worth less than an independent draw. Chosen
# on heads of one scanner, where 1,000 to 5,000 voxels help most, and on a mixed collection, where a hundred
# do harm.
PRIOR_STRENGTH = 20.0
# Voxels that the prior of a cohort counts for at the most.
MAX_PRIOR_VOXELS = 5000.0
# Share of the free memory, 0 to 1, that the workers of a run are planned to take.
MEMORY_SHARE = 0.9
