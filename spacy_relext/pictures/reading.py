"""From paths to Docs whose relations are drawn, and to the annotation that each is compared with."""

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.conversion.converting import check_options
from spacy_relext.conversion.sentences import Splitter, make_splitter
from spacy_relext.corpus import read_docs
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.finding import KNOWN_SUFFIXES, STDIN
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.catalogue import by_suffix, readable
from spacy_relext.formats.docs import document_id, from_doc, is_left_out, to_doc
from spacy_relext.formats.files import files_in
from spacy_relext.formats.reading import OnError, Options
from spacy_relext.formats.types import Document
from spacy_relext.notices import counted

DOCS = ".spacy"
# Shows how documents come: given them, and how many there are, where that is known.
Progress = Callable[[Iterable[Any], int | None], Iterable[Any]]


def is_docs(path: str) -> bool:
    """Whether a path is of Docs: a `.spacy` file, a pattern of such files, or a folder that holds them and nothing else that is read."""
    if Path(path).suffix == DOCS:
        return True
    if not Path(path).is_dir():
        return False
    suffixes = {file.suffix.lower() for file in files_in(Path(path))}
    return DOCS in suffixes and not suffixes & set(KNOWN_SUFFIXES)


class Source:
    """Documents of files, as Docs.

    paths: As `Inputs` takes them, and `.spacy` files and folders of them. format: Of all of them; None: by the suffix.
    RAISES: RelextError for inputs that are not there or have no known format, and for Docs and other files in one.
    """

    def __init__(self, paths: Sequence[str], format: str | None, nlp: Language, sentences: str | None = None):
        self._nlp = nlp
        self._split: Splitter | None = make_splitter(sentences, nlp) if sentences is not None else None
        # What the documents do not hold of their files, or could not be read.
        self.left_out: Counter[str] = Counter()
        stored = [path for path in paths if format is None and is_docs(path)]
        if stored and len(stored) < len(paths):
            other = next(path for path in paths if path not in stored)
            raise RelextError(f"{stored[0]} holds Docs, and {other} does not. Draw them one after the other.")
        self.docs = [Path(file) for path in stored for file in (sorted(glob.glob(path, recursive=True)) or [path])]
        format = "jsonl" if format is None and set(paths) == {STDIN} else format
        self.inputs = None if stored else Inputs(paths, format)

    @property
    def formats(self) -> list[str]:
        """The names of the formats of its files; none for Docs."""
        return [] if self.inputs is None else self.inputs.finding.formats

    def take_texts(self, texts: dict[str, str]) -> None:
        """Give the texts of documents that come without, by their ids. RAISES: RelextError where none can."""
        if "jsonl" not in self.formats:
            raise RelextError(f"`texts` is for jsonl, and the format is {' and '.join(self.formats) or 'that of Docs'}. Leave it out.")
        assert self.inputs is not None
        self.inputs.texts = texts

    def read(self, on_error: OnError, progress: Progress = lambda documents, total: documents) -> Iterator[Document | Doc]:
        """The documents, one by one, each to be made a Doc of by `doc_of`."""
        if self.inputs is None:
            yield from progress(chain.from_iterable(read_docs(path, self._nlp) for path in self.docs), None)
            return
        try:
            yield from progress(self.inputs.read(on_error), self.inputs.count())
        finally:
            self.left_out.update(self.inputs.left_out)

    def count(self) -> int | None:
        """How many documents there are, errors included, or None where only reading them would tell."""
        return None if self.inputs is None else self.inputs.count()

    def doc_of(self, document: Document | Doc) -> Doc:
        """The Doc of one of its documents. RAISES: DataError for annotation that cannot be right."""
        if isinstance(document, Doc):
            return self._with_sentences(document)
        if document.sentences is None and self._split is not None:
            document.sentences = self._split(document)
        counts: Counter[str] = Counter()
        doc = to_doc(document, self._nlp, counts)
        # What the file says beyond the document is counted where it is read.
        self.left_out.update({what: n for what, n in (counts - document.unsupported).items() if is_left_out(what)})
        return doc

    def _with_sentences(self, doc: Doc) -> Doc:
        if self._split is not None and not doc.has_annotation("SENT_START"):
            starts = {start for start, _ in self._split(Document(document_id(doc), doc.text))}
            for token in doc:
                token.is_sent_start = token.idx in starts
        return doc


def take_options(options: Options, sources: Iterable[Source]) -> None:
    """Give options to what is read. RAISES: RelextError for those that no format of any of the sources knows."""
    read = [source.inputs for source in sources if source.inputs is not None]
    names = dict.fromkeys(name for source in sources for name in source.formats)
    if options.given and not names:
        raise RelextError(f"`{min(options.given)}` is of formats, and Docs are given. Leave it out.")
    check_options(options, [readable(name) for name in names])
    for inputs in read:
        inputs.options = options


def texts_of(path: str | Path, nlp: Language, on_error: OnError) -> dict[str, str]:
    """The texts of a file or folder, by the ids of their documents."""
    return {document.id: document.text for document in map(_document, Source([str(path)], None, nlp).read(on_error))}


class Annotation:
    """Annotated documents, each for the document with the same id and text or, where there is none, with the same text.

    RAISES: DataError where two documents of one text are annotated, and neither has the id.
    """

    def __init__(self, source: Source, on_error: OnError):
        self._source = source
        self._by_text: dict[str, dict[str, Document]] = {}
        self._texts: dict[str, str] = {}
        for document in map(_document, source.read(on_error)):
            self._by_text.setdefault(document.text, {})[document.id] = document
            self._texts[document.id] = document.text
        if not self._texts:
            raise DataError("there is no annotated document in it.", path=", ".join(map(str, self._paths)))
        self._used: set[str] = set()

    @property
    def _paths(self) -> list[Path]:
        return self._source.docs if self._source.inputs is None else [source.path for source in self._source.inputs.sources]

    def of(self, doc: Doc) -> Doc | None:
        """The annotated Doc of a text, or None. RAISES: DataError where the ids are the same, and the texts differ."""
        name = document_id(doc)
        found = self._by_text.get(doc.text)
        if found is None:
            if name and name in self._texts:
                raise DataError(f"document {name!r}: {_difference(doc.text, self._texts[name])}")
            return None
        if name not in found and len(found) > 1:
            raise DataError(
                f"document {name!r}: {counted(len(found), 'annotated document has', 'annotated documents have')} its text, "
                f"{', '.join(map(repr, found))}, and none has its id. Give it the id of one of them."
            )
        document = found[name] if name in found else next(iter(found.values()))
        self._used.add(document.id)
        return self._source.doc_of(document)

    @property
    def is_used(self) -> bool:
        """Whether it is that of any document."""
        return bool(self._used)

    @property
    def unused(self) -> list[str]:
        """The ids of the documents that nobody has asked for."""
        return [name for name in self._texts if name not in self._used]


def format_of_gold(path: str | Path, format: str | None, of_inputs: str | None) -> str | None:
    """The format of annotated documents: as it is said, or as the suffix says, or that of the other input."""
    if format is not None or is_docs(str(path)) or by_suffix(Path(path).suffix.lower()) is not None:
        return format
    return of_inputs


def _document(given: Document | Doc) -> Document:
    return from_doc(given) if isinstance(given, Doc) else given


def _difference(text: str, other: str) -> str:
    """What two texts that should be the same say differently."""
    at = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
    return (
        f"its text is not that of the annotated document of this id: at character {at} it has {text[at : at + 20]!r}, and the other "
        f"{other[at : at + 20]!r}. A document is compared with the annotation of the same text."
    )
