"""`relext extract`, run in process with a pipeline that knows seven sentences by heart."""

import gzip
import json
import os
import re
import shutil
import stat
import threading
from pathlib import Path

import pytest
import spacy
from filelock import FileLock

from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.reading import Reading
from spacy_relext.relations import get_relations
from tests.cli.toy import relext

LEVELS = "Aspirin increases warfarin levels."
AVOID = "Avoid ketamine with warfarin."


def records(text):
    """Standard output or a file as JSON lines: anything else in it is an error."""
    return [json.loads(line) for line in text.splitlines()]


def triples(record):
    names = {mention["id"]: mention["text"] for mention in record["mentions"]}
    return [(names[r["head"]], r["label"], names[r["tail"]]) for r in record["relations"]]


def extracted(*args, **kwargs):
    result = relext("extract", *args, **kwargs)
    assert result.exit_code == 0, result.output
    return records(result.stdout)


def assert_fails(result, message):
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr
    assert "Traceback" not in result.output


def test_text_file_to_standard_output(model, tmp_path):
    (tmp_path / "case.txt").write_text(f"{LEVELS}\n{AVOID}", encoding="utf8")
    result = relext("extract", model, tmp_path / "case.txt")
    assert result.exit_code == 0, result.output
    [record] = records(result.stdout)
    assert record["id"] == "case"
    assert record["text"] == f"{LEVELS}\n{AVOID}"
    assert [(m["start"], m["end"], m["type"], m["text"]) for m in record["mentions"]] == [
        (0, 7, "DRUG", "Aspirin"),
        (18, 26, "DRUG", "warfarin"),
        (41, 49, "DRUG", "ketamine"),
        (55, 63, "DRUG", "warfarin"),
    ]
    assert triples(record) == [("Aspirin", "MECHANISM", "warfarin"), ("ketamine", "ADVISE", "warfarin")]
    assert all(0.5 <= relation.get("score", 1.0) <= 1 for relation in record["relations"])
    assert "2 relations in 1 document" in result.stderr


def test_what_is_written_is_what_the_pipeline_finds(model, tmp_path):
    (tmp_path / "a.txt").write_text(f"{LEVELS} {AVOID}", encoding="utf8")
    [record] = extracted(model, tmp_path / "a.txt")
    relations = get_relations(spacy.load(model)(f"{LEVELS} {AVOID}"))
    assert triples(record) == [(r.head.text, r.label, r.tail.text) for r in relations]
    assert [r.get("score", 1.0) for r in record["relations"]] == pytest.approx([r.score for r in relations], abs=1e-3)


def test_folder(model, tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "b.txt").write_text(AVOID, encoding="utf8")
    (tmp_path / "in" / "a.jsonl").write_text(
        json.dumps({"id": "j1", "text": LEVELS}) + "\n" + json.dumps({"text": "Nothing."}), encoding="utf8"
    )
    (tmp_path / "in" / "sub" / "c.txt").write_text(LEVELS, encoding="utf8")
    (tmp_path / "in" / "d.md").write_text("Not a text file of ours.", encoding="utf8")
    (tmp_path / "in" / "NOTES").write_text("Nor this.", encoding="utf8")
    result = relext("extract", model, tmp_path / "in")
    found = records(result.stdout)
    assert [(record["id"], len(record["relations"])) for record in found] == [("j1", 1), ("a-2", 0), ("b", 1), ("sub/c", 1)]
    assert "Files of the folders that are not read: 1 without suffix, 1 .md" in result.stderr


