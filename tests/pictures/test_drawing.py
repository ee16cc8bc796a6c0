"""`spacy_relext.render_files`: what is read, compared, chosen, left out and told."""

import gzip
import json
import re

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

import spacy_relext
from spacy_relext import DataError, RelextError, render_files
from spacy_relext.displacy.colors import LABEL_COLORS
from spacy_relext.formats.catalogue import formats
from tests.conftest import DEMO

LEVELS, AVOID, NOTHING = "Aspirin increases warfarin levels.", "Avoid quinine with digoxin.", "Nothing is said."


def record(name, text, mentions=(), relations=()):
    spans = [{"id": f"T{i}", "start": text.index(m), "end": text.index(m) + len(m), "type": "DRUG"} for i, m in enumerate(mentions)]
    related = [{"head": f"T{head}", "tail": f"T{tail}", "label": label, **more} for head, tail, label, more in relations]
    return {"id": name, "text": text, "sentences": [[0, len(text)]], "mentions": spans, "relations": related}


def predicted():
    return [
        record("a", LEVELS, ("Aspirin", "warfarin"), [(0, 1, "MECHANISM", {"score": 0.9})]),
        record("b", AVOID, ("quinine", "digoxin"), [(0, 1, "EFFECT", {"score": 0.6})]),
        record("c", NOTHING),
    ]


def annotated():
    return [
        record("a", LEVELS, ("Aspirin", "warfarin"), [(0, 1, "MECHANISM", {})]),
        record("b", AVOID, ("quinine", "digoxin"), [(0, 1, "ADVISE", {})]),
        record("c", NOTHING),
    ]


@pytest.fixture
def files(tmp_path):
    """Predictions and annotations of three texts."""
    srsly.write_jsonl(tmp_path / "relations.jsonl", predicted())
    srsly.write_jsonl(tmp_path / "gold.jsonl", annotated())
    return tmp_path


def figures(path):
    return re.findall(r"<figure.*?</figure>", path.read_text(encoding="utf8"), flags=re.DOTALL)


def test_a_page_of_what_extract_writes(files):
    report = render_files(files / "relations.jsonl", files / "page.html", title="<Levels>")
    assert (report.documents, report.relations, report.notes) == (3, 2, [])
    page = (files / "page.html").read_text(encoding="utf8")
    assert len(figures(files / "page.html")) == 3
    assert "<title>&lt;Levels&gt;</title>" in page
    assert "<script" not in page


def test_docs_and_files_of_any_format_give_the_same(files):
    nlp = spacy.blank("en")
    docs = list(spacy_relext.read(files / "relations.jsonl", nlp=nlp))
    DocBin(docs=docs, store_user_data=True).to_disk(files / "docs.spacy")
    (files / "packed.jsonl.gz").write_bytes(gzip.compress((files / "relations.jsonl").read_bytes()))
    spacy_relext.export(docs, files / "brat", "brat")
    (files / "folder").mkdir()
    DocBin(docs=docs, store_user_data=True).to_disk(files / "folder" / "docs.spacy")
    pages = {}
    for name, more in (("relations.jsonl", {}), ("docs.spacy", {}), ("packed.jsonl.gz", {}), ("folder", {}), ("brat", {"format": "brat"})):
        report = render_files(str(files / name), files / "page.html", title="x", **more)
        assert (report.documents, report.relations) == (3, 2), name
        pages[name] = figures(files / "page.html")
    assert pages["docs.spacy"] == pages["folder"] == pages["packed.jsonl.gz"] == pages["relations.jsonl"]


def test_every_format_that_is_read_and_written_is_drawn(files, tmp_path):
    given = predicted()[:2]
    for entry in given:
        for mention in entry["mentions"]:
            mention["kb_id"] = f"D{mention['start']}"
    srsly.write_jsonl(tmp_path / "concepts.jsonl", given)
    docs, tried = list(spacy_relext.read(tmp_path / "concepts.jsonl")), []
    for made in formats():
        if made.reads and made.writes:
            path = files / f"{made.name}{made.suffix}"
            spacy_relext.export(docs, path, made.name)
            assert render_files(path, files / "page.html", made.name).relations == 2, made.name
            tried.append(made.name)
    assert len(tried) > 10


