"""The card of a pipeline: what it is for, what it was trained on, how good it is, and what nobody has tested."""
