"""`relext convert` and `relext export`: corpora into Docs, and Docs into other formats."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import spacy
import typer
from wasabi import msg

from spacy_relext.cli.errors import SkippedErrors, as_options, messages, reported_errors, tell, warn
from spacy_relext.cli.options import (
    DOCUMENTS_TABLE,
    LANG,
    MAX_CHARACTERS,
    MAX_RECORD,
    MAX_UNPACKED,
    META_COLUMNS,
    OVERWRITE,
    PARTITION_BY,
    SPREADSHEET_SAFE,
    chosen_limits,
    names_of,
    tokenizer_of,
)
from spacy_relext.cli.outputs import Bar
from spacy_relext.cli.tables import print_table
from spacy_relext.conversion.converting import DOCUMENTS_PER_FILE, Conversion
from spacy_relext.conversion.converting import convert as convert_files
from spacy_relext.conversion.counts import PAIRS
from spacy_relext.conversion.exporting import export as export_docs
from spacy_relext.conversion.exporting import unsupported_lines
from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.corpus import read_docs
from spacy_relext.formats.catalogue import READABLE, WRITABLE, writable
from spacy_relext.formats.limits import limited
from spacy_relext.formats.types import Document
from spacy_relext.notices import counted

# What options of formats do, which `relext extract` and `relext render` have too.
SENTENCES = "Sets sentences where documents have none: a pipeline, 'sentencizer', 'scispacy' or 'lines' (each line is one)."
LABEL_COLUMN = "doccano: the column with the labels of mentions, where it has another name."
ROLES = "Which roles of arguments are those of head and tail: Location,Bacterium. Several may be given."
EVENTS = "Which relations events become: 'roles', from trigger to argument, labelled by role; 'pairs', between arguments."
DEFAULT_LABEL = "The label of relations that have none."
ANNOTATOR = "Whose annotations are read, where several people annotated a text."
USE_PREDICTIONS = "Read what a model said, where nobody annotated a text."
UTF16_OFFSETS = "doccano: offsets count UTF-16 units, in which an emoji is two, and not characters."


def convert(
    format: str = typer.Argument(..., help=f"One of: {', '.join(READABLE)}; or one that another package adds."),
    input_path: Path = typer.Argument(..., help="File or folder; folders are searched recursively."),
    output_path: Path = typer.Argument(
        ...,
        help=f"The .spacy file to write; or a folder: of files of {DOCUMENTS_PER_FILE:,} documents, or of the parts of a corpus.",
    ),
    tokenizer: str = typer.Option(None, help="A language code, 'scispacy', or a pipeline whose tokenizer is used: 'en', if left out."),
    lang: str = LANG,
    sentences: str = typer.Option(None, help=SENTENCES),
    dev_output: Path = typer.Option(None, "--dev", help="Also write a development part, drawn by document, to this .spacy file."),
    dev_share: float = typer.Option(0.2, min=0.0, max=1.0, help="Share of the documents that go there."),
    seed: int = typer.Option(0, help="Seed of the draw."),
    labels: str = typer.Option(None, help="Labels that were annotated too, though no document here may have one: A,B."),
    text_column: str = typer.Option(None, help="The column with the text: 'text', if left out."),
    id_column: str = typer.Option(None, help="The column with the id of the document."),
    meta_columns: str = META_COLUMNS,
    label_column: str = typer.Option(None, help=LABEL_COLUMN),
    roles: list[str] = typer.Option([], metavar="HEAD,TAIL", help=ROLES),
    events: str = typer.Option(None, help=EVENTS),
    keep_negated: bool = typer.Option(False, help="Read denied relations as relations with the label NOT_<label>, not as none."),
    default_label: str = typer.Option(None, help=DEFAULT_LABEL),
    annotator: str = typer.Option(None, help=ANNOTATOR),
    use_predictions: bool = typer.Option(False, "--use-predictions", help=USE_PREDICTIONS),
    utf16_offsets: bool = typer.Option(False, "--utf16-offsets", help=UTF16_OFFSETS),
    keep_empty: bool = typer.Option(
        False, "--keep-empty", help="Annotation tools: keep texts without any mention, as texts that have none, though nobody says so."
    ),
    overwrite: bool = OVERWRITE,
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
        nlp = make_tokenizer(tokenizer_of(tokenizer, lang))
        nlp.max_length = max_characters or nlp.max_length
        report = convert_files(
            input_path,
            output_path,
            format,
            nlp=nlp,
            sentences=sentences,
            labels=names_of("--labels", labels),
            dev=dev_output,
            dev_share=dev_share,
            seed=seed,
            keep_negated=keep_negated,
            overwrite=overwrite,
            on_error=SkippedErrors(skip=skip_errors),
            progress=_progress,
            text_column=text_column,
            id_column=id_column,
            meta_columns=names_of("--meta-columns", meta_columns) or None,
            label_column=label_column,
            roles=roles,
            keep_empty=keep_empty,
            default_label=default_label,
            annotator=annotator,
            use_predictions=use_predictions,
            utf16_offsets=utf16_offsets,
            events=events,
        )
        _print_report(report)


def export(
    format: str = typer.Argument(..., help=f"One of: {', '.join(WRITABLE)}; or one that another package adds."),
    input_path: Path = typer.Argument(..., help="A .spacy file or a folder of them."),
    output_path: Path = typer.Argument(..., help="File or folder to write; - for standard output."),
    base_iri: str = typer.Option(None, help="What IRIs begin with; for rdf."),
    spans_key: str = typer.Option(
        None, help='Where other mentions are than those of doc.spans["mentions"] (or else doc.ents) and of relations.'
    ),
    spreadsheet_safe: bool = SPREADSHEET_SAFE,
    partition_by: str = PARTITION_BY,
    documents_table: bool = DOCUMENTS_TABLE,
    overwrite: bool = OVERWRITE,
):
    """Write the documents of a .spacy file, with mentions and relations, in another format."""
    with reported_errors():
        settings: dict[str, Any] = {} if base_iri is None else {"base_iri": base_iri}
        if spreadsheet_safe:
            settings["spreadsheet_safe"] = True
        if documents_table:
            settings["documents_table"] = True
        if partition_by is not None:
            settings["partition_by"] = names_of("--partition-by", partition_by)
        writable(format)
        output_path = Path("/dev/stdout") if str(output_path) == "-" else output_path
        docs = Bar(read_docs(input_path, spacy.blank("en")), desc=f"Writing {output_path}", unit=" documents")
        for line in unsupported_lines(export_docs(docs, output_path, format, spans_key=spans_key, overwrite=overwrite, **settings), format):
            warn(line)
        tell(messages.good(f"{output_path}"))


def _progress(documents: Iterable[Document], source: Path) -> Iterable[Document]:
    return Bar(documents, desc=f"Reading {source}", unit=" documents")


def _print_report(report: Conversion) -> None:
    if len(report.counts) > 1:
        columns = ("documents", "sentences", PAIRS, "relations")
        print_table(("", *columns), [(name, *(count[column] for column in columns)) for name, count in report.counts.items()])
    total: Counter[str] = report.total
    print_table(("", ""), [(as_options(name), count) for name, count in total.items() if count])
    for what, place in report.examples.items():
        msg.text(f"The first of the {as_options(what)}: {place}")
    for notice in report.notices:
        msg.warn(as_options(notice))
    for path, n_documents in report.written.items():
        msg.good(f"{path}: {counted(n_documents, 'document', 'documents')}")
    if report.errors:
        msg.warn(f"{counted(report.errors, 'document had errors and was', 'documents had errors and were')} skipped.")