def test_jsonl_keeps_the_mentions_it_brings(model, tmp_path):
    # Rifampicin and digoxin are known to the ruler, and are not among the mentions given.
    text = f"{LEVELS} Rifampicin increases digoxin levels."
    given = [{"id": "x", "start": 0, "end": 7, "type": "DRUG"}, {"id": "y", "start": 18, "end": 26, "type": "DRUG"}]
    wrong = [{"head": "y", "tail": "x", "label": "ADVISE"}]
    lines = [
        {"id": "given", "text": text, "mentions": given, "relations": wrong},
        {"id": "raw", "text": text},
        {"id": "again", "text": text, "mentions": given},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    found = extracted(model, tmp_path / "a.jsonl")
    assert [record["id"] for record in found] == ["given", "raw", "again"]
    assert [[m["text"] for m in record["mentions"]] for record in found] == [
        ["Aspirin", "warfarin"],
        ["Aspirin", "warfarin", "Rifampicin", "digoxin"],
        ["Aspirin", "warfarin"],
    ]
    # Relations that the input brings are not those that were found.
    assert triples(found[0]) == triples(found[2]) == [("Aspirin", "MECHANISM", "warfarin")]
    assert triples(found[1]) == [("Aspirin", "MECHANISM", "warfarin"), ("Rifampicin", "MECHANISM", "digoxin")]


def test_concepts_and_long_forms_come_out(model, tmp_path):
    """Of mentions that are found, and of those that the input brings, which keep what it says of them."""
    nlp = spacy.load(model)
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "DRUG", "pattern": "ASA", "id": "D1"}])

    @spacy.language.Language.component("linker", assigns=["token.ent_kb_id"])
    def link(doc):
        for token in doc:
            token.ent_kb_id_ = "D2" if token.lower_ == "warfarin" and token.ent_type_ else token.ent_kb_id_
        return doc

    @spacy.language.Language.component("abbreviations", assigns=["doc._.abbreviations"])
    def resolve(doc):
        doc.user_data["._.", "long_form", 0, 3] = "aspirin"
        return doc

    nlp.add_pipe("linker", after="entity_ruler")
    nlp.add_pipe("abbreviations", after="linker")
    nlp.to_disk(tmp_path / "model")
    text = "ASA increases warfarin levels."
    given = [
        {"start": 0, "end": 3, "type": "DRUG", "kb_id": "X1"},
        {"start": 14, "end": 22, "type": "DRUG"},
        {"start": 23, "end": 29, "type": "TEST", "kb_id": "X3", "long_form": "prothrombin times"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, [{"text": text}, {"text": text, "mentions": given}])), encoding="utf8")
    found = [
        [[mention.get(key) for key in ("text", "kb_id", "long_form")] for mention in record["mentions"]]
        for record in extracted(tmp_path / "model", tmp_path / "a.jsonl")
    ]
    assert found == [
        [["ASA", "D1", "aspirin"], ["warfarin", "D2", None]],
        [["ASA", "X1", "aspirin"], ["warfarin", "D2", None], ["levels", "X3", "prothrombin times"]],
    ]


def test_given_mentions_cut_tokens(model, tmp_path):
    given = [{"start": 0, "end": 7, "type": "DRUG"}, {"start": 18, "end": 26, "type": "DRUG"}]
    record = {"text": "Aspirin increases warfarinlevels.", "mentions": given}
    (tmp_path / "a.jsonl").write_text(json.dumps(record), encoding="utf8")
    [found] = extracted(model, tmp_path / "a.jsonl")
    assert [mention["text"] for mention in found["mentions"]] == ["Aspirin", "warfarin"]


def test_standard_input(model):
    lines = [LEVELS, "", json.dumps({"id": "j", "text": AVOID}), "Nothing.\r"]
    found = extracted(model, "-", input="\n".join(lines) + "\n")
    assert [(record["id"], record["text"], len(record["relations"])) for record in found] == [
        ("stdin-1", LEVELS, 1),
        ("j", AVOID, 1),
        ("stdin-4", "Nothing.", 0),
    ]


def test_standard_input_that_is_not_utf8(model):
    data = b"Avoid caf\xe9.\n" + AVOID.encode() + b"\n"
    assert_fails(relext("extract", model, "-", input=data), r"<stdin>:1: not UTF-8 \(byte 9")
    assert [record["id"] for record in extracted(model, "-", "--skip-errors", input=data)] == ["stdin-2"]


def test_output_file(model, tmp_path):
    (tmp_path / "a.txt").write_text(f"Größe 👩🏽‍⚕️: {LEVELS}", encoding="utf8")
    to_stdout = extracted(model, tmp_path / "a.txt")
    result = relext("extract", model, tmp_path / "a.txt", "--output", tmp_path / "new" / "out.jsonl")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "out.jsonl" in result.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.jsonl"]
    assert records((tmp_path / "new" / "out.jsonl").read_text(encoding="utf8")) == to_stdout
    [record] = to_stdout
    assert [record["text"][m["start"] : m["end"]] for m in record["mentions"]] == ["Aspirin", "warfarin"]


