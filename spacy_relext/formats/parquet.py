"""Triples as a Parquet file, with the columns of delimited.py: whole numbers are 64 bits, what is not known is null. Only written.

It needs pyarrow (the extra `formats`). Rows are written in groups: memory does not grow with the documents.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from spacy.util import minibatch

from spacy_relext.extras import extra
from spacy_relext.formats.delimited import COLUMNS, rows
from spacy_relext.formats.files import whole_path
from spacy_relext.formats.types import Document

GROUP = 10_000
TYPES = {str: "string", int: "int64", float: "float64"}


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a file.

    RETURNS: What the format cannot hold, counted.
    """
    pyarrow, parquet = extra("pyarrow"), extra("pyarrow.parquet")
    schema = pyarrow.schema([(name, TYPES[kind]) for name, kind in COLUMNS.items()])
    lost: Counter[str] = Counter()
    with whole_path(path) as partial, parquet.ParquetWriter(partial, schema) as writer:
        for group in minibatch(rows(documents, lost), size=GROUP):
            columns = dict(zip(COLUMNS, map(list, zip(*group, strict=True)), strict=True))
            writer.write_table(pyarrow.table(columns, schema=schema))
    return lost
