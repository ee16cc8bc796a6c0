"""What configs say of their differences from a template is so."""

import pytest

from research.config_comments import BEGIN, comment, commented
from tests.conftest import ROOT
from tests.research.toy import research

CONFIGS = sorted((ROOT / "configs").glob("*.cfg"))


@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_comments_are_those_of_today(path):
    assert path.read_text(encoding="utf8") == commented(path), "run `python -m research config-comments`"


def test_a_change_is_in_the_comment(tmp_path):
    text = (ROOT / "configs" / "ddi.cfg").read_text(encoding="utf8")
    path = tmp_path / "other.cfg"
    path.write_text(text.replace("hidden_width = 384", "hidden_width = 8").replace("grad_clip = 1.0\n", ""), encoding="utf8")
    found = comment(path).splitlines()
    assert found[0] == BEGIN.format("single_pass")
    assert "#   [components.relation_extractor.model] hidden_width = 8" in found
    assert "#   [training.optimizer] without grad_clip" in found
    # What is as in the template is not there.
    assert not any("learn_rate_scale" in line or "initial_rate" in line for line in found)


def test_command_writes_once(tmp_path):
    path = tmp_path / "other.cfg"
    path.write_text((ROOT / "configs" / "ddi-shared.cfg").read_text(encoding="utf8").replace("size = 600", "size = 8"), encoding="utf8")
    assert "other.cfg" in research("config-comments", path).output
    text = path.read_text(encoding="utf8")
    assert "#   [training.batcher] size = 8" in text
    assert "#   without [components.ner]" in text
    assert text.count("# Differences") == 1
    assert research("config-comments", path).output == ""
    assert path.read_text(encoding="utf8") == text
