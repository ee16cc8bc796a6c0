"""What the relation extractor costs. Run from the project's folder: `python -m benchmarks --help`."""
