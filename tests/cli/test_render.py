"""`relext render`: options and messages; what is drawn is tested with `render_files`."""

import re

import pytest
import srsly

from tests.cli.toy import relext
from tests.pictures.test_drawing import annotated, predicted


@pytest.fixture
def folder(tmp_path):
    srsly.write_jsonl(tmp_path / "relations.jsonl", predicted())
    srsly.write_jsonl(tmp_path / "gold.jsonl", annotated())
    return tmp_path


def told(result):
    """The messages, in one line."""
    return " ".join(result.stderr.split())


def test_a_page_and_what_is_told(folder):
    result = relext("render", folder / "relations.jsonl", "--output", folder / "page.html", "--gold", folder / "gold.jsonl", "--title", "T")
    assert result.exit_code == 0, result.output
    assert "3 relations, 1 right, 1 missed, 1 wrong in 3 documents" in told(result)
    page = (folder / "page.html").read_text(encoding="utf8")
    assert page.count("<figure") == 3
    assert "<title>T</title>" in page


def test_standard_output_holds_the_page_alone(folder, capfd):
    result = relext("render", folder / "relations.jsonl", "--only", "relations", "--limit", "1")
    assert result.exit_code == 0, result.output
    page = capfd.readouterr().out
    assert page.startswith("<!doctype html>")
    assert page.count("<figure") == 1
    assert "Only the first 1 of 2 documents: that is the limit." in told(result)
    assert "1 document without a relation: not drawn." in told(result)


def test_standard_input_is_jsonl(folder):
    lines = (folder / "relations.jsonl").read_bytes()
    result = relext("render", "-", "--output", folder / "page.html", input=lines)
    assert result.exit_code == 0, result.output
    assert "2 relations in 3 documents" in told(result)


def test_options_of_the_picture(folder):
    output = folder / "page.html"
    for options, expected in (
        (("--labels", "EFFECT"), 1),
        (("--min-score", "0.7"), 1),
        (("--symmetric-labels", "EFFECT,MECHANISM"), 2),
        (("--width", "700"), 2),
        (("--width", "700,300", "--lang", "de"), 2),
    ):
        result = relext("render", folder / "relations.jsonl", "-o", output, *options)
        assert result.exit_code == 0, result.output
        assert f"{expected} relation" in told(result), options
    assert "max-width:" in output.read_text(encoding="utf8")
    relext("render", folder / "relations.jsonl", "--svg", folder / "one.svg", "--limit", "1", "--width", "500")
    assert 'width="500"' in (folder / "one.svg").read_text(encoding="utf8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--width", "wide"), "--width is 'wide'; expected a number of pixels, or two"),
        (("--only", "wrong"), "--only is 'wrong'; expected 'errors' or 'relations'"),
        (("--only", "errors"), "--only errors: what is an error is known beside an annotation. Name it with --gold"),
        (("--roles", "A,B"), "--roles is for .* and the format is jsonl"),
        (("--lang", "nowhere"), "there is no tokenizer 'nowhere'"),
        (("--texts", "texts.jsonl"), "texts.jsonl"),
    ],
)
def test_what_cannot_be_done_is_said(folder, options, message):
    result = relext("render", folder / "relations.jsonl", "-o", folder / "page.html", *options)
    assert result.exit_code == 1
    assert re.search(message, told(result)), told(result)
    assert not (folder / "page.html").exists()


def test_errors_are_skipped_where_asked(folder):
    with (folder / "relations.jsonl").open("a", encoding="utf8") as file:
        file.write('{"id": "x", "mentions": []}\n')
    result = relext("render", folder / "relations.jsonl", "-o", folder / "page.html")
    assert result.exit_code == 1
    assert "--texts FILE" in told(result)
    result = relext("render", folder / "relations.jsonl", "-o", folder / "page.html", "--skip-errors")
    assert result.exit_code == 0
    assert "1 document or file had errors and was skipped." in told(result)


def test_files_of_a_folder_that_are_not_read_are_told(tmp_path):
    (tmp_path / "a.txt").write_text("Cimetidine raised warfarin levels.", encoding="utf8")
    lines = ["T1\tDrug 0 10\tCimetidine", "T2\tDrug 18 26\twarfarin", "R1\tMECHANISM Arg1:T1 Arg2:T2", ""]
    (tmp_path / "a.ann").write_text("\n".join(lines), encoding="utf8")
    result = relext("render", tmp_path, "-o", tmp_path / "page.html")
    assert "Files of the folders that are not read: 1 .ann. If they hold annotation, name its format." in told(result)
    result = relext("render", tmp_path, "--format", "brat", "-o", tmp_path / "page.html")
    assert "not read" not in told(result)
    assert "1 relation in 1 document" in told(result)


def test_a_table_of_relations_holds_no_texts(folder):
    (folder / "relations.csv").write_text("document,head,label,tail\na,Aspirin,EFFECT,warfarin\n", encoding="utf8")
    result = relext("render", folder / "relations.csv", "-o", folder / "page.html")
    assert result.exit_code == 1
    assert "this is a table of relations, which holds no whole texts" in told(result)


def test_text_with_arcs(folder, capfd):
    result = relext("render", folder / "relations.jsonl", "--ascii", "--only", "relations", env={"COLUMNS": "60"})
    assert result.exit_code == 0, result.output
    shown = capfd.readouterr().out.splitlines()
    assert "Aspirin increases warfarin levels." in shown
    assert any("MECHANISM" in line for line in shown)
    assert shown[-1] == "1 document without a relation: not drawn."
    result = relext("render", folder / "relations.jsonl", "--ascii", "-o", folder / "page.html")
    assert "ends in .txt" in told(result)
    relext("render", folder / "relations.jsonl", "--ascii", "-o", folder / "arcs.txt")
    assert "Avoid quinine with digoxin." in (folder / "arcs.txt").read_text(encoding="utf8").splitlines()
