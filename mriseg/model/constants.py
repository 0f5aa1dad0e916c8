"""Constants of the mixtures of tissues, the bias field and the Markov random field; see docs/tissue.md."""

from __future__ import annotations

# --- Histograms -----------------------------------------------------------------------------------

# Bins of the intensities of one channel, between the percentiles below; more change no label.
HISTOGRAM_BINS = 1024
# Percent at either end (vessels, remnants of fat): intensities beyond are moved to the end of the bins.
TAIL_PERCENTILE = 0.05
# Cells of a joint histogram at the most: 128 bins a channel where there are two, 25 where there are three.
JOINT_CELLS = 1 << 14
# Entries of the table by which functions of one intensity are looked up: four a bin, so that no step shows
# in a posterior map.
LOOKUP_LEVELS = 4096
# Count: factors, spaced geometrically, that are tried to rescale a mixture to another scan.
SCALE_STEPS = 120

# --- Mixture with partial volume ------------------------------------------------------------------

# Levels of the fraction of the second tissue in a mixed voxel; finer ones change no label.
FRACTION_LEVELS = 10
# Share of voxels, 0 to 1, that are outliers (vessels, dura, remnants of fat): uniform over all intensities,
# they do not move the tissues.
OUTLIERS = 0.003
# Iterations of the Gaussian mixture of equal variances that starts the fit; free variances would absorb the
# mixed voxels.
START_STEPS = 20
# Share of the voxels, 0 to 1, that hold a single tissue at the start; scripts/benchmark_tissue.py.
START_PURE = 0.7
# Shares of voxels at the usual starts: three tissues by rising mean, darkest with middle, middle with
# brightest.
USUAL_WEIGHTS = (0.1, 0.3, 0.3, 0.15, 0.15)
# The same where CSF is the brightest tissue.
BRIGHT_CSF_WEIGHTS = (0.3, 0.3, 0.1, 0.15, 0.15)
# Usual starts by the rank of WM (2 in T1, 1 in FLAIR, 0 in T2): shares of the voxels below the mean of each
# tissue, and weights. Where the hierarchical clustering misleads, the likelihood prefers these; FLAIR and T2
# need two (scripts/benchmark_channels.py).
USUAL_STARTS = {
    2: (((0.05, 0.4, 0.85), USUAL_WEIGHTS),),
    1: (((0.05, 0.4, 0.85), USUAL_WEIGHTS), ((0.15, 0.5, 0.85), USUAL_WEIGHTS)),
    0: (((0.15, 0.6, 0.95), BRIGHT_CSF_WEIGHTS), ((0.15, 0.5, 0.85), BRIGHT_CSF_WEIGHTS)),
}
# Further starts, by the rank of WM, where all of these end with tissues less than one standard deviation
# apart, as they may where WM fills most of the mask: EM then stops on a plateau far below the optimum. Seen
# on one head of 3 mm slices.
FURTHER_STARTS = {
    2: (
        ((0.02, 0.3, 0.6), USUAL_WEIGHTS),
        ((0.05, 0.25, 0.65), USUAL_WEIGHTS),
        ((0.05, 0.3, 0.8), USUAL_WEIGHTS),
    ),
    1: (),
    0: (),
}
# Share of the number of voxels, 0 to 1, that the Dirichlet prior of the weights counts for: no tissue may
# vanish where GM and WM hardly differ.
PRIOR_SHARE = 0.02
# Shares, 0 to 1, in the order of the weights: mean of that prior; small for CSF, of which a tightly stripped
# brain has hardly any.
PRIOR_WEIGHTS = (0.04, 0.3, 0.3, 0.18, 0.18)
# Share of all voxels, 0 to 1: ridge that keeps the mean of an empty tissue, against division by zero; not
# tuned.
MEAN_HOLD = 1e-12
# Share of the variance of all voxels below which the variance of the noise does not fall.
VARIANCE_FLOOR = 1e-6
# The same in several channels.
CHANNEL_VARIANCE_FLOOR = 1e-4
# Rise of the objective per voxel (nats) at which EM stops; a smaller rise changes no label.
TOLERANCE = 1e-5
# Iterations of EM at the most.
MAX_ITERATIONS = 1000
# Fall of the objective, relative to the sum of its absolute terms, that rounding explains.
OBJECTIVE_ROUNDING = 1e-9
# Voxels that starts in several channels are made from; the engine clusters a thousand of them.
CHANNEL_START_VOXELS = 20_000

# --- Mixture with proportions by the template -------------------------------------------------------

# Bins of intensity at each place; twice as many change no label.
PLACE_BINS = 512
# Cells of the joint histogram of several channels at each place, at the most.
PLACE_CELLS = 1 << 12
# Log odds of WM against cortex: step by which places are told apart; a finer one changes no label.
LOG_ODDS_STEP = 0.5
# The same of the share of deep GM in the tissue.
DEEP_GREY_STEP = 0.125
# Proportion of CSF at every place, 0 to 1: its factor adapts it to the brain. Maps of CSF in sulci and
# ventricles cost T1 of old age .01 of CSF and IBSR .02 of GM.
CSF_PROPORTION = 0.2
# Usual factors on the proportions of CSF, cortex, deep GM, WM, CSF mixed with cortex, cortex mixed with WM:
# about the means over adults.
USUAL_FACTORS = (1.0, 1.0, 1.0, 1.0, 1.5, 1.1)
# Shares of the number of voxels, 0 to 1, that the prior of these factors counts for: firm for mixed voxels,
# which noise could explain as well.
FACTOR_PRIOR_SHARES = (0.02, 0.02, 0.02, 0.02, 0.1, 0.1)
# Share of the voxels of each tissue, 0 to 1, that are outliers; .02 to .05 are alike on T1.
TISSUE_OUTLIERS = 0.03
# Share of the voxels, 0 to 1, that are outliers in a further channel, whatever their tissue: it is resampled,
# and its resolution and distortions are its own.
CHANNEL_OUTLIERS = 0.1
# Exponent of the density of a further channel: with 1, FLAIR makes the tissues of old heads worse
# (docs/channels.md).
CHANNEL_EXPONENT = 0.5

