"""From Docs to dictionaries: mentions, filters, annotations, attention, and what is said of what is not shown."""

import pytest
from spacy.tokens import Span

from spacy_relext import displacy
from spacy_relext.displacy.parsing import parse_rels
from spacy_relext.displacy.picture import Picture
from spacy_relext.errors import RelextError
from spacy_relext.pipeline.several import note_run
from spacy_relext.relations import Relation, get_relations, set_annotated_labels, set_denied, set_relations
from tests.displacy.documents import NLP, TEXT, example, make, span


def told(data):
    text = data["text"]
    names = [text[ent["start"] : ent["end"]] for ent in data["ents"]]
    return [(names[rel["head"]], rel["label"], names[rel["tail"]], *filter(None, [rel["status"]])) for rel in data["rels"]]


def test_what_a_dictionary_holds():
    doc = example()
    doc.user_data["title"] = "A title"
    data = parse_rels(doc)
    assert data["text"] == doc.text
    assert data["ents"][3] == {"start": 51, "end": 57, "label": "GENE", "kb_id": "", "kb_url": "#"}
    assert told(data) == [("Rifampicin", "LOWERS", "warfarin"), ("Rifampicin", "LOWERS", "digoxin"), ("Rifampicin", "INDUCES", "CYP3A4")]
    assert [rel["uncertain"] for rel in data["rels"]] == [False, True, False]
    assert data["rels"][2]["sources"] == ["ours", "rules"]
    assert data["rels"][2]["attributes"] == ["novel"]
    assert data["sents"] == [[0, 39], [40, 58]]
    assert data["title"] == "A title"
    assert data["settings"] == {"lang": "en", "direction": "ltr"}
    assert data["notes"] == []
    assert parse_rels(doc, {"lang": "he", "direction": "rtl"})["settings"] == {"lang": "he", "direction": "rtl"}
    # It is what `manual` takes.
    assert Picture.from_dict(data).relations[2].attributes == ("novel",)


def test_annotations_have_no_score():
    data = parse_rels(make(TEXT, [(0, 1, "LOWERS"), (0, 2, "LOWERS", {"score": 0.8})]))
    assert [rel["score"] for rel in data["rels"]] == [None, 0.8]


def test_nothing_but_a_text():
    data = parse_rels(NLP("Nothing here."))
    assert (data["ents"], data["rels"], data["sents"], data["notes"]) == ([], [], [], [])
    assert Picture.from_dict(data).sentences == ((0, 13),)
    assert Picture.from_dict(parse_rels(NLP(""))).sentences == ((0, 0),)


def test_what_is_not_shown_is_said():
    data = parse_rels(example(), {"min_score": 0.5, "labels": ["LOWERS"]})
    assert told(data) == [("Rifampicin", "LOWERS", "warfarin")]
    assert data["notes"] == ["1 not shown: with other labels", "1 not shown: below 0.5"]
    assert "1 relation; 1 not shown: with other labels; 1 not shown: below 0.5" in displacy.render(
        example(), options={"min_score": 0.5, "labels": ["LOWERS"]}, jupyter=False
    )


def test_a_part_of_a_doc():
    doc = example()
    first, second = list(doc.sents)
    data = parse_rels(first)
    assert data["text"] == first.text
    assert told(data) == [("Rifampicin", "LOWERS", "warfarin"), ("Rifampicin", "LOWERS", "digoxin")]
    assert data["notes"] == ["1 not shown: with a mention outside of this part"]
    data = parse_rels(second)
    assert (data["text"], [ent["start"] for ent in data["ents"]], data["rels"]) == ("It induces CYP3A4.", [11], [])
    assert data["sents"] == [[0, 18]]


