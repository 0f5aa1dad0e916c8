"""The packaged head in MNI space, and its way to a scan."""
