"""From files to Docs, one by one, and to `.spacy` files."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_relext.candidates import has_sentences
from spacy_relext.conversion.counts import PairCounts
from spacy_relext.conversion.languages import LanguageCheck
from spacy_relext.conversion.sentences import Splitter, make_splitter
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.catalogue import Format, by_suffix, formats, readable
from spacy_relext.formats.denials import is_denial, with_negated
from spacy_relext.formats.docs import document_id, is_left_out, to_doc
from spacy_relext.formats.files import refuse_existing, target_of, whole_folder, whole_path
from spacy_relext.formats.reading import OnError, Options, Reading, listed, raise_error
from spacy_relext.formats.roles import RolesError
from spacy_relext.formats.types import Document
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.notices import counted, logger
from spacy_relext.relations import annotated_labels, has_relations, register_extensions, set_annotated_labels

# Documents of a file where a folder of them is written: spaCy's readers take folders, and read a file as a whole.
DOCUMENTS_PER_FILE = 2000
FILE = "part-{:05d}.spacy"
# What becomes of a document with an error: raised; left out and told by a warning; or as a function says.
Errors = Literal["raise", "skip"] | OnError
# What a text without any mention is, in the format of an annotation tool that does not say that its annotation is finished.
NOT_ANNOTATED = "documents without any mention, left out (`keep_empty`)"
# More sentences than one in so many, and each line is rather one.
OVER_LINES, ONE_IN = "sentences that run over line ends", 5
# Shows how documents come: given them, and where they are from.
Progress = Callable[[Iterable[Document], Path], Iterable[Document]]


@dataclass
class Conversion:
    """What a conversion has found and left out.

    counts: What each part holds, and what was left out of it, by the name of the part. `total` is their sum.
    examples: For what was left out, where the first of its kind stands.
    written: How many documents each file has. errors: How many were left out because something was wrong in them.
    notices: What is to be known of the texts, in sentences.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    written: dict[Path, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    errors: int = 0

    @property
    def total(self) -> Counter[str]:
        """The counts of all parts."""
        return sum(self.counts.values(), Counter[str]())


def read(
    path: str | Path,
    format: str | None = None,
    *,
    nlp: Language | None = None,
    sentences: str | None = None,
    keep_negated: bool = False,
    on_error: Errors = "raise",
    counts: Counter[str] | None = None,
    **options: object,
) -> Iterator[Doc]:
    """The documents of a file, or of all files of a folder that have the format, as Docs with mentions, sentences and relations.

    format: A name of the catalogue; None: by the suffix, where only one format has it.
    nlp: Gives the tokenizer; None: that of English. sentences: As `relext convert --sentences` takes it, for documents without.
    keep_negated: Read denied relations as relations whose labels say so: NOT_RAISES.
    on_error: "raise"; "skip": leave out documents with errors, each with a warning; or a function, which is given the error.
    counts: Is added to: what was read, and what was left out that is no error. None: what was left out is told by a warning at the end.
    options: Those of the format, as `Options` has them: text_column="abstract".
    RAISES: RelextError for options that do not fit, DataError, with file and line, for data that cannot be right.
    """
    register_extensions()
    source, nlp = Path(path), nlp or spacy.blank("en")
    chosen = format_of(source, format)
    reading = Reading(error_handler(on_error), options=make_options(chosen, **options))
    split = make_splitter(sentences, nlp) if sentences is not None else None
    found: Counter[str] = Counter()
    yield from _docs(chosen, source, reading, nlp, split, found, keep_negated=keep_negated)
    if counts is not None:
        counts.update(found + reading.counts)
        return
    left_out = reading.counts + Counter({what: count for what, count in found.items() if is_left_out(what)})
    if left_out:
        logger.warning("%s: not held, or left out: %s.", source, listed(left_out))


def convert(
    path: str | Path,
    output: str | Path,
    format: str | None = None,
    *,
    nlp: Language | None = None,
    sentences: str | None = None,
    labels: Iterable[str] = (),
    dev: str | Path | None = None,
    dev_share: float = 0.2,
    seed: int = 0,
    keep_negated: bool = False,
    on_error: Errors = "raise",
    documents_per_file: int = DOCUMENTS_PER_FILE,
    overwrite: bool = False,
    progress: Progress = lambda documents, source: documents,
    **options: object,
) -> Conversion:
    """Convert a file or folder to a `.spacy` file, or to a folder of such files, in memory that does not grow with them.

    output: A file that ends in .spacy; else a folder, with a file per `documents_per_file` documents or, for a corpus in parts, per part.
    labels: What was annotated beside the labels that occur. Each document says which labels it is annotated for, unless the format does.
    overwrite: Replace files that are there. A folder that holds something is never replaced.
    dev: A `.spacy` file as well, to which `dev_share` of the documents go, drawn with `seed`.
    For the rest see `read`.
    RETURNS: What was found, left out and written.
    """
    register_extensions()
    source, target, nlp = Path(path), Path(output), nlp or spacy.blank("en")
    chosen = format_of(source, format)
    if not source.exists():
        raise DataError("there is no such file or folder.", path=source)
    if str(output) == "-" or (target.suffix != ".spacy" and target_of(target).is_stream):
        raise RelextError(
            f"the output is {output}, and Docs are binary files. Name a file that ends in .spacy, or a folder; `relext export` writes "
            "texts to standard output."
        )
    in_parts = chosen.parts and source.is_dir()
    is_file = target.suffix == ".spacy"
    if in_parts and (is_file or target.is_file()):
        raise RelextError(f"the output is {target}; expected a folder, for {chosen.name} comes in parts that are written apart.")
    if not is_file and target.is_file():
        raise RelextError(f"the output is {target}; expected a file that ends in .spacy, or a folder.")
    if dev is not None:
        _check_dev(Path(dev), target, dev_share, one_file=is_file)
    parts = {target / f"{name}.spacy": part for name, part in chosen.find_parts(source).items()} if in_parts else {target: source}
    if in_parts or is_file:
        for file in (*parts, *([] if dev is None else [Path(dev)])):
            refuse_existing(file, overwrite=overwrite)
    made = _Run(chosen, make_options(chosen, **options), nlp, error_handler(on_error), progress)
    made.split = make_splitter(sentences, nlp) if sentences is not None else None
    made.keep_negated = keep_negated
    made.occurring |= set(labels)
    if in_parts:
        made.to_files(parts)
    elif not is_file:
        made.to_folder(source, target, documents_per_file)
    else:
        made.to_files(parts, None if dev is None else Path(dev), dev_share, seed)
    return made.report


class _Run:
    """One run of `convert`."""

    def __init__(self, format: Format, options: Options, nlp: Language, on_error: OnError, progress: Progress):
        self.format, self.options, self.nlp, self.progress = format, options, nlp, progress
        self.split: Splitter | None = None
        self.keep_negated = False
        self.report = Conversion()
        # The labels of documents that do not say which labels they are annotated for, and those that are given.
        self.occurring: set[str] = set()
        self._on_error = on_error

    def to_files(self, sources: dict[Path, Path], dev: Path | None = None, dev_share: float = 0.0, seed: int = 0) -> None:
        """A file per part; of one part, a share of the documents as a development part."""
        parts = {path: list(self._read(path.stem, source)) for path, source in sources.items()}
        _check_disjoint(parts)
        for docs in parts.values():
            for doc in docs:
                self._tell_labels(doc)
        if dev is not None:
            [(output, docs)] = parts.items()
            if len(docs) < 2:
                raise DataError("there is only one document, which cannot be in both parts. Leave `dev` out.", path=sources[output])
            random.Random(seed).shuffle(docs)
            n_dev = min(max(1, round(len(docs) * dev_share)), len(docs) - 1)
            parts = {dev: docs[:n_dev], output: docs[n_dev:]}
        for path, docs in parts.items():
            with whole_path(path) as made:
                DocBin(docs=docs, store_user_data=True).to_disk(made)
            self.report.written[path] = len(docs)

    def to_folder(self, source: Path, target: Path, documents_per_file: int) -> None:
        """Files of so many documents, which are read again where it is known at the end only what they are annotated for."""
        with whole_folder(target) as folder:
            files: list[Path] = []
            found = self._read(target.name, source)
            while self._write_some(found, folder / FILE.format(len(files)), target, documents_per_file):
                files.append(folder / FILE.format(len(files)))
            for file in files:
                self._rewrite(file)

    def _write_some(self, found: Iterator[Doc], file: Path, target: Path, most: int) -> bool:
        """Write the next documents to a file. What the vocabulary learns from them is forgotten. RETURNS: whether there were any."""
        with self.nlp.memory_zone():
            docs = list(islice(found, most))
            if docs:
                DocBin(docs=docs, store_user_data=True).to_disk(file)
                self.report.written[target / file.name] = len(docs)
            return bool(docs)

    def _rewrite(self, file: Path) -> None:
        with self.nlp.memory_zone():
            docs = list(DocBin().from_disk(file).get_docs(self.nlp.vocab))
            # A list: all are to be asked.
            if any([self._tell_labels(doc) for doc in docs]):
                DocBin(docs=docs, store_user_data=True).to_disk(file)

    def _read(self, name: str, source: Path) -> Iterator[Doc]:
        reading = Reading(self._report_error, options=self.options)
        counts = self.report.counts.setdefault(name, Counter())
        pairs, language = PairCounts(), LanguageCheck(self.nlp)
        n_docs = n_bare = 0
        found = _docs(
            self.format, source, reading, self.nlp, self.split, counts, self.occurring, self.progress, keep_negated=self.keep_negated
        )
        for doc in found:
            n_docs += 1
            n_bare += bool(doc.spans[SPANS_KEY]) and not has_sentences(doc)
            pairs.add(doc)
            language.add(doc)
            yield doc
        counts.update(reading.counts)
        self.report.examples = {**reading.examples, **self.report.examples}
        if not n_docs:
            left_out = f" Left out: {listed(reading.counts)}." if +reading.counts else ""
            skipped = f" {counted(self.report.errors, 'document', 'documents')} had errors." if self.report.errors else ""
            raise DataError(f"there is no document in it.{skipped}{left_out}", path=source)
        counts.update(pairs.total())
        self.report.notices += filter(None, [language.message(), _bare_notice(n_bare, n_docs), _lines_notice(counts)])

    def _report_error(self, error: DataError) -> None:
        self._on_error(error)
        self.report.errors += 1

    def _tell_labels(self, doc: Doc) -> bool:
        """Write into a document which labels it is annotated for, unless it says so itself. Whether it did."""
        labels = set(self.format.labels)
        # Files in the format of a corpus may be of another one.
        labels = labels if self.occurring <= labels else self.occurring
        if not labels or not has_relations(doc) or annotated_labels(doc) is not None:
            return False
        set_annotated_labels(doc, labels)
        return True


def _docs(
    format: Format,
    source: Path,
    reading: Reading,
    nlp: Language,
    split: Splitter | None,
    counts: Counter[str],
    labels: set[str] | None = None,
    progress: Progress = lambda documents, source: documents,
    *,
    keep_negated: bool = False,
) -> Iterator[Doc]:
    """The Docs of a file or folder. counts, labels: Are added to, but for documents with errors."""
    for document in progress(format.read(source, reading), source):
        # Counted apart, so that a document that is skipped half-way leaves no trace in the report.
        own: Counter[str] = Counter()
        if format.is_tool and not (document.mentions or document.mentions_given or reading.options.keep_empty):
            # A model would learn from it that there are none.
            reading.leave_out(NOT_ANNOTATED, document.place)
            continue
        try:
            if document.sentences is None and split is not None:
                document.sentences = split(document)
                own[OVER_LINES] = sum("\n" in document.text[start:end].strip() for start, end in document.sentences)
            # After that, for what follows from relations between concepts depends on the sentences.
            document = with_negated(document) if keep_negated else document
            doc = to_doc(document, nlp, own)
        except DataError as error:
            reading.on_error(error)
            continue
        counts.update(own)
        reading.examples = {**document.examples, **reading.examples}
        if labels is not None and document.annotated_labels is None:
            labels.update(label for label in document.labels if not is_denial(label))
        yield doc


def format_of(path: Path, name: str | None) -> Format:
    """The format of a name, or of a suffix. RAISES: RelextError where there is none that is read, or where the suffix leaves it open."""
    if name is not None:
        return readable(name)
    found = by_suffix(path.suffix.lower())
    if found is None:
        known = ", ".join(suffix for made in formats() if made.reads for suffix in made.own_suffixes)
        what = "a folder" if path.is_dir() else f"the suffix {path.suffix!r}"
        raise RelextError(
            f"{path}: {what} does not say the format; {known} do. Name it, one of: "
            f"{', '.join(made.name for made in formats() if made.reads)}."
        )
    return found


def options_of(format: Format) -> frozenset[str]:
    """The options that a format knows, or that are of all formats of its kind."""
    return format.options | ({"keep_empty"} if format.is_tool else set())


def make_options(format: Format, **given: object) -> Options:
    """Options for a format; None is as if it were left out. RAISES: RelextError for those that it does not know."""
    options = given_options(**given)
    check_options(options, [format])
    return options


def given_options(**given: object) -> Options:
    """Options, whatever the format; None is as if it were left out. RAISES: RelextError for those that there are not."""
    chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value is not None}
    unknown = sorted(set(chosen) - set(Options.__dataclass_fields__))
    if unknown:
        raise RelextError(f"there are no options {', '.join(unknown)}. Known are {', '.join(Options.__dataclass_fields__)}.")
    return Options(**chosen)  # type: ignore[arg-type]


