"""`research report`: the tables of a matrix of experiments, in a Markdown file."""

from pathlib import Path

import typer
from wasabi import msg

from research.matrix import read_matrix
from research.report import make_section, write_section
from spacy_relext.cli.errors import reported_errors
from spacy_relext.experiments.cells import find_cells
from spacy_relext.experiments.crossval import WHOLE


def report(
    cells_path: Path = typer.Argument(..., help="A folder; all cells below it are read."),
    output: Path = typer.Option(..., "--output", "-o", help="The Markdown file whose section is made anew, or added at the end."),
    matrix_path: Path = typer.Option(None, "--matrix", help="The matrix that is run: what is missing of it has an empty row."),
):
    """Write figures, comparisons and what is missing of a matrix of experiments into a Markdown file, between two marker comments."""
    with reported_errors():
        cells = find_cells(cells_path)
        planned = [] if matrix_path is None else read_matrix(matrix_path)
        write_section(make_section(cells, [cell.labels for cell in planned]), output)
        folds = [path for path, cell in cells.items() if cell.fold is not None]
        for folder in sorted({path.parent for path in folds if path.with_name(WHOLE) not in cells}):
            msg.warn(f"{folder}: a cross-validation that is not finished, and not in the report")
        msg.good(f"{output}: {len(cells) - len(folds):,} cells of {cells_path}")
