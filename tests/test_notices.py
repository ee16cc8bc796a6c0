"""Warnings that are given once, or gathered."""

import copy
import logging
import pickle
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest

import spacy_relext
from spacy_relext.notices import MOST_VALUES, Gathered, Notice, Notices, counted, counted_name, gathering


def test_each_kind_is_told_once(caplog):
    notices = Notices()
    for _ in range(2):
        notices.warn("types", "x: {n} of {of} are unknown: {values}.", n=2, of=3, values=["B", "A", "A"])
        notices.warn("order", "x: it comes too late.")
    assert [r.getMessage() for r in caplog.records] == ["x: 2 of 3 are unknown: A, B.", "x: it comes too late."]
    assert {r.name for r in caplog.records} == {"spacy.relext"}
    assert not notices.wants("types")
    assert notices.wants("others")
    # Another component tells its own.
    Notices().warn("order", "y: it comes too late.")
    notices.forget()
    notices.warn("order", "x: again.")
    assert [r.getMessage() for r in caplog.records[2:]] == ["y: it comes too late.", "x: again."]


def test_words_go_with_their_number():
    text = "x: {n} of {of} {of|mention|mentions} {n|has|have} {values}."
    said = [Notice(n, of, Counter(["B"])).fill(text) for n, of in ((1, 1), (1, 2), (2, 2000))]
    assert said == ["x: 1 of 1 mention has B.", "x: 1 of 2 mentions has B.", "x: 2 of 2,000 mentions have B."]
    assert Notice(0, 0).fill("{n|document|documents}") == "documents"
    assert [counted(n, "document", "documents") for n in (0, 1, 2000)] == ["0 documents", "1 document", "2,000 documents"]


def test_texts_of_users_are_no_formats(caplog):
    Notices().warn("k", "{values} in {these} {n} 100 % {0} {x|y|z}", values=["{n|a|b}", "%s"])
    assert caplog.messages == ["{n|a|b}, %s in {these} 1 100 % {0} {x|y|z}"]


def test_the_most_frequent_values_are_named(caplog):
    values = [str(i) for i in range(20) for _ in range(20 - i)]
    Notices().warn("k", "{values}", values=values)
    assert caplog.messages == [", ".join(map(str, range(MOST_VALUES))) + f" and {20 - MOST_VALUES} more"]


def test_gathered_are_counted_and_not_logged(caplog):
    notices = Notices()
    notices.warn("told before", "a: {n} of {of}: {values}.", n=1, of=1, values=["X"])
    caplog.clear()
    with gathering() as found:
        assert notices.wants("told before")
        notices.warn("told before", "a: {n} of {of}: {values}.", n=1, of=4, values=["X"])
        notices.warn("told before", "a: {n} of {of}: {values}.", n=2, of=4, values=["Y", "Y"])
        notices.warn("other", "b.")
    elsewhere = Gathered()
    # Of another process.
    elsewhere.add(pickle.loads(pickle.dumps(found)))
    elsewhere.add(found)
    assert found.lines() == ["a: 3 of 8: Y, X.", "b. (Documents: 1.)"]
    assert elsewhere.lines() == ["a: 6 of 16: Y, X.", "b. (Documents: 2.)"]
    assert not caplog.messages
    # Gathering tells nobody: afterwards it is logged.
    notices.warn("other", "b.")
    assert caplog.messages == ["b."]


def test_other_threads_do_not_gather(caplog):
    with gathering() as found:
        thread = Thread(target=Notices().warn, args=("k", "logged"))
        thread.start()
        thread.join()
    assert (found, caplog.messages) == ({}, ["logged"])


def test_threads_tell_once(caplog):
    notices = Notices()
    threads = [Thread(target=notices.warn, args=("k", "once")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caplog.messages == ["once"]


def test_copies_know_what_was_told(caplog):
    notices = Notices()
    notices.warn("k", "once")
    for other in (pickle.loads(pickle.dumps(notices)), copy.deepcopy(notices)):
        other.warn("k", "again")
        assert other.wants("another")
    assert caplog.messages == ["once"]


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("documents without relations", "1 document without relations"),
        ("relations of relations", "1 relation of relations"),
        ("statuses of relations", "1 status of relations"),
        ("syntactic analyses", "1 syntactic analysis"),
        ("entities read as their text says", "1 entity read as their text says"),
        ("concept identifiers", "1 concept identifier"),
        ("discontinuous mentions (kept as one stretch)", "1 discontinuous mention (kept as one stretch)"),
        ("brat notes (#)", "1 brat note (#)"),
        ("tasks left out, answer 'reject'", "1 task left out, answer 'reject'"),
        ("sentences that run over line ends", "1 sentence that runs over line ends"),
        ("mentions that begin or end inside a character", "1 mention that begins or ends inside a character"),
        ("fields begin with =", "1 field begins with ="),
        ("shards have", "1 shard has"),
    ],
)
def test_names_of_counts_are_singular_for_one(name, one):
    assert counted_name(1, name) == one
    assert counted_name(2000, name) == f"2,000 {name}"


def test_warnings_of_the_package_are_spacys_with_a_name_of_their_own():
    """Whoever hears spaCy hears them, and they can be switched off alone."""
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.name)
    spacys = logging.getLogger("spacy")
    spacys.addHandler(handler)
    try:
        Notices().warn("k", "a")
        logging.getLogger("spacy.relext").setLevel("ERROR")
        Notices().warn("k", "b")
    finally:
        logging.getLogger("spacy.relext").setLevel("NOTSET")
        spacys.removeHandler(handler)
    assert heard == ["spacy.relext"]


def test_nothing_else_in_the_package_has_a_logger():
    found = [path.name for path in Path(spacy_relext.__file__).parent.rglob("*.py") if "getLogger" in path.read_text(encoding="utf8")]
    assert found == ["notices.py"]
