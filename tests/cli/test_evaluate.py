"""`relext evaluate`, run in process: figures by hand on what a pipeline is known to find."""

import errno
import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import DocBin, Span
from spacy.util import load_config

import spacy_relext
from spacy_relext.evaluation import THRESHOLDS
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from tests.cli.toy import SENTENCES, document, relext

# What the pipeline finds is what it has learned; what is annotated here differs from it.
#   MECHANISM: found in 1 and 3, annotated in 1 and 4, so one right.  P 1/2, R 1/2, F 1/2
#   ADVISE:    found in 2, annotated in 2 and 3, one right.           P 1,   R 1/2, F 2/3
#   all:       2 right of 3 found and 4 annotated.                    P 2/3, R 1/2, F 4/7;  macro F (1/2 + 2/3) / 2
ANNOTATED = [
    ("Aspirin increases warfarin levels.", [(0, 1, "MECHANISM")]),
    ("Avoid ketamine with warfarin.", [(0, 1, "ADVISE")]),
    ("Rifampicin increases digoxin levels.", [(0, 1, "ADVISE")]),
    ("Ketamine did not alter warfarin.", [(0, 1, "MECHANISM")]),
    # Not annotated for relations: what is found here counts neither way.
    ("Avoid quinine with digoxin.", None),
]
MICRO = {"rel_micro_p": 2 / 3, "rel_micro_r": 1 / 2, "rel_micro_f": 4 / 7, "rel_macro_f": 7 / 12}
PER_TYPE = {
    "ADVISE": {"p": 1.0, "r": 0.5, "f": 2 / 3, "support": 2},
    "MECHANISM": {"p": 0.5, "r": 0.5, "f": 0.5, "support": 2},
}


def write_data(path, *documents):
    nlp = spacy.blank("en")
    DocBin(docs=[to_doc(d, nlp) for d in documents], store_user_data=True).to_disk(path)
    return path


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data.spacy", *(document(*sentence) for sentence in ANNOTATED))


def figures_of(model, data, *options):
    output = data.parent / "metrics" / "figures.json"
    result = relext("evaluate", model, data, "--output", output, *options)
    assert result.exit_code == 0, result.output
    return srsly.read_json(output)


def assert_scores(scores, micro, per_type):
    assert {key: scores[key] for key in micro} == pytest.approx(micro)
    assert scores["rel_per_type"].keys() == per_type.keys()
    for label, expected in per_type.items():
        assert {key: scores["rel_per_type"][label][key] for key in expected} == pytest.approx(expected)


def assert_fails(result, message):
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr
    assert "Traceback" not in result.output


def test_figures_are_those_worked_out_by_hand(model, data):
    figures = figures_of(model, data)
    # The ruler finds all the mentions, with their types.
    for key in ("gold_mentions", "predicted_mentions", "predicted_mentions_strict"):
        assert_scores(figures[key], MICRO, PER_TYPE)


def test_json_says_what_was_measured(model, data):
    figures = figures_of(model, data)
    assert (figures["model"], figures["data"], figures["documents"], figures["threshold"]) == (str(model), str(data), 5, 0.5)
    assert figures["seconds"] >= 0
    assert figures["versions"]["spacy-relext"] == spacy_relext.__version__
    assert figures["versions"]["spacy"] == spacy.__version__


def test_printed_table(model, data):
    result = relext("evaluate", model, data)
    assert result.exit_code == 0, result.output
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for row in ("ADVISE 100.0 50.0 66.7 100.0 2", "MECHANISM 50.0 50.0 50.0 100.0 2", "micro 66.7 50.0 57.1 100.0 4", "macro 58.3"):
        assert rows.count(row) == 3, result.stdout
    for row in ("boundaries right 100.0 100.0 100.0 10", "boundaries and type right 100.0 100.0 100.0 10"):
        assert rows.count(row) == 1, result.stdout
    assert [path.name for path in data.parent.iterdir()] == ["data.spacy"]


