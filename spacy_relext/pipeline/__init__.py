"""The component, and what it is made of: candidate pairs, gold labels, decoding, checks."""
