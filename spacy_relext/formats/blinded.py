"""Tables of sentences in which the pair in question is blinded: GAD, EU-ADR, and BLURB's ChemProt and DDI.

    index	sentence	label
    1	@GENE$ causes @DISEASE$.	1

(Bravo et al., BMC Bioinformatics 16:55, 2015; Lee et al., BioBERT, 2020; Gu et al., BLURB, 2021.) A row is a document of one sentence
with two mentions: it says nothing of other pairs. Mentions are the markers @TYPE$, which stay in the text as they are. Tabs or commas
(.csv) stand between the fields. Where no field of the first row has a marker, it is the header: `sentence` or `text`, `label` or
`relation`, and `index` or `id`, `--text-column` and `--id-column` go first. Without a header, the sentence is the field with a marker,
the label is the last field, and what stands before the sentence is the id. A row without an id, or with a number for one, is called by
its file and line, since each part is numbered anew; of two rows with one id, as those of a pair with two labels, the second has its line
behind it.

The labels 0, false, DDI-false and the like are negatives; 1 and true say that there is a relation, which is called `related`, or as
`--default-label` says. The head of the pair is told by the types: `--roles HEAD,TAIL` with types; else chemical or drug, gene or protein,
variant, disease, in this order; else the order in the text, which must be the same for all rows of a label (roles.py). Two mentions of
one type are taken in the order of the text. Where a type has several markers, the nearest pair is taken, which is counted. A row without
two markers has no pair: it is left out, and counted; @CHEM-GENE$ and @DRUG-DRUG$ blind two mentions at the same characters, between which
no relation is held.
"""

import csv
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.corpora import RELATED, relate
from spacy_relext.formats.denials import is_denial
from spacy_relext.formats.files import find_files
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.limits import is_blank, read_line, reported_lines
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import SAME_PLACE, Document, Mention

