"""Foreign files to annotated documents and back: one module a format, each with `read` and `write`; none knows of models."""

from spacy_relext.formats import ddi, jsonl

FORMATS = {"jsonl": jsonl, "ddi": ddi}
