"""Comprehensiveness and sufficiency, by hand on a score that is known, and over a corpus."""

import json

import numpy
import pytest
import spacy
from spacy.tokens import DocBin, Span
from spacy.training import Example

from spacy_relext import measure_explanations
from spacy_relext.card.sections import explanations_told
from spacy_relext.errors import RelextError
from spacy_relext.explaining import faithfulness, measuring
from spacy_relext.explaining.explanations import Explanation, Word
from spacy_relext.explaining.faithfulness import RANDOM, aopc, beats_chance, figures, in_words, place_weights
from spacy_relext.explaining.removing import whole
from spacy_relext.findings import kept
from spacy_relext.formats.docs import to_doc
from tests.cli.toy import SENTENCES, document
from tests.explaining.kinds import KINDS
from tests.pipeline.test_with_transformer import initialize


class Known:
    """A question whose score is 0.9 with word 2 of the text, and 0.1 without it; masking costs half as much."""

    base = 0.9

    def __init__(self):
        self.doc = spacy.blank("en")("Aspirin really strongly raises warfarin today.")
        self.part = whole(self.doc, [Span(self.doc, 0, 1, label="D"), Span(self.doc, 4, 5, label="D")], (0, 1), (0, len(self.doc)))
        self.asked = []

    def scores(self, removed, removal):
        removed = list(removed)
        self.asked += [(removal, tuple(place.first for place in gone)) for gone in removed]
        return [0.9 - (0.8 if removal == "delete" else 0.4) * any(place.first == 2 for place in gone) for gone in removed]


def test_figures_by_hand():
    question = Known()
    places = question.part.places()
    assert [place.first for place in places] == [1, 2, 3, 5, 6]
    # Of 5 places 1, 1, 1, 1 and 3 are removed.
    best, worst = [1, 0, 2, 3, 4], [0, 2, 3, 4, 1]
    found = aopc(question, places, [best, worst])
    assert found[0].tolist() == pytest.approx(numpy.asarray([[0.8, 0.0], [0.4, 0.0]]))
    assert found[1].tolist() == pytest.approx(numpy.asarray([[0.0, 0.8], [0.0, 0.4]]))
    # Nothing is run twice.
    assert len(question.asked) == len(set(question.asked)) == 2 * 8


def test_weights_of_places():
    question = Known()
    places = question.part.places()
    doc = question.doc
    words = (Word("Aspirin", 0, 7, 5.0, "head"), Word("really strongly", 8, 23, 3.0, "text"), Word(".", 45, 46, -1.0, "text"))
    explanation = Explanation("phrases", doc[0:1], doc[4:5], "MECHANISM", 0.9, words)
    assert place_weights(question, places, explanation).tolist() == [1.5, 1.5, 0, 0, -1]


def values(n, of_method, of_random, noise=0.1):
    random = numpy.random.default_rng(0)
    made = numpy.zeros((n, 2, 2, 2))
    made[:, 0, :, 0], made[:, 1, :, 0] = of_method, of_random
    made[:, 0, :, 1], made[:, 1, :, 1] = of_random, of_method
    return made + random.normal(0, noise, made.shape)


