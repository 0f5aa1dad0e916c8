"""Tuned constants of the Gaussian mixture engine: unit, meaning, and what set each value.

"Limit" marks a bound on work that a normal fit does not reach; "by choice" a value that no benchmark set.
"""

from __future__ import annotations

# Machine epsilons for each dimension, as a fraction of the variance of the data: smallest variance along any
# axis of a covariance unless reg_covar sets it. Set by rounding: the variances of up to a million equal rows,
# 1.5 standard deviations off the mean, came out between 10 and 320 epsilons a dimension.
VARIANCE_ROUNDING = 512

# Relative excess over the floor up to which a component counts as being at the floor. Set by rounding.
FLOOR_TOLERANCE = 1e-9

# Fraction of the pooled variance: a component whose smallest initial variance is below it starts with the
# pooled covariance, because EM may never leave the floor. By choice.
MIN_INITIAL_VARIANCE = 1e-3

# Iterations of the inner loop of an M-step without closed form (VEI, VEE). Limit.
MAX_INNER_ITERATIONS = 500

# Relative change of the common shape at which that loop stops. By choice, with a margin: in random fits
# the log-likelihood decreased at 1e-3, and no longer at 1e-6.
INNER_TOLERANCE = 1e-12

# Sweeps of plane rotations over all pairs of axes in an M-step (EVE, VVE) that starts an EM, or stands alone.
# Limit.
MAX_ROTATION_SWEEPS = 200

# The same where an EM goes on from the axes of its last iteration: few turn them where no variance is near
# the floor; where one is, the sweeps converge so slowly that an EM of 200 each took 20 times as long. The
# deviance falls with each, so that the EM climbs all the same.
MAX_FURTHER_ROTATION_SWEEPS = 10

# Decrease of the deviance in a sweep, relative to its magnitude plus the observations, at which the sweeps
# stop. By choice, close to the rounding of a double.
ROTATION_TOLERANCE = 1e-13

# Machine epsilons times observations times the largest coefficient: how far rounding of the sums over
# observations may lower the objective of EM. Random fits of float32 data needed up to 1; the rest is margin.
ROUNDING_FACTOR = 16

# Largest coefficient of the features of standardized points up to which the log-density is their product:
# beyond it a component is a thousandth as wide as the mixture, and the product loses six digits. By choice.
MAX_PRODUCT_COEFFICIENT = 1e6

# Half of the range of a column at most, its inverse at least: squares and quotients stay doubles. Set by the
# arithmetic of doubles.
MAX_RANGE = 1e150

# Fraction of the largest weight: smaller weights count as zero, since they cannot change a sum of doubles but
# can overflow a quotient. Set by the arithmetic of doubles.
NEGLIGIBLE_WEIGHT = 1e-30

# Elements (features or components, whichever are more, times observations) of a block: 2 MB of doubles, which
# a processor's cache holds, and enough work for the threads of a matrix product. Timed between 2^16 and 2^20;
# no power of two, since columns at a distance of one share few lines of the cache.
BLOCK_ELEMENTS = 250_000

# Observations in a block at least, however many the components. By choice.
MIN_BLOCK_SIZE = 256

# Dimensions up to which the products of columns are built, whatever the components: 153 features.
# Timed against a product for each component: with 4 components even at 16, behind at 24.
MAX_FEATURE_DIMENSIONS = 16

# The same for each component, since features once built serve all. Timed: even at 50 dimensions with 16
# components, a third faster at 24 with 16, four times at 24 with 512.
MAX_FEATURE_DIMENSIONS_PER_COMPONENT = 3

# Elements (features times observations) up to which features are computed once and cached: 32 MB of doubles.
# By choice.
MAX_CACHED_ELEMENTS = 1 << 22

# Elements (centres times observations) of a block of squared distances: 32 MB of doubles. By choice.
DISTANCE_BLOCK_ELEMENTS = 1 << 22

# Observations that a hierarchical clustering in several dimensions takes at most, as a subsample: its time
# and memory grow as N squared or more. By choice.
MAX_HIERARCHICAL_POINTS = 1000

# Clusters at which a hierarchical clustering in one dimension starts at most, neighbours being pooled before:
# a tenth of a second of its heap. By choice.
MAX_LINE_CLUSTERS = 1 << 13

# Observations for each component that k-means takes at most, as a subsample. By choice.
KMEANS_POINTS_PER_COMPONENT = 100

# Iterations of Lloyd's algorithm. Limit.
MAX_KMEANS_ITERATIONS = 100

# Exponent of the step size of stepwise EM, above 1/2 and at most 1: values near 1/2 forget the initial
# parameters fastest, 1 averages noise best. By choice within the range of Cappé and Moulines (2009).
STEP_SIZE_EXPONENT = 0.6

# Added to the number of blocks in the step size of stepwise EM; damps the first steps. Liang and Klein
# (2009).
STEP_SIZE_OFFSET = 2

# Observations that the prior mean counts for in the default conjugate prior. Fraley and Raftery (2007).
DEFAULT_SHRINKAGE = 0.01

# Values, at evenly spaced ranks, between which the Pareto radius is measured at most. By choice.
MAX_PARETO_VALUES = 1024

# Quantile of the distances between values that is the Pareto radius. Ultsch (2005).
PARETO_QUANTILE = 0.18

# Bins of a histogram at least, whatever the rule of Freedman and Diaconis (1981) gives. By choice.
MIN_BINS = 10

# Bins of a histogram at most, whatever that rule gives. By choice.
MAX_BINS = 1000

# Halvings of the interval that brackets a quantile: more than the digits of a double need. Limit.
BISECTION_STEPS = 100

# Neighbour to which the distance tells clutter from clusters: more average the noise of one point, fewer see
# smaller clusters. By choice; clusters of fewer points than this are clutter.
CLUTTER_NEIGHBOUR = 12

# Iterations of EM of the rates of clutter and clusters; a guess, so not run to convergence. By choice.
CLUTTER_ITERATIONS = 50
