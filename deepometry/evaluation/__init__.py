"""Scores, curves, calibration and reports of predictions: arrays in, numbers and pictures out."""
