"""What tests of readers share: files that are written by hand, read, and turned into Docs as `relext convert` does it."""

import json
from collections import Counter
from dataclasses import dataclass, field

import spacy

from spacy_relext.conversion.converting import make_options
from spacy_relext.errors import DataError
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.relations import get_relations

NLP = spacy.blank("en")


@dataclass
class Found:
    """What a reader made of a file or folder."""

    documents: list = field(default_factory=list)
    docs: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=dict)

    @property
    def relations(self):
        """Head, label and tail of all relations."""
        return [(r.head.text, r.label, r.tail.text) for doc in self.docs for r in get_relations(doc)]

    @property
    def left_out(self):
        """What was counted that is not in the documents."""
        return {name: count for name, count in self.counts.items() if count and name not in MADE and not name.startswith("relations: ")}


MADE = ("documents", "sentences", "mentions", "relations", "relations between concepts", "cut tokens")


def read(name, path, **options):
    """Read with a format."""
    found = Found()
    chosen = get_format(name)
    reading = Reading(found.errors.append, options=make_options(chosen, **options))
    for document in chosen.read(path, reading):
        own = Counter()
        try:
            doc = to_doc(document, NLP, own)
        except DataError as error:
            found.errors.append(error)
            continue
        found.documents.append(document)
        found.docs.append(doc)
        found.counts += own
        found.examples = {**document.examples, **found.examples}
    found.counts += reading.counts
    found.examples = {**reading.examples, **found.examples}
    return found


def write(path, *lines):
    """A file of lines, each a string or what becomes JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    path.write_text(text, encoding="utf8")
    return path
