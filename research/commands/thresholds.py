"""`research thresholds`: how often the guarantee of a threshold holds, simulated and on halves of test documents."""

from pathlib import Path

import typer

from research.thresholds import LAWS, half_splits, label_splits, simulate
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.outputs import Bar, progress_bar, write_figures
from spacy_relext.cli.tables import print_table
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import extractor_of, load_pipeline
from spacy_relext.thresholds.tuning import score_documents


def thresholds(
    models: list[Path] = typer.Argument(None, help="Trained pipelines, for half splits; none: simulated documents."),
    test: Path = typer.Option(None, help="Annotated documents that they have not seen, which are halved."),
    target: list[float] = typer.Option([], help="Target precision; 0.8 and 0.9 if left out. Repeatable.", show_default=False),
    confidence: float = typer.Option(0.9, min=0.5, max=1.0, help="The confidence."),
    documents: list[int] = typer.Option([100, 200], help="Of simulated documents, how many a threshold is chosen on. Repeatable."),
    draws: int = typer.Option(None, min=1, help="How many samples, or half splits, of each; 500 or 100 if left out."),
    per_label: bool = typer.Option(False, "--per-label", help="With models: F with a threshold for each label, and with one for all."),
    seed: int = typer.Option(0, help="Of the draws."),
    output: Path = typer.Option(None, "--output", "-o", help="Write the figures to this JSON file."),
):
    """How often a threshold with a guarantee has the precision that it promises.

    Without models, on simulated documents whose true precision is known. With them, on one half of test documents after it was chosen on
    the other.
    """
    with reported_errors():
        if bool(models) != (test is not None):
            raise RelextError("half splits need both: trained pipelines, and --test with documents that they have not seen.")
        if per_label and not models:
            raise RelextError("--per-label is about trained pipelines; name them, and --test.")
        if per_label and target:
            raise RelextError("--per-label chooses for F, and has no --target. Leave one of the two out.")
        target = target or [0.8, 0.9]
        rows = []
        draws = draws or (100 if models else 500)
        if models:
            for model in models:
                nlp = load_pipeline(str(model))
                references = list(read_docs(test, nlp))
                scored = score_documents(
                    nlp,
                    extractor_of(nlp, str(model)),
                    references,
                    progress=progress_bar(),
                )
                if per_label:
                    rows.append({"model": str(model), **label_splits(scored, draws, seed)})
                else:
                    rows += [{"model": str(model), "target": t, **half_splits(scored, t, confidence, draws, seed)} for t in target]
        else:
            cells = [(law, n, t) for law in LAWS for n in documents for t in target]
            for law, n, t in Bar(cells, desc="Simulating", unit=" laws"):
                rows.append(simulate(law, n, t, confidence, draws, seed))
        shown = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
        print_table(list(rows[0]), shown, figures=1)
        write_figures(output, {"confidence": confidence, "seed": seed, "draws": draws, "rows": rows}, data=test)
