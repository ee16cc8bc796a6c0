"""`analyse` and `compare` with pipelines that predict."""

import json
from dataclasses import replace

import numpy
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example

import spacy_relext
from spacy_relext.displacy.picture import Picture
from spacy_relext.errors import RelextError
from spacy_relext.formats.docs import to_doc
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.relations import Relation, set_annotated_labels, set_denied, set_relations
from spacy_relext.report import analyse, compare
from spacy_relext.report.analysis import DIVISIONS, GROUPS
from tests.cli.toy import document

ANNOTATED = [
    ("Aspirin increases warfarin levels.", [(0, 1, "MECHANISM")]),  # right
    ("Rifampicin increases digoxin levels.", [(0, 1, "ADVISE")]),  # wrong label
    ("Warfarin levels were raised by rifampicin.", [(0, 1, "MECHANISM")]),  # wrong direction
    ("Avoid ketamine with warfarin.", []),  # spurious
    ("Ketamine did not alter warfarin.", [(0, 1, "ADVISE")]),  # below the threshold
]


@pytest.fixture
def nlp(model):
    return spacy.load(model)


@pytest.fixture
def docs(nlp):
    return [to_doc(document(*sentence, name=f"d{i}"), nlp) for i, sentence in enumerate(ANNOTATED)]


def numbers(errors):
    return {group: len(errors.groups[group]) for group in GROUPS}


def test_every_error_with_its_place(nlp, docs):
    analysis = analyse(nlp, docs)
    found = analysis.gold_mentions
    assert numbers(found.errors) == {"no_candidate": 0, "below_threshold": 1, "wrong_label": 1, "wrong_direction": 1, "spurious": 1}
    [error] = found.errors.groups["wrong_label"]
    text = docs[1].text
    assert (error.document, error.start, error.end) == (1, 0, len(text))
    assert (error.annotated.label, error.predicted.label) == ("ADVISE", "MECHANISM")
    assert [text[place.start : place.end] for place in (error.annotated.head, error.predicted.tail)] == ["Rifampicin", "digoxin"]
    assert error.certainty == error.predicted.score == error.predicted.scores["MECHANISM"] > 0.5
    assert sum(error.predicted.scores.values()) + error.predicted.no_relation == pytest.approx(1, abs=1e-5)
    [missed] = found.errors.groups["below_threshold"]
    assert missed.certainty == 1 - missed.annotated.score > 0.5
    assert missed.predicted is None
    [turned] = found.errors.groups["wrong_direction"]
    assert turned.annotated.head.text == turned.predicted.tail.text == "Warfarin"
    assert analysis.predicted_mentions.micro.f.value == pytest.approx(analysis.evaluation.predicted_mentions["rel_micro_f"])
    assert found.micro.f.value == pytest.approx(analysis.evaluation.gold_mentions["rel_micro_f"])
    assert set(found.lines) == set(DIVISIONS)
    assert [document.id for document in analysis.documents] == ["d0", "d1", "d2", "d3", "d4"]


def test_the_model_has_the_name_of_its_package(nlp, docs, monkeypatch):
    monkeypatch.setitem(nlp.meta, "name", "drugs")
    assert analyse(nlp, docs).model == "en_drugs-0.0.0"


def test_it_is_all_json(nlp, docs):
    plain = json.loads(json.dumps(analyse(nlp, docs, attention=True).to_dict(), allow_nan=False))
    assert plain["gold_mentions"]["errors"]["groups"]["spurious"][0]["predicted"]["label"] == "ADVISE"
    assert plain["evaluation"]["gold_mentions"]["rel_micro_f"] == pytest.approx(plain["gold_mentions"]["micro"]["f"]["value"])
    assert numpy.asarray(plain["gold_mentions"]["counts"]).shape == (5, 2, 3)


