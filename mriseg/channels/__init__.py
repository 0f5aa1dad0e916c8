"""Further scans of a session on the grid of the first."""
