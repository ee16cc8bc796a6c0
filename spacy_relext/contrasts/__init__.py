"""Contrast sets: how a model behaves where sentences differ in little and mean something else."""