def check_options(options: Options, chosen: Sequence[Format]) -> None:
    """Refuse options that none of the formats of an input knows. RAISES: RelextError."""
    for name in sorted(options.given.difference(*map(options_of, chosen))):
        takers = ", ".join(made.name for made in formats() if name in options_of(made))
        names = " and ".join(made.name for made in chosen)
        raise RelextError(f"`{name}` is for {takers}, and the format is {names}. Leave it out.")


def _bare_notice(n_bare: int, n_docs: int) -> str:
    if not n_bare:
        return ""
    return (
        f"Of {counted(n_docs, 'document', 'documents')}, {counted(n_bare, 'has', 'have')} mentions and no sentences, and no candidate "
        "pairs within sentences (sentence_pairs): set sentences with `sentences='sentencizer'`, or choose distance_pairs."
    )


def _lines_notice(counts: Counter[str]) -> str:
    if not counts[OVER_LINES] or counts[OVER_LINES] * ONE_IN < counts["sentences"]:
        return ""
    sentences = counted(counts["sentences"], "sentence", "sentences")
    return f"Of {sentences}, {counted(counts[OVER_LINES], 'runs', 'run')} over line ends. If each line is a sentence: `sentences='lines'`."


def error_handler(on_error: Errors) -> OnError:
    """What becomes of errors, as a function. RAISES: RelextError for another word than "raise" and "skip"."""
    if callable(on_error):
        return on_error
    if on_error not in ("raise", "skip"):
        raise RelextError(f"on_error is {on_error!r}; expected 'raise', 'skip' or a function.")
    return raise_error if on_error == "raise" else _skip


def _skip(error: DataError) -> None:
    if isinstance(error, RolesError):
        raise error
    logger.warning("skipped: %s", error)


def _check_dev(dev: Path, output: Path, dev_share: float, *, one_file: bool) -> None:
    if not one_file:
        raise RelextError("`dev` draws documents for one file, and a folder is to be written. Leave `dev` out.")
    if not 0 < dev_share < 1:
        raise RelextError(f"`dev_share` is {dev_share}; it must lie between 0 and 1.")
    if dev.suffix != ".spacy" or dev.resolve() == output.resolve():
        raise RelextError(f"`dev` is {dev}; expected a file that ends in .spacy, and another one than {output}.")


def _check_disjoint(parts: dict[Path, list[Doc]]) -> None:
    """Models are trained on some parts and scored on others: a document in two of them would flatter them."""
    if len(parts) > 1:
        places: dict[str, Path] = {}
        for path, docs in parts.items():
            for name in map(document_id, docs):
                other = places.setdefault(name, path)
                if other != path:
                    raise RelextError(f"the document {name!r} is in {other.stem} and in {path.stem}; expected parts that share none.")
