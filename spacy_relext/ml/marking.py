"""Text in which mentions are marked, so that the encoder knows what it is asked about: all mentions of a Doc, or one pair."""

from collections.abc import Callable
from typing import NamedTuple

import numpy
from spacy.tokens import Doc

from spacy_relext.candidates import Candidates, has_sentences, sentence_bounds
from spacy_relext.types import Ints2d

MarkingFunction = Callable[[Doc, Candidates], tuple[Doc, Candidates]]

# What a tok2vec layer may read of a token besides its text and what follows from the text alone.
TOKEN_ATTRIBUTES: list[int | str] = ["LEMMA", "TAG", "POS", "MORPH"]


def mention_tags(numbered: bool = True) -> MarkingFunction:
    """Every mention replaced by one tag that tells its type, as `@DRUG1$`; all other text as it is. Registered as
    `spacy-relext.mention_tags.v1`.

    Su & Vijay-Shanker (arXiv:2011.00398) replace the two mentions of a pair, `@DRUG$`, and encode a text once a pair. Here all mentions are
    replaced, and the text is encoded once: the encoder sees where mentions are, and cannot learn their names by heart. Mentions that
    overlap share the tag of the first, longest one.

    numbered (bool): Number the names of a sentence, 1, 2, …, the same name (whatever its case) always alike: without it the encoder
        cannot know that two mentions are the same drug, and no interaction.
    """

    def mark(doc: Doc, candidates: Candidates) -> tuple[Doc, Candidates]:
        if not len(candidates.mentions):
            return doc, candidates
        first, end, label = _disjoint(candidates)
        # Where the tokens go: all of a mention to one.
        keep = numpy.ones(len(doc), dtype=bool)
        for a, b in zip(first, end, strict=True):
            keep[a + 1 : b] = False
        place = keep.cumsum() - 1
        source = numpy.flatnonzero(keep)
        last = numpy.append(source, len(doc))[1:] - 1
        # By number: a Doc that is asked token by token takes as long as the rest of this.
        orths, spaces = doc.to_array(["ORTH", "SPACY"]).T
        words: list[int | str] = orths[source].tolist()
        with_sentences = has_sentences(doc)
        begins = numpy.zeros(len(doc), dtype=bool)
        begins[sentence_bounds(doc)[0] if with_sentences else 0] = True
        begins = begins[source]
        sentence = begins.cumsum()
        names: dict[int, dict[str, int]] = {}
        for a, b, kind in zip(first, end, label, strict=True):
            known = names.setdefault(int(sentence[place[a]]), {})
            number = known.setdefault(doc[a:b].text.lower(), len(known) + 1)
            words[place[a]] = f"@{kind}{number if numbered else ''}$"
        marked = Doc(
            doc.vocab,
            words=words,  # type: ignore[arg-type]  # numbers of words are taken too
            spaces=spaces[last].astype(bool).tolist(),
            sent_starts=begins.tolist() if with_sentences else None,
        )
        attributes = doc.to_array(TOKEN_ATTRIBUTES)
        if attributes.any():
            # A mention has the attributes of its last token: in English, its head.
            marked.from_array(TOKEN_ATTRIBUTES, attributes[last])
        return marked, Candidates(
            mentions=_moved(candidates.mentions, place),
            labels=candidates.labels,
            pairs=candidates.pairs,
            contexts=_moved(candidates.contexts, place),
        )

    return mark


def _disjoint(candidates: Candidates) -> tuple[list[int], list[int], list[str]]:
    """First tokens, ends and labels of the stretches that mentions cover, those that overlap as one."""
    first: list[int] = []
    end: list[int] = []
    label: list[str] = []
    order = numpy.lexsort((-candidates.mentions[:, 1], candidates.mentions[:, 0]))
    for i in order:
        a, b = candidates.mentions[i, :2].tolist()
        if end and a < end[-1]:
            end[-1] = max(end[-1], b)
            continue
        first.append(a)
        end.append(b)
        label.append(candidates.labels[i])
    return first, end, label


def _moved(spans: Ints2d, place: numpy.ndarray) -> Ints2d:
    """Spans of tokens (first, end, …) where `place[i]` is the new index of token i."""
    moved = spans.copy()
    if len(spans):
        moved[:, 0] = place[spans[:, 0]]
        moved[:, 1] = place[spans[:, 1] - 1] + 1
    return moved


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
    """The two mentions replaced by tags that tell their types, `@DRUG$`, as in the paper; all other text as it is, other mentions too.
    Registered as `spacy-relext.pair_tags.v1`.

    Where the two overlap, their tags stand side by side in the place of both.

    numbered (bool): `@DRUG1$` for the head and `@DRUG2$` for the tail. Where a pair has a direction and both are of one type, [CLS] and the
        summaries of the sequence cannot know which is the head without it.
    """

    def mark(text: str, head: Extent, tail: Extent, head_type: str, tail_type: str) -> MarkedText:
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

    return mark


def pair_markers() -> PairMarking:
    """The two mentions wrapped in typed markers, `@ * drug * aspirin @` for the head and `# ^ drug ^ warfarin #` for the tail; all
    other text as it is. Registered as `spacy-relext.pair_markers.v1`.

    The "typed entity marker (punct)" of Zhou & Chen (arXiv:2102.01373): ordinary text that needs no new words, and tells the direction.
    """

    def mark(text: str, head: Extent, tail: Extent, head_type: str, tail_type: str) -> MarkedText:
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

    return mark
