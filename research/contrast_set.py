"""The contrast set: frames, which are sentences with places for names, filled with names into lines of JSON.

A frame is a minimal pair (or triple) of sentences. Each is filled with several sets of names of its pool; one frame with one set is a
group of lines. Which sets is settled by the words of the frame, so that a change to one frame changes no other.
"""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from spacy_relext.errors import DataError

FRAMES = Path(__file__).parent / "contrast_frames"
HALVES = ("open", "held-out")
FILLS = 4
LABELS = {"M": "MECHANISM", "E": "EFFECT", "V": "ADVISE", "I": "INHIBITS", "T": "ACTIVATES", "S": "SUBSTRATE", "-": None}
PROTEINS = "PQ"
# The answer must stay the same, whatever it is.
INVARIANT = ("longer context", "other names", "other numbers", "passive")
# The denied, asked or conditional one must be the less probable.
DIRECTIONAL = ("conditional", "hedged", "question")
SLOT = re.compile(r"\{(\w)\}")
BREAK = " || "
Names = dict[str, str]
Pools = dict[str, list[Names]]


class Version(NamedTuple):
    """One of the sentences of a frame, and what is asked about it: is the head related to the tail, and how?"""

    template: str
    head: str
    tail: str
    label: str | None


class Frame(NamedTuple):
    """A minimal pair whose names are left open; `pools` has a second pool where only the names differ."""

    name: str
    phenomenon: str
    pools: tuple[str, ...]
    versions: list[Version]


def read_pools(path: Path = FRAMES / "names.txt") -> Pools:
    """The sets of names of each pool: letter → name."""
    pools: Pools = {}
    sets: list[Names] = []
    letters: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        if head := re.fullmatch(r"\[(.+)\] (.+)", line):
            sets, letters = pools.setdefault(head[1], []), head[2].split()
        elif line and not line.startswith("#"):
            names = line.split(", ")
            if len(names) != len(letters):
                raise DataError(f"{path}, line {number}: {len(names)} names for the {len(letters)} letters {' '.join(letters)}.")
            sets.append(dict(zip(letters, names, strict=True)))
    return pools


def read_frames(half: str) -> list[Frame]:
    """The frames of a half; each has a name of its own: "negated-open-03"."""
    frames: list[Frame] = []
    numbers: dict[str, int] = {}
    pair: list[str] = []
    path = FRAMES / f"{half}.txt"
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        if line.startswith("== "):
            phenomenon, pools, pair_text = line[3:].split(" | ")
            numbers[phenomenon] = numbers.get(phenomenon, 0) + 1
            name = f"{phenomenon.replace(' ', '-')}-{half}-{numbers[phenomenon]:02}"
            frames.append(Frame(name, phenomenon, tuple(pools.split(" ~ ")), []))
            pair = pair_text.split()
        elif line and not line.startswith("#"):
            frames[-1].versions.append(read_version(line, pair, f"{path}, line {number}"))
    return frames


def read_version(line: str, pair: list[str], place: str) -> Version:
    """A line of a frame: "<M The level of {A} was raised by {C}."."""
    code, template = line.split(" ", 1)
    asked = re.fullmatch(r"(<?)([A-Z-])(?::(\w),(\w))?", code)
    if asked is None or asked[2] not in LABELS:
        raise DataError(f"{place}: {code!r} is none of the labels {', '.join(LABELS)}.")
    head, tail = (asked[3], asked[4]) if asked[3] else pair
    if asked[1]:
        head, tail = tail, head
    slots = SLOT.findall(template)
    if len(set(slots)) != len(slots) or not {head, tail} <= set(slots):
        raise DataError(f"{place}: each name stands once, and {head} and {tail}, which are asked about, among them.")
    return Version(template, head, tail, LABELS[asked[2]])


def build(half: str) -> Iterator[dict[str, Any]]:
    """The lines of a half, group by group."""
    pools = read_pools()
    for frame in read_frames(half):
        first = zlib.crc32(frame.versions[0].template.encode())
        for number in range(FILLS):
            fills = [pools[pool][(first + number) % len(pools[pool])] for pool in frame.pools]
            sentences = [(version, fills[0]) for version in frame.versions] + [(frame.versions[0], fill) for fill in fills[1:]]
            yield from group(frame, f"{frame.name}-{number + 1}", half, sentences)


def group(frame: Frame, name: str, half: str, sentences: list[tuple[Version, Names]]) -> Iterator[dict[str, Any]]:
    """The lines of a group; the first is the original, to which the others are held."""
    original = f"{name}-a"
    for letter, (version, names) in zip("abcd", sentences, strict=False):
        line = filled(version.template, names)
        ids = line.pop("ids")
        asked: dict[str, Any] = {"group": name, "phenomenon": frame.phenomenon, "kind": "MFT", "frame": frame.name, "half": half}
        asked |= {"head": ids[version.head], "tail": ids[version.tail], "expected": [version.label] if version.label else []}
        if letter != "a" and frame.phenomenon in INVARIANT:
            asked |= {"kind": "INV", "same_as": original}
        elif letter != "a" and frame.phenomenon in DIRECTIONAL:
            asked |= {"kind": "DIR", "lower_than": original}
        yield {"id": f"{name}-{letter}"} | line | {"meta": {"contrast": asked}}


def filled(template: str, names: Names) -> dict[str, Any]:
    """Text, sentences and mentions of a sentence with these names, and the ids of its mentions by their letters."""
    text = ""
    sentences: list[list[int]] = []
    mentions: list[dict[str, Any]] = []
    ids: Names = {}
    for sentence in template.split(BREAK):
        text += " " if text else ""
        begin = len(text)
        for number, part in enumerate(SLOT.split(sentence)):
            name = names[part] if number % 2 else part
            if len(text) == begin and name[1:2].isalpha():
                name = name[:1].upper() + name[1:]
            if number % 2 and part.isupper():
                ids[part] = f"T{len(ids) + 1}"
                kind = "PROTEIN" if part in PROTEINS else "CHEMICAL"
                mentions.append({"id": ids[part], "start": len(text), "end": len(text) + len(name), "type": kind, "text": name})
            text += name
        sentences.append([begin, len(text)])
    return {"text": text, "sentences": sentences, "mentions": mentions, "ids": ids}
