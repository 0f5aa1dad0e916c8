"""The brain mask."""
