"""What the figures of docs/results.md are made with: experiments in a grid, their report, and what a trained model looks at."""
