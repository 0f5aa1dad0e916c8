"""The packaged head template in MNI space: registration, tissue priors and detection of the contrast."""
