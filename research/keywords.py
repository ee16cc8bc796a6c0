"""Keywords: the word stems that get the most attention, after Table 8 of the 2022 extension of Su & Vijay-Shanker.

The paper says "global attention weight" and not how it is made of the weights of single words. Here:

- The weight of a word is taken relative to equal weights: times the number of words that the pair reads. 1 is no more than any other.
- A stem has in a sentence the mean over its occurrences and over the sentence's pairs: a sentence of many pairs counts once.
- Its global weight is the mean over the sentences that it occurs in; stems in few sentences are left out.

Words are those of letters alone, two or more, that are in no mention and no stop words of the pipeline's language.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from typing import NamedTuple

from spacy.tokens import Span

from spacy_relext.extras import extra
from spacy_relext.pipeline.pairs import AttendedPair


class Keyword(NamedTuple):
    """A stem, its global weight, the sentences that it occurs in, and its words, the most frequent first."""

    stem: str
    weight: float
    sentences: int
    words: tuple[str, ...]


def english_stemmer() -> Callable[[str], str]:
    """Porter's stemmer in its second version, "english" of Snowball. Of the first, *use* would be *us*, and the paper prints *use*."""
    return extra("snowballstemmer").stemmer("english").stemWord


def rank_keywords(documents: Iterable[Iterable[AttendedPair]], stem: Callable[[str], str], *, min_count: int = 1) -> list[Keyword]:
    """All keywords, those with the largest weights first.

    documents: What `RelationExtractor.attention` yields. stem: From a word in lower case to its stem.
    min_count: The fewest sentences that a stem occurs in.
    """
    stem = cache(stem)
    sums: defaultdict[str, float] = defaultdict(float)
    sentences: Counter[str] = Counter()
    words: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pairs in documents:
        for _, of_sentence in groupby(sorted(pairs, key=_place), key=_place):
            weights: defaultdict[str, list[float]] = defaultdict(list)
            for context, reading in ((pair.context, pair.attention) for pair in of_sentence):
                for word, kind, weight in zip(reading.words, reading.kinds, reading.weights, strict=True):
                    if kind == "text" and _is_content(word, context):
                        lower = word.lower()
                        weights[stem(lower)].append(float(weight) * len(reading.words))
                        words[stem(lower)][lower] += 1
            for name, found in weights.items():
                sums[name] += sum(found) / len(found)
                sentences[name] += 1
    ranked = [
        Keyword(name, sums[name] / n, n, tuple(word for word, _ in words[name].most_common()))
        for name, n in sentences.items()
        if n >= min_count
    ]
    return sorted(ranked, key=lambda keyword: (-keyword.weight, keyword.stem))


def _place(pair: AttendedPair) -> tuple[int, int]:
    return pair.context.start, pair.context.end


def _is_content(word: str, context: Span) -> bool:
    lexeme = context.vocab[word]
    return len(word) > 1 and lexeme.is_alpha and not lexeme.is_stop
