"""Labels against the truth, segmentations against each other, and simulated scans."""
