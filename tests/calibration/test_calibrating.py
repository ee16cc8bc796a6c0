"""`calibrate` and `relext calibrate`: what is stored, what stays as it was, and data that cannot be calibrated with."""

import json
import shutil

import pytest
import spacy
from spacy.tokens import DocBin

import spacy_relext
from spacy_relext.calibration.fitting import NONE
from spacy_relext.errors import RelextError
from spacy_relext.findings import kept
from tests.calibration.made import dev_docs, give_scores, sure
from tests.cli.toy import relext


@pytest.fixture
def nlp(model, monkeypatch):
    give_scores(monkeypatch)
    return spacy.load(model)


@pytest.fixture
def folder(model, monkeypatch, tmp_path):
    give_scores(monkeypatch)
    return shutil.copytree(model, tmp_path / "model")


def stored(docs, path):
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def relations(nlp, docs):
    """What is written: place, label, score, raw score."""
    texts = [doc.text for doc in docs]
    return [[(r.head.start, r.tail.start, r.label, r.score, r.raw_score) for r in doc._.relations] for doc in nlp.pipe(texts)]


def test_scores_become_the_share_that_is_right_and_the_same_is_written(nlp):
    pipe = nlp.get_pipe("relation_extractor")
    pipe.threshold = 0.7
    new = dev_docs(nlp.vocab, 40, seed=9)
    before = relations(nlp, new)
    found = spacy_relext.calibrate(nlp, dev_docs(nlp.vocab))
    assert found.maps is not None
    assert [choice.label for choice in found.choices] == ["MECHANISM", None]
    # Of raw scores from 0.7 to 1, 60 to 75 % are right.
    assert found.before.score > 0.8
    assert found.after.score == pytest.approx(found.before.right, abs=0.03)
    assert found.after.error < found.before.error > found.before.band
    after = relations(nlp, new)
    assert [[r[:3] for r in of_doc] for of_doc in after] == [[r[:3] for r in of_doc] for of_doc in before]
    assert [[r[4] for r in of_doc] for of_doc in after] == [[r[3] for r in of_doc] for of_doc in before]
    written = [r for of_doc in after for r in of_doc]
    assert 20 < len(written) < 80
    assert sum(abs(score - sure(raw)) for *_, score, raw in written) / len(written) < 0.1
    assert min(r[3] for r in written) >= found.thresholds["label_thresholds"].get("MECHANISM", found.thresholds["threshold"])
    assert found.raw_thresholds == {"threshold": 0.7, "label_thresholds": {}}
    assert kept(nlp, "calibration")["after"]["n"] == found.after.n
    json.dumps(found.to_dict(), allow_nan=False)
    pipe.calibration = None
    assert relations(nlp, new) == before
    assert (pipe.threshold, dict(pipe.label_thresholds)) == (0.7, {})


def test_calibrating_again_starts_from_the_raw_scores(nlp):
    docs = dev_docs(nlp.vocab)
    first = spacy_relext.calibrate(nlp, docs)
    second = spacy_relext.calibrate(nlp, docs)
    assert second.maps is not None
    assert second.before.score == pytest.approx(first.before.score)
    for label, scale in first.maps.labels.items():
        assert second.maps.labels[label].numbers == pytest.approx(scale.numbers, rel=1e-6)
    assert second.raw_thresholds == first.raw_thresholds


def test_where_none_helps_nothing_is_changed(nlp):
    found = spacy_relext.calibrate(nlp, dev_docs(nlp.vocab, truth=lambda p: p))
    pipe = nlp.get_pipe("relation_extractor")
    assert (found.maps, found.removed, pipe.calibration) == (None, False, None)
    assert found.before == found.after
    assert found.thresholds == found.raw_thresholds == {"threshold": 0.5, "label_thresholds": {}}
    # That none helps is a finding, too.
    of_it = kept(nlp, "calibration")
    assert (set(of_it["methods"].values()), of_it["before"]["error"]) == ({NONE}, found.before.error)


def test_where_none_helps_an_earlier_calibration_is_taken_off(nlp, caplog):
    pipe = nlp.get_pipe("relation_extractor")
    pipe.threshold = 0.7
    new = dev_docs(nlp.vocab, 40, seed=9)
    before = relations(nlp, new)
    spacy_relext.calibrate(nlp, dev_docs(nlp.vocab))
    found = spacy_relext.calibrate(nlp, dev_docs(nlp.vocab, truth=lambda p: p, seed=1))
    assert (found.maps, found.removed, pipe.calibration) == (None, True, None)
    assert "relation_extractor: no map helps on this data, so the calibration that it had is taken off." in caplog.text
    assert found.thresholds == found.raw_thresholds == {"threshold": 0.7, "label_thresholds": {}}
    assert relations(nlp, new) == before
    assert set(kept(nlp, "calibration")["methods"].values()) == {NONE}


def test_documents_that_it_learned_from_are_refused(nlp):
    docs = dev_docs(nlp.vocab)
    pipe = nlp.get_pipe("relation_extractor")
    spacy_relext.calibrate(nlp, docs)
    assert pipe.calibration["documents"]["sentences"]
    from spacy_relext.thresholds.seen import extended

    pipe.cfg["seen"] = extended(pipe.cfg["seen"], [doc.text for doc in docs])
    with pytest.raises(RelextError, match="was trained on 150 of 150 documents"):
        spacy_relext.calibrate(nlp, docs)


