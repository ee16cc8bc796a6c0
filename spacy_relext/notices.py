"""Warnings of what makes results empty or wrong without an error: each kind is logged once, as `spacy.relext`, or gathered."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

# The one logger of the package. As a child of spaCy's it has its handler, its format and the level that `spacy train` sets.
logger = logging.getLogger("spacy.relext")

# How many different values a warning names.
MOST_VALUES = 8
# In a text, a word, or some, in the form for one, and in that for any other number.
_FORMS = re.compile(r"\{(n|of)\|([^{}|]*)\|([^{}|]*)\}")


def counted(n: int, one: str, many: str) -> str:
    """A number, and what is counted: 1 document, 2,000 documents."""
    return f"{n:,} {one if n == 1 else many}"


# The noun of a name such as "cut tokens" or "sentences that run over line ends", and the verb that goes with it.
_NOUN = re.compile(
    r"^(?P<before>(?:[\w-]*(?:[^s\W]|ous) )*)(?P<noun>\w+s)\b(?P<that> that)?(?P<verb> (?:run|begin or end|begin|say|are|have)\b)?"
)
_NOUNS = {"statuses": "status", "analyses": "analysis"}
_VERBS = {"": "", " run": " runs", " begin or end": " begins or ends", " begin": " begins", " say": " says", " are": " is", " have": " has"}


def counted_name(n: int, name: str) -> str:
    """A number, and the name of what is counted, which is plural in reports: 1 relation of relations, 2 cut tokens."""
    return f"{n:,} {_NOUN.sub(_singular, name) if n == 1 else name}"


def _singular(found: re.Match[str]) -> str:
    noun = found["noun"]
    one = _NOUNS.get(noun) or (f"{noun[:-3]}y" if noun.endswith("ies") else noun[:-1])
    return f"{found['before']}{one}{found['that'] or ''}{_VERBS[found['verb'] or '']}"


@dataclass
class Notice:
    """How often something was seen: `n` of `of`, and with which values."""

    n: int = 0
    of: int = 0
    values: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Notice") -> None:
        """Count what another one has seen, too."""
        self.n += other.n
        self.of += other.of
        self.values.update(other.values)

    def fill(self, text: str) -> str:
        """A text with `{n}`, `{of}` and `{values}` filled in, the most frequent values first.

        Of two forms it takes the one that goes with the number: `{n} {n|document has|documents have}`.
        """
        named = ", ".join(value for value, _ in self.values.most_common(MOST_VALUES))
        more = len(self.values) - MOST_VALUES
        named += f" and {more} more" if more > 0 else ""
        text = _FORMS.sub(lambda form: form[2] if (self.n if form[1] == "n" else self.of) == 1 else form[3], text)
        return text.replace("{n}", f"{self.n:,}").replace("{of}", f"{self.of:,}").replace("{values}", named)


class Gathered(dict[str, Notice]):
    """What was warned of while notices were gathered, by text. It can be sent from process to process."""

    def add(self, other: "Gathered") -> None:
        """Count what was warned of elsewhere, too."""
        for text, notice in other.items():
            self.setdefault(text, Notice()).add(notice)

    def lines(self) -> list[str]:
        """Each warning once, with its count: where its text has no place for one, the number of documents."""
        return [notice.fill(text if "{n}" in text else f"{text} (Documents: {{n}}.)") for text, notice in self.items()]


_gathered: ContextVar[Gathered | None] = ContextVar("spacy_relext_gathered", default=None)


@contextmanager
def gathering() -> Iterator[Gathered]:
    """Inside, and in this thread, notices are counted instead of logged, whether they were logged before or not."""
    found = Gathered()
    token = _gathered.set(found)
    try:
        yield found
    finally:
        _gathered.reset(token)


class Notices:
    """The kinds of warnings that one component has given: each is logged once. Not stored with a pipeline; threads may share it."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"_given": set(self._given)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._given, self._lock = state["_given"], Lock()

    def wants(self, kind: str) -> bool:
        """Whether a warning of this kind would be logged or counted: what it says need not be computed otherwise."""
        return kind not in self._given or _gathered.get() is not None

    def warn(self, kind: str, text: str, *, n: int = 1, of: int = 0, values: Iterable[str] = ()) -> None:
        """Warn of something.

        kind: Each kind is logged once. text: What was seen, what was expected, and the cure, after the name of the component. `{n}`, `{of}`
            and `{values}` stand for what differs from time to time: where notices are gathered, it is summed up.
        n: How many, e.g. mentions; documents, where the text has no `{n}`. values: What was seen, each as often as it was seen.
        """
        notice = Notice(n, of, Counter(values))
        found = _gathered.get()
        if found is not None:
            found.setdefault(text, Notice()).add(notice)
            return
        with self._lock:
            if kind in self._given:
                return
            self._given.add(kind)
        logger.warning("%s", notice.fill(text))

    def forget(self) -> None:
        """Log every kind again, as before the first."""
        with self._lock:
            self._given.clear()