def test_two_processes_give_the_same(model, tmp_path):
    texts = [LEVELS, AVOID, "", "Nothing.", "Quinine did not alter digoxin."] * 3
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf8")
    one = extracted(model, tmp_path / "a.jsonl")
    two = extracted(model, tmp_path / "a.jsonl", "--n-process", 2, "--batch-size", 4)
    assert [record["text"] for record in one] == texts
    assert [(r["id"], r["text"], r["mentions"], triples(r)) for r in two if r["text"]] == [
        (r["id"], r["text"], r["mentions"], triples(r)) for r in one if r["text"]
    ]
    assert len(one) == len(two)
    assert sum(len(record.get("relations", [])) for record in two) == 6


@pytest.mark.parametrize("n_process", [1, 2])
def test_what_makes_results_empty_is_told_once_with_its_count(model, tmp_path, n_process):
    given = [{"id": "x", "start": 0, "end": 7, "type": "Chemical"}, {"id": "y", "start": 18, "end": 26, "type": "DRUG"}]
    lines = [{"id": str(i), "text": LEVELS, "mentions": given} for i in range(9)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    result = relext("extract", model, tmp_path / "a.jsonl", "--n-process", n_process, "--batch-size", 2)
    assert result.exit_code == 0, result.output
    told = " ".join(result.stderr.split())
    assert told.count("9 of 18 mentions have a type that was not in training: Chemical. Known are DRUG.") == 1
    assert told.count("have a type that was not in training") == 1


def test_odd_texts(model, tmp_path):
    texts = ["", " \n\t ", "x", "e\u0301 👩🏽‍⚕️", "Warfarin", "Warfarin warfarin"]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"id": f"i{i}", "text": text}) for i, text in enumerate(texts)), encoding="utf8")
    found = extracted(model, tmp_path / "a.jsonl")
    assert [(record["id"], record["text"]) for record in found] == [(f"i{i}", text) for i, text in enumerate(texts)]
    assert [len(record["mentions"]) for record in found] == [0, 0, 0, 0, 1, 2]


def test_empty_text_file(model, tmp_path):
    (tmp_path / "nil.txt").write_bytes(b"")
    [record] = extracted(model, tmp_path / "nil.txt")
    assert (record["id"], record["text"], record["mentions"]) == ("nil", "", [])


BAD = '{"text": "trunc'


def test_failure_leaves_nothing_and_an_earlier_output_alone(model, tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text("\n".join([json.dumps({"text": LEVELS})] * 40 + [BAD]), encoding="utf8")
    assert_fails(relext("extract", model, source, "--output", tmp_path / "out.jsonl"), r"a\.jsonl:41: not JSON .*--skip-errors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    (tmp_path / "out.jsonl").write_text("earlier", encoding="utf8")
    assert_fails(relext("extract", model, source, "--output", tmp_path / "out.jsonl"), "this file exists already. .*--overwrite")
    assert_fails(relext("extract", model, source, "--output", tmp_path / "out.jsonl", "--overwrite"), "not JSON")
    assert (tmp_path / "out.jsonl").read_text(encoding="utf8") == "earlier"
    assert len(list(tmp_path.iterdir())) == 2


def test_skipped_errors_are_counted_and_stay_out_of_standard_output(model, tmp_path):
    (tmp_path / "in").mkdir()
    bad_mention = {"text": "ab", "mentions": [{"start": 0, "end": 3, "type": "DRUG"}]}
    lines = [BAD, json.dumps({"text": LEVELS}), json.dumps(bad_mention)]
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(lines), encoding="utf8")
    (tmp_path / "in" / "b.txt").write_bytes(b"caf\xe9")
    (tmp_path / "in" / "c.txt").write_text(AVOID, encoding="utf8")
    result = relext("extract", model, tmp_path / "in", "--skip-errors")
    assert result.exit_code == 0, result.output
    assert [record["text"] for record in records(result.stdout)] == [LEVELS, AVOID]
    messages = " ".join(result.stderr.split())
    assert re.search(r"a\.jsonl:1: not JSON", messages)
    assert re.search(r"a\.jsonl:3: document 'a-3': mention 'T1' has the offsets 0-3", messages)
    assert re.search(r"b\.txt:1: not UTF-8 \(byte 3 of the file\)", messages)
    assert "3 documents or files had errors and were skipped" in messages
    assert "2 relations in 2 documents" in messages


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.txt", "none.txt: there is no such file or folder"),
        ("a.docx", r"a\.docx: expected \.jsonl, \.pubtator, .* saw \.docx\. Name the format with --format, one of: jsonl, brat,"),
        ("a", "a: expected .* saw no suffix"),
        ("empty", r"empty: the folder holds no \.jsonl or \.pubtator or .* file\. Other formats are named with --format\."),
        ("latin.txt", r"latin\.txt:1: not UTF-8 \(byte 3 of the file\)\. Convert the file to UTF-8"),
    ],
)
def test_wrong_input(name, message, model, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for file in ("a.docx", "a"):
        (tmp_path / file).write_text(LEVELS, encoding="utf8")
    assert_fails(relext("extract", model, tmp_path / name, "--output", tmp_path / "out.jsonl"), message)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("text", [LEVELS, "Does aspirin raise it?", "It raises levels. " * 30])
def test_a_text_in_the_place_of_an_input(text, model):
    """How it is given is said, so that it can be copied."""
    result = relext("extract", model, text)
    assert_fails(result, r"If it is a text, pipe it, and name - as the input: printf '%s' '.* \| python -m spacy relext extract MODEL -")


def test_wrong_model(tmp_path):
    (tmp_path / "a.txt").write_text(LEVELS, encoding="utf8")
    assert_fails(relext("extract", tmp_path / "none", tmp_path / "a.txt"), "the pipeline '.*none' cannot be loaded")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "other")
    assert_fails(relext("extract", tmp_path / "other", tmp_path / "a.txt"), r"has no relation extractor; it has \['sentencizer'\]")


