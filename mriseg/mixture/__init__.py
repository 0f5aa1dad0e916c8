"""Gaussian mixtures on arrays: estimation, model selection, and goodness of fit; independent of images."""

import lazy_loader

# A segmentation needs a few of these modules: each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
