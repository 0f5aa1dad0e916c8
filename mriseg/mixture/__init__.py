"""Gaussian mixtures on arrays: fit, select, and judge them; nothing here knows of images."""

from mriseg.mixture.gaussian import GaussianMixture
from mriseg.mixture.parameters import DegenerateError, Parameters
from mriseg.mixture.priors import Fixed, Prior

__all__ = ["DegenerateError", "Fixed", "GaussianMixture", "Parameters", "Prior"]
