"""Which relations of a Doc are drawn, and which Docs: by the dictionary that a picture is made of."""

from bisect import bisect_right
from collections import Counter
from typing import Any, Literal

ERRORS, RELATIONS = "errors", "relations"
Only = Literal["errors", "relations"]
# Of a relation beside the annotation.
WRONG = ("missed", "wrong")
# What is left out, by the names of the report.
WITHOUT = {ERRORS: "documents without an error", RELATIONS: "documents without a relation"}
RIGHT_ONES = "relations in sentences without an error"


def is_wanted(data: dict[str, Any], only: Only | None) -> bool:
    """Whether a Doc is drawn, where only those with relations, or with errors, are."""
    if only is None:
        return True
    return any(only == RELATIONS or rel["status"] in WRONG for rel in data["rels"])


def narrowed(data: dict[str, Any], only: Only | None, left_out: Counter[str]) -> dict[str, Any]:
    """The same with the relations alone of sentences that have an error, where only errors are drawn. left_out: Is added to."""
    if only != ERRORS:
        return data
    starts = [start for start, _ in data["sents"]]

    def sentences(rel: dict[str, Any]) -> set[int]:
        return {bisect_right(starts, data["ents"][rel[end]]["start"]) for end in ("head", "tail")}

    wrong = set().union(*(sentences(rel) for rel in data["rels"] if rel["status"] in WRONG))
    kept = [rel for rel in data["rels"] if sentences(rel) & wrong]
    left_out[RIGHT_ONES] += len(data["rels"]) - len(kept)
    return {**data, "rels": kept}
