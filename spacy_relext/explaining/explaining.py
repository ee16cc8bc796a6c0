"""Why an extractor gives a pair its score: one function, whatever the method and the kind of model."""

from collections.abc import Iterable, Mapping
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_relext.errors import RelextError
from spacy_relext.explaining.asking import Question, ask, prepared_pair, run_upstream
from spacy_relext.explaining.explanations import METHODS, Explanation, Method, Word, checked_methods
from spacy_relext.explaining.integrating import STEPS, integrate
from spacy_relext.explaining.occluding import occlude, occlude_phrases
from spacy_relext.explaining.progress import Progress, silent
from spacy_relext.explaining.removing import Removal
from spacy_relext.findings import kept
from spacy_relext.ml.attention import Kind
from spacy_relext.ml.precision import decided_precision
from spacy_relext.notices import counted
from spacy_relext.pipeline.pairs import attended
from spacy_relext.pipeline.preparing import Extractor

# Characters and their weight.
Weighted = tuple[int, int, float]


def explain(
    pipe: Extractor,
    nlp: Language | None,
    doc: Doc,
    pair: tuple[Span, Span],
    method: str = "occlusion",
    *,
    label: str | None = None,
    removal: Removal = "delete",
    measured: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Explanation:
    """What `RelationExtractor.explain` gives. nlp: The pipeline of the extractor. measured: By method, what is known of it."""
    if not isinstance(method, str):
        raise RelextError(f"explain takes one method, and saw {method!r:.60}. Take one of {', '.join(METHODS)}.")
    (named,) = checked_methods(method)
    if removal not in ("delete", "mask"):
        raise RelextError(f"removal is {removal!r}; it can be 'delete' or 'mask'.")
    return answer(ask(pipe, nlp, doc, pair, label), named, removal=removal, measured=measured, progress=progress)


def known_of(nlp: Language | None, component: str) -> Mapping[str, Any]:
    """What was measured of the explanations of an extractor of a pipeline, by method; nothing where nobody did."""
    if nlp is None or component not in nlp.component_names:
        return {}
    found = kept(nlp, "explanations", component=component)
    return {} if found is None else found["figures"]


def answer(
    question: Question,
    method: Method,
    *,
    removal: Removal = "delete",
    most_steps: int = STEPS[-1],
    measured: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Explanation:
    """The explanation of a question by one method.

    most_steps: Of integrated gradients. RAISES: RelextError where the model has nothing for it.
    """
    notes: list[str] = []
    difference = None
    if method == "attention":
        weighted = attend(question)
    elif method == "integrated_gradients":
        weighted, notes, difference = integrate(question, progress, most_steps)
    elif method == "occlusion":
        by_place, notes = occlude(question, removal, progress)
        weighted = [(*_characters(question, place.first, place.end), weight) for place, weight in by_place]
    else:
        by_phrase, notes = occlude_phrases(question, removal, progress)
        weighted = [(*_characters(question, places[0].first, places[-1].end), weight) for places, weight in by_phrase]
    if question.beyond:
        notes.append(
            f"{counted(question.beyond, 'token', 'tokens')} that the pair reads {'is' if question.beyond == 1 else 'are'} far from it and "
            "left out: the score is the same without all of them."
        )
    return Explanation(
        method=method,
        head=question.head,
        tail=question.tail,
        label=question.label,
        score=question.base,
        words=tuple(_words(question, weighted)),
        notes=tuple(notes),
        measured=(measured or {}).get(method),
        difference=difference,
    )


def answers(question: Question, methods: Iterable[Method] = METHODS, **settings: Any) -> tuple[list[Explanation], dict[Method, str]]:
    """The explanations by all methods that the model has something for, and of the others why it has nothing."""
    found, left_out = [], {}
    for method in methods:
        try:
            found.append(answer(question, method, **settings))
        except RelextError as error:
            left_out[method] = str(error)
    return found, left_out


def attend(question: Question) -> list[Weighted]:
    """Attention weights, of a symmetric label the mean of those of both directions."""
    part = question.part
    prepared = prepared_pair(question.pipe, part, mirrored=question.mirrored)
    with decided_precision("float32"):
        docs = run_upstream(question.pipe, question.nlp, [part.doc])
        (pairs,) = attended(question.pipe, docs, [prepared])
    return [(start, end, weight / len(pairs)) for pair in pairs for start, end, weight in pair.places]


def _characters(question: Question, first: int, end: int) -> tuple[int, int]:
    span = question.part.doc[first:end]
    return span.start_char, span.end_char


def _words(question: Question, weighted: Iterable[Weighted]) -> list[Word]:
    """Words of the Doc, of weights by the characters of the part. Those of no character are nobody's."""
    sums: dict[tuple[int, int], float] = {}
    for start, end, weight in weighted:
        if start < end:
            sums[start, end] = sums.get((start, end), 0.0) + weight
    text, shift = question.part.doc.text, question.part.shift
    return [Word(text[a:b], a + shift, b + shift, float(w), _kind(question, a, b)) for (a, b), w in sorted(sums.items())]


def _kind(question: Question, start: int, end: int) -> Kind:
    """Of what mention some characters are: the head goes before the tail, and both before others. A phrase around a mention is text."""
    spans = question.part.spans
    head, tail = (spans[i] for i in question.part.pair)
    ends: tuple[tuple[Kind, Span], ...] = (("head", head), ("tail", tail))
    for kind, span in ends:
        if span.start_char < end and start < span.end_char:
            return kind
    in_mentions = {place for span in spans for place in range(max(start, span.start_char), min(end, span.end_char))}
    return "mention" if len(in_mentions) == end - start else "text"
