"""What other libraries find when they learn from a corpus, and how long they learn."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spacy
import typer
from spacy.tokens import Doc
from spacy.training import Example
from tqdm import tqdm

from benchmarks.speed.contenders import Contender, learners
from benchmarks.speed.environments import ENVIRONMENTS
from benchmarks.speed.measuring import WorkerError, how_it_ended, start
from benchmarks.speed.workloads import Workload, from_doc
from research.report import markdown, write_section
from spacy_relext.corpus import read_docs
from spacy_relext.formats.files import whole_file
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.relations import Relation, get_relations, register_extensions, set_relations
from spacy_relext.scorer import score_relations

BEGIN = "<!-- peers: made by `python -m benchmarks train-peers`; what is changed here is lost -->"
END = "<!-- peers: end -->"
# Beside our own models, in the place of an encoding.
OTHERS = "other libraries"
Record = dict[str, Any]


def train_peers(
    train: Path = typer.Argument(..., help="What is learned from, e.g. corpus/ddi/develop-train.spacy. Relations count without direction."),
    dev: Path = typer.Argument(..., help="Development data, scored after each epoch, e.g. corpus/ddi/dev.spacy."),
    test: Path = typer.Argument(..., help="Test data, scored once in the end, e.g. corpus/ddi/test.spacy."),
    only: list[str] = typer.Option(None, help="Which of them; all, if left out."),
    epochs: int = typer.Option(10, help="Of those that have epochs."),
    learn_rate: float = typer.Option(5e-5, help="Of those that have one."),
    batch_size: int = typer.Option(
        4, help="Sentences in an update, of those that have updates; flair's classifier has one sentence per pair."
    ),
    minutes: float = typer.Option(None, help="Of the processor, predictions after epochs included, after which flair's trainings stop."),
    seed: int = typer.Option(0, help="Of the training."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder of those that have one."),
    environments: Path = typer.Option(ENVIRONMENTS, help="Where `peers` made the environments."),
    threads: int = typer.Option(1, help="Threads of torch."),
    output: Path = typer.Option(Path("metrics/peers.json"), help="JSON of all figures; what it has of others stays."),
    page: Path = typer.Option(None, help="A Markdown file for the table, e.g. docs/results/benchmarks.md."),
):
    """Train flair's two models and Kindred on a corpus: F with annotated mentions, and the processor time of training."""
    register_extensions()
    parts = {"train": train, "development": dev, "test": test}
    docs = {part: list(read_docs(path, spacy.blank("en"))) for part, path in parts.items()}
    known = learners(encoder, environments, threads)
    if unknown := set(only or ()) - {learner.name for learner in known}:
        raise SystemExit(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(learner.name for learner in known)}.")
    settings = {"epochs": epochs, "learn_rate": learn_rate, "batch_size": batch_size, "seed": seed, "minutes": minutes}
    for learner in known:
        if only and learner.name not in only:
            continue
        if learner.missing:
            raise SystemExit(f"{learner.name}: {learner.missing}")
        record: Record = {"name": learner.name, "what": learner.what, "corpus": train.parent.name, **settings, "threads": threads}
        try:
            record |= learned(learner, docs, settings, threads)
        except WorkerError as error:
            raise SystemExit(str(error)) from error
        records = json.loads(output.read_text(encoding="utf8")) if output.exists() else []
        same = ("name", "corpus", *settings)
        records = [other for other in records if any(other.get(key) != record[key] for key in same)] + [record]
        with whole_file(output) as file:
            json.dump(records, file, indent=1)
        print(_table([record]))
        if page is not None:
            write_section(_section(records), page, begin=BEGIN, end=END)


def trained_on(path: Path, corpus: str) -> list[Record]:
    """What `train-peers` wrote of those that learned from a corpus."""
    return [record for record in json.loads(path.read_text(encoding="utf8")) if record["corpus"] == corpus]


def learned(learner: Contender, docs: dict[str, list[Doc]], settings: Record, threads: int) -> Record:
    """Have one of them learn.

    docs: Annotated Docs of "train", "development" and "test".
    RETURNS: "curve": F on the development data after each epoch, and where the training stopped, and seconds of training until then;
        "development" and "test": P, R and F in the end; "peak_mb", "versions".
    """
    curve: list[Record] = []
    development: Record = {}
    with TemporaryDirectory() as folder:
        job = dict(settings)
        for part, references in docs.items():
            workload = Workload(part, len(references), [from_doc(doc, str(i)) for i, doc in enumerate(references)])
            job[part] = str(workload.write(Path(folder)))
        for answer in tqdm(_answers(learner, job, threads, Path(folder) / "errors.log"), desc=learner.name, unit=" epochs"):
            if "test" in answer:
                test = scores(docs["test"], answer["test"])
                return {"curve": curve, "development": development, **answer, "test": test}
            development = scores(docs["development"], answer["relations"])
            seconds = {clock: round(answer[clock], 1) for clock in ("wall", "processor")}
            curve.append({"epoch": answer["epoch"], **seconds, "f": development["rel_micro_f"]})
    raise WorkerError(f"{learner.name} ended without figures of the test data.")


def scores(references: Sequence[Doc], found: Sequence[Sequence[tuple[int, int, str]]]) -> Record:
    """Micro P, R and F of found relations, as this package scores its own: without direction.

    found: For each Doc the numbers of two of its mentions, and the label.
    """
    labels = {relation.label for doc in references for relation in get_relations(doc)} | {label for of in found for *_, label in of}
    examples = []
    for reference, relations in zip(references, found, strict=True):
        predicted = reference.copy()
        mentions = predicted.spans[SPANS_KEY]
        set_relations(predicted, [Relation(mentions[head], mentions[tail], label) for head, tail, label in relations])
        examples.append(Example(predicted, reference))
    figures = score_relations(examples, symmetric_labels=labels)
    return {name: round(figures[name], 4) for name in ("rel_micro_p", "rel_micro_r", "rel_micro_f")}


def _answers(learner: Contender, job: Record, threads: int, errors: Path) -> Iterator[Record]:
    """What the process of a learner says (`benchmarks/peers/protocol.py`)."""
    with start(learner.command, threads, errors) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.close()
        except BrokenPipeError:
            pass  # its status, and what it said, say why
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise WorkerError(f"{learner.name} {how_it_ended(process, errors)}")


def _table(records: Sequence[Record]) -> str:
    header = ("", "epochs", "development F", "test P", "test R", "test F", "training, min", "memory, MB")
    return markdown(
        header,
        [
            (
                record["name"],
                f"{record['curve'][-1]['epoch']:.3g}",
                ", ".join(f"{100 * point['f']:.1f}" for point in record["curve"]),
                *(f"{100 * record['test'][name]:.1f}" for name in ("rel_micro_p", "rel_micro_r", "rel_micro_f")),
                f"{record['curve'][-1]['processor'] / 60:.1f}",
                f"{record['peak_mb']:,}",
            )
            for record in records
        ],
    )


def _section(records: Sequence[Record]) -> str:
    settings = "; ".join(
        f"{record['name']}: seed {record['seed']}, torch threads: {record['threads']}"
        + (f", learning rate {record['learn_rate']:g}, batches of {record['batch_size']}" if record["curve"][-1]["epoch"] != 1 else "")
        for record in records
    )
    versions = {f"{name} {version}" for record in records for name, version in record["versions"].items()}
    return (
        "Micro F with annotated mentions, without direction, by this package's scorer; development F after each epoch. Time is that of\n"
        f"the processor, predictions not counted. {settings}. Versions: {', '.join(sorted(versions))}.\n\n{_table(records)}"
    )