def test_errors_are_pictures(nlp, docs):
    """Of their sentence, in the form that is drawn."""
    whole = spacy.tokens.Doc.from_docs(docs)
    found = analyse(nlp, [whole], attention=True).gold_mentions.errors
    for error in (error for group in GROUPS for error in found.groups[group]):
        picture = Picture.from_dict(error.picture)
        assert picture.text == whole.text[error.start : error.end] != whole.text
        assert picture.sentences == ((0, len(picture.text)),)
        claims = [claim for claim in (error.annotated, error.predicted) if claim is not None]
        assert [relation.status for relation in picture.relations] == [
            "missed" if claim is error.annotated else "wrong" for claim in claims
        ]
        for relation, claim in zip(picture.relations, claims, strict=True):
            head, tail = picture.mentions[relation.head], picture.mentions[relation.tail]
            assert picture.text[head.start : head.end] == claim.head.text
            assert picture.text[tail.start : tail.end] == claim.tail.text
        *others, last = picture.relations
        assert not any(relation.attention for relation in others)
        assert sum(weight for _, _, weight in last.attention) == pytest.approx(1, abs=0.01)
        assert all(0 <= start < end <= len(picture.text) for start, end, _ in last.attention)


def test_those_of_which_the_model_was_surest_come_first(nlp, docs):
    found = analyse(nlp, docs, threshold=0.0).gold_mentions.errors.groups["spurious"]
    certainties = [error.certainty for error in found]
    assert len(set(certainties)) > 3
    assert certainties == sorted(certainties, reverse=True)


def test_the_encoder_runs_as_often_as_evaluate_runs_it(nlp, docs, monkeypatch):
    """And once more for what was read for the pairs of errors."""
    scored = []
    predict = RelationExtractor.predict_prepared

    def counted(self, docs, prepared, on_attention=None):
        scored.append((on_attention is not None, sum(len(p.candidates.pairs) for p in prepared)))
        return predict(self, docs, prepared, on_attention)

    monkeypatch.setattr(RelationExtractor, "predict_prepared", counted)
    spacy_relext.evaluate(nlp, docs)
    of_evaluate, scored[:] = list(scored), []
    analyse(nlp, docs)
    assert scored == of_evaluate
    scored.clear()
    found = analyse(nlp, docs, attention=True)
    assert [n for asked, n in scored if not asked] == [n for _, n in of_evaluate]
    # The pairs of three errors, and both directions of the one whose direction is wrong.
    assert [n for asked, n in scored if asked] == [5, 5]
    assert found.notes == ()


def test_settings_are_those_of_evaluate(nlp, docs):
    analysis = analyse(nlp, docs, threshold=0.0, component="relation_extractor")
    assert analysis.threshold == analysis.gold_mentions.curve.threshold == 0.0
    # The best label of both directions of every pair.
    assert analysis.gold_mentions.micro.predicted == 10
    assert nlp.get_pipe("relation_extractor").threshold == 0.5
    assert nlp.get_pipe("relation_extractor").on_predictions is None
    with pytest.raises(RelextError, match="is none of them"):
        analyse(nlp, docs, component="other")


def test_a_mention_that_was_not_found(nlp, docs):
    ruler = nlp.get_pipe("entity_ruler")
    ruler.clear()
    ruler.add_patterns([{"label": "DRUG", "pattern": drug} for drug in ("aspirin", "rifampicin", "ketamine", "levels")])
    analysis = analyse(nlp, docs)
    assert [e.why for e in analysis.predicted_mentions.errors.groups["no_candidate"]] == [
        "the tail is not found",
        "the tail is not found",
        "the head is not found",
        "the tail is not found",
    ]
    assert all(error.certainty is None for error in analysis.predicted_mentions.errors.groups["no_candidate"])
    assert {e.why for e in analysis.predicted_mentions.errors.groups["spurious"]} <= {"a mention is not annotated"}


