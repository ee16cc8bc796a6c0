"""Texts of ours that are hard to draw, as the dictionaries that `render(…, manual=True)` takes."""

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any


def marked(text: str, arcs: Sequence[Sequence[Any]], sentences: bool = True, **more: Any) -> dict[str, Any]:
    """A picture of a text whose mentions are marked: [warfarin|DRUG]; they may nest. They are numbered by their begin, longer ones first.

    arcs: Head, tail, label, score and a dictionary of what else, of which the last two may be left out.
    """
    plain, open_, found, at = "", [], [], 0
    while at < len(text):
        end = re.match(r"\|([^\]|]*)\]", text[at:])
        if text[at] == "[":
            open_.append(len(plain))
        elif end:
            found.append((open_.pop(), len(plain), end[1]))
            at += end.end() - 1
        else:
            plain += text[at]
        at += 1
    ends = [match.end() for match in re.finditer(r"[.!?。]\s*|\n+", plain)] if sentences else []
    bounds = [0, *(end for end in ends if end < len(plain)), len(plain)]
    return {
        "text": plain,
        "ents": [{"start": s, "end": e, "label": kind} for s, e, kind in sorted(found, key=lambda m: (m[0], -m[1]))],
        "rels": [_relation(*arc) for arc in arcs],
        "sents": [[s, e] for s, e in pairwise(bounds)],
        "title": None,
        "settings": {"lang": "en", "direction": "ltr"},
    } | more


def _relation(head: int, tail: int, label: str, score: float | None = None, more: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"head": head, "tail": tail, "label": label, "score": score} | (more or {})


def _random_relations() -> dict[str, Any]:
    chance = random.Random(3)
    drugs = "warfarin aspirin ibuprofen rifampicin ketoconazole digoxin verapamil lithium phenytoin simvastatin clarithromycin amiodarone"
    listed = ", ".join(f"[{drug}|DRUG]" for drug in drugs.split())
    enzymes = "[CYP3A4|ENZYME], [CYP2D6|ENZYME], [P-glycoprotein|TRANSPORTER] and [albumin|PROTEIN]"
    text = f"Taken together, {listed} and [methotrexate|DRUG] act on {enzymes}."
    pairs: set[tuple[int, int, str]] = set()
    while len(pairs) < 30:
        head, tail = chance.sample(range(17), 2)
        pairs.add((head, tail, chance.choice(["INHIBITS", "INDUCES", "SUBSTRATE OF", "EFFECT"])))
    return marked(text, [(head, tail, label, round(chance.random(), 2)) for head, tail, label in sorted(pairs)])


def _far() -> dict[str, Any]:
    sentence = "Sentence number {} says nothing of interest but goes on, so that there are many words between the two."
    between = " ".join(map(sentence.format, range(110)))
    return marked(f"[Alpha|DRUG] begins. {between} At the end there is [omega|DRUG].", [(0, 1, "EFFECT", 0.9)])


def _long_mention() -> dict[str, Any]:
    words = " ".join(f"word{i}" for i in range(300))
    return marked(f"Before it, [{words}|PHRASE] stands beside [this|DRUG] and [that|DRUG].", [(0, 1, "EFFECT", 0.9), (2, 0, "CAUSES", 0.4)])


def _crossing() -> dict[str, Any]:
    text = "Serum levels of alpha and beta adrenergic receptor blocking drugs rise with cimetidine."
    classes = ("alpha and beta adrenergic receptor", "receptor blocking drugs")
    kinds = [*((words, "CLASS") for words in classes), ("adrenergic receptor blocking", "EFFECT"), ("cimetidine", "DRUG")]
    ents = [{"start": text.index(words), "end": text.index(words) + len(words), "label": kind} for words, kind in kinds]
    order = sorted(ents, key=lambda ent: (ent["start"], -ent["end"]))
    return marked(text, [(3, 0, "RAISES", 0.9), (3, 1, "RAISES", 0.8), (1, 2, "PART OF", 0.3)], ents=order)


def _status(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, **more}


SYMMETRIC = {"symmetric": True}
RTL = {"settings": {"lang": "he", "direction": "rtl"}}
CLAUSE = (
    "a mention that is far longer than a line because an annotator marked the whole clause including every modifier and relative clause, "
    "and went on, and on, and on, until the line was full and the next one was begun"
)

