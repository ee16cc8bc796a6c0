"""`RelationExtractor.score_pairs`: the distributions of pairs that the caller gives."""

import itertools

import pytest
import spacy
import torch
from spacy.tokens import Doc, DocBin, Span

from spacy_relext.candidates import distance_pairs, sentence_pairs
from spacy_relext.errors import RelextError
from spacy_relext.pipeline.preparing import prepare
from tests.pipeline.test_encodings import marked_pipeline, shared_pipeline
from tests.pipeline.test_with_transformer import CNN_INSIDE, add_extractor, initialize, tok2vec_pipeline, transformer_pipeline

TEXT = "Ritonavir inhibits CYP3A4 with ketamine or quinine. Avoid warfarin and aspirin."
MENTIONS = {"Ritonavir": "DRUG", "CYP3A4": "GENE", "ketamine": "DRUG", "quinine": "DRUG", "warfarin": "DRUG", "aspirin": "DRUG"}
# What an untrained model says differs little from pair to pair: the tests magnify that, and rounding with it.
ROUNDING = 1e-5
LAYER = {"@relext_summaries": "spacy-relext.pair_attention.v1", "n_heads": 2}


def cnn_pipeline(marking=None):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    add_extractor(nlp, CNN_INSIDE, summary=LAYER, marking=marking)
    return nlp


MAKES = {
    "encoder inside": lambda folder: shared_pipeline(folder, "attention"),
    "transformer listener": transformer_pipeline,
    "tok2vec listener": lambda folder: tok2vec_pipeline(),
    "blinded mentions": lambda folder: cnn_pipeline({"@misc": "spacy-relext.mention_tags.v1"}),
    "per-pair": lambda folder: marked_pipeline(folder, "attention"),
}


def ready(nlp, **settings):
    """The extractor, initialised so that pairs differ in what it says of them, and a Doc that the others have run over."""
    pipe = nlp.get_pipe("relation_extractor")
    pipe.cfg.update(settings)
    initialize(nlp)
    doc = encoded(nlp)
    output = pipe.model.get_ref("head").shims[0]._model.output
    with torch.no_grad():
        output.weight.normal_()
        logits = torch.tensor(pipe.model.predict(([doc], [prepare(pipe, doc, list(doc.ents)).candidates])))
        spread = logits.std(dim=0)
        output.weight.div_(spread[:, None])
        output.bias.copy_(-logits.mean(dim=0) / spread)
    return pipe, doc


def encoded(nlp, mentions=MENTIONS, text=TEXT):
    doc = nlp.make_doc(text)
    doc.ents = [doc.char_span(text.index(name), text.index(name) + len(name), label=kind) for name, kind in mentions.items()]
    with nlp.select_pipes(disable=["relation_extractor"]):
        return nlp(doc)


def span(doc, name, label=""):
    start = doc.text.index(name)
    return doc.char_span(start, start + len(name), label=label)


def predicted(pipe, doc):
    """What the component itself says of its candidates, by the names of head and tail."""
    (predictions,) = pipe.predict([doc])
    names = [(predictions.spans[head].text, predictions.spans[tail].text) for head, tail in predictions.pairs]
    return dict(zip(names, predictions.scores.tolist(), strict=True))


def distribution(pair):
    return [*([] if pair.no_relation is None else [pair.no_relation]), *pair.scores.values()]