def test_beside_an_annotation(files):
    report = render_files(files / "relations.jsonl", files / "page.html", gold=files / "gold.jsonl")
    assert report.statuses == {"right": 1, "wrong": 1, "missed": 1}
    assert report.notes == []


def test_annotation_is_found_by_text_where_ids_differ(files):
    srsly.write_jsonl(files / "gold.jsonl", [{**entry, "id": f"gold-{entry['id']}"} for entry in reversed(annotated())])
    report = render_files(files / "relations.jsonl", files / "page.html", gold=files / "gold.jsonl")
    assert report.statuses == {"right": 1, "wrong": 1, "missed": 1}


def test_the_id_decides_between_two_of_the_same_text(files):
    a, b, _ = annotated()
    srsly.write_jsonl(files / "gold.jsonl", [{**a, "id": "other", "relations": []}, a, b])
    report = render_files(files / "relations.jsonl", files / "page.html", gold=files / "gold.jsonl")
    assert report.statuses["right"] == 1
    assert report.notes == [
        "1 document has no annotation, and is not compared: c.",
        "1 annotated document is not among those that were read: other.",
    ]
    srsly.write_jsonl(files / "gold.jsonl", [{**a, "id": "x"}, {**a, "id": "y"}, b])
    with pytest.raises(DataError, match="document 'a': 2 annotated documents have its text, 'x', 'y', and none has its id"):
        render_files(files / "relations.jsonl", files / "page.html", gold=files / "gold.jsonl")


def test_annotation_of_another_text_is_an_error(files):
    a, b, c = annotated()
    srsly.write_jsonl(files / "gold.jsonl", [{**a, "text": a["text"].replace("levels", "level "), "mentions": a["mentions"]}, b, c])
    with pytest.raises(DataError, match=r"'a': its text is not that .* at character 32 it has 's.', and the other ' .'"):
        render_files(files / "relations.jsonl", files / "page.html", gold=files / "gold.jsonl")
    assert not (files / "page.html").exists()


def test_names_in_notes_move_nothing_in_a_terminal(files):
    srsly.write_jsonl(files / "more.jsonl", [*annotated(), record("\x1b[31md", "Quinine.")])
    report = render_files(files / "relations.jsonl", files / "page.html", gold=files / "more.jsonl")
    assert report.notes == ["1 annotated document is not among those that were read: ?[31md."]


def test_annotation_of_none_of_them_is_an_error(files):
    with pytest.raises(DataError, match="no document of it has the id or the text"):
        render_files(files / "relations.jsonl", files / "page.html", gold=DEMO / "dev.jsonl")


def test_only_documents_with_relations_or_errors(files):
    report = render_files(files / "relations.jsonl", files / "page.html", only="relations")
    assert (report.documents, report.notes) == (2, ["1 document without a relation: not drawn."])
    report = render_files(files / "relations.jsonl", files / "page.html", only="errors", gold=files / "gold.jsonl")
    assert report.documents == 1
    assert report.notes == ["2 documents without an error: not drawn."]
    assert "2 documents without an error" in (files / "page.html").read_text(encoding="utf8")


def test_only_sentences_with_errors(files):
    text = f"{LEVELS} {AVOID}"
    sentences = {"sentences": [[0, len(LEVELS)], [len(LEVELS) + 1, len(text)]]}
    names = ("Aspirin", "warfarin", "quinine", "digoxin")
    given = [record("a", text, names, [(0, 1, "MECHANISM", {}), (2, 3, "EFFECT", {})]) | sentences]
    gold = [record("a", text, names, [(0, 1, "MECHANISM", {})]) | sentences]
    srsly.write_jsonl(files / "relations.jsonl", given)
    srsly.write_jsonl(files / "gold.jsonl", gold)
    report = render_files(files / "relations.jsonl", files / "page.html", only="errors", gold=files / "gold.jsonl")
    assert report.statuses == {"wrong": 1}
    assert report.notes == ["1 relation in sentences without an error: not drawn."]


