"""Foreign files to annotated documents and back: one module a format; none knows of models.

A module has `read`; `write`, unless the format is only read; and `parts`, if a corpus of the format comes in parts that stay apart.
"""

from spacy_relext.formats import aimed, chemprot, ddi, jsonl

FORMATS = {"jsonl": jsonl, "ddi": ddi, "chemprot": chemprot, "aimed": aimed}
