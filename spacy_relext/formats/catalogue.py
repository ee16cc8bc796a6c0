"""The formats, by name: what each can do is declared here; its code is loaded when it is first used.

Another package adds a format by an entry point of the group `spacy_relext_formats`, whose value is a `Format`, or a class of one.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar, cast

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extras import module
from spacy_relext.formats.cutting import Cutter
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import DETAILS, METADATA, PIPELINE_DETAILS, RAW_SCORES, Document

T = TypeVar("T")
GROUP = "spacy_relext_formats"
_NOT_DONE = "documents without mentions (read as not annotated)"
_CONCEPTS = ("concept identifiers", "long forms of abbreviations", "relations between concepts")
_NOT_ANNOTATED = "documents not annotated for relations (now with none)"
# What a table or graph of triples has no place for.
_TRIPLES = ("whole texts", "documents without relations", "mentions in no relation", "long forms of abbreviations", METADATA, *DETAILS)


class Format(Protocol):
    """A format of files: subclass it, and say what differs from what stands here.

    name: What `--format` calls it. about: What it is, in a few words.
    suffixes: Those of the files that are looked for in folders. own_suffixes: Those that no other format has.
    suffix: That of the file that is written; empty where `write` makes a folder.
    reads, writes: Which of the two it does. options: The names of the `Options` that `read` knows. settings: The keywords of `write`.
    parts: A folder is a corpus in parts that stay apart; `find_parts` tells which.
    labels: Those that the corpus is annotated for, where the format is that of one corpus.
    is_tool: It is that of an annotation tool, in which a text without any mention is one that nobody has annotated yet.
    lacks: What it cannot hold, by the names of `UNSUPPORTED` (types.py). refuses: There are documents that cannot be written at all.
    """

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        return ()

    @property
    def own_suffixes(self) -> tuple[str, ...]:
        return ()

    @property
    def suffix(self) -> str:
        return ""

    @property
    def reads(self) -> bool:
        return False

    @property
    def writes(self) -> bool:
        return False

    @property
    def parts(self) -> bool:
        return False

    @property
    def is_tool(self) -> bool:
        return False

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    @property
    def options(self) -> frozenset[str]:
        return frozenset()

    @property
    def settings(self) -> frozenset[str]:
        return frozenset()

    @property
    def lacks(self) -> tuple[str, ...]:
        return ()

    @property
    def refuses(self) -> bool:
        return True

    @property
    def cutter(self) -> Cutter | None:
        """How files are cut, so that parts of one are read apart (`formats/cutting.py`); None: they are read whole."""
        return None

    @property
    def unpacks(self) -> bool:
        """It reads files that are packed by gzip itself."""
        return False

    def read(self, path: Path, reading: Reading) -> Iterator[Document]:
        """The documents of a file, or of all files of a folder and the folders in it."""
        raise NotImplementedError

    def write(self, documents: Iterable[Document], path: Path, **settings: Any) -> Counter[str]:
        """Write a file, or a folder, whole or not at all. RETURNS: What the format could not hold, counted."""
        raise NotImplementedError

    def find_parts(self, folder: Path) -> dict[str, Path]:
        """The parts of a corpus by name."""
        raise NotImplementedError


@dataclass(frozen=True)
class BuiltIn:
    """A format of this package: the functions `read`, `write` and `parts` of a module, which is loaded when one of them is called."""

    name: str
    about: str
    suffixes: tuple[str, ...] = ()
    own_suffixes: tuple[str, ...] = ()
    suffix: str = ""
    reads: bool = True
    writes: bool = True
    parts: bool = False
    is_tool: bool = False
    labels: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()
    lacks: tuple[str, ...] = ()
    refuses: bool = True
    module: str = ""
    function: str = "read"
    cuts: str = ""
    unpacks: bool = False

    @property
    def code(self) -> ModuleType:
        """Its module."""
        return module(f"spacy_relext.formats.{self.module or self.name}")

    @property
    def cutter(self) -> Cutter | None:
        """As `Format` says: of the name `cuts` in the module."""
        found: Cutter | None = getattr(self.code, self.cuts) if self.cuts else None
        return found

    def read(self, path: Path, reading: Reading) -> Iterator[Document]:
        """As `Format` says."""
        documents: Iterator[Document] = getattr(self.code, self.function)(path, reading)
        return documents

    def write(self, documents: Iterable[Document], path: Path, **settings: Any) -> Counter[str]:
        """As `Format` says."""
        unsupported: Counter[str] = self.code.write(documents, path, **settings)
        return unsupported

    def find_parts(self, folder: Path) -> dict[str, Path]:
        """As `Format` says."""
        parts: dict[str, Path] = self.code.parts(folder)
        return parts


def _texts(name: str, about: str, function: str, suffixes: tuple[str, ...], **more: Any) -> BuiltIn:
    return BuiltIn(name, about, suffixes, writes=False, module="texts", function=function, **more)


def _corpus(name: str, about: str, *suffixes: str, **more: Any) -> BuiltIn:
    """One that is read alone."""
    return BuiltIn(name, about, suffixes, writes=False, **more)


_COLUMNS = frozenset({"text_column", "id_column"})
_TABLES = _COLUMNS | {"meta_columns"}
_ROLES = frozenset({"roles"})
_EVENTS = _ROLES | {"events"}
_OURS = (
    BuiltIn("jsonl", "our own, which holds everything", (".jsonl",), (".jsonl",), ".jsonl", refuses=False, cuts="CUTTER"),
    BuiltIn(
        "brat",
        "brat's standoff files",
        (".txt", ".ann"),
        is_tool=True,
        options=_EVENTS,
        lacks=(
            "sentences",
            "long forms of abbreviations",
            "relations between concepts",
            _NOT_ANNOTATED,
            _NOT_DONE,
            METADATA,
            *PIPELINE_DETAILS,
        ),
    ),
    BuiltIn("bionlp", "the BioNLP shared tasks", (".txt", ".a1", ".a2"), (".a1", ".a2"), writes=False, options=_EVENTS),
    BuiltIn("biocxml", "BioC XML", (".xml",), suffix=".xml", options=_ROLES, lacks=PIPELINE_DETAILS),
    BuiltIn("biocjson", "BioC JSON", (".json",), suffix=".json", options=_ROLES, lacks=PIPELINE_DETAILS),
    BuiltIn(
        "pubtator",
        "PubTator",
        (".txt", ".pubtator"),
        (".pubtator",),
        ".txt",
        cuts="CUTTER",
        lacks=("sentences", "scores of relations", "long forms of abbreviations", _NOT_ANNOTATED, METADATA, *DETAILS),
    ),
    BuiltIn(
        "pubannotation",
        "PubAnnotation's JSON",
        (".json", ".jsonl"),
        suffix=".json",
        options=frozenset({"annotator"}),
        lacks=("sentences", "relations between concepts", METADATA, *PIPELINE_DETAILS),
    ),
    BuiltIn(
        "prodigy",
        "tasks of Prodigy",
        (".jsonl",),
        suffix=".jsonl",
        is_tool=True,
        options=frozenset({"default_label", "annotator"}),
        lacks=(*_CONCEPTS, *DETAILS),
    ),
    BuiltIn(
        "doccano",
        "doccano's JSONL",
        (".jsonl", ".json"),
        suffix=".jsonl",
        is_tool=True,
        options=frozenset({"text_column", "label_column", "default_label", "utf16_offsets"}),
        lacks=(*_CONCEPTS, *DETAILS),
    ),
    BuiltIn(
        "label-studio",
        "Label Studio's JSON",
        (".json", ".jsonl"),
        suffix=".json",
        is_tool=True,
        options=frozenset({"text_column", "default_label", "annotator", "use_predictions"}),
        module="label_studio",
        lacks=(*_CONCEPTS, *DETAILS),
    ),
    BuiltIn("spert", "SpERT's JSON", (".json",), suffix=".json", lacks=(*_CONCEPTS, METADATA, *DETAILS)),
    BuiltIn("dygie", "the JSONL of DyGIE++, SciERC and PURE", (".json", ".jsonl"), suffix=".jsonl", lacks=(*_CONCEPTS, METADATA, *DETAILS)),
    BuiltIn(
        "inception",
        "INCEpTION's UIMA CAS",
        (".xmi", ".json", ".zip"),
        is_tool=True,
        options=frozenset({"annotator"}),
        lacks=("long forms of abbreviations", "relations between concepts", _NOT_ANNOTATED, _NOT_DONE, METADATA, *DETAILS),
    ),
    BuiltIn("webanno", "WebAnno TSV 3.x", (".tsv",), writes=False, is_tool=True, options=frozenset({"annotator"})),
    BuiltIn(
        "ddi",
        "the XML of DDIExtraction 2013",
        (".xml",),
        labels=("effect", "mechanism", "advise", "int"),
        lacks=("scores of relations", *_CONCEPTS, _NOT_ANNOTATED, METADATA, *DETAILS),
    ),
    BuiltIn(
        "chemprot",
        "the tables of BioCreative VI ChemProt",
        (".tsv",),
        writes=False,
        labels=("CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9"),
    ),
    BuiltIn("aimed", "AIMed as ten folds", (".json",), writes=False, parts=True, labels=("interaction",)),
    _corpus("ppi", "the XML of AIMed, BioInfer, HPRD50, IEPA and LLL", ".xml"),
    _corpus(
        "drugprot",
        "the tables of BioCreative VII DrugProt",
        ".tsv",
        options=_ROLES,
        labels=(
            *("ACTIVATOR", "AGONIST", "AGONIST-ACTIVATOR", "AGONIST-INHIBITOR", "ANTAGONIST", "DIRECT-REGULATOR"),
            *("INDIRECT-DOWNREGULATOR", "INDIRECT-UPREGULATOR", "INHIBITOR", "PART-OF", "PRODUCT-OF", "SUBSTRATE", "SUBSTRATE_PRODUCT-OF"),
        ),
    ),
    _corpus("docred", "the JSON of DocRED and Re-DocRED", ".json", ".jsonl"),
    _corpus("tacred", "the JSON of TACRED", ".json", ".jsonl"),
    _corpus("semeval", "the sentences of SemEval-2010 task 8", ".txt"),
    _corpus(
        "blinded",
        "tables of sentences with a blinded pair: @GENE$ … @DISEASE$",
        ".tsv",
        ".csv",
        options=_COLUMNS | _ROLES | {"default_label"},
    ),
    _corpus("strings", "triples of strings beside a text, as NYT and WebNLG", ".json", ".jsonl"),
    _corpus("bigbio", "BigBio's schema bigbio_kb, as JSON", ".json", ".jsonl", options=_EVENTS),
    _corpus("datasets", "data sets of the library datasets on disk", ".arrow", options=_TABLES | _EVENTS, cuts="CUTTER"),
    BuiltIn("pubmed", "PubMed's XML: baseline, updates, efetch", (".xml",), writes=False, cuts="CUTTER", unpacks=True),
    BuiltIn("jats", "full texts as JATS: PMC, Europe PMC", (".xml", ".nxml"), (".nxml",), writes=False, cuts="CUTTER", unpacks=True),
    _texts("txt", "a text per file", "read_text", (".txt",), own_suffixes=(".txt",)),
    _texts("lines", "a text per line", "read_lines", (".txt",), cuts="LINES"),
    _texts("texts-csv", "a table with a text per row", "read_csv", (".csv",), own_suffixes=(".csv",), options=_TABLES, cuts="CSV"),
    _texts("texts-tsv", "the same, with tabs", "read_tsv", (".tsv",), own_suffixes=(".tsv",), options=_TABLES, cuts="TSV"),
    BuiltIn(
        "texts-parquet",
        "a Parquet file with a text per row",
        (".parquet",),
        own_suffixes=(".parquet",),
        writes=False,
        options=_TABLES,
        module="texts_parquet",
        cuts="CUTTER",
    ),
    BuiltIn(
        "csv",
        "a table of relations, a row each",
        suffix=".csv",
        reads=False,
        settings=frozenset({"spreadsheet_safe"}),
        lacks=tuple(name for name in _TRIPLES if name != RAW_SCORES),
        refuses=False,
        module="delimited",
    ),
    BuiltIn(
        "parquet",
        "the same as Parquet, or a folder with partitions and a table of the documents",
        suffix=".parquet",
        reads=False,
        settings=frozenset({"provenance", "partition_by", "documents_table"}),
        lacks=("whole texts", "documents without relations", "mentions in no relation", "long forms of abbreviations", "denied relations"),
        refuses=False,
    ),
    BuiltIn("graphml", "a graph of entities", suffix=".graphml", reads=False, lacks=("sentences", *_TRIPLES)),
    BuiltIn("rdf", "triples as RDF", suffix=".ttl", reads=False, settings=frozenset({"base_iri"}), lacks=("sentences", *_TRIPLES)),
)
OURS: Mapping[str, BuiltIn] = {made.name: made for made in _OURS}
READABLE, WRITABLE = [f.name for f in _OURS if f.reads], [f.name for f in _OURS if f.writes]


def get_format(name: str) -> Format:
    """The format of a name. RAISES: RelextError where there is none, or where that of another package cannot be used."""
    others = _others()
    if name in OURS and name in others:
        raise RelextError(f"{others[name].value} adds a format {name!r}, and there is one of this name. Uninstall it, or have it renamed.")
    if name in OURS:
        return OURS[name]
    if name in others:
        return _load(others[name])
    raise RelextError(f"there is no format {name!r}. One of: {', '.join([*OURS, *others])}.")


def readable(name: str) -> Format:
    """The format of a name, which must be one that is read."""
    found = get_format(name)
    if not found.reads:
        raise RelextError(f"the format {name!r} is written, and not read. One of: {', '.join(_names('reads'))}.")
    return found


def writable(name: str) -> Format:
    """The format of a name, which must be one that is written."""
    found = get_format(name)
    if not found.writes:
        raise RelextError(f"the format {name!r} is read, and not written. One of: {', '.join(_names('writes'))}.")
    return found


def by_suffix(suffix: str) -> Format | None:
    """The one format that reads files of a suffix, if only one does."""
    # Others after ours: one that cannot be loaded is not in the way of ours.
    found = (found for some in (OURS.values(), map(get_format, _others())) for found in some)
    return next((one for one in found if one.reads and suffix in one.own_suffixes), None)


def formats() -> list[Format]:
    """All of them: ours, and those of other packages, which are loaded."""
    return [*OURS.values(), *map(get_format, _others())]


def _names(verb: str) -> list[str]:
    return [found.name for found in formats() if getattr(found, verb)]


def _others() -> dict[str, EntryPoint]:
    return _others_within(tuple(sys.path))


@cache
def _others_within(paths: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Those of the packages in some folders. Looking for them takes milliseconds, and every file asks."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@cache
def _load(entry: EntryPoint) -> Format:
    try:
        found = entry.load()
    except Exception as error:  # whatever its module does
        raise RelextError(f"the format {entry.name!r} cannot be loaded from {entry.value}: {error}.") from error
    made = found() if isinstance(found, type) else found
    missing = [name for name in vars(Format) if not name.startswith("_") and not hasattr(made, name)]
    if missing:
        raise RelextError(f"the format {entry.name!r} of {entry.value} lacks {', '.join(missing)}. Subclass spacy_relext.Format.")
    if made.name != entry.name:
        raise RelextError(f"the format of {entry.value} calls itself {made.name!r}, and its entry point {entry.name!r}. Expected one name.")
    return cast(Format, _OfOthers(made, entry.value))


class _OfOthers:
    """A format of another package, whose errors say so and name the file."""

    def __init__(self, made: Format, value: str):
        self._made, self._value = made, value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what pickle and copy look for before there is a format
            raise AttributeError(name)
        return getattr(self._made, name)

    def read(self, path: Path, reading: Reading) -> Iterator[Document]:
        """As `Format` says. A reader that fails otherwise than by errors of ours has come to its end, which is an error as others are."""
        last = None
        try:
            for document in self._made.read(path, reading):
                if not isinstance(document, Document):
                    raise TypeError(f"expected a Document, and saw {type(document).__name__}")
                last = document
                yield document
        except RelextError:
            raise
        except Exception as error:
            behind = f", behind the document {last.id!r}" if last is not None else ""
            reading.on_error(self._error(f"reading{behind}, and what follows is not read", error, path))

    def write(self, documents: Iterable[Document], path: Path, **settings: Any) -> Counter[str]:
        """As `Format` says."""
        return self._call("writing", path, self._made.write, documents, path, **settings)

    def find_parts(self, folder: Path) -> dict[str, Path]:
        """As `Format` says."""
        return self._call("looking for parts", folder, self._made.find_parts, folder)

    def _call(self, what: str, path: Path, function: Callable[..., T], *given: Any, **settings: Any) -> T:
        try:
            return function(*given, **settings)
        except RelextError:
            raise
        except Exception as error:
            raise self._error(what, error, path) from error

    def _error(self, what: str, cause: Exception, path: Path) -> DataError:
        error = DataError(f"the format {self._made.name!r} ({self._value}) fails in {what}: {type(cause).__name__}: {cause}", path=path)
        error.__cause__ = cause
        return error
