"""Gaussian mixtures: arrays in, arrays out; numpy and scipy only."""