def test_documents_that_are_not_scored_are_told(nlp, docs):
    docs[0].user_data.clear()
    set_annotated_labels(docs[2], ["OTHER"])
    analysis = analyse(nlp, docs)
    assert analysis.n_passed_over == 2
    assert [document.n_characters for document in analysis.documents] == [len(docs[i].text) for i in (1, 3, 4)]
    assert [error.document for error in analysis.gold_mentions.errors.groups["wrong_label"]] == [0]
    assert analysis.notes[0].startswith("2 documents are not scored")


def test_data_that_does_not_fit_is_the_error_of_the_command(nlp, docs):
    for doc in docs:
        doc.user_data.clear()
    with pytest.raises(RelextError, match="no relation annotation for the labels of this pipeline"):
        analyse(nlp, docs)
    with pytest.raises(RelextError, match="has no relation extractor"):
        analyse(spacy.blank("en"), docs)


def test_relations_between_concepts_are_said_to_be_left_out(nlp):
    given = replace(document(*ANNOTATED[0]), concept_relations=[])
    [note] = analyse(nlp, [to_doc(given, nlp)]).notes
    assert note.startswith("The relations between concepts that are annotated are not looked at")


def test_a_pipeline_that_finds_no_mentions(nlp, docs):
    nlp.remove_pipe("entity_ruler")
    analysis = analyse(nlp, docs)
    assert analysis.predicted_mentions is None
    assert "finds none by itself" in analysis.notes[-1]


SMALL = {"hidden_width": 16, "tok2vec": {"width": 16, "depth": 1, "embed_size": 100}}


def untrained(docs, settings):
    """A pipeline of extractors by name, which say something or other."""
    nlp = spacy.blank("en")
    for name, config in settings.items():
        nlp.add_pipe("relation_extractor", name, config={"model": SMALL, "threshold": 0.2, **config})
    nlp.config["training"]["score_weights"] = {f"{nlp.get_pipe(name).score_prefix}_micro_f": 0.5 for name in settings}
    nlp.config["initialize"]["components"] = {name: {"labels": labels} for name, labels in LABELS.items() if name in settings}
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in docs])
    return nlp


LABELS = {"mechanisms": ["MECHANISM"], "advice": ["ADVISE"]}


def test_one_of_several_extractors(docs):
    nlp = untrained(docs, {name: {"score_prefix": name} for name in LABELS})
    with pytest.raises(RelextError, match="has the relation extractors mechanisms, advice"):
        analyse(nlp, docs)
    for name, labels in LABELS.items():
        found = analyse(nlp, docs, component=name)
        assert (found.component, found.labels) == (name, tuple(labels))
        assert found.gold_mentions.micro.annotated == 2
        assert found.gold_mentions.micro.f.value == pytest.approx(found.evaluation.gold_mentions["rel_micro_f"])
        claims = [claim for group in GROUPS for e in found.gold_mentions.errors.groups[group] for claim in (e.annotated, e.predicted)]
        assert {claim.label for claim in claims if claim is not None} == set(labels)
    with pytest.raises(RelextError, match="are scored on other relations"):
        compare(*(analyse(nlp, docs, component=name) for name in LABELS))


def test_labels_that_do_not_exclude_each_other(docs):
    nlp = untrained(docs, {"relation_extractor": {"exclusive": False, "symmetric_labels": ["ADVISE"]}})
    analysis = analyse(nlp, docs, attention=True)
    assert not analysis.exclusive
    claims = [e.predicted for e in analysis.gold_mentions.errors.groups["spurious"]]
    assert claims
    assert all(claim.no_relation is None and set(claim.scores) == {"ADVISE", "MECHANISM"} for claim in claims)
    assert {claim.symmetric for claim in claims if claim.label == "ADVISE"} == {True}
    assert all(claim.head.start < claim.tail.start for claim in claims if claim.symmetric)
    assert all(claim.attention for claim in claims)
    assert analysis.gold_mentions.micro.predicted == 15  # ADVISE once for each pair, MECHANISM in both directions