def test_what_is_beyond_the_limit_is_counted(files):
    report = render_files(files / "relations.jsonl", files / "page.html", limit=1)
    assert report.notes == ["Only the first 1 of 3 documents: that is the limit."]
    report = render_files(files / "relations.jsonl", files / "page.html", limit=1, only="relations")
    assert report.notes == ["Only the first 1 of 2 documents: that is the limit.", "1 document without a relation: not drawn."]


def test_texts_that_stand_elsewhere(files):
    bare = [{key: value for key, value in entry.items() if key != "text"} for entry in predicted()]
    srsly.write_jsonl(files / "bare.jsonl", bare)
    with pytest.raises(DataError, match=r"bare.jsonl:1: expected the key 'text', .* --texts FILE"):
        render_files(files / "bare.jsonl", files / "page.html")
    report = render_files(files / "bare.jsonl", files / "page.html", texts=files / "gold.jsonl")
    assert (report.documents, report.relations) == (3, 2)
    with pytest.raises(DataError, match=r"bare.jsonl:1: .* 36 texts, have none of the id 'a'"):
        render_files(files / "bare.jsonl", files / "page.html", texts=DEMO / "test.jsonl")
    DocBin(docs=[]).to_disk(files / "docs.spacy")
    with pytest.raises(RelextError, match="`texts` is for jsonl, and the format is that of Docs"):
        render_files(files / "docs.spacy", files / "page.html", texts=DEMO / "test.jsonl")


def test_options_are_of_the_formats_of_both(files):
    spacy_relext.export(spacy_relext.read(files / "gold.jsonl"), files / "brat", "brat")
    report = render_files(
        files / "relations.jsonl", files / "page.html", gold=files / "brat", gold_format="brat", roles=["Arg1,Arg2"], limit=3
    )
    assert report.statuses == {"right": 1, "wrong": 1, "missed": 1}
    with pytest.raises(RelextError, match=r"`roles` is for .*, and the format is jsonl"):
        render_files(files / "relations.jsonl", files / "page.html", roles=["Arg1,Arg2"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"output": None}, "nothing to write"),
        ({"output": "page.jsonl"}, "page.jsonl: .* ends in .html"),
        ({"only": "wrong"}, "`only` is 'wrong'; expected 'errors' or 'relations'"),
        ({"only": "errors"}, "beside an annotation. Name it with `gold`"),
        ({"limit": 0}, "`limit` is 0"),
        ({"picture": {"colour": "red"}}, "colour"),
        ({"column": "x"}, "there are no options column"),
        ({"inputs": ["relations.jsonl", "docs.spacy"]}, "docs.spacy holds Docs, and relations.jsonl does not"),
    ],
)
def test_settings_that_cannot_be_right(files, monkeypatch, settings, message):
    monkeypatch.chdir(files)
    DocBin(docs=[]).to_disk("docs.spacy")
    with pytest.raises(RelextError, match=message):
        render_files(**{"inputs": "relations.jsonl", "output": "page.html", **settings})


def test_errors_are_skipped_and_counted(files):
    with (files / "relations.jsonl").open("a", encoding="utf8") as file:
        file.write('{"text": 3}\n')
        file.write(json.dumps(record("e", LEVELS) | {"mentions": [{"id": "T", "start": 0, "end": 99, "type": "DRUG"}]}) + "\n")
    seen = []
    report = render_files(files / "relations.jsonl", files / "page.html", on_error=seen.append)
    assert (report.documents, report.errors) == (3, 2)
    assert [error.line for error in seen] == [4, 5]
    with pytest.raises(DataError, match=r"relations.jsonl:4"):
        render_files(files / "relations.jsonl", files / "other.html")
    assert not (files / "other.html").exists()


