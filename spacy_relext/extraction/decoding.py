"""A record with the scores of all candidate pairs, decoded again with another threshold: no text is run for it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy

from spacy_relext.errors import RelextError
from spacy_relext.formats.jsonl import PAIRS, from_record, relation_record
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.pipeline.decoding import decode
from spacy_relext.pipeline.preparing import Extractor, n_columns
from spacy_relext.types import Floats2d
from spacy_relext.values import CALLER, checked_score

# Two relations of the same places and label are one.
Key = tuple[int, int, int, int, str]


def decode_record(record: dict[str, Any], extractors: Sequence[Extractor], threshold: float | None = None) -> dict[str, Any]:
    """A record of `extract(…, keep_all_scores=True)` with the relations that its extractors write at another threshold.

    Relations of other components, and attributes, stay as they are: other components are not run again. So does the status, but where an
    extractor says from which score on a relation is certain (`uncertain_below`).

    extractors: Those of the pipeline that made the record, in its order. threshold: Of all of them and all labels; None: their own.
    RETURNS: Another record. RAISES: RelextError for a record without these scores, or with scores that are not of these extractors.
    """
    if not isinstance(record, dict) or PAIRS not in record:
        raise RelextError(
            f"the record has no {PAIRS!r}, the scores of all candidate pairs. Keep them: keep_all_scores=True, --keep-all-scores, or "
            '"all_scores": true.'
        )
    threshold = None if threshold is None else checked_score(threshold, "threshold")
    document, pairs = from_record(record, Place(None)), _checked(record[PAIRS], extractors)
    mentions = {mention.id: mention for mention in document.mentions}
    written = _last_writers(extractors)
    found = _kept(document, mentions, pairs, written)
    for pipe in written:
        own = [pair for pair in pairs if pair.get("source", pipe.name) == pipe.name]
        for relation in _decoded(own, mentions, pipe, threshold):
            key = _key(relation, mentions)
            found[key] = _merged(found[key], relation) if key in found else relation
    before = {_key(relation, mentions): relation for relation in document.relations or []}
    names = {pipe.name for pipe in extractors} | {name for relation in found.values() for name in relation.source_names}
    several = len(names) > 1 or any(relation.sources for relation in before.values())
    decided = any(pipe.cfg["uncertain_below"] is not None for pipe in written)
    relations = [_finished(found[key], before.get(key), named=several, decided=decided) for key in sorted(found)]
    limits = limits_of(extractors, threshold)
    return {**record, "relations": [relation_record(relation, limits) for relation in relations]}


def limits_of(extractors: Iterable[Extractor], threshold: float | None = None) -> dict[str, list[float]]:
    """The scores from which on a relation of a label is written, and is certain: those of all extractors that have the label.

    threshold: Of all of them and all labels; None: their own.
    """
    found: dict[str, list[float]] = {}
    for pipe in extractors:
        limit = pipe.cfg["uncertain_below"]
        for label, lowest in zip(pipe.labels, pipe.decision(threshold).thresholds.tolist(), strict=True):
            found.setdefault(label, []).extend([lowest] if limit is None else [lowest, limit])
    return found


def _checked(pairs: list[Any], extractors: Sequence[Extractor]) -> list[dict[str, Any]]:
    names = {pipe.name for pipe in extractors} if len(extractors) > 1 else {None}
    for number, pair in enumerate(pairs, start=1):
        kinds = {"head": str, "tail": str, "scores": dict}
        if not isinstance(pair, dict) or not all(isinstance(pair.get(key), kind) for key, kind in kinds.items()):
            raise RelextError(f"{PAIRS}: expected head, tail and scores by label, and pair {number} is {pair!r:.80}.")
        if pair.get("source") not in names:
            raise RelextError(f"{PAIRS}: the source of pair {number} is {pair.get('source')!r:.40}; expected {sorted(map(str, names))}.")
        for score in [*pair["scores"].values(), pair.get("no_relation", 0.0)]:
            checked_score(score, f"{PAIRS}: pair {number}")
    return pairs


def _last_writers(extractors: Sequence[Extractor]) -> list[Extractor]:
    """Those whose relations no later one has replaced."""
    overwriting = [i for i, pipe in enumerate(extractors) if pipe.cfg["overwrite"]]
    return list(extractors[overwriting[-1] if overwriting else 0 :])


def _key(relation: AnnotatedRelation, mentions: dict[str, Mention]) -> Key:
    try:
        head, tail = mentions[relation.head], mentions[relation.tail]
    except KeyError as error:
        raise RelextError(f"{relation.label}: a relation with the mention {error}, and the record has {list(mentions)!r:.80}.") from None
    return head.start, head.end, tail.start, tail.end, relation.label


def _kept(
    document: Document, mentions: dict[str, Mention], pairs: list[dict[str, Any]], extractors: Sequence[Extractor]
) -> dict[Key, AnnotatedRelation]:
    """What other components, or the caller, say. Without sources, a relation is that of the one extractor if this gives it its score."""
    names = {pipe.name for pipe in extractors}
    kept = {}
    for relation in document.relations or []:
        sources = dict(relation.sources)
        if not sources and not _is_scored(relation, pairs):
            sources = {CALLER: relation.score}
        sources = {name: score for name, score in sources.items() if name not in names}
        if sources:
            score = max(sources.values())
            raw_score = relation.raw_score if score == relation.score else None
            said = (score, tuple(sources.items()), relation.status, relation.attributes, raw_score)
            kept[_key(relation, mentions)] = AnnotatedRelation(relation.head, relation.tail, relation.label, *said)
    return kept


def _is_scored(relation: AnnotatedRelation, pairs: list[dict[str, Any]]) -> bool:
    ends = {relation.head, relation.tail}
    raw_score = relation.score if relation.raw_score is None else relation.raw_score
    scores = (pair["scores"].get(relation.label, -1.0) for pair in pairs if {pair["head"], pair["tail"]} == ends and "source" not in pair)
    return any(round(score, 4) == round(raw_score, 4) for score in scores)


def _decoded(
    pairs: list[dict[str, Any]], mentions: dict[str, Mention], pipe: Extractor, threshold: float | None
) -> Iterator[AnnotatedRelation]:
    ids = list(mentions)
    index = {name: i for i, name in enumerate(ids)}
    try:
        ends = [(index[pair["head"]], index[pair["tail"]]) for pair in pairs]
    except KeyError as error:
        raise RelextError(f"{PAIRS}: a pair with the mention {error}, and the record has {ids!r:.80}.") from None
    numbers = numpy.asarray(ends, dtype="int64").reshape(-1, 2)
    places = [(mention.start, mention.end) for mention in mentions.values()]
    for head, tail, label, score, raw_score, status in decode(numbers, _matrix(pairs, pipe), places, pipe.decision(threshold)):
        yield AnnotatedRelation(ids[head], ids[tail], label, score, ((pipe.name, score),), status, raw_score=raw_score)


def _matrix(pairs: list[dict[str, Any]], pipe: Extractor) -> Floats2d:
    """The scores of pairs, as the extractor had them: `[n_pairs, n_columns]`."""
    rows = []
    for pair in pairs:
        scores = pair["scores"]
        if list(scores) != list(pipe.labels):
            raise RelextError(
                f"{PAIRS}: scores of the labels {list(scores)!r:.80}, and {pipe.name} has {list(pipe.labels)!r:.80}. The record is that of "
                "another pipeline."
            )
        if ("no_relation" in pair) != bool(pipe.cfg["exclusive"]):
            raise RelextError(f"{PAIRS}: a pair with{'' if 'no_relation' in pair else 'out'} no_relation is not of {pipe.name}.")
        rows.append([pair["no_relation"], *scores.values()] if "no_relation" in pair else [*scores.values()])
    return numpy.asarray(rows, dtype="float32").reshape(-1, n_columns(pipe))


def _merged(one: AnnotatedRelation, other: AnnotatedRelation) -> AnnotatedRelation:
    """One relation of two at the same places, with the mentions of the higher score."""
    higher = other if other.score > one.score else one
    sources = dict(one.sources)
    for name, score in other.sources:
        sources[name] = max(score, sources.get(name, 0.0))
    attributes = tuple(sorted({*one.attributes, *other.attributes}))
    said = (max(sources.values()), tuple(sorted(sources.items())), higher.status, attributes, higher.raw_score)
    return AnnotatedRelation(higher.head, higher.tail, higher.label, *said)


def _finished(relation: AnnotatedRelation, before: AnnotatedRelation | None, *, named: bool, decided: bool) -> AnnotatedRelation:
    """As it is written: with what was said of it, and with its sources only where there are others than the one extractor.

    decided: The status is that of its score, whatever it was before.
    """
    sources = relation.sources if named and [name for name, _ in relation.sources] != [CALLER] else ()
    said: dict[str, Any] = {"sources": sources}
    if before:
        said |= {"attributes": before.attributes} | ({} if decided else {"status": before.status})
    return replace(relation, **said)