def test_a_summary_without_weights_is_told(docs):
    model = {**SMALL, "summary": {"@relext_summaries": "spacy-relext.mentions.v1"}}
    analysis = analyse(untrained(docs, {"relation_extractor": {"model": model}}), docs, attention=True)
    assert analysis.notes[-1].startswith("What the model read is not shown: the summary mentions has no weight for each word")
    assert all(claim.attention == () for e in analysis.gold_mentions.errors.groups["spurious"] for claim in [e.predicted])


def test_comparing_a_pipeline_with_itself(nlp, docs):
    analysis = analyse(nlp, docs)
    comparison = compare(analysis, analysis)
    for found in (comparison.gold_mentions, comparison.predicted_mentions):
        assert (found.micro.difference.value, found.micro.difference.low, found.micro.difference.high, found.micro.p) == (0, 0, 0, 1)
        assert (found.mended.n, found.new.n, found.kept) == (0, 0, 4)


def test_mended_and_new_errors(nlp, docs):
    other = analyse(nlp, docs)
    nlp.get_pipe("relation_extractor").get_pairs = lambda doc, mentions: numpy.zeros((0, 2), dtype="int64")
    one = analyse(nlp, docs)
    found = compare(one, other).gold_mentions
    # Nothing is predicted: one relation more is missed, and none is wrong. What was missed before is missed again.
    assert numbers(found.mended) == {"no_candidate": 0, "below_threshold": 0, "wrong_label": 0, "wrong_direction": 0, "spurious": 1}
    assert numbers(found.new) == {"no_candidate": 1, "below_threshold": 0, "wrong_label": 0, "wrong_direction": 0, "spurious": 0}
    assert found.new.groups["no_candidate"][0].document == 0
    assert found.kept == 3
    assert (found.micro.one, found.micro.other) == (0, pytest.approx(0.25))
    assert found.micro.difference.low <= found.micro.difference.value == -0.25 <= found.micro.difference.high == 0
    assert {line.name for line in found.labels} == {"ADVISE", "MECHANISM"}
    json.dumps(compare(one, other).to_dict(), allow_nan=False)


def test_denied_and_speculated_pairs_are_compared(nlp, docs):
    spurious, missed = docs[3], docs[0]
    set_denied(spurious, [Relation(*spurious.ents, "ADVISE")])
    set_relations(missed, [Relation(r.head, r.tail, r.label, attributes=["speculated"]) for r in missed._.relations])
    other = analyse(nlp, docs)
    assert (other.gold_mentions.denied.pairs, other.gold_mentions.denied.related) == (1, 1)
    assert other.predicted_mentions.denied.share == other.gold_mentions.denied.share
    assert [line.name for line in other.gold_mentions.lines["assertion"]] == ["asserted", "speculated", "denied"]
    nlp.get_pipe("relation_extractor").get_pairs = lambda doc, mentions: numpy.zeros((0, 2), dtype="int64")
    found = compare(analyse(nlp, docs), other).gold_mentions
    assert (found.denied.one, found.denied.other, found.denied.difference.value) == (0, 1, -1)
    assert [(line.name, line.one, line.other) for line in found.groups if line.name == "speculated"] == [("speculated", 0, 1)]
    json.dumps(compare(other, other).to_dict(), allow_nan=False)


def test_other_data_cannot_be_compared(nlp, docs):
    one = analyse(nlp, docs)
    with pytest.raises(RelextError, match="5 and 4 documents"):
        compare(one, analyse(nlp, docs[:4]))
    head, tail = (Span(docs[3], span.start, span.end, label=span.label) for span in docs[3].ents)
    set_relations(docs[3], [Relation(head, tail, "ADVISE")])
    with pytest.raises(RelextError, match="were scored on different data: d3 and d3, the first that differs is number 4"):
        compare(one, analyse(nlp, docs))
