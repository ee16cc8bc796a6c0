"""What commands put out, whatever the code page and the ends of lines of the system are."""

import io
import re
import sys

import pytest

from spacy_relext.cli.errors import SETTINGS, as_options, put_out
from tests.cli.toy import relext


def test_data_is_utf8_on_every_system(monkeypatch):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="cp1252", newline="\r\n"))
    sys.stdout.write("before ")
    put_out("naïve 阿司匹林\n")
    put_out("2\n")
    sys.stdout.flush()
    assert out.getvalue() == "before naïve 阿司匹林\n2\n".encode()


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Name it with `text_column`.", "Name it with --text-column."),
        ("a line is one: `sentences='lines'`", "a line is one: --sentences lines"),
        ("`roles=['Cause,Theme']` or `overwrite=True`", "--roles Cause,Theme or --overwrite"),
        ("raise `Limits.record` or `nlp.max_length`", "raise --max-record or --max-characters"),
        ("give `nlp`", "give --lang or --tokenizer"),
        ("`relext convert` and `notes` of `text`", "`relext convert` and `notes` of `text`"),
    ],
)
def test_settings_are_told_as_options(message, told):
    """Where Python is told of an argument, the command line is told of its option."""
    assert as_options(message) == told


def test_every_setting_that_is_told_as_an_option_is_one_of_the_command_line():
    options = {f"--{name.replace('_', '-')}" for name in SETTINGS}
    commands = ("convert", "export", "extract", "render", "evaluate", "debug-data", "threshold", "contrast", "explain")
    helps = "".join(relext(command, "--help", env={"COLUMNS": "300", "TERM": "dumb"}).output for command in commands)
    assert not {option for option in options if not re.search(rf" {option}[ ,]", helps)}
