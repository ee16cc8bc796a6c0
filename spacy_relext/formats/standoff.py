r"""The lines of brat's standoff files and of the BioNLP shared tasks: what they say of one document (brat.py and bionlp.py have the rest).

    T1	DRUG 0 7	Aspirin                   a mention: type, offsets (several with ; between), text
    R1	RAISES Arg1:T1 Arg2:T2            a relation, whose head and tail are told by the roles (roles.py)
    E1	INHIBITS:T4 Agent:T1 Theme:T2     an event: its type and trigger, and arguments with their roles
    A1	Negation R1                       an attribute of a relation or event: it is denied (denials.py); M1 is the same
    N1	Reference T1 MESH:D001241	aspirin   an identifier of the concept of a mention

**Events.** By default an event whose two arguments are mentions is a relation between them, with the type of the event as its label. With
the option `events` all are taken: "roles": from the trigger to each argument, labelled by its role; "pairs": between each two arguments,
labelled by the event. In both, the trigger stands for the event where it is itself an argument of another event or of a relation. Arguments
whose roles do not tell which is the head come in any order: all are directed as the first event with these roles, which is counted.

**Discontinuous mentions** are one stretch, from the first to the last character; where that is another mention, the longest fragment. Both
are counted, but not where white space alone is left out: brat cuts a mention at a line end.

What cannot be held is left out by line, and counted: other events, relations of relations and events, of one argument or of more than two,
those between the same characters, relations, events, attributes and normalisations of what has no line; attributes of mentions, notes (#),
equivalences (*), names of concepts; lines of another kind (X1), or of none of these forms. Errors are mentions (T), on which all lines
rest, of another form, or whose texts are not those of their offsets; names that two lines have; files without a line of a known kind.
"""

import re
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

from spacy_relext.concepts import is_none, join
from spacy_relext.errors import DataError
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.denials import NEGATED, SPECULATED, said
from spacy_relext.formats.limits import begins_with_mark
from spacy_relext.formats.offsets import OffsetError, Said, Stretch, fit_offsets, one_stretch
from spacy_relext.formats.reading import PAIRS, ROLES, Reading
from spacy_relext.formats.texts import whole_text
from spacy_relext.formats.types import N_ARY, RELATED, SAME_PLACE, SELF, UNKNOWN, AnnotatedRelation, Document, Mention

ARGUMENTS = r"((?: [^\s:]+:\S+)*)"
LINES = {
    "T": (re.compile(r"(T\S+)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)\t(.*)"), "T1, tab, type, start and end, tab, text"),
    # The coreference task names the proteins of a reference behind it.
    "R": (re.compile(rf"(R\S+)\t(\S+){ARGUMENTS}\s*(?:\[.*\]\s*)?"), "R1, tab, label, Arg1:T1, Arg2:T2"),
    "E": (re.compile(rf"(E\S+)\t([^\s:]+)(?::(\S+))?{ARGUMENTS}\s*"), "E1, tab, type:trigger, and Role:T1 for each argument"),
    "N": (
        re.compile(r"(N\S+)\t\S+ (?:Annotation:)?(\S+) (?:Referent:)?(\S+)(?:\t(.*)|\s*)"),
        "N1, tab, Reference, T1, DATABASE:ID, tab, name",
    ),
    "A": (re.compile(r"([AM]\S+)\t(\S+) (\S+)(?: (.*?))?\s*"), "A1, tab, attribute, R1, and perhaps a value"),
    "#": (re.compile(r"(#\S*)\t(\S+) (\S+)(?:\t(.*))?"), "#1, tab, type of note, T1, tab, note"),
    "*": (re.compile(r"(\*)\s.*"), "*, tab, Equiv, T1, T2"),
}
SCORE = "Score"
# Other lines that begin with T may be the rest of a note that has several.
MENTION = re.compile(r"T(\d|\S*\t)")
# The names of what is left out.
UNREADABLE = "lines of no known kind or form"
ATTRIBUTES, NOTES, EQUIVALENCES = "brat attributes (A, M)", "brat notes (#)", "brat equivalences (*)"
OF_EVENTS = "relations of events"
EVENTS_OF_EVENTS, EVENTS_OF_RELATIONS = "events whose arguments are events", "events whose arguments are relations"
NO_TRIGGER, NO_MENTION_AS_TRIGGER = "events without a trigger", "events whose trigger is no mention"
EVENTS = {0: "events without arguments", 1: "events with one argument"}
OTHER_ORDER = "events with other roles first (directed as the first with these roles)"
MORE_ARGUMENTS = "events with more than two arguments"
UNKNOWN_CONCEPTS = "concept identifiers of mentions that the document does not have"


