"""`spacy_relext.extract`: texts, Docs, documents and paths, with a pipeline by name or loaded; records, and files."""

import json
import logging
from pathlib import Path

import pytest
import spacy

import spacy_relext
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.types import Document, Mention
from tests.extraction.toy import TEXTS, contents

LEVELS, AVOID, NOTHING, _ = TEXTS


@pytest.fixture(scope="module")
def nlp(model):
    return spacy.load(model)


def labels_of(record):
    return [relation["label"] for relation in record["relations"]]


def test_texts_docs_and_documents(model, nlp):
    extraction = spacy_relext.extract([LEVELS, nlp.make_doc(AVOID), Document("mine", NOTHING)], str(model))
    records = list(extraction)
    assert [(record["id"], labels_of(record)) for record in records] == [
        ("document-0", ["MECHANISM"]),
        ("document-1", ["ADVISE"]),
        ("mine", []),
    ]
    assert (extraction.report.documents, extraction.report.relations, extraction.report.errors) == (3, 2, 0)
    # Begins anew.
    assert list(extraction) == records
    assert [labels_of(record) for record in spacy_relext.extract(LEVELS, nlp)] == [["MECHANISM"]]
    assert list(spacy_relext.extract([], nlp)) == []


def test_mentions_that_are_given_are_kept(nlp):
    doc = nlp.make_doc(LEVELS)
    doc.ents = [doc.char_span(0, 7, label="DRUG")]
    given = Document("d", LEVELS, [Mention("m", 18, 26, "DRUG")])
    for record, start in zip(spacy_relext.extract(iter([doc, given]), nlp), (0, 18), strict=True):
        assert [mention["start"] for mention in record["mentions"]] == [start]


def test_paths_and_a_file(nlp, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(f"body\n{LEVELS}\n{AVOID}\n", encoding="utf8")
    found = spacy_relext.extract(tmp_path / "in", nlp, format="texts-csv", text_column="body")
    report = found.write(tmp_path / "out.jsonl")
    assert (report.documents, report.relations) == (2, 2)
    assert [json.loads(line) for line in contents(tmp_path / "out.jsonl").splitlines()] == list(found)
    with pytest.raises(DataError, match="this file exists already"):
        found.write(tmp_path / "out.jsonl")
    assert found.write(tmp_path / "out.csv").lost == {"whole texts": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.csv", "out.jsonl"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_loaded_pipeline_is_as_it_was(nlp, fails, tmp_path):
    pipe = nlp.get_pipe("relation_extractor")
    before = dict(pipe.cfg), pipe.checks.expects_relations, pipe.on_predictions, nlp.max_length
    found = spacy_relext.extract(
        [LEVELS, "!" * 50 if fails else NOTHING],
        nlp,
        threshold=0.0,
        max_pairs=7,
        keep_all_scores=True,
        keep_relations=True,
        max_characters=40,
        batch_size=1,
    )
    if fails:
        with pytest.raises(DataError, match="the text has 50 characters"):
            list(found)
    else:
        first = next(records := iter(found))
        assert len(first["pairs"]) == 2
        records.close()
    assert (dict(pipe.cfg), pipe.checks.expects_relations, pipe.on_predictions, nlp.max_length) == before


def test_errors_are_raised_or_skipped_or_given(nlp, caplog):
    texts = [LEVELS, "!" * 50, AVOID]
    with pytest.raises(DataError, match=r"document 'document-1': the text has 50 characters"):
        list(spacy_relext.extract(texts, nlp, max_characters=40))
    with caplog.at_level(logging.WARNING, "spacy"):
        skipping = spacy_relext.extract(texts, nlp, max_characters=40, on_error="skip")
        assert [record["id"] for record in skipping] == ["document-0", "document-2"]
    assert "skipped: document 'document-1'" in caplog.text
    assert skipping.report.errors == 1
    seen = []
    assert len(list(spacy_relext.extract(texts, nlp, max_characters=40, on_error=seen.append))) == 2
    assert len(seen) == 1
    with pytest.raises(RelextError, match="on_error is 'ignore'"):
        spacy_relext.extract(texts, nlp, on_error="ignore")


def test_what_makes_results_empty_is_told(nlp, caplog):
    given = [Document(name, LEVELS, [Mention("x", 0, 7, "Chemical"), Mention("y", 18, 26, "DRUG")]) for name in "ab"]
    with caplog.at_level(logging.WARNING, "spacy"):
        list(spacy_relext.extract(given, nlp, batch_size=1))
    assert caplog.text.count("2 of 4 mentions have a type that was not in training: Chemical. Known are DRUG.") == 1


@pytest.mark.parametrize(
    ("inputs", "settings", "message"),
    [
        (
            ["pyproject.toml"],
            {},
            r"the text 'pyproject\.toml' is the name of a file .* path: Path\('pyproject\.toml'\)",
        ),
        ([7], {}, "expected texts, Docs, documents, or paths as Path, and saw int, 7"),
        ([Path("pyproject.toml"), LEVELS], {}, "paths are given, and something else beside them"),
        ([LEVELS], {"text_column": "body"}, "text_column: of files, and texts are given"),
        ([LEVELS], {"labels": ["NONE"]}, r"has no labels \['NONE'\]; it has ADVISE, MECHANISM"),
        ([LEVELS], {"threshold": 7}, "the threshold is 7"),
        (Path("pyproject.toml"), {"format": "txt", "colour": "red"}, "there are no options colour"),
        (Path("pyproject.toml"), {}, r"pyproject\.toml: expected \.jsonl"),
    ],
)
def test_what_cannot_be_right(nlp, inputs, settings, message, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(RelextError, match=message):
        list(spacy_relext.extract(inputs, nlp, **settings))


def test_two_processes(model, nlp):
    texts = [LEVELS, AVOID, NOTHING] * 3
    for pipeline in (str(model), nlp):
        found = [labels_of(record) for record in spacy_relext.extract(texts, pipeline, n_process=2, batch_size=2)]
        assert found == [["MECHANISM"], ["ADVISE"], []] * 3
