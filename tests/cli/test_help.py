"""`python -m spacy relext`, found by spaCy through its entry point."""

import subprocess
import sys

import typer

from spacy_relext.cli import relext_cli
from tests.cli.toy import relext


def test_spacy_finds_the_commands(tmp_path):
    """In a process of its own, and outside the source tree."""
    command = [sys.executable, "-m", "spacy", "relext", "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf8", timeout=300)
    assert result.returncode == 0, result.stderr
    for name in (
        "convert",
        "export",
        "evaluate",
        "extract",
        "crossval",
        "debug-data",
    ):
        assert f" {name} " in result.stdout


def test_every_command_explains_itself_and_its_arguments():
    commands = typer.main.get_command(relext_cli).commands
    assert {"convert", "export", "evaluate", "extract"} <= set(commands)
    for name, command in commands.items():
        result = relext(name, "--help", env={"COLUMNS": "200", "TERM": "dumb"})
        assert result.exit_code == 0
        assert command.callback.__doc__.split()[0] in result.output


def test_unknown_command_is_refused():
    result = relext("extrct")
    assert result.exit_code == 2
    assert "extrct" in result.output
    assert "'extract'" in result.output


def test_the_command_line_of_spacy_waits_for_no_command_of_ours():
    code = """
import sys
from spacy.util import registry
from spacy.cli import app
import typer
registry.cli.get_all()
assert "relext" in typer.main.get_command(app).commands
print(*(name for name in sys.modules if name.partition(".")[0] == "spacy_relext"))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf8", timeout=300, check=True)
    assert result.stdout.split() == ["spacy_relext", "spacy_relext.cli"]