def test_pairs_that_the_annotation_denies(model, tmp_path):
    documents = [*(document(*sentence) for sentence in ANNOTATED), document("Quinine did not alter digoxin.", [])]
    # Found and asserted as well, which No-rel gives way to; found as MECHANISM; not found; not found.
    for i, label in ((0, "No-rel"), (2, "MECHANISM"), (3, "ADVISE"), (5, "No-rel")):
        ends = [mention.id for mention in documents[i].mentions]
        documents[i].denied = [AnnotatedRelation(*ends, label)]
    result = relext("evaluate", model, write_data(tmp_path / "data.spacy", *documents))
    said = " ".join(result.stdout.split())
    assert said.count("Found related, of 3 pairs that the annotation denies: 1 (33.3 %; 95 % interval") == 3, result.output
    # By the label that is denied: found with another one, and what was found instead of No-rel.
    assert said.count("ADVISE 1 0 0 MECHANISM 1 1 1 No-rel 1 0 0") == 3, result.output


def test_relations_that_are_speculated(model, tmp_path):
    documents = [document(*sentence) for sentence in ANNOTATED]
    plain = figures_of(model, write_data(tmp_path / "plain.spacy", *documents))
    for sentence in documents:
        if sentence.relations is not None:
            sentence.relations = [replace(relation, attributes=("speculated",)) for relation in sentence.relations]
    data = write_data(tmp_path / "data.spacy", *documents)
    scores = figures_of(model, data)["gold_mentions"]
    assert "rel_per_group" not in plain["gold_mentions"]
    group = scores["rel_per_group"]["speculated"]
    assert (group["support"], group["r"]) == (4, scores["rel_micro_r"])
    assert group["intervals"]["r"][0] <= group["r"] <= group["intervals"]["r"][1]
    assert "speculated" in relext("evaluate", model, data).stdout


def test_mentions_that_are_not_found_cost_recall(model, tmp_path):
    """`vitamin K` is unknown to the ruler, and the relation found without it is right all the same."""
    text = "Aspirin increases warfarin levels. Avoid ketamine with vitamin K."
    mentions = [Mention(str(i), *place, "DRUG") for i, place in enumerate([(0, 7), (18, 26), (41, 49), (55, 64)])]
    relations = [AnnotatedRelation("0", "1", "MECHANISM"), AnnotatedRelation("2", "3", "ADVISE")]
    data = write_data(tmp_path / "a.spacy", Document("a", text, mentions, relations, [(0, 34), (35, 65)]))
    figures = figures_of(model, data)
    scores = figures["predicted_mentions"]
    assert (scores["rel_micro_p"], scores["rel_micro_r"], scores["rel_micro_f"]) == pytest.approx((1.0, 0.5, 2 / 3))
    assert scores["rel_per_type"]["ADVISE"] == {"p": 0.0, "r": 0.0, "f": 0.0, "support": 1, "candidate_recall": 0.0}
    assert (scores["rel_micro_candidate_recall"], figures["gold_mentions"]["rel_micro_candidate_recall"]) == (0.5, 1.0)
    assert figures["mentions"] == pytest.approx({"p": 1.0, "r": 3 / 4, "f": 6 / 7, "support": 4})


def test_relations_across_sentences_are_no_candidates(model, tmp_path):
    text = "Aspirin increases warfarin levels. So does digoxin."
    mentions = [Mention(str(i), *place, "DRUG") for i, place in enumerate([(0, 7), (18, 26), (43, 50)])]
    relations = [AnnotatedRelation("0", "1", "MECHANISM"), AnnotatedRelation("2", "1", "MECHANISM")]
    data = write_data(tmp_path / "a.spacy", Document("a", text, mentions, relations, [(0, 34), (35, 51)]))
    figures = figures_of(model, data)
    for key in ("gold_mentions", "predicted_mentions", "predicted_mentions_strict"):
        assert (figures[key]["rel_micro_r"], figures[key]["rel_micro_candidate_recall"]) == (0.5, 0.5)


def test_wrong_types_count_only_when_strict(model, tmp_path):
    found = document(*SENTENCES[0])
    found.mentions[0] = Mention(found.mentions[0].id, 0, 7, "BRAND")
    figures = figures_of(model, write_data(tmp_path / "a.spacy", found))
    assert figures["predicted_mentions"]["rel_micro_f"] == figures["mentions"]["f"] == 1.0
    strict = figures["predicted_mentions_strict"]
    assert (strict["rel_micro_f"], strict["rel_micro_candidate_recall"], figures["mentions_strict"]["f"]) == (0.0, 0.0, 0.5)


