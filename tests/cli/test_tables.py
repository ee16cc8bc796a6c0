"""The tables of all commands."""

from spacy_relext.cli.tables import print_table


def test_a_table(capsys):
    print_table(("", "documents"), [("阿司匹林 [3H]", 2000), ("b" * 100, 1)])
    name = "b" * 100
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].split() == ["documents"]
    # Characters as wide as two, brackets that are no markup, numbers to the right; nothing is cut where there is no terminal.
    assert (len(lines[2]) + 4, lines[2].split()) == (len(lines[3]), ["阿司匹林", "[3H]", "2,000"])
    assert lines[3].split() == [name, "1"]


def test_figures_that_are_texts_stand_to_the_right(capsys):
    print_table(("", "F"), [("micro", ""), ("macro", "7.5"), ("all", "80.0")], figures=1)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[2:] == ["micro", "macro    7.5", "all     80.0"]
