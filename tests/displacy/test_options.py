"""Options: those that there are, what they may be, and colours."""

import pytest

from spacy_relext.displacy.colors import TYPE_LOOKS, Palette, checked_color
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.parsing import parse_rels
from spacy_relext.displacy.picture import Picture, PicturedMention
from spacy_relext.displacy.rendering import figure, render
from spacy_relext.errors import RelextError
from tests.displacy.documents import example


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("colors", ["red"], "colours by label or type"),
        ("labels", "EFFECT", "labels, as"),
        ("labels", [1], "labels, as"),
        ("labels", iter(["EFFECT"]), "labels, as"),
        ("width", 900.0, "one whole number of pixels or up to three, from 120 to 10,000"),
        ("width", True, "one whole number"),
        ("width", 5, "one whole number"),
        ("width", [], "one whole number"),
        ("width", [900, 600, 500, 344], "one whole number"),
        ("min_score", "0.5", "a number between 0 and 1"),
        ("min_score", 5, "a number between 0 and 1"),
        ("max_lanes", 0, "a whole number from 1 on"),
        ("compact", 1, "True or False"),
        ("lang", 1, "a str"),
        ("direction", "up", '"ltr" or "rtl"'),
        ("spans_key", 1, "the name of a group"),
        ("symmetric_labels", "INT", "labels, as"),
        ("compare", "gold", "the annotated Doc"),
        ("attention", 1, "what RelationExtractor.attention gives"),
        ("kb_url_template", 1, "a str, with {}"),
    ],
)
def test_values_that_are_refused(name, value, message):
    with pytest.raises(RelextError, match=f"the option {name} is ") as refused:
        render(example(), options={name: value})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("https://x.org/", "without a place for the identifier"),
        ("https://x.org/{name}", "expected a place for the identifier, {}"),
        ("https://x.org/{", "expected a place"),
        ("javascript:alert({})", "expected an address of the web"),
        ("{}", ""),
        ("/concepts/{}", ""),
    ],
)
def test_templates_of_addresses(template, message):
    if not message:
        assert Options(kb_url_template=template)
        return
    with pytest.raises(RelextError) as refused:
        Options(kb_url_template=template)
    assert message in str(refused.value)


def test_unknown_options_are_named():
    with pytest.raises(RelextError, match=r"no options colours, ents of the picture of relations. There are: colors, labels, width, "):
        parse_rels(example(), {"ents": [], "colours": {}})
    with pytest.raises(RelextError, match="the options are 'x'; expected a dict"):
        render(example(), options="x")
    with pytest.raises(RelextError, match="the options are None; expected a dict"):
        render(example(), options=None, page=True)


def test_widths_from_the_widest():
    assert Options(width=(344, 900, 344)).widths == (900, 344)
    assert Options().widths == (900,)


@pytest.mark.parametrize(
    ("color", "is_kept"),
    [
        ("#0b62a8", "#0b62a8"),
        (" #FFF ", "#fff"),
        ("Teal", "teal"),
        ("rgb(11, 98, 168)", "rgb(11, 98, 168)"),
        ("hsl(120deg 50% 50% / .5)", "hsl(120deg 50% 50% / .5)"),
        ("linear-gradient(90deg, #aa9cfc, #fc9ce7)", "#aa9cfc"),
        ("linear-gradient(to right, red, blue)", "red"),
    ],
)
def test_colours(color, is_kept):
    assert checked_color(color, "EFFECT") == is_kept


@pytest.mark.parametrize(
    "color",
    [
        "", "bleu", "#12345", "#0b62a8;background:url(x)", "red}body{display:none", "url(https://x.org)", "rgb(1,2,3);x:y", "var(--bg)",
        "rgb(calc(1))", 'red" onclick="alert(1)', "</style><script>", "expression(alert(1))", "red/**/", "linear-gradient(90deg)", 5, None,
    ],
)  # fmt: skip
def test_what_is_no_colour_gets_into_no_style(color):
    with pytest.raises(RelextError, match="the colour of 'EFFECT' is "):
        render(example(), options={"colors": {"EFFECT": color}})


def test_own_colours_are_those_of_their_labels_and_types_alone():
    picture = Picture.from_dict(parse_rels(example()))
    palette = Palette.of([picture], {"INDUCES": "red", "DRUG": "gold", "NOT HERE": "blue"})
    assert palette.labels == {"LOWERS": 0, "INDUCES": 8}
    assert palette.types == {"GENE": 0, "DRUG": 18}
    assert palette.own.count("from red") == palette.own.count("from gold") == 2
    html = figure(picture, Options(), palette)
    assert f'style="{palette.own}"' in html
    assert '<g class="c k8">' in html
    assert "blue" not in html


def test_types_differ_in_their_colour_or_their_dashes():
    assert len(set(TYPE_LOOKS)) == len(TYPE_LOOKS)
    kinds = [chr(65 + i) for i in range(18)]
    picture = Picture("x" * 18, tuple(PicturedMention(i, i + 1, kind) for i, kind in enumerate(kinds)), (), ((0, 18),))
    assert sorted(Palette.of([picture]).types.values()) == list(range(18))


def test_colours_that_come_again_differ_within_a_picture():
    kinds = ["A", "B", "C", "D", "E", "F", "G", "H"]
    pictures = [
        Picture("abcdefgh", tuple(PicturedMention(i, i + 1, kinds[i]) for i in places), (), ((0, 8),))
        for places in ([0, 6], [1, 6, 7], range(6), range(6))
    ]
    types = Palette.of(pictures).types
    assert sorted(types[kind] for kind in "ABCDEF") == [0, 1, 2, 3, 4, 5]
    for picture in pictures:
        assert len({types[mention.type] for mention in picture.mentions}) == len(picture.mentions)


def test_colours_of_installed_packages(monkeypatch):
    from spacy.util import registry

    from spacy_relext.displacy import colors

    found = {"theirs": {"INDUCES": "linear-gradient(90deg, #aa9cfc, #fc9ce7)", "LOWERS": "red"}}
    monkeypatch.setattr(type(registry.displacy_colors), "get_entry_points", lambda self: found)
    monkeypatch.setattr(colors, "_installed_colors", colors._installed_colors.__wrapped__)
    picture = Picture.from_dict(parse_rels(example()))
    own = Palette.of([picture], {"LOWERS": "teal"}).own
    assert "from #aa9cfc" in own
    assert "from teal" in own
    assert "red" not in own
    found["theirs"] = ["red"]
    with pytest.raises(RelextError, match="the entry point 'theirs' of spacy_displacy_colors gives"):
        Palette.of([picture])


def test_colours_that_are_registered_while_it_runs(monkeypatch):
    import catalogue
    from spacy.util import registry

    registry.displacy_colors.register("theirs", func={"LOWERS": "teal"})
    try:
        assert "from teal" in Palette.of([Picture.from_dict(parse_rels(example()))]).own
    finally:
        catalogue._remove((*registry.displacy_colors.namespace, "theirs"))
