"""Pictures of documents in a browser: a short run of the command."""

from benchmarks.pictures import choose
from tests.browser.checking import CHECKS
from tests.conftest import DEMO
from tests.stress.pictures import check_all


def test_pictures_of_the_demonstration(chromium):
    chosen = choose([f"jsonl={DEMO / 'test.jsonl'}"], 4, seed=0)
    figures = check_all(chromium, chosen, 360)
    assert [figures[check] for check in CHECKS] == [0] * len(CHECKS)
    assert figures["looked at"]["drawn"] == sum(len(picture["rels"]) for _, picture in chosen)