MARKER = re.compile(r"@([A-Za-z][A-Za-z0-9_/-]*)\$")
SENTENCE, LABEL, ID = ("sentence", "text"), ("label", "relation", "gold_label", "relation_type"), ("index", "id")
POSITIVE, NEGATIVE = ("1", "1.0", "true", "yes", "positive"), ("0", "0.0", "false", "no", "negative")
# The types of the pairs of biomedical corpora, heads first.
ORDER = ("CHEMICAL", "CHEM", "DRUG", "GENE", "PROTEIN", "VARIANT", "MUTATION", "DISEASE")
RENAMED = "rows of an id that another has (numbered)"
NO_PAIR, NEAREST = "rows without a blinded pair", "rows with more markers than two (the nearest pair taken)"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .tsv and .csv files of a folder and the folders in it."""
    return distinct(_documents(path, reading), reading.on_error)


def _documents(path: Path, reading: Reading) -> Iterator[Document]:
    ids: set[str] = set()
    for file in find_files(path, (".tsv", ".csv")):
        name = file.relative_to(path) if path.is_dir() else Path(file.name)
        columns: Columns | None = None
        for number, fields in _rows(file, reading):
            at = Place(file, number)
            try:
                if columns is None:
                    columns = Columns(fields, reading, at)
                    if columns.has_header:
                        continue
                document = parse(fields, columns, at, f"{name.with_suffix('').as_posix()}-{number}", reading)
            except DataError as error:
                reading.on_error(error)
                if columns is None:
                    break
                continue
            if document is not None:
                if document.id in ids:
                    document.id = f"{document.id}-{number}"
                    document.leave_out(RENAMED)
                ids.add(document.id)
                yield document


def _rows(file: Path, reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """The numbers of the lines, and their fields. No field runs over a line end: sentences have none."""
    delimiter = "," if file.suffix.lower() == ".csv" else "\t"
    for number, line in reported_lines(file, reading.on_error):
        if is_blank(line):
            continue
        at = Place(file, number)
        try:
            text = read_line(line).decode("utf-8-sig" if number == 1 else "utf8").rstrip("\r\n")
            if delimiter == "\t":
                # Published without quotes around fields, and by pandas with them.
                fields = [_unquoted(field) for field in text.split("\t")]
            else:
                [fields] = csv.reader([text], strict=True)
        except UnicodeDecodeError as error:
            reading.on_error(at.fail(f"not UTF-8 (byte {error.start} of the line). Convert the file to UTF-8."))
        except (csv.Error, ValueError) as error:
            reading.on_error(at.fail(f"no row of a table: {error}. Is a quote open, or the file cut off?"))
        except DataError as error:
            reading.on_error(error)
        else:
            yield number, fields


def _unquoted(field: str) -> str:
    inner = field[1:-1]
    is_quoted = len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if is_quoted and '""' in inner else field


class Columns:
    """Where sentence, label and id stand in the rows of a file."""

    def __init__(self, first: list[str], reading: Reading, at: Place):
        marked = [i for i, field in enumerate(first) if MARKER.search(field)]
        self.has_header, self.width = not marked, len(first)
        if len(first) < 2:
            raise at.fail(f"saw {len(first)} field; expected a sentence and a label, with tabs between them, or commas in a .csv file.")
        if not self.has_header:
            self.sentence, self.label, self.id = marked[0], len(first) - 1, 0 if marked[0] else None
            return
        names = [name.strip().lower() for name in first]
        options = reading.options
        self.sentence = _column(names, (options.text_column.lower(),) if options.text_column else SENTENCE, at)
        self.label = _column(names, LABEL, at)
        if options.id_column:
            self.id = _column(names, (options.id_column.lower(),), at)
        else:
            self.id = next((names.index(name) for name in ID if name in names), None)


def _column(names: list[str], known: tuple[str, ...], at: Place) -> int:
    found = [i for i, name in enumerate(names) if name in known]
    if len(found) != 1:
        seen = ", ".join(f"{name!r:.40}" for name in names[:20])
        raise at.fail(f"expected one column {' or '.join(known)}, and saw {seen}. Is the first row a header?")
    return found[0]


def parse(fields: list[str], columns: Columns, at: Place, name: str, reading: Reading) -> Document | None:
    """Make a document of a row; None of one that has no blinded pair.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    if len(fields) != columns.width:
        raise at.fail(f"a row of {len(fields)} fields, and the first has {columns.width}.")
    text, label = fields[columns.sentence], fields[columns.label].strip()
    markers = list(MARKER.finditer(text))
    pair = _pair(markers)
    if not markers:
        reading.leave_out(NO_PAIR, str(at))
        return None
    given = fields[columns.id] if columns.id is not None else ""
    is_name = bool(given) and (not given.isdecimal() or reading.options.id_column is not None)
    document = Document(given if is_name else name, text, relations=[], source=at.path, line=at.line, mentions_given=True)
    document.sentences = [(0, len(text))]
    document.mentions = [Mention(f"T{i}", *match.span(), match[1]) for i, match in enumerate(pair or markers[:1], start=1)]
    document.unsupported[NEAREST] += len(markers) > 2
    is_positive = not (label.lower() in NEGATIVE or label.lower().endswith("-false") or is_denial(label))
    label = reading.options.default_label or RELATED if label.lower() in POSITIVE else label
    if not label:
        raise at.fail("the label is empty; expected 1 or 0, or a name.")
    if pair is None and is_positive:
        document.leave_out(SAME_PLACE if "-" in markers[0][1] else NO_PAIR)
    elif is_positive:
        head, tail = _directed(document.mentions, label, at, reading)
        relate(document, head, tail, label)
    return document


def _pair(markers: list[re.Match[str]]) -> list[re.Match[str]] | None:
    """The two markers that are nearest to each other, of two types if there are two."""
    kinds = {match[1] for match in markers}
    pairs = [[a, b] for a, b in combinations(markers[:100], 2) if len(kinds) == 1 or a[1] != b[1]]
    return min(pairs, key=lambda pair: pair[1].start() - pair[0].end()) if pairs else None


def _directed(mentions: list[Mention], label: str, at: Place, reading: Reading) -> list[Mention]:
    """Head and tail of a pair."""
    first, second = mentions
    kinds = [mention.type.upper() for mention in mentions]
    if kinds[0] == kinds[1]:
        return mentions
    if not reading.options.roles and all(kind in ORDER for kind in kinds):
        return sorted(mentions, key=lambda mention: ORDER.index(mention.type.upper()))
    return list(reading.roles.direct(label, [(first.type, first), (second.type, second)], at.path, at.line))
