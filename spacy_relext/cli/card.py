"""`relext card`: the README and the meta.json of a pipeline, before it is packaged or published."""

from pathlib import Path

import typer
from wasabi import msg

from spacy_relext.card.about import About, read_about
from spacy_relext.card.writing import write_card
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, OVERWRITE, setup_gpu
from spacy_relext.cli.outputs import progress_bar


def card(
    model: Path = typer.Argument(..., help="The folder of a pipeline."),
    about: str = typer.Option(
        "", help="A YAML or JSON file with what only you can say: purpose, labels, data, citation and more. The options go before it."
    ),
    test: str = typer.Option(
        "", help="Measure on these annotated documents (.spacy), which were not trained on. Without it, what was measured before is shown."
    ),
    name: str = typer.Option("", help="The name of the package, without the language: my_relations."),
    version: str = typer.Option("", help="Its version: 1.0.0."),
    license: str = typer.Option("", help="The licence of the pipeline, as SPDX calls it: MIT, CC-BY-NC-4.0."),
    author: str = typer.Option("", help="Whose it is."),
    description: str = typer.Option("", help="What it finds, in what texts: a sentence."),
    example: str = typer.Option("", help="A text that it is shown with, as a picture."),
    component: str = typer.Option(None, help="Measure this relation extractor alone, where there are several."),
    overwrite: bool = OVERWRITE,
    gpu_id: int = GPU_ID,
):
    """Write the card of a pipeline into its folder: README.md, a picture, and the fields of meta.json that `spacy package` reads.

    It asks nothing. What was not stated or not measured stands in the card as such, and is listed here with what gives it.
    """
    with reported_errors():
        setup_gpu(gpu_id)
        given = {"name": name, "version": version, "license": license, "author": author, "description": description, "example": example}
        said = read_about(about or None)
        written = write_card(
            model,
            About(**{**vars(said), **{key: value for key, value in given.items() if value}}),
            test=test or None,
            component=component,
            overwrite=overwrite,
            progress=progress_bar(),
        )
        for line in written.missing:
            msg.warn(line)
        msg.good(f"Card in {written.readme}")
