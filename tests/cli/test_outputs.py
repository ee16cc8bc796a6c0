"""Bars of progress, and figures as JSON."""

import hashlib
import json

from spacy_relext.cli.outputs import progress_bar, write_figures


def test_a_bar_says_what_is_done_and_counts_in_words(capsys):
    assert list(progress_bar()("ab", 2, "Reading")) == ["a", "b"]
    assert list(progress_bar("sentences", "Asking")(iter("a"))) == ["a"]
    first, second, _ = (line.rpartition("\r")[2] for line in capsys.readouterr().err.split("\n"))
    assert first.startswith("Reading: 100%")
    assert "2/2" in first
    assert second.startswith("Asking: 1 sentence [")


def test_figures_are_written_where_a_file_is_named(tmp_path, capsys):
    write_figures(None, {"f": 0.5})
    assert capsys.readouterr().out == ""
    write_figures(tmp_path / "figures.json", {"f": 0.5}, "All figures")
    assert json.loads((tmp_path / "figures.json").read_text()) == {"f": 0.5}
    assert "All figures in" in capsys.readouterr().out


def test_figures_name_their_data_by_its_content(tmp_path):
    """So that they can be told from those of other data, and made again."""
    (tmp_path / "dev.spacy").write_bytes(b"documents")
    for data in (tmp_path, tmp_path / "dev.spacy"):
        write_figures(tmp_path / "figures.json", {"f": 0.5}, data=data)
        found = json.loads((tmp_path / "figures.json").read_text())
        assert found["data"] == str(data)
        assert found["sha256"] == {str(tmp_path / "dev.spacy"): hashlib.sha256(b"documents").hexdigest()}
        assert {"spacy-relext", "spacy", "torch"} <= set(found["versions"])
