"""Relations as a table of HTML: under a picture, and in a notebook."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from spacy_relext.displacy.picture import Picture, PicturedMention, PicturedRelation
from spacy_relext.displacy.style import MOST_LIT
from spacy_relext.notices import counted
from spacy_relext.relation import Relation
from spacy_relext.values import ASSERTED

# In markup, where a reference must not be broken.
_LONG_WORD = re.compile(r"(?:&[#\w]+;|[^\s&]){20}(?=\S)")
# The most rows in a notebook.
MOST_SHOWN = 200
# The most rows, those of the relations with the highest scores, and the most characters of a cell.
MOST_ROWS, MOST_CHARACTERS = 2000, 160


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text in one line, with an ellipsis where it is too long."""
    text = " ".join(text.split()) or text
    return text if len(text) <= most else f"{text[: most - 1]}…"


def cell(text: str, most: int = MOST_CHARACTERS) -> str:
    """The content of a cell, in which a very long word may be broken."""
    return _LONG_WORD.sub(r"\g<0><wbr>", escape(shortened(text, most)))


def table(header: Iterable[str], rows: Iterable[str]) -> str:
    """A table. rows: As HTML, from `<tr` on."""
    names = "".join(f"<th scope=col>{escape(name)}" for name in header)
    return f"<table><thead><tr>{names}<tbody>{''.join(rows)}</table>"


def relation_table(picture: Picture, anchor: str = "") -> str:
    """The relations of a picture, folded away below how many they are. anchor: The `id` that links to it have."""
    relations = picture.relations
    order = sorted(range(len(relations)), key=lambda i: -_worth(relations[i]))[:MOST_ROWS]
    columns = _columns(relations)
    rows = (_row(picture, i, columns) for i in sorted(order))
    left_out = len(relations) - len(order)
    said = [counted(len(relations), "relation", "relations"), *picture.notes]
    if left_out:
        said.append(f"the table has the {len(order):,} with the highest scores")
    summary = escape("; ".join(said))
    if not relations:
        return f'<div class="b"><p class="s"><bdi>{summary}</bdi></p></div>'
    given = f' id="{escape(anchor)}"' if anchor else ""
    return f'<details class="b"{given}><summary><bdi>{summary}</bdi></summary>{table(["head", "label", "tail", *columns], rows)}</details>'


def notebook_table(relations: Sequence[Relation]) -> str:
    """Relations as a notebook shows them, without a style of ours: one row each, up to a number."""
    if not relations:
        return "<p>No relations</p>"
    said = {
        "head": [relation.head.text for relation in relations],
        "head type": [relation.head.label_ for relation in relations],
        "label": [relation.label for relation in relations],
        "tail": [relation.tail.text for relation in relations],
        "tail type": [relation.tail.label_ for relation in relations],
        "score": [f"{relation.score:.2f}" for relation in relations],
        "status": [relation.status if relation.status != ASSERTED else "" for relation in relations],
        "found by": [", ".join(filter(None, relation.sources)) for relation in relations],
        "attributes": [", ".join(relation.attributes) for relation in relations],
    }
    # Of several extractors alone: the name of the only one is known.
    if len(set(said["found by"])) == 1:
        del said["found by"]
    columns = {name: values for name, values in said.items() if any(values)}
    rows = [f"<tr><td>{'<td>'.join(map(cell, row))}" for row in zip(*(values[:MOST_SHOWN] for values in columns.values()), strict=True)]
    more = f"<p>… and {len(relations) - MOST_SHOWN:,} more relations</p>" if len(relations) > MOST_SHOWN else ""
    # Without the classes, notebooks take what is between two dollars for mathematics.
    return f'<div class="tex2jax_ignore mathjax_ignore">{table(columns, rows)}{more}</div>'


def _worth(relation: PicturedRelation) -> float:
    return 1.0 if relation.score is None else relation.score


def _columns(relations: Sequence[PicturedRelation]) -> list[str]:
    """The columns that some relation has a value for."""
    found = {"score": any(r.score is not None for r in relations), "status": any(r.status or r.uncertain for r in relations)}
    found["found by"] = any(r.sources for r in relations)
    found["attributes"] = any(r.attributes for r in relations)
    return [name for name, there in found.items() if there]


def _row(picture: Picture, number: int, columns: Sequence[str]) -> str:
    relation = picture.relations[number]
    lit = f' class="e e{number} a{relation.head} a{relation.tail}" tabindex=0' if number < MOST_LIT else ""
    values = {
        "score": "" if relation.score is None else f"{relation.score:.2f}",
        "status": ", ".join(word for word in (relation.status, "uncertain" * relation.uncertain) if word),
        "found by": ", ".join(relation.sources),
        "attributes": ", ".join(relation.attributes),
    }
    ends = [_mention(picture, picture.mentions[i]) for i in (relation.head, relation.tail)]
    more = "".join(f"<td class=s>{values[name]}" if name == "score" else f"<td>{cell(values[name])}" for name in columns)
    return f"<tr{lit}><td>{ends[0]}<td>{cell(relation.label)}<td>{ends[1]}{more}"


def _mention(picture: Picture, mention: PicturedMention) -> str:
    text = cell(picture.text[mention.start : mention.end])
    if mention.kb_url == "#":
        return text
    return f'<a href="{escape(mention.kb_url)}" title="{escape(shortened(mention.kb_id))}" rel=noreferrer>{text}</a>'
