"""Gaussian mixtures on arrays: estimation, model selection, and goodness of fit; independent of images."""

from mriseg.mixture.adaptation import BaumWelchStatistics
from mriseg.mixture.agglomeration import agglomerate
from mriseg.mixture.bayesian import BayesianGaussianMixture
from mriseg.mixture.bootstrap import BootstrappedParameters, bootstrap_parameters
from mriseg.mixture.combining import CombinedComponents, combine_components
from mriseg.mixture.density import goodness_of_fit, histogram_density, pareto_density, quantile_pairs
from mriseg.mixture.diagnostics import (
    MixtureWarning,
    NotConvergedWarning,
    NotFittedError,
    VarianceFloorWarning,
    unwarned,
)
from mriseg.mixture.discriminant import GaussianDiscriminant, MixtureDiscriminant
from mriseg.mixture.fixed import Fixed
from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.growing import grow_by_splitting
from mriseg.mixture.hierarchical import MergeTree, merge_neighbours
from mriseg.mixture.noise import NoiseMixture
from mriseg.mixture.parameters import DegenerateError, Parameters
from mriseg.mixture.plots import plot_density, plot_uncertainty
from mriseg.mixture.priors import Prior, default_prior
from mriseg.mixture.reduction import Directions, differing_directions
from mriseg.mixture.selection import bootstrap_likelihood_ratio, select_model

__all__ = [
    "BaumWelchStatistics",
    "BayesianGaussianMixture",
    "BootstrappedParameters",
    "CombinedComponents",
    "DegenerateError",
    "Directions",
    "Fixed",
    "GaussianDiscriminant",
    "GaussianMixture",
    "MergeTree",
    "MixtureDiscriminant",
    "MixtureWarning",
    "NoiseMixture",
    "NotConvergedWarning",
    "NotFittedError",
    "Parameters",
    "Prior",
    "VarianceFloorWarning",
    "agglomerate",
    "bootstrap_likelihood_ratio",
    "bootstrap_parameters",
    "combine_components",
    "default_prior",
    "differing_directions",
    "goodness_of_fit",
    "grow_by_splitting",
    "histogram_density",
    "merge_neighbours",
    "pareto_density",
    "plot_density",
    "plot_uncertainty",
    "quantile_pairs",
    "select_model",
    "unwarned",
]
