"""Calibration: scores that are the probability of being right."""
