"""Which stretches of a Doc the transformer encodes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from spacy.tokens import Doc, Span
from thinc.api import Model

from spacy_relext.candidates import Candidates, has_sentences, sentence_bounds
from spacy_relext.errors import RelextError
from spacy_relext.ml.contexts import covered


@dataclass(frozen=True)
class SentenceWindows:
    """Sentences, and text without sentence boundaries, in windows of at most `max_tokens` tokens."""

    max_tokens: int

    def __call__(self, docs: Iterable[Doc]) -> list[list[Span]]:
        """The windows of each Doc: in its order, every token in one of them."""
        return [
            [doc[start : min(start + size, end)] for first, end, size in self._sentences(doc) for start in range(first, end, size)]
            for doc in docs
        ]

    def _sentences(self, doc: Doc) -> Iterator[tuple[int, int, int]]:
        if not len(doc):
            return
        bounds = zip(*sentence_bounds(doc), strict=True) if has_sentences(doc) else [(0, len(doc))]
        for first, end in bounds:
            n_windows = -(-(int(end) - int(first)) // self.max_tokens)
            # Windows of equal size: a last window of two tokens would see no context.
            yield int(first), int(end), -(-(int(end) - int(first)) // n_windows)


def sentence_windows(max_tokens: int = 128) -> SentenceWindows:
    """Sentences, the longer ones in pieces. Registered span getter `spacy-relext.sentence_windows.v1`.

    With spacy-transformers' own `sent_spans.v1`, text without sentence boundaries is refused. How many word pieces a window has is known
    after it was cut: the transformers of this package read one that is too long for the encoder in overlapping parts.

    max_tokens (int): The longest window, in tokens. An encoder of 512 positions reads 128 tokens of most texts at once.
    """
    if max_tokens < 1:
        raise RelextError(f"sentence_windows: max_tokens is {max_tokens}; it must be at least 1.")
    return SentenceWindows(max_tokens)


def loses_words(model: Model) -> bool:
    """Whether a model reads windows of `sentence_windows`, and loses what these have beyond the encoder's limit.

    spacy-transformers' own transformers do.
    """
    for node in model.walk():
        get_spans = node.attrs.get("get_spans")
        if isinstance(getattr(get_spans, "get_spans", get_spans), SentenceWindows) and not getattr(node, "splits_windows", False):
            return True
    return False


class DocsToRead(list[Doc]):
    """Docs, and the windows of each that are to be encoded. They go with the input: the model belongs to all threads that predict."""

    windows: list[list[Span]]


@dataclass(frozen=True)
class WindowsToRead:
    """A span getter that gives the windows which come with the Docs, and where none do, those of another one."""

    get_spans: Callable[[Iterable[Doc]], list[list[Span]]]

    def __call__(self, docs: Iterable[Doc]) -> list[list[Span]]:
        return docs.windows if isinstance(docs, DocsToRead) else self.get_spans(docs)


def skip_unused_windows(
    encoder: Model, docs: list[Doc], candidates: list[Candidates], *, skip: bool = True
) -> tuple[list[Doc], list[int], list[Candidates]]:
    """Docs of which an encoder of windows encodes only the windows in which a pair reads something.

    In most abstracts, few sentences have a pair.
    skip: False: all is encoded, as it is where the encoder reads no windows, e.g. because it is a listener.
    RETURNS: The Docs as the encoder is to be given them; for each, how many tokens it gives vectors of; and the candidates in terms of
        these tokens.
    """
    node = next((node for node in encoder.walk() if "get_spans" in node.attrs), None) if skip else None
    if node is None:
        return docs, [len(doc) for doc in docs], candidates
    get_spans = node.attrs["get_spans"]
    if not isinstance(get_spans, WindowsToRead):
        # For good: every thread puts the same in its place.
        node.attrs["get_spans"] = WindowsToRead(get_spans)
    kept: list[list[Span]] = []
    sizes: list[int] = []
    moved: list[Candidates] = []
    for doc, windows, pairs in zip(docs, get_spans(docs), candidates, strict=True):
        read = covered(len(doc), pairs.contexts)
        kept.append([window for window in windows if read[window.start : window.end].any()])
        # spacy-transformers gives vectors from the first window to the last; what is skipped between them has zeros, which no pair reads.
        first, end = (kept[-1][0].start, kept[-1][-1].end) if kept[-1] else (0, 0)
        sizes.append(end - first)
        moved.append(_cut(pairs, first, end))
    to_read = DocsToRead(docs)
    to_read.windows = kept
    return to_read, sizes, moved


def _cut(candidates: Candidates, first: int, end: int) -> Candidates:
    """The candidates of a Doc in terms of some of its tokens; mentions that have none of these are in no pair."""
    mentions = candidates.mentions.copy()
    mentions[:, :2] = mentions[:, :2].clip(first, end) - first
    left = mentions[:, 0] < mentions[:, 1]
    return Candidates(
        mentions=mentions[left],
        labels=[label for label, stays in zip(candidates.labels, left, strict=True) if stays],
        pairs=(left.cumsum() - 1)[candidates.pairs],
        contexts=candidates.contexts - first,
    )
