"""Further channels: other scans of the same head, resampled to the grid of the first and bias-corrected."""
