r"""WebAnno TSV 3.x, as WebAnno and INCEpTION export it: a file per document, a row per token.

    #FORMAT=WebAnno TSV 3.3
    #T_SP=webanno.custom.Entity|value
    #T_RL=webanno.custom.Relation|label|BT_webanno.custom.Entity


    #Text=Ann lives in New York.
    1-1	0-3	Ann	Person	_	_
    …
    1-4	13-16	New	Place[1]	livesIn	1-1[0_1]
    1-5	17-21	York	Place[1]	_	_

The format is described in INCEpTION's user guide, appendix "WebAnno TSV 3.3 File format". Of a layer, each feature has a column: `_` where
there is no annotation, `*` for one without a value, `|` between several of one token, and `[N]` for one that covers several tokens or is
one of several. A relation stands at its tail; the column of its base (`BT_`) names the token of its head and, as `[head_tail]`, which of
several annotations are meant. Rows such as `1-2.1` are parts of a token.

Mentions are the annotations of NamedEntity, of layers of your own, and of what relations are based on; relations are those of your own
layers. Types, labels and `identifier` are found as inception.py says. Slots, chains, and values of other features are counted, and not
read, as are relations of what is no mention, or not there.

A document is annotated for relations if its header has a layer for them. Nothing says that its annotation is finished: a text without
mentions is taken as not annotated. Of a document that several people annotated, one version is read: `--annotator`, or the curated one
(projects.py). Its id is its place in the folder, without .tsv. Text between sentences is not in the file: a line end
and spaces stand for it. Offsets count UTF-16 units; characters, where the tokens say so, which is counted.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.denials import NEGATED, is_about_denial, said
from spacy_relext.formats.files import find_files
from spacy_relext.formats.identifiers import from_field
from spacy_relext.formats.offsets import CHARACTERS, UTF16, OffsetError, Said, Stretch, fit_offsets
from spacy_relext.formats.projects import States, read_versions
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.texts import whole_text
from spacy_relext.formats.types import NO_MENTION, UNKNOWN, UNLABELLED, AnnotatedRelation, Document, Mention

HEADER = "#FORMAT=WebAnno TSV 3"
KINDS = {"#T_SP=": "span", "#T_CH=": "chain", "#T_RL=": "relation"}
ROLE, BASE, ANY = "ROLE_", "BT_", "uima.tcas.Annotation"
# The start of the names of types that are no layer of a user's own.
FOREIGN = ("uima.", "de.tudarmstadt.", "org.dkpro.")
NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
# Names of the feature that is type or label, and of the one that is the concept of a mention.
LABEL_FEATURES, CONCEPT = ("value", "label"), "identifier"
ROW = re.compile(r"(\d{1,9}-\d{1,9}(?:\.\d{1,9})?)\t(\d{1,18})-(\d{1,18})\t([^\t]*)(?:\t(.*))?")
NUMBERED = re.compile(r"((?:\\.|[^\\\[])*)\[(\d{1,18}(?:_\d{1,18})?)\]")
ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True)
class Layer:
    """A layer of the header. first: The number of its first column."""

    kind: str
    name: str
    features: list[str]
    first: int
    line: int

    @property
    def short(self) -> str:
        """The last part of its name."""
        return re.split(r"[.:]", self.name)[-1]

    @property
    def base(self) -> str:
        """The layer whose annotations it relates."""
        return self.features[-1].removeprefix(BASE)

    @property
    def is_own(self) -> bool:
        """Whether it is one that a user has made."""
        return not self.name.startswith(FOREIGN)


@dataclass(frozen=True)
class TokenLine:
    """A token or a part of one: its name, offsets as the file counts them, text, and columns."""

    line: int
    name: str
    start: int
    end: int
    text: str
    columns: list[str]


@dataclass
class Sentence:
    """The lines of its text, and its rows."""

    texts: list[str] = field(default_factory=list)
    rows: list[TokenLine] = field(default_factory=list)


@dataclass
class Span:
    """An annotation of a layer, which may cover several rows."""

    values: list[str]
    line: int
    rows: list[str] = field(default_factory=list)


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a .tsv file, or all of a folder and the folders in it."""
    states = States(reading.on_error)

    def documents(file: Path) -> Iterator[Document]:
        name = file.relative_to(path) if path.is_dir() else Path(file.name)
        try:
            document = parse(whole_text(file), name.with_suffix("").as_posix(), file)
            # As INCEpTION exports a project: a folder per document, named like its source.
            document.mentions_given = not document.mentions and any(
                states.is_finished(name, file) for name in (file.parent.name, file.stem, file.name)
            )
        except DataError as error:
            reading.on_error(error)
        else:
            yield document

    yield from read_versions(find_files(path, (".tsv",)), documents, reading)


