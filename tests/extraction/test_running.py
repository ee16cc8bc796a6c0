"""Batches through a pipeline: what is written, which errors are whose, and processes."""

import os
import shutil
import sys
from dataclasses import replace

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Span

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.running import Processes, Runner, Settings, run, run_lines, useful_processes
from spacy_relext.formats.jsonl import line_of
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from tests.cli.toy import document

LEVELS = "Aspirin increases warfarin levels."
AVOID = "Avoid ketamine with warfarin."


@Language.component("fails_on_poison")
def fail_on_poison(doc):
    if "poison" in doc.text:
        raise ZeroDivisionError("poison found")
    return doc


@Language.component("keeps_mentions_elsewhere", assigns=["doc.spans"])
def keep_mentions_elsewhere(doc):
    doc.spans["sc"] = [*doc.ents, Span(doc, 0, 2, label="PAIR")]
    doc.ents = []
    return doc


def texts(*contents):
    return [Document(f"d{i}", text, source="in.txt", line=i) for i, text in enumerate(contents)]


def changed(model, folder, change):
    """A runner of the pipeline after a change."""
    nlp = spacy.load(model)
    change(nlp)
    nlp.to_disk(folder / "changed")
    return Runner(Settings(str(folder / "changed"), keep_all_scores=True))


def triples(record):
    names = {mention["id"]: mention["text"] for mention in record["mentions"]}
    return [(names[r["head"]], r["label"], names[r["tail"]]) for r in record["relations"]]


@pytest.fixture(scope="module")
def runner(model):
    return Runner(Settings(str(model)))


def test_only_some_labels(model):
    both = f"{LEVELS} {AVOID}"
    [record] = Runner(Settings(str(model), labels=("ADVISE",)))(texts(both))
    assert triples(record) == [("ketamine", "ADVISE", "warfarin")]
    assert len(record["mentions"]) == 4
    [record] = Runner(Settings(str(model), labels=("MECHANISM", "ADVISE")))(texts(both))
    assert len(record["relations"]) == 2
    with pytest.raises(RelextError, match=r"has no labels \['ADVICE'\]; it has ADVISE, MECHANISM"):
        Runner(Settings(str(model), labels=("ADVISE", "ADVICE")))


def test_threshold(model):
    # Below every probability, each pair has its best label.
    found = [Runner(Settings(str(model), threshold=t))(texts("Ketamine did not alter warfarin."))[0]["relations"] for t in (0.0, None)]
    assert list(map(len, found)) == [2, 0]
    nlp = spacy.load(model)
    nlp.get_pipe("relation_extractor").label_thresholds = dict.fromkeys(nlp.get_pipe("relation_extractor").labels, 1.0)
    runner = Runner(Settings("toy", threshold=0.0), nlp)
    assert len(runner(texts("Ketamine did not alter warfarin."))[0]["relations"]) == 2
    runner.restore()
    assert set(nlp.get_pipe("relation_extractor").label_thresholds.values()) == {1.0}
    with pytest.raises(RelextError, match=r"threshold is 1\.5; it is a probability"):
        Runner(Settings(str(model), threshold=1.5))


def test_all_scores(model):
    kept = Runner(Settings(str(model), keep_all_scores=True))
    nlp = spacy.load(model)
    for batch in (texts(LEVELS, "", "Ketamine did not alter warfarin."), texts(AVOID)):
        for source, record in zip(batch, kept(batch), strict=True):
            doc = nlp(source.text)
            [expected] = nlp.get_pipe("relation_extractor").predict([doc])
            names = {mention["id"]: mention["start"] for mention in record["mentions"]}
            assert [(names[p["head"]], names[p["tail"]]) for p in record["pairs"]] == [
                (doc.ents[i].start_char, doc.ents[j].start_char) for i, j in expected.pairs.tolist()
            ]
            for pair, row in zip(record["pairs"], expected.scores.tolist(), strict=True):
                assert [pair["no_relation"], *pair["scores"].values()] == pytest.approx(row, abs=1e-3)
                assert list(pair["scores"]) == ["ADVISE", "MECHANISM"]
    assert not kept.predictions


def test_all_scores_of_labels_that_do_not_exclude_each_other(model, tmp_path):
    runner = changed(model, tmp_path, lambda nlp: nlp.get_pipe("relation_extractor").cfg.update(exclusive=False, labels=["A", "B", "C"]))
    [record] = runner(texts(LEVELS))
    assert [list(pair) for pair in record["pairs"]] == [["head", "tail", "scores"]] * 2
    assert list(record["pairs"][0]["scores"]) == ["A", "B", "C"]


def with_second(nlp):
    """Another extractor, which finds the same."""
    nlp.add_pipe("relation_extractor", "second", source=spacy.load(nlp.path))


