"""`spacy_relext.render_files`: the relations of files, drawn."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.conversion.converting import Errors, error_handler, given_options
from spacy_relext.displacy.columns import in_one_line
from spacy_relext.displacy.options import NARROW, WIDE, Options
from spacy_relext.displacy.parsing import parse_rels
from spacy_relext.displacy.picture import Picture
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.docs import document_id
from spacy_relext.formats.ids import default_id
from spacy_relext.formats.reading import OnError
from spacy_relext.notices import counted, counted_name
from spacy_relext.pictures.choosing import ERRORS, RELATIONS, RIGHT_ONES, WITHOUT, Only, is_wanted, narrowed
from spacy_relext.pictures.reading import Annotation, Progress, Source, format_of_gold, take_options, texts_of
from spacy_relext.pictures.writing import page_writer, stored_pictures, svg_writer, text_writer
from spacy_relext.relations import register_extensions

# The most documents that are drawn, unless it is said otherwise: a browser shows so many at once.
LIMIT = 200
BEYOND = "documents beyond the limit"
NOT_DRAWN = {*WITHOUT.values(), RIGHT_ONES}
# As many ids are named in a message.
NAMED = 5


@dataclass
class Rendering:
    """What was drawn, and what was not.

    documents, relations: How many were drawn. statuses: Relations by what they are beside the annotation: right, missed, wrong.
    left_out: What is not in the pictures, counted. errors: How many documents had errors and were skipped.
    not_compared: The ids of documents without an annotation. not_found: Those of annotated documents without a document.
    not_read: Files of folders that have no suffix that is read without the name of a format, by their suffix.
    """

    documents: int = 0
    relations: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    not_compared: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    not_read: Counter[str] = field(default_factory=Counter)

    @property
    def notes(self) -> list[str]:
        """What was left out, and what could not be compared, in sentences."""
        found = []
        if self.left_out[BEYOND]:
            n_all = self.documents + self.left_out[BEYOND]
            found.append(f"Only the first {self.documents:,} of {n_all:,} documents: that is the limit.")
        for what, n in self.left_out.items():
            if n and what != BEYOND:
                # Names of what files say beyond a document tell themselves what became of it.
                found.append(f"{counted_name(n, what)}{': not drawn' if what in NOT_DRAWN else ''}.")
        if self.not_compared:
            n_bare = counted(len(self.not_compared), "document has no annotation, and is", "documents have no annotation, and are")
            found.append(f"{n_bare} not compared: {_named(self.not_compared)}.")
        if self.not_found:
            n_annotated = counted(len(self.not_found), "annotated document is", "annotated documents are")
            found.append(f"{n_annotated} not among those that were read: {_named(self.not_found)}.")
        if self.not_read:
            kinds = ", ".join(f"{n:,} {kind}" for kind, n in self.not_read.most_common())
            found.append(f"Files of the folders that are not read: {kinds}. If they hold annotation, name its format.")
        return found


def render_files(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    format: str | None = None,
    *,
    style: Literal["rel", "ascii"] = "rel",
    svg: str | Path | None = None,
    gold: str | Path | None = None,
    gold_format: str | None = None,
    texts: str | Path | None = None,
    only: Only | None = None,
    limit: int = LIMIT,
    title: str | None = None,
    nlp: Language | None = None,
    sentences: str | None = None,
    picture: Mapping[str, Any] | None = None,
    on_error: Errors = "raise",
    progress: Progress = lambda documents, total: documents,
    **options: object,
) -> Rendering:
    """Draw the relations of files: what `extract` has written, Docs, or any format that `convert` reads.

        render_files("relations.jsonl", "relations.html", gold="test.jsonl", only="errors")

    inputs: Files, folders and patterns, also `.spacy` files and folders of them. format: Of all of them; None: by the suffix.
    output: The page to write, a file that ends in .html. style: "ascii": text with arcs above it is written, a file that ends in .txt.
    svg: The SVG file to write, for one document; or a folder, for a file each.
    gold: The annotated documents that each is compared with: that of the same id and text, or else of the same text.
    gold_format: None: by the suffix, or else that of the inputs.
    texts: A file, or a folder, with the texts of documents of jsonl that come without, under the same ids.
    only: "relations": documents with a relation; "errors": those with a relation that is missed or wrong, and of these the sentences.
    limit: The most documents that are drawn. What is beyond is counted. title: Of the page.
    nlp: Gives the tokenizer and the language of the texts; None: English. sentences: As `read` takes it, for documents without.
    picture: The `options` of `displacy.render`; the width is two, of which a page shows the one that fits, and one for SVG.
    on_error, options: As for `read`.
    RETURNS: What was drawn, and what was not. An output that is there is replaced; a folder is not.
    RAISES: RelextError for settings that cannot be right; DataError, with file and line, for data that cannot.
    """
    register_extensions()
    _check(output, style, svg, gold, only, limit)
    paths = [str(path) for path in ([inputs] if isinstance(inputs, (str, Path)) else inputs)]
    _refuse_inputs([place for place in (output, svg) if place is not None], [*paths, *(x for x in (gold, texts) if x is not None)])
    nlp, report = nlp or spacy.blank("en"), Rendering()
    handle = error_handler(on_error)

    def count_error(error: DataError) -> None:
        handle(error)
        report.errors += 1

    source = Source(paths, format, nlp, sentences)
    annotated = Source([str(gold)], format_of_gold(gold, gold_format, format), nlp, sentences) if gold is not None else None
    take_options(given_options(**options), [source, *([annotated] if annotated else [])])
    if texts is not None:
        source.take_texts(texts_of(texts, nlp, count_error))
    chosen = {"compact": only is not None, **(picture or {})}
    drawn = _Drawing(source, Annotation(annotated, count_error) if annotated else None, only, limit, chosen, report)
    with ExitStack() as stack:
        writers = []
        if output is not None:
            two = Options.of({"width": (WIDE, NARROW), **chosen})
            page = page_writer(Path(output), title or _title(paths), two) if style == "rel" else text_writer(Path(output))
            writers.append(stack.enter_context(page))
        if svg is not None:
            writers.append(stack.enter_context(svg_writer(Path(svg), Options.of(chosen))))
        pictures = stack.enter_context(stored_pictures())
        for made in drawn.pictures(count_error, progress):
            pictures.add(made)
        report.left_out.update(source.left_out)
        for read in (source, annotated):
            if read is not None and read.inputs is not None:
                report.not_read.update(read.inputs.ignored)
        if not report.documents + report.left_out.total() + report.errors:
            raise DataError("there is no document in it.", path=", ".join(paths))
        if drawn.annotation is not None and not drawn.annotation.is_used:
            raise DataError(
                "no document of it has the id or the text of one that is drawn. Name the annotation of these documents.", path=gold
            )
        for write in writers:
            write(pictures, report.notes)
    return report


def _refuse_inputs(outputs: Sequence[str | Path], inputs: Sequence[str | Path]) -> None:
    """An output is replaced without being asked for, which an input must not be."""
    read = {Path(place).resolve() for place in inputs}
    for output in outputs:
        if Path(output).is_file() and Path(output).resolve() in read:
            raise RelextError(f"{output} is both read and written: the picture would take the place of the data. Name another output.")


class _Drawing:
    """One run of `render_files`."""

    def __init__(
        self, source: Source, annotation: Annotation | None, only: Only | None, limit: int, options: dict[str, Any], report: Rendering
    ):
        self.source, self.annotation, self.only, self.limit, self.options, self.report = source, annotation, only, limit, options, report

    def pictures(self, on_error: OnError, progress: Progress) -> Iterator[Picture]:
        """The pictures, one by one. Documents beyond the limit are counted, those that would be left out anyway among what they are."""
        report = self.report
        for number, document in enumerate(self.source.read(on_error, progress)):
            is_full = report.documents == self.limit
            if is_full and self.only is None and self.annotation is None:
                # Where lines are documents, counting them is a thousand times as quick as reading them.
                n_all = self.source.count()
                if n_all is not None:
                    report.left_out[BEYOND] = n_all - number - report.errors
                    break
                report.left_out[BEYOND] += 1
                continue
            try:
                data = self._data(self.source.doc_of(document), number)
            except DataError as error:
                on_error(error)
                continue
            if not is_wanted(data, self.only):
                report.left_out[WITHOUT[self.only]] += 1  # type: ignore[index]
            elif is_full:
                report.left_out[BEYOND] += 1
            else:
                yield self._picture(data)
        report.not_found = self.annotation.unused if self.annotation is not None else []

    def _data(self, doc: Doc, number: int) -> dict[str, Any]:
        """What is drawn of a Doc, beside its annotation, where it has one."""
        name = document_id(doc) or default_id(number)
        options = dict(self.options)
        if self.annotation is not None:
            gold = self.annotation.of(doc)
            if gold is None:
                self.report.not_compared.append(name)
            else:
                options["compare"] = gold
        data = parse_rels(doc, options)
        return {**data, "title": data["title"] or name}

    def _picture(self, data: dict[str, Any]) -> Picture:
        data = narrowed(data, self.only, self.report.left_out)
        self.report.documents += 1
        self.report.relations += len(data["rels"])
        self.report.statuses.update(rel["status"] for rel in data["rels"] if rel["status"])
        return Picture.from_dict(data)


def _check(output: object, style: str, svg: object, gold: object, only: str | None, limit: int) -> None:
    if output is None and svg is None:
        raise RelextError("there is nothing to write: name a page (`output`), or an SVG file or folder (`svg`).")
    if style not in ("rel", "ascii"):
        raise RelextError(f"`style` is {style!r}; expected 'rel' or 'ascii'.")
    if only not in (None, ERRORS, RELATIONS):
        raise RelextError(f"`only` is {only!r}; expected {ERRORS!r} or {RELATIONS!r}.")
    if only == ERRORS and gold is None:
        raise RelextError("`only='errors'`: what is an error is known beside an annotation. Name it with `gold`.")
    if limit < 1:
        raise RelextError(f"`limit` is {limit}; expected 1 or more.")


def _title(paths: list[str]) -> str:
    return f"Relations: {', '.join(Path(path).name or path for path in paths[:3])}{', …' if len(paths) > 3 else ''}"


def _named(names: list[str]) -> str:
    """Some names: a, b and 3 more."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(in_one_line(name) or "(without an id)" for name in names[:NAMED]) + more
