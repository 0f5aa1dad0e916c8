"""Whether a segmentation can be trusted."""
