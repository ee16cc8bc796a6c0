"""What is drawn, as plain data: a text, its mentions, and the relations between them. All offsets are characters of the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["", "right", "missed", "wrong"]


@dataclass(frozen=True)
class PicturedMention:
    """A mention. kb_url: The address of its concept, "#" where there is none."""

    start: int
    end: int
    type: str
    kb_id: str = ""
    kb_url: str = "#"


@dataclass(frozen=True)
class PicturedRelation:
    """A relation between two mentions, by their numbers.

    score: None where it has none, as an annotated one. status: Beside an annotation: right, missed or wrong; empty without one.
    uncertain: The pipeline says so. attention: What was read for it: start, end and weight of words; weights sum to 1 at the most.
    note: What else its tooltip says.
    """

    head: int
    tail: int
    label: str
    score: float | None = None
    symmetric: bool = False
    status: Status = ""
    uncertain: bool = False
    attention: tuple[tuple[int, int, float], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A text, its mentions in their order, its relations, and its sentences, which cover the text."""

    text: str
    mentions: tuple[PicturedMention, ...]
    relations: tuple[PicturedRelation, ...]
    sentences: tuple[tuple[int, int], ...]
    title: str = ""
    lang: str = ""
    direction: Literal["ltr", "rtl"] = "ltr"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Picture":
        """A picture of what `parse_rels` gives, or a caller with `manual=True`. RAISES: RelextError for what is no such data."""
        mentions = tuple(
            PicturedMention(ent["start"], ent["end"], ent["label"], ent.get("kb_id", ""), ent.get("kb_url", "#")) for ent in data["ents"]
        )
        relations = tuple(
            PicturedRelation(
                rel["head"],
                rel["tail"],
                rel["label"],
                rel.get("score"),
                rel.get("symmetric", False),
                rel.get("status", ""),
                rel.get("uncertain", False),
                tuple(map(tuple, rel.get("attention", ()))),
                rel.get("note", ""),
            )
            for rel in data["rels"]
        )
        settings = data.get("settings", {})
        sentences: Sequence[Any] = data.get("sents") or [(0, len(data["text"]))]
        return cls(
            data["text"],
            mentions,
            relations,
            tuple((start, end) for start, end in sentences),
            data.get("title") or "",
            settings.get("lang", ""),
            settings.get("direction", "ltr"),
        )
