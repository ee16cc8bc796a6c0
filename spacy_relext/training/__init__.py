"""Training that goes on where it was stopped."""
