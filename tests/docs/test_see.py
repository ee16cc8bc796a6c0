"""docs/see.md: its pictures are what its commands draw. Where a change draws otherwise, these commands draw them anew."""

import shlex

import pytest

from tests.cli.toy import relext, spacy_command
from tests.conftest import ROOT
from tests.docs.blocks import blocks

PAGE = ROOT / "docs" / "see.md"
DRAWN = [
    shlex.split(line)[3:] for block in blocks(PAGE, "bash") for line in block.code.splitlines() if "relext render docs/pictures" in line
]


def test_every_picture_has_its_command():
    made = {words[words.index("--svg") + 1] for words in DRAWN if "--svg" in words}
    assert made == {str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "pictures").glob("*.svg")}


@pytest.mark.parametrize("words", [words for words in DRAWN if "--svg" in words], ids=lambda words: words[-1])
def test_pictures_are_what_the_commands_draw(words, tmp_path):
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    (tmp_path / "docs" / "pictures").mkdir(parents=True)
    for path in (ROOT / "docs" / "pictures").glob("*.jsonl"):
        (tmp_path / "docs" / "pictures" / path.name).symlink_to(path)
    spacy_command(*words, cwd=tmp_path)
    assert (tmp_path / words[-1]).read_text(encoding="utf8") == (ROOT / words[-1]).read_text(encoding="utf8")


def test_the_text_with_arcs_is_what_the_command_draws(monkeypatch, capfd):
    monkeypatch.chdir(ROOT)
    [words] = [words for words in DRAWN if "--ascii" in words]
    assert relext(*words[1:], env={"COLUMNS": "110"}).exit_code == 0
    shown = capfd.readouterr().out.strip("\n").splitlines()
    [block] = [block for block in blocks(PAGE, "") if "---" in block.code]
    assert [line.rstrip() for line in block.code.strip("\n").splitlines()] == [line.rstrip() for line in shown]
