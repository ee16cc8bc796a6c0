"""The pairs of a Doc before they are scored: which there are, which labels each may have, and what is annotated of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Model

from spacy_relext.candidates import CandidateFunction, Candidates, make_candidates, nearest
from spacy_relext.ml.attention import OnAttention
from spacy_relext.notices import Notices
from spacy_relext.pipeline.checks import Checks
from spacy_relext.pipeline.decoding import Decision, Predictions, allowed_by_types, symmetrize
from spacy_relext.pipeline.gold import GoldKey, align_mentions, gold_keys, gold_view, make_targets, require_same_text
from spacy_relext.pipeline.progress import Progress
from spacy_relext.pipeline.teaching import Matches, TaughtPairs, match, n_unasked, taught_of
from spacy_relext.relations import Relation, annotated_labels, covers, has_relations
from spacy_relext.types import Bools2d, Floats2d, Ints2d

# Types 0 and 1 of the model: a token in no mention, and a mention of a type unseen in training.
UNKNOWN_TYPE, N_RESERVED_TYPES = 1, 2


@dataclass(frozen=True)
class Prepared:
    """The pairs of one Doc before they are scored: mentions, candidates, and the allowed columns `[n_pairs, n_columns]`.

    n_excluded (int): Candidate pairs that are left out, since the type rules allow them no label.
    """

    spans: list[Span]
    candidates: Candidates
    allowed: Bools2d
    n_excluded: int = 0


@dataclass(frozen=True)
class AnnotatedPairs:
    """The pairs of one annotated Doc, their targets, and how many of its relations they cannot express.

    annotated: Whether the targets are those of an annotation. taught: What teachers say of the pairs, where that is asked for and there.
    n_unasked: The number of pairs of which only the teachers say something: they are no candidates.
    """

    doc: Doc
    prepared: Prepared
    targets: Floats2d
    n_missed: int
    n_gold: int
    annotated: bool = True
    taught: TaughtPairs | None = None
    n_unasked: int = 0


class Extractor(Protocol):
    """What the modules around the component use of it: see `RelationExtractor`."""

    name: str
    model: Model
    cfg: dict[str, Any]
    get_pairs: CandidateFunction
    scorer: Callable[..., dict[str, Any]] | None
    score_prefix: str
    notices: Notices
    checks: Checks
    progress: Progress

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels."""

    def add_label(self, label: str) -> int:
        """Add a label."""

    def mentions(self, doc: Doc) -> list[Span]:
        """The mentions of a Doc."""

    def require_model(self) -> None:
        """Raise a RelextError where it is not trained."""

    def score_prepared(self, docs: list[Doc], prepared: list[Prepared], on_attention: OnAttention | None = None) -> list[Floats2d]:
        """The probabilities of pairs, by Doc."""

    def predict_prepared(self, docs: list[Doc], prepared: list[Prepared], on_attention: OnAttention | None = None) -> list[Predictions]:
        """The predictions of pairs, by Doc."""

    def score(self, examples: Iterable[Example], *, gold_mentions: bool | None = None, **kwargs: Any) -> dict[str, Any]:
        """Score relations."""

    def distribution(self, scores: list[float]) -> tuple[dict[str, float], float | None]:
        """The probabilities of a pair by label, and that of no-relation."""

    def decode(self, predictions: Predictions, spans: Sequence[Span], *, threshold: float | None = None) -> Iterator[Relation]:
        """The relations that reach their threshold."""

    def decision(self, threshold: float | None = None) -> Decision:
        """What is written, and with which score."""


def n_columns(pipe: Extractor) -> int:
    """The columns of its scores: the labels and, where these are exclusive, no-relation before them."""
    return len(pipe.labels) + int(pipe.cfg["exclusive"])


def symmetric_labels(pipe: Extractor) -> frozenset[str]:
    """Its labels without a direction."""
    return frozenset(pipe.cfg["symmetric_labels"])


def symmetric_columns(pipe: Extractor) -> list[int]:
    """The columns of these."""
    symmetric = symmetric_labels(pipe)
    return [i for i, label in enumerate(pipe.labels, start=int(pipe.cfg["exclusive"])) if label in symmetric]


def learns_from(pipe: Extractor, reference: Doc) -> bool:
    """Whether a Doc has relation annotation, and for its labels."""
    return has_relations(reference) and covers(annotated_labels(reference), pipe.labels)


def candidate_pairs(pipe: Extractor, doc: Doc, spans: list[Span]) -> Ints2d:
    """What its candidate function gives, `[n_pairs, 2]`."""
    return numpy.asarray(pipe.get_pairs(doc, spans), dtype="int64").reshape(-1, 2)


