"""`spacy_relext.diagnose`: what `relext debug-data` writes, for Python."""

import json

import pytest
import spacy

import spacy_relext
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from tests.cli.test_evaluate import write_data
from tests.cli.toy import SENTENCES, document, relext


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "train.spacy", *(document(*sentence, name=f"d{i}") for i, sentence in enumerate(SENTENCES)))


def test_it_is_what_the_command_writes(data, tmp_path):
    dev = write_data(tmp_path / "dev.spacy", document(*SENTENCES[0], name="d0"))
    result = relext("debug-data", data, "--dev", dev, "--output", tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf8"))
    nlp = spacy.blank("en")
    for parts in ((data, str(dev)), [list(read_docs(path, nlp)) for path in (data, dev)]):
        found = spacy_relext.diagnose(*parts, tokenizer=nlp)
        assert json.loads(json.dumps(found.to_dict())) == written
        assert found.has_errors == (result.exit_code == 1)
    # The one document of the development part is one of the training part.
    assert "shared-documents" in [finding.name for finding in found.findings if finding.severity == "error"]
    assert not spacy_relext.diagnose(data).has_errors


def test_a_config_and_what_belongs_to_one(data):
    with pytest.raises(RelextError, match="an extractor of a config, and there is none"):
        spacy_relext.diagnose(data, component="x")
    with pytest.raises(RelextError, match=r"system\.seed: settings of a config, and there is none"):
        spacy_relext.diagnose(data, overrides={"system.seed": 1})
