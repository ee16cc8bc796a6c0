"""Relation extraction for spaCy that reads the encoder's output for every token."""

__version__ = "0.1.0"