def test_what_few_documents_say_is_no_calibration(nlp):
    with pytest.raises(RelextError, match=r"writes 10 relations in 5 documents of this data.*needs 50 relations in 10 documents"):
        spacy_relext.calibrate(nlp, dev_docs(nlp.vocab, 5))


def test_data_of_other_labels(nlp):
    docs = dev_docs(nlp.vocab, 30, label="INHIBITS")
    with pytest.raises(
        RelextError, match=r"no annotated relation of the labels of relation_extractor.*MECHANISM; its relations have the labels INHIBITS"
    ):
        spacy_relext.calibrate(nlp, docs)
    with pytest.raises(RelextError, match="it has none"):
        spacy_relext.calibrate(nlp, dev_docs(nlp.vocab, 30, truth=lambda p: 0))


def test_a_label_that_never_occurs_is_told(nlp):
    docs = dev_docs(nlp.vocab, label="ADVISE")
    notes = spacy_relext.calibrate(nlp, docs).notes
    assert any(
        note.startswith("MECHANISM is annotated nowhere in this data; 300 relations that are written count as wrong.") for note in notes
    )
    assert any(note.startswith("ADVISE is written nowhere") for note in notes)


def test_scores_that_are_all_1(nlp, monkeypatch):
    docs = dev_docs(nlp.vocab)
    inner = spacy_relext.RelationExtractor.score_prepared
    monkeypatch.setattr(spacy_relext.RelationExtractor, "score_prepared", lambda *given: [scores.round() for scores in inner(*given)])
    found = spacy_relext.calibrate(nlp, docs)
    assert found.maps is not None
    assert "All raw scores are 1: they tell no relation from another." in found.notes
    assert {round(r[3], 2) for of_doc in relations(nlp, docs[:20]) for r in of_doc} == {
        round(float(found.maps.calibrated("MECHANISM", 1)), 2)
    }
    assert found.maps.calibrated("MECHANISM", 1) == pytest.approx(found.before.right, abs=0.03)


def test_mentions_that_the_pipeline_finds(nlp):
    found = spacy_relext.calibrate(nlp, dev_docs(nlp.vocab), predicted_mentions=True)
    assert found.before.n == 300
    nlp.remove_pipe("entity_ruler")
    with pytest.raises(RelextError, match="finds no mentions by itself"):
        spacy_relext.calibrate(nlp, dev_docs(nlp.vocab), predicted_mentions=True)


def test_the_command_stores_it_in_the_folder_and_takes_it_away(folder, tmp_path):
    nlp = spacy.load(folder)
    data = stored(dev_docs(nlp.vocab), tmp_path / "dev.spacy")
    result = relext("calibrate", folder, data, "--output", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    assert "Calibration stored in" in result.output
    assert "Thresholds: 0.5 on raw scores," in result.output
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))
    assert figures["before"]["n"] == 300
    assert list(figures["sha256"]) == [str(tmp_path / "dev.spacy")]
    nlp = spacy.load(folder)
    pipe = nlp.get_pipe("relation_extractor")
    assert pipe.calibration is not None
    assert nlp.config["components"]["relation_extractor"]["threshold"] == pipe.threshold
    written = [r for of_doc in relations(nlp, dev_docs(nlp.vocab, 5, seed=3)) for r in of_doc]
    assert all(score < raw for *_, score, raw in written)
    assert relext("evaluate", folder, data).exit_code == 0
    assert "Raw scores and thresholds, stored in" in relext("calibrate", folder, "--remove").output
    pipe = spacy.load(folder).get_pipe("relation_extractor")
    assert (pipe.calibration, pipe.threshold, dict(pipe.label_thresholds)) == (None, 0.5, {})
    assert "is not calibrated" in " ".join(relext("calibrate", folder, "--remove").output.split())


def test_the_command_changes_no_score_where_none_helps(folder, tmp_path):
    def content():
        stored = spacy.load(folder).get_pipe("relation_extractor")
        return {**stored.cfg, "given": None}, stored.model.to_bytes()

    before = content()
    data = stored(dev_docs(spacy.load(folder).vocab, truth=lambda p: p), tmp_path / "dev.spacy")
    result = relext("calibrate", folder, data)
    assert result.exit_code == 0, result.output
    assert "the scores stay as they are, and no calibration is stored" in " ".join(result.output.split())
    assert content() == before
    # The card says that it was tried.
    text = spacy_relext.write_card(folder).readme.read_text(encoding="utf8")
    assert "Calibration was tried on 150 documents, and no map helped: " in text
    assert "relext calibrate" not in text
    assert relext("calibrate", folder, stored(dev_docs(spacy.load(folder).vocab), tmp_path / "other.spacy")).exit_code == 0
    again = relext("calibrate", folder, data)
    assert "the scores are the raw ones again, and so are thresholds" in " ".join(again.output.split())
    assert spacy.load(folder).get_pipe("relation_extractor").calibration is None


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["en_relext_demo", "dev.spacy"], "is stored in the pipeline's folder"),
        (["en_relext_demo", "--remove"], "is stored in the pipeline's folder"),
        (["en_relext_demo"], "no data is named"),
        (["en_relext_demo", "dev.spacy", "--remove"], "--remove needs no data"),
    ],
)
def test_what_the_command_cannot_do(args, said):
    result = relext("calibrate", *args)
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())
