"""Files to Docs, `.spacy` files and back, in Python."""

import json
from collections import Counter

import pytest
import spacy
from spacy.tokens import DocBin

import spacy_relext
from spacy_relext.errors import DataError, RelextError
from spacy_relext.relations import annotated_labels, get_relations

TEXT = "Tea cures pain."


def line(name, label=None):
    """A document with a relation, or without."""
    mentions = [{"start": 0, "end": 3, "type": "A"}, {"start": 10, "end": 14, "type": "B"}]
    relations = [] if label is None else [{"head": "T1", "tail": "T2", "label": label}]
    return json.dumps({"id": name, "text": TEXT, "mentions": mentions, "relations": relations})


@pytest.fixture
def path(tmp_path):
    """A file with five documents and an error after the second."""
    made = tmp_path / "in.jsonl"
    lines = [line("1", "R"), line("2"), "no JSON", line("3"), line("4", "S"), line("5")]
    made.write_text("\n".join(lines) + "\n", encoding="utf8")
    return made


def test_read_raises_at_an_error(path):
    docs = spacy_relext.read(path)
    assert [next(docs).text, next(docs).text] == [TEXT, TEXT]
    with pytest.raises(DataError, match="not JSON") as caught:
        next(docs)
    assert (caught.value.path, caught.value.line) == (path, 3)


def test_read_skips_with_a_warning_or_tells_a_function(path, caplog):
    assert len(list(spacy_relext.read(path, on_error="skip"))) == 5
    [record] = caplog.records
    assert "skipped" in record.getMessage()
    assert f"{path}:3" in record.getMessage()
    errors, counts = [], Counter()
    docs = list(spacy_relext.read(str(path), "jsonl", on_error=errors.append, counts=counts))
    assert [error.line for error in errors] == [3]
    assert (counts["documents"], counts["relations"], counts["mentions"]) == (5, 2, 10)
    assert [[relation.label for relation in get_relations(doc)] for doc in docs] == [["R"], [], [], ["S"], []]
    with pytest.raises(RelextError, match="on_error is 'ignore'; expected 'raise', 'skip' or a function"):
        list(spacy_relext.read(path, on_error="ignore"))


def test_read_tells_at_the_end_what_was_left_out(tmp_path, caplog):
    file = tmp_path / "tasks.json"
    task = {"id": 1, "data": {"text": TEXT}, "annotations": []}
    done = task | {"id": 2, "annotations": [{"result": [], "was_cancelled": True}]}
    file.write_text(json.dumps([task, done]), encoding="utf8")
    assert list(spacy_relext.read(file, "label-studio")) == []
    assert [("left out: " in record.getMessage(), str(file) in record.getMessage()) for record in caplog.records] == [(True, True)]


