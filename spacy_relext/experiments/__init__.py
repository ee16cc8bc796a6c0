"""Experiments: trained, scored once, and kept as a JSON file each; cross-validation."""
