"""What a reader is given beside the path: what becomes of errors, how files are to be taken, and where it counts what it leaves out."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.roles import Roles
from spacy_relext.notices import counted_name

# Is given what is wrong with a document or file, and may raise it; if it does not, the document or file is left out.
OnError = Callable[[DataError], None]


def listed(counts: Counter[str]) -> str:
    """Counts in a line: "2 tasks, 1 draft"."""
    return ", ".join(counted_name(count, what) for what, count in counts.items() if count)


# What becomes of the annotations of several people of one text.
OTHER_ANNOTATORS, SAME_ANNOTATIONS = "annotations of other annotators, left out", "annotations that say the same as another one"
# How events become relations (standoff.py).
ROLES, PAIRS = "roles", "pairs"


def raise_error(error: DataError) -> None:
    """Raise it."""
    raise error


@dataclass(frozen=True)
class Options:
    """How files are taken that can be taken in several ways. A format names those that it knows (`Format.options`).

    text_column: The column, or the key of a record, with the text. id_column: That with the id of the document.
    label_column: The key of a record with the mentions. meta_columns: Those that are kept in the `meta` of a document.
    roles: Pairs of roles, each as "HEAD,TAIL", for arguments of relations whose roles are not known (roles.py), or known otherwise.
    keep_empty: Texts without any mention are kept where a file does not say that their annotation is finished: of annotation tools.
    default_label: The label of relations that have none. annotator: Whose annotations are read, where several people annotated a text.
    use_predictions: What a model said is read where nobody annotated a text.
    utf16_offsets: Offsets that nothing checks count UTF-16 units.
    events: How events become relations: "roles", from the trigger to each argument, labelled by its role; "pairs", between each two
        arguments, labelled by the event. None: those with two mentions as arguments alone, as pairs.
    """

    text_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    roles: tuple[str, ...] = ()
    keep_empty: bool = False
    default_label: str | None = None
    annotator: str | None = None
    use_predictions: bool = False
    utf16_offsets: bool = False
    events: str | None = None
    meta_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.events not in (None, ROLES, PAIRS):
            raise RelextError(f"`events` is {self.events!r}; expected {ROLES} or {PAIRS}.")
        if isinstance(self.meta_columns, str):
            raise RelextError(f"`meta_columns` is {self.meta_columns!r}; expected a list of names.")

    @property
    def given(self) -> set[str]:
        """The names of those that are not as they are by default."""
        return {f.name for f in fields(self) if getattr(self, f.name) != f.default}


# What is left out of files with records that other files revise.
SUPERSEDED = "documents of which there is a later version, or that are deleted"


@dataclass(frozen=True)
class Superseded:
    """The documents of a file that are not to be read (versions.py). documents: How many it has. numbers: Those, from 0, in order."""

    documents: int = 0
    numbers: Sequence[int] = ()

    def between(self, start: int, end: int) -> tuple[int, ...]:
        """Those of some consecutive documents, counted from the first of them."""
        first, last = (bisect_left(self.numbers, number) for number in (start, end))
        return tuple(number - start for number in self.numbers[first:last])


# What is not to be read of each file, or why nothing of it can be.
FileVersions = Mapping[Path, Superseded | DataError]


@dataclass
class Reading:
    """One input, whole: a reader is given the same one for all files of a folder.

    counts: Is added to by the reader: what it leaves out that is no error, and is in no document. What a document could not hold of its
        file is in its `unsupported`.
    texts: By id, those of documents of jsonl that come without. versions: Of files whose records others of the input revise.
    """

    on_error: OnError = raise_error
    counts: Counter[str] = field(default_factory=Counter)
    options: Options = field(default_factory=Options)
    # For names of `counts`, where the first of its kind stands.
    examples: dict[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] | None = None
    versions: FileVersions = field(default_factory=dict)
    # Says which argument of a relation is the head, by the roles of the file; for the whole input, an `attempt` too. None: by the options.
    roles: Roles = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.roles = self.roles or Roles(self.options.roles)

    def leave_out(self, what: str, place: str) -> None:
        """Count something that is left out, which stands in FILE:LINE or in a record of a file."""
        self.counts[what] += 1
        self.examples.setdefault(what, place)

    def attempt(self) -> "Reading":
        """The same with counts of its own, for a record that may turn out to be an error: `keep` adds them."""
        return replace(self, counts=Counter(), examples={})

    def keep(self, attempt: "Reading") -> None:
        """Add what an attempt has counted."""
        self.counts.update(attempt.counts)
        self.examples = {**attempt.examples, **self.examples}
