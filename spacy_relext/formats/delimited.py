"""Triples as a table of text: a row per relation, for data frames and spreadsheets. With tabs where the file ends in `.tsv`. Only written.

    document,head,head_type,head_start,head_end,head_kb_id,label,tail,tail_type,tail_start,tail_end,tail_kb_id,score,raw_score,sentence_start,sentence
    case-7,Cimetidine,CHEMICAL,0,10,D002927,MECHANISM,warfarin,CHEMICAL,18,26,,0.91,0.95,0,Cimetidine raised warfarin levels.

UTF-8, fields with separators, quotes and line ends in quotes. Offsets count characters of the document's text, ends are exclusive; those of
the sentence are `sentence_start` and on, so that the head is in it at head_start - sentence_start. A relation across sentences has the text
from the first to the last of them. What is not known is empty: identifiers, sentences, and the offsets of a relation between concepts
(triples.py). Identifiers of several concepts are joined with | (identifiers.py). The `raw_score` is that of the model: the score, where the
pipeline is not calibrated.

Of texts, sentences with relations alone are held, and neither documents without relations nor mentions in none; this is counted. Two
documents of one id cannot be told apart.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from spacy_relext.concepts import join
from spacy_relext.formats.files import whole_file
from spacy_relext.formats.triples import End, Triple, prepared, triples
from spacy_relext.formats.types import DETAILS, METADATA, RAW_SCORES, Document

END = {"": str, "_type": str, "_start": int, "_end": int, "_kb_id": str}
COLUMNS: dict[str, type] = {
    "document": str,
    **{f"head{name}": kind for name, kind in END.items()},
    "label": str,
    **{f"tail{name}": kind for name, kind in END.items()},
    "score": float,
    "raw_score": float,
    "sentence_start": int,
    "sentence": str,
}
# How fields begin that spreadsheets compute, and run (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FORMULAS = "fields begin with =, +, -, @, a tab or a line end, which spreadsheets take for formulas; `spreadsheet_safe` puts ' before them"
Fields = tuple[str | int | float | None, ...]


def write(documents: Iterable[Document], path: Path, *, spreadsheet_safe: bool = False) -> Counter[str]:
    """Write a file, relation by relation.

    spreadsheet_safe: Put ' before fields that a spreadsheet would take for formulas.
    RETURNS: What the format cannot hold, counted; and such fields (`FORMULAS`), where nothing is put before them.
    """
    lost: Counter[str] = Counter()
    # No line end is changed, in fields neither. Rows end in CR LF, as RFC 4180 has it: Python puts quotes around no other ones.
    with whole_file(path) as file:
        writer = csv.writer(file, "excel-tab" if path.suffix.lower() == ".tsv" else "excel")
        writer.writerow(COLUMNS)
        found = rows(documents, lost)
        writer.writerows(map(_quoted, found) if spreadsheet_safe else _counted(found, lost))
    return lost


def _is_formula(value: str | int | float | None) -> bool:
    return isinstance(value, str) and value.startswith(FORMULA_STARTS)


def _quoted(row: Fields) -> Fields:
    return tuple(f"'{value}" if _is_formula(value) else value for value in row)


def _counted(found: Iterable[Fields], lost: Counter[str]) -> Iterator[Fields]:
    for row in found:
        lost[FORMULAS] += sum(map(_is_formula, row))
        yield row


def rows(documents: Iterable[Document], lost: Counter[str]) -> Iterator[Fields]:
    """The relations of some documents as values of `COLUMNS`, None for what is not known. lost: Is added to: what no row holds."""
    unsupported = "whole texts", "documents without relations", "mentions in no relation"
    for document in prepared(documents, lost, *unsupported, details=[name for name in (METADATA, *DETAILS) if name != RAW_SCORES]):
        for triple in triples(document, lost):
            yield values_of(triple)


def values_of(triple: Triple) -> Fields:
    """The values of a row."""
    ends = _values(triple.head), _values(triple.tail)
    return triple.document, *ends[0], triple.label, *ends[1], triple.score, triple.raw_score, triple.sentence_start, triple.sentence


def _values(end: End) -> Fields:
    return end.text, end.type or None, end.start, end.end, join(end.concepts) or None
