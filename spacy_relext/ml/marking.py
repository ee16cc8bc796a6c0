"""Text in which mentions are marked, so that the encoder knows what it is asked about.

Entity blinding replaces mentions by tags: all mentions of a Doc, or one pair. Typed entity markers stand around the mentions of a pair.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy
from spacy.tokens import Doc

from spacy_relext.candidates import Candidates, has_sentences, sentence_bounds

MarkingFunction = Callable[[Doc, Candidates], tuple[Doc, Candidates]]

# What a tok2vec layer may read of a token besides its text and what follows from the text alone.
TOKEN_ATTRIBUTES: list[int | str] = ["LEMMA", "TAG", "POS", "MORPH"]


def mention_tags(numbered: bool = True) -> MarkingFunction:
    """Entity blinding of all mentions: a tag such as `@DRUG1$` in the place of each. Registered as `spacy-relext.mention_tags.v1`.

    All other text stays as it is.
    Su & Vijay-Shanker (arXiv:2011.00398) replace the two mentions of a pair, `@DRUG$`, and encode a text once per pair. Here all mentions
    are replaced, and the text is encoded once: the encoder sees where mentions are, and cannot learn their names by heart. The tags of
    mentions that overlap stand side by side in the place of them all, the first and longest one first.

    numbered (bool): Number the names of a sentence, 1, 2, …, the same name (whatever its case) always alike: without it the encoder
        cannot know that two mentions are the same drug, and no interaction.
    """
    return partial(_mention_tags, numbered=numbered)


def _mention_tags(doc: Doc, candidates: Candidates, *, numbered: bool) -> tuple[Doc, Candidates]:
    if not len(candidates.mentions):
        return doc, candidates
    stretches = _stretches(candidates)
    # How many tokens each one becomes: one, but the first of a stretch its tags, and the others none; and the first of its stretch.
    size = numpy.ones(len(doc), dtype="int64")
    begin = numpy.arange(len(doc))
    for stretch in stretches:
        size[stretch.first : stretch.end] = 0
        size[stretch.first] = len(stretch.mentions)
        begin[stretch.first : stretch.end] = stretch.first
    place = size.cumsum() - size
    source = begin.repeat(size)
    # By number: a Doc that is asked token by token takes as long as the rest of this.
    orths, spaces = doc.to_array(["ORTH", "SPACY"]).T
    words: list[int | str] = orths[source].tolist()
    followed = spaces[source].astype(bool)
    with_sentences = has_sentences(doc)
    begins = numpy.zeros(len(source), dtype=bool)
    if with_sentences:
        starts = sentence_bounds(doc)[0]
        begins[place[starts[size[starts] > 0]]] = True
    sentence = begins.cumsum()
    tags: dict[tuple[int, int, str], int] = {}
    names: dict[int, dict[str, int]] = {}
    for stretch in stretches:
        first_tag = int(place[stretch.first])
        known = names.setdefault(int(sentence[first_tag]), {})
        for tag, (first, end, kind) in enumerate(stretch.mentions, start=first_tag):
            number = known.setdefault(doc[first:end].text.lower(), len(known) + 1)
            words[tag] = f"@{kind}{number if numbered else ''}$"
            tags[first, end, kind] = tag
            # A mention has the attributes of its last token: in English, its head.
            source[tag] = end - 1
            followed[tag] = True
        followed[tag] = spaces[stretch.end - 1]
    marked = Doc(
        doc.vocab,
        words=words,  # type: ignore[arg-type]  # numbers of words are taken too
        spaces=followed.tolist(),
        sent_starts=begins.tolist() if with_sentences else None,
    )
    attributes = doc.to_array(TOKEN_ATTRIBUTES)
    if attributes.any():
        marked.from_array(TOKEN_ATTRIBUTES, attributes[source])
    mentions, contexts = candidates.mentions.copy(), candidates.contexts.copy()
    mentions[:, 0] = [tags[first, end, kind] for (first, end, _), kind in zip(mentions.tolist(), candidates.labels, strict=True)]
    mentions[:, 1] = mentions[:, 0] + 1
    contexts[:, 0] = place[begin[contexts[:, 0]]]
    contexts[:, 1] = (place + size)[contexts[:, 1] - 1]
    return marked, Candidates(mentions, candidates.labels, candidates.pairs, contexts)


class _Stretch(NamedTuple):
    """Tokens that mentions cover which overlap, and these: first token, end and label."""

    first: int
    end: int
    mentions: list[tuple[int, int, str]]


def _stretches(candidates: Candidates) -> list[_Stretch]:
    """What mentions cover, in the order of the text; of mentions with the same tokens and label, one."""
    found: list[_Stretch] = []
    order = numpy.lexsort((-candidates.mentions[:, 1], candidates.mentions[:, 0])).tolist()
    for first, end, label in dict.fromkeys((*candidates.mentions[i, :2].tolist(), candidates.labels[i]) for i in order):
        if found and first < found[-1].end:
            found[-1].mentions.append((first, end, label))
            found[-1] = found[-1]._replace(end=max(found[-1].end, end))
        else:
            found.append(_Stretch(first, end, [(first, end, label)]))
    return found


# One pair

Extent = tuple[int, int]  # first and end


class MarkedText(NamedTuple):
    """The text that the encoder reads for one pair, and the characters of the two marks in it."""

    text: str
    head: Extent
    tail: Extent


# From the text, head and tail (first character and end each) and their types to the marked text, which is the same around the two.
PairMarking = Callable[[str, Extent, Extent, str, str], MarkedText]


def pair_tags(numbered: bool = False) -> PairMarking:
    """Entity blinding of the pair, as in the paper: a tag such as `@DRUG$` in the place of each. Registered as `spacy-relext.pair_tags.v1`.

    All other text stays as it is, other mentions too.
    Where the two overlap, their tags stand side by side in the place of both.

    numbered (bool): `@DRUG1$` for the head and `@DRUG2$` for the tail. Where a pair has a direction and both are of one type, [CLS] and the
        summaries of the sequence cannot know which is the head without it.
    """
    return partial(_pair_tags, numbered=numbered)


def _pair_tags(text: str, head: Extent, tail: Extent, head_type: str, tail_type: str, *, numbered: bool) -> MarkedText:
    tags = [f"@{kind}{i if numbered else ''}$" for i, kind in ((1, head_type), (2, tail_type))]
    first, second = (0, 1) if head <= tail else (1, 0)
    places = (head, tail)
    (a, b), (c, d) = places[first], places[second]
    between = text[b:c] if b <= c else " "
    marked = text[:a] + tags[first] + between + tags[second] + text[max(b, d) :]
    spans = {first: (a, a + len(tags[first]))}
    start = spans[first][1] + len(between)
    spans[second] = (start, start + len(tags[second]))
    return MarkedText(marked, spans[0], spans[1])


def pair_markers() -> PairMarking:
    """Typed entity markers around the mentions of a pair. Registered as `spacy-relext.pair_markers.v1`.

    The head becomes `@ * drug * aspirin @`, the tail `# ^ drug ^ warfarin #`. All other text stays as it is.
    The "typed entity marker (punct)" of Zhou & Chen (arXiv:2102.01373): ordinary text that needs no new words, and tells the direction.
    """
    return _pair_markers


def _pair_markers(text: str, head: Extent, tail: Extent, head_type: str, tail_type: str) -> MarkedText:
    # Openings and closings in the order of the text; of nested mentions the longer one is outside.
    size = {"head": head[1] - head[0], "tail": tail[1] - tail[0]}
    inserts = []
    for name, (first, end), (opening, closing) in (
        ("head", head, (f"@ * {head_type.lower()} * ", " @")),
        ("tail", tail, (f"# ^ {tail_type.lower()} ^ ", " #")),
    ):
        inserts.append(((first, 1, -size[name], name == "tail"), name, opening))
        inserts.append(((end, 0, size[name], name == "head"), name, closing))
    parts: list[str] = []
    position = length = 0
    starts: dict[str, int] = {}
    spans: dict[str, Extent] = {}
    for (place, *_), name, mark_text in sorted(inserts):
        parts += [text[position:place], mark_text]
        length += place - position
        if name not in starts:
            starts[name] = length
        length += len(mark_text)
        spans[name] = (starts[name], length)
        position = place
    return MarkedText("".join(parts) + text[position:], spans["head"], spans["tail"])
