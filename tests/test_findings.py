import pytest
import spacy
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.findings import keep, kept
from spacy_relext.formats.docs import to_doc
from tests.cli.toy import SENTENCES, document, spacy_command


@pytest.fixture
def toy(model):
    return spacy.load(model)


# spaCy leaves the files of a package to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_are_stored_and_packaged_with_the_pipeline(toy, tmp_path):
    value = {"method": "attention", "figures": [0.1, 2, None], "told": True}
    keep(toy, "explanations", value)
    toy.to_disk(tmp_path / "model")
    assert kept(spacy.load(tmp_path / "model"), "explanations") == value
    spacy_command("package", "model", ".", "--build", "none", "--name", "toy", "--version", "1.0", cwd=tmp_path)
    assert kept(spacy.load(tmp_path / "en_toy-1.0" / "en_toy" / "en_toy-1.0"), "explanations") == value


def test_do_not_outlive_a_training(toy):
    keep(toy, "explanations", {"n": 1})
    keep(toy, "contrast", {"n": 2})
    examples = [Example(toy.make_doc(doc.text), doc) for doc in (to_doc(document(*sentence), toy) for sentence in SENTENCES)]
    toy.update(examples, sgd=toy.resume_training())
    assert kept(toy, "explanations") is None
    assert kept(toy, "contrast") is None
    # The next command that stores anything does away with them.
    keep(toy, "contrast", {"n": 3})
    assert list(toy.meta["relext"]) == ["contrast"]
    assert kept(toy, "contrast") == {"n": 3}


def test_hold_for_the_settings_that_they_were_measured_with(toy):
    keys = ("explanations", "calibration", "threshold", "contrast", "figures")
    for key in keys:
        keep(toy, key, {"n": key})
    toy.get_pipe("relation_extractor").threshold = 0.87
    assert [key for key in keys if kept(toy, key)] == ["explanations", "calibration"]


def test_belong_to_one_of_several_extractors(toy):
    toy.add_pipe("relation_extractor", name="other")
    with pytest.raises(RelextError, match="are relation_extractor, other, and none was named"):
        keep(toy, "contrast", {"n": 1})
    keep(toy, "contrast", {"n": 1}, component="relation_extractor")
    assert kept(toy, "contrast", component="other") is None
    assert kept(toy, "contrast", component="relation_extractor") == {"n": 1}


@pytest.mark.parametrize("value", [{"n": float("nan")}, {"n": object()}])
def test_refuses_what_json_cannot_hold(toy, value):
    with pytest.raises(RelextError, match="cannot be stored as JSON"):
        keep(toy, "contrast", value)


def test_refuses_unknown_keys(toy):
    with pytest.raises(RelextError, match="no finding 'speed'"):
        kept(toy, "speed")