def test_pipeline_without_mentions_of_its_own(model, data, tmp_path):
    nlp = spacy.load(model)
    nlp.remove_pipe("entity_ruler")
    nlp.to_disk(tmp_path / "bare")
    figures = figures_of(tmp_path / "bare", data)
    assert_scores(figures["gold_mentions"], MICRO, PER_TYPE)
    assert figures["predicted_mentions"] is None
    assert figures["predicted_mentions_strict"] is None
    assert relext("evaluate", tmp_path / "bare", data).stdout.count("Not measured") == 2


# Relations between concepts

CONCEPTS = {"aspirin": "A", "warfarin": "W", "ketamine": "K", "rifampicin": "R", "digoxin": "D", "quinine": "Q"}


def linked(sentence, relations, name):
    """A document whose mentions have concepts, and whose relations are between these."""
    found = document(sentence, name=name)
    found.mentions = [replace(m, kb_id=CONCEPTS[sentence[m.start : m.end].lower()]) for m in found.mentions]
    found.concept_relations = [AnnotatedRelation(*relation) for relation in relations]
    return found


@pytest.fixture
def concept_data(tmp_path):
    two = linked("Avoid ketamine with warfarin. Quinine did not alter digoxin.", [("K", "W", "ADVISE"), ("K", "D", "ADVISE")], "2")
    two.sentences = [(0, 29), (30, 60)]
    # Found are the first relation of each of the first two; K and D have no pair, and of the third, wrong, one mention has no concept.
    three = linked("Rifampicin increases digoxin levels.", [], "3")
    three.mentions[1] = replace(three.mentions[1], kb_id="")
    one = linked("Aspirin increases warfarin levels.", [("A", "W", "MECHANISM")], "1")
    return write_data(tmp_path / "concepts.spacy", one, two, three)


DOCUMENT_LEVEL = {"doc_rel_micro_p": 1.0, "doc_rel_micro_r": 2 / 3, "doc_rel_micro_f": 4 / 5, "doc_rel_unlinked": 1}


def test_relations_between_concepts(model, concept_data):
    figures = figures_of(model, concept_data)
    gold = figures["gold_mentions"]
    assert {key: gold[key] for key in DOCUMENT_LEVEL} == pytest.approx(DOCUMENT_LEVEL)
    assert gold["doc_rel_per_type"]["ADVISE"] == pytest.approx({"p": 1.0, "r": 0.5, "f": 2 / 3, "support": 2})
    assert gold["doc_rel_micro_candidate_recall"] == pytest.approx(2 / 3)
    # The ruler's mentions have no concepts.
    assert not [key for key in figures["predicted_mentions"] if key.startswith("doc_rel")]
    output = " ".join(relext("evaluate", model, concept_data).output.split())
    assert "Relations between the concepts of a document, annotated mentions" in output
    assert "micro 100.0 66.7 80.0 66.7 3" in output
    assert "1 predicted relation is with a mention that has no concept" in output
    assert "Not measured: the pipeline predicts no mentions with concept identifiers" in output


@Language.component("toy_linker", assigns=["doc.ents"])
def link(doc):
    doc.ents = [Span(doc, span.start, span.end, span.label, kb_id=CONCEPTS[span.text.lower()]) for span in doc.ents]
    return doc


def test_relations_between_predicted_concepts(model, concept_data, tmp_path):
    nlp = spacy.load(model)
    nlp.add_pipe("toy_linker", after="entity_ruler")
    nlp.to_disk(tmp_path / "linking")
    figures = figures_of(tmp_path / "linking", concept_data)
    # Every mention has its concept here: the third document has a relation that is wrong.
    predicted = {"doc_rel_micro_p": 2 / 3, "doc_rel_micro_r": 2 / 3, "doc_rel_micro_f": 2 / 3, "doc_rel_unlinked": 0}
    assert {key: figures["predicted_mentions"][key] for key in predicted} == pytest.approx(predicted)
    assert {key: figures["gold_mentions"][key] for key in DOCUMENT_LEVEL} == pytest.approx(DOCUMENT_LEVEL)
    assert "doc_rel_micro_f" not in figures["predicted_mentions_strict"]


def test_data_without_concepts_has_no_such_figures(model, data):
    assert "doc_rel" not in json.dumps(figures_of(model, data))
    assert "concepts" not in relext("evaluate", model, data).output


def test_spacy_evaluate_gives_the_same_with_annotated_mentions(model, data):
    from spacy.cli.evaluate import evaluate

    assert_scores(evaluate(str(model), data, silent=True), MICRO, PER_TYPE)


