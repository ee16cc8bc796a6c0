"""A pipeline in the place of those that pages load."""

import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_relext.relations import Relation


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory):
    """The folder of a pipeline that finds what the pages show, made in seconds."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    types = {"Rifampicin": "CHEMICAL", "midazolam": "CHEMICAL", "rifabutin": "CHEMICAL", "CYP3A4": "PROTEIN"}
    nlp.add_pipe("relation_extractor")
    doc = nlp.make_doc("Rifampicin induces CYP3A4 and thereby lowers the exposure to midazolam.")
    doc.ents = [Span(doc, token.i, token.i + 1, types[token.text]) for token in doc if token.text in types]
    doc._.relations = [Relation(doc.ents[0], doc.ents[1], "ACTIVATES"), Relation(doc.ents[0], doc.ents[2], "MECHANISM")]
    examples = [Example(nlp.make_doc(doc.text), doc)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    # After the initialisation, which takes patterns away.
    ruler.add_patterns([{"label": label, "pattern": name} for name, label in types.items()])
    folder = tmp_path_factory.mktemp("stand-in") / "model"
    nlp.to_disk(folder)
    return folder
