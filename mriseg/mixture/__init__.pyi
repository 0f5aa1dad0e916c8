from .adaptation import BaumWelchStatistics
from .agglomeration import agglomerate
from .bayesian import BayesianGaussianMixture
from .bootstrap import BootstrappedParameters, bootstrap_parameters
from .combining import CombinedComponents, combine_components
from .density import goodness_of_fit, histogram_density, pareto_density, quantile_pairs
from .diagnostics import (
    MixtureWarning,
    NotConvergedWarning,
    NotFittedError,
    VarianceFloorWarning,
    unwarned,
)
from .discriminant import GaussianDiscriminant, MixtureDiscriminant
from .fixed import Fixed
from .gaussian import GaussianMixture
from .growing import grow_by_splitting
from .hierarchical import MergeTree, merge_neighbours
from .noise import NoiseMixture
from .parameters import DegenerateError, Parameters
from .plots import plot_density, plot_uncertainty
from .priors import Prior, default_prior
from .reduction import Directions, differing_directions
from .selection import bootstrap_likelihood_ratio, select_model

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