def test_a_page_is_replaced_and_an_input_is_not(files):
    (files / "page.html").write_text("old", encoding="utf8")
    render_files(files / "relations.jsonl", files / "page.html")
    assert "old" not in (files / "page.html").read_text(encoding="utf8")
    assert srsly.read_jsonl(files / "relations.jsonl")


@pytest.mark.parametrize("named", ["inputs", "gold", "texts"])
def test_what_is_read_is_not_written_over(files, named):
    data = (files / "relations.jsonl").read_text(encoding="utf8")
    (files / "data.html").write_text(data, encoding="utf8")
    inputs = {"inputs": files / "relations.jsonl", named: files / "data.html"}
    with pytest.raises(RelextError, match="is both read and written"):
        render_files(**inputs, output=files / ".." / files.name / "data.html", format="jsonl")
    assert (files / "data.html").read_text(encoding="utf8") == data


def test_docs_without_sentences_get_them(files):
    text = f"{LEVELS} {AVOID}"
    nlp = spacy.blank("en")
    doc = nlp.make_doc(text)
    DocBin(docs=[doc], store_user_data=True).to_disk(files / "docs.spacy")
    srsly.write_jsonl(files / "bare.jsonl", [{"id": "a", "text": text}])
    for name in ("docs.spacy", "bare.jsonl"):
        assert render_files(files / name, files / "page.html", sentences="sentencizer").documents == 1


def test_svg_files(files):
    render_files(files / "relations.jsonl", svg=files / "pictures", only="relations")
    assert sorted(path.name for path in (files / "pictures").iterdir()) == ["a.svg", "b.svg"]
    with pytest.raises(DataError, match="not replaced"):
        render_files(files / "relations.jsonl", svg=files / "pictures")
    with pytest.raises(RelextError, match="is for one picture, and there are 3"):
        render_files(files / "relations.jsonl", svg=files / "one.svg")
    assert not (files / "one.svg").exists()
    assert render_files(files / "relations.jsonl", svg=files / "one.svg", limit=1).documents == 1
    # Labels have the same colours in all pictures of a folder.
    a, b = ((files / "pictures" / name).read_text(encoding="utf8") for name in ("a.svg", "b.svg"))
    assert LABEL_COLORS[1][0] in a
    assert LABEL_COLORS[0][0] in b
    assert (files / "one.svg").read_text(encoding="utf8") == a.replace(LABEL_COLORS[1][0], LABEL_COLORS[0][0])


def test_a_page_of_many_documents_is_not_in_memory(tmp_path, monkeypatch):
    """Each picture is written before the next one is made."""
    import spacy_relext.pictures.writing as writing

    srsly.write_jsonl(tmp_path / "many.jsonl", ({**predicted()[0], "id": f"d{i}"} for i in range(50)))
    alive = []
    figure = writing.figure

    class Text(str):
        def __del__(self):
            alive.pop()

    def counted(picture, options, palette):
        alive.append(picture)
        assert len(alive) <= 2
        return Text(figure(picture, options, palette))

    monkeypatch.setattr(writing, "figure", counted)
    assert render_files(tmp_path / "many.jsonl", tmp_path / "page.html").documents == 50


def test_what_files_say_beyond_a_document_is_told(files):
    pairs = [{"head": "T0", "tail": "T1", "scores": {"MECHANISM": 0.9}, "no_relation": 0.1}]
    srsly.write_jsonl(files / "scored.jsonl", [{**entry, "pairs": pairs} for entry in predicted()])
    report = render_files(files / "scored.jsonl", files / "page.html", limit=2)
    assert report.notes == ["Only the first 2 of 3 documents: that is the limit.", "3 scores of candidate pairs."]
