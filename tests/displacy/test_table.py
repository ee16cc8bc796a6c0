"""Tables of relations: under a picture, and in a notebook."""

from lxml import html

from spacy_relext.displacy.options import Options
from spacy_relext.displacy.parsing import parse_rels
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.rendering import figure
from spacy_relext.displacy.style import MOST_LIT
from spacy_relext.displacy.table import MOST_ROWS, relation_table, shortened
from spacy_relext.relations import Relation, Relations, get_relations
from tests.displacy.documents import NLP, TEXT, example, make


def rows(markup):
    return [[cell.text_content() for cell in row] for row in html.fromstring(f"<div>{markup}</div>").iter("tr")]


def pictured(n):
    names = [f"m{i}" for i in range(n + 1)]
    ents = [{"start": i, "end": i + 1, "label": "X"} for i in range(n + 1)]
    rels = [{"head": i, "tail": i + 1, "label": "R", "score": i / n} for i in range(n)]
    return Picture.from_dict({"text": "x" * len(names), "ents": ents, "rels": rels})


def test_a_row_a_relation():
    assert rows(relation_table(Picture.from_dict(parse_rels(example())))) == [
        ["head", "label", "tail", "score", "status", "found by", "attributes"],
        ["Rifampicin", "LOWERS", "warfarin", "0.90", "", "ours", ""],
        ["Rifampicin", "LOWERS", "digoxin", "0.40", "uncertain", "ours", ""],
        ["Rifampicin", "INDUCES", "CYP3A4", "0.70", "", "ours, rules", "novel"],
    ]


def test_only_columns_that_say_something():
    assert rows(relation_table(Picture.from_dict(parse_rels(make(TEXT, [(0, 1, "LOWERS")])))))[0] == ["head", "label", "tail"]


def test_no_relation():
    table = relation_table(Picture.from_dict(parse_rels(NLP("Nothing here."))))
    assert table == '<div class="b"><p class="s"><bdi>0 relations</bdi></p></div>'


def test_rows_are_reached_by_the_keyboard_and_light_up():
    table = html.fromstring(relation_table(Picture.from_dict(parse_rels(example()))))
    assert [(row.get("class"), row.get("tabindex")) for row in table.iter("tr")][1:] == [
        ("e e0 a0 a1", "0"),
        ("e e1 a0 a2", "0"),
        ("e e2 a0 a3", "0"),
    ]


def test_concepts_are_linked():
    data = parse_rels(example())
    data["ents"][0].update(kb_id='D1"<', kb_url="https://x.org/?a=1&b=2")
    markup = figure(Picture.from_dict(data), Options())
    [link] = {(a.get("href"), a.get("title"), a.get("rel"), a.text) for a in html.fromstring(markup).iter("a")}
    assert link == ("https://x.org/?a=1&b=2", 'D1"<', "noreferrer", "Rifampicin")


def test_the_best_of_very_many():
    table = relation_table(pictured(MOST_ROWS + 10))
    found = rows(table)
    assert len(found) == 1 + MOST_ROWS
    assert found[1][3] == "0.00"
    assert "2,010 relations; the table has the 2,000 with the highest scores" in table
    assert "e1999 " not in table
    assert f"e{MOST_LIT - 1} " in relation_table(pictured(300))
    assert f"e{MOST_LIT} " not in relation_table(pictured(300))


def test_long_texts_are_cut():
    assert shortened("a\n b " * 100).startswith("a b a b")
    assert len(shortened("x" * 1000)) == 160
    assert relation_table(pictured(1)).count("<wbr>") == 0
    data = parse_rels(example())
    data["rels"][0]["label"] = "&" * 50
    assert "&amp;" * 20 + "<wbr>" in relation_table(Picture.from_dict(data))


# In a notebook


def test_relations_of_a_doc_are_a_table():
    doc = example()
    assert rows(get_relations(doc)._repr_html_()) == [
        ["head", "head type", "label", "tail", "tail type", "score", "status", "found by", "attributes"],
        ["Rifampicin", "DRUG", "LOWERS", "warfarin", "DRUG", "0.90", "", "ours", ""],
        ["Rifampicin", "DRUG", "LOWERS", "digoxin", "DRUG", "0.40", "uncertain", "ours", ""],
        ["Rifampicin", "DRUG", "INDUCES", "CYP3A4", "GENE", "0.70", "", "ours, rules", "novel"],
    ]
    assert "found by" not in get_relations(doc)[:2]._repr_html_()
    assert Relations()._repr_html_() == "<p>No relations</p>"


def test_a_table_of_hostile_relations_is_text():
    doc = make("[<b>a</b>|<i>] and [$x$|DRUG].", [(0, 1, '"><script>alert(1)</script>', {"attributes": ["<u>"]})])
    found = get_relations(doc)._repr_html_()
    assert {element.tag for element in html.fromstring(found).iter()} == {"div", "table", "thead", "tbody", "tr", "th", "td", "wbr"}
    assert "mathjax_ignore" in found


def test_the_rest_of_many_is_counted():
    head, tail = example().ents[:2]
    found = Relations([Relation(head, tail, f"R{i}") for i in range(1234)])._repr_html_()
    assert found.count("<tr>") == 201
    assert "… and 1,034 more relations" in found