def assert_as_predicted(pipe, doc, scored):
    expected = predicted(pipe, doc)
    for pair in scored:
        assert distribution(pair) == pytest.approx(expected[pair.head.text, pair.tail.text], abs=ROUNDING)


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_candidates_get_what_they_are_predicted_to_get_whatever_else_is_asked(tiny_bert, make):
    pipe, doc = ready(make(tiny_bert))
    before = doc.to_bytes()
    expected = predicted(pipe, doc)
    assert len(expected) == 14
    assert max(abs(a - b) for x, y in itertools.combinations(expected.values(), 2) for a, b in zip(x, y, strict=True)) > 0.1
    names = list(expected)
    pairs = [(span(doc, head, MENTIONS[head]), span(doc, tail, MENTIONS[tail])) for head, tail in reversed(names)]
    scored = pipe.score_pairs(doc, iter(pairs))
    assert [(p.head, p.tail) for p in scored] == pairs
    assert all(tuple(p.scores) == pipe.labels for p in scored)
    assert_as_predicted(pipe, doc, scored)
    for pair in pairs[::4]:
        assert_as_predicted(pipe, doc, pipe.score_pairs(doc, [pair]))
    # Beside a pair that is no candidate, and one with a span that is no mention.
    others = [(span(doc, "ketamine"), span(doc, "aspirin")), (span(doc, "inhibits", "DRUG"), span(doc, "ketamine"))]
    scored = pipe.score_pairs(doc, [others[1], pairs[0], others[0], pairs[1]])
    assert_as_predicted(pipe, doc, [scored[1], scored[3]])
    assert [(p.head.text, p.tail.text) for p in (scored[0], scored[2])] == [("inhibits", "ketamine"), ("ketamine", "aspirin")]
    assert all(sum(distribution(p)) == pytest.approx(1, abs=1e-6) for p in scored)
    assert doc.to_bytes() == before


@pytest.mark.parametrize("name", ["encoder inside", "blinded mentions", "per-pair"])
def test_spans_that_are_given_are_as_good_as_mentions_of_the_doc(tiny_bert, name):
    """Nothing is known of the Doc but what the caller says: the result is that of the same spans as entities."""
    nlp = MAKES[name](tiny_bert)
    pipe, doc = ready(nlp)
    bare = encoded(nlp, {})
    pairs = [(span(bare, a, MENTIONS[a]), span(bare, b, MENTIONS[b])) for a, b in itertools.permutations(MENTIONS, 2)]
    scored = {(p.head.text, p.tail.text): distribution(p) for p in pipe.score_pairs(bare, pairs)}
    for names, expected in predicted(pipe, doc).items():
        assert scored[names] == pytest.approx(expected, abs=ROUNDING)
    assert len(scored) == 30
    assert bare.ents == ()


def test_which_mentions_are_marked():
    """Those of the Doc and all that are given for a pair with other spans; a pair of the Doc's mentions does not see the latter."""
    pipe, doc = ready(cnn_pipeline({"@misc": "spacy-relext.mention_tags.v1"}))
    own = (span(doc, "warfarin"), span(doc, "aspirin"))
    other = (span(doc, "Avoid", "DRUG"), span(doc, "aspirin"))
    beside = (span(doc, "Avoid", "DRUG"), span(doc, "and", "GENE"))
    alone, with_beside = (pipe.score_pairs(doc, pairs)[0] for pairs in ([other], [other, beside]))
    assert distribution(alone) != pytest.approx(distribution(with_beside), abs=1e-3)
    assert distribution(pipe.score_pairs(doc, [own, beside])[0]) == distribution(pipe.score_pairs(doc, [own])[0])


def test_type_that_the_caller_gives_goes_before_that_of_the_doc():
    nlp = cnn_pipeline({"@misc": "spacy-relext.mention_tags.v1"})
    pipe, doc = ready(nlp)
    otherwise = encoded(nlp, {**MENTIONS, "warfarin": "GENE"})
    (given,) = pipe.score_pairs(doc, [(span(doc, "warfarin", "GENE"), span(doc, "aspirin", "DRUG"))])
    assert given.head.label_ == "GENE"
    assert distribution(given) == pytest.approx(predicted(pipe, otherwise)["warfarin", "aspirin"], abs=1e-6)
    assert distribution(given) != pytest.approx(predicted(pipe, doc)["warfarin", "aspirin"], abs=1e-3)


def test_pair_given_twice_and_no_pair():
    pipe, doc = ready(cnn_pipeline())
    pair = (span(doc, "warfarin"), span(doc, "aspirin"))
    first, second = pipe.score_pairs(doc, [pair, list(pair)])
    assert distribution(first) == distribution(second)
    assert pipe.score_pairs(doc, []) == []


