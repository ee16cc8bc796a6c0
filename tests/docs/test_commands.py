"""Commands of pages run: those on training one after the other, on a slice of the demonstration, with a tiny encoder."""

import shlex
import shutil

import pytest
import spacy
import srsly

from tests.cli.toy import TWO_STEPS, spacy_command
from tests.conftest import DEMO, ROOT
from tests.docs.blocks import blocks

PAGE = ROOT / "docs" / "how-to" / "train.md"
# Left out: the encoder is another one here, packaging is tested with the demonstration, the last texts are the
# reader's.
LEFT_OUT = ("relext encoder", "package", "project", "relext extract")


def test_the_commands_of_the_page(tmp_path, tiny_bert):
    (tmp_path / "assets" / "demo").mkdir(parents=True)
    for part, n in (("train", 16), ("test", 3)):
        lines = (DEMO / f"{part}.jsonl").read_text(encoding="utf8").splitlines(keepends=True)
        (tmp_path / "assets" / "demo" / f"{part}.jsonl").write_text("".join(lines[:n]), encoding="utf8")
    shutil.copytree(tiny_bert, tmp_path / "assets" / "encoder")
    lines = [line for block in blocks(PAGE, "bash") for line in block.code.splitlines()]
    commands = [line.removeprefix("python -m spacy ") for line in lines if line.startswith("python -m spacy ")]
    run = [command for command in commands if not command.startswith(LEFT_OUT)]
    assert len(run) == 8
    for command in run:
        words = shlex.split(command)
        spacy_command(*words, *(TWO_STEPS if words[0] == "train" else ()), cwd=tmp_path)


@pytest.mark.parametrize("name", ["start.md", "how-to/graph.md"])
def test_what_pages_extract_from_the_demonstration(name, stand_in, tmp_path):
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    lines = [line for block in blocks(ROOT / "docs" / name, "bash") for line in block.code.splitlines()]
    run = [line for line in lines if line.startswith("python -m spacy relext extract en_relext_demo assets/")]
    assert len(run) == 2
    for line in run:
        words = shlex.split(line.replace("en_relext_demo", str(stand_in)))
        spacy_command(*words[3:], cwd=tmp_path)
        assert (tmp_path / words[-1]).stat().st_size


def test_a_pipeline_is_trained_on_as_the_page_says(stand_in, tmp_path):
    page = ROOT / "docs" / "how-to" / "continue.md"
    shutil.copytree(stand_in, tmp_path / "training" / "model-best")
    [config] = blocks(page, "ini")
    (tmp_path / "more.cfg").write_text(config.code, encoding="utf8")
    mentions = [{"id": "a", "start": 0, "end": 3, "type": "CHEMICAL"}, {"id": "b", "start": 11, "end": 15, "type": "CHEMICAL"}]
    relations = [{"head": "a", "tail": "b", "label": "ALTERS"}]
    record = {"text": "Tea alters pain.", "sentences": [[0, 16]], "mentions": mentions, "relations": relations}
    srsly.write_jsonl(tmp_path / "more.jsonl", [record])
    for name in ("more.spacy", "dev.spacy"):
        spacy_command("relext", "convert", "jsonl", "more.jsonl", name, cwd=tmp_path)
    lines = [line for block in blocks(page, "bash") for line in block.code.splitlines()]
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(line.removeprefix("python -m spacy "))
        spacy_command(*words, *(("--training.max_steps", "2") if words[0] == "train" else ()), cwd=tmp_path)
    assert "ALTERS" in spacy.load(tmp_path / "continued" / "model-last").get_pipe("relation_extractor").labels