MAKERS: dict[str, Callable[[], dict[str, Any]]] = {
    "thirty random relations": _random_relations,
    "two thousand tokens apart": _far,
    "a mention of three hundred tokens": _long_mention,
    "crossing mentions": _crossing,
    "hebrew": lambda: marked(
        "[וורפרין|תרופה] מעכב את [CYP2C9 of the liver|אנזים] וגם את [וויטמין K|תרופה], ולכן מגביר את הסיכון לדימום אצל חולים הנוטלים "
        "[אספירין|תרופה] או [איבופרופן|תרופה] במשך זמן רב לפי New York Times מאתמול.",
        [(0, 1, "מעכב", 0.9), (0, 2, "מעכב", 0.6), (3, 0, "EFFECT", 0.8), (4, 0, "EFFECT", 0.8), (1, 4, "קשור", 0.4)],
        sentences=False, **RTL),
    "arabic": lambda: marked(
        "يثبط [الوارفارين|دواء] إنزيم [CYP2C9|إنزيم] ويزيد [الأسبرين|دواء] من خطر النزيف عند "
        "المرضى الذين يتناولون [الإيبوبروفين|دواء] لفترة طويلة.",
        [(0, 1, "يثبط", 0.9), (2, 3, "EFFECT", 0.7), (3, 0, "INT", None, SYMMETRIC)],
        sentences=False, settings={"lang": "ar", "direction": "rtl"}),
    "chinese and japanese": lambda: marked(
        "[阿司匹林|药物]抑制[环氧合酶-1|蛋白],因此与[华法林|药物]合用时会增加出血的风险。[イブプロフェン|薬物]は[COX-2|蛋白]を阻害するが、[ワルファリン|薬物]の代謝には影響しないと報告されている。",
        [(0, 1, "抑制", 0.9), (0, 2, "相互作用", 0.7, SYMMETRIC), (3, 4, "阻害", 0.95)]),
    "emoji, combining and zero-width characters, tabs": lambda: marked(
        "👩🏽‍⚕️ gave [cafe\u0301ine|DRUG] 💊💊 and [naïve T‑cells|CELL] with [e\u0301\u0302\u0323tude|DRUG]\u200b zero\u200bwidth, "
        "tab\there,  two  spaces\nand a new line with [H₂O|DRUG] → [β-blocker|DRUG] ﬁnd.",
        [(0, 1, "EFFECT", 0.9), (1, 2, "EFFECT", 0.3), (3, 4, "INT", 0.6, SYMMETRIC), (0, 4, "INT", 0.6, SYMMETRIC)],
        sentences=False),
    "line ends": lambda: marked(
        "[Aspirin|DRUG] and\r\n[warfarin|DRUG],\r\r\nthen\n\n\n[heparin|DRUG]\r\n",
        [(0, 1, "INT", 0.9), (2, 1, "EFFECT", 0.4)], sentences=False),
    "lines without a width": lambda: marked(
        "[Aspirin|DRUG]\n\n\n\u200b\n \n\t\n[warfarin|DRUG]\n\u200b[heparin|DRUG]\n\u200b\u200b \u200b\n",
        [(0, 1, "INT", 0.9), (2, 1, "EFFECT", 0.4)],
        sentences=False,
    ),
    "bidirectional": lambda: marked(
        "The patient took [אספירין|DRUG] and [warfarin (וורפרין)|DRUG] \u202eabc\u202c with \u2067שלום world\u2069 and [ibuprofen|DRUG].",
        [(0, 1, "EFFECT", 0.9), (2, 1, "EFFECT", 0.5)]),
    "nested": lambda: marked(
        f"Here is [{CLAUSE}|PHRASE], which affects [this|X] and [[HIV|VIRUS] [protease|ENZYME] inhibitors|CLASS] inhibit "
        "[[HIV|VIRUS] replication|PROCESS].",
        [(0, 1, "EFFECT", 0.9), (2, 5, "INHIBITS", 0.9), (3, 4, "PART OF", 0.6), (2, 4, "INHIBITS", 0.4), (5, 2, "INHIBITED BY", 0.7)]),
    "both directions": lambda: marked(
        "[Warfarin|DRUG] and [aspirin|DRUG].",
        [(0, 1, "EFFECT", 0.9), (1, 0, "EFFECT", 0.7), (0, 1, "MECHANISM", 0.5), (0, 1, "INT", 0.9, SYMMETRIC)]),
    "hostile": lambda: marked(
        "[<script>alert(1)</script>|<b>T</b>] and [\"quoted' & <i>|\"><img src=x onerror=alert(1)>] &amp; done.",
        [(0, 1, "<img src=x onerror=alert(1)>", 0.9), (1, 0, "</style><script>alert(1)</script>", None)], sentences=False),
    "a label of ten thousand characters": lambda: marked(
        "[Warfarin|DRUG] and [aspirin|DRUG].", [(0, 1, "L" * 10_000, 0.9), (1, 0, "M N " * 2_500, 0.2)]),
    "annotation beside prediction": lambda: marked(
        "[Ketoconazole|DRUG] raises [simvastatin|DRUG] levels, as do [itraconazole|DRUG] and [grapefruit juice|FOOD]; "
        "[rifampicin|DRUG] lowers them and may blunt [warfarin|DRUG], but [aspirin|DRUG] does not.",
        [(0, 1, "MECHANISM", 0.9, _status("right")), (2, 1, "MECHANISM", 0.9, _status("right")),
         (3, 1, "MECHANISM", None, _status("missed")),
         (4, 1, "MECHANISM", 0.6, _status("right")), (4, 5, "EFFECT", 0.55, _status("right")), (6, 5, "EFFECT", 0.41, _status("wrong")),
         (6, 4, "EFFECT", 0.38, _status("wrong", uncertain=True))]),
    "uncertain, and what was read": lambda: marked(
        "[Ketoconazole|DRUG] raises [simvastatin|DRUG] levels, and perhaps those of [warfarin|DRUG].",
        [(0, 1, "MECHANISM", 0.9, {"attention": [[13, 19, 0.6], [32, 38, 0.2], [20, 31, 0.1]]}),
         (0, 2, "MECHANISM", 0.45, {"uncertain": True, "attention": [[44, 51, 0.5]]})]),
    "no relations": lambda: marked("[Warfarin|DRUG] stands beside [aspirin|DRUG]. Nothing is said.", []),
    "no mentions": lambda: marked("Nothing is said.", []),
}  # fmt: skip


def hard_texts() -> dict[str, dict[str, Any]]:
    """Each by the name of what is hard in it."""
    return {name: make() for name, make in MAKERS.items()}