def test_table(model, tmp_path):
    """On standard error, with brackets that are no markup."""
    given = [{"start": 4, "end": 11, "type": "DRUG"}, {"start": 22, "end": 30, "type": "DRUG"}]
    record = {"text": "[/b]Aspirin increases warfarin levels [3H].", "mentions": given}
    (tmp_path / "a.jsonl").write_text(json.dumps(record), encoding="utf8")
    low = spacy.load(model)
    low.get_pipe("relation_extractor").cfg["threshold"] = 0.0
    low.to_disk(tmp_path / "low")
    result = relext("extract", tmp_path / "low", tmp_path / "a.jsonl", "--table", env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert len(records(result.stdout)) == 1
    assert "[/b]Aspirin increases warfarin levels [3H]." in result.stderr


def test_statuses_are_in_the_table_where_something_is_uncertain(model, tmp_path):
    (tmp_path / "a.txt").write_text(LEVELS, encoding="utf8")
    nlp = spacy.load(model)
    nlp.get_pipe("relation_extractor").threshold = 0.0
    for limit, has_status in ((None, False), (1.0, True)):
        nlp.get_pipe("relation_extractor").uncertain_below = limit
        nlp.to_disk(tmp_path / "model")
        result = relext("extract", tmp_path / "model", tmp_path / "a.txt", "--table", env={"COLUMNS": "200"})
        assert (" status " in result.stderr, " uncertain " in result.stderr) == (has_status, has_status), result.stderr


def test_table_of_a_pipeline_without_sentences(model, tmp_path):
    config = {"components.relation_extractor.candidates": {"@misc": "spacy-relext.distance_pairs.v1"}}
    nlp = spacy.load(model, exclude=["sentencizer"], config=config)
    nlp.get_pipe("relation_extractor").cfg["threshold"] = 0.0
    nlp.to_disk(tmp_path / "model")
    (tmp_path / "a.txt").write_text(LEVELS, encoding="utf8")
    result = relext("extract", tmp_path / "model", tmp_path / "a.txt", "--table", env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "sentences" not in records(result.stdout)[0]
    assert "Aspirin increases warfarin levels." in result.stderr


def test_given_that_there_are_no_mentions(model, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": LEVELS, "mentions": []}), encoding="utf8")
    [record] = extracted(model, tmp_path / "a.jsonl")
    assert (record["mentions"], record["relations"]) == ([], [])


def test_tables_patterns_and_packed_files(model, tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f"key,body\nk1,{LEVELS}\n".encode()))
    (tmp_path / "b.csv").write_text(f'key,body\nk2,"{AVOID}"\n', encoding="utf8")
    found = extracted(model, f"{tmp_path}/*.csv*", "--text-column", "body", "--id-column", "key")
    assert [(record["id"], triples(record)) for record in found] == [
        ("k1", [("Aspirin", "MECHANISM", "warfarin")]),
        ("k2", [("ketamine", "ADVISE", "warfarin")]),
    ]
    assert_fails(relext("extract", model, tmp_path / "b.csv"), r"b\.csv:1: expected one column 'text', and saw 'key', 'body'")


def test_options_of_formats(model, tmp_path):
    """Those that `relext convert` has, in the same words."""
    tool = tmp_path / "a.json"
    result = [{"id": "T1", "type": "labels", "value": {"start": 0, "end": 7, "labels": ["CHEMICAL"]}}]
    annotations = [{"completed_by": person, "result": some} for person, some in ((1, result), (2, []))]
    tool.write_text(json.dumps([{"id": 1, "data": {"text": LEVELS}, "annotations": annotations}]), encoding="utf8")
    assert_fails(relext("extract", model, tool, "--format", "label-studio"), "name with --annotator")
    [record] = extracted(model, tool, "--format", "label-studio", "--annotator", "1")
    assert [mention["text"] for mention in record["mentions"]] == ["Aspirin"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b/d.txt").write_text(LEVELS, encoding="utf8")
    ends = "T1\tCHEMICAL 0 7\tAspirin\nT2\tCHEMICAL 18 26\twarfarin\n"
    (tmp_path / "b/d.ann").write_text(ends + "R1\tX A:T1 B:T2\nR2\tX B:T2 A:T1\n", encoding="utf8")
    assert_fails(relext("extract", model, tmp_path / "b", "--format", "brat"), "--roles B,A")
    [record] = extracted(model, tmp_path / "b", "--format", "brat", "--roles", "B,A", "--keep-relations")
    assert triples(record).count(("warfarin", "X", "Aspirin")) == 1
    assert_fails(relext("extract", model, tmp_path / "b/d.txt", "--roles", "B,A"), "--roles is for .*, and the format is txt")


def test_what_documents_cannot_hold_of_their_files_is_told(model, tmp_path):
    (tmp_path / "a.pubtator").write_text(f"1|t|{LEVELS}\n1|a|\n1\t0\t7\tAspirin\tX\tC1\n1\t90\t99\twarfarin\tX\tC2\n", encoding="utf8")
    result = relext("extract", model, tmp_path / "a.pubtator")
    assert result.exit_code == 0, result.output
    assert "1 mention beyond the end of the text" in result.stderr


@pytest.fixture
def three(tmp_path):
    lines = [json.dumps({"text": text}) for text in (LEVELS, AVOID, f"{AVOID} {LEVELS}")]
    path = tmp_path / "three.jsonl"
    path.write_text("\n".join(lines), encoding="utf8")
    return path


def test_labels_threshold_and_scores(model, three):
    found = extracted(model, three, "--labels", "ADVISE, MECHANISM", "--threshold", "0.9", "--keep-all-scores")
    assert [len(record["relations"]) for record in found] == [1, 1, 2]
    assert [len(record["pairs"]) for record in found] == [2, 2, 4]
    assert [len(r["relations"]) for r in extracted(model, three, "--labels", "ADVISE")] == [0, 1, 1]
    assert_fails(relext("extract", model, three, "--labels", "advise"), r"has no labels \['advise'\]; it has ADVISE, MECHANISM")


def test_formats_of_the_output(model, three, tmp_path):
    result = relext("extract", model, three, "--output", tmp_path / "out.xml", "--to", "biocxml")
    assert result.exit_code == 0, result.output
    assert [len(d.relations) for d in get_format("biocxml").read(tmp_path / "out.xml", Reading(pytest.fail))] == [1, 1, 2]
    result = relext("extract", model, three, "--output", tmp_path / "out", "--to", "brat")
    assert "4 sentences: not in brat" in result.stderr
    assert f"4 relations in 3 documents in {tmp_path / 'out'}" in result.stderr
    assert len(list((tmp_path / "out").glob("*.ann"))) == 3
    result = relext("extract", model, three, "--output", tmp_path / "parts", "--to", "jsonl", "--documents-per-file", 2)
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["part-00000.jsonl", "part-00001.jsonl"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "brat"], "standard output is JSONL, in one piece"),
        (["--documents-per-file", "2"], "standard output is JSONL, in one piece"),
        (["--output", "out.xml"], r"out\.xml: the suffix does not say the format\. Name it with --to, one of: jsonl, brat"),
        (["--output", "out", "--to", "aimed"], "the format 'aimed' is read, and not written"),
        (["--output", "out", "--to", "brat", "--keep-all-scores"], "brat has no place for them"),
        (["--format", "docx"], "there is no format 'docx'"),
    ],
)
def test_options_that_do_not_fit(model, three, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    assert_fails(relext("extract", model, three, *options), message)
    assert [path.name for path in tmp_path.iterdir()] == ["three.jsonl"]


def test_goes_on_after_a_stop(model, three, tmp_path):
    """With an error put right, and the relations of both runs in the table."""
    good = three.read_text(encoding="utf8")
    three.write_text(good.replace("\n", f"\n{BAD}\n", 1), encoding="utf8")
    out = tmp_path / "out.jsonl"
    result = relext("extract", model, three, "--output", out, "--shard-size", 1)
    assert_fails(result, r"three\.jsonl:2: not JSON")
    assert f"1 document is stored in {out}.work: the same command goes on from there." in result.stderr
    assert not out.exists()
    three.write_text(good.replace("\n", "\n\n", 1), encoding="utf8")
    result = relext("extract", model, three, "--output", out, "--shard-size", 1, "--table", env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "1 document is finished already." in result.stderr
    assert f"4 relations in 3 documents in {out}" in result.stderr
    assert len(re.findall(r"^\w+ +(?:MECHANISM|ADVISE) ", result.stderr, flags=re.MULTILINE)) == 4
    assert records(out.read_text(encoding="utf8")) == extracted(model, three)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "three.jsonl"]


def test_another_process_on_the_same_output(model, three, tmp_path):
    with FileLock(tmp_path / "out.jsonl.lock"):
        result = relext("extract", model, three, "--output", tmp_path / "out.jsonl")
    assert_fails(result, r"out\.jsonl: another process is writing it")


def test_output_that_cannot_be_written(model, three):
    assert_fails(relext("extract", model, three, "--output", three / "out.jsonl"), r"out\.jsonl: it cannot be written: Not a directory")


def test_equal_ids(model, tmp_path):
    (tmp_path / "a.jsonl").write_text("\n".join([json.dumps({"id": "x", "text": LEVELS})] * 2), encoding="utf8")
    assert_fails(
        relext("extract", model, tmp_path / "a.jsonl"), r"a\.jsonl:2: document 'x': a document with this id is in .*a\.jsonl:1 already"
    )
    result = relext("extract", model, tmp_path / "a.jsonl", "--skip-errors")
    assert "1 relation in 1 document" in result.stderr
    assert "1 document or file had errors and was skipped." in result.stderr


def test_a_text_that_is_too_long(model, tmp_path):
    """A line of two million characters is an error of this line."""
    (tmp_path / "a.txt").write_text(f"{LEVELS}\n{LEVELS * 60_000}\n{AVOID}\n", encoding="utf8")
    result = relext("extract", model, tmp_path / "a.txt", "--format", "lines", "--skip-errors")
    assert [record["id"] for record in records(result.stdout)] == ["a-1", "a-3"]
    messages = " ".join(result.stderr.split())
    assert re.search(r"a\.txt:2: document 'a-2': the text has 2,040,000 characters, and the tokenizer reads 1,000,000", messages)
    assert "1 document or file had errors and was skipped" in messages


def test_devices_and_pipes_are_written_through(model, three, tmp_path):
    result = relext("extract", model, three, "--output", os.devnull)
    assert result.exit_code == 0, result.output
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert "4 relations in 3 documents in /dev/null" in result.stderr
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf8")))
    reader.start()
    result = relext("extract", model, three, "--output", pipe, "--n-process", 2)
    reader.join()
    assert result.exit_code == 0, result.output
    assert len(read[0].splitlines()) == 5
    assert sorted(os.listdir(tmp_path)) == ["pipe.csv", "three.jsonl"]
    result = relext("extract", model, three, "--output", os.devnull, "--to", "brat")
    assert_fails(result, "/dev/null: a folder is to be written, and this is a device, a pipe or an open file")


def test_a_stop_before_a_device_is_written_leaves_nothing(model, three, tmp_path):
    three.write_text(f"{three.read_text(encoding='utf8')}\n{BAD}\n", encoding="utf8")
    result = relext("extract", model, three, "--output", os.devnull, "--shard-size", 1)
    assert_fails(result, r"three\.jsonl:4: not JSON")
    assert "are stored in" not in result.stderr
    assert not list(Path("/dev").glob("null.*"))


@pytest.mark.parametrize("kind", ["content", "link", "folder"])
def test_the_users_own_file_in_the_place_of_the_lock(model, three, tmp_path, kind):
    lock = tmp_path / "out.jsonl.lock"
    (tmp_path / "mine").write_text("mine", encoding="utf8")
    {"content": lambda: lock.write_text("mine", encoding="utf8"), "link": lambda: lock.symlink_to("mine"), "folder": lock.mkdir}[kind]()
    assert_fails(relext("extract", model, three, "--output", tmp_path / "out.jsonl"), r"out\.jsonl\.lock: it is no lock of this command")
    assert (tmp_path / "mine").read_text(encoding="utf8") == "mine"
    assert kind == "folder" or lock.read_text(encoding="utf8") == "mine"


def test_pairs_of_a_document_are_bounded_and_it_is_told(model, tmp_path, caplog):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "Aspirin, warfarin, quinine and digoxin."}), encoding="utf8")
    [record] = extracted(model, tmp_path / "a.jsonl", "--keep-all-scores")
    assert len(record["pairs"]) == 12
    caplog.clear()
    result = relext("extract", model, tmp_path / "a.jsonl", "--keep-all-scores", "--max-pairs", 7)
    [record] = records(result.stdout)
    names = {mention["id"]: mention["text"].lower() for mention in record["mentions"]}
    # Of each direction; the seventh would be one alone.
    assert {frozenset((names[pair["head"]], names[pair["tail"]])) for pair in record["pairs"]} == {
        frozenset(pair) for pair in (("aspirin", "warfarin"), ("warfarin", "quinine"), ("quinine", "digoxin"))
    }
    assert len(record["pairs"]) == 6
    assert "6 of 12 candidate pairs of Docs with more than 7 are not scored" in " ".join((caplog.text + result.stderr).split())


