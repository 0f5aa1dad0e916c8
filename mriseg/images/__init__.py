"""Scans as files and as arrays: read, checked, oriented, written back."""