@pytest.mark.parametrize("name", ["blinded mentions", "per-pair"])
def test_overlapping_spans(tiny_bert, name):
    pipe, doc = ready(MAKES[name](tiny_bert))
    phrase = span(doc, "warfarin and aspirin", "DRUG")
    scored = pipe.score_pairs(doc, [(span(doc, "aspirin"), phrase), (phrase, span(doc, "aspirin"))])
    assert [sum(distribution(pair)) for pair in scored] == pytest.approx([1, 1], abs=1e-6)


SYMMETRIC = {"symmetric_labels": ["ADVISE"]}


@pytest.mark.parametrize("ordered", [True, False])
def test_symmetric_labels_are_those_of_the_prediction_in_whichever_direction_they_are_asked(ordered):
    pipe, doc = ready(cnn_pipeline(), **SYMMETRIC)
    pipe.get_pairs = sentence_pairs(ordered=ordered)
    expected = predicted(pipe, doc)
    assert len(expected) == (14 if ordered else 7)
    column = 1 + pipe.labels.index("ADVISE")
    for (head, tail), scores in expected.items():
        there = (span(doc, head), span(doc, tail))
        asked = [pipe.score_pairs(doc, [there]), pipe.score_pairs(doc, [there[::-1]]), pipe.score_pairs(doc, [there, there[::-1]])]
        assert_as_predicted(pipe, doc, [asked[0][0], asked[2][0]])
        assert [p.scores["ADVISE"] for pairs in asked for p in pairs] == pytest.approx([scores[column]] * 4, abs=1e-6)
        # The other labels are those of the direction that was asked about.
        assert asked[1][0].scores["INHIBITS"] == asked[2][1].scores["INHIBITS"] != pytest.approx(scores[column + 1], abs=1e-6)


def test_symmetric_labels_of_a_pair_that_is_no_candidate_are_the_mean_of_both_directions():
    pipe, doc = ready(cnn_pipeline())
    pair = (span(doc, "ketamine"), span(doc, "aspirin"))
    there, back = (p.scores["ADVISE"] for p in pipe.score_pairs(doc, [pair, pair[::-1]]))
    assert there != pytest.approx(back, abs=1e-3)
    pipe.cfg.update(SYMMETRIC)
    assert pipe.score_pairs(doc, [pair])[0].scores["ADVISE"] == pytest.approx((there + back) / 2, abs=1e-6)


def test_type_rules_hold():
    pipe, doc = ready(
        cnn_pipeline(), type_rules={"INHIBITS": [["DRUG", "GENE"]], "MECHANISM": [["DRUG", "DRUG"]], "ADVISE": [["DRUG", "DRUG"]]}
    )
    gene = span(doc, "CYP3A4")
    allowed, forbidden = pipe.score_pairs(doc, [(span(doc, "ketamine"), gene), (gene, span(doc, "ketamine"))])
    assert allowed.scores["ADVISE"] == 0 < allowed.scores["INHIBITS"] < 1
    assert_as_predicted(pipe, doc, [allowed])
    # No candidate, since it may have no label: no-relation is all that is left.
    assert ("CYP3A4", "ketamine") not in predicted(pipe, doc)
    assert (forbidden.no_relation, set(forbidden.scores.values())) == (1, {0})


def test_labels_that_are_not_exclusive():
    nlp = cnn_pipeline()
    pipe, doc = ready(nlp, exclusive=False, type_rules={"INHIBITS": [["DRUG", "GENE"]]}, **SYMMETRIC)
    scored = pipe.score_pairs(doc, [(span(doc, "warfarin"), span(doc, "aspirin")), (span(doc, "ketamine"), span(doc, "quinine"))])
    assert [p.no_relation for p in scored] == [None, None]
    assert_as_predicted(pipe, doc, scored)
    assert scored[0].scores["INHIBITS"] == 0


def test_mentions_under_a_key():
    nlp = cnn_pipeline()
    pipe, doc = ready(nlp, spans_key=None)
    expected = predicted(pipe, doc)
    pipe.cfg["spans_key"] = "drugs"
    doc.spans["drugs"] = list(doc.ents)
    doc.ents = []
    assert_as_predicted(pipe, doc, pipe.score_pairs(doc, [(span(doc, "warfarin"), span(doc, "aspirin"))]))
    assert predicted(pipe, doc) == expected


