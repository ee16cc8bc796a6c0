"""Foreign files to annotated documents and back: one module a format; none knows of models.

A module has `read`, unless the format is only written; `write`, unless it is only read, which returns what the format cannot hold, counted;
and `parts`, if a corpus of the format comes in parts that stay apart. Where `COUNTS` is true, `read` also takes a Counter, and adds to it
what it leaves out that is no error. `LABELS` are the labels that the corpus is annotated for, if the format is that of one corpus. `SUFFIX`
is that of the files that are written; it is empty where `write` makes a folder.
"""

from spacy_relext.formats import (
    aimed,
    biocjson,
    biocxml,
    brat,
    chemprot,
    ddi,
    delimited,
    doccano,
    dygie,
    graphml,
    inception,
    jsonl,
    label_studio,
    parquet,
    prodigy,
    pubtator,
    rdf,
    spert,
)

FORMATS = {
    "jsonl": jsonl,
    "brat": brat,
    "biocxml": biocxml,
    "biocjson": biocjson,
    "pubtator": pubtator,
    "prodigy": prodigy,
    "doccano": doccano,
    "label-studio": label_studio,
    "spert": spert,
    "dygie": dygie,
    "inception": inception,
    "ddi": ddi,
    "chemprot": chemprot,
    "aimed": aimed,
    "csv": delimited,
    "parquet": parquet,
    "graphml": graphml,
    "rdf": rdf,
}
