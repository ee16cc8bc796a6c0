"""The card of a small pipeline: README, meta.json, picture, and what becomes of them in a package."""

import json
import shutil

import pytest
import spacy
import srsly
from huggingface_hub import ModelCard
from lxml import etree
from spacy.schemas import ModelMetaSchema, validate

from spacy_relext import write_card
from spacy_relext.calibration.fitting import NONE
from spacy_relext.card.about import About
from spacy_relext.card.metadata import hub_license
from spacy_relext.card.sections import missing
from spacy_relext.errors import DataError, RelextError
from spacy_relext.findings import keep
from spacy_relext.formats.docs import to_doc
from tests.cli.test_evaluate import ANNOTATED, MICRO
from tests.cli.toy import document, relext, spacy_command

ABOUT = {
    "name": "toy",
    "version": "1.0.0",
    "description": "Finds what drugs do to each other.",
    "license": "CC-BY-NC-4.0",
    "author": "Ann",
    "labels": {"MECHANISM": "one | changes the other"},
    "data": [{"name": "seven sentences", "license": "CC0-1.0", "url": "https://example.org/seven", "hub": "ann/seven"}],
    "encoder": {"name": "none", "license": "MIT"},
    "example": "Aspirin increases warfarin levels.",
    "test": "five sentences",
}


