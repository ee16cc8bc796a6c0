"""`research report`: the tables of a grid of experiments, in a Markdown file."""

from pathlib import Path

import typer
from wasabi import msg

from research.grid import read_grid
from research.report import make_section, write_section
from spacy_relext.cli.errors import reported_errors
from spacy_relext.experiments.crossval import AGGREGATE
from spacy_relext.experiments.runs import find_runs
from spacy_relext.notices import counted


def report(
    runs_path: Path = typer.Argument(..., help="A folder; all runs below it are read."),
    output: Path = typer.Option(..., "--output", "-o", help="The Markdown file whose section is made anew, or added at the end."),
    grid_path: Path = typer.Option(None, "--grid", help="The grid: what is missing of it has an empty row."),
):
    """Write figures, comparisons and what is missing of a grid of experiments into a Markdown file, between two marker comments."""
    with reported_errors():
        runs = find_runs(runs_path)
        planned = [] if grid_path is None else read_grid(grid_path)
        write_section(make_section(runs, [run.labels for run in planned]), output)
        folds = [path for path, run in runs.items() if run.fold is not None]
        for folder in sorted({path.parent for path in folds if path.with_name(AGGREGATE) not in runs}):
            msg.warn(f"{folder}: a cross-validation that is not finished, and not in the report")
        msg.good(f"{output}: {counted(len(runs) - len(folds), 'run', 'runs')} of {runs_path}")
