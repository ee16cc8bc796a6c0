"""`relext convert`: a corpus to `.spacy`; `relext export`: the way back."""

import random
from collections import Counter
from pathlib import Path

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from tqdm import tqdm
from wasabi import msg

from spacy_relext.candidates import sentence_pairs
from spacy_relext.cli.errors import SkippedErrors, reported_errors
from spacy_relext.corpus import read_docs
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats import FORMATS
from spacy_relext.formats.document import SPANS_KEY, from_doc, to_doc
from spacy_relext.relations import register_extensions

FORMAT_HELP = f"One of: {', '.join(FORMATS)}."


def convert(
    format: str = typer.Argument(..., help=FORMAT_HELP),
    input_path: Path = typer.Argument(..., help="File or folder; folders are searched recursively."),
    output_path: Path = typer.Argument(..., help="The .spacy file to write."),
    tokenizer: str = typer.Option("en", help="A language code, 'scispacy', or a pipeline whose tokenizer is used."),
    dev_output: Path = typer.Option(None, "--dev", help="Also write a development part, drawn by document, to this .spacy file."),
    dev_share: float = typer.Option(0.2, help="Share of the documents that go there."),
    seed: int = typer.Option(0, help="Seed of the draw."),
    skip_errors: bool = typer.Option(False, help="Report documents that cannot be read, leave them out, and go on."),
):
    """Convert an annotated corpus to spaCy's binary format, every mention whole tokens, and report what it holds."""
    with reported_errors():
        _check_inputs(format, input_path, output_path)
        if dev_output is not None:
            _check_dev(dev_output, output_path, dev_share)
        nlp = make_tokenizer(tokenizer)
        register_extensions()
        errors = SkippedErrors(skip=skip_errors)
        counts: Counter[str] = Counter()
        docs: list[Doc] = []
        documents = FORMATS[format].read(input_path, errors)
        for document in tqdm(documents, desc=f"Reading {input_path}", unit=" documents"):
            # Counted apart, so that a document that is skipped half-way leaves no trace in the report.
            own: Counter[str] = Counter()
            doc = errors.guard(to_doc, document, nlp, own)
            if isinstance(doc, Doc):
                docs.append(doc)
                counts.update(own)
                counts["pairs of mentions in a sentence"] += _count_pairs(doc)
        if not docs:
            raise DataError("there is no document in it.", path=input_path)
        parts = {output_path: docs}
        if dev_output is not None:
            random.Random(seed).shuffle(docs)
            if len(docs) < 2:
                raise DataError("there is only one document, which cannot be in both parts. Leave --dev out.", path=input_path)
            n_dev = min(max(1, round(len(docs) * dev_share)), len(docs) - 1)
            parts = {dev_output: docs[:n_dev], output_path: docs[n_dev:]}
        for path, part in parts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            DocBin(docs=part, store_user_data=True).to_disk(path)
        msg.table([(name, f"{count:,}") for name, count in counts.items() if count], aligns=("l", "r"))
        for path, part in parts.items():
            msg.good(f"{path}: {len(part):,} documents")
        if errors.count:
            msg.warn(f"{errors.count:,} documents had errors and were skipped.")


def export(
    format: str = typer.Argument(..., help=FORMAT_HELP),
    input_path: Path = typer.Argument(..., help="A .spacy file or a folder of them."),
    output_path: Path = typer.Argument(..., help="File or folder to write."),
):
    """Write the documents of a .spacy file, with mentions and relations, in another format."""
    with reported_errors():
        if format not in FORMATS:
            raise RelextError(f"there is no format {format!r}. {FORMAT_HELP}")
        register_extensions()
        docs = read_docs(input_path, spacy.blank("en"))
        documents = (from_doc(doc) for doc in tqdm(docs, desc=f"Writing {output_path}", unit=" documents"))
        output_path.parent.mkdir(parents=True, exist_ok=True)
        FORMATS[format].write(documents, output_path)
        msg.good(f"{output_path}")


def make_tokenizer(name: str) -> Language:
    """A pipeline for its tokenizer: of a language, of scispaCy, or of a trained pipeline."""
    if name == "scispacy":
        from scispacy.custom_tokenizer import combined_rule_tokenizer

        nlp = spacy.blank("en")
        nlp.tokenizer = combined_rule_tokenizer(nlp)
        return nlp
    try:
        return spacy.blank(name) if len(name) <= 3 else spacy.load(name)
    except (ImportError, OSError) as error:
        raise RelextError(f"there is no tokenizer {name!r}: {error}. Expected a language code, 'scispacy', or a pipeline.") from error


def _check_inputs(format: str, input_path: Path, output_path: Path) -> None:
    if format not in FORMATS:
        raise RelextError(f"there is no format {format!r}. {FORMAT_HELP}")
    if not input_path.exists():
        raise DataError("there is no such file or folder.", path=input_path)
    if output_path.suffix != ".spacy":
        raise RelextError(f"the output is {output_path}; expected a file that ends in .spacy.")


def _check_dev(dev_output: Path, output_path: Path, dev_share: float) -> None:
    if not 0 < dev_share < 1:
        raise RelextError(f"--dev-share is {dev_share}; it must lie between 0 and 1.")
    if dev_output.suffix != ".spacy" or dev_output.resolve() == output_path.resolve():
        raise RelextError(f"--dev is {dev_output}; expected a file that ends in .spacy, and another one than {output_path}.")


def _count_pairs(doc: Doc) -> int:
    if not doc.has_annotation("SENT_START"):
        return 0
    return len(sentence_pairs(ordered=False, overlapping=True)(doc, list(doc.spans[SPANS_KEY])))
