"""What a config can do before it trains."""

import pytest
import spacy
import torch
from spacy.util import registry

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
