"""`relext convert`: a corpus to `.spacy`; `relext export`: the way back."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from tqdm import tqdm
from wasabi import msg

from spacy_relext.biomed import TOKENIZER
from spacy_relext.cli.counts import PAIRS, losses, pair_counts
from spacy_relext.cli.errors import SkippedErrors, messages, reported_errors, tell
from spacy_relext.cli.limits import MAX_CHARACTERS, MAX_RECORD, MAX_UNPACKED, SPREADSHEET_SAFE, chosen_limits
from spacy_relext.cli.sentences import Splitter, make_splitter
from spacy_relext.corpus import read_docs
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats import FORMATS
from spacy_relext.formats.document import AnnotatedDocument, document_id, from_doc, to_doc
from spacy_relext.formats.files import whole_path
from spacy_relext.formats.limits import limited
from spacy_relext.relations import annotated_labels, has_relations, register_extensions, set_annotated_labels

READABLE, WRITABLE = ([name for name, module in FORMATS.items() if hasattr(module, verb)] for verb in ("read", "write"))


def convert(
    format: str = typer.Argument(..., help=f"One of: {', '.join(READABLE)}."),
    input_path: Path = typer.Argument(..., help="File or folder; folders are searched recursively."),
    output_path: Path = typer.Argument(..., help="The .spacy file to write; for a corpus in parts (aimed: its folds), a folder of them."),
    tokenizer: str = typer.Option("en", help="A language code, 'scispacy', or a pipeline whose tokenizer is used."),
    sentences: str = typer.Option(None, help="Sets sentences where documents have none: a pipeline, 'sentencizer' or 'scispacy'."),
    dev_output: Path = typer.Option(None, "--dev", help="Also write a development part, drawn by document, to this .spacy file."),
    dev_share: float = typer.Option(0.2, help="Share of the documents that go there."),
    seed: int = typer.Option(0, help="Seed of the draw."),
    labels: str = typer.Option(None, help="Labels that were annotated too, though no document here may have one: A,B."),
    skip_errors: bool = typer.Option(False, help="Report documents that cannot be read, leave them out, and go on."),
    max_characters: int = MAX_CHARACTERS,
    max_record: float = MAX_RECORD,
    max_unpacked: float = MAX_UNPACKED,
):
    """Convert an annotated corpus to spaCy's binary format, every mention whole tokens, and report what it holds.

    Each document says which labels it is annotated for: all that occur in the input, and --labels. In a pipeline of several extractors it
    teaches those that have these labels. Give --labels for a part that is converted alone and has no relation of a rare label.
    """
    with reported_errors(), limited(chosen_limits(max_characters, max_record, max_unpacked)):
        sources = _sources(format, input_path, output_path)
        if dev_output is not None:
            _check_dev(dev_output, output_path, dev_share, sources)
        nlp = make_tokenizer(tokenizer)
        nlp.max_length = max_characters or nlp.max_length
        split = make_splitter(sentences, nlp) if sentences is not None else None
        register_extensions()
        errors = SkippedErrors(skip=skip_errors)
        occurring = _named(labels)
        parts: dict[Path, list[Doc]] = {}
        counts: dict[Path, Counter[str]] = {}
        for path, source in sources.items():
            parts[path], counts[path] = _read_part(format, source, nlp, split, errors, occurring)
        _check_disjoint(parts)
        _tell_labels(parts, _annotated_for(format, occurring))
        if dev_output is not None:
            docs = parts[output_path]
            random.Random(seed).shuffle(docs)
            if len(docs) < 2:
                raise DataError("there is only one document, which cannot be in both parts. Leave --dev out.", path=input_path)
            n_dev = min(max(1, round(len(docs) * dev_share)), len(docs) - 1)
            parts = {dev_output: docs[:n_dev], output_path: docs[n_dev:]}
        for path, part in parts.items():
            with whole_path(path) as made:
                DocBin(docs=part, store_user_data=True).to_disk(made)
        _report(counts)
        for path, part in parts.items():
            msg.good(f"{path}: {len(part):,} documents")
        if errors.count:
            msg.warn(f"{errors.count:,} documents had errors and were skipped.")


def export(
    format: str = typer.Argument(..., help=f"One of: {', '.join(WRITABLE)}."),
    input_path: Path = typer.Argument(..., help="A .spacy file or a folder of them."),
    output_path: Path = typer.Argument(..., help="File or folder to write."),
    base_iri: str = typer.Option(None, help="What IRIs begin with; for rdf."),
    spans_key: str = typer.Option(
        None, help='Where other mentions are than those of doc.spans["mentions"] (or else doc.ents) and of relations.'
    ),
    spreadsheet_safe: bool = SPREADSHEET_SAFE,
):
    """Write the documents of a .spacy file, with mentions and relations, in another format."""
    with reported_errors():
        if format not in FORMATS:
            raise RelextError(f"there is no format {format!r}. One of: {', '.join(WRITABLE)}.")
        if format not in WRITABLE:
            raise RelextError(f"the format {format!r} is read, and not written. Export to one of: {', '.join(WRITABLE)}.")
        if base_iri is not None and format != "rdf":
            raise RelextError(f"--base-iri is for rdf, and the format is {format}. Leave it out.")
        if spreadsheet_safe and format != "csv":
            raise RelextError(f"--spreadsheet-safe is for csv, and the format is {format}. Leave it out.")
        register_extensions()
        docs = read_docs(input_path, spacy.blank("en"))
        annotated: set[frozenset[str] | None] = set()
        documents = _annotated(tqdm(docs, desc=f"Writing {output_path}", unit=" documents"), spans_key, annotated)
        settings: dict[str, Any] = {} if base_iri is None else {"base_iri": base_iri}
        if spreadsheet_safe:
            settings["spreadsheet_safe"] = True
        lost = FORMATS[format].write(documents, output_path, **settings)
        for line in losses(lost, format):
            tell(messages.warn(line))
        if len(annotated) > 1 and format != "jsonl":
            # Where all are annotated for the same, `convert` will find so again.
            tell(messages.warn(f"Documents are annotated for different labels, {_sets(annotated)}: not in {format}. jsonl has it."))
        tell(messages.good(f"{output_path}"))


def _sets(annotated: set[frozenset[str] | None]) -> str:
    return " and ".join(sorted("all" if labels is None else "/".join(sorted(labels)) for labels in annotated))


def _annotated(docs: Iterable[Doc], spans_key: str | None, annotated: set[frozenset[str] | None]) -> Iterator[AnnotatedDocument]:
    """annotated: Is added to: the labels that documents with relation annotation are annotated for."""
    groups: set[str] = set()
    for doc in docs:
        groups.update(doc.spans)
        if has_relations(doc):
            annotated.add(annotated_labels(doc))
        yield from_doc(doc, doc.spans.get(spans_key, ()) if spans_key is not None else ())
    if spans_key is not None and spans_key not in groups:
        there = f"there are {', '.join(sorted(groups))}" if groups else "there are none"
        raise RelextError(f"--spans-key is {spans_key!r}, and no document has spans of this name; {there}.")


def make_tokenizer(name: str) -> Language:
    """A pipeline for its tokenizer: of a language, of scispaCy, or of a trained pipeline."""
    if name == "scispacy":
        return spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": TOKENIZER}}})
    try:
        return spacy.blank(name) if len(name) <= 3 else spacy.load(name)
    except (ImportError, OSError) as error:
        raise RelextError(f"there is no tokenizer {name!r}: {error}. Expected a language code, 'scispacy', or a pipeline.") from error


def _sources(format: str, input_path: Path, output_path: Path) -> dict[Path, Path]:
    """The files to write, and the file or folder that each is made of."""
    if format not in FORMATS:
        raise RelextError(f"there is no format {format!r}. One of: {', '.join(READABLE)}.")
    if format not in READABLE:
        raise RelextError(f"the format {format!r} is written, and not read. Convert one of: {', '.join(READABLE)}.")
    if not input_path.exists():
        raise DataError("there is no such file or folder.", path=input_path)
    if input_path.is_dir() and hasattr(FORMATS[format], "parts"):
        if output_path.suffix == ".spacy" or output_path.is_file():
            raise RelextError(f"the output is {output_path}; expected a folder, for {format} comes in parts that are written apart.")
        return {output_path / f"{name}.spacy": source for name, source in FORMATS[format].parts(input_path).items()}
    if output_path.suffix != ".spacy":
        raise RelextError(f"the output is {output_path}; expected a file that ends in .spacy.")
    return {output_path: input_path}


def _check_dev(dev_output: Path, output_path: Path, dev_share: float, sources: dict[Path, Path]) -> None:
    if output_path not in sources:
        raise RelextError("--dev draws documents from a corpus in one part, and this one has parts of its own. Leave --dev out.")
    if not 0 < dev_share < 1:
        raise RelextError(f"--dev-share is {dev_share}; it must lie between 0 and 1.")
    if dev_output.suffix != ".spacy" or dev_output.resolve() == output_path.resolve():
        raise RelextError(f"--dev is {dev_output}; expected a file that ends in .spacy, and another one than {output_path}.")


def _named(labels: str | None) -> set[str]:
    """The labels of the option."""
    named = [label.strip() for label in labels.split(",")] if labels is not None else []
    if "" in named:
        raise RelextError(f"--labels is {labels!r}; expected names with a comma between them: A,B.")
    return set(named)


def _annotated_for(format: str, occurring: set[str]) -> set[str]:
    """The labels that the documents are annotated for, if they do not say so themselves."""
    of_corpus = set(getattr(FORMATS[format], "LABELS", ()))
    # Files in the format of a corpus may be of another one.
    return of_corpus if occurring <= of_corpus else occurring


def _tell_labels(parts: dict[Path, list[Doc]], labels: set[str]) -> None:
    """Write into each document which labels it is annotated for, unless it says so itself."""
    for doc in (doc for docs in parts.values() for doc in docs):
        if labels and has_relations(doc) and annotated_labels(doc) is None:
            set_annotated_labels(doc, labels)


def _read_part(
    format: str, source: Path, nlp: Language, split: Splitter | None, errors: SkippedErrors, labels: set[str]
) -> tuple[list[Doc], Counter[str]]:
    """The Docs of a file or folder, and what they hold.

    labels: Is added to: the labels of documents that do not say which labels they are annotated for.
    """
    counts: Counter[str] = Counter()
    docs: list[Doc] = []
    module = FORMATS[format]
    documents = module.read(source, errors, counts) if getattr(module, "COUNTS", False) else module.read(source, errors)
    for document in tqdm(documents, desc=f"Reading {source}", unit=" documents"):
        # Counted apart, so that a document that is skipped half-way leaves no trace in the report.
        own: Counter[str] = Counter()
        doc = errors.guard(_make_doc, document, nlp, split, own)
        if isinstance(doc, Doc):
            docs.append(doc)
            counts.update(own)
            labels.update(document.labels if document.annotated_labels is None else ())
    if not docs:
        raise DataError("there is no document in it.", path=source)
    counts.update(pair_counts(docs))
    return docs, counts


def _make_doc(document: AnnotatedDocument, nlp: Language, split: Splitter | None, counts: Counter[str]) -> Doc:
    if document.sentences is None and split is not None:
        document.sentences = split(document)
    return to_doc(document, nlp, counts)


def _check_disjoint(parts: dict[Path, list[Doc]]) -> None:
    """Models are trained on some parts and scored on others: a document in two of them would flatter them."""
    if len(parts) > 1:
        places: dict[str, Path] = {}
        for path, docs in parts.items():
            for name in map(document_id, docs):
                other = places.setdefault(name, path)
                if other != path:
                    raise RelextError(f"the document {name!r} is in {other.stem} and in {path.stem}; expected parts that share none.")


def _report(counts: dict[Path, Counter[str]]) -> None:
    if len(counts) > 1:
        columns = ("documents", "sentences", PAIRS, "relations")
        rows = [(path.stem, *(f"{count[column]:,}" for column in columns)) for path, count in counts.items()]
        msg.table(rows, header=("", *columns), aligns=("l", *"r" * len(columns)), max_col=60)
    total = sum(counts.values(), Counter[str]())
    msg.table([(name, f"{count:,}") for name, count in total.items() if count], aligns=("l", "r"), max_col=60)
