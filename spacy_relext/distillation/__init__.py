"""Distillation: one extractor learns from what others say of candidate pairs."""
