"""tokenizers: padding and truncation are the state of a fast tokenizer, which cannot change while another thread reads a text."""

from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from spacy_relext.ml.patches import enabled

# The padding that fast tokenizers were brought to.
_settled: WeakKeyDictionary[Any, bool | str] = WeakKeyDictionary()
_settling = Lock()


def settle(tokenizer: Any, padding: bool | str) -> None:
    """Bring a tokenizer to the state in which calls with this padding, and without truncation, leave it. Does nothing the second time.

    All calls of a tokenizer should go by one padding: a change fails ("Already borrowed") while another thread reads a text.
    padding: As in a call of the tokenizer.

    Seen in tokenizers 0.21, transformers 4.53. Upstream: https://github.com/huggingface/tokenizers/issues/537.
    """
    if not enabled() or not tokenizer.is_fast or _settled.get(tokenizer) == padding:
        return
    with _settling:
        tokenizer("a", padding=padding)
        _settled[tokenizer] = padding