def test_a_method_beside_random_orders():
    documents = [i // 3 for i in range(150)]
    found = figures(values(150, 0.4, 0.2), documents, ["occlusion", RANDOM], seed=0)
    for removal in ("delete", "mask"):
        one = found["occlusion"][removal]
        assert one["times_random"]["low"] < one["times_random"]["mean"] < one["times_random"]["high"]
        assert one["times_random"]["mean"] == pytest.approx(2, abs=0.15)
        assert one["comprehensiveness"]["p"] == one["sufficiency"]["p"] == 0.0002
        assert one["sufficiency"]["better"]
        assert set(found[RANDOM][removal]["comprehensiveness"]) == {"mean", "low", "high"}
    assert beats_chance(found["occlusion"])
    times = [found["occlusion"][removal]["times_random"]["mean"] for removal in ("delete", "mask")]
    assert in_words(found["occlusion"]) == f"{times[0]:.1f} times random with words deleted, {times[1]:.1f} times with words masked"
    chance = figures(values(150, 0.2, 0.2), documents, ["attention", RANDOM], seed=0)
    assert not beats_chance(chance["attention"])
    assert in_words(chance["attention"]).startswith("no better than chance here: ")
    # It needs both, words deleted and words masked.
    for removal in ("delete", "mask"):
        assert not beats_chance({**found["occlusion"], removal: chance["attention"][removal]})
    nothing = figures(values(150, 0.0, 0.0, 0.0), documents, ["attention", RANDOM], seed=0)
    assert nothing["attention"]["delete"]["times_random"] is None
    assert in_words(nothing["attention"]).endswith("random orders of words change nothing, so there is nothing to compare with")
    worse = figures(values(150, 0.1, 0.3), documents, ["attention", RANDOM], seed=0)
    assert worse["attention"]["delete"]["comprehensiveness"]["p"] == 0.0002
    assert not beats_chance(worse["attention"])


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    nlp = spacy.blank("en")
    path = tmp_path_factory.mktemp("data") / "data.spacy"
    docs = [to_doc(document(*sentence, name=str(i)), nlp) for i, sentence in enumerate(SENTENCES)]
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def test_over_a_corpus(model, annotated):
    nlp = spacy.load(model)
    found = measure_explanations(nlp, annotated, random_orders=2)
    # Five relations, which the pipeline has learned by heart; it has no word pieces.
    assert (found.relations, found.documents, found.without_words, found.component) == (5, 5, 0, "relation_extractor")
    assert list(found.figures) == ["attention", "occlusion", "phrases", RANDOM]
    assert list(found.left_out) == ["integrated_gradients"]
    assert found.figures["occlusion"]["delete"]["comprehensiveness"]["mean"] > found.figures[RANDOM]["delete"]["comprehensiveness"]["mean"]
    assert set(found.sentences()) == {"attention", "occlusion", "phrases"}
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()
    again = measure_explanations(str(model), annotated, random_orders=2)
    assert again == found
    fewer = measure_explanations(nlp, annotated, relations=2, methods="occlusion", random_orders=1, seed=3)
    assert (fewer.relations, list(fewer.figures)) == (2, ["occlusion", RANDOM])
    found.store(nlp)
    assert kept(nlp, "explanations") == found.to_dict()
    told = explanations_told(kept(nlp, "explanations"))
    assert told[0].endswith("over 5 relations of 5 documents:")
    assert told[1].splitlines()[-1] == "- `integrated_gradients`: not for this model."
    # Five documents that all say the same: 0.0625 at the least, by a sign test.
    assert found.figures["occlusion"]["delete"]["comprehensiveness"]["p"] == 2**-4
    assert "- `occlusion`: of too few documents to be told from chance: " in told[1]
    doc = nlp("Aspirin increases warfarin levels.")
    (relation,) = doc._.relations
    pipe = nlp.get_pipe("relation_extractor")
    assert pipe.explain(doc, (relation.head, relation.tail)).measured == found.figures["occlusion"]
    # What is trained further is another pipeline.
    nlp.update([Example(nlp.make_doc(doc.text), doc)], sgd=nlp.resume_training(), annotates=["sentencizer"])
    assert pipe.explain(doc, (relation.head, relation.tail)).measured is None


def test_random_orders_are_those_of_the_same_words_and_their_mean_counts(model, annotated, monkeypatch):
    asked = []

    def numbered(question, places, orders):
        asked.append((len(places), orders))
        return numpy.ones((1, 2, 2)) * numpy.arange(len(orders))[:, None, None]

    monkeypatch.setattr(measuring, "aopc", numbered)
    found = measure_explanations(spacy.load(model), annotated, methods="occlusion", random_orders=3)
    means = {name: of_one["delete"]["comprehensiveness"]["mean"] for name, of_one in found.figures.items()}
    assert means == {"occlusion": 0.0, RANDOM: 2.0}
    for n, orders in asked:
        assert [sorted(order) for order in orders] == [list(range(n))] * 4


def test_one_document_says_nothing(model, annotated):
    nlp = spacy.load(model)
    doc = next(iter(DocBin().from_disk(annotated).get_docs(nlp.vocab)))
    found = measure_explanations(nlp, [doc], methods="occlusion", random_orders=1)
    for removal in ("delete", "mask"):
        one = found.figures["occlusion"][removal]
        assert (one["comprehensiveness"]["p"], one["comprehensiveness"]["low"]) == (1.0, None)
        assert one["times_random"] is None or one["times_random"]["low"] is None
    assert in_words(found.figures["occlusion"]).startswith("of too few documents to be told from chance: ")
    assert not beats_chance(found.figures["occlusion"])


@pytest.mark.parametrize("given", [["data.spacy"], [None], "doc", 5, b"data"])
def test_data_that_is_no_data(model, given):
    nlp = spacy.load(model)
    given = nlp("Aspirin increases warfarin levels.") if given == "doc" else given
    with pytest.raises(RelextError, match=r"the data (has at place 0 a|is one) .*; expected (annotated|several annotated) Docs"):
        measure_explanations(nlp, given)


def test_there_must_be_something_to_explain(model, annotated):
    nlp = spacy.load(model)
    with pytest.raises(RelextError, match="finds none of the annotated relations of 0 documents"):
        measure_explanations(nlp, [])
    missed = to_doc(document("Ketamine did not alter warfarin.", [(0, 1, "MECHANISM")]), nlp)
    with pytest.raises(RelextError, match="finds none of the annotated relations of 1 document,"):
        measure_explanations(nlp, [missed])
    with pytest.raises(RelextError, match=r"there is nothing to measure.*no word pieces to follow gradients to"):
        measure_explanations(nlp, annotated, methods="integrated_gradients")
    with pytest.raises(RelextError, match="there is no method 'lime'"):
        measure_explanations(nlp, annotated, methods=["lime"])
    with pytest.raises(RelextError, match="no method of explanation is named"):
        measure_explanations(nlp, annotated, methods=[])
    with pytest.raises(RelextError, match="`relations` is 0; expected a whole number from 1 on"):
        measure_explanations(nlp, annotated, relations=0)
    # Without random orders there is nothing to compare with.
    with pytest.raises(RelextError, match="`random_orders` is 0; expected a whole number from 1 on"):
        measure_explanations(nlp, annotated, random_orders=0)


def test_relations_without_another_word(model, annotated, monkeypatch):
    monkeypatch.setattr("spacy_relext.explaining.removing.Part.places", lambda self: [])
    with pytest.raises(RelextError, match="no pair reads a word beside its two mentions"):
        measure_explanations(spacy.load(model), annotated, methods="occlusion")


def test_shares_are_those_of_eraser():
    assert faithfulness.SHARES == (0.01, 0.05, 0.1, 0.2, 0.5)


def test_predictions_are_found_for_an_encoder_that_is_listened_to(tiny_bert):
    """Relations that are found, in either direction, with the annotated mentions on the Doc."""
    nlp = KINDS["listener"][0](tiny_bert)
    examples, _ = initialize(nlp)
    pipe = nlp.get_pipe("relation_extractor")
    pipe.threshold = 0.0
    pipe.cfg["symmetric_labels"] = ["MECHANISM", "ADVISE", "INHIBITS"]
    found = list(measuring.found_relations(nlp, pipe, [example.reference for example in examples]))
    assert found
    for _, doc, (head, tail), label in found:
        assert head.doc is doc
        assert tail in doc.ents
        assert label in pipe.labels
        assert doc._.trf_data is None or "last_hidden_state" not in doc._.trf_data.model_output
