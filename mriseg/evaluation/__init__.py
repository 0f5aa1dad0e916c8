"""Evaluation: agreement with a ground truth, comparison of segmentations, simulated scans."""