def parse(text: str, name: str, path: Path) -> Document:
    """Make a document of a file. RAISES: DataError with file and line for anything that is not as the module's description says."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not lines[0].startswith(HEADER):
        raise DataError(
            f"expected {HEADER + '.3'!r}, and saw {lines[0]!r:.60}. Export as WebAnno TSV v3, or UIMA CAS XMI.", path=path, line=1
        )
    layers, sentences = _layers(lines, path), _sentences(lines, path)
    layers = _checked(layers, [row for sentence in sentences for row in sentence.rows], path)
    document = Document(name, "", source=path)
    places = _place(document, sentences, path)
    spans = {layer.name: _spans(layer, sentences) for layer in layers if layer.kind == "span"}
    bases = {layer.base for layer in layers if layer.kind == "relation" and layer.is_own}
    ids: dict[tuple[str, str], str] = {}
    for layer in layers:
        if layer.kind == "span" and (layer.is_own or layer.name == NAMED_ENTITY or layer.name in bases):
            for key, span in spans[layer.name].items():
                ids[layer.name, key] = f"T{len(ids) + 1}"
                document.mentions.append(_mention(ids[layer.name, key], layer, span, places, document))
        elif layer.kind == "relation" and layer.is_own:
            document.relations = document.relations or []
            document.relations += _relations(layer, sentences, spans, ids, document)
        else:
            document.unsupported[f"annotations of the layer {layer.name}, not read"] += _number(layer, sentences)
    return document


def _layers(lines: list[str], path: Path) -> list[Layer]:
    layers: list[Layer] = []
    first = 0
    for number, line in enumerate(lines, start=1):
        kind = KINDS.get(line[:6])
        if kind is None:
            continue
        name, *features = line[6:].split("|")
        if kind == "relation" and not (features and features[-1].startswith(BASE)):
            raise DataError(f"saw {line!r:.80}; expected the layer that it relates, after {BASE}, at its end.", path=path, line=number)
        layers.append(Layer(kind, name, features or [""], first, number))
        first += len(layers[-1].features)
    return layers


def _checked(layers: list[Layer], rows: list[TokenLine], path: Path) -> list[Layer]:
    """The layers as the rows have them: a relation without a feature may have a column of its own, for its `*`."""
    width = sum(len(layer.features) for layer in layers)
    found = {len(row.columns) for row in rows} or {width}
    if found != {width}:
        made: list[Layer] = []
        for layer in layers:
            features = ["", *layer.features] if layer.kind == "relation" and len(layer.features) == 1 else layer.features
            made.append(Layer(layer.kind, layer.name, features, sum(len(other.features) for other in made), layer.line))
        layers, expected = made, sum(len(layer.features) for layer in made)
        row = next((row for row in rows if len(row.columns) != expected), None)
        if row is not None:
            raise DataError(
                f"{row.name} has {len(row.columns)} columns after the token, and the header has {width}.", path=path, line=row.line
            )
    return layers


def _sentences(lines: list[str], path: Path) -> list[Sentence]:
    sentences: list[Sentence] = []
    for number, line in enumerate(lines, start=1):
        if line.startswith("#Text="):
            if not sentences or sentences[-1].rows:
                sentences.append(Sentence())
            sentences[-1].texts.append(line.removeprefix("#Text="))
        elif line.strip() and not line.startswith("#"):
            match = ROW.fullmatch(line)
            if match is None or not sentences:
                expected = "sentence-token, tab, start-end, tab, token, after a line #Text="
                raise DataError(f"saw {line!r:.80}; expected {expected}.", path=path, line=number)
            columns = (match[5] or "").split("\t")
            if columns[-1] == "":  # rows end with a tab
                columns.pop()
            sentences[-1].rows.append(TokenLine(number, match[1], int(match[2]), int(match[3]), match[4], columns))
    empty = next((sentence for sentence in sentences if not sentence.rows), None)
    if empty is not None:
        raise DataError(f"the sentence {empty.texts[0]!r:.60} has no tokens.", path=path)
    names = Counter(row.name for sentence in sentences for row in sentence.rows)
    for sentence in sentences:
        for row in sentence.rows:
            if names[row.name] > 1:
                raise DataError(f"{row.name} is the name of {names[row.name]} rows; expected one.", path=path, line=row.line)
    return sentences


def _place(document: Document, sentences: list[Sentence], path: Path) -> dict[str, Stretch]:
    """Give a document its text and sentences, as the offsets and texts of the tokens say, and tell where each row is."""
    rows = [row for sentence in sentences for row in sentence.rows]
    wrong: OffsetError | None = None
    for unit in (UTF16, CHARACTERS):
        for unescaped in (_unescape, str):
            text, bounds = _join(sentences, unit, unescaped)
            said = [Said(row.name, [(row.start, row.end)], _unescape(row.text)) for row in rows]
            try:
                fit = fit_offsets(text, said, units=(unit,))
            except OffsetError as error:
                wrong = wrong or error
                continue
            document.text, document.sentences = text, bounds
            document.unsupported.update({name: n for name, n in fit.counts.items() if UTF16 not in name})
            document.unsupported["documents whose offsets count characters"] += unit == CHARACTERS
            return {row.name: place[0] for row, place in zip(rows, fit.places, strict=True)}
    if wrong is None:
        return {}
    row = rows[wrong.index]
    raise DataError(
        f"{row.name} is {row.text!r:.60} at {row.start}-{row.end}, which the lines #Text= have not. Offsets count UTF-16 units.",
        path=path,
        line=row.line,
    ) from wrong


def _join(sentences: list[Sentence], unit: str, unescaped: Callable[[str], str]) -> tuple[str, list[Stretch]]:
    """The text of a document, each sentence where its first token begins, and where the sentences are."""
    text, length = "", 0
    bounds: list[Stretch] = []
    for sentence in sentences:
        gap = max(min(row.start for row in sentence.rows) - length, 0)
        # A wrong offset is found by its token; it must not make a text of any length.
        filling = ("\n" + " " * (gap - 1))[: min(gap, 10_000)]
        own = unescaped("\n".join(sentence.texts))
        bounds.append((len(text) + len(filling), len(text) + len(filling) + len(own)))
        text += filling + own
        length += gap + (len(own.encode("utf-16-le", "surrogatepass")) // 2 if unit == UTF16 else len(own))
    return text, bounds


def _spans(layer: Layer, sentences: list[Sentence]) -> dict[str, Span]:
    """The annotations of a layer: by number, or by row and place in it."""
    spans: dict[str, Span] = {}
    for sentence in sentences:
        for row in sentence.rows:
            columns = [_split(row.columns[layer.first + i]) for i in range(len(layer.features))]
            for place, pieces in enumerate(zip(*columns, strict=False)):
                if pieces[0] == "_" and all(piece == "_" for piece in pieces):
                    continue
                named = [NUMBERED.fullmatch(piece) for piece in pieces]
                number = next((match[2] for match in named if match), None)
                key = f"[{number}]" if number else f"{row.name}|{place}"
                values = [match[1] if match else piece for match, piece in zip(named, pieces, strict=True)]
                spans.setdefault(key, Span([_value(value) for value in values], row.line)).rows.append(row.name)
    return spans


def _mention(name: str, layer: Layer, span: Span, places: dict[str, Stretch], document: Document) -> Mention:
    label = _label_feature(layer, document)
    given = dict(zip(layer.features, span.values, strict=True))
    for feature, value in given.items():
        if feature and feature not in (label, CONCEPT) and value:
            slots = "targets of slots, not read" if not feature.startswith(ROLE) and _follows_role(layer, feature) else ""
            document.leave_out(slots or f"values of {layer.short}.{feature}, not read", span.line)
    start, end = min(places[row][0] for row in span.rows), max(places[row][1] for row in span.rows)
    if label and not given[label]:
        document.leave_out(UNLABELLED, span.line)
    return Mention(name, start, end, (given[label] if label else "") or layer.short, from_field(given.get(CONCEPT, "")))


def _follows_role(layer: Layer, feature: str) -> bool:
    return any(a.startswith(ROLE) and b == feature for a, b in pairwise(layer.features))


def _label_feature(layer: Layer, document: Document) -> str | None:
    """The feature that is the type or label of a layer."""
    names = [name for name in layer.features if name and not name.startswith((ROLE, BASE)) and name != CONCEPT]
    names = [name for name in names if not _follows_role(layer, name) and not is_about_denial(name)]
    named = [name for name in names if name.lower() in LABEL_FEATURES]
    if len(named) != 1 and len(names) > 1 and layer.kind == "relation":
        raise DataError(
            f"the layer {layer.name} has the features {', '.join(names)}: which of them is the label? Rename it to label in the files.",
            path=document.source,
            line=layer.line,
        )
    chosen = named if len(named) == 1 else names
    return chosen[0] if len(chosen) == 1 else None


def _relations(
    layer: Layer, sentences: list[Sentence], spans: dict[str, dict[str, Span]], ids: dict[tuple[str, str], str], document: Document
) -> Iterator[AnnotatedRelation]:
    label = _label_feature(layer, document)
    bases = list(spans) if layer.base == ANY else [layer.base]
    # The annotations that relations may have as ends, by their rows.
    at: dict[str, list[tuple[str, str]]] = {}
    for base in bases:
        for key, span in spans.get(base, {}).items():
            for name in span.rows:
                at.setdefault(name, []).append((base, key))
    for sentence in sentences:
        for row in sentence.rows:
            *columns, references = (_split(row.columns[layer.first + i]) for i in range(len(layer.features)))
            for place, reference in enumerate(references):
                if reference == "_":
                    continue
                match = NUMBERED.fullmatch(reference)
                source, numbers = (match[1], match[2]) if match else (reference, "0_0")
                first, _, second = numbers.partition("_")
                ends = [_end(at.get(source, []), first), _end(at.get(row.name, []), second or "0")]
                if any(len(found) > 1 for found in ends):
                    raise DataError(
                        f"{row.name}: a relation from {reference} may be of several annotations. Expected [head_tail] after {source}.",
                        path=document.source,
                        line=row.line,
                    )
                found = [ids.get(end[0]) if end else None for end in ends]
                if found[0] is None or found[1] is None:
                    document.leave_out(NO_MENTION if all(ends) else UNKNOWN, row.line)
                    continue
                values = [_value(pieces[place]) if place < len(pieces) else "" for pieces in columns]
                given = dict(zip(layer.features, values, strict=False))
                told = {feature: said(feature, value) for feature, value in given.items() if feature != label and value}
                for feature, value in given.items():
                    if feature and feature != label and value and told[feature] is None:
                        document.leave_out(f"values of {layer.short}.{feature}, not read", row.line)
                if label and not given[label]:
                    document.leave_out(UNLABELLED, row.line)
                attributes = tuple(kind for kind in told.values() if kind not in (None, "", NEGATED))
                relation = AnnotatedRelation(found[0], found[1], (given[label] if label else "") or layer.short, attributes=attributes)
                if NEGATED in told.values():
                    document.denied.append(relation)
                else:
                    yield relation


def _end(annotations: list[tuple[str, str]], number: str) -> list[tuple[str, str]]:
    """Those of the annotations of a row that have a number or, for 0, that have none or are alone."""
    if number != "0":
        return [entry for entry in annotations if entry[1] == f"[{number}]"]
    plain = [entry for entry in annotations if not entry[1].startswith("[")]
    return plain if len(plain) == 1 else annotations


def _number(layer: Layer, sentences: list[Sentence]) -> int:
    """How many annotations a layer has: of a chain or a relation, those of its first column."""
    if layer.kind == "span":
        return len(_spans(layer, sentences))
    fields = (_split(row.columns[layer.first]) for sentence in sentences for row in sentence.rows)
    return sum(piece != "_" for pieces in fields for piece in pieces)


def _split(text: str) -> list[str]:
    """The pieces of a field, still escaped."""
    return re.findall(r"(?:^|(?<=\|))((?:\\.|[^\\|]|\\$)*)(?:\||$)", text) if "|" in text else [text]


def _value(piece: str) -> str:
    return "" if piece in ("*", "_") else _unescape(piece)


def _unescape(text: str) -> str:
    return re.sub(r"\\(->|.)", lambda match: ESCAPED.get(match[1], match[1]), text)
