"""A matrix of experiments (corpus × view × summary × seed): run cell by cell, resumable, and reported."""
