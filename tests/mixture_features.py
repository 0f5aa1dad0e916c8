"""Figures of mclust's features under tests/reference, read for the tests."""

from functools import cache

import numpy as np
from mixture_reference import rows

from mriseg.mixture import GaussianMixture


@cache
def table():
    """Return the values by what they are and the fit that they are of."""
    values = {}
    for row in rows("mclust_features.csv"):
        values.setdefault((row["what"], row["fit"]), []).append(float(row["value"]))
    return {key: np.array(series) for key, series in values.items()}


def mixture(fit):
    """Return a mixture that the table holds whole."""
    weights = table()["weights", fit]
    means = table()["means", fit].reshape(len(weights), -1)
    covariances = table()["covariances", fit].reshape(len(weights), means.shape[1], means.shape[1])
    return GaussianMixture.from_parameters(weights / weights.sum(), means, covariances)