def test_several_extractors_are_named(model, tmp_path):
    runner = changed(model, tmp_path, with_second)
    [record] = runner(texts(LEVELS))
    [relation] = record["relations"]
    assert set(relation["sources"]) == {"relation_extractor", "second"}
    assert relation.get("score", 1.0) == max(relation["sources"].values())
    assert [pair["source"] for pair in record["pairs"]] == ["relation_extractor"] * 2 + ["second"] * 2
    assert [list(pair) for pair in record["pairs"]] == [["head", "tail", "scores", "no_relation", "source"]] * 4
    low = Runner(Settings(str(tmp_path / "changed"), threshold=0.0))
    assert [pipe.cfg["threshold"] for pipe in low.extractors] == [0.0, 0.0]
    # One extractor needs no name.
    assert "sources" not in Runner(Settings(str(model)))(texts(LEVELS))[0]["relations"][0]


def test_relations_of_the_input_are_dropped_or_kept(model, caplog):
    def given():
        return document(LEVELS, [(1, 0, "BACK"), (0, 1, "MECHANISM")])

    def with_concepts():
        bare = document(AVOID)
        bare.mentions = [replace(mention, kb_id=f"C{i}") for i, mention in enumerate(bare.mentions)]
        bare.concept_relations = [AnnotatedRelation("C1", "C0", "BACK")]
        return bare

    [first, second] = Runner(Settings(str(model)))([given(), with_concepts()])
    assert triples(first) == [("Aspirin", "MECHANISM", "warfarin")]
    assert triples(second) == [("ketamine", "ADVISE", "warfarin")]
    assert "sources" not in first["relations"][0]
    [first, second] = Runner(Settings(str(model), keep_relations=True))([given(), with_concepts()])
    assert triples(first) == [("Aspirin", "MECHANISM", "warfarin"), ("warfarin", "BACK", "Aspirin")]
    # Only what was found has a source, and is told apart so.
    found, kept = first["relations"]
    assert set(found["sources"]) == {"", "relation_extractor"}
    assert set(kept) == {"head", "tail", "label"}
    # What follows from relations between concepts is no relation of the input.
    assert triples(second) == [("ketamine", "ADVISE", "warfarin")]
    assert list(second["relations"][0]["sources"]) == ["relation_extractor"]
    assert [r["label"] for r in second["concept_relations"]] == ["BACK"]
    assert not caplog.records


def test_metadata_of_the_input_are_in_the_record(runner):
    given = [replace(document(LEVELS), meta={"year": 1999}), Document("empty", "", meta={"year": 2000}), Document("bare", "Tea.")]
    assert [record.get("meta") for record in runner(given)] == [{"year": 1999}, {"year": 2000}, None]


def test_mentions_that_the_pipeline_keeps_elsewhere(model, tmp_path):
    """They are written, also where they are in no relation, and pairs name them."""

    def change(nlp):
        nlp.add_pipe("keeps_mentions_elsewhere", before="relation_extractor")
        nlp.get_pipe("relation_extractor").cfg["spans_key"] = "sc"

    [record] = changed(model, tmp_path, change)(texts("Aspirin, warfarin."))
    assert [(m["text"], m["type"]) for m in record["mentions"]] == [("Aspirin", "DRUG"), ("Aspirin,", "PAIR"), ("warfarin", "DRUG")]
    assert {pair["head"] for pair in record["pairs"]} == {"T1", "T2", "T3"}


def test_given_mentions_none_among_them(runner):
    """No mentions given is not the same as none: they are looked for."""
    given = document(LEVELS)
    none = Document("none", LEVELS, mentions_given=True)
    raw = Document("raw", LEVELS)
    records = runner([given, none, raw, none, given])
    assert [[m["text"] for m in record["mentions"]] for record in records] == [
        ["Aspirin", "warfarin"],
        [],
        ["Aspirin", "warfarin"],
        [],
        ["Aspirin", "warfarin"],
    ]
    assert [len(record["relations"]) for record in records] == [1, 0, 1, 0, 1]


def test_what_is_wrong_with_one_document_is_an_error_of_it_alone(model, tmp_path):
    poisoned = changed(model, tmp_path, lambda nlp: nlp.add_pipe("fails_on_poison", before="relation_extractor"))
    batch = texts(LEVELS, "A poison.", AVOID, "x" * 30)
    batch.append(Document("off", "Off.", [Mention("T1", 3, 9, "DRUG")], source="in.txt", line=9))
    poisoned.nlp.max_length = len(LEVELS) - 5
    first, *results = poisoned(batch)
    assert isinstance(first, DataError)
    assert "in.txt:0: document 'd0': the text has 34 characters, and the tokenizer reads 29 at the most" in str(first)
    assert str(results[0]) == "in.txt:1: document 'd1': the pipeline fails on it: ZeroDivisionError: poison found"
    assert triples(results[1]) == [("ketamine", "ADVISE", "warfarin")]
    assert "in.txt:3: document 'd3': the text has 30 characters" in str(results[2])
    assert "in.txt:9: document 'off': mention 'T1' has the offsets 3-9" in str(results[3])
    assert all(error.__traceback__ is None for error in (first, results[0], results[2]))
    # The next batch is not affected.
    assert [type(result) for result in poisoned(texts(AVOID))] == [dict]