@pytest.fixture
def folder(model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def test_data(model):
    nlp = spacy.load(model)
    return [to_doc(document(*sentence), nlp) for sentence in ANNOTATED]


def test_readme_and_meta_say_what_was_measured_with_the_stored_threshold(folder, test_data):
    meta = srsly.read_json(folder / "meta.json")
    meta["performance"] = {"rel_micro_f": 0.1, "rel_speculated_p": 0.2, "ents_f": 0.9, "relation_extractor_loss": 613131.94}
    srsly.write_json(folder / "meta.json", meta)
    card = write_card(folder, ABOUT, test=test_data)
    text = card.readme.read_text(encoding="utf8")
    assert "| **all (micro)** | 66.7 | 50.0 | **57.1** |" in text
    assert "| `MECHANISM` | any → any | one \\| changes the other |" in text
    assert "| Package | `en_toy` 1.0.0 |" in text
    meta = srsly.read_json(folder / "meta.json")
    assert not validate(ModelMetaSchema, meta)
    stated = ("name", "version", "license", "author")
    assert [meta[key] for key in stated] == [ABOUT[key] for key in stated]
    assert meta["sources"][0] == {"name": "seven sentences", "url": "https://example.org/seven", "license": "CC0-1.0"}
    scores = meta["performance"]
    assert {key: scores[key] for key in MICRO} == pytest.approx(MICRO)
    assert scores["rel_found_mentions_micro_f"] == pytest.approx(MICRO["rel_micro_f"])
    assert not {"relation_extractor_loss", "rel_speculated_p"} & set(scores)


def test_hugging_face_reads_the_header(folder, test_data):
    write_card(folder, ABOUT, test=test_data)
    card = ModelCard.load(folder / "README.md")
    assert card.data.language == "en"
    assert card.data.license == "cc-by-nc-4.0"
    assert card.data.datasets == ["ann/seven"]
    assert card.data.model_name == "en_toy"
    results = {result.metric_name: result for result in card.data.eval_results}
    assert results["F1, annotated mentions"].metric_value == pytest.approx(MICRO["rel_micro_f"], abs=1e-4)
    assert results["F1, annotated mentions"].dataset_name == "five sentences"
    assert ModelCard(card.content).content == card.content
    assert card.text.lstrip().startswith("# en_toy 1.0.0")


def test_hugging_face_reads_a_card_of_which_nothing_is_known(folder):
    write_card(folder)
    card = ModelCard.load(folder / "README.md")
    assert card.data.license is None
    assert card.data.eval_results is None


def test_what_is_not_known_is_said(folder):
    card = write_card(folder)
    text = card.readme.read_text(encoding="utf8")
    assert "## What it is for\n\nNot stated.\n" in text
    assert "python -m spacy relext card MODEL --test test.spacy" in text
    for name in ("license", "labels"):
        assert any(line.startswith(f"`{name}` is not stated") for line in card.missing)
    assert any("`relext contrast MODEL --store` does it" in line for line in card.missing)
    assert card.picture is None


def test_figures_are_shown_again_until_they_no_longer_hold(folder, test_data):
    write_card(folder, ABOUT, test=test_data)
    again = write_card(folder, ABOUT).readme.read_text(encoding="utf8")
    assert "**57.1**" in again
    nlp = spacy.load(folder)
    nlp.get_pipe("relation_extractor").threshold = 0.99
    nlp.to_disk(folder)
    card = write_card(folder, ABOUT)
    assert "**57.1**" not in card.readme.read_text(encoding="utf8")
    assert any(line.startswith("figures of relation_extractor: not measured") for line in card.missing)


def test_the_picture_is_a_file_beside_it(folder):
    card = write_card(folder, ABOUT)
    drawing = etree.parse(card.picture)
    assert "MECHANISM" in "".join(drawing.getroot().itertext())
    assert "](relations.svg)" in card.readme.read_text(encoding="utf8")
    far = write_card(folder, {**ABOUT, "files_url": "https://example.org/model/"})
    assert "](https://example.org/model/relations.svg)" in far.readme.read_text(encoding="utf8")


def test_texts_of_others_stay_as_they_are(folder):
    for mine in (b"Mine.", "Für Ärzte.".encode("latin1")):
        (folder / "README.md").write_bytes(mine)
        with pytest.raises(DataError, match=r"neither `relext card` nor `spacy package` made it.*`overwrite` replaces it"):
            write_card(folder, ABOUT)
        assert (folder / "README.md").read_bytes() == mine
    write_card(folder, ABOUT, overwrite=True)
    write_card(folder, ABOUT)


# spaCy leaves the files of a package to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_readme_that_spacy_makes_of_the_meta_is_replaced(folder, tmp_path):
    spacy_command("package", "model", ".", "--build", "none", "--name", "other", "--version", "2.0.0", cwd=tmp_path)
    packaged = tmp_path / "en_other-2.0.0" / "en_other" / "en_other-2.0.0"
    readme = packaged / "README.md"
    plain = readme.read_text(encoding="utf8")
    assert "| Feature | Description |" in plain
    readme.write_text(f"{plain}\n\nMine.", encoding="utf8")
    with pytest.raises(DataError, match="it may hold what somebody wrote"):
        write_card(packaged)
    readme.write_text(plain, encoding="utf8")
    assert "Made by `relext card`" in write_card(packaged).readme.read_text(encoding="utf8")


def test_refuses_definitions_of_labels_that_are_not_there(folder):
    with pytest.raises(RelextError, match="labels defines MECHANSM; the pipeline has"):
        write_card(folder, {"labels": {"MECHANSM": "misspelt"}})
    with pytest.raises(RelextError, match=r"'en_toy' is none\. An installed pipeline is stored in a folder"):
        write_card("en_toy")


# spaCy leaves the files of a package to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_package_has_the_card(folder, tmp_path):
    write_card(folder, ABOUT)
    spacy_command("package", "model", ".", "--build", "none", cwd=tmp_path)
    package = tmp_path / "en_toy-1.0.0"
    readme = (folder / "README.md").read_text(encoding="utf8")
    assert (package / "README.md").read_text(encoding="utf8") == readme
    assert (package / "en_toy" / "en_toy-1.0.0" / "README.md").read_text(encoding="utf8") == readme
    assert (package / "en_toy" / "en_toy-1.0.0" / "relations.svg").is_file()
    meta = json.loads((package / "meta.json").read_text(encoding="utf8"))
    assert (meta["license"], meta["author"]) == ("CC-BY-NC-4.0", "Ann")


def test_the_command(folder, tmp_path):
    (tmp_path / "about.yaml").write_text("license: MIT\nauthor: Ann\n", encoding="utf8")
    result = relext("card", folder, "--about", tmp_path / "about.yaml", "--author", "Bob", "--name", "toy")
    assert result.exit_code == 0, result.output
    meta = srsly.read_json(folder / "meta.json")
    assert (meta["license"], meta["author"], meta["name"]) == ("MIT", "Bob", "toy")
    assert "`purpose` is not stated" in " ".join(result.output.split())
    assert "Card in" in result.output
    failed = relext("card", tmp_path / "none")
    assert failed.exit_code == 1
    assert "none' is none" in " ".join(failed.output.split())


@pytest.mark.parametrize(
    ("name", "link", "fields"),
    [
        ("MIT", "", {"license": "mit"}),
        ("GPL-3.0-or-later", "", {"license": "gpl-3.0"}),
        (
            "My licence, 2",
            "https://example.org/l",
            {"license": "other", "license_name": "my-licence-2", "license_link": "https://example.org/l"},
        ),
        ("", "", {}),
    ],
)
def test_licences_are_called_as_the_hub_calls_them(name, link, fields):
    assert hub_license(name, link) == fields


CHOSEN = {
    "purpose": "precision 0.9 with confidence 0.9",
    "documents": 40,
    "mentions": "annotated",
    "bounds": {"micro": 0.91},
    "review": None,
}


def test_what_other_commands_kept_is_told(folder, test_data):
    nlp = spacy.load(folder)
    keep(nlp, "threshold", CHOSEN)
    keep(nlp, "calibration", {"documents": 24, "methods": {"": "beta", "ADVISE": NONE}, "before": {}, "after": {}})
    contrast = {"n": 4, "share": 0.75, "low": 0.2, "high": 0.99}
    figures = {"consistent": contrast, "false_positives": contrast, "failures": {"n": 0, "share": None}}
    found = {"set": "mine", "sentences": 8, "half": None, "groups_not_asked": 1, "phenomena": {"negated": figures}, "all": figures}
    found["halves"] = {"open": figures, "held-out": figures}
    keep(nlp, "contrast", found)
    nlp.to_disk(folder)
    card = write_card(folder, ABOUT, test=test_data)
    text = card.readme.read_text(encoding="utf8")
    assert "Chosen for precision 0.9 with confidence 0.9, on 40 documents with annotated mentions." in text
    assert "The lower bounds: all labels together 91.0 %." in text
    assert "The scores are calibrated (beta), on 24 documents" in text
    assert "On the test documents, with annotated mentions: Scores: " in text
    assert "| negated | 4 | 75.0 (20.0–99.0) | 75.0 (20.0–99.0) | – |" in text
    assert "| half *held-out* | 4 | 75.0" in text
    assert "1 pair was not asked" in text
    assert [line.split()[0] for line in card.missing if "not measured" in line] == ["explanations"]


def test_commands_for_what_is_missing_name_the_extractor_where_there_are_several():
    nothing = dict.fromkeys(("figures", "calibration", "explanations", "contrast"))
    one, two = ([{"name": name, **nothing} for name in names] for names in (["ddi"], ["ddi", "chemprot"]))
    assert not any("--component" in line for line in missing(About(), {}, one))
    told = missing(About(), {}, two)
    assert "contrast of chemprot: not measured. `relext contrast MODEL --store --component chemprot` does it." in told
    assert "figures of chemprot: not measured. `relext card MODEL --test test.spacy` does it." in told
