"""`research probe`: which layer of a trained encoder holds the relation, as a table, figures and a plot."""

import json
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tqdm import tqdm
from wasabi import msg

from research.plots import READS, plot_layers, require_suffix
from research.probe import annotated_data, pretrained_model, probe_encoder, require_per_pair_encoding
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID, setup_gpu
from spacy_relext.devices import device_name
from spacy_relext.evaluation import extractor_of, load_pipeline
from spacy_relext.experiments.training import checksums
from spacy_relext.extras import extra
from spacy_relext.formats.files import whole_file
from spacy_relext.versions import versions


def probe(
    model: str = typer.Argument(..., help="Name or folder of a pipeline with per-pair encoding (spacy-relext.MarkedPairClassifier.v1)."),
    train_path: Path = typer.Argument(..., help="What the probes learn from: a .spacy file or a folder of them."),
    test_path: Path = typer.Argument(..., help="What they are scored on."),
    output: Path = typer.Option(None, "--output", "-o", help="Write the figures to this JSON file."),
    plot: Path = typer.Option(None, help="Draw F by layer into this file: .svg, .png or .pdf."),
    pretrained: bool = typer.Option(False, help="Also probe the encoder as it was before the pipeline was trained."),
    sample: int = typer.Option(None, min=1, help="Learn from so many pairs, drawn from all of TRAIN_PATH. Otherwise from all."),
    seed: int = typer.Option(0, help="Of the sample, and of the training documents on which the penalty is chosen."),
    component: str = typer.Option(None, help="Which relation extractor of the pipeline, where there are several."),
    gpu_id: int = GPU_ID,
):
    """Which layer holds the relation? Train a linear classifier on [CLS], and one on head and tail, of each layer of a trained encoder."""
    with reported_errors():
        # Asked first: what takes long shall not be lost.
        extra("sklearn")
        if plot is not None:
            extra("matplotlib")
            require_suffix(plot)
        data = checksums({"train": (train_path,), "test": (test_path,)})
        setup_gpu(gpu_id)
        nlp = load_pipeline(model)
        pipe = extractor_of(nlp, model, component)
        require_per_pair_encoding(pipe)
        train, test = (annotated_data(nlp, pipe, path) for path in (train_path, test_path))
        if sample is not None:
            train = train.sampled(sample, seed=seed)
        models = {"trained": pipe.model, **({"pretrained": pretrained_model(nlp, pipe)} if pretrained else {})}
        probes: list[dict[str, Any]] = []
        for name, of_encoder in models.items():
            figures = probe_encoder(pipe, of_encoder, train, test, seed=seed, progress=tqdm)
            probes += [{"encoder": name, **of_layer} for of_layer in figures]
        _print_table(probes)
        if output is not None:
            facts = {
                "model": model,
                "data": data,
                "pairs": {"train": len(train.documents), "test": len(test.documents)},
                "seed": seed,
                "versions": versions("scikit-learn"),
                "device": device_name(gpu_id),
                "probes": probes,
            }
            with whole_file(output) as file:
                json.dump(facts, file, indent=2)
                file.write("\n")
            msg.good(f"Figures in {output}")
        if plot is not None:
            plot_layers(probes, plot)
            msg.good(f"Plot in {plot}")


def _print_table(probes: list[dict[str, Any]]) -> None:
    table = Table("encoder", "read", title="Probes, test data, annotated mentions")
    for name in ("layer", "C", "P", "R", "F"):
        table.add_column(name, justify="right")
    for probe in probes:
        figures = (f"{100 * probe[f'rel_micro_{k}']:.1f}" for k in "prf")
        # Escaped: to rich, brackets are markup.
        table.add_row(probe["encoder"], escape(READS[probe["read"]]), str(probe["layer"]), f"{probe['C']:g}", *figures)
    Console().print(table)
