"""The values of a relation: what may be given for each, and as what it is kept."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from spacy.tokens import Span, Token

from spacy_relext.errors import RelextError

# The source of what no component found: a caller's relation, an annotation, a file that says nothing of sources.
CALLER = ""
ASSERTED, UNCERTAIN = "asserted", "uncertain"
STATUSES = (ASSERTED, UNCERTAIN)
# No attribute may say that there is no relation: whoever does not look at attributes would take it for one.
DENIED = "negated"
# By name, with their scores.
Sources = tuple[tuple[str, float], ...]


def check_text(value: Any, what: str) -> None:
    """RAISES: RelextError for what is no str, or one that no file and no Doc can hold (half of a surrogate pair)."""
    if not isinstance(value, str):
        raise RelextError(f"{what} is {value!r:.60}; expected a str.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RelextError(f"{what} is {value!r:.60}, with half of a surrogate pair, which cannot be stored. Correct the text.") from error


def checked_long_forms(long_forms: Any, label: str) -> tuple[str, str]:
    """The long forms of head and tail. RAISES: RelextError where they are not a pair of strings."""
    if not isinstance(long_forms, (tuple, list)) or len(long_forms) != 2:
        raise RelextError(f"{label}: the long forms are {long_forms!r:.60}; expected those of head and tail, two strings, empty for none.")
    for long_form in long_forms:
        check_text(long_form, f"{label}: a long form")
    return long_forms[0], long_forms[1]


def details(sources: Mapping[str, float], status: str, attributes: Collection[str], score: float, raw_score: float) -> dict[str, Any]:
    """What JSON says of a relation beyond its score: nothing of what it is taken for without."""
    found: dict[str, Any] = {}
    if raw_score != score:
        found["raw_score"] = raw_score
    if list(sources) != [CALLER]:
        found["sources"] = sources
    if status != ASSERTED:
        found["status"] = status
    if attributes:
        found["attributes"] = list(attributes)
    return found


def checked_score(score: Any, label: str, name: str = "score") -> float:
    """A score as a float. RAISES: RelextError for what is none between 0 and 1."""
    try:
        value = score if type(score) is float else float(score + 0.0)
    except (TypeError, ValueError, OverflowError):
        value = -1.0
    if not 0.0 <= value <= 1.0:  # which not a number is neither
        raise RelextError(f"{label}: the {name} is {score!r:.40}; it is a probability, between 0 and 1.")
    return value


def checked_status(status: Any, label: str) -> str:
    """A status. RAISES: RelextError for what is none."""
    if status not in STATUSES:
        raise RelextError(f"{label}: the status is {status!r:.40}; it is one of {', '.join(map(repr, STATUSES))}.")
    return str(status)


def checked_attributes(attributes: Any, label: str) -> tuple[str, ...]:
    """Attributes in alphabetical order, each once. RAISES: RelextError for what are none."""
    given: list[Any] = list(attributes) if isinstance(attributes, Iterable) and not isinstance(attributes, str) else [None]
    if not all(isinstance(name, str) and name.strip() for name in given):
        raise RelextError(f"{label}: the attributes are {attributes!r:.60}; expected a list of strings that are not empty.")
    if DENIED in map(str.casefold, given):
        raise RelextError(f"{label}: a relation that is {DENIED} is none. Leave it out.")
    for name in given:
        check_text(name, f"{label}: an attribute")
    return tuple(sorted(set(given)))


def checked_sources(sources: Any, score: Any, label: str) -> tuple[float, Sources]:
    """The score, and the sources by name. RAISES: RelextError for what are no sources, and for a score that is not their highest."""
    names: list[Any] = list(sources) if isinstance(sources, Iterable) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise RelextError(f"{label}: the sources are {sources!r:.60}; expected names of components, or a dict of their scores.")
    for name in names:
        check_text(name, f"{label}: a source")
    if isinstance(sources, Mapping):
        named = {name: checked_score(value, label) for name, value in sources.items()}
    else:
        named = dict.fromkeys(names, 1.0 if score is None else checked_score(score, label))
    highest = max(named.values())
    if score is not None and checked_score(score, label) != highest:
        raise RelextError(f"{label}: the score is {score}, and the highest of its sources {highest}. Leave the score out, or correct it.")
    return highest, tuple(sorted(named.items()))


def check_mention(span: Any, end: str, label: Any) -> None:
    """RAISES: RelextError for a head or tail that is no Span, or an empty one."""
    if not isinstance(span, Span):
        cures: dict[type, Callable[[], str]] = {
            Token: lambda: f"Span(doc, {span.i}, {span.i + 1}, label=…) is the mention of this one token",
            str: lambda: "doc.char_span(start, end, label=…) is the mention at some characters of the text",
        }
        cure = cures.get(type(span), lambda: "take head and tail from doc.ents or doc.spans, or make them: Span(doc, start, end, label=…)")
        raise RelextError(f"{label}: the {end} is a {type(span).__name__}, {span!r:.60}, and no Span: {cure()}.")
    if span.start >= span.end:
        raise RelextError(
            f"{label}: an empty mention before token {span.start} of the Doc {span.doc.text[:60]!r}…. "
            "Head and tail need at least one token each."
        )


def check_keys(data: Mapping[str, Any], known: set[str], required: set[str], what: str) -> None:
    """RAISES: RelextError where keys are unknown or missing."""
    if not required <= set(data) <= known:
        raise RelextError(
            f"{what}: saw the keys {sorted(map(str, data))}; expected {', '.join(sorted(required))}, and perhaps "
            f"{', '.join(sorted(known - required))}."
        )