WRONG = {
    "same": (lambda doc: (doc[0:1], doc[0:1]), r"pair 2: 'Ritonavir' is head and tail at once\. A relation needs two mentions"),
    "same, other type": (lambda doc: (doc[0:1], Span(doc, 0, 1, "GENE")), "'Ritonavir' is head and tail at once"),
    "empty": (lambda doc: (doc[3:3], doc[0:1]), "pair 2: an empty Span before token 3"),
    "other doc": (lambda doc: (doc[0:1], doc.copy()[2:3]), r"'CYP3A4' is a Span of another Doc\. .*doc\.char_span"),
    "no type": (lambda doc: (doc[0:1], doc[1:2]), r"'inhibits' has no type, and the Doc has no mention at its place\. .*Span\(doc, 1, 2"),
    "token": (lambda doc: (doc[0], doc[2]), r"pair 2: expected \(head, tail\), two Spans of the Doc, and saw \(Ritonavir, CYP3A4\)"),
    "one span": (lambda doc: doc[0:2], "two Spans of the Doc, and saw Ritonavir inhibits"),
    "three": (lambda doc: (doc[0:1], doc[2:3], doc[4:5]), r"expected \(head, tail\)"),
    "words": (lambda doc: ("Ritonavir", "CYP3A4"), r"saw \('Ritonavir', 'CYP3A4'\)"),
}


@pytest.mark.parametrize(("make_pair", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_pair(make_pair, message):
    pipe, doc = ready(cnn_pipeline())
    with pytest.raises(RelextError, match=message):
        pipe.score_pairs(doc, [(span(doc, "warfarin"), span(doc, "aspirin")), make_pair(doc)])


def test_what_are_no_pairs_and_no_doc():
    pipe, doc = ready(cnn_pipeline())
    for wrong in (None, 5, "Ritonavir", doc[0:2]):
        with pytest.raises(RelextError, match=rf"expected pairs, as in \[\(head, tail\)\], and saw {type(wrong).__name__}"):
            pipe.score_pairs(doc, wrong)
    for wrong in (None, doc[0:2], [doc], doc.text):
        with pytest.raises(RelextError, match=rf"relation_extractor: score_pairs takes Docs, and saw {type(wrong).__name__}"):
            pipe.score_pairs(wrong, [])


@pytest.mark.parametrize("name", ["transformer listener", "tok2vec listener"])
def test_doc_without_the_output_of_the_encoder(tiny_bert, name):
    nlp = MAKES[name](tiny_bert)
    pipe, doc = ready(nlp)
    stored = next(iter(DocBin(docs=[doc]).get_docs(nlp.vocab)))
    with pytest.raises(RelextError, match=r"listens to a t.* has no output of one\. Run the whole pipeline over it"):
        pipe.score_pairs(stored, [(span(stored, "warfarin"), span(stored, "aspirin"))])
    # The pipeline's own result has it.
    result = nlp(TEXT)
    result.ents = [span(result, name, kind) for name, kind in MENTIONS.items()]
    assert_as_predicted(pipe, doc, pipe.score_pairs(result, [(result.ents[0], result.ents[2])]))


def test_doc_without_sentences():
    pipe, doc = ready(cnn_pipeline())
    bare = Doc(doc.vocab, words=[token.text for token in doc])
    pairs = [(Span(bare, 0, 1, "DRUG"), Span(bare, 2, 3, "GENE"))]
    with pytest.raises(RelextError, match="sentence_pairs needs sentence boundaries"):
        pipe.score_pairs(bare, pairs)
    pipe.get_pairs = distance_pairs()
    assert len(pipe.score_pairs(bare, pairs)) == 1


def test_untrained_model():
    nlp = cnn_pipeline()
    with pytest.raises(RelextError, match="has no trained model"):
        nlp.get_pipe("relation_extractor").score_pairs(nlp.make_doc("Aspirin."), [])
