"""Pipelines that are stored over their folder: stopped at any file, by two runs, and where nothing can be written beside it."""

import shutil
from pathlib import Path

import pytest
import spacy

from spacy_relext import storing
from spacy_relext.card import MARKER
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import load_pipeline, set_threshold

CALIBRATION = {"pooled": {"method": "sigmoid", "slope": 0.5, "intercept": -1.0}, "labels": {}}


@pytest.fixture
def folder(model, tmp_path):
    """That of a pipeline which can be changed."""
    return Path(shutil.copytree(model, tmp_path / "pipelines" / "model"))


def files_of(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def settings(folder):
    pipe = spacy.load(folder).get_pipe("relation_extractor")
    return pipe.threshold, dict(pipe.label_thresholds), pipe.calibration


def test_what_does_not_change_is_not_written(folder):
    (folder / "NOTES.md").write_text("mine", encoding="utf8")
    before = files_of(folder)
    nlp = spacy.load(folder)
    set_threshold(nlp, nlp.get_pipe("relation_extractor"), 0.6)
    storing.store(nlp, folder)
    assert settings(folder)[0] == 0.6
    after = files_of(folder)
    assert after.keys() == before.keys()
    # spaCy writes a set there, in any order.
    changed = {name for name in before if after[name] != before[name]} - {Path("sentencizer.json")}
    assert changed == {Path("config.cfg"), Path("relation_extractor", "cfg")}
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_stop_at_any_file_leaves_settings_that_belong_together(folder, monkeypatch, calibrated):
    """Thresholds of the calibrated scale, and raw scores, would write other relations, and say nothing."""
    if calibrated:
        nlp = spacy.load(folder)
        nlp.get_pipe("relation_extractor").calibration = CALIBRATION
        storing.store(nlp, folder)
    before = settings(folder)
    real, kept = storing.put_in_place, shutil.copytree(folder, folder.parent / "kept")
    found = []
    for most in range(20):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        put = []

        def stop(made, place, most=most, put=put):
            if len(put) == most:
                raise KeyboardInterrupt
            put.append(place)
            real(made, place)

        nlp = spacy.load(folder)
        nlp.get_pipe("relation_extractor").calibration = None if calibrated else CALIBRATION
        monkeypatch.setattr(storing, "put_in_place", stop)
        try:
            storing.store(nlp, folder)
        except KeyboardInterrupt:
            found.append(settings(folder))
        else:
            break
    after = settings(folder)
    assert (after[2] is None) == calibrated
    assert after[0] != before[0]
    assert len(found) >= 3
    assert found[0] == before
    assert found[-1] == after
    assert all(each in (before, after) for each in found)
    assert sorted(folder.parent.iterdir()) == sorted([folder, kept])


def test_what_another_run_stored_meanwhile_is_not_taken_back(folder):
    slow, quick = load_pipeline(str(folder)), load_pipeline(str(folder))
    set_threshold(quick, quick.get_pipe("relation_extractor"), 0.7)
    storing.store(quick, folder)
    with pytest.raises(RelextError, match="another run has stored in this folder since the pipeline was loaded"):
        storing.store(slow, folder)
    assert settings(folder)[0] == 0.7
    set_threshold(quick, quick.get_pipe("relation_extractor"), 0.8)
    storing.store(quick, folder)
    assert settings(folder)[0] == 0.8


def test_one_run_stores_at_a_time(folder, monkeypatch):
    monkeypatch.setattr(storing, "PATIENCE", 0.0)
    nlp = spacy.load(folder)
    with storing.lock(folder.parent / "model.store"), pytest.raises(RelextError, match="another run stores in this folder"):
        storing.store(nlp, folder)
    storing.store(nlp, folder)


def test_a_link_and_a_folder_beside_which_nothing_can_be_written(folder, monkeypatch, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    monkeypatch.setattr(storing.os, "access", lambda path, mode: Path(path) != folder.parent)
    names = files_of(folder).keys()
    nlp = spacy.load(link)
    set_threshold(nlp, nlp.get_pipe("relation_extractor"), 0.6)
    storing.require_storable(link)
    storing.store(nlp, link)
    assert settings(link)[0] == 0.6
    assert link.is_symlink()
    assert files_of(folder).keys() == names


def test_a_folder_that_cannot_be_written_is_refused_at_once(folder, monkeypatch):
    def refused(**settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(storing, "TemporaryDirectory", refused)
    with pytest.raises(RelextError, match=r"nothing can be stored in this folder: Permission denied\. Copy the pipeline"):
        storing.require_storable(folder)


def test_a_card_of_the_pipeline_as_it_was_is_named(folder, caplog):
    """Its wheel would have it, and say that the scores are not calibrated."""
    nlp = spacy.load(folder)
    (folder / "README.md").write_text("Mine.", encoding="utf8")
    storing.store(nlp, folder)
    assert not caplog.text
    (folder / "README.md").write_text(f"# A card\n\n{MARKER} 1.0", encoding="utf8")
    storing.store(nlp, folder)
    assert f"Write it again: relext card {folder}" in caplog.text
