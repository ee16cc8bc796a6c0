import errno
import json
import re

import pytest

from spacy_relext.batch import results as module
from spacy_relext.batch.asking import output_of
from spacy_relext.batch.results import DOCUMENTS, INPUT, PATIENCE, STOPPED, Failure
from spacy_relext.cli.status import lines
from spacy_relext.errors import DataError, RelextError
from tests.batch.toy import BEAT, results

HEADER = {"read": 1, "documents": 1, "relations": 0, "errors": [], "left out": {}, "ids": "", "digest": "d"}
LINE = '{"id": "d", "text": "é"}\n'


def fails_with(number, times):
    """An action that fails so often, as the system does."""
    left = iter(range(times))

    def action():
        for _ in left:
            raise OSError(number, "told by the system")
        return "made"

    return action


def test_the_first_result_is_kept_and_an_equal_one_is_right(plan):
    assert results(plan, "one").put(2, HEADER, [LINE])
    assert not results(plan, "two").put(2, HEADER, [LINE])
    header, stored = results(plan).read(2)
    assert stored == [LINE]
    assert header["documents"] == 1
    assert results(plan).finished(0) == {2}


def test_two_results_that_differ_stop_the_run_and_both_are_named(plan):
    results(plan, "one").put(2, HEADER, [LINE])
    with pytest.raises(DataError, match=r"results/00000/shard-2\.jsonl and .*result-two/shard-2\.jsonl .*differ"):
        (two := results(plan, "two")).put(2, HEADER, [LINE.replace("é", "e")])
    assert results(plan).read(2)[1] == [LINE]
    two.end()
    assert (plan.folder / "result-two" / "shard-2.jsonl").is_file()  # to be looked at
    assert "Stopped: " in (told := "\n".join(lines(plan.folder, output_of(plan))))
    assert "result-two/shard-2.jsonl" in told
    assert "differ" in str(results(plan, "three").difference())
    (plan.folder / STOPPED).unlink()
    assert results(plan, "three").difference() is None
    two.end()
    assert not two.own.exists()


def test_a_result_of_another_run_or_a_damaged_one_is_an_error(plan):
    mine = results(plan)
    mine.put(2, HEADER, [LINE])
    place = mine.place(2)
    whole = place.read_bytes()
    for content in (whole.replace("é".encode(), b"ee"), whole[:-5], whole.replace(b'"number": 2', b'"number": 3'), b""):
        place.write_bytes(content)
        with pytest.raises(DataError, match=re.escape(str(place))):
            mine.read(2)


def test_a_full_disk_is_waited_for_and_told_of_once(plan, monkeypatch):
    waited, told = [], []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    assert results(plan, told=told).patiently(fails_with(errno.ENOSPC, 3)) == "made"
    assert waited == [BEAT] * 3
    assert len(told) == 1
    assert "The disk is full" in told[0]
    assert str(plan.folder) in told[0]
    with pytest.raises(RelextError, match="has been full for"):
        results(plan).patiently(fails_with(errno.EDQUOT, PATIENCE))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EIO])
def test_any_other_error_of_the_disk_is_one_at_once(plan, monkeypatch, number):
    monkeypatch.setattr(module.time, "sleep", lambda seconds: pytest.fail("waited"))
    with pytest.raises(OSError, match="told by the system"):
        results(plan).patiently(fails_with(number, 1))


def test_nothing_is_left_of_what_does_not_fit(plan, monkeypatch):
    mine = results(plan)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(module, "sync", lambda path: fails_with(errno.ENOSPC, 1)())
    with pytest.raises(RelextError, match="has been full"):
        mine.put(2, HEADER, [LINE])
    assert list(mine.own.iterdir()) == []
    assert mine.finished(0) == set()


def test_failures_are_told_with_and_without_a_result(plan):
    mine = results(plan)
    mine.put_failure(Failure(3, ("in.jsonl:4: é",), DOCUMENTS))
    mine.put_failure(Failure(1, ("in.jsonl: changed",), INPUT))
    mine.put(3, HEADER, [LINE])
    assert [(failure.number, failure.errors, failure.reason, stored) for failure, stored in mine.failures()] == [
        (1, ("in.jsonl: changed",), INPUT, False),
        (3, ("in.jsonl:4: é",), DOCUMENTS, True),
    ]
    assert json.loads((plan.folder / "failed" / "00000" / "shard-3.json").read_text(encoding="utf8"))["errors"] == ["in.jsonl:4: é"]


def test_a_failure_may_name_a_file_whose_name_is_no_utf8(plan):
    mine = results(plan)
    mine.put_failure(Failure(1, ("caf\udce9.jsonl:4: no text",), DOCUMENTS))
    assert mine.failure(1).errors == ("caf\udce9.jsonl:4: no text",)


@pytest.mark.parametrize("name", ["shard-2.jsonl~", "shard-2.jsonl.orig", "shard-x.jsonl", "shard-", "notes.txt"])
def test_what_else_is_beside_results_is_none(plan, name):
    mine = results(plan)
    mine.put(1, HEADER, [LINE])
    (mine.place(1).parent / name).write_text("", encoding="utf8")
    assert mine.finished(0) == {1}
