"""Documents that are tokenised in other processes, while this one computes: a GPU need not wait for it."""

import multiprocessing
import os
import signal
import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_relext.errors import RelextError
from spacy_relext.extraction.running import AHEAD, Made, Processes, Runner, Settings, follow_parent
from spacy_relext.formats.types import Document

# Processes that are taken without being asked for: on one core, text is tokenised faster than a GPU encodes it by two or three.
MOST_TOKENIZERS = 4


class Tokens(NamedTuple):
    """What a tokenizer makes of a text.

    lengths (bytes): Of the tokens, in characters, as 32 bits each. spaces (bytes): Whether a space follows, a byte each.
    norms: Of tokens whose norm is not that of their word, by their number.
    begins: Whether the first one begins a sentence, which a tokenizer does not say of white space.
    """

    lengths: bytes
    spaces: bytes
    norms: list[tuple[int, str]]
    begins: bool | None

    @classmethod
    def of(cls, doc: Doc) -> "Tokens":
        """The tokens of a Doc as a tokenizer leaves it."""
        norms = [(token.i, token.norm_) for token in doc if token.norm != token.lex.norm]
        lengths, spaces = array("i", map(len, doc)).tobytes(), bytes(bool(token.whitespace_) for token in doc)
        return cls(lengths, spaces, norms, doc[0].is_sent_start if len(doc) else None)

    def doc(self, vocab: Vocab, text: str) -> Doc:
        """The Doc that the tokenizer made of the text."""
        words, end = [], 0
        spaces = list(map(bool, self.spaces))
        for length, space in zip(array("i", self.lengths), spaces, strict=True):
            words.append(text[end : end + length])
            end += length + space
        doc = Doc(vocab, words=words, spaces=spaces)
        for i, norm in self.norms:
            doc[i].norm_ = norm
        if words:
            doc[0].is_sent_start = self.begins
        return doc


class Tokenizing(Processes):
    """Processes that hold the tokenizer of a runner's pipeline and tokenise the batches that come next; the runner itself stays here.

    They are forked on Linux where no GPU is used, which a fork must not have, and spawned otherwise.

    RAISES: RelextError where the pipeline has another tokenizer than spaCy's, which may leave more in a Doc than tokens.
    """

    def __init__(self, runner: Runner, number: int, *, start_method: str | None = None):
        tokenizer = runner.nlp.tokenizer
        if type(tokenizer) is not Tokenizer:
            raise RelextError(
                f"`n_tokenize`: the pipeline has a tokenizer of its own, {type(tokenizer).__name__}, and other processes tokenise with "
                "spaCy's alone. Leave it out."
            )
        self.runner, self.number = runner, number
        start_method = start_method or ("fork" if sys.platform == "linux" and runner.settings.gpu_id < 0 else "spawn")
        self.executor = ProcessPoolExecutor(number, multiprocessing.get_context(start_method), initializer=_start, initargs=(tokenizer,))
        # All that are forked are with the first task.
        self.executor.submit(int).result()

    def run(self, make: Callable[[Runner, Sequence[Document]], list[Made]], batches: Iterable[Sequence[Document]]) -> Iterator[list[Made]]:
        """What `make` makes of each batch, in their order. `AHEAD` batches are tokenised ahead by each process, and two at least.

        RAISES: RelextError where a process is killed.
        """
        waiting: deque[tuple[Sequence[Document], Future[list[Tokens | None]]]] = deque()

        def next_results() -> list[Made]:
            batch, tokenized = waiting.popleft()
            tokens = zip(batch, tokenized.result(), strict=True)
            self.runner.tokens = {id(document): found for document, found in tokens if found is not None}
            try:
                return make(self.runner, batch)
            finally:
                self.runner.tokens = {}

        try:
            for batch in batches:
                waiting.append((batch, self.executor.submit(_tokenize, [document.text for document in batch])))
                if len(waiting) > AHEAD * self.number:
                    yield next_results()
            while waiting:
                yield next_results()
        except BrokenProcessPool as error:
            raise RelextError(
                "one of the processes that tokenise was killed, perhaps for want of memory. Take fewer (`n_tokenize`), or 0."
            ) from error


def useful_tokenizers(settings: Settings, tokenizer: Any) -> int:
    """How many processes that tokenise are worth while: some beside a GPU, one core left to this process; else none."""
    if settings.gpu_id < 0 or type(tokenizer) is not Tokenizer:
        return 0
    return max(0, min(MOST_TOKENIZERS, (os.cpu_count() or 1) - 1))


_tokenizer: Tokenizer | None = None


def _start(tokenizer: Tokenizer) -> None:
    global _tokenizer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()
    _tokenizer = tokenizer


def _tokenize(texts: list[str]) -> list[Tokens | None]:
    """The tokens of some texts; None for one that fails, which the runner will tell of."""
    assert _tokenizer is not None
    # What the vocabulary learns is forgotten, as the runner does.
    with _tokenizer.vocab.memory_zone():
        return [_tokens_of(text) for text in texts]


def _tokens_of(text: str) -> Tokens | None:
    assert _tokenizer is not None
    try:
        return Tokens.of(_tokenizer(text))
    except Exception:  # of tables and rules that are a user's
        return None
