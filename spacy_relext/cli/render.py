"""`relext render`: relations of files, drawn as a page or as SVG files."""

from pathlib import Path
from typing import Any

import typer

from spacy_relext.cli.convert import ANNOTATOR, DEFAULT_LABEL, EVENTS, LABEL_COLUMN, ROLES, SENTENCES, USE_PREDICTIONS, UTF16_OFFSETS
from spacy_relext.cli.errors import SkippedErrors, messages, reported_errors, tell
from spacy_relext.cli.options import LANG, MAX_CHARACTERS, MAX_RECORD, MAX_UNPACKED, chosen_limits
from spacy_relext.cli.outputs import progress_bar
from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.errors import RelextError
from spacy_relext.formats.catalogue import READABLE
from spacy_relext.formats.limits import limited
from spacy_relext.notices import counted
from spacy_relext.pictures.choosing import ERRORS, RELATIONS
from spacy_relext.pictures.drawing import LIMIT, Rendering, render_files


def render(
    paths: list[str] = typer.Argument(
        ..., metavar="INPUT...", help="What extract has written; files and folders of Docs, or of a format; patterns; - for standard input."
    ),
    output: Path = typer.Option(
        None, "--output", "-o", help="The page to write, a file that ends in .html; standard output if left out. With --ascii: .txt."
    ),
    svg: Path = typer.Option(None, help="The SVG file to write, for one document; or a folder, for a file each."),
    gold: Path = typer.Option(None, help="Annotated documents, of the same ids or texts: what is right, missed and wrong is drawn."),
    only: str = typer.Option(
        None, help=f"'{RELATIONS}': documents with a relation; '{ERRORS}': documents and sentences with one that is missed or wrong."
    ),
    limit: int = typer.Option(LIMIT, min=1, help="The most documents that are drawn; how many are left out is said."),
    labels: str = typer.Option(None, help="Only relations with these labels: A,B."),
    min_score: float = typer.Option(0.0, min=0.0, max=1.0, help="Only relations with this score at least; those without a score stay."),
    symmetric_labels: str = typer.Option(None, help="Labels without a direction: no arrowheads, and right either way: A,B."),
    width: str = typer.Option(None, help="Width of the picture in pixels, or of two: 900,344. A page shows the one that fits."),
    ascii: bool = typer.Option(False, "--ascii", help="Draw text, as wide as the terminal, in the place of a page."),
    title: str = typer.Option(None, help="Title of the page; the names of the inputs if left out."),
    texts: Path = typer.Option(None, help="The texts of JSONL without texts: a file or folder with the same ids."),
    format: str = typer.Option(None, help=f"Format of the input, unless the suffix says it. One of: {', '.join(READABLE)}."),
    gold_format: str = typer.Option(None, help="Format of --gold; if left out, what its suffix says, or else --format."),
    lang: str = LANG,
    sentences: str = typer.Option(None, help=SENTENCES),
    text_column: str = typer.Option(None, help="Tables: the column with the text; 'text', if left out."),
    id_column: str = typer.Option(None, help="Tables: the column with the id of the document; if left out, 'id', if there is one."),
    label_column: str = typer.Option(None, help=LABEL_COLUMN),
    roles: list[str] = typer.Option([], metavar="HEAD,TAIL", help=ROLES),
    events: str = typer.Option(None, help=EVENTS),
    default_label: str = typer.Option(None, help=DEFAULT_LABEL),
    annotator: str = typer.Option(None, help=ANNOTATOR),
    use_predictions: bool = typer.Option(False, "--use-predictions", help=USE_PREDICTIONS),
    utf16_offsets: bool = typer.Option(False, "--utf16-offsets", help=UTF16_OFFSETS),
    skip_errors: bool = typer.Option(False, help="Report documents with errors, leave them out, and go on."),
    max_characters: int = MAX_CHARACTERS,
    max_record: float = MAX_RECORD,
    max_unpacked: float = MAX_UNPACKED,
):
    """Draw relations as a page that any browser shows, or as SVG files: text with arcs above it, without a script.

    relext render relations.jsonl --output relations.html
    """
    with reported_errors(), limited(chosen_limits(max_characters, max_record, max_unpacked)):
        nlp = make_tokenizer(lang or "en")
        nlp.max_length = max_characters or nlp.max_length
        page = Path("/dev/stdout") if output is None and svg is None else output
        report = render_files(
            paths,
            page,
            format,
            style="ascii" if ascii else "rel",
            svg=svg,
            gold=gold,
            gold_format=gold_format,
            texts=texts,
            only=only,  # type: ignore[arg-type]  # which is checked there
            limit=limit,
            title=title,
            nlp=nlp,
            sentences=sentences,
            picture=_picture(labels, symmetric_labels, min_score, width),
            on_error=SkippedErrors(skip=skip_errors),
            progress=progress_bar(task="Drawing"),
            text_column=text_column,
            id_column=id_column,
            label_column=label_column,
            roles=roles or None,
            events=events,
            default_label=default_label,
            annotator=annotator,
            use_predictions=use_predictions or None,
            utf16_offsets=utf16_offsets or None,
        )
        _tell(report, [path for path in (output, svg) if path is not None])


def _picture(labels: str | None, symmetric_labels: str | None, min_score: float, width: str | None) -> dict[str, Any]:
    """The options of the picture."""
    options: dict[str, Any] = {"min_score": min_score} if min_score else {}
    for name, given in (("labels", labels), ("symmetric_labels", symmetric_labels)):
        if given is not None:
            options[name] = [label.strip() for label in given.split(",")]
    if width is not None:
        numbers = width.split(",")
        if not 1 <= len(numbers) <= 2 or not all(number.strip().isdecimal() for number in numbers):
            raise RelextError(f"--width is {width!r}; expected a number of pixels, or two with a comma between them: 900,344.")
        widths = tuple(map(int, numbers))
        options["width"] = widths if len(widths) > 1 else widths[0]
    return options


def _tell(report: Rendering, outputs: list[Path]) -> None:
    for note in report.notes:
        tell(note)
    where = f" in {' and '.join(map(str, outputs))}" if outputs else ""
    statuses = "".join(f", {report.statuses[name]:,} {name}" for name in ("right", "missed", "wrong")) if report.statuses else ""
    relations = counted(report.relations, "relation", "relations")
    tell(messages.good(f"{relations}{statuses} in {counted(report.documents, 'document', 'documents')}{where}"))
    if report.errors:
        tell(counted(report.errors, "document or file had errors and was skipped.", "documents or files had errors and were skipped."))
