"""`research calibration`: whether calibrated scores are the probability of being right on test data, as figures and a table."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from tqdm import tqdm
from wasabi import msg

from research.calibration import N_SIMULATED, figures_of, samples_of, table_of
from research.report import write_section
from spacy_relext.cli.errors import reported_errors
from spacy_relext.errors import RelextError
from spacy_relext.experiments.training import checksums
from spacy_relext.formats.files import require_writable, whole_file
from spacy_relext.versions import versions

BEGIN, END = "<!-- calibration: begin -->", "<!-- calibration: end -->"


def calibration(
    corpus: str = typer.Argument(..., help="What the corpus is called."),
    models: list[Path] = typer.Argument(..., help="Folders of pipelines that were trained on it, one for each seed."),
    dev: Path = typer.Option(..., help="What maps are fitted to and chosen on: a .spacy file or a folder of them."),
    test: Path = typer.Option(..., help="What they are tried on, once."),
    output: Path = typer.Option(..., "--output", "-o", help="Write the figures to this JSON file."),
    table: Path = typer.Option(None, help="Make the table of all calibration-*.json beside the output anew in this Markdown file."),
    simulated: int = typer.Option(N_SIMULATED, min=20, help="Perfectly calibrated models that are simulated."),
    seed: int = typer.Option(0, help="Of the simulation, of the parts of the development data, and of the intervals."),
    component: str = typer.Option(None, help="Which relation extractor of the pipelines, where there are several."),
):
    """Are calibrated scores the probability of being right? Calibration error beside the band of perfectly calibrated models, losses, risk.

    The pipelines stay as they are.
    """
    with reported_errors():
        for path in (output, *([table] if table is not None else [])):
            require_writable(path)
        if table is not None and not output.match("calibration-*.json"):
            raise RelextError(f"the table is made of the files calibration-*.json, and the output is {output}.")
        data = checksums({"dev": (dev,), "test": (test,)})
        runs = {}
        for model in models:
            samples, threshold = samples_of(str(model), {"dev": dev, "test": test}, component, _bar)
            figures = figures_of(samples["dev"], samples["test"], n_simulated=simulated, seed=seed, progress=_bar)
            runs[_name(model)] = {"model": str(model), "threshold": threshold, **figures}
        found = {"corpus": corpus, "data": data, "versions": versions(), "runs": runs}
        with whole_file(output) as file:
            file.write(json.dumps(found, indent=1) + "\n")
        msg.good(f"Figures in {output}")
        typer.echo(table_of([found]))
        if table is not None:
            files = sorted(output.parent.glob("calibration-*.json"))
            write_section(table_of([json.loads(file.read_text(encoding="utf8")) for file in files]), table, begin=BEGIN, end=END)
            msg.good(f"Table in {table}")


def _name(model: Path) -> str:
    """`spacy train` makes two folders in that of a run."""
    return model.parent.name if model.name in ("model-best", "model-last") else model.name


def _bar(items: Iterable[Any], total: int, task: str) -> Iterable[Any]:
    return tqdm(items, total=total, desc=task)
