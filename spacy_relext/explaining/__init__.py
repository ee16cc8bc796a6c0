"""Reasons for what an extractor says of a pair, and how far they can be trusted."""