def test_formulas_in_tables(model, tmp_path):
    given = [{"start": 0, "end": 8, "type": "DRUG"}, {"start": 19, "end": 27, "type": "DRUG"}]
    record = {"id": "-d", "text": "=Aspirin increases warfarin levels.", "mentions": given}
    (tmp_path / "a.jsonl").write_text(json.dumps(record), encoding="utf8")
    command = ["extract", model, tmp_path / "a.jsonl", "--threshold", "0", "--output"]
    result = relext(*command, tmp_path / "raw.csv")
    raw = [row.split(",") for row in (tmp_path / "raw.csv").read_text(encoding="utf8").splitlines()]
    n_formulas = sum(field.startswith(("=", "-")) for row in raw for field in row)
    assert n_formulas >= 3
    assert f"{n_formulas} fields begin with =, +, -, @, a tab or a line end" in result.stderr
    assert "--spreadsheet-safe puts ' before them." in result.stderr
    result = relext(*command, tmp_path / "safe.csv", "--spreadsheet-safe")
    assert "fields begin" not in result.stderr
    safe = [row.split(",") for row in (tmp_path / "safe.csv").read_text(encoding="utf8").splitlines()]
    assert safe == [[f"'{field}" if field.startswith(("=", "-")) else field for field in row] for row in raw]
    assert_fails(relext(*command, tmp_path / "a.xml", "--to", "biocxml", "--spreadsheet-safe"), "--spreadsheet-safe is for csv")
    assert_fails(relext(*command[:-1], "--spreadsheet-safe"), "--spreadsheet-safe is for csv, and standard output is JSONL")


