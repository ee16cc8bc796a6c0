"""Foreign files to annotated documents and back: one module a format; none knows of models.

A module has `read`; `write`, unless the format is only read, which returns what the format cannot hold, counted; and `parts`, if a corpus
of the format comes in parts that stay apart.
"""

from spacy_relext.formats import aimed, biocjson, biocxml, brat, chemprot, ddi, jsonl, pubtator

FORMATS = {
    "jsonl": jsonl,
    "brat": brat,
    "biocxml": biocxml,
    "biocjson": biocjson,
    "pubtator": pubtator,
    "ddi": ddi,
    "chemprot": chemprot,
    "aimed": aimed,
}
