r"""Identifiers of concepts as files write them.

How several are joined in `Mention.kb_id`, concepts.py says.

Files separate them with "," or ";" or "|", and have identifiers in which one of these stands: an IRI (`http://dbpedia.org/resource/Paris,_Texas`)
ends where another one begins. `settle` takes the reading that resolves: one
with which every relation of the document is between concepts that its mentions have. Tried are, in this order,

1. all three as separators, but for those in an identifier of tmVar's;
2. the same, but for what a relation of the document names as a whole, which is one identifier;
3. the first, for relations that name several concepts, each of which some mention has: one relation for each of them.

A variant of PubTator's has several names (`tmVar:c|DEL|35|G;HGVS:c.35delG;CorrespondingGene:2706;RS#:80338939`) and is one concept, called
by its RS#, else by what the mentions of the document have in common with it, else by its HGVS name; the gene is another concept than it.
A relation may say any of its names, with the key or without: `c.35delG`, `80338939`, `rs80338939`, as long as one concept alone has it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from spacy_relext.concepts import NO_CONCEPT, OURS, SEPARATOR, VARIANT, escape, join, parts, some, unescape
from spacy_relext.formats.types import AnnotatedRelation, Document

# More characters than any field has of which a relation names a part: looking for such parts takes long.
LONGEST = 1_000
IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# A variant after other identifiers.
VARIANT_AFTER = re.compile(r"(.*?)\|((?:tmVar:)?[a-z]\|[A-Za-z]{2,}\|.*)", re.DOTALL)
# What PubTator says of a variant: its names, from the one that tells most, and what else it knows.
NAMES = ("RS#", "HGVS", "CA#", "tmVar")
OTHERS = ("VariantGroup", "CorrespondingGene", "CorrespondingSpecies", "OriginalGene")
# What may stand before the number of a name, or be left out.
PREFIXES = {"RS#": "rs", "CA#": "CA"}
KEY = re.compile(rf"({'|'.join((*NAMES, *OTHERS))}):")
UNKNOWN = "relations with concepts that no mention has"
TOLD = "documents whose relations tell where identifiers end"
SEVERAL = "relations of several concepts (now one for each)"
OTHERWISE = "concepts that relations write otherwise than mentions"
FURTHER = "further identifiers of variants"


def from_field(field: str) -> str:
    """The `kb_id` of a field of a file, by the first reading above, for formats without relations between concepts."""
    return join(names[0] for names in parse_field(field))


def to_field(found: Iterable[str]) -> str:
    """Some identifiers as PubTator and BioC have them: joined with | or, where identifiers have it, with , as in BioRED; "-1" for none."""
    wanted = some(found)
    for separator in (SEPARATOR, ",", ";"):
        joined = separator.join(wanted)
        if parse_field(joined) == [(one,) for one in wanted]:
            return joined or NO_CONCEPT
    return OURS + SEPARATOR.join(escape(one, ",;|") for one in wanted)


def parse_field(field: str) -> list[tuple[str, ...]]:
    """The concepts of a field of a file, by the first reading above: of each all names."""
    field = field.strip()
    if field.startswith(OURS):
        return [(one,) for one in some(unescape(part) for part, _ in parts(field, ",;|"))]
    if IRI.match(field):
        return [(one,) for one in some(re.split(rf"\s*[,;|]\s*(?={IRI.pattern})", field))]
    if KEY.match(field):
        return [names] if (names := _names(field)) else []
    found: list[str] = []
    separator = ""
    for part, following in parts(field, ",;"):
        if found and VARIANT.fullmatch(found[-1]) and "|" in part and "\\|" not in part and not VARIANT.fullmatch(part):
            found[-1] += separator + part  # a variant of several positions: c|SUB|A|1,2|G
        elif VARIANT.fullmatch(part) and "\\|" not in part:
            found.append(part)
        elif (after := VARIANT_AFTER.fullmatch(part)) and "\\|" not in part:
            found += [one for one, _ in parts(after[1], SEPARATOR)] + [after[2]]
        else:
            found += [unescape(one) for one, _ in parts(part, SEPARATOR)]
        separator = following
    return [(one,) for one in some(one.strip() for one in found)]


@dataclass(frozen=True)
class Stated:
    """A relation between concepts as a file writes them, in a line of it where that is known. denied: It says that there is none."""

    relation: AnnotatedRelation
    line: int | None = None
    denied: bool = False


def settle(document: Document, fields: Sequence[str], stated: Sequence[Stated]) -> tuple[list[AnnotatedRelation], list[AnnotatedRelation]]:
    """Give the mentions of a document the concepts that their fields say, in the reading that resolves its relations.

    fields: One for each mention. RETURNS: The relations, and those that are denied. What is left out, or had to be found, is counted.
    """
    ends = {end.strip() for one in stated for end in (one.relation.head, one.relation.tail)}
    plain = _Concepts([parse_field(field) for field in fields])
    chosen, several = plain, False
    if not all(plain.find(end) for end in ends):
        alone = {field.strip() for field in fields} | ends
        wholes = {end for end in ends if _is_list(end) and not {part for part, _ in parts(end, ",;|")} & alone}
        guided = _Concepts([_parse_by(field.strip(), wholes) for field in fields])
        n_plain, n_guided = (sum(bool(concepts.find(end, several=True)) for end in ends) for concepts in (plain, guided))
        chosen, several = (guided, True) if n_guided > n_plain or all(guided.find(end) for end in ends) else (plain, True)
        document.unsupported[TOLD] += chosen is guided and guided.of != plain.of
    document.mentions = [
        replace(mention, kb_id=join(chosen.names[concept] for concept in concepts))
        for mention, concepts in zip(document.mentions, chosen.of, strict=True)
    ]
    document.unsupported[FURTHER] += sum(field.count(";") for field in fields if KEY.match(field.strip()))
    held: list[AnnotatedRelation] = []
    denied: list[AnnotatedRelation] = []
    for one in stated:
        heads, tails = (chosen.find(end.strip(), several=several) for end in (one.relation.head, one.relation.tail))
        if not heads or not tails:
            document.leave_out(UNKNOWN, one.line)
            continue
        document.unsupported[SEVERAL] += len(heads) * len(tails) > 1
        document.unsupported[OTHERWISE] += sum(
            found[0] != end.strip() and parse_field(end) != [(found[0],)]
            for found, end in ((heads, one.relation.head), (tails, one.relation.tail))
            if len(found) == 1
        )
        (denied if one.denied else held).extend(replace(one.relation, head=head, tail=tail) for head in heads for tail in tails)
    return held, denied


class _Concepts:
    """The concepts of the mentions of a document. of: For each mention, its concepts, by all their names. names: What each is called."""

    def __init__(self, of: list[list[tuple[str, ...]]]):
        self.of = of
        concepts = list(dict.fromkeys(concept for some in of for concept in some))
        # Those with an RS# first: others that share a name with just one of them are called as it is.
        self.names: dict[tuple[str, ...], str] = {}
        self.called: dict[str, set[str]] = {}
        for concept in sorted(concepts, key=lambda names: min(_rank(name) for name in names)):
            known = {name for part in concept for name in self.called.get(part, ())} if _rank(concept[0]) else set()
            self.names[concept] = known.pop() if len(known) == 1 else concept[0]
            for part in concept:
                self.called.setdefault(part, set()).add(self.names[concept])
        self.bare: dict[str, set[str]] = {}
        for concept, name in self.names.items():
            for text in {text for part in (name, *concept) for text in _bare(part)}:
                self.bare.setdefault(text, set()).add(name)

    def find(self, end: str, *, several: bool = False) -> list[str]:
        """The concepts that the end of a relation says; empty where that is not one of a mention. several: There may be more than one."""
        # With the type before it, or after it: "Gene|673", "MESH:D008545|Disease".
        typed = re.fullmatch(r"[A-Za-z]{3,}\|(.+)", end), re.fullmatch(r"(.+)\|[A-Za-z]{3,}", end)
        for text in (end, *(match[1] for match in typed if match)):
            known = self.called.get(text) or self.bare.get(text) or set()
            if len(known) == 1:
                return list(known)
            concepts = parse_field(text)
            found = [self._one(names) for names in concepts]
            if found and all(found) and (len(found) == 1 or several):
                return [name for name in found if name]
        return []

    def _one(self, names: tuple[str, ...]) -> str | None:
        for known in ({name for part in names[:1] for name in self.called.get(part, ())}, _union(self.called, names)):
            if len(known) == 1:
                return next(iter(known))
        # MESH:D003638 and D003638 are the same, MESH:D003638 and OMIM:D003638 are not.
        if known := self.bare.get(names[0], set()):
            return next(iter(known)) if len(known) == 1 else None
        # A number without RS# or CA# is that of a gene.
        known = _union(self.bare, [text for name in names for text in _bare(name) if not (KEY.match(name) and text.isdecimal())])
        return next(iter(known)) if len(known) == 1 and ":" not in next(iter(known)) else None


def _names(field: str) -> tuple[str, ...]:
    """The names of a variant, the one that tells most first."""
    found: list[str] = []
    for part, _ in parts(field, ";"):
        if KEY.match(part) or not found:
            found.append(part)
        else:
            found[-1] += f";{part}"  # HGVS:c.[1A>G;2C>T]
    return tuple(sorted((part for part in found if part.startswith(NAMES)), key=_rank))


def _rank(name: str) -> int:
    return next((i for i, key in enumerate(NAMES) if name.startswith(f"{key}:")), 0)


def _bare(name: str) -> set[str]:
    """How a name is written without its key or database. A number of RS# or CA# has its prefix, or has not, with the key too."""
    key, _, value = name.partition(":")
    found = {name.rpartition(":")[2]}
    if key in NAMES:
        prefix = PREFIXES.get(key, "")
        number = re.sub(f"^{prefix}", "", value, flags=re.IGNORECASE)
        found |= {value, number, prefix + number, f"{key}:{number}", f"{key}:{prefix}{number}"} if number else set()
    return found - {""}


def _is_list(end: str) -> bool:
    return len(parts(end, ",;|")) > 1


def _union(called: dict[str, set[str]], names: Iterable[str]) -> set[str]:
    return {name for part in names for name in called.get(part, ())}


def _parse_by(field: str, wholes: set[str]) -> list[tuple[str, ...]]:
    """The concepts of a field, in which the longest of some wholes that stand between separators are one each."""
    starts, position = [], 0
    if len(field) > LONGEST:
        return parse_field(field)
    for part, separator in parts(field, ",;|"):
        starts.append((position, position + len(part)))
        position += len(part) + len(separator)
    for length in range(len(starts), 1, -1):
        for i in range(len(starts) - length + 1):
            start, end = starts[i][0], starts[i + length - 1][1]
            if field[start:end] in wholes:
                before, after = field[: max(0, start - 1)], field[end + 1 :]
                around = (_parse_by(text, wholes) for text in (before, after))
                first, last = around
                return list(dict.fromkeys([*first, (field[start:end],), *last]))
    return parse_field(field)