def test_texts_and_records_are_bounded(model, tmp_path):
    (tmp_path / "a.txt").write_text(f"{LEVELS}\n{LEVELS} {AVOID}\n", encoding="utf8")
    result = relext("extract", model, tmp_path / "a.txt", "--format", "lines", "--max-characters", 40, "--skip-errors")
    assert [record["text"] for record in records(result.stdout)] == [LEVELS]
    n_characters = len(f"{LEVELS} {AVOID}")
    assert f"the text has {n_characters} characters, and the tokenizer reads 40 at the most" in " ".join(result.stderr.split())
    result = relext("extract", model, tmp_path / "a.txt", "--format", "lines", "--max-record", 0.00004, "--skip-errors")
    assert [record["text"] for record in records(result.stdout)] == [LEVELS]
    assert "a.txt:2: the line has more than 40 bytes" in " ".join(result.stderr.split())


def test_a_file_name_that_is_no_text(model, tmp_path):
    """Its bytes would be halves of characters in the id."""
    os.makedirs(tmp_path / "in")
    with open(os.fsencode(tmp_path / "in") + b"/caf\xe9.txt", "wb") as file:
        file.write(LEVELS.encode())
    (tmp_path / "in" / "d.txt").write_text(AVOID, encoding="utf8")
    result = relext("extract", model, tmp_path / "in", "--skip-errors", "--output", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.output
    assert [record["id"] for record in records((tmp_path / "out.jsonl").read_text(encoding="utf8"))] == ["d"]
    assert "half of a surrogate pair, which is no character, or a byte of the name of a file" in " ".join(result.stderr.split())


@pytest.mark.skipif(os.name == "nt", reason="a backslash is between folders there")
@pytest.mark.parametrize("folder", ["my texts", "a\\b", "Füße und 论文 \u200b", "-o", "[a-b]", "{x}%20$HOME~"])
def test_odd_names_of_folders_and_files(model, tmp_path, folder, monkeypatch):
    odd = tmp_path / folder
    shutil.copytree(model, odd / "the model")
    (odd / "in put").mkdir()
    (odd / "in put" / "é \\n.txt").write_text(LEVELS, encoding="utf8")
    for output in ("out put.jsonl", "out\\put.jsonl"):
        result = relext("extract", odd / "the model", odd / "in put", "--output", odd / output)
        assert result.exit_code == 0, result.output
        [record] = records((odd / output).read_text(encoding="utf8"))
        assert (record["id"], triples(record)) == ("é \\n", [("Aspirin", "MECHANISM", "warfarin")])
    # Relative ones, as they are typed after cd.
    monkeypatch.chdir(odd)
    result = relext("extract", "the model", "in put", "--output", "brat out", "--to", "brat")
    assert result.exit_code == 0, result.output
    assert sorted(path.suffix for path in (odd / "brat out").iterdir()) == [".ann", ".txt"]
    assert {path.name for path in odd.iterdir()} == {"the model", "in put", "out put.jsonl", "out\\put.jsonl", "brat out"}


def test_relations_of_the_input_are_kept_where_asked_for(model, tmp_path):
    mentions = [{"start": 0, "end": 7, "type": "DRUG"}, {"start": 18, "end": 26, "type": "DRUG"}]
    record = {"text": LEVELS, "mentions": mentions, "relations": [{"head": "T2", "tail": "T1", "label": "BACK"}]}
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf8")
    for options, labels in (((), ["MECHANISM"]), (("--keep-relations",), ["MECHANISM", "BACK"])):
        result = relext("extract", model, path, "--output", tmp_path / f"out{len(options)}.jsonl", *options)
        assert result.exit_code == 0, result.output
        assert "no component of this pipeline found" not in result.output
        [written] = records((tmp_path / f"out{len(options)}.jsonl").read_text(encoding="utf8"))
        assert [r["label"] for r in written["relations"]] == labels
        assert [r.get("sources", {}).keys() for r in written["relations"]] == [{"relation_extractor"} if options else set(), set()][
            : len(labels)
        ]


def test_arcs_are_shown_beside_the_data(model, tmp_path):
    (tmp_path / "a.jsonl").write_text(f'{{"id": "a", "text": "{LEVELS}"}}\n{{"id": "b", "text": "Nothing."}}\n', encoding="utf8")
    for output in ((), ("--output", tmp_path / "out.jsonl")):
        result = relext("extract", model, tmp_path / "a.jsonl", "--arcs", *output)
        assert result.exit_code == 0, result.output
        shown = result.stderr.splitlines()
        assert LEVELS in shown
        assert any("MECHANISM" in line for line in shown)
        assert "Nothing." not in shown
    assert triples(records((tmp_path / "out.jsonl").read_text(encoding="utf8"))[0]) == [("Aspirin", "MECHANISM", "warfarin")]