def prepare(pipe: Extractor, doc: Doc, spans: list[Span], pairs: Ints2d | None = None) -> Prepared:
    """The pairs of a Doc that are to be scored, and the labels that each may have.

    pairs: `[n_pairs, 2]`, indices of `spans`. None: the candidates that may have a label at all, at most `max_pairs` of them.
    """
    cfg = pipe.cfg
    known = {kind: i + N_RESERVED_TYPES for i, kind in enumerate(cfg["mention_types"])}
    names = [span.label_ for span in spans]
    types = [known.get(name, UNKNOWN_TYPE) for name in names]
    only_useful = pairs is None
    if pairs is None:
        pairs = candidate_pairs(pipe, doc, spans)
    allowed = numpy.ones((len(pairs), n_columns(pipe)), dtype=bool)
    n_candidates = len(pairs)
    if cfg["type_rules"] and len(pairs):
        allowed = allowed_by_types(names, pairs, pipe.labels, cfg["type_rules"], symmetric_labels(pipe), exclusive=cfg["exclusive"])
        if only_useful:
            useful = allowed[:, int(cfg["exclusive"]) :].any(axis=1)
            pairs, allowed = pairs[useful], allowed[useful]
    n_forbidden = n_candidates - len(pairs)
    if only_useful and cfg["max_pairs"] is not None and len(pairs) > cfg["max_pairs"]:
        pairs, allowed = _nearest(pipe, spans, pairs, allowed)
    return Prepared(spans, make_candidates(doc, spans, types, pairs), allowed, n_forbidden)


def symmetrized(prepared: Sequence[Prepared], scores: Sequence[Floats2d], columns: Sequence[int]) -> list[Floats2d]:
    """The scores of some Docs with the mean of both directions in the columns of symmetric labels: `symmetrize` for all of them at once."""
    if not columns or not prepared:
        return list(scores)
    first = numpy.cumsum([0, *(len(p.spans) for p in prepared)])
    pairs = numpy.concatenate([p.candidates.pairs + start for p, start in zip(prepared, first[:-1], strict=True)])
    ends = numpy.cumsum([len(p.candidates.pairs) for p in prepared])
    return numpy.split(symmetrize(pairs, numpy.concatenate(scores), columns), ends[:-1])


def _nearest(pipe: Extractor, spans: list[Span], pairs: Ints2d, allowed: Bools2d) -> tuple[Ints2d, Bools2d]:
    """So many pairs as are scored at the most, and the labels that each may have."""
    places = numpy.asarray([(span.start, span.end) for span in spans], dtype="int64")
    kept = nearest(places, pairs, pipe.cfg["max_pairs"])
    pipe.notices.warn(
        "max_pairs",
        f"{pipe.name}: {{n}} of {{of}} candidate pairs of Docs with more than {pipe.cfg['max_pairs']:,} {{n|is|are}} not scored, those "
        "with the greatest distance between their mentions. Raise max_pairs (extract: --max-pairs) to score them.",
        n=len(pairs) - len(kept),
        of=len(pairs),
    )
    return pairs[kept], allowed[kept]


def annotated_pairs(
    pipe: Extractor,
    example: Example,
    *,
    initializing: bool = False,
    learning: bool = False,
    scoring: bool = False,
    gold_mentions: bool | None = None,
) -> AnnotatedPairs:
    """The candidate pairs of an annotated Doc and their targets; none where relations are not annotated, or other labels are.

    initializing: No component has run yet. learning: Also what teachers say, and the pairs of a Doc of which they alone say something.
    scoring: A label that no component knows is no error.
    gold_mentions: Pairs of the annotated mentions; otherwise of those that the pipeline found. None: as `use_gold_mentions` says.
    RAISES: RelextError for texts that differ, and for a label that is nobody's.
    """
    reference, exclusive, symmetric = example.reference, pipe.cfg["exclusive"], symmetric_labels(pipe)
    if initializing or (pipe.cfg["use_gold_mentions"] if gold_mentions is None else gold_mentions):
        doc, annotated = gold_view(example, one_sentence=initializing), pipe.mentions(reference)
        spans = align_mentions(doc, annotated)
    else:
        require_same_text(example)
        doc, spans = example.predicted, pipe.mentions(example.predicted)
        annotated = spans
    gold: set[GoldKey] = set()
    taught = taught_of(pipe.name, pipe.cfg, reference) if learning else None
    is_annotated = learns_from(pipe, reference)
    if is_annotated:
        gold = gold_keys(reference, pipe.labels, symmetric, None if scoring else pipe.cfg["other_labels"])
    elif taught is None:
        spans = annotated = []
    prepared = prepare(pipe, doc, spans)
    pairs, allowed = prepared.candidates.pairs, prepared.allowed
    targets, n_missed = make_targets(pairs, allowed, annotated, gold, pipe.labels, symmetric, exclusive=exclusive)
    found = AnnotatedPairs(doc, prepared, targets, n_missed, len(gold), annotated=is_annotated)
    if taught is None:
        return found
    matched = match(taught, annotated, pairs, pipe.labels)
    # Of what they say, the rest may be of pairs that type rules forbid here, or of too distant ones.
    rest = n_unasked(taught, annotated, candidate_pairs(pipe, doc, spans)) if matched.known.sum() < len(taught.pairs) else 0
    return replace(found, taught=matched, n_unasked=rest)


def count_matches(matches: Matches, pairs: Iterable[AnnotatedPairs]) -> None:
    """Count the pairs of some Docs, and those that the extractor or its teachers have alone."""
    for p in pairs:
        if p.taught is not None:
            n_both = int(p.taught.known.sum())
            matches.add(n_both, len(p.targets) - n_both, p.n_unasked)