# --- Lesions of white matter ----------------------------------------------------------------------

# Atypicality (sds): least of the voxels of a lesion; ms19 has a Dice of .82 with 2, .77 with 2.5
# (docs/channels.md).
LESION_ATYPICALITY = 2.0
# The same of its core. With 3.5, healthy heads in T1 have up to 6 mL of false lesions instead of 3.
LESION_CORE_ATYPICALITY = 4.0
# mm3: least volume of the core, a cube of 3 mm; smaller is not called a lesion in multiple sclerosis.
LESION_CORE_MM3 = 27.0

# --- Gaussian classes -----------------------------------------------------------------------------

# Relative rise of the log-likelihood at which EM stops: where it is still rising,
# results depend on the start.
CLASSES_TOLERANCE = 1e-6
# Iterations of EM at the most.
CLASSES_MAX_ITERATIONS = 1000

# --- Cohort prior and warm start ------------------------------------------------------------------

# Bins of the pooled histogram of a cohort.
POOLED_BINS = 750
# Range of the pooled histogram in units of the mean of WM.
POOLED_RANGE = (-0.2, 2.8)
# Voxels: weight of a cohort prior beyond which its file is damaged; a head of 0.25 mm voxels has fewer.
MAX_SAVED_PRIOR_VOXELS = 1e9
# Deviation of saved weights from a sum of 1 that rounding explains.
WEIGHTS_ROUNDING = 1e-6

# --- Bias field -----------------------------------------------------------------------------------

# Percent of all intensities that lie below that of air, to which the field does not add.
AIR_PERCENTILE = 1.0
# Percent of the brain that is darker than the faces of a volume whose intensities are inverted.
INVERTED_PERCENTILE = 95.0
# mm: spacing of the voxels that the field is estimated from.
FIELD_SAMPLING_MM = 3.0
# mm: distance of the six neighbours that must be white matter where there are no places; the next voxels
# cost IBSR .004 of WM, those at 3.5 mm heads of old age .004 of GM.
FIELD_NEIGHBOUR_MM = 2.5
# Count: voxels of such a grid below which no field is estimated, 8 mL.
MIN_FIELD_VOXELS = 300
# Order of the polynomial: over scans of all contrasts the second and the fourth are worse (docs/tissue.md).
FIELD_ORDER = 3
# Weight of the prior of the field as a share of the voxels: fields of some hundredths, which anatomy could
# explain as well, are shrunk.
FIELD_PRIOR = 1.5e-4
# Variance of the log field up to which that prior is nearly a normal distribution.
MIN_FIELD_VARIANCE = 1e-3
# Iterations of EM in each round of mixture and field.
FIELD_EM_ITERATIONS = 25
# Rounds of mixture and field at the most; a scan without a field takes some five, a head coil some fifteen.
FIELD_ROUNDS = 40
# Standard deviation of the change of the log field, 0 being none, at which the rounds stop.
FIELD_TOLERANCE = 0.002
# Fall of the objective per voxel (nats) from the best round to the last at which the field of the best is
# kept; binning alone changes less.
FIELD_SLACK = 1e-3
# Standard deviation of the log field in the brain beyond which the field is that of a head coil without
# normalisation. Seventeen development scans have 0.00 to 0.20, those under the measured field of a coil 0.28
# to 0.45.
STRONG_FIELD = 0.24
# The same beyond which the template, laid over a brain with its field, is laid anew over the corrected brain:
# once, a second and a third time. Elders' WM .864 -> .876 by Dice; under the field of a coil, volumes of WM
# that were up to 19 % too large are within 3 %. Below, nothing is gained.
MISLEADING_FIELDS = (0.125, STRONG_FIELD, STRONG_FIELD)
# The same below which a scan is left as it is: a change of one per cent moves no label.
MIN_FIELD = 0.01
# The same beyond which the estimation has run away; twice that of the strongest coils.
MAX_FIELD = 1.0

# --- Markov random field --------------------------------------------------------------------------

# Iterations of the mean-field updates; more change few labels.
MEAN_FIELD_ITERATIONS = 5
# Log odds: strength at a contrast-to-noise ratio of 1; it falls with the square of the ratio. Fits the best
# strengths of simulated heads of 1, 2 and 3 mm with 1 to 9 % noise.
UNIT_STRENGTH = 30.0
# Log odds: lower bound of the strength; real tissue has texture besides noise.
MIN_STRENGTH = 1.5
# Log odds: upper bound of the strength; a stronger field blurs sulci.
MAX_STRENGTH = 3.0
# Smallest posterior that has a logarithm.
MIN_POSTERIOR = 1e-6
