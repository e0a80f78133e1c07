"""Models: families, search, calibration, files."""
