"""Which missed and which wrong relations are one error: what was said in the place of what."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from spacy_relext.pipeline.gold import GoldKey
from spacy_relext.report.analysis import Group


class Match(NamedTuple):
    """An error: what was missed, what is wrong, or a wrong one in the place of a missed one. swapped: In the other direction, too."""

    group: Group
    annotated: GoldKey | None
    predicted: GoldKey | None
    swapped: bool = False


def match(
    missed: Collection[GoldKey], wrong: dict[GoldKey, float], reachable: Collection[GoldKey], symmetric: Collection[str]
) -> list[Match]:
    """Every missed and every wrong relation of a document in exactly one error.

    Two of the same pair are one error: first those with the same head and tail and another label, then those with the label in the other
    direction, then those with both; among several the wrong one with the highest score. A missed relation that is no candidate is an
    error of its own, whatever was predicted: the model could not do better.

    wrong: With their scores. reachable: The missed relations of which a candidate pair may have the label.
    """
    found = [Match("no_candidate", key, None) for key in sorted(set(missed) - set(reachable))]
    left, free = set(missed) & set(reachable), set(wrong)
    for _, _, a, p in sorted(_together(left, wrong, symmetric)):
        if a in left and p in free:
            left.remove(a)
            free.remove(p)
            swapped = a[1:] != p[1:] and a[0] not in symmetric and p[0] not in symmetric
            found.append(Match("wrong_direction" if a[0] == p[0] else "wrong_label", a, p, swapped))
    found += [Match("below_threshold", key, None) for key in sorted(left)]
    return found + [Match("spurious", None, key) for key in sorted(free)]


def _together(
    missed: Iterable[GoldKey], wrong: dict[GoldKey, float], symmetric: Collection[str]
) -> Iterable[tuple[int, float, GoldKey, GoldKey]]:
    """Missed and wrong relations of the same pair: how near they are (0 is nearest), less the score, and the two."""
    by_pair: dict[frozenset[tuple[int, int]], list[GoldKey]] = {}
    for key in wrong:
        by_pair.setdefault(frozenset(key[1:]), []).append(key)
    for a in missed:
        for p in by_pair.get(frozenset(a[1:]), ()):
            same_way = a[1:] == p[1:] or a[0] in symmetric or p[0] in symmetric
            yield 0 if same_way else 1 if a[0] == p[0] else 2, -wrong[p], a, p
