"""What the model read for the pairs of errors: one more prediction, of these alone."""

from collections.abc import Mapping, Sequence

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from spacy_relext.evaluation import predict
from spacy_relext.pipeline.gold import align_mentions, gold_view
from spacy_relext.pipeline.pairs import attended
from spacy_relext.pipeline.preparing import Prepared, prepare
from spacy_relext.pipeline.relation_extractor import RelationExtractor

# Words with less weight than this are not shown.
LEAST = 0.001
Attention = tuple[tuple[int, int, float], ...]
# Head and tail, as indices of the mentions.
Pair = tuple[int, int]


def attend(
    nlp: Language,
    pipe: RelationExtractor,
    references: Mapping[int, Doc],
    pairs: Mapping[int, Sequence[Pair]],
    *,
    annotated: bool,
    own_sentences: bool = False,
) -> dict[tuple[int, Pair], Attention]:
    """What was read for some pairs of some documents, by the number of the document and the pair.

    references, pairs: By number of the document. annotated: Between annotated mentions. own_sentences: As in `evaluate`.
    RAISES: RelextError where the summary has no weights of words.
    """
    numbers = [number for number in references if pairs.get(number)]
    examples = predict(nlp, [references[n] for n in numbers], annotated=annotated and not own_sentences, disable=[pipe.name])
    found: dict[tuple[int, Pair], Attention] = {}
    for batch in minibatch(zip(numbers, examples, strict=True), size=32):
        asked = [list(dict.fromkeys(pairs[number])) for number, _ in batch]
        docs = [gold_view(example) if annotated else example.predicted for _, example in batch]
        prepared = [
            _prepared(pipe, doc, example, rows, annotated=annotated) for doc, (_, example), rows in zip(docs, batch, asked, strict=True)
        ]
        for (number, _), rows, read in zip(batch, asked, attended(pipe, docs, prepared), strict=True):
            for pair, weights in zip(rows, read, strict=True):
                found[number, pair] = tuple((start, end, round(weight, 4)) for start, end, weight in weights.places if weight >= LEAST)
    return found


def _prepared(pipe: RelationExtractor, doc: Doc, example: Example, pairs: list[Pair], *, annotated: bool) -> Prepared:
    mentions = align_mentions(doc, pipe.mentions(example.reference)) if annotated else pipe.mentions(doc)
    return prepare(pipe, doc, mentions, numpy.asarray(pairs))
