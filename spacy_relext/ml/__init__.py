"""The model: contexts of candidate pairs, encoders, summaries, and the head that classifies each pair."""
