"""JSON, value by value: of a file that is one list, or has one in an object, an entry is held at a time, and not the file.

Objects in which a key stands twice are told from others, and whole numbers that are too long from those that are read.
"""

import codecs
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.files import read_errors
from spacy_relext.formats.limits import CHUNK, limits, too_large

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

    def __new__(cls, text: str):
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
    with read_errors(path):
        file = path.open("rb")
    with file:
        yield JsonStream(file.read, path, expected, fail)


def json_values(path: Path, expected: str, fail: Callable[[str], DataError]) -> Iterator[tuple[Any, int | None]]:
    """The one value of a file or, where there are several, one per line, these, each with its line."""
    with open_json(path, expected, fail) as stream:
        first, _ = stream.value()
        yield first, 1 if stream.peek() else None
        while stream.peek():
            line = stream.line
            yield stream.value()[0], line
        stream.end()


class JsonStream:
    """Values of JSON out of a file, of which no more is held than a value, or a megabyte. All its functions raise DataErrors.

    read: Gives so many bytes, or fewer at the end. A byte order mark is passed over.
    """

    def __init__(self, read: Callable[[int], bytes], path: Path, expected: str, fail: Callable[[str], DataError]):
        self._read, self._path, self._expected, self._fail = read, path, expected, fail
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._twice: list[str] = []
        self._scan = json.JSONDecoder(**_hooks(self._twice)).raw_decode
        # What is held, and what comes next in it; where it begins: so many characters are before it, in this line and column.
        self._text, self._at = "", 0
        self._n_passed, self._line, self._column = 0, 1, 1
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
        return self._place(self._at)[0]

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
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
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
        self._text, self._at = self._text[self._at :], 0
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
        """The line and column of a character that is held, counted from 1."""
        n_lines = self._text.count("\n", 0, at)
        column = at - self._text.rindex("\n", 0, at) if n_lines else self._column + at
        return self._line + n_lines, column

    def _syntax_error(self, message: str, at: int) -> DataError:
        is_cut = len(self._text) - at <= LONGEST_WORD or message.startswith("Unterminated string")
        if self._broken is not None and is_cut:
            return self._broken
        line, column = self._place(at)
        return self._fail(f"not JSON ({message}, line {line}, column {column}). Expected {self._expected}.")
