"""What a config can do before it trains."""

import pytest
import spacy
import torch
from spacy.training import Example
from spacy.util import registry

from spacy_relext.callbacks import entity_labels
from spacy_relext.errors import RelextError


def test_torch_threads_are_set_before_training_and_not_before():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        config = {"initialize": {"before_init": {"@callbacks": "spacy-relext.torch_threads.v1", "n_threads": 1}}}
        nlp = spacy.blank("en", config=config)
        assert torch.get_num_threads() == 2
        nlp.initialize()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_no_thread_at_all_is_an_error():
    with pytest.raises(RelextError, match="n_threads is 0"):
        registry.callbacks.get("spacy-relext.torch_threads.v1")(n_threads=0)


def test_entity_labels_make_a_recogniser_of_these_types():
    nlp = spacy.blank("en")
    ner = nlp.add_pipe("ner")
    labels = {"@readers": "spacy-relext.entity_labels.v1", "types": ["drug", "rare"]}
    nlp.config = nlp.config.merge({"initialize": {"components": {"ner": {"labels": labels}}}})
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Aspirin helps."), {"entities": [(0, 7, "drug")]})])
    assert ner.labels == ("drug", "rare")


def test_entity_labels_without_types():
    with pytest.raises(RelextError, match="types is empty"):
        entity_labels([])