def test_mentions_of_a_group_and_of_relations():
    doc = example()
    assert len(parse_rels(doc)["ents"]) == 4
    # The head of a relation that is no entity, and one whose type is not said.
    induces = span(doc, "induces", "")
    set_relations(doc, [Relation(induces, span(doc, "warfarin", ""), "X")])
    data = parse_rels(doc)
    assert [(doc.text[e["start"] : e["end"]], e["label"]) for e in data["ents"]] == [
        ("Rifampicin", "DRUG"),
        ("warfarin", "DRUG"),
        ("digoxin", "DRUG"),
        ("induces", ""),
        ("CYP3A4", "GENE"),
    ]
    assert told(data) == [("induces", "X", "warfarin")]
    doc.spans["sc"] = [Span(doc, 0, 3, label="PHRASE"), Span(doc, 1, 1, label="EMPTY")]
    names = [ent["label"] for ent in parse_rels(doc, {"spans_key": "sc"})["ents"]]
    assert names == ["PHRASE", "", ""]
    # Where every mention is, nested ones too.
    doc.spans["mentions"] = [*doc.ents, Span(doc, 0, 3, label="PHRASE")]
    assert [ent["label"] for ent in parse_rels(doc)["ents"]] == ["PHRASE", "DRUG", "DRUG", "DRUG", "", "GENE"]
    with pytest.raises(RelextError, match=r"no doc.spans\['none'\]. There are: 'sc', 'mentions'"):
        parse_rels(doc, {"spans_key": "none"})


def test_addresses_of_concepts():
    doc = example()
    ids = ["D012293", 'a b&"<>?#%é', "", "MESH:1|OMIM:2"]
    doc.ents = [Span(doc, ent.start, ent.end, label=ent.label, kb_id=kb_id) for ent, kb_id in zip(doc.ents, ids, strict=True)]
    urls = [ent["kb_url"] for ent in parse_rels(doc, {"kb_url_template": "https://x.org/?id={}"})["ents"]]
    assert urls == [
        "https://x.org/?id=D012293",
        "https://x.org/?id=a%20b&%22%3C%3E%3F%23%25%C3%A9",
        "#",
        "https://x.org/?id=MESH:1%7COMIM:2",
    ]


class Ran:
    """What `note_run` reads of an extractor."""

    score_prefix = "rel"
    labels = ("LOWERS", "INDUCES")

    def __init__(self, symmetric):
        self.cfg = {"symmetric_labels": symmetric}


def test_labels_without_a_direction_are_those_of_the_extractor_that_ran():
    doc = example()
    assert not any(rel["symmetric"] for rel in parse_rels(doc)["rels"])
    note_run(doc, "ours", Ran(["INDUCES"]))
    note_run(doc, "other", Ran([]))
    assert [rel["symmetric"] for rel in parse_rels(doc)["rels"]] == [False, False, True]
    assert [rel["symmetric"] for rel in parse_rels(next(doc.sents))["rels"]] == [False, False]
    assert [rel["symmetric"] for rel in parse_rels(doc, {"symmetric_labels": ["LOWERS"]})["rels"]] == [True, True, False]


# Beside an annotation


def gold():
    return make(TEXT, [(0, 1, "LOWERS"), (3, 0, "INDUCES"), (1, 2, "EFFECT")])


def test_right_missed_and_wrong():
    data = parse_rels(example(), {"compare": gold()})
    assert told(data) == [
        ("Rifampicin", "LOWERS", "warfarin", "right"),
        ("Rifampicin", "LOWERS", "digoxin", "wrong"),
        ("Rifampicin", "INDUCES", "CYP3A4", "wrong"),
        ("warfarin", "EFFECT", "digoxin", "missed"),
        ("CYP3A4", "INDUCES", "Rifampicin", "missed"),
    ]
    assert [rel["score"] for rel in data["rels"]] == [0.9, 0.4, 0.7, None, None]
    # A direction that a label does not have is not compared; what is not shown is missed.
    data = parse_rels(example(), {"compare": [gold()], "symmetric_labels": ["INDUCES"], "min_score": 0.5, "labels": ["INDUCES", "LOWERS"]})
    assert told(data) == [("Rifampicin", "LOWERS", "warfarin", "right"), ("Rifampicin", "INDUCES", "CYP3A4", "right")]
    data = parse_rels(example(), {"compare": gold(), "min_score": 0.95})
    assert [rel["status"] for rel in data["rels"]] == ["missed"] * 3


