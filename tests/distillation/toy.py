"""Teachers that have learned the toy's sentences, and a config for one that learns from them."""

from pathlib import Path

import spacy
from spacy.tokens import DocBin

from spacy_relext.relations import remove_annotation
from tests.cli.toy import SENTENCES
from tests.experiments.toy import CONFIG, write_config, write_data

# The same kinds of sentences, of which nobody says what relations they have.
MORE = [
    ("Aspirin increases digoxin levels.", [(0, 1, "MECHANISM")]),
    ("Avoid ketamine with digoxin.", [(0, 1, "ADVISE")]),
    ("Aspirin did not alter warfarin.", []),
]


def write_all(folder: Path) -> Path:
    """A config, and train.spacy, dev.spacy and more.spacy."""
    write_config(folder, CONFIG)
    write_data(folder / "train.spacy", *SENTENCES[:5])
    write_data(folder / "dev.spacy", *SENTENCES[5:])
    write_data(folder / "more.spacy", *MORE)
    return folder


def read_all(*paths: Path) -> list:
    """The Docs of some files."""
    vocab = spacy.blank("en").vocab
    return [doc for path in paths for doc in DocBin().from_disk(path).get_docs(vocab)]


def write_bare(path: Path, *sources: Path) -> Path:
    """The Docs of some files without their annotation."""
    docs = read_all(*sources)
    for doc in docs:
        remove_annotation(doc)
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def decisions(nlp, docs) -> list:
    """What a pipeline finds between the mentions of some Docs."""
    found = []
    for doc in docs:
        text = nlp.make_doc(doc.text)
        text.ents = [text.char_span(span.start_char, span.end_char, label=span.label_) for span in doc.ents]
        with nlp.select_pipes(enable=["sentencizer", "relation_extractor"]):
            found.append(sorted((r.head.text, r.label, r.tail.text) for r in nlp(text)._.relations))
    return found
