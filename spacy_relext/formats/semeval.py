"""SemEval-2010 task 8: sentences with two marked nominals, and what relates them (Hendrickx et al., SemEval 2010).

    1	"The <e1>wheel</e1> of the <e2>car</e2> is round."
    Component-Whole(e1,e2)
    Comment: plain

A sentence is a document, its id is its number; a blank line ends it. The head is the first argument: e2 in Cause-Effect(e2,e1). `Other`
is a negative. Mentions have the type NOMINAL, since the files give none. A sentence without a relation, as the test part was published,
is not annotated; the label is then looked for in a file of keys (`8001<tab>Message-Topic(e1,e2)`) beside it, whose name ends in KEY.TXT.
Comments are counted, and not held. A file of a folder without any such line, as a README.txt, is left out and counted.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.corpora import relate
from spacy_relext.formats.files import find_files
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import Line, is_blank, lines_of, read_line, reported_lines
from spacy_relext.formats.reading import OnError, Reading
from spacy_relext.formats.records import Place, files_with
from spacy_relext.formats.types import Document, Mention

TYPE, OTHER = "NOMINAL", "Other"
# How the line of a sentence begins.
SIGN = re.compile(rb"\d+\t")
SENTENCE = re.compile(r'(\d+)\t"?(.*?)"?')
RELATION = re.compile(r"(\S+)\((e[12]),\s*(e[12])\)|Other")
KEY = re.compile(r"(\d+)\t(\S+\(e[12],\s*e[12]\)|Other)")
MARKER = re.compile(r"</?(e[12])>")
COMMENT = "Comment:"
KEYS = "KEY.TXT"

Lines = list[tuple[int, str]]


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .txt files of a folder and the folders in it."""
    return distinct(_documents(path, reading), reading.on_error)


def _documents(path: Path, reading: Reading) -> Iterator[Document]:
    files = [file for file in find_files(path, (".txt",)) if not path.is_dir() or not file.name.upper().endswith(KEYS)]
    for file in files_with(SIGN, files, path, reading.leave_out):
        keys = _keys(file, reading.on_error)
        for block in _blocks(reported_lines(file, reading.on_error), file, reading.on_error):
            try:
                yield parse(block, file, keys)
            except DataError as error:
                reading.on_error(error)


def _blocks(lines: Iterable[tuple[int, Line]], file: Path, on_error: OnError) -> Iterator[Lines]:
    """The lines of each sentence with their numbers. A numbered line begins one too, where no line is blank."""
    block: Lines = []
    for number, line in lines:
        try:
            text = read_line(line).decode("utf-8-sig" if number == 1 else "utf8").strip("\r\n ")
        except UnicodeDecodeError as error:
            on_error(Place(file, number).fail(f"not UTF-8 (byte {error.start} of the line). Convert the file to UTF-8."))
            continue
        except DataError as error:
            on_error(error)
            continue
        if block and (not text or SENTENCE.fullmatch(text)):
            yield block
            block = []
        if text:
            block.append((number, text))
    if block:
        yield block


def _keys(file: Path, on_error: OnError) -> dict[str, str]:
    """The relations that a file of keys beside a file names, by the number of their sentence."""
    found: dict[str, str] = {}
    for keys in sorted(other for other in file.parent.iterdir() if other.name.upper().endswith(KEYS) and other != file):
        try:
            for number, line in lines_of(keys):
                match = KEY.fullmatch(read_line(line).decode("utf8", "replace").strip())
                if match is None and not is_blank(line):
                    raise DataError('expected a number, a tab, and a relation such as "Cause-Effect(e1,e2)".', path=keys, line=number)
                if match:
                    found[match[1]] = match[2]
        except DataError as error:
            on_error(error)
    return found


def parse(lines: Lines, file: Path, keys: dict[str, str]) -> Document:
    """Make a document of its lines.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    (number, line), *rest = lines
    at = Place(file, number)
    match = SENTENCE.fullmatch(line)
    if match is None:
        raise at.fail(f"saw {line!r:.60}; expected a number, a tab, and a sentence in quotes.")
    document = Document(match[1], "", source=file, line=number, mentions_given=True)
    document.text, places = _unmarked(match[2], at)
    document.sentences = [(0, len(document.text))]
    mentions = {name: Mention(name, start, end, TYPE) for name, (start, end) in places.items()}
    document.mentions = list(mentions.values())
    relations = [(place, text) for place, text in rest if not text.startswith(COMMENT)]
    for place, text in rest:
        if text.startswith(COMMENT) and text != COMMENT:
            document.leave_out("comments", place)
    if not rest and match[1] in keys:
        relations = [(number, keys[match[1]])]
    for place, text in relations:
        found = RELATION.fullmatch(text)
        if found is None or (found[2] and found[2] == found[3]) or len(relations) > 1:
            raise Place(file, place).fail(f'saw {text!r:.60}; expected one relation such as "Cause-Effect(e1,e2)", or "Other".')
        head, tail = (found[2] or "e1", found[3] or "e2")
        if found[1]:
            relate(document, mentions[head], mentions[tail], found[1])
        else:
            document.relations = []
    return document


def _unmarked(marked: str, at: Place) -> tuple[str, dict[str, tuple[int, int]]]:
    """A sentence without its markers, and where the marked nominals are."""
    markers = [(match[0], match[1], match.span()) for match in MARKER.finditer(marked)]
    names = [name for _, name, _ in markers]
    if (
        sorted(text for text, _, _ in markers) != ["</e1>", "</e2>", "<e1>", "<e2>"]
        or names[0] != names[1]
        or "/" in markers[0][0] + markers[2][0]
    ):
        raise at.fail(f"expected one <e1>…</e1> and one <e2>…</e2>, and saw {' '.join(text for text, _, _ in markers) or 'no marker'}.")
    pieces, before = [], 0
    offsets = []
    for _, _, (start, end) in markers:
        pieces.append(marked[before:start])
        offsets.append(sum(map(len, pieces)))
        before = end
    return "".join([*pieces, marked[before:]]), {names[0]: (offsets[0], offsets[1]), names[2]: (offsets[2], offsets[3])}