@pytest.fixture
def talkative_model(model, tmp_path):
    """A copy of the pipeline with a threshold that everything reaches."""
    nlp = spacy.load(model)
    nlp.get_pipe("relation_extractor").cfg["threshold"] = 0.0
    nlp.meta["performance"] = {"rel_micro_f": 0.5, "ents_f": 0.9}
    nlp.to_disk(tmp_path / "talkative")
    return tmp_path / "talkative"


def test_tuned_threshold_is_stored_and_used_for_all_figures(talkative_model, tmp_path):
    data = write_data(tmp_path / "learned.spacy", *(document(*sentence) for sentence in SENTENCES))
    before = figures_of(talkative_model, data)
    assert before["threshold"] == 0.0
    # Both directions of the pair in each of seven sentences, for five relations: F = 2 · 5 / (14 + 5).
    for key in ("gold_mentions", "predicted_mentions"):
        assert before[key]["rel_micro_f"] == pytest.approx(10 / 19)
    figures = figures_of(talkative_model, data, "--tune-threshold")
    # All of 0.10, 0.15 … 0.90 are equally good for what was learned by heart: the one in the middle.
    assert figures["threshold"] == 0.5
    for key in ("gold_mentions", "predicted_mentions", "predicted_mentions_strict"):
        assert figures[key]["rel_micro_f"] == 1.0
    assert spacy.load(talkative_model).get_pipe("relation_extractor").cfg["threshold"] == 0.5
    assert load_config(talkative_model / "config.cfg")["components"]["relation_extractor"]["threshold"] == 0.5
    # What a package says of itself was measured at another threshold.
    assert spacy.load(talkative_model).meta["performance"] == {"rel_micro_f": 1.0, "ents_f": 0.9}
    again = figures_of(talkative_model, data)
    assert again["threshold"] == 0.5
    assert again["predicted_mentions"] == figures["predicted_mentions"]


def test_threshold_of_the_command(model, talkative_model, data):
    figures = figures_of(model, data, "--threshold", "0")
    assert figures["threshold"] == 0.0
    assert figures["gold_mentions"] == figures_of(talkative_model, data)["gold_mentions"] != figures_of(model, data)["gold_mentions"]
    assert_fails(relext("evaluate", model, data, "--threshold", "0.5", "--tune-threshold"), "exclude each other")


def test_tuning_takes_the_middle_of_the_best_thresholds(model, data, tmp_path, monkeypatch):
    shutil.copytree(model, tmp_path / "model")
    real, thresholds = RelationExtractor.score, iter(THRESHOLDS)

    def scripted(self, examples, **kwargs):
        f = {0.3: 0.8, 0.35: 0.8, 0.4: 0.8, 0.7: 0.79}.get(next(thresholds, None), 0.5)
        return {**real(self, examples, **kwargs), "rel_micro_f": f}

    monkeypatch.setattr(RelationExtractor, "score", scripted)
    result = relext("evaluate", tmp_path / "model", data, "--tune-threshold")
    assert result.exit_code == 0, result.output
    assert "Threshold 0.35 (micro F " in " ".join(result.stdout.split())
    assert json.loads((tmp_path / "model" / "relation_extractor" / "cfg").read_text())["threshold"] == 0.35


def test_evaluation_alone_changes_nothing_in_the_model(model, data):
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    figures_of(model, data)
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_data_without_relations(model, tmp_path):
    data = write_data(tmp_path / "a.spacy", document("Aspirin increases warfarin levels."))
    assert_fails(relext("evaluate", model, data, "--output", tmp_path / "out.json"), "the data has no relation annotation")
    assert not (tmp_path / "out.json").exists()


def test_missing_data_and_model(model, data, tmp_path):
    assert_fails(relext("evaluate", model, tmp_path / "none.spacy"), r"none\.spacy: there is no such file or folder")
    (tmp_path / "foreign.spacy").write_text("foreign", encoding="utf8")
    assert_fails(relext("evaluate", model, tmp_path / "foreign.spacy"), r"foreign\.spacy: this is no \.spacy file")
    assert_fails(relext("evaluate", tmp_path / "none", data), "the pipeline '.*none' cannot be loaded")
    spacy.blank("en").to_disk(tmp_path / "blank")
    assert_fails(relext("evaluate", tmp_path / "blank", data), r"has no relation extractor; it has \[\]")


