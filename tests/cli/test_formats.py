"""`relext formats`: what there is, and what one cannot hold."""

from spacy_relext.cli.formats import markdown_table
from spacy_relext.formats.catalogue import OURS
from tests.cli.toy import relext
from tests.conftest import ROOT

WIDE = {"COLUMNS": "300"}


def test_all_formats_are_listed():
    result = relext("formats", env=WIDE)
    assert result.exit_code == 0, result.output
    first_words = [line.split()[0] for line in result.output.splitlines() if line.strip()]
    assert set(OURS) <= set(first_words)


def test_one_format_says_its_options_and_what_it_cannot_hold():
    result = relext("formats", "brat", env=WIDE)
    assert "--events" in result.output
    assert "long forms of abbreviations" in result.output
    assert "Not supported, and counted when it is written: nothing." in relext("formats", "jsonl", env=WIDE).output


def test_a_format_that_is_not_there():
    result = relext("formats", "docx")
    assert result.exit_code == 1
    assert "there is no format 'docx'" in result.stderr


def test_the_table_of_the_documentation_is_that_of_the_catalogue():
    assert markdown_table(OURS.values()) in (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf8"), (
        "relext formats --markdown"
    )
    assert "| `jsonl` | our own, which holds everything | .jsonl | .jsonl |  | nothing is lost |" in relext("formats", "--markdown").output
