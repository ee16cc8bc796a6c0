"""`RelationExtractor.explain`: all methods for all kinds of models, in one form, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_relext.candidates import distance_pairs
from spacy_relext.displacy import render
from spacy_relext.errors import RelextError
from spacy_relext.explaining import asking, explaining, integrating, occluding
from spacy_relext.explaining.asking import ask
from spacy_relext.explaining.explanations import METHODS, Word
from spacy_relext.findings import keep
from spacy_relext.relations import Relation, set_relations
from tests.explaining.kinds import KINDS, prepared
from tests.pipeline.test_with_transformer import LISTENER, add_extractor, make_examples, transformer_config

EMBEDDINGS = "word pieces to follow gradients to"


def transformer_of(pipe):
    return next(node.transformer for node in pipe.model.walk() if hasattr(node, "transformer"))


@pytest.mark.parametrize("kind", KINDS)
def test_all_methods_of_all_kinds(tiny_bert, kind):
    pytest.importorskip("captum")
    make, has_attention, has_embeddings = KINDS[kind]
    nlp = make(tiny_bert)
    pipe, docs = prepared(nlp)
    doc = docs[1]  # Avoid ketamine with warfarin or aspirin.
    before = doc.to_bytes()
    pair = (doc.ents[0], doc.ents[1])
    (scored,) = pipe.score_pairs(doc, [pair])
    label = max(scored.scores, key=scored.scores.get)
    left_out = {*([] if has_attention else ["attention"]), *([] if has_embeddings else ["integrated_gradients"])}
    for method in METHODS:
        if method in left_out:
            with pytest.raises(RelextError, match=EMBEDDINGS if method == "integrated_gradients" else "has no weight for each word"):
                pipe.explain(doc, pair, method)
            continue
        found = pipe.explain(doc, pair, method)
        assert (found.method, found.head, found.tail, found.label) == (method, *pair, label)
        assert found.score == pytest.approx(scored.scores[label], abs=1e-5)
        assert found.words
        assert list(found.words) == sorted(found.words, key=lambda word: word.start)
        for word in found.words:
            assert doc.text[word.start : word.end] == word.text
            expected = {"ketamine": "head", "warfarin": "tail", "aspirin": "mention"}.get(word.text, "text")
            assert word.kind == expected
        assert found.measured is None
        if method in ("occlusion", "phrases"):
            assert not {"head", "tail"} & {word.kind for word in found.words}
            assert "".join(word.text.replace(" ", "") for word in found.words) == "Avoidwithoraspirin."
        if method == "integrated_gradients":
            # Completeness: weights sum to the difference between text and masked text.
            assert sum(word.weight for word in found.words) == pytest.approx(found.difference, abs=0.05 * max(1, abs(found.difference)))
        assert found.to_dict()["words"][0] == vars(found.words[0])
        assert 'class="K"' in render(doc, options={"attention": [found]}, jupyter=False)
    assert doc.to_bytes() == before


@pytest.mark.parametrize("kind", ["single pass", "listener", "per pair, tags", "tok2vec"])
def test_occlusion_is_the_score_of_the_text_without_the_word(tiny_bert, kind):
    nlp = KINDS[kind][0](tiny_bert)
    pipe, docs = prepared(nlp)
    doc = docs[4]  # Ritonavir inhibits CYP3A4 and spares quinine.
    pair = (doc.ents[0], doc.ents[1])
    found = pipe.explain(doc, pair, label="INHIBITS")
    words = [token.text for token in doc if token.text != "inhibits"]
    other = Doc(nlp.vocab, words=words, spaces=[True] * 4 + [False] * 2)
    other.ents = [Span(other, 0, 1, label="DRUG"), Span(other, 1, 2, label="GENE"), Span(other, 4, 5, label="DRUG")]
    with nlp.select_pipes(disable=["relation_extractor"]):
        other = nlp(other)
    (scored,) = pipe.score_pairs(other, [(other.ents[0], other.ents[1])])
    (word,) = [word for word in found.words if word.text == "inhibits"]
    assert word.weight == pytest.approx(found.score - scored.scores["INHIBITS"], abs=1e-5)


@pytest.mark.parametrize(("kind", "mask"), [("single pass", "[MASK]"), ("tok2vec", "_")])
def test_masked_is_the_score_of_the_text_with_a_mask_in_the_place_of_the_word(tiny_bert, kind, mask):
    nlp = KINDS[kind][0](tiny_bert)
    pipe, docs = prepared(nlp)
    doc = docs[4]  # Ritonavir inhibits CYP3A4 and spares quinine.
    pair = (doc.ents[0], doc.ents[1])
    deleted, masked = (pipe.explain(doc, pair, label="INHIBITS", removal=removal) for removal in ("delete", "mask"))
    words = [mask if token.text == "inhibits" else token.text for token in doc]
    other = Doc(nlp.vocab, words=words, spaces=[bool(token.whitespace_) for token in doc])
    other.ents = [Span(other, span.start, span.end, label=span.label_) for span in doc.ents]
    with nlp.select_pipes(disable=["relation_extractor"]):
        other = nlp(other)
    (scored,) = pipe.score_pairs(other, [(other.ents[0], other.ents[1])])
    weights = [next(word.weight for word in found.words if word.text == "inhibits") for found in (masked, deleted)]
    assert weights[0] == pytest.approx(masked.score - scored.scores["INHIBITS"], abs=1e-5)
    assert abs(weights[0] - weights[1]) > 1e-4


def test_a_mention_goes_as_a_whole_and_is_none_any_more(tiny_bert):
    nlp = KINDS["blinded mentions"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    doc = docs[4]
    question = ask(pipe, nlp, doc, (doc.ents[0], doc.ents[2]))
    places = question.part.places()
    assert [(question.part.doc[p.first : p.end].text, p.kind) for p in places if p.kind == "mention"] == [("CYP3A4", "mention")]
    without = question.part.without([p for p in places if p.kind == "mention"], "[MASK]")
    assert without.doc.text == "Ritonavir inhibits [MASK] and spares quinine."
    assert [span.text for span in without.spans] == ["Ritonavir", "quinine"]
    assert without.doc[2].norm_ == "[mask]"
    deleted = question.part.without([p for p in places if p.kind == "mention"], None)
    assert deleted.doc.text == "Ritonavir inhibits and spares quinine."
    assert question.mask == "[MASK]"


def test_removal_keeps_sentences_and_the_words_apart():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    doc = nlp("Nothing here. Aspirin-warfarin therapy, e.g. now.")
    from spacy_relext.explaining.removing import whole

    spans = [Span(doc, 3, 4, label="DRUG"), Span(doc, 5, 6, label="DRUG")]
    assert [span.text for span in spans] == ["Aspirin", "warfarin"]
    part = whole(doc, spans, (0, 1), (3, len(doc)))
    places = part.places()
    assert [part.doc[p.first : p.end].text for p in places] == ["-", "therapy", ",", "e.g.", "now", "."]
    without = part.without(places[:2], None)
    assert without.doc.text == "Nothing here. Aspirin warfarin , e.g. now."
    assert [sent.text for sent in without.doc.sents] == ["Nothing here.", "Aspirin warfarin , e.g. now."]
    assert [span.text for span in without.spans] == ["Aspirin", "warfarin"]
    cut = part.cut()
    assert cut.doc.text == "Aspirin-warfarin therapy, e.g. now."
    assert cut.shift == 14
    # A sentence whose first word goes begins with the next one.
    later = whole(doc, spans, (0, 1), (0, len(doc)))
    gone = later.without([p for p in later.places() if p.first == 0], None)
    assert [sent.text for sent in gone.doc.sents] == ["here.", "Aspirin-warfarin therapy, e.g. now."]


def test_symmetric_label_is_the_mean_of_both_directions(tiny_bert):
    pytest.importorskip("captum")
    nlp = KINDS["single pass"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    pipe.cfg["symmetric_labels"] = ["ADVISE"]
    doc = docs[1]
    there, back = ((doc.ents[0], doc.ents[1]), (doc.ents[1], doc.ents[0]))
    scores = [pipe.score_pairs(doc, [pair])[0].scores["ADVISE"] for pair in (there, back)]
    assert scores[0] == pytest.approx(scores[1])
    for method in METHODS:
        one, other = (pipe.explain(doc, pair, method, label="ADVISE") for pair in (there, back))
        assert one.score == pytest.approx(scores[0], abs=1e-5)
        assert [w.weight for w in one.words] == pytest.approx([w.weight for w in other.words], abs=1e-4)
    gradients = pipe.explain(doc, there, "integrated_gradients", label="ADVISE")
    assert sum(w.weight for w in gradients.words) == pytest.approx(gradients.difference, abs=0.05)


@pytest.mark.parametrize("exclusive", [True, False])
def test_log_odds_are_those_of_the_score(tiny_bert, exclusive):
    from spacy_relext.explaining.integrating import log_odds_of

    random = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 2, 4, generator=random)
    allowed = torch.tensor([[True, True, True, False], [True, True, True, True]])
    found = log_odds_of(logits, allowed, 2, exclusive=exclusive)
    scores = logits.double().masked_fill(~allowed, -torch.inf).softmax(-1) if exclusive else logits.double().sigmoid()
    mean = scores[..., 2].mean(dim=1)
    assert found.tolist() == pytest.approx((mean / (1 - mean)).log().tolist())


def test_gradients_of_another_score_than_the_model_has_are_refused(tiny_bert):
    """As where a model reads more than its embeddings."""
    pytest.importorskip("captum")
    nlp = KINDS["single pass"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    question = ask(pipe, nlp, docs[1], (docs[1].ents[0], docs[1].ents[1]))
    assert explaining.answer(question, "integrated_gradients").words
    with pytest.raises(RelextError, match=r"where the model says 4\.60: it reads more than embeddings"):
        explaining.answer(replace(question, base=0.99), "integrated_gradients")


def test_gradients_leave_nothing_behind(tiny_bert):
    """No weight has a gradient, no module a hook, and a model that was trained in this process gives the same."""
    pytest.importorskip("captum")
    from tests.pipeline.test_with_transformer import initialize

    nlp = KINDS["single pass"][0](tiny_bert)
    examples, optimizer = initialize(nlp)
    nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    pipe = nlp.get_pipe("relation_extractor")
    with nlp.select_pipes(disable=["relation_extractor"]):
        from tests.conftest import with_entities

        doc = next(iter(nlp.pipe(with_entities(nlp))))
    here = pipe.explain(doc, (doc.ents[0], doc.ents[1]), "integrated_gradients")
    transformer = transformer_of(pipe)
    for module in (transformer, pipe.model.get_ref("head").shims[0]._model):
        assert all(weight.grad is None or not weight.grad.abs().sum() for weight in module.parameters())
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    loaded = KINDS["single pass"][0](tiny_bert)
    initialize(loaded)
    loaded.from_bytes(nlp.to_bytes())
    there = loaded.get_pipe("relation_extractor").explain(doc, (doc.ents[0], doc.ents[1]), "integrated_gradients")
    assert [w.weight for w in there.words] == pytest.approx([w.weight for w in here.words], abs=1e-4)


def test_what_is_no_candidate_pair_is_refused(tiny_bert):
    nlp = KINDS["tok2vec"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    doc = docs[1]
    head, tail, _ = doc.ents
    with pytest.raises(RelextError, match=r"'Avoid' is no mention of the Doc.*Its mentions are 'ketamine', 'warfarin', 'aspirin'"):
        pipe.explain(doc, (doc[0:1], tail))
    with pytest.raises(RelextError, match="has no mention, and a relation needs two"):
        pipe.explain(docs[5], (docs[5][0:1], docs[5][1:2]))
    with pytest.raises(RelextError, match="is a Span of another Doc"):
        pipe.explain(doc, (docs[0].ents[0], tail))
    with pytest.raises(RelextError, match="is head and tail at once"):
        pipe.explain(doc, (tail, tail))
    with pytest.raises(RelextError, match=r"takes a pair, \(head, tail\)"):
        pipe.explain(doc, head)
    with pytest.raises(RelextError, match="explain takes Docs, and saw str"):
        pipe.explain("Aspirin", (head, tail))
    with pytest.raises(RelextError, match="has no label 'CAUSES'"):
        pipe.explain(doc, (head, tail), label="CAUSES")
    with pytest.raises(RelextError, match="there is no method 'lime'"):
        pipe.explain(doc, (head, tail), "lime")
    for several in (None, ["attention", "occlusion"]):
        with pytest.raises(RelextError, match="explain takes one method, and saw"):
            pipe.explain(doc, (head, tail), several)
    with pytest.raises(RelextError, match="removal is 'blank'"):
        pipe.explain(doc, (head, tail), removal="blank")


def test_why_a_pair_is_no_candidate(tiny_bert):
    nlp = KINDS["tok2vec"][0](tiny_bert)
    pipe, _ = prepared(nlp)
    doc = nlp.make_doc("Avoid ketamine. Take warfarin with aspirin.")
    doc.ents = [Span(doc, i, i + 1, label="DRUG") for i in (1, 4, 6)]
    doc = nlp.get_pipe("sentencizer")(doc)
    with pytest.raises(RelextError, match=r"'ketamine' and 'warfarin' are no candidate pair.*in another sentence"):
        pipe.explain(doc, (doc.ents[0], doc.ents[1]))
    pipe.cfg["type_rules"] = {label: [["GENE", "DRUG"]] for label in pipe.labels}
    with pytest.raises(RelextError, match=r"no candidate pair.*the types may not have this label"):
        pipe.explain(doc, (doc.ents[1], doc.ents[2]))
    pipe.cfg["type_rules"] = {"ADVISE": [["GENE", "DRUG"]]}
    with pytest.raises(RelextError, match="type rules forbid ADVISE between DRUG and DRUG"):
        pipe.explain(doc, (doc.ents[1], doc.ents[2]), label="ADVISE")
    pipe.cfg["type_rules"] = {}
    pipe.get_pairs = lambda doc, mentions: numpy.asarray([[1, 2]])
    with pytest.raises(RelextError, match=r"in this direction. Ask about \('warfarin', 'aspirin'\)"):
        pipe.explain(doc, (doc.ents[2], doc.ents[1]))


def test_listener_needs_its_pipeline(tiny_bert):
    nlp = KINDS["listener"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    pair = docs[0].ents[0], docs[0].ents[1]
    expected = pipe.explain(docs[0], pair)
    pipe.checks.home = type(pipe.checks.home)()
    with pytest.raises(RelextError, match=r"listens to a transformer component, and does not know its pipeline.*nlp=nlp"):
        pipe.explain(docs[0], pair)
    assert pipe.explain(docs[0], pair, nlp=nlp).words == expected.words


def test_a_very_long_text_takes_bounded_time_and_says_so(tiny_bert, monkeypatch):
    """5,000 tokens in one sentence: stretches of words, whose number falls with the length of the text."""
    monkeypatch.setattr(occluding, "MOST_TOKENS", 40_000)
    monkeypatch.setattr(occluding, "FEWEST", 4)
    nlp = KINDS["tok2vec"][0](tiny_bert)
    pipe, _ = prepared(nlp)
    doc = Doc(nlp.vocab, words=["Aspirin", *["word"] * 4_997, "warfarin", "."])
    doc.ents = [Span(doc, 0, 1, label="DRUG"), Span(doc, 4_998, 4_999, label="DRUG")]
    doc = nlp.get_pipe("sentencizer")(doc)
    seen = []

    def progress(things, total):
        seen.append(total)
        return things

    for method in ("occlusion", "phrases"):
        found = pipe.explain(doc, (doc.ents[0], doc.ents[1]), method, progress=progress)
        assert found.notes[0].startswith("A text of 5,000 tokens: ")
    assert seen == [8, 8]
    occlusion = pipe.explain(doc, (doc.ents[0], doc.ents[1]), "occlusion")
    assert len(occlusion.words) == 4_998
    assert len({round(word.weight, 9) for word in occlusion.words}) <= 8


def test_of_a_long_text_what_is_near_the_pair_is_run_where_the_score_is_the_same(tiny_bert, monkeypatch):
    nlp = KINDS["tok2vec"][0](tiny_bert)
    pipe, _ = prepared(nlp)
    doc = Doc(nlp.vocab, words=[*["word"] * 1_000, "Aspirin", "raises", "warfarin", *["word"] * 1_000, "."])
    doc.ents = [Span(doc, 1_000, 1_001, label="DRUG"), Span(doc, 1_002, 1_003, label="DRUG")]
    doc = nlp.get_pipe("sentencizer")(doc)
    monkeypatch.setattr(asking, "SAME_SCORE", -1.0)
    assert (ask(pipe, nlp, doc, doc.ents).part.doc.text, ask(pipe, nlp, doc, doc.ents).beyond) == (doc.text, 0)
    monkeypatch.setattr(asking, "SAME_SCORE", 1.0)
    question = ask(pipe, nlp, doc, doc.ents)
    assert (len(question.part.doc), question.part.doc[64:67].text, question.beyond) == (131, "Aspirin raises warfarin", 2_004 - 131)
    found = pipe.explain(doc, doc.ents)
    assert found.notes == ("1,873 tokens that the pair reads are far from it and left out: the score is the same without all of them.",)
    assert [doc.text[word.start : word.end] for word in found.words] == ["word"] * 64 + ["raises"] + ["word"] * 64


def test_progress_is_told_after_each_batch_and_not_before_all(tiny_bert, monkeypatch):
    nlp = KINDS["tok2vec"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    monkeypatch.setattr(asking, "BATCH_TOKENS", 2 * len(docs[0]))
    run, told = [], []
    scores_of = asking.Question.scores_of
    monkeypatch.setattr(asking.Question, "scores_of", lambda self, parts: run.append(len(parts)) or scores_of(self, parts))

    def progress(things, total):
        for thing in things:
            told.append(list(run))
            yield thing

    pipe.explain(docs[0], (docs[0].ents[0], docs[0].ents[1]), progress=progress)
    assert max(run) == 2
    assert told[0] != told[-1] == run


def test_a_part_stands_for_the_text_only_where_the_score_is_the_same(tiny_bert):
    nlp = KINDS["single pass"][0](tiny_bert)
    pipe, _ = prepared(nlp)
    doc = nlp.make_doc("Nothing is said here. Aspirin increases warfarin levels. Nothing is said here.")
    doc.ents = [Span(doc, 5, 6, label="DRUG"), Span(doc, 7, 8, label="DRUG")]
    doc = nlp.get_pipe("sentencizer")(doc)
    question = ask(pipe, nlp, doc, (doc.ents[0], doc.ents[1]))
    assert question.part.doc.text.strip() == "Aspirin increases warfarin levels."
    found = explaining.answer(question, "occlusion")
    assert [doc.text[w.start : w.end] for w in found.words] == ["increases", "levels", "."]
    # Windows that reach beyond the sentence: the whole text is run.
    encoder = pipe.model.get_ref("tok2vec")
    node = next(node for node in encoder.walk() if "get_spans" in node.attrs)
    node.attrs["get_spans"] = lambda docs: [[d[:]] for d in docs]
    with torch.no_grad():
        for layer in transformer_of(pipe).encoder.layer:
            layer.attention.self.query.weight.mul_(30)
    question = ask(pipe, nlp, doc, (doc.ents[0], doc.ents[1]))
    assert question.part.doc.text == doc.text
    assert abs(question.scores_of([question.part.cut()])[0] - question.base) > asking.SAME_SCORE


def test_what_was_measured_is_said(tiny_bert):
    nlp = KINDS["tok2vec"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    keep(nlp, "explanations", {"figures": {"occlusion": {"delete": 1}}})
    assert pipe.explain(docs[0], (docs[0].ents[0], docs[0].ents[1])).measured == {"delete": 1}


def test_renderer_draws_what_speaks_against(tiny_bert):
    nlp = KINDS["tok2vec"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    doc = docs[0]
    found = pipe.explain(doc, (doc.ents[0], doc.ents[1]))
    words = (Word("increases", 8, 17, 4.0, "text"), Word("levels", 27, 33, -2.0, "text"))
    found = type(found)(found.method, found.head, found.tail, found.label, found.score, words)
    assert found.top(1) == [("increases", 4.0)]
    set_relations(doc, [Relation(doc.ents[0], doc.ents[1], "MECHANISM", 0.9)])
    html = render(doc, options={"attention": [found]}, jupyter=False)
    assert 'class="y y2"' in html
    assert 'class="g g1"' in html
    assert "speaks for a relation: the more, the darker" in html
    assert "speaks against one" in html
    lines = render(doc, style="ascii", options={"attention": [found]}).splitlines()
    assert "Aspirin increases warfarin levels." in lines
    assert f"{'#' * 9:>17}{'=' * 6:>16}" in lines
    assert lines[-2:] == [".:# speaks for a relation, the more, the heavier", "-=x speaks against one"]


def test_gradients_of_a_long_text_are_bounded_and_told(tiny_bert, monkeypatch):
    pytest.importorskip("captum")
    nlp = KINDS["single pass"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    pair = docs[1].ents[0], docs[1].ents[1]
    monkeypatch.setattr(integrating, "GAP", 0.0)
    told = []

    def progress(things, total):
        for i in things:
            yield i
            told.append((i, total))

    found = pipe.explain(docs[1], pair, "integrated_gradients", progress=progress)
    assert [total for i, total in told if i == 0] == list(integrating.STEPS)
    assert told[-1] == (255, 256)
    assert found.notes[0].endswith("the steps were too few for this text.")
    told.clear()
    monkeypatch.setattr(integrating, "MOST_PIECES", 10)
    pipe.explain(docs[1], pair, "integrated_gradients", progress=progress)
    assert told == [(i, 8) for i in range(8)]


def test_others_predict_meanwhile(tiny_bert):
    """Gradients of one thread, the scores of another: nothing of the model is changed for either."""
    pytest.importorskip("captum")
    nlp = KINDS["single pass"][0](tiny_bert)
    pipe, docs = prepared(nlp)
    pair = docs[1].ents[0], docs[1].ents[1]
    alone = [w.weight for w in pipe.explain(docs[1], pair, "integrated_gradients").words]
    expected = pipe.predict([docs[0]])[0].scores
    with ThreadPoolExecutor(2) as pool:
        gradients = [pool.submit(pipe.explain, docs[1], pair, "integrated_gradients") for _ in range(4)]
        found = [pool.submit(pipe.predict, [docs[0]]) for _ in range(40)]
    assert all(numpy.array_equal(one.result()[0].scores, expected) for one in found)
    assert all([w.weight for w in one.result().words] == pytest.approx(alone, abs=1e-5) for one in gradients)


def test_labels_that_do_not_exclude_each_other_and_mentions_in_mentions(tiny_bert):
    """Without sentences, from `doc.spans`, with windows that overlap: the whole text is read for far pairs."""
    pytest.importorskip("captum")
    strided = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 8, "stride": 6}
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer", config={"model": transformer_config(tiny_bert, get_spans=strided)})
    pipe = add_extractor(nlp, LISTENER)
    pipe.cfg.update(exclusive=False, spans_key="sc")
    pipe.get_pairs = distance_pairs(max_distance=40)
    examples = [Example(nlp.make_doc(e.reference.text), e.reference) for e in make_examples(nlp)]
    for example in examples:
        example.reference.spans["sc"] = list(example.reference.ents)
    nlp.initialize(lambda: examples)
    doc = nlp.make_doc("Avoid ketamine with new warfarin or aspirin . " * 6)
    places = [(1, 2), (3, 5), (4, 5), (6, 7), (30, 31)]
    doc.spans["sc"] = [Span(doc, start, end, label="DRUG") for start, end in places]
    doc = nlp(doc)
    mentions = doc.spans["sc"]
    for pair, n_removed in (((mentions[0], mentions[3]), 36), ((mentions[1], mentions[4]), 48 - 3)):
        (scored,) = pipe.score_pairs(doc, [pair])
        found = [pipe.explain(doc, pair, method) for method in METHODS]
        assert [explanation.score for explanation in found] == pytest.approx([max(scored.scores.values())] * 4, abs=0.002)
        assert found[3].difference == pytest.approx(sum(word.weight for word in found[3].words), abs=0.05)
        kinds = {word.text: word.kind for word in found[1].words}
        if pair[0] is mentions[0]:
            # The two mentions that overlap go together.
            assert kinds["new warfarin"] == "mention"
        assert len(found[1].words) <= n_removed