def test_read_with_a_tokenizer_sentences_and_options(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("id,abstract\n1,One here. Two there.\n", encoding="utf8")
    [doc] = spacy_relext.read(table, nlp=spacy.blank("de"), sentences="sentencizer", text_column="abstract")
    assert (doc.vocab.lang, len(list(doc.sents))) == ("de", 2)
    with pytest.raises(RelextError, match="there are no options colour"):
        list(spacy_relext.read(table, colour="red"))
    with pytest.raises(RelextError, match=r"`text_column` is for .*, and the format is jsonl"):
        list(spacy_relext.read(tmp_path / "a.jsonl", text_column="x"))


@pytest.mark.parametrize("name", ["a.json", "a.xml", "folder"])
def test_the_suffix_must_say_the_format(name, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(RelextError, match="does not say the format"):
        list(spacy_relext.read(tmp_path / name))
    with pytest.raises(RelextError, match="does not say the format"):
        spacy_relext.export([], tmp_path / name)


def test_convert_to_a_folder_of_several_files(path, tmp_path):
    """Each document says all labels that occur, in whatever file they do."""
    output = tmp_path / "corpus"
    report = spacy_relext.convert(path, output, on_error="skip", documents_per_file=2, labels=["T"])
    assert {file.name: count for file, count in report.written.items()} == {f"part-0000{i}.spacy": n for i, n in enumerate([2, 2, 1])}
    assert sorted(output.iterdir()) == sorted(report.written)
    docs = [doc for file in sorted(report.written) for doc in DocBin().from_disk(file).get_docs(spacy.blank("en").vocab)]
    assert {annotated_labels(doc) for doc in docs} == {frozenset("RST")}
    assert [[relation.label for relation in get_relations(doc)] for doc in docs] == [["R"], [], [], ["S"], []]
    assert (report.errors, report.total["documents"]) == (1, 5)
    with pytest.raises(DataError, match="it exists already, and is no empty folder"):
        spacy_relext.convert(path, output, on_error="skip")
    assert len(list(output.iterdir())) == 3


def test_convert_leaves_nothing_where_it_fails(path, tmp_path):
    for output in ("corpus", "a.spacy"):
        with pytest.raises(DataError, match="not JSON"):
            spacy_relext.convert(path, tmp_path / output, documents_per_file=1)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_conversion_learns_of_words_is_forgotten(tmp_path):
    """Otherwise the memory would grow with every new word."""
    file = tmp_path / "in.txt"
    file.write_text("\n".join(f"wort{i} und neu{i}" for i in range(300)), encoding="utf8")
    nlp = spacy.blank("en")
    before = len(nlp.vocab.strings)
    spacy_relext.convert(file, tmp_path / "out", "lines", nlp=nlp, documents_per_file=100)
    assert len(nlp.vocab.strings) < before + 50
    assert sum(len(list(DocBin().from_disk(made).get_docs(nlp.vocab))) for made in (tmp_path / "out").iterdir()) == 300


def test_files_are_replaced_only_with_overwrite(path, tmp_path):
    docs = list(spacy_relext.read(path, on_error="skip"))
    output, table = tmp_path / "a.spacy", tmp_path / "a.csv"
    for call in (
        lambda **more: spacy_relext.convert(path, output, on_error="skip", **more),
        lambda **more: spacy_relext.export(docs, table, **more),
    ):
        call()
        with pytest.raises(DataError, match=r"this file exists already\. Name another output, or replace it with `overwrite=True`"):
            call()
        call(overwrite=True)


def test_export_by_suffix_and_settings(path, tmp_path):
    docs = list(spacy_relext.read(path, on_error="skip"))
    lost = spacy_relext.export(docs, tmp_path / "a.csv", spreadsheet_safe=True)
    assert lost["documents without relations"] == 3
    assert (tmp_path / "a.csv").read_text(encoding="utf8").count("\n") == 3
    assert not +spacy_relext.export(docs, tmp_path / "a.jsonl")
    with pytest.raises(RelextError, match="`base_iri` is not for jsonl"):
        spacy_relext.export(docs, tmp_path / "a.jsonl", base_iri="x:")


def test_what_documents_do_not_hold_is_told_by_read(tmp_path, caplog):
    folder = tmp_path / "brat"
    folder.mkdir()
    (folder / "a.txt").write_text("Tea raises lithium.", encoding="utf8")
    ann = "T1\tDRUG 0 3\tTea\nT2\tDRUG 11 18\tlithium\nR1\tRAISES Arg1:T1 Arg2:T2\nA1\tNegation R1\n#1\tAnnotatorNotes T1\tgreen\n"
    (folder / "a.ann").write_text(ann, encoding="utf8")
    with caplog.at_level("WARNING", logger="spacy"):
        [doc] = spacy_relext.read(folder, "brat")
    assert not doc._.relations
    assert "not held, or left out: " in caplog.text
    assert "1 denied relation" in caplog.text
    assert "1 brat note (#)" in caplog.text


def test_webanno_is_no_table(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("#FORMAT=WebAnno TSV 3.3\n", encoding="utf8")
    with pytest.raises(spacy_relext.DataError, match="Name the format: webanno"):
        list(spacy_relext.read(path))


def test_a_skipped_document_is_named_where_nothing_is_left(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("no JSON\n", encoding="utf8")
    with pytest.raises(spacy_relext.DataError, match=r"there is no document in it\. 1 document had errors\."):
        spacy_relext.convert(path, tmp_path / "a.spacy", on_error="skip")
