"""What a config can do before it trains."""

import pytest
import spacy
import torch
from spacy.tokens import Span
from spacy.training import Example
from spacy.util import registry

from spacy_relext.callbacks import add_labels, entity_labels
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from tests.cli.toy import SENTENCES, relext, spacy_command
from tests.experiments.toy import write_data


@pytest.fixture
def settings(monkeypatch):
    """Which settings of the process were made; none is made really. torch's threads are put back."""
    made = []
    monkeypatch.setattr("spacy_relext.callbacks.set_trim_threshold", lambda: made.append("heap"))
    monkeypatch.setattr("spacy_relext.callbacks.limit_caches", lambda: made.append("kernels"))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield made
    torch.set_num_threads(before)


def before_init(name, **arguments):
    return spacy.blank("en", config={"initialize": {"before_init": {"@callbacks": f"spacy-relext.{name}.v1", **arguments}}})


@pytest.mark.parametrize(
    ("name", "arguments", "expected", "n_threads"),
    [
        ("torch_threads", {"n_threads": 1}, [], 1),
        ("training_process", {}, ["heap", "kernels"], 2),
        ("training_process", {"n_threads": 1}, ["heap", "kernels"], 1),
    ],
)
def test_process_is_set_up_before_training_and_not_before(name, arguments, expected, n_threads, settings):
    nlp = before_init(name, **arguments)
    assert settings == []
    assert torch.get_num_threads() == 2
    nlp.initialize()
    assert settings == expected
    assert torch.get_num_threads() == n_threads


def test_another_callback_is_called_afterwards(settings):
    nlp = before_init("training_process", then={"@callbacks": "spacy.copy_from_base_model.v1", "vocab": "no_such_model"})
    with pytest.raises(OSError, match="no_such_model"):
        nlp.initialize()
    assert settings == ["heap", "kernels"]


@pytest.mark.parametrize("name", ["torch_threads", "training_process"])
def test_no_thread_at_all_is_an_error(name):
    with pytest.raises(RelextError, match=rf"{name}\.v1: n_threads is 0"):
        registry.callbacks.get(f"spacy-relext.{name}.v1")(n_threads=0)


def test_commands_set_their_process_up(settings):
    assert relext("extract", "--help").exit_code == 0
    assert settings == ["heap", "kernels"]


def test_entity_labels_make_a_recogniser_of_these_types():
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    labels = {"@readers": "spacy-relext.entity_labels.v1", "types": ["drug", "rare"]}
    nlp.config = nlp.config.merge({"initialize": {"components": {"ner": {"labels": labels}}}})
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Aspirin helps."), {"entities": [(0, 7, "drug")]})])
    assert ner.labels == ("drug", "rare")


def test_entity_labels_are_those_that_spacy_init_labels_writes():
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    doc = nlp.make_doc("aspirin and warfarin")
    doc.ents = [Span(doc, 0, 1, label="drug"), Span(doc, 2, 3, label="rare")]
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    assert {int(action): dict(labels) for action, labels in ner.label_data.items()} == entity_labels(["drug", "rare"])


def test_entity_labels_without_types():
    with pytest.raises(RelextError, match="types is empty"):
        entity_labels([])


SOURCED = """
[paths]
train = null
dev = null

[nlp]
lang = "en"
pipeline = ["sentencizer","relation_extractor"]

[components]

[components.sentencizer]
factory = "sentencizer"

[components.relation_extractor]
source = "MODEL"

[corpora]

[corpora.train]
@readers = "spacy-relext.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy-relext.Corpus.v1"
path = ${paths.dev}

[training]
seed = 0
gpu_allocator = null
max_steps = 30
eval_frequency = 30
dropout = 0.0

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.01

[training.logger]
@loggers = "spacy.ConsoleLogger.v3"

[initialize]
"""
ADDED = '[initialize.after_init]\n@callbacks = "spacy-relext.add_labels.v1"\nlabels = ["ALTERS"]\n'


def test_new_label_in_continued_training(model, tmp_path):
    sentences = [(text, relations or [(0, 1, "ALTERS")]) for text, relations in SENTENCES]
    write_data(tmp_path / "data.spacy", *sentences)
    (tmp_path / "more.cfg").write_text(SOURCED.replace("MODEL", str(model)))
    command = ("train", "more.cfg", "--output", "out", "--paths.train", "data.spacy", "--paths.dev", "data.spacy")
    # spaCy passes a sourced component over when it initialises: this is what a label in the data alone comes to.
    with pytest.raises(RelextError, match=r"ALTERS.*by the callback spacy-relext\.add_labels\.v1 as \[initialize\.before_init\]"):
        spacy_command(*command, cwd=tmp_path)
    (tmp_path / "more.cfg").write_text(SOURCED.replace("MODEL", str(model)) + "\n" + ADDED)
    spacy_command(*command, cwd=tmp_path)
    nlp = spacy.load(tmp_path / "out" / "model-last")
    pipe = nlp.get_pipe("relation_extractor")
    assert pipe.labels == (*spacy.load(model).get_pipe("relation_extractor").labels, "ALTERS")
    figures = nlp.evaluate([Example(nlp.make_doc(doc.text), doc) for doc in read_docs(tmp_path / "data.spacy", nlp)])
    assert figures["rel_micro_f"] > 0.8


def test_labels_for_what_is_no_extractor():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for component in ("relation_extractor", "sentencizer"):
        with pytest.raises(RelextError, match=rf"'{component}' is no relation extractor of the pipeline, which has \['sentencizer'\]"):
            add_labels(["A"], component)(nlp)
    pipe = nlp.add_pipe("relation_extractor", name="second")
    add_labels(["A", "B"], "second")(nlp)
    assert pipe.labels == ("A", "B")
