"""JSON, value by value: of a file that is one list, or has one in an object, an entry is held at a time, and not the file.

Objects in which a key stands twice are told from others, and whole numbers that are too long from those that are read.
"""

import codecs
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Self, TypeVar

from spacy_relext.errors import DataError
from spacy_relext.formats.files import read_errors
from spacy_relext.formats.limits import CHUNK, MARK, is_blank, limits, opened, read_line, reported_lines, too_large

Read = TypeVar("Read")

# Numbers with more digits are none that is read: Python itself makes no whole number of more than 4,300 digits of a text.
MOST_DIGITS = 100
# Whatever an error is about, apart from strings, is shorter.
LONGEST_WORD = 16
SPACE = " \t\n\r"
# The types of values by their first character.
KINDS = {"{": "dict", "[": "list", '"': "str"}


class Twice(dict[str, Any]):
    """An object of JSON in which a key stands twice."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.key = counts.most_common(1)[0][0]


class ManyDigits(float):
    """A whole number of JSON that is longer than any that is read. It is none to who asks for one."""

    def __new__(cls, text: str) -> Self:
        """Make it of its digits. They are counted, and not kept."""
        made = super().__new__(cls, text)
        made.length = len(text)
        return made

    length: int

    def __repr__(self) -> str:
        return f"a number of {self.length:,} digits"


def _hooks(twice: list[str]) -> dict[str, Any]:
    """twice: Is added to: the keys that stand twice in one object, which is a `Twice` then."""

    def make(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            made = Twice(pairs)
            twice.append(made.key)
        return made

    return {"object_pairs_hook": make, "parse_int": _whole_number}


def load_json(text: str) -> tuple[Any, list[str]]:
    """What JSON says, and the keys that stand twice in one object. RAISES: What `json.loads` does."""
    twice: list[str] = []
    return json.loads(text, **_hooks(twice)), twice


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= MOST_DIGITS else ManyDigits(digits)


@contextmanager
def open_json(path: Path, expected: str, fail: Callable[[str], DataError]) -> Iterator["JsonStream"]:
    """Read a file value by value. expected: What it should be, for errors, which `fail` makes of a message."""
    with opened(path) as file:
        yield JsonStream(file.read, path, expected, fail)


def read_values(
    path: Path, expected: str, read: Callable[["JsonStream"], Iterator[Read]], on_error: Callable[[DataError], None]
) -> Iterator[Read]:
    """What `read`, which takes a value whole, makes of the value of a file or, where there is one per line, of each.

    expected: What a value should be, for errors. What is wrong with a line leaves out that line; other errors end the file.
    """
    begin = 1
    try:
        if not _has_lines(path):
            with open_json(path, expected, partial(DataError, path=path)) as stream:
                begin = yield from _read_first(stream, read)
    except DataError as error:
        on_error(error)
        return
    for number, line in reported_lines(path, on_error) if begin else ():
        try:
            if number >= begin and not is_blank(line):
                fail = partial(DataError, path=path, line=number)
                stream = JsonStream(BytesIO(read_line(line)).read, path, expected, fail, first_line=number)
                yield from read(stream)
                stream.end()
        except DataError as error:
            on_error(error)


def _read_first(stream: "JsonStream", read: Callable[["JsonStream"], Iterator[Read]]) -> Generator[Read, None, int]:
    """What is made of the first value. RETURNS: The line where the next one begins, if each has its own; 0 if that was all."""
    stream.peek()
    first = stream.line
    yield from read(stream)
    is_line = stream.line == first
    while stream.peek():
        if is_line and stream.line > first:
            return stream.line
        yield from read(stream)
    stream.end()
    return 0


def _has_lines(path: Path) -> bool:
    """Whether the begin of a file shows that it has a value per line: the first line looks whole, and the next one begins like a value."""
    with read_errors(path), path.open("rb") as file:
        first, _, rest = file.read(CHUNK).removeprefix(MARK).lstrip().partition(b"\n")
    if not rest.strip():
        return path.suffix.lower() == ".jsonl"
    return first.rstrip()[-1:] not in b"{[,:" and rest.lstrip()[:1] in b"{["


class JsonStream:
    """Values of JSON out of a file, of which no more is held than a value, or a megabyte. All its functions raise DataErrors.

    read: Gives so many bytes, or fewer at the end. A byte order mark is passed over. first_line: The number of the line that it begins in.
    """

    def __init__(self, read: Callable[[int], bytes], path: Path, expected: str, fail: Callable[[str], DataError], first_line: int = 1):
        self._read, self._path, self._expected, self._fail = read, path, expected, fail
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._twice: list[str] = []
        self._scan = json.JSONDecoder(**_hooks(self._twice)).raw_decode
        # What is held, and what comes next in it; so many characters are before it.
        self._text, self._at, self._n_passed = "", 0, 0
        # So much of it is in front of this line and column.
        self._counted, self._line, self._column = 0, first_line, 1
        self._n_bytes = 0
        self._is_over = False
        # What is wrong behind what is held.
        self._broken: DataError | None = None
        while not self._text and self._more(CHUNK):
            pass
        self._at = int(self._text.startswith("\ufeff"))

    @property
    def line(self) -> int:
        """The number of the line in which the next value stands, after `peek`."""
        self._line, self._column = self._place(self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in SPACE:
                self._at += 1
            if self._at < len(self._text) or not self._more(CHUNK):
                return self._text[self._at : self._at + 1]

    def value(self) -> tuple[Any, bool]:
        """The next value, and whether there is an object in it in which a key stands twice."""
        self.peek()
        while True:
            self._twice.clear()
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                ahead = error.pos - self._at
                cut = len(self._text) - error.pos <= LONGEST_WORD or error.msg.startswith("Unterminated string")
                if cut and self._more(max(CHUNK, len(self._text) - self._at)):
                    continue
                raise self._syntax_error(error.msg, self._at + ahead) from error
            except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
                raise self._fail(f"JSON that cannot be read ({error}). Expected {self._expected}.") from error
            # A number may go on.
            if isinstance(value, dict | list | str) or len(self._text) - end > LONGEST_WORD or self._is_over:
                self._check_size(end)
                self._at = end
                return value, bool(self._twice)
            self._more(CHUNK)

    def entries(self) -> Iterator[tuple[Any, bool]]:
        """The entries of a list, which comes next, as `value` gives them."""
        for _ in self.places():
            yield self.value()

    def places(self) -> Iterator[int]:
        """The lines of the entries of a list, which comes next. An entry is passed over, unless it is taken whole."""
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            self.peek()
            before = self._n_passed + self._at
            yield self.line
            if self._n_passed + self._at == before:
                self.value()
            if self._take(",]") == "]":
                return

    def members(self) -> Iterator[str]:
        """The keys of an object, which comes next. A value is passed over, unless `value` or `entries` took it, whole."""
        self._take("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                raise self._syntax_error("Expecting property name enclosed in double quotes", self._at)
            key, _ = self.value()
            self._take(":")
            self.peek()
            before = self._n_passed + self._at
            yield key
            if self._n_passed + self._at == before:
                self.value()
            if self._take(",}") == "}":
                return

    def end(self) -> None:
        """Nothing may follow."""
        if self.peek() or self._broken is not None:
            raise self._syntax_error("Extra data", self._at)

    def _take(self, characters: str) -> str:
        found = self.peek()
        if not found or found not in characters:
            if characters[0] in KINDS and found:
                raise self._fail(f"expected {self._expected}, and saw {self._kind()}.")
            raise self._syntax_error(f"Expecting {characters[0]!r} delimiter" if characters[0] in ",:" else "Expecting value", self._at)
        self._at += 1
        return found

    def _kind(self) -> str:
        """What comes next instead of a list or object."""
        return KINDS.get(self.peek()) or type(self.value()[0]).__name__

    def _more(self, size: int) -> bool:
        """Hold more, and what is passed no longer. RETURNS: whether there was more."""
        if self._is_over:
            return False
        self._check_size(len(self._text))
        self._line, self._column = self._place(self._at)
        self._n_passed += self._at
        self._text, self._at, self._counted = self._text[self._at :], 0, 0
        with read_errors(self._path):
            raw = self._read(size)
        pending = len(self._decode.getstate()[0])
        self._is_over = not raw
        try:
            self._text += self._decode.decode(raw, final=self._is_over)
        except UnicodeDecodeError as error:
            self._text += error.object[: error.start].decode("utf8")
            self._is_over = True
            where = self._n_bytes - pending + error.start
            line = self._place(len(self._text))[0]
            message = self._fail(f"not UTF-8 (byte {where} of the file). Convert the file to UTF-8.")
            self._broken = DataError(message.message, path=message.path, line=message.line or line)
            return True
        self._n_bytes += len(raw)
        return not self._is_over

    def _check_size(self, end: int) -> None:
        if end - self._at > limits().record:
            raise too_large("a value", self._path, self._place(self._at)[0])

    def _place(self, at: int) -> tuple[int, int]:
        """The line and column, counted from 1, of a character that is not passed."""
        n_lines = self._text.count("\n", self._counted, at)
        column = at - self._text.rindex("\n", self._counted, at) if n_lines else self._column + at - self._counted
        return self._line + n_lines, column

    def _syntax_error(self, message: str, at: int) -> DataError:
        is_cut = len(self._text) - at <= LONGEST_WORD or message.startswith("Unterminated string")
        if self._broken is not None and is_cut:
            return self._broken
        line, column = self._place(at)
        return self._fail(f"not JSON ({message}, line {line}, column {column}). Expected {self._expected}.")
