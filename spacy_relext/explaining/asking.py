"""The pair that is asked about, and its score with and without some of the words."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from spacy_relext.errors import RelextError
from spacy_relext.explaining.removing import UNKNOWN, Part, Place, Removal, whole
from spacy_relext.ml.listeners import listens_to
from spacy_relext.ml.precision import Precision, decided_precision
from spacy_relext.pipeline.decoding import symmetrize
from spacy_relext.pipeline.preparing import Extractor, Prepared, prepare, symmetric_columns
from spacy_relext.pipeline.upstream import feeders, hugging_face
from spacy_relext.types import Floats1d

# Texts that are run together, and tokens of them: after each such batch one sees how far it is.
BATCH, BATCH_TOKENS = 64, 2**13
# A longer part is tried without what is farther than so many tokens from the pair.
LONG, MARGINS = 512, (64, 200)
# A part of the text stands for all of it where the score is the same but for so much: windows of the encoder may reach beyond it.
SAME_SCORE = 0.002


@dataclass(frozen=True)
class Question:
    """A candidate pair of a Doc, and the label that its score is of.

    part (Part): What is run, as a rule the sentence; of a long text, what is near the pair, if the score is the same without the rest.
    beyond (int): Tokens of such a rest. column (int): Of the label, in the model's output. base (float): The score.
    mirrored (bool): It is the mean of both directions: of a symmetric label, where both are candidates.
    precision: What "auto" means for the models that are run; None: as in every prediction.
    """

    pipe: Extractor
    nlp: Language | None
    head: Span
    tail: Span
    label: str
    column: int
    mirrored: bool
    part: Part
    base: float
    precision: Precision | None = "float32"
    beyond: int = 0

    @property
    def mask(self) -> str:
        """The word in the place of what is masked: the encoder's own, where it has one."""
        encoder = hugging_face(self.pipe, self.nlp)
        tokenizer = None if encoder is None else encoder.tokenizer
        return getattr(tokenizer, "mask_token", None) or getattr(tokenizer, "unk_token", None) or UNKNOWN

    def scores(self, removed: Iterable[Collection[Place]], removal: Removal) -> list[float]:
        """The score without some places, for each of some collections of them."""
        return list(self.scored(removed, removal))

    def scored(self, removed: Iterable[Collection[Place]], removal: Removal) -> Iterator[float]:
        """The same, batch by batch."""
        mask = self.mask if removal == "mask" else None
        for parts in minibatch(removed, max(1, min(BATCH, BATCH_TOKENS // max(len(self.part.doc), 1)))):
            yield from self.scores_of([self.part.without(places, mask) for places in parts])

    def scores_of(self, parts: Sequence[Part]) -> list[float]:
        """The score in each of some parts of the text."""
        prepared = [prepared_pair(self.pipe, part, mirrored=self.mirrored) for part in parts]
        with decided_precision(self.precision):
            docs = run_upstream(self.pipe, self.nlp, [part.doc for part in parts])
            scores = self.pipe.score_prepared(docs, prepared)
        return [float(rows[:, self.column].astype("float64").mean()) for rows in scores]


def prepared_pair(pipe: Extractor, part: Part, *, mirrored: bool) -> Prepared:
    """The pair of a part, and its other direction, as the model takes them."""
    pairs = [part.pair, part.pair[::-1]] if mirrored else [part.pair]
    made = prepare(pipe, part.doc, part.spans, numpy.asarray(pairs))
    # Without sentences, a text that lost words would read others.
    contexts = numpy.repeat(numpy.asarray([part.context]), len(pairs), axis=0)
    return replace(made, candidates=replace(made.candidates, contexts=contexts))


def ask(pipe: Extractor, nlp: Language | None, doc: Doc, pair: tuple[Span, Span], label: str | None = None) -> Question:
    """Find the pair among the candidates of a Doc, and score it.

    label: None: the most probable one.
    RAISES: RelextError for what is no candidate pair, and for a label that it cannot have.
    """
    pipe.require_model()
    spans = pipe.mentions(doc)
    if len(spans) < 2:
        found = "no mention" if not spans else "one mention"
        raise RelextError(
            f"{pipe.name}: the text {doc.text[:60]!r}… has {found}, and a relation needs two. Mentions are "
            f"{'doc.ents' if pipe.cfg['spans_key'] is None else repr(pipe.cfg['spans_key']) + ' of doc.spans'}: run the whole pipeline "
            "over it, or set them."
        )
    number = _numbers(pipe, spans, pair)
    prepared = prepare(pipe, doc, spans)
    candidates = {tuple(found): row for row, found in enumerate(prepared.candidates.pairs.tolist())}
    if number not in candidates:
        raise RelextError(_no_candidate(pipe, doc, spans, number, set(candidates)))
    context = tuple(prepared.candidates.contexts[candidates[number]].tolist())
    mirrored = number[::-1] in candidates
    part = whole(doc, spans, number, context)
    scores = _distribution(pipe, nlp, part, mirrored=mirrored)
    first = int(pipe.cfg["exclusive"])
    if label is None:
        label = pipe.labels[int(scores[first:].argmax())]
    elif label not in pipe.labels:
        raise RelextError(f"{pipe.name} has no label {label!r:.60}; it has {', '.join(pipe.labels)}.")
    column = pipe.labels.index(label) + first
    if not prepared.allowed[candidates[number], column]:
        raise RelextError(
            f"{pipe.name}: type rules forbid {label} between {spans[number[0]].label_} and {spans[number[1]].label_}, so its score is 0 "
            "whatever the text says. Ask about another label."
        )
    both = mirrored and column in symmetric_columns(pipe)
    question = Question(pipe, nlp, spans[number[0]], spans[number[1]], label, column, both, part, float(scores[column]))
    for smaller in _smaller(part):
        if abs(question.scores_of([smaller])[0] - question.base) <= SAME_SCORE:
            return replace(question, part=smaller, beyond=max(0, context[1] - context[0] - len(smaller.doc)))
    return question


def _smaller(part: Part) -> Iterator[Part]:
    """Parts of a part that may stand for it, the smallest first: a long text near the pair, and what the pair reads."""
    n = part.context[1] - part.context[0]
    for margin in MARGINS if n > LONG else ():
        near = part.near(margin)
        if len(near.doc) < n // 2:
            yield near
    if n < len(part.doc):
        yield part.cut()


def _distribution(pipe: Extractor, nlp: Language | None, part: Part, *, mirrored: bool) -> Floats1d:
    prepared = prepared_pair(pipe, part, mirrored=mirrored)
    with decided_precision("float32"):
        (scores,) = pipe.score_prepared(run_upstream(pipe, nlp, [part.doc]), [prepared])
    found: Floats1d = symmetrize(prepared.candidates.pairs, scores, symmetric_columns(pipe))[0].astype("float64")
    return found


def _numbers(pipe: Extractor, spans: list[Span], pair: Any) -> tuple[int, int]:
    """Head and tail as indices of the mentions."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(isinstance(span, Span) for span in pair):
        raise RelextError(f"{pipe.name}: explain takes a pair, (head, tail), two Spans of the Doc, and saw {pair!r:.80}.")
    found = []
    for span in pair:
        if span.doc is not spans[0].doc:
            raise RelextError(
                f"{pipe.name}: {span.text!r:.60} is a Span of another Doc. Take head and tail from the Doc that is explained."
            )
        places = [(s.start, s.end, s.label) for s in spans]
        same = [i for i, place in enumerate(places) if place[:2] == (span.start, span.end) and span.label in (0, place[2])]
        if not same:
            raise RelextError(
                f"{pipe.name}: {span.text!r:.60} is no mention of the Doc, so it is in no candidate pair. Its mentions are "
                f"{', '.join(repr(s.text) for s in spans[:8])}{', …' if len(spans) > 8 else ''}."
            )
        found.append(same[0])
    if found[0] == found[1]:
        raise RelextError(f"{pipe.name}: {pair[0].text!r:.60} is head and tail at once. A relation needs two mentions.")
    return found[0], found[1]


def _no_candidate(pipe: Extractor, doc: Doc, spans: list[Span], pair: tuple[int, int], candidates: set[Any]) -> str:
    from spacy_relext.report.reasons import why_no_candidate  # which knows the component, and the component this

    head, tail = (spans[i].text for i in pair)
    said = f"{pipe.name}: {head!r:.60} and {tail!r:.60} are no candidate pair, so the pipeline never says anything of them"
    if pair[::-1] in candidates:
        return f"{said} in this direction. Ask about ({tail!r:.60}, {head!r:.60})."
    why = why_no_candidate(pipe, doc, spans, pipe.labels[0], [pair[0]], [pair[1]])
    return f"{said}: {why}. score_pairs gives the score of any pair, and `candidates` in the config says which there are."


def run_upstream(pipe: Extractor, nlp: Language | None, docs: list[Doc]) -> list[Doc]:
    """The same Docs with the output of the components that the extractor listens to.

    RAISES: RelextError where nobody knows these.
    """
    upstream = listens_to(pipe.model)
    if upstream is None:
        return docs
    others = feeders(pipe, nlp)
    if not others:
        raise RelextError(
            f"{pipe.name} listens to a {upstream.name} component, and does not know its pipeline: to see what changes without a word, "
            "other texts have to be run. Take it from its pipeline, nlp.get_pipe(…), and give the pipeline: explain(…, nlp=nlp)."
        )
    for other in others:
        docs = list(other.pipe(docs, batch_size=BATCH))
    return docs
