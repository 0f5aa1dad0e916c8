"""Brain-MRI tissue segmentation: CSF, GM and WM by a Gaussian mixture."""

__version__ = "0.1.0"
