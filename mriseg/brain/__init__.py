"""Brain extraction: the brain mask of a whole head or of a stripped scan, and checks of its plausibility."""
