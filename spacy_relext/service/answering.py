"""The pipeline of a service: what each document asks for, in batches of any of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import uuid4

from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.errors import DataError, RelextError
from spacy_relext.evaluation import extractors_of
from spacy_relext.extraction import running
from spacy_relext.formats.types import Document
from spacy_relext.mentions import SPANS_KEY
from spacy_relext.notices import counted, logger
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.relations import set_found
from spacy_relext.service.settings import Settings


@dataclass
class Asked(Document):
    """A document, and what is asked about it.

    threshold: In the place of the pipeline's. all_scores: Also the scores of all candidate pairs.
    pair: Not its relations, but what was read for this one pair, by the ids of head and tail; extractor: by this component of several.
    """

    threshold: float | None = None
    all_scores: bool = False
    pair: tuple[str, str] | None = None
    extractor: str | None = None

    @classmethod
    def about(cls, document: Document, **asked: Any) -> "Asked":
        """The same document with a question."""
        return cls(**{field.name: getattr(document, field.name) for field in fields(Document)}, **asked)


class PipelineError(DataError):
    """What no request is to blame for. number: Under which the log has more of it."""

    def __init__(self, message: str, number: str):
        self.number = number
        super().__init__(message)


class Answering(running.Runner):
    """Makes records of documents as `relext extract` does, with the threshold that each asks for. One thread calls it."""

    def __init__(self, nlp: Language, settings: Settings):
        self.limits = settings
        name = name_of(nlp)
        own = [extractor.cfg["max_pairs"] for extractor in extractors_of(nlp, name)]
        super().__init__(running.Settings(name, keep_all_scores=True), nlp)
        for extractor, most in zip(self.extractors, own, strict=True):
            # More than are taken, so that a document that has more is known; the two directions of a pair are cut together.
            extractor.cfg["max_pairs"] = min(most or settings.max_pairs + 2, settings.max_pairs + 2)

    def __call__(self, batch: Sequence[Document]) -> list[running.Result]:
        """The result of each document."""
        errors: list[DataError] = []
        results: list[running.Result | None] = []
        accepted: list[Document] = []
        for document in batch:
            found = list(self.accepted([document], errors.append))
            accepted += found
            results.append(None if found else errors[-1])
        rest = iter(super().__call__(accepted) if accepted else ())
        return [next(rest) if result is None else result for result in results]

    def record(self, document: Document, doc: Doc) -> dict[str, Any]:
        """As the document asks for it."""
        if not isinstance(document, Asked):
            return super().record(document, doc)
        for extractor in self.extractors:
            predictions = self.predictions[extractor.name, id(doc)]
            if len(predictions.pairs) > self.limits.max_pairs:
                raise document.error(
                    f"it has more than {counted(self.limits.max_pairs, 'candidate pair', 'candidate pairs')}, the most of a document. Cut "
                    "the text, or give fewer mentions."
                )
            if document.threshold is not None:
                found = extractor.decode(predictions, predictions.spans, threshold=document.threshold)
                set_found(doc, found, extractor.name, extractor.labels, overwrite=extractor.cfg["overwrite"])
        if document.pair is not None:
            return self._reading(document, doc, document.pair)
        return super().record(document, doc)

    def keeps_scores(self, document: Document) -> bool:
        """As the document asks."""
        return isinstance(document, Asked) and document.all_scores

    def failure(self, document: Document, error: Exception) -> DataError:
        """What only the log says more of, under a number."""
        if isinstance(error, DataError):
            return document.error(error.message)
        number = uuid4().hex[:12]
        logger.error("%s: the pipeline fails on a document of %d characters", number, len(document.text), exc_info=error)
        return PipelineError("the pipeline fails on it, and the log of the service says why.", number)

    def _reading(self, document: Asked, doc: Doc, pair: tuple[str, str]) -> dict[str, Any]:
        """What was read for a pair of mentions, and the probabilities of all labels."""
        extractor = self._extractor(document)
        spans = {mention.id: span for mention, span in zip(document.mentions, doc.spans[SPANS_KEY], strict=True)}
        head, tail = (spans[name] for name in pair)
        (scored,) = extractor.score_pairs(doc, [(head, tail)])
        scores = {label: float(f"{score:.9g}") for label, score in scored.scores.items()}
        found: dict[str, Any] = {"head": pair[0], "tail": pair[1], "source": extractor.name, "scores": scores}
        if scored.no_relation is not None:
            found["no_relation"] = float(f"{scored.no_relation:.9g}")
        return found | self._attention(extractor, doc, (head, tail))

    def _attention(self, extractor: RelationExtractor, doc: Doc, pair: tuple[Any, Any]) -> dict[str, Any]:
        try:
            (attended,) = extractor.attention([doc])
        except RelextError as error:
            return {"attention": [], "note": str(error)}
        places = [_place(span) for span in pair]
        for wanted in (places, places[::-1]):  # one direction alone may be a candidate
            for one in attended:
                if [_place(one.head), _place(one.tail)] == wanted:
                    return {
                        "context": [one.context.start_char, one.context.end_char],
                        "attention": [[start, end, round(weight, 4)] for start, end, weight in one.places],
                    }
        return {"attention": [], "note": "the two are no candidate pair: the model reads nothing for them by itself."}

    def _extractor(self, document: Asked) -> RelationExtractor:
        found = {extractor.name: extractor for extractor in self.extractors}
        if document.extractor is None and len(found) == 1:
            return self.extractors[0]
        if document.extractor not in found:
            saw = "none is named" if document.extractor is None else f"{document.extractor!r:.60} is none of them"
            raise document.error(f"the pipeline has the relation extractors {', '.join(found)}, and {saw}. Name one as 'source'.")
        return found[document.extractor]


def name_of(nlp: Language) -> str:
    """The name that a pipeline is installed under."""
    return f"{nlp.lang}_{nlp.meta['name']}"


def _place(span: Any) -> tuple[int, int, str]:
    return span.start, span.end, span.label_