def test_mentions_that_are_annotated_alone():
    doc, annotated = example(), gold()
    doc.ents = []
    set_relations(doc, [])
    data = parse_rels(doc, {"compare": annotated})
    assert told(data)[0] == ("Rifampicin", "LOWERS", "warfarin", "missed")
    assert [ent["label"] for ent in data["ents"]] == ["DRUG", "DRUG", "DRUG", "GENE"]


def test_what_is_not_annotated_is_neither_right_nor_wrong():
    annotated = gold()
    set_annotated_labels(annotated, ["LOWERS"])
    set_denied(annotated, [relation.replace(label="LOWERS") for relation in get_relations(example())][1:2])
    rels = parse_rels(example(), {"compare": annotated, "labels": ["LOWERS", "INDUCES"]})["rels"]
    assert [(rel["status"], rel["note"]) for rel in rels[:3]] == [
        ("right", ""),
        ("wrong", "an annotator denied it"),
        ("", "not annotated for this label; novel"),
    ]
    data = parse_rels(example(), {"compare": NLP(example().text)})
    assert {rel["status"] for rel in data["rels"]} == {""}
    assert data["notes"] == ["not annotated for relations"]


def test_an_annotation_of_another_text_is_refused():
    other = make("[Rifampicin|DRUG] raises [warfarin|DRUG].", [])
    with pytest.raises(RelextError, match=r"another text: at character 11 it has 'raises warfarin.', and the Doc 'lowers"):
        parse_rels(example(), {"compare": other})
    for docs, message in (([], "of 0 Docs, and 1 are drawn"), ([gold(), gold()], "of 2 Docs, and 1")):
        with pytest.raises(RelextError, match=message):
            parse_rels(example(), {"compare": docs})
    html = displacy.render([example(), example()], options={"compare": [gold(), gold()]}, jupyter=False)
    assert html.count("<figure") == 2


# Attention


def test_what_was_read():
    from tests.pipeline.test_attention import ATTENTION, cnn_pipeline, plant, prepared

    pipe, docs = prepared(cnn_pipeline(ATTENTION, {"@misc": "spacy-relext.mention_tags.v1"}))
    doc = docs[1]
    head, tail, other = doc.ents
    set_relations(doc, [Relation(head, tail, "ADVISE", 0.9), Relation(tail, other, "ADVISE", 0.8)])
    plant(pipe, NLP("Avoid @DRUG1$ with @DRUG2$ or @DRUG3$."), "with")
    read = list(pipe.attention(docs[:2]))
    for attention in (read[1], [read[1]], iter([read[1]]), pipe.attention([doc])):
        rels = parse_rels(doc, {"attention": attention})["rels"]
        # The tags stand for the mentions.
        assert [doc.text[start:end] for start, end, _ in rels[0]["attention"]] == [token.text for token in doc]
        assert sum(weight for *_, weight in rels[0]["attention"]) == pytest.approx(1, abs=0.01)
    # A relation that was no candidate, and one that was read in the other direction.
    set_relations(doc, [Relation(head, tail, "ADVISE", 0.9)])
    backwards = [pair for pair in read[1] if pair.head.start > pair.tail.start]
    assert parse_rels(doc, {"attention": backwards})["rels"][0]["attention"] == []
    assert parse_rels(doc, {"attention": backwards, "symmetric_labels": ["ADVISE"]})["rels"][0]["attention"]
    part = doc[1:]
    first, last, _ = parse_rels(part, {"attention": read[1]})["rels"][0]["attention"][0]
    assert part.text[first:last] == "ketamine"
    with pytest.raises(RelextError, match=r"attention is of another Doc, 'Aspirin increases warfarin"):
        parse_rels(doc, {"attention": read[0]})
    with pytest.raises(RelextError, match=r"the option attention is of 2 Docs, and 1 are drawn"):
        parse_rels(doc, {"attention": read})
    with pytest.raises(RelextError, match=r"attention has 0.5; expected what RelationExtractor.attention gives"):
        parse_rels(doc, {"attention": [[0.5]]})
