"""Constants of what a cohort is compared by, and of the prior that it makes; see docs/cohorts.md."""

from __future__ import annotations

# Modified z-score beyond which a figure is out of line, after Iglewicz and Hoaglin (1993).
OUTLIER_LIMIT = 3.5
# Scans below which no figure is compared with the rest.
MIN_COMPARED_SCANS = 8
# Scans that the prior of a cohort is made from at least.
MIN_PRIOR_SCANS = 5
# The cohort counts as this many times the voxels that would pin the ratio of GM to WM as closely as its scans
# agree on it: the voxels of one scan follow the model less well than independent draws would. Chosen on heads
# of one scanner, where 1,000 to 5,000 voxels help most, and on a mixed collection, where a hundred do harm.
PRIOR_STRENGTH = 20.0
# Voxels that the prior of a cohort counts for at the most.
MAX_PRIOR_VOXELS = 5000.0
# Share of the free memory, 0 to 1, that the workers of a run are planned to take.
MEMORY_SHARE = 0.9
