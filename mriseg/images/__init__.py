"""Scans as NIfTI files and as arrays: reading, checks, orientation, resampling, writing."""
