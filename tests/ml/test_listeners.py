"""Which layers listen, to whom, and whether they were fed."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from thinc.api import Model, chain

from spacy_relext.errors import RelextError
from spacy_relext.ml.listeners import listens_to
from tests.pipeline.test_with_transformer import (
    LISTENER,
    add_extractor,
    make_examples,
    tok2vec_pipeline,
    transformer_config,
    transformer_pipeline,
    with_entities,
)


def plain_listener(upstream="*", **attrs):
    """As spacy-curated-transformers makes them: no class of its own, the name of the component among the `attrs`."""

    def forward(model, docs, is_train):
        return [model.ops.alloc2f(len(doc), 32) for doc in docs], lambda d: []

    forward.__module__ = "spacy_curated_transformers.models.listeners"
    return Model("last_transformer_layer_listener", forward, dims={"nO": 32}, attrs={"_upstream_name": upstream, **attrs})


class Output:
    """What a curated transformer leaves on a Doc."""


Output.__module__ = "spacy_curated_transformers.models.output"


def test_output_that_is_not_of_the_tokens_of_a_doc(tiny_bert):
    """That of a stock transformer for a Doc which stands twice in a batch, and that of tokens which were merged since."""
    stock = {"@architectures": "spacy-transformers.TransformerModel.v3", "get_spans": {"@span_getters": "spacy-transformers.sent_spans.v1"}}
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    config = {**transformer_config(tiny_bert), **stock}
    del config["cpu_precision"]
    nlp.add_pipe("transformer", config={"model": config})
    extractor = add_extractor(nlp, LISTENER)
    nlp.initialize(lambda: make_examples(nlp))
    extractor.threshold = 0.0
    first, second = with_entities(nlp)[:2]
    assert [len(doc._.relations) for doc in nlp.pipe([first, second])] == [2, 6]
    message = r"that does not fit its \d tokens\. Was it given twice in one batch.*doc\.copy\(\)"
    for docs in ([first, first], [second, first, first], [first, second, first]):
        with pytest.raises(RelextError, match=message):
            list(nlp.pipe(docs))
    doc = nlp(first.copy())
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:3])
    with pytest.raises(RelextError, match=r"its 4 tokens.*Were its tokens merged or split since"):
        extractor(doc)


@pytest.fixture
def doc(tiny_bert):
    transformer_pipeline(tiny_bert)  # `doc._.trf_data` is registered with it
    return spacy.blank("en")("Ritonavir inhibits CYP3A4.")


def test_listeners_of_the_libraries(tiny_bert):
    extractor = transformer_pipeline(tiny_bert).get_pipe("relation_extractor")
    assert listens_to(extractor.model).name == "transformer"
    assert listens_to(tok2vec_pipeline().get_pipe("relation_extractor").model).name == "tok2vec"
    assert listens_to(chain(plain_listener(), plain_listener("other"))).name == "transformer"
    assert listens_to(plain_listener("my_transformer")).name == "my_transformer"


def test_encoders_do_not_listen():
    nlp = spacy.blank("en")
    assert listens_to(nlp.add_pipe("tok2vec").model) is None
    assert listens_to(nlp.add_pipe("relation_extractor").model) is None


def test_upstream_by_its_name(tiny_bert):
    nlp = transformer_pipeline(tiny_bert)
    nlp.rename_pipe("transformer", "bert")
    nlp.remove_pipe("relation_extractor")
    add_extractor(nlp, {**LISTENER, "upstream": "bert"})
    nlp.initialize(lambda: make_examples(nlp))
    [doc] = with_entities(nlp)[:1]
    with nlp.select_pipes(disable=["bert"]), pytest.raises(RelextError, match="relation_extractor listens to a bert component"):
        nlp(doc)


def test_fed_and_unfed(doc):
    listener = listens_to(plain_listener())
    empty = Doc(doc.vocab)
    assert listener.unfed([doc, empty]) == [doc]
    doc._.trf_data = Output()
    assert listener.unfed([doc, empty]) == []
    tok2vec = listens_to(tok2vec_pipeline().get_pipe("relation_extractor").model)
    assert tok2vec.unfed([doc]) == [doc]
    doc.tensor = numpy.zeros((len(doc), 8), dtype="float32")
    assert tok2vec.unfed([doc]) == []


def test_output_of_another_library(doc, tiny_bert):
    """A curated transformer and spacy-transformers' listener, which would die of a missing attribute."""
    doc._.trf_data = Output()
    stock = listens_to(transformer_pipeline(tiny_bert).get_pipe("relation_extractor").model)
    message = "has the output of a component of spacy_curated_transformers, and the relation extractor listens to one of spacy_transformers"
    with pytest.raises(RelextError, match=message):
        stock.unfed([doc])


def test_marking_and_rdrop_do_not_go_with_any_listener(monkeypatch):
    from spacy_relext.ml.architectures import create_pair_classifier
    from spacy_relext.ml.marking import mention_tags
    from spacy_relext.ml.summaries import Mentions
    from spacy_relext.pipeline.relation_extractor import RelationExtractor

    with pytest.raises(RelextError, match="cannot listen to a component"):
        create_pair_classifier(plain_listener(), Mentions(), marking=mention_tags())
    model = create_pair_classifier(plain_listener(), Mentions())
    with pytest.raises(RelextError, match="listens to a component that runs once"):
        RelationExtractor(spacy.blank("en").vocab, model, candidates=lambda doc, mentions: [], rdrop_weight=1.0)
