import logging

import pytest
import spacy
from spacy.training import Example

from spacy_relext.errors import RelextError
from spacy_relext.thresholds import seen
from spacy_relext.thresholds.seen import extended, new_record, share_known, unseen

TEXT = "Aspirin clearly increases the warfarin levels. Avoid ketamine with either of them! Results.\nNobody was harmed by this study"


def test_share_known():
    record = extended(new_record(), [TEXT])
    assert share_known(record, TEXT) == 1
    assert share_known(record, "Avoid  Ketamine with\teither of them!") == 1
    assert share_known(record, "Avoid ketamine with either of them! Nothing of this kind was seen.") == 0.5
    assert share_known(record, "Results.") is None
    assert extended(record, [TEXT]) == record
    assert extended(None, [TEXT]) == {**record, "complete": False}


def test_the_record_is_bounded(monkeypatch):
    monkeypatch.setattr(seen, "MOST", 50)
    texts = [f"This is sentence number {i} of all." for i in range(500)]
    record = new_record()
    for i in range(0, 400, 20):
        record = extended(record, texts[i : i + 20])
    assert record == extended(extended(new_record(), texts[200:400]), texts[:200])
    shares = [share_known(record, text) for text in texts]
    assert shares[:400].count(1) == 50
    assert 0 not in shares[:400]
    assert 1 not in shares[400:]
    assert 3 <= shares[400:].count(0) <= 40


@pytest.fixture
def docs(nlp):
    return [nlp(f"Drug number {i} increases the levels of warfarin.") for i in range(20)]


@pytest.mark.parametrize("verb", ["trained", "calibrated"])
def test_used_documents_are_refused(docs, verb):
    records = {"trained": new_record(), "calibrated": new_record(), verb: extended(new_record(), [doc.text for doc in docs[:2]])}
    with pytest.raises(RelextError, match=rf"extractor was {verb} on 2 of 20 documents.*docs\[::2\]"):
        unseen("extractor", docs, records, "a threshold")


def test_few_used_documents_are_left_out(docs, caplog):
    caplog.set_level(logging.WARNING)
    record = extended(new_record(), [docs[3].text])
    assert unseen("extractor", docs, {"trained": record}, "a threshold") == [*docs[:3], *docs[4:]]
    assert "1 document is known to it and left out" in caplog.text


def test_a_document_of_which_half_is_known_is_a_used_one(nlp):
    record = extended(new_record(), ["Nothing was known of these drugs.", "Nobody has looked at them since."])
    texts = ("Drug number 1 increases the levels of warfarin. It was so in all patients.", "Drug number 2 lowers the levels of quinine.")
    new = [nlp(text) for text in texts]
    half = nlp("Drug number 9 increases the levels of warfarin. Nothing was known of these drugs.")
    assert unseen("extractor", new, {"trained": record}, "a threshold") == new
    with pytest.raises(RelextError, match="was trained on 1 of 3 documents"):
        unseen("extractor", [*new, half], {"trained": record}, "a threshold")


def test_unknown_training_is_warned_of(docs, caplog):
    caplog.set_level(logging.WARNING)
    assert unseen("extractor", docs, {"trained": None}, "a threshold") == docs
    assert "not known what it was trained on" in caplog.text


def test_an_extractor_records_what_it_learns_from(nlp, examples, tmp_path):
    pipe = nlp.add_pipe("relation_extractor")
    nlp.initialize(lambda: examples)
    assert pipe.cfg["seen"] == new_record()
    nlp.update(examples[:2])
    pipe.update(examples[1:3])
    record = pipe.cfg["seen"]
    assert record["complete"]
    assert [share_known(record, eg.reference.text) for eg in examples] == [None, 1, 1, 0, 0, None]
    nlp.to_disk(tmp_path)
    other = spacy.load(tmp_path)
    assert other.get_pipe("relation_extractor").cfg["seen"] == record
    assert spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes()).get_pipe("relation_extractor").cfg["seen"] == record
    other.get_pipe("relation_extractor").update(examples[3:4])
    assert share_known(other.get_pipe("relation_extractor").cfg["seen"], examples[3].reference.text) == 1


def test_documents_that_teach_nothing_are_not_recorded(nlp, examples):
    pipe = nlp.add_pipe("relation_extractor")
    nlp.initialize(lambda: examples)
    text = examples[2].reference.text
    pipe.update([Example(nlp.make_doc(text), nlp.make_doc(text))])
    assert pipe.cfg["seen"] == new_record()


def test_a_pipeline_of_an_older_version(nlp, examples):
    pipe = nlp.add_pipe("relation_extractor")
    nlp.initialize(lambda: examples)
    # It was stored without the setting.
    pipe.cfg["seen"] = None
    pipe.update(examples[1:2])
    assert not pipe.cfg["seen"]["complete"]