class StandoffLine(NamedTuple):
    """A line: where it stands, and the groups of its pattern."""

    path: Path
    line: int
    values: tuple[str, ...]

    def fail(self, message: str) -> DataError:
        """An error that says where it stands."""
        return DataError(message, path=self.path, line=self.line)


class Standoff:
    """What the lines of the files of one document say. Lines may refer to later ones, so all are added before `annotate`."""

    def __init__(self, document: Document, reading: Reading):
        self.document, self.reading = document, reading
        self.rows: dict[str, list[StandoffLine]] = {kind: [] for kind in LINES}
        self.ids: dict[str, StandoffLine] = {}
        self.mentions: dict[str, Mention] = {}
        # The relations of each line R or E, by its name; the names of lines that are denied.
        self.relations: dict[str, list[AnnotatedRelation]] = {}
        self.denied: set[str] = set()

    def add(self, path: Path) -> None:
        """Read the lines of a file, and count those of no known form.

        RAISES: DataError for a mention of no known form, for a name that two lines have, and for a file without a line of a known kind.
        """
        lines = [(i, line.removesuffix("\r")) for i, line in enumerate(whole_text(path).split("\n"), start=1) if line.strip()]
        if lines and not any(_kind(line) in LINES for _, line in lines):
            number, line = lines[0]
            raise DataError(f"saw {line!r:.60}; expected lines that begin with T, R, E, N, A, M, # or *.", path=path, line=number)
        for number, line in lines:
            kind = _kind(line)
            pattern, form = LINES.get(kind, (None, ""))
            match = pattern.fullmatch(line) if pattern else None
            if match is None:
                if MENTION.match(line):
                    raise DataError(f"saw {line!r:.80}; expected {form}.", path=path, line=number)
                self.document.leave_out(UNREADABLE, number, path)
                continue
            row = StandoffLine(path, number, match.groups(default=""))
            if kind in "TRE":
                other = self.ids.setdefault(match[1], row)
                if other is not row:
                    raise row.fail(f"{match[1]} is in line {other.line} already.")
            self.rows[kind].append(row)

    def annotate(self, file: Path | None = None) -> None:
        """Make mentions and relations of what was added. file: That of the text, if it has one of its own."""
        self._add_mentions(file)
        for row in self.rows["R"]:
            self._add_relation(row)
        for row in self.rows["E"]:
            self._add_event(row)
        for row in self.rows["A"]:
            self._add_attribute(row)
        for row in self.rows["#"]:
            self._add_note(row)
        for row in self.rows["*"]:
            self._leave_out(EQUIVALENCES, row)
        self._add_concepts()
        document = self.document
        document.mentions = list(self.mentions.values())
        document.relations = [r for name, some in self.relations.items() if name not in self.denied for r in some]
        document.denied = [r for name, some in self.relations.items() if name in self.denied for r in some]

    def _leave_out(self, what: str, row: StandoffLine) -> None:
        self.document.leave_out(what, row.line, row.path)

    def _is_there(self, name: str) -> bool:
        """Whether there is a line of this name and, where its trigger stands for an event, that of the trigger."""
        row = self.ids.get(name)
        return row is not None and (name[0] != "E" or not self.reading.options.events or row.values[2] in self.ids)

    def _add_mentions(self, file: Path | None) -> None:
        had_mark = file is not None and begins_with_mark(file)
        rows = self.rows["T"]
        mentions = [Said(name, _parts(offsets), text) for name, _, offsets, text in (row.values for row in rows)]
        try:
            fit = fit_offsets(self.document.text, mentions, had_mark=had_mark)
        except OffsetError as error:
            raise rows[error.index].fail(str(error)) from error
        self.document.unsupported.update(fit.counts)
        places = [self._without_blank_gaps(parts) for parts in fit.places]
        taken = {parts[0] for parts in places if len(parts) == 1}
        for row, parts in zip(rows, places, strict=True):
            start, end = one_stretch(self.document, parts, taken, row.line, row.path)
            name, kind = row.values[:2]
            self.mentions[name] = Mention(name, start, end, kind)

    def _without_blank_gaps(self, parts: list[Stretch]) -> list[Stretch]:
        """The parts in the order of the text, as one where white space alone is between them."""
        text, joined = self.document.text, sorted(parts)[:1]
        for before, after in pairwise(sorted(parts)):
            if text[before[1] : after[0]].strip():
                joined.append(after)
            else:
                joined[-1] = (joined[-1][0], max(joined[-1][1], after[1]))
        return joined

    def _add_relation(self, row: StandoffLine) -> None:
        name, label, given = *row.values[:2], _arguments(row.values[2])
        ends = [(role, self._mention(to)) for role, to in given]
        if not all(self._is_there(to) for _, to in given):
            self._leave_out(UNKNOWN, row)
        elif "R" in {to[0] for _, to in given}:
            self._leave_out(RELATED, row)
        elif None in (mention for _, mention in ends):
            self._leave_out(OF_EVENTS, row)
        elif len(ends) != 2:
            self._leave_out(N_ARY, row)
        else:
            self._relate(name, label, ends, row)

    def _mention(self, name: str) -> str | None:
        """The mention of an argument: itself or, where events are taken, the trigger of an event."""
        if name[0] == "E" and self.reading.options.events and name in self.ids:
            name = self.ids[name].values[2]
        return name if name in self.mentions else None

    def _relate(self, name: str, label: str, ends: list[tuple[str, str | None]], row: StandoffLine, *, directed: bool = False) -> None:
        """A relation between two mentions. directed: The head is the first, whatever the roles."""
        pair = [(role, self.mentions[mention]) for role, mention in ends if mention is not None]
        (_, a), (_, b) = pair
        if (a.start, a.end) == (b.start, b.end):
            self._leave_out(SELF if a.id == b.id else SAME_PLACE, row)
            return
        given = [(role, mention.id) for role, mention in pair]
        head, tail = a.id, b.id
        if not directed:
            tell = partial(self._leave_out, OTHER_ORDER, row) if name[0] == "E" else None
            head, tail = self.reading.roles.direct(label, given, row.path, row.line, on_other_order=tell)
        self.relations.setdefault(name, []).append(AnnotatedRelation(head, tail, label))

    def _add_event(self, row: StandoffLine) -> None:
        name, label, trigger, arguments = row.values
        given = _arguments(arguments)
        if not trigger:
            self._leave_out(NO_TRIGGER, row)
            return
        if not all(self._is_there(to) for to in (trigger, *(to for _, to in given))):
            self._leave_out(UNKNOWN, row)
            return
        ends = [(role, self._mention(to)) for role, to in given]
        events = self.reading.options.events
        if trigger not in self.mentions:
            self._leave_out(NO_MENTION_AS_TRIGGER, row)
        elif any(to[0] == "R" for _, to in given):
            self._leave_out(EVENTS_OF_RELATIONS, row)
        elif None in (mention for _, mention in ends):
            self._leave_out(EVENTS_OF_EVENTS, row)
        elif events == ROLES and ends:
            for role, mention in ends:
                self._relate(name, re.sub(r"(?<=.)\d+$", "", role), [("", trigger), (role, mention)], row, directed=True)
        elif len(ends) == 2 or (len(ends) > 2 and events == PAIRS):
            for pair in combinations(ends, 2):
                self._relate(name, label, list(pair), row)
            self._leave_out("triggers of events", row)
        else:
            self._leave_out(EVENTS.get(len(ends), MORE_ARGUMENTS), row)

    def _add_attribute(self, row: StandoffLine) -> None:
        _, attribute, name, value = row.values
        kind = said(attribute, value)
        if name not in self.relations:
            self._leave_out(ATTRIBUTES, row)
        elif kind == NEGATED:
            self.denied.add(name)
        elif kind != "":
            more = kind or (f"{attribute}={value}" if value else attribute)
            self.relations[name] = [replace(r, attributes=tuple(sorted({*r.attributes, more}))) for r in self.relations[name]]

    def _add_note(self, row: StandoffLine) -> None:
        _, kind, name, note = row.values
        if kind != SCORE or name not in self.relations:
            self._leave_out(NOTES, row)
            return
        if not re.fullmatch(r"0(\.\d+)?|1(\.0+)?|\d(\.\d+)?e-\d+", note):
            self._leave_out(UNREADABLE, row)
            return
        self.relations[name] = [replace(relation, score=float(note)) for relation in self.relations[name]]

    def _add_concepts(self) -> None:
        concepts: dict[str, list[str]] = {}
        for row in self.rows["N"]:
            _, name, concept, title = row.values
            if name not in self.ids:
                self._leave_out(UNKNOWN_CONCEPTS, row)
                continue
            if name not in self.mentions:
                self._leave_out("concept identifiers of events and relations", row)
                continue
            if is_none(concept):
                self._leave_out("normalisations to no concept (N)", row)
                continue
            concepts.setdefault(name, []).append(concept)
            if title and title != on_one_line(self.document, self.mentions[name]):
                self._leave_out("names of concepts (N)", row)
        for name, some in concepts.items():
            self.mentions[name] = replace(self.mentions[name], kb_id=join(dict.fromkeys(some)))


