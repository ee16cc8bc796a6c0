"""`python -m spacy relext`, found by spaCy through its entry point."""

import inspect
import re
import subprocess
import sys

import pytest
import typer

import spacy_relext
from research.__main__ import app as research
from spacy_relext.cli import MODULES, PANELS, relext_cli
from tests.cli.toy import relext


def commands_of(app):
    return typer.main.get_command(app).commands


def options_of(*apps):
    return [p for app in apps for command in commands_of(app).values() for p in command.params if p.param_type_name == "option"]


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
    for name, command in commands_of(relext_cli).items():
        result = relext(name, "--help", env={"COLUMNS": "200", "TERM": "dumb"})
        assert result.exit_code == 0
        assert command.callback.__doc__.split()[0] in result.output


def test_commands_are_grouped_in_the_order_of_work():
    shown = relext("--help").output
    places = [shown.index(f"\n{panel}:\n") for panel in PANELS]
    assert places == sorted(places)
    names = [name for panel in PANELS.values() for name in panel]
    assert [line.split()[0] for line in shown.splitlines() if re.match(r"  [a-z]", line) and line.split()[0] in MODULES] == names


def test_version():
    assert f"spacy-relext {spacy_relext.__version__}, spaCy" in relext("--version").output


def test_a_letter_is_one_option_in_all_commands():
    meant = {"-g": {"--gpu-id"}, "-n": {"--n-process"}, "-o": {"--output"}}  # as in spaCy's
    for option in options_of(relext_cli, research):
        long = next(name for name in option.opts if name.startswith("--"))
        for letter in {name for name in option.opts if not name.startswith("--")}:
            meant.setdefault(letter, set()).add(long)
    assert {letter: names for letter, names in meant.items() if len(names) > 1} == {}


def test_what_a_gpu_processes_and_outputs_are_called_is_the_same_everywhere():
    for option in options_of(relext_cli, research):
        for name, letter in {"gpu_id": "-g", "n_process": "-n", "output": "-o"}.items():
            assert (option.name == name) == (letter in option.opts)


def test_numbers_have_a_range():
    for app in (relext_cli, research):
        for command in commands_of(app).values():
            for name, parameter in inspect.signature(command.callback).parameters.items():
                if parameter.annotation in (int, float) and name != "seed":
                    assert parameter.default.min is not None, name


@pytest.mark.parametrize(
    ("option", "value", "bound"),
    [
        ("--threshold", "3", "1"),
        ("--threshold", "-1", "0"),
        ("--gpu-id", "-2", "-1"),
        ("--n-process", "0", "1"),
        ("--batch-size", "0", "1"),
    ],
)
def test_what_is_allowed_is_said(option, value, bound):
    result = relext("extract", "m", "-", option, value)
    assert result.exit_code == 2
    assert re.search(rf"Invalid value for .*{option}.*: .*[ =]{bound}\b", result.output)


def test_unknown_command_is_refused():
    result = relext("extrct")
    assert result.exit_code == 2
    assert "No such command 'extrct'" in result.output  # newer versions of typer add what is meant


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


@pytest.mark.parametrize(
    "args",
    [("explain", "m", ""), ("calibrate", "", "dev.spacy"), ("extract", "m", "a.txt", ""), ("threshold", "m", "d.spacy", "--output", "")],
)
def test_an_empty_argument_or_path_is_not_the_current_folder(args, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = relext(*args)
    assert result.exit_code == 2
    assert "is empty" in result.output