def test_one_of_several_extractors_is_named(model, data, tmp_path):
    nlp = spacy.load(model)
    nlp.add_pipe("relation_extractor", "second", source=spacy.load(model))
    nlp.get_pipe("second").cfg["labels"].reverse()  # so that it is right where the other is wrong
    nlp.to_disk(tmp_path / "two")
    assert_fails(relext("evaluate", tmp_path / "two", data), r"has the relation extractors relation_extractor, second, and none was named")
    for name, precision in (("relation_extractor", 2 / 3), ("second", 1 / 3)):
        figures = figures_of(tmp_path / "two", data, "--component", name)
        # Each is scored by what it found itself.
        assert figures["predicted_mentions"]["rel_micro_p"] == pytest.approx(precision)
        assert figures["gold_mentions"]["rel_micro_p"] == pytest.approx(precision)


# The report


def test_report(model, data, tmp_path):
    result = relext("evaluate", model, data, "--report", tmp_path / "new" / "report.html")
    assert result.exit_code == 0, result.output
    assert "Report in" in result.stdout
    page = (tmp_path / "new" / "report.html").read_text(encoding="utf8")
    assert f"Relations of {model} on {data}" in page
    # Of the four that are annotated two are found, and one of three predicted is wrong: an ADVISE that is found as MECHANISM, and one miss.
    assert "Of 4 annotated relations, 2 are found with a threshold of 0.5; of 3 predicted, 1 is wrong." in page
    assert page.count("<article ") == 2
    # The figures are those of a run without a report.
    assert result.stdout.startswith(relext("evaluate", model, data).stdout.rstrip())


def test_report_beside_another_pipeline(model, talkative_model, data, tmp_path):
    report = tmp_path / "report.html"
    result = relext("evaluate", model, data, "--report", report, "--compare", talkative_model)
    assert result.exit_code == 0, result.output
    assert "Comparison, annotated mentions" in result.stdout
    page = report.read_text(encoding="utf8")
    assert '<h2 id="comparison">' in page
    assert 'id="group-mended"' in page
    result = relext("evaluate", model, data, "--report", report, "--max-errors", "1")
    assert result.exit_code == 0, result.output
    page = report.read_text(encoding="utf8")
    assert page.count("<article ") == 1
    assert "1 error is left out: --max-errors is 1" in page


def test_what_a_report_needs(model, data, tmp_path):
    other = tmp_path / "other"
    assert_fails(relext("evaluate", model, data, "--compare", other), "--compare is for a report, and none is to be written")
    assert_fails(relext("evaluate", model, data, "--max-errors", "5"), "--max-errors is for a report")
    report = ("--report", tmp_path / "report.html")
    assert_fails(relext("evaluate", model, data, *report, "--compare", other), "the pipeline '.*other' cannot be loaded")
    tuned = relext("evaluate", model, data, *report, "--compare", model, "--tune-threshold")
    assert_fails(tuned, "--tune-threshold and --compare exclude each other")
    spacy.blank("en").to_disk(other)
    assert_fails(relext("evaluate", model, data, *report, "--compare", other), "has no relation extractor")
    assert not (tmp_path / "report.html").exists()


def test_a_report_that_cannot_be_written_is_said_before_anything_is_computed(model, data, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf8")
    monkeypatch.setattr("spacy_relext.cli.evaluate.load_pipeline", lambda name: pytest.fail("loaded"))
    assert_fails(relext("evaluate", model, data, "--report", tmp_path), "it is a folder. Name a file to write")
    assert_fails(relext("evaluate", model, data, "--report", tmp_path / "file" / "report.html"), "it cannot be written")


def test_a_full_disk_leaves_the_report_that_was_there(model, data, tmp_path, monkeypatch):
    report = tmp_path / "report.html"
    report.write_text("old", encoding="utf8")

    @contextmanager
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    monkeypatch.setattr("spacy_relext.report.page.whole_file", full)
    assert_fails(relext("evaluate", model, data, "--report", report), "No space left on device")
    assert report.read_text(encoding="utf8") == "old"


def test_pipelines_with_other_labels_are_not_compared(model, data, tmp_path):
    nlp = spacy.load(model)
    nlp.get_pipe("relation_extractor").cfg["labels"] = ["BINDS", "CUTS"]
    nlp.to_disk(tmp_path / "foreign")
    result = relext("evaluate", model, data, "--report", tmp_path / "report.html", "--compare", tmp_path / "foreign")
    assert_fails(result, "are scored on other relations: .*ADVISE")
    assert not (tmp_path / "report.html").exists()
