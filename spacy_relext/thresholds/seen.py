"""What an extractor has learned from, so that no threshold or calibration is taken from the same documents.

Of every sentence that training sees a checksum of four bytes is kept in the component's settings: some 40 kB for a corpus of 700
documents, and never more than 350 kB. Then those with the smallest checksums are kept, and only these sentences are asked for: a sample
that is the same in every text. Sentences are cut by their marks, not by the pipeline, so that a text has the same ones in any unit of
training, whatever its tokens.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy
from spacy.tokens import Doc

from spacy_relext.errors import RelextError
from spacy_relext.notices import counted, logger

# Of more sentences, those with the smallest checksums.
MOST = 2**16
# Headings and the like stand in many documents.
MIN_WORDS = 5
# A document is a used one where this share of its sentences is. From this share of used documents on, data is refused; fewer are left out.
SAME_DOCUMENT, SAME_DATA = 0.5, 0.1

# {"sentences": their checksums, as base64; "complete": whether training was recorded from its beginning}
Record = Mapping[str, Any]

_ENDS = re.compile(r"(?<=[.!?])\s+")


def new_record() -> dict[str, Any]:
    """The record of a model that has seen nothing yet."""
    return {"sentences": "", "complete": True}


def extended(record: Record | None, texts: Iterable[str]) -> dict[str, Any]:
    """A record with the sentences of further texts. None: nobody knows what was seen before, so it is not complete."""
    record = {"sentences": "", "complete": False} if record is None else dict(record)
    known = _decoded(record["sentences"])
    new = set[int]().union(*map(_checksums, texts)) - known
    if len(known) >= MOST:
        new = {checksum for checksum in new if checksum < max(known)}
    return {**record, "sentences": _encoded(known | new)} if new else record


def share_known(record: Record, text: str) -> float | None:
    """The share of the sentences of a text that are in a record. None: none of them can be asked for."""
    known = _decoded(record["sentences"])
    most = max(known) if len(known) >= MOST else 2**32
    asked = [checksum for checksum in _checksums(text) if checksum <= most]
    return sum(checksum in known for checksum in asked) / len(asked) if asked else None


def knows(record: Record, text: str) -> bool | None:
    """Whether a text is one of the documents of a record. None: none of its sentences can be asked for."""
    share = share_known(record, text)
    return None if share is None else share >= SAME_DOCUMENT


def unseen(name: str, docs: Sequence[Doc], records: Mapping[str, Record | None], what: str) -> list[Doc]:
    """The documents that none of the records holds; those that are left out, and records that are not there, are warned of.

    name: That of the component. records: By what used them: {"trained": …, "calibrated": …}. None: it is not known.
    what: What they are for: "a threshold".
    RAISES: RelextError where a tenth or more of them is known.
    """
    known = [False] * len(docs)
    for verb, record in records.items():
        if record is None or not record["complete"]:
            logger.warning(
                "%s: it is not known what it was %s on: it was stored by an older version. If these documents were used, %s that is chosen "
                "on them promises too much.",
                name,
                verb,
                what,
            )
        if record is None:
            continue
        answers = [knows(record, doc.text) for doc in docs]
        used = [answer is True for answer in answers]
        n_asked = len(answers) - answers.count(None)
        if sum(used) >= SAME_DATA * max(n_asked, 1):
            raise RelextError(
                f"{name} was {verb} on {sum(used):,} of {counted(n_asked, 'document', 'documents')}: on what a model has seen already its "
                f"scores are too good, and {what} that is chosen there promises too much. Use others: split the annotated documents, whole "
                "ones, into a part for each purpose, e.g. docs[::2] of the development part for the calibration and docs[1::2] for the "
                "threshold (docs/how-to/threshold.md)."
            )
        known = [a or b for a, b in zip(known, used, strict=True)]
    if any(known):
        logger.warning("%s: %s known to it and left out.", name, counted(sum(known), "document is", "documents are"))
    return [doc for doc, is_known in zip(docs, known, strict=True) if not is_known]


def digest(text: str, size: int) -> bytes:
    """What a text is known by, whatever its spacing and capitals. size: In bytes."""
    return hashlib.blake2b(" ".join(text.split()).casefold().encode("utf8", "surrogatepass"), digest_size=size).digest()


def _checksums(text: str) -> set[int]:
    sentences = (sentence for line in text.splitlines() for sentence in _ENDS.split(line) if len(sentence.split()) >= MIN_WORDS)
    return {int.from_bytes(digest(sentence, 4), "little") for sentence in sentences}


def _encoded(checksums: Iterable[int]) -> str:
    return base64.b64encode(numpy.array(sorted(checksums)[:MOST], dtype="<u4").tobytes()).decode("ascii")


@lru_cache(maxsize=4)
def _decoded(encoded: str) -> frozenset[int]:
    return frozenset(numpy.frombuffer(base64.b64decode(encoded), dtype="<u4").tolist())
