"""Documents of BioC, XML or JSON, as the library bioc has them, to ours. What is read, and what is left out, stands in biocmodel.py."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bioc import BioCAnnotation, BioCDocument, BioCPassage, BioCRelation

from spacy_relext.errors import DataError
from spacy_relext.formats.biocmodel import (
    ATTRIBUTES,
    CONCEPTS,
    LABELS,
    MAX_GAP,
    NOVELTY,
    ROLE,
    SCORE,
    STATE,
    TYPE,
    Origin,
    from_infon,
    levels_of,
)
from spacy_relext.formats.denials import NEGATED, said
from spacy_relext.formats.identifiers import Stated, parse_field, settle
from spacy_relext.formats.offsets import BEYOND, CHARACTERS, UNITS, Fit, OffsetError, Said, fit_offsets, is_beyond, length_in, one_stretch
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.roles import HEADS, TAILS
from spacy_relext.formats.types import N_ARY, NOVEL, RELATED, UNKNOWN, UNNAMED, UNTYPED, AnnotatedRelation, Document, Mention
from spacy_relext.mentions import LONG_FORM

# Of an offset.
LARGEST = 10**18 - 1
WITHOUT_ID = "documents without an id (called by their file and number)"
# The names of annotations that have none begin so.
WITHOUT_NAME = "unnamed"
FROM_PASSAGE = "documents whose offsets count from the start of a passage"
FOLLOWING = "documents whose passages have offsets that do not fit (now one after another)"


def read_all(documents: Iterable[tuple[Callable[[], BioCDocument], Origin]], reading: Reading) -> Iterator[Document]:
    """Ours of the documents of one file or several, each with its place.

    documents: Functions, so that what is wrong with one document is an error of it alone. The library raises these: it takes the form of
        its input for granted.
    """
    for make, place in documents:
        try:
            yield _made(make, place, reading)
        except DataError as error:
            reading.on_error(error)


def _made(make: Callable[[], BioCDocument], place: Origin, reading: Reading) -> Document:
    name = "a document"
    path, line, *_ = place
    try:
        source = make()
        name = f"document {source.id!r}"
        return from_bioc(source, place, reading)
    except DataError:
        raise
    except UnicodeEncodeError as error:
        seen = error.object[error.start : error.end]
        raise DataError(f"{name} has {seen!r}, half of a surrogate pair. Write it whole.", path=path, line=line) from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise DataError(f"{name} is not as BioC has it ({reason}). Is something missing, or no number?", path=path, line=line) from error


def from_bioc(source: BioCDocument, place: Origin, reading: Reading) -> Document:
    """Our document of the library's.

    RAISES: DataError for annotation that cannot be right; what the library raises for other input.
    """
    path, line, default_id, number = place
    document = Document(str(source.id or default_id), "", source=path, line=line, number=number)
    if not source.id:
        document.leave_out(WITHOUT_ID)
    layers: list[tuple[int | None, list[BioCAnnotation], list[BioCRelation]]] = [(None, source.annotations, source.relations)]
    document.meta = {key: from_infon(value or "") for key, value in source.infons.items() if key != STATE}
    n_infons = 0
    for number, passage in enumerate(source.passages):
        for layer in (passage, *passage.sentences):
            layers.append((number, layer.annotations, layer.relations))
            n_infons += len(layer.infons)
    names = _Names([annotations for _, annotations, _ in layers])
    annotations = [
        _Annotation.of(annotation, name, number, document)
        for i, (number, some, _) in enumerate(layers)
        for annotation, name in zip(some, names.of[i], strict=True)
    ]
    annotations = _without_parts(document, [annotation for annotation in annotations if annotation.type])
    _place(document, source.passages, annotations)
    fields = _add_mentions(document, [annotation for annotation in annotations if annotation.places])
    relations = [(i, relation) for i, (_, _, some) in enumerate(layers) for relation in some]
    _Relations(document, names, reading).add(relations, fields, source.infons.get(STATE))
    document.unsupported["infons of passages and sentences"] += n_infons
    return document


class _Names:
    """Names for annotations, which differ: some files count them anew in each passage. of: Those of each layer, in its order."""

    def __init__(self, layers: list[list[BioCAnnotation]]):
        self.of: list[list[str]] = []
        self._in_layer: list[dict[str, str]] = []
        self._anywhere: dict[str, list[str]] = {}
        taken: Counter[str] = Counter()
        for annotations in layers:
            names = []
            for annotation in annotations:
                given = str(annotation.id or WITHOUT_NAME)
                taken[given] += 1
                names.append(given if taken[given] == 1 else f"{given}.{taken[given]}")
                if annotation.id:
                    self._anywhere.setdefault(given, []).append(names[-1])
            self.of.append(names)
            self._in_layer.append({str(a.id): name for a, name in zip(annotations, names, strict=True) if a.id})

    def find(self, given: str, layer: int) -> str | None:
        """The name of the annotation to which a relation of a layer refers."""
        anywhere = self._anywhere.get(given, [])
        return self._in_layer[layer].get(given) or (anywhere[0] if len(anywhere) == 1 else None)


@dataclass
class _Annotation:
    """What a file says of a mention. passage: The number of its passage. parts: Its offsets there; places: those in the text."""

    name: str
    passage: int | None
    parts: list[tuple[int, int]]
    text: str | None
    type: str
    concept: str
    long_form: str
    role: str | None
    n_infons: int
    places: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, source: BioCAnnotation, name: str, passage: int | None, document: Document) -> "_Annotation":
        infons = {key: value for key, value in source.infons.items() if value is not None}
        kind, role, long_form = infons.pop(TYPE, ""), infons.pop(ROLE, None), infons.pop(LONG_FORM, "")
        concept = next((value for key in CONCEPTS if (value := infons.pop(key, None))), "")
        if not all(isinstance(infon, str) for infon in (kind, concept, long_form)):
            raise document.error(f"mention {name!r} has infons that are no strings.")
        if not kind:
            document.leave_out(UNTYPED)
        parts = [(location.offset, location.offset + location.length) for location in source.locations]
        if any(abs(offset) > LARGEST for part in parts for offset in part):
            raise document.error(f"mention {name!r} has an offset of more than 18 digits; no text has so many characters.")
        return cls(name, passage, parts, source.text, kind, concept, long_form, role, len(infons))

    def said(self, shift: int = 0) -> Said:
        return Said(self.name, [(start + shift, end + shift) for start, end in self.parts], self.text)


@dataclass(frozen=True)
class _Layout:
    """A text made of passages, and where each begins."""

    text: str
    starts: list[int]
    sentences: list[tuple[int, int]]


def _place(document: Document, passages: list[BioCPassage], annotations: list[_Annotation]) -> None:
    """Give a document its text and sentences, and the annotations their places, in the one reading of offsets that fits.

    RAISES: DataError where none fits, or several that differ.
    """
    first: OffsetError | DataError | None = None
    some = annotations
    for _ in range(2):
        found: list[tuple[str, _Layout, Fit]] = []
        for name, unit, is_relative, follows in _ways(document, passages, some):
            try:
                layout = _laid_out(document, passages, unit, follows=follows)
                shifts = [layout.starts[a.passage] if is_relative and a.passage is not None else 0 for a in some]
                fit = fit_offsets(
                    layout.text, [a.said(shift) for a, shift in zip(some, shifts, strict=True)], units=[unit], is_usual=not name
                )
            except (OffsetError, DataError) as error:
                first = first or error
                continue
            if not any(_places_in(layout, fit, some) == _places_in(other, known, some) for _, other, known in found):
                found.append((name, layout, fit))
            if not name:
                break
        if found:
            break
        try:
            text = _laid_out(document, passages, CHARACTERS).text
        except DataError:
            break
        some = [annotation for annotation in annotations if not is_beyond(text, annotation.said())]
    if not found:
        raise first if isinstance(first, DataError) else document.error(str(first))
    if len(found) > 1:
        ways = " and of ".join(repr(name) for name, _, _ in found)
        raise document.error(f"its offsets fit as those of {ways}, at different places. Give offsets in characters, from its start.")
    [(name, layout, fit)] = found
    document.text = layout.text
    document.unsupported.update(fit.counts)
    if name in (FROM_PASSAGE, FOLLOWING):
        document.unsupported[name] += 1
    for annotation, places in zip(some, fit.places, strict=True):
        annotation.places = places
    for _ in range(len(annotations) - len(some)):
        document.leave_out(BEYOND)
    if layout.sentences and all(passage.sentences or not (passage.text or "").strip() for passage in passages):
        document.sentences = layout.sentences
    else:
        document.unsupported["sentences of documents in which passages have none"] += len(layout.sentences)


def _places_in(layout: _Layout, fit: Fit, annotations: list[_Annotation]) -> tuple[str, list[list[tuple[int, int]]]]:
    """Where annotations stand in their passages, which may be further apart in one layout than in another."""
    starts = [0 if a.passage is None else layout.starts[a.passage] for a in annotations]
    places = [[(s - start, e - start) for s, e in parts] for start, parts in zip(starts, fit.places, strict=True)]
    return layout.text if any(a.passage is None for a in annotations) else "", places


def _ways(document: Document, passages: list[BioCPassage], annotations: list[_Annotation]) -> Iterator[tuple[str, str, bool, bool]]:
    """Ways of counting: name, unit, whether from the start of the passage, whether passages follow one another whatever their offsets."""
    yield "", CHARACTERS, False, False
    if not any(annotation.text for annotation in annotations):
        return  # nothing decides
    for unit in UNITS[1:]:
        yield f"documents whose offsets count {unit}", unit, False, False
    yield FROM_PASSAGE, CHARACTERS, True, False
    for is_relative in (True, False):
        yield FOLLOWING, CHARACTERS, is_relative, True


def _laid_out(document: Document, passages: list[BioCPassage], unit: str, *, follows: bool = False) -> _Layout:
    """The text of passages that begin at their offsets, in some unit, or that follow one another. RAISES: DataError where they overlap."""
    pieces: list[str] = []
    length = width = 0
    starts: list[int] = []
    sentences: list[tuple[int, int]] = []

    def append(text: str, offset: int, what: str) -> int:
        nonlocal length, width
        gap = offset - width if not follows else bool(length)
        if not 0 <= gap <= MAX_GAP:
            raise document.error(
                f"a {what} has the offset {offset}, and the text before it ends at {width}. Offsets count characters "
                "(not bytes) from the start of the document."
            )
        added = _width(text, unit)  # also refuses half of a surrogate pair, which JSON can spell
        pieces.append(" " * gap + text)
        length += gap + len(text)
        width += gap + added
        return length - len(text)

    for passage in passages:
        starts.append(append(passage.text, passage.offset, "passage") if passage.text else length)
        at = starts[-1]
        for i, sentence in enumerate(passage.sentences):
            text = sentence.text or ""
            if not passage.text:
                at = append(text, sentence.offset, "sentence")
                if i == 0:
                    starts[-1] = at
            else:
                at = _find_sentence(document, passage, text, sentence.offset, starts[-1], at)
            sentences.append((at, at + len(text)))
            at += len(text)
    return _Layout("".join(pieces), starts, sentences)


def _find_sentence(document: Document, passage: BioCPassage, text: str, offset: int, start: int, after: int) -> int:
    """Where a sentence begins whose passage has the text: at its offset, from the start of document or passage, or after the last one."""
    for at in (offset, start + offset, start + passage.text.find(text, after - start)):
        if at >= start and passage.text[at - start : at - start + len(text)] == text:
            return at
    raise document.error(f"the sentence at {offset} is {text!r:.60}, and its passage has {passage.text[max(0, offset - start) :]!r:.60}.")


def _width(text: str, unit: str) -> int:
    text.encode("utf8")  # refuses half of a surrogate pair
    return length_in(text, unit)


def _without_parts(document: Document, annotations: list[_Annotation]) -> list[_Annotation]:
    """The annotations without the parts of composite mentions, which come first."""
    composites = [a for a in annotations if a.role == "CompositeMention"]
    kept = []
    for annotation in sorted(annotations, key=lambda a: a.role == "IndividualMention"):
        if annotation.role == "IndividualMention" and any(_is_part(annotation, composite) for composite in composites):
            document.unsupported["parts of composite mentions"] += 1
        else:
            kept.append(annotation)
    return kept


def _is_part(mention: _Annotation, composite: _Annotation) -> bool:
    if not mention.parts or not composite.parts:
        return False
    within = min(composite.parts)[0] <= min(mention.parts)[0] and max(e for _, e in mention.parts) <= max(e for _, e in composite.parts)
    return within and mention.type == composite.type and set(parse_field(mention.concept)) <= set(parse_field(composite.concept))


def _add_mentions(document: Document, annotations: list[_Annotation]) -> list[str]:
    """Add the mentions to a document. RETURNS: What the file says of the concepts of each."""
    taken = {annotation.places[0] for annotation in annotations if len(annotation.places) == 1}
    for annotation in annotations:
        place = one_stretch(document, sorted(annotation.places), taken)
        document.unsupported["infons of mentions"] += annotation.n_infons
        document.mentions.append(Mention(annotation.name, *place, annotation.type, long_form=annotation.long_form))
    return [annotation.concept for annotation in annotations]


class _Relations:
    """Puts the relations of a document together."""

    def __init__(self, document: Document, names: _Names, reading: Reading):
        self.document, self.names, self.reading = document, names, reading
        self.mentions: list[AnnotatedRelation] = []
        self.concepts: list[Stated] = []

    def add(self, relations: list[tuple[int, BioCRelation]], fields: list[str], state: str | None) -> None:
        """Add them, each with the number of its layer."""
        document = self.document
        ids = {str(relation.id) for _, relation in relations}
        for layer, relation in relations:
            self._sort(relation, layer, ids)
        concepts, document.denied_concepts = settle(document, fields, self.concepts)
        given = {"mentions": bool(self.mentions), "concepts": bool(self.concepts)}
        levels = set(re.findall(r"\w+", state)) if state else levels_of(**given)
        if not levels <= {*given, "nothing"} or any(some and name not in levels for name, some in given.items()):
            raise document.error(
                f"its infon {STATE!r} is {state!r}, which does not fit its relations; expected mentions, concepts, or nothing."
            )
        document.relations = self.mentions if "mentions" in levels else None
        document.concept_relations = concepts if "concepts" in levels else None

    def _sort(self, relation: BioCRelation, layer: int, ids: set[str]) -> None:
        document = self.document
        infons = {key: value for key, value in relation.infons.items() if value not in (None, "")}
        key = next((key for key in LABELS if infons.get(key)), None)
        if key is None:
            return document.leave_out(UNNAMED)
        if not all(isinstance(value, str) for value in infons.values()):
            raise document.error(f"relation {relation.id!r} has infons that are no strings: {relation.infons}.")
        label = infons.pop(key)
        score, attributes, is_denied = self._said(relation, label, infons)
        place = (document.source, document.line)
        found = [self.names.find(str(node.refid), layer) for node in relation.nodes]
        held = {mention.id for mention in document.mentions}
        ends = [(node.role or "", name) for node, name in zip(relation.nodes, found, strict=True) if name in held]
        if len(ends) == len(relation.nodes) == 2:
            head, tail = self.reading.roles.direct(label, ends, *place)
            document.unsupported["infons of relations"] += len(infons)
            made = AnnotatedRelation(str(head), str(tail), label, score, attributes=attributes)
            (document.denied if is_denied else self.mentions).append(made)
        elif pair := _concept_pair(infons):
            head, tail = self.reading.roles.direct(label, pair, *place)
            document.unsupported["infons of relations"] += len(infons) - 2
            self.concepts.append(Stated(AnnotatedRelation(head, tail, label, score, attributes=attributes), document.line, is_denied))
        elif any(str(node.refid) in ids and name is None for node, name in zip(relation.nodes, found, strict=True)):
            document.leave_out(RELATED)
        else:
            document.leave_out(UNKNOWN if len(relation.nodes) == 2 else N_ARY)

    def _said(self, relation: BioCRelation, label: str, infons: dict[str, str]) -> tuple[float, tuple[str, ...], bool]:
        """The score and the attributes of a relation, and whether it is denied, which are taken out of its infons."""
        number = infons.pop(SCORE, "1")
        score = float(number)
        if not 0 <= score <= 1:
            raise self.document.error(f"relation {relation.id!r} has the score {number!r}; expected a number between 0 and 1.")
        attributes = [NOVEL] if any(_is_novel(infons.pop(key)) for key in list(infons) if key.casefold() in NOVELTY) else []
        is_denied = False
        for key in list(infons):
            if (told := said(key, infons[key])) is not None:
                del infons[key]
                is_denied = is_denied or told == NEGATED
                attributes += [told] if told not in ("", NEGATED) else []
        attributes += infons.pop(ATTRIBUTES).split("|") if ATTRIBUTES in infons else []
        return score, tuple(dict.fromkeys(attributes)), is_denied


def _is_novel(value: str) -> bool:
    return value.strip().casefold() in ("novel", "yes", "true", "1")


def _concept_pair(infons: dict[str, str]) -> list[tuple[str, str]]:
    """The two infons that name the concepts of a relation: those of known roles, those of one name with 1 and 2, or the only two."""
    keys = list(infons)
    plain = {key: re.sub(r"[-_\s]", "", key).casefold() for key in keys}
    pairs = [
        (a, b)
        for i, a in enumerate(keys)
        for b in keys[i + 1 :]
        if {plain[a] in HEADS, plain[b] in HEADS} == {plain[a] in TAILS, plain[b] in TAILS} == {True, False}
        or (plain[a][:-1] == plain[b][:-1] != "" and {plain[a][-1:], plain[b][-1:]} == {"1", "2"})
    ]
    if len(pairs) != 1 and len(keys) == 2:
        pairs = [(keys[0], keys[1])]
    return [(key, infons[key]) for key in pairs[0]] if len(pairs) == 1 else []
