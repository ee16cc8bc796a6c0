"""Which stretches of a Doc the transformer encodes."""

from collections.abc import Callable, Iterable

from spacy.tokens import Doc, Span

from spacy_relext.candidates import has_sentences, sentence_bounds
from spacy_relext.errors import RelextError


def sentence_windows(max_tokens: int = 128) -> Callable[[Iterable[Doc]], list[list[Span]]]:
    """Sentences, the longer ones in pieces. Registered span getter `spacy-relext.sentence_windows.v1`.

    With spacy-transformers' own `sent_spans.v1`, what a sentence has beyond the encoder's limit gets no vector, and text without
    sentence boundaries is refused. Here it is cut into windows.

    max_tokens (int): The longest window, in tokens. An encoder with 512 positions reads about 128 tokens of biomedical text safely.
    """
    if max_tokens < 1:
        raise RelextError(f"sentence_windows: max_tokens is {max_tokens}; it must be at least 1.")

    def get_windows(docs: Iterable[Doc]) -> list[list[Span]]:
        return [
            [doc[start : min(start + size, end)] for first, end, size in _sentences(doc) for start in range(first, end, size)]
            for doc in docs
        ]

    def _sentences(doc: Doc) -> Iterable[tuple[int, int, int]]:
        if not len(doc):
            return
        bounds = zip(*sentence_bounds(doc), strict=True) if has_sentences(doc) else [(0, len(doc))]
        for first, end in bounds:
            n_windows = -(-(int(end) - int(first)) // max_tokens)
            # Windows of equal size: a last window of two tokens would see no context.
            yield int(first), int(end), -(-(int(end) - int(first)) // n_windows)

    return get_windows
