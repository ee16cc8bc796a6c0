"""`python -m research`: experiments in a grid (corpus, encoding, summary, seed) and their report; what a trained model looks at.

Run in the root of the repository. It is no part of the package that is installed.
"""

import os
from pathlib import Path

import typer

from research.commands.calibration import calibration
from research.commands.config_comments import config_comments
from research.commands.contrast_set import contrast_set
from research.commands.experiment import experiment
from research.commands.grid import grid
from research.commands.keywords import keywords
from research.commands.probe import probe
from research.commands.report import report
from research.commands.thresholds import thresholds
from spacy_relext.callbacks import keep_to_itself

EXPERIMENTS, MODELS = "Experiments", "Trained models"

app = typer.Typer(name="research", no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def prepare(
    directory: Path = typer.Option(None, "--directory", "-C", exists=True, file_okay=False, help="Work in this folder, as git -C does."),
) -> None:
    """Set the process up as the commands of relext do."""
    keep_to_itself()
    if directory is not None:
        os.chdir(directory)


for trained in (experiment, grid):
    # Other options are settings of the config, as in `spacy train`.
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(no_args_is_help=True, rich_help_panel=EXPERIMENTS, context_settings=settings)(trained)
app.command(no_args_is_help=True, rich_help_panel=EXPERIMENTS)(report)
for written in (config_comments, contrast_set):
    app.command(rich_help_panel=EXPERIMENTS)(written)
for shown in (keywords, probe, calibration):
    app.command(no_args_is_help=True, rich_help_panel=MODELS)(shown)

# It does something without any argument.
app.command(rich_help_panel=MODELS)(thresholds)

if __name__ == "__main__":
    app()