def lines_of(document: Document) -> tuple[list[str], Counter[str]]:
    """The lines of an .ann file, and what they cannot hold. RAISES: DataError for types, labels and identifiers with white space."""
    lines: list[str] = []
    references: list[str] = []
    more: list[str] = []
    lost: Counter[str] = Counter()
    ids = {mention.id: f"T{i}" for i, mention in enumerate(document.mentions, start=1)}
    for mention in document.mentions:
        # brat has no line end inside an offset pair.
        parts = [match.span() for match in re.compile(r"[^\r\n]+").finditer(document.text, mention.start, mention.end)]
        if not parts:
            raise document.error(f"the mention {mention.id!r} at {mention.start}-{mention.end} is empty.")
        offsets = ";".join(f"{start} {end}" for start, end in parts)
        name = on_one_line(document, mention)
        lines.append(f"{ids[mention.id]}\t{_word(document, mention.type, 'type')} {offsets}\t{name}")
        for concept in concepts_of(mention):
            references.append(f"N{len(references) + 1}\tReference {ids[mention.id]} {_word(document, concept, 'concept')}\t{name}")
    scores, attributes = 0, 0
    known = [(relation, False) for relation in document.relations or ()] + [(relation, True) for relation in document.denied]
    for i, (relation, is_denied) in enumerate(known, start=1):
        lines.append(f"R{i}\t{_word(document, relation.label, 'label')} Arg1:{ids[relation.head]} Arg2:{ids[relation.tail]}")
        if relation.score != 1:
            scores += 1
            more.append(f"#{scores}\t{SCORE} R{i}\t{relation.score}")
        told = [_attribute(name) for name in relation.attributes]
        lost["attributes of relations"] += None in told
        for attribute in [*(["Negation R{}"] if is_denied else []), *filter(None, told)]:
            attributes += 1
            more.append(f"A{attributes}\t{attribute.format(i)}")
    return [*lines, *references, *more], lost


def _attribute(name: str) -> str | None:
    """What the line of an attribute says, with {} for its relation; None where another one would come back."""
    if name == SPECULATED:
        return "Speculation R{}"
    attribute, _, value = name.partition("=")
    if re.search(r"\s|[{}]", name) or not attribute or said(attribute, value) is not None or name.endswith("="):
        return None
    return f"{attribute} R{{}} {value}".rstrip()


def on_one_line(document: Document, mention: Mention) -> str:
    """The text of a mention on one line: as brat writes it, a space for each line end."""
    return " ".join(re.findall(r"[^\r\n]+", document.text[mention.start : mention.end]))


def _word(document: Document, value: str, what: str) -> str:
    if not value or re.search(r"\s", value):
        raise document.error(f"the {what} {value!r} is empty or has white space, which brat does not allow. Rename it before exporting.")
    return value


def _parts(offsets: str) -> list[Stretch]:
    return [(int(start), int(end)) for start, end in (part.split() for part in offsets.split(";"))]


def _kind(line: str) -> str:
    return "A" if line[0] == "M" else line[0]


def _arguments(text: str) -> list[tuple[str, str]]:
    return [(role, to) for role, _, to in (argument.partition(":") for argument in text.split())]