def test_errors_of_ours_need_no_name(model, tmp_path):
    runner = changed(model, tmp_path, lambda nlp: nlp.remove_pipe("sentencizer"))
    [error] = runner(texts(LEVELS))
    assert str(error).startswith("in.txt:0: document 'd0': the pipeline fails on it: sentence_pairs needs sentence boundaries")


def test_batches_in_order(runner):
    results = run(runner, iter([texts(LEVELS, AVOID), texts(AVOID)]))
    assert [[len(record["mentions"]) for record in batch] for batch in results] == [[2, 2], [2]]


def test_batches_are_read_when_they_are_needed(runner):
    read = []

    def batches():
        for number in range(5):
            read.append(number)
            yield texts(AVOID)

    results = run(runner, batches())
    next(results)
    assert read == [0]


class Bomb:
    """Kills the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (9,)


def test_processes_and_one_that_is_killed(runner):
    """The same results in the same order, few batches ahead; and a process that is gone is an error, not an endless wait."""
    read = []

    def batches():
        for number in range(12):
            read.append(number)
            yield [*texts(LEVELS), Document(str(number), AVOID)] if number < 11 else [Bomb()]

    found = []

    def take_all():
        with Processes(runner, 2) as processes:
            for batch in run(runner, batches(), processes):
                assert len(read) - len(found) <= 6
                found.append([triples(record) for record in batch])
                assert batch[1]["id"] == str(len(found) - 1)

    with pytest.raises(RelextError, match=r"one of the processes was killed, .* \(`n_process`\)"):
        take_all()
    assert 5 <= len(found) < 12
    assert all(batch == [[("Aspirin", "MECHANISM", "warfarin")], [("ketamine", "ADVISE", "warfarin")]] for batch in found)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes load the pipeline themselves")
def test_processes_on_linux_have_the_pipeline_already(model, tmp_path):
    """Its folder is gone when they start."""
    shutil.copytree(model, tmp_path / "model")
    runner = Runner(Settings(str(tmp_path / "model")))
    shutil.rmtree(tmp_path / "model")
    with Processes(runner, 2) as processes:
        batches = list(run(runner, iter([texts(LEVELS), texts(AVOID)] * 3), processes))
        lines = list(run_lines(runner, iter([texts(LEVELS), texts(AVOID)] * 3), processes))
    assert lines == [[(line_of(record), 1) for record in batch] for batch in batches]
    assert [triples(record) for batch in batches for record in batch] == [
        [("Aspirin", "MECHANISM", "warfarin")],
        [("ketamine", "ADVISE", "warfarin")],
    ] * 3


@pytest.mark.parametrize(
    ("n_documents", "cores", "gpu_id", "platform", "expected"),
    [
        (63, 3, -1, "linux", 1),
        (128, 3, -1, "linux", 2),
        (10**6, 3, -1, "linux", 3),
        (None, 3, -1, "linux", 3),
        (0, 3, -1, "linux", 1),
        (10**6, 64, -1, "linux", 8),
        (10**6, 3, 0, "linux", 1),
        (10**6, 3, -1, "darwin", 1),
    ],
)
def test_processes_that_are_worth_while(n_documents, cores, gpu_id, platform, expected, monkeypatch):
    """One for every 64 documents, two batches of 32; as many as there are cores, and 8 at most."""
    monkeypatch.setattr("spacy_relext.extraction.running.sys.platform", platform)
    monkeypatch.setattr("spacy_relext.extraction.running.os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert useful_processes(n_documents, Settings("model", gpu_id=gpu_id)) == expected


class Pieces:
    """A tokenizer that makes a piece of each character."""

    def __call__(self, text, **_):
        return {"input_ids": list(text)}


def test_word_pieces_are_bounded(model):
    runner = Runner(Settings(str(model), max_pieces=6))
    told = []
    # Without an encoder that has word pieces, any text is read.
    assert runner.tokenizers == []
    assert [d.id for d in runner.accepted(texts("seven..", "six..."), told.append)] == ["d0", "d1"]
    runner.tokenizers = [Pieces()]
    # Seven bytes, and six characters.
    assert [d.id for d in runner.accepted(texts("seven..", "six...", "six..é", LEVELS), told.append)] == ["d1", "d2"]
    assert [str(error) for error in told] == [
        f"in.txt:{i}: document 'd{i}': the text has {n} word pieces, and 6 are read at the most. Cut the text, or raise `max_pieces`."
        for i, n in ((0, 7), (3, len(LEVELS)))
    ]
