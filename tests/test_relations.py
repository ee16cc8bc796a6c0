"""Relations on a Doc: reading, setting, and every way in which a Doc is copied, cut, joined or stored."""

import importlib
import json
import pickle

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, Token
from spacy.vocab import Vocab

from spacy_relext import relations as module
from spacy_relext.errors import RelextError
from spacy_relext.relations import (
    Relation,
    Relations,
    annotated_labels,
    covers,
    get_relations,
    has_relations,
    n_unreadable,
    register_extensions,
    set_annotated_labels,
    set_found,
    set_relations,
    sources_of,
)

TEXT = "Aspirin raises warfarin. Ketamine spares oral quinine."
# head, its type, tail, its type, label, score; as characters of TEXT.
FORWARD = (0, 7, "DRUG", 15, 23, "DRUG", "RAISES", 0.75)
BACKWARD = (41, 53, "DRUG", 25, 33, "CHEM", "SPARED_BY", 0.5)
ACROSS = (0, 7, "DRUG", 41, 53, "DRUG", "NONE_OF", 1.0)


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


@pytest.fixture
def doc(nlp):
    """Two sentences and three relations: forward, backward, and over the sentence boundary."""
    register_extensions()
    doc = nlp(TEXT)
    for token in doc:
        token.is_sent_start = token.i in (0, 4)
    assert [s.text for s in doc.sents] == ["Aspirin raises warfarin.", "Ketamine spares oral quinine."]
    aspirin, warfarin = Span(doc, 0, 1, "DRUG"), Span(doc, 2, 3, "DRUG")
    ketamine, quinine = Span(doc, 4, 5, "CHEM"), Span(doc, 6, 8, "DRUG")
    set_relations(
        doc,
        [
            Relation(quinine, ketamine, "SPARED_BY", 0.5),
            Relation(aspirin, warfarin, "RAISES", 0.75),
            Relation(aspirin, quinine, "NONE_OF"),
        ],
    )
    return doc


def plain(relations, offset=0):
    """Relations as tuples, their offsets counted from `offset`."""
    return [
        (
            r.head.start_char - offset,
            r.head.end_char - offset,
            r.head.label_,
            r.tail.start_char - offset,
            r.tail.end_char - offset,
            r.tail.label_,
            r.label,
            r.score,
        )
        for r in relations
    ]


def shifted(relation, by):
    head_start, head_end, head_type, tail_start, tail_end, tail_type, label, score = relation
    return (head_start + by, head_end + by, head_type, tail_start + by, tail_end + by, tail_type, label, score)


# Setting and getting


def test_doc_relations_come_back_sorted_by_head_then_tail(doc):
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]
    assert [(r.head.text, r.tail.text) for r in doc._.relations] == [
        ("Aspirin", "warfarin"),
        ("Aspirin", "oral quinine"),
        ("oral quinine", "Ketamine"),
    ]
    assert all(r.head.doc is doc and r.tail.doc is doc for r in doc._.relations)


def test_setting_replaces_all_relations_of_the_doc(doc):
    doc._.relations = [Relation(doc[4:5], doc[2:3], "NEW", 0.25)]
    assert plain(doc._.relations) == [(25, 33, "", 15, 23, "", "NEW", 0.25)]


def test_what_is_read_can_be_set_again(doc):
    doc._.relations = doc._.relations
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]


def test_relations_are_taken_from_another_doc_of_the_same_text(doc, nlp):
    # The other Doc has other tokens: one token for "oral quinine".
    words = ["Aspirin", "raises", "warfarin", ".", "Ketamine", "spares", "oral quinine", "."]
    other = Doc(nlp.vocab, words=words, spaces=[True, True, False, True, True, True, False, False])
    assert other.text == TEXT
    other._.relations = doc._.relations
    assert plain(other._.relations) == [FORWARD, ACROSS, BACKWARD]
    assert all(r.head.doc is other and r.tail.doc is other for r in other._.relations)


def test_a_relation_given_twice_is_one_with_the_higher_score(doc):
    head, tail = doc[0:1], doc[2:3]
    for scores in ([0.2, 0.9, 0.5], [0.9, 0.2]):
        doc._.relations = [Relation(head, tail, "RAISES", score) for score in scores]
        assert [(r.label, r.score) for r in doc._.relations] == [("RAISES", 0.9)]


def test_direction_and_label_make_different_relations(doc):
    head, tail = doc[0:1], doc[2:3]
    doc._.relations = [Relation(head, tail, "A"), Relation(tail, head, "A"), Relation(head, tail, "B")]
    assert [(r.head.text, r.label) for r in doc._.relations] == [("Aspirin", "A"), ("Aspirin", "B"), ("warfarin", "A")]


def test_nested_mentions_can_be_related(doc):
    doc._.relations = [Relation(doc[6:8], doc[7:8], "PART")]
    assert [(r.head.text, r.tail.text) for r in doc._.relations] == [("oral quinine", "quinine")]


def test_span_relations_are_those_in_which_the_span_is_head_or_tail(doc):
    assert plain(doc[0:1]._.relations) == [FORWARD, ACROSS]
    assert plain(doc[6:8]._.relations) == [ACROSS, BACKWARD]
    assert plain(doc[4:5]._.relations) == [BACKWARD]
    assert doc[7:8]._.relations == []


def test_setting_span_relations_leaves_those_of_other_spans(doc):
    quinine = doc[6:8]
    quinine._.relations = [Relation(doc[2:3], quinine, "NEW", 0.25)]
    assert plain(doc._.relations) == [FORWARD, (15, 23, "", 41, 53, "", "NEW", 0.25)]
    quinine._.relations = []
    assert plain(doc._.relations) == [FORWARD]


def test_setting_span_relations_of_others_is_refused(doc):
    with pytest.raises(RelextError, match=r"does not involve 'Ketamine'.*doc\._\.relations"):
        doc[4:5]._.relations = [Relation(doc[4:5], doc[0:1], "FINE"), Relation(doc[0:1], doc[2:3], "RAISES")]
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]


def test_a_relation_prints_itself_and_has_json_data(doc):
    relation = doc._.relations[2]
    assert str(relation) == "oral quinine --SPARED_BY--> Ketamine (0.50)"
    expected = {
        "head": {"start": 41, "end": 53, "type": "DRUG", "text": "oral quinine"},
        "tail": {"start": 25, "end": 33, "type": "CHEM", "text": "Ketamine"},
        "label": "SPARED_BY",
        "score": 0.5,
    }
    assert json.loads(json.dumps(relation.to_dict())) == expected


def test_scores_of_numpy_are_stored_as_plain_floats(doc):
    doc._.relations = [Relation(doc[0:1], doc[2:3], "RAISES", numpy.float32(0.5))]
    assert type(doc._.relations[0].score) is float
    json.dumps(doc._.relations[0].to_dict())


# Errors


def test_what_is_known_of_a_mention_is_asked_once_however_many_relations_it_has(nlp, monkeypatch):
    asked = []
    monkeypatch.setattr("spacy_relext.relations.kb_id_of", lambda span: asked.append(span.start) or f"C{span.start}")
    doc = nlp.make_doc("a b c d e f g h i j")
    spans = [doc[i : i + 1] for i in range(10)]
    set_relations(doc, [Relation(a, b, label) for a in spans for b in spans if a is not b for label in ("P", "Q")])
    assert asked == list(range(10))
    assert len(get_relations(doc)) == 180
    assert get_relations(doc)[-1].head.kb_id_ == "C9"


def test_a_mention_related_to_itself_is_refused(doc):
    with pytest.raises(RelextError, match="SELF: 'Aspirin' is head and tail at once"):
        doc._.relations = [Relation(doc[0:1], doc[0:1], "SELF")]


def test_a_mention_of_another_text_is_refused(doc, nlp):
    other = nlp("Digoxin was given.")
    with pytest.raises(RelextError, match="'Digoxin' at characters 0-7 is not in the Doc 'Aspirin raises"):
        doc._.relations = [Relation(doc[2:3], other[0:1], "WRONG")]
    with pytest.raises(RelextError, match="'quinine' at characters 46-53 is not in the Doc 'Digoxin"):
        other._.relations = [Relation(doc[7:8], other[0:1], "WRONG")]


def test_an_empty_mention_is_refused(doc):
    with pytest.raises(RelextError, match=r"empty mention.*token 4"):
        doc._.relations = [Relation(doc[0:1], doc[4:4], "WRONG")]
    with pytest.raises(RelextError, match=r"empty mention.*token 4"):
        doc._.relations = [Relation(doc[4:4], doc[0:1], "WRONG")]


def test_a_refused_setting_leaves_the_doc_as_it_was(doc):
    with pytest.raises(RelextError):
        doc._.relations = [Relation(doc[0:1], doc[2:3], "NEW"), Relation(doc[0:1], doc[0:1], "SELF")]
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([("Aspirin", "warfarin", "RAISES")], r"expected a Relation, or a dict.*saw tuple, \('Aspirin'.*Relation\(head, tail, label\)"),
        ([TEXT], "expected a Relation.*saw str"),
        (TEXT, "expected relations.*saw str, 'Aspirin"),
        (None, "expected relations.*saw NoneType"),
        (5, "expected relations.*saw int"),
        ({"head": 1}, r"expected relations, as in \[Relation\(head, tail, label\)\], and saw dict"),
        ([{"head_text": "Aspirin", "tail_text": "warfarin", "label": "RAISES"}], r"saw the keys \['head_text'.*expected head, label, tail"),
    ],
)
def test_what_is_no_relation_is_refused(doc, given, message):
    for place in (doc, doc[0:1]):
        with pytest.raises(RelextError, match=message):
            place._.relations = given
    with pytest.raises(RelextError, match=r"expected relations.*saw Relation"):
        doc._.relations = doc._.relations[0]
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]


# A tuple, and what may be set


def test_relations_are_added_by_setting_them_anew(doc):
    before = doc._.relations
    assert type(before) is Relations
    with pytest.raises(AttributeError, match="append"):
        before.append(before[0])
    doc._.relations += [Relation(doc[2:3], doc[4:5], "NEW", 0.25)]
    assert [r.label for r in doc._.relations] == ["RAISES", "NONE_OF", "NEW", "SPARED_BY"]
    doc[4:5]._.relations += [Relation(doc[4:5], doc[2:3], "BACK")]
    assert [r.label for r in doc[4:5]._.relations] == ["NEW", "BACK", "SPARED_BY"]


def test_dictionaries_and_relations_may_be_set(doc):
    dicts = doc._.relations.to_dicts()
    doc._.relations = [dicts[0], doc._.relations[1], *map(dict, dicts[2:])]
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]
    doc._.relations = json.loads(json.dumps(dicts))
    assert doc._.relations.to_dicts() == dicts
    doc[4:5]._.relations = (dict(dicts[2], label=label) for label in "AB")
    assert [r.label for r in doc[4:5]._.relations] == ["A", "B"]


def test_what_is_said_of_a_relation_is_stored(doc):
    given = [
        Relation(doc[0:1], doc[2:3], "A", sources={"x": 0.5, "": 0.75}, status="uncertain", attributes=["novel", "speculated"]),
        Relation(doc[0:1], doc[2:3], "B", 0.25, sources="y"),
        Relation(doc[0:1], doc[2:3], "C"),
    ]
    doc._.relations = given
    assert doc._.relations == given
    for store in ("bytes", "docbin", "pickle", "copy", "json"):
        assert stored(doc, store)._.relations.to_dicts() == doc._.relations.to_dicts()
    entries = [entry for _, _, entry in module._entries(doc)]
    assert [set(entry) & {"sources", "status", "attributes"} for entry in entries] == [
        {"sources", "status", "attributes"},
        {"sources"},
        set(),  # as before there were any: entries of older files are read so
    ]


def test_a_relation_of_two_sources_is_one(doc):
    head, tail = doc[0:1], doc[2:3]
    given = [
        Relation(head, tail, "A", sources={"x": 0.5, "y": 0.75}, attributes=["novel"]),
        Relation(head, tail, "A", sources={"x": 0.625}, status="uncertain", attributes=["speculated"]),
        Relation(head, tail, "A", 0.25),
    ]
    for order in (given, given[::-1]):
        doc._.relations = order
        (relation,) = doc._.relations
        assert relation.source_scores == {"": 0.25, "x": 0.625, "y": 0.75}
        assert (relation.score, relation.status, relation.attributes) == (0.75, "asserted", ("novel", "speculated"))


# What components found


def found_by(doc, name, *labels, score=0.5):
    return [Relation(doc[0:1], doc[2:3], label, score, sources=name) for label in labels]


def test_what_is_known_of_one_mention_alone_is_stored(doc):
    """The concept of the tail, and the long form of the head, where the other has none."""
    head, tail = Span(doc, 0, 1, "DRUG"), Span(doc, 2, 3, "DRUG", kb_id="D014859")
    set_relations(doc, [Relation(head, tail, "A", 0.5, ("acetylsalicylic acid", ""))])
    (relation,) = get_relations(doc)
    assert (relation.head.kb_id_, relation.tail.kb_id_) == ("", "D014859")
    assert tuple(relation.long_forms) == ("acetylsalicylic acid", "")


def test_who_found_the_relations_of_a_doc(doc):
    set_relations(doc, [])
    assert sources_of(doc) == set()
    set_relations(doc, [Relation(doc[0:1], doc[2:3], "A", sources={"x": 0.5, "y": 0.75}), Relation(doc[2:3], doc[0:1], "A", sources="z")])
    assert sources_of(doc) == {"x", "y", "z"}
    doc._.relations += [Relation(doc[0:1], doc[2:3], "B")]
    assert sources_of(doc) == {"x", "y", "z", ""}


def sources(doc):
    return {relation.label: relation.source_scores for relation in doc._.relations}


def test_components_take_back_what_they_said_and_leave_the_rest(nlp):
    a, b = ("A", "C"), ("B", "C")
    docs = [nlp.make_doc(TEXT) for _ in range(2)]
    for doc, order in zip(docs, ("xy", "yx"), strict=True):
        doc._.relations = found_by(doc, "", "C", "D", score=1.0)
        for name in order * 2:  # running twice is running once
            set_found(doc, found_by(doc, name, *(a if name == "x" else b)), name, a if name == "x" else b)
        assert sources(doc) == {"A": {"x": 0.5}, "B": {"y": 0.5}, "C": {"": 1.0, "x": 0.5, "y": 0.5}, "D": {"": 1.0}}
    set_found(docs[0], [], "x", a)
    assert sources(docs[0]) == {"B": {"y": 0.5}, "C": {"": 1.0, "y": 0.5}, "D": {"": 1.0}}
    # Of labels that are not its own a component takes back nothing.
    set_found(docs[0], [], "y", ("B",))
    assert sources(docs[0]) == {"C": {"": 1.0, "y": 0.5}, "D": {"": 1.0}}
    set_found(docs[0], found_by(docs[0], "x", "A"), "x", a, overwrite=True)
    assert sources(docs[0]) == {"A": {"x": 0.5}}


def test_relations_that_no_component_found_are_told(nlp):
    doc = nlp.make_doc(TEXT)
    assert set_found(doc, found_by(doc, "x", "A"), "x", ("A",)) == 0
    assert set_found(doc, found_by(doc, "x", "A"), "x", ("A",)) == 0
    assert set_found(doc, found_by(doc, "y", "A"), "y", ("A",)) == 0
    doc._.relations += found_by(doc, "", "A", "B", score=1.0)
    assert set_found(doc, [], "x", ("A",)) == 2
    doc._.relations = found_by(doc, "x", "OLD")  # of another pipeline whose component has the name
    assert set_found(doc, [], "x", ("A",)) == 1
    assert set_found(doc, [], "x", ("A",), overwrite=True) == 0


# Annotated with nothing is not the same as never annotated


def test_no_relations_is_not_never_set(nlp):
    register_extensions()
    doc = nlp(TEXT)
    assert not has_relations(doc)
    assert doc._.relations == []
    assert not has_relations(doc)
    doc._.relations = []
    assert has_relations(doc)
    assert doc._.relations == []


def test_removing_the_last_relation_leaves_the_doc_annotated(doc):
    doc._.relations = []
    assert has_relations(doc)
    assert doc._.relations == []


def test_other_user_data_is_neither_read_nor_removed(nlp):
    register_extensions()
    doc = nlp(TEXT)
    others = {"key": [1], ("._.", "other", 0, 7): [2], ("._.", "relation_data"): [3], ("x", "relation_data", 0, 7): [4]}
    doc.user_data.update(others)
    assert not has_relations(doc)
    doc._.relations = [Relation(doc[0:1], doc[2:3], "RAISES")]
    doc._.relations = []
    assert {key: doc.user_data[key] for key in others} == others


@pytest.mark.parametrize("store", ["bytes", "docbin", "pickle", "copy", "json"])
def test_annotated_with_nothing_survives_storing(nlp, store):
    register_extensions()
    annotated, bare = nlp(TEXT), nlp(TEXT)
    annotated._.relations = []
    if store == "json":  # spaCy refuses to look for `relation_data` on a Doc that never had relations
        assert has_relations(stored(annotated, store))
    else:
        assert [has_relations(stored(doc, store)) for doc in (annotated, bare)] == [True, False]
    assert stored(annotated, store)._.relations == []


@pytest.mark.parametrize("store", ["bytes", "docbin", "pickle", "copy"])
def test_an_empty_doc_has_no_relations_and_nothing_to_annotate(nlp, store):
    register_extensions()
    doc = nlp("")
    assert doc._.relations == []
    doc._.relations = []
    assert doc._.relations == []
    assert stored(doc, store)._.relations == []


# Storing


def stored(doc, how):
    """The Doc after it was written and read."""
    vocab = Vocab()
    if how == "bytes":
        return Doc(vocab).from_bytes(doc.to_bytes())
    if how == "docbin":
        data = DocBin(docs=[doc], store_user_data=True).to_bytes()
        return next(DocBin().from_bytes(data).get_docs(vocab))
    if how == "pickle":
        return pickle.loads(pickle.dumps(doc))
    if how == "copy":
        return doc.copy()
    if how == "json":
        return Doc(vocab).from_json(json.loads(json.dumps(doc.to_json(underscore=["relation_data"]))))
    raise AssertionError(how)


@pytest.mark.parametrize("store", ["bytes", "docbin", "pickle", "copy", "json"])
def test_relations_survive_storing(doc, store):
    again = stored(doc, store)
    assert again is not doc
    assert plain(again._.relations) == [FORWARD, ACROSS, BACKWARD]
    assert plain(again[4:5]._.relations) == [BACKWARD]
    assert all(r.head.doc is again for r in again._.relations)


@pytest.mark.parametrize("store", ["bytes", "docbin", "pickle", "copy", "json"])
def test_raw_scores_survive_storing(doc, store):
    first, *others = doc._.relations
    doc._.relations = [first.replace(score=0.75, raw_score=0.9), *others]
    assert [(r.score, r.raw_score) for r in stored(doc, store)._.relations] == [(0.75, 0.9), *((r.score, r.score) for r in others)]


@pytest.mark.parametrize("store", ["bytes", "docbin", "pickle", "copy", "json"])
def test_relations_can_be_changed_after_storing(doc, store):
    again = stored(doc, store)
    again[6:8]._.relations = []
    assert plain(again._.relations) == [FORWARD]
    again._.relations = [Relation(again[2:3], again[0:1], "NEW")]
    assert [r.label for r in again._.relations] == ["NEW"]
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]


def test_relations_survive_a_disk(doc, nlp, tmp_path):
    doc.to_disk(tmp_path / "doc")
    assert plain(Doc(nlp.vocab).from_disk(tmp_path / "doc")._.relations) == [FORWARD, ACROSS, BACKWARD]


def test_relations_survive_several_processes(doc, nlp):
    empty = nlp.make_doc("Nothing here.")
    empty._.relations = []
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    docs = list(nlp.pipe([doc, empty, nlp.make_doc("Never set.")], n_process=2, batch_size=1))
    assert docs[0] is not doc  # it came out of another process
    assert plain(docs[0]._.relations) == [FORWARD, ACROSS, BACKWARD]
    assert [has_relations(d) for d in docs] == [True, True, False]


# Joining and cutting


@pytest.mark.parametrize("ensure_whitespace", [True, False])
def test_joined_docs_keep_their_relations_at_their_new_place(doc, nlp, ensure_whitespace):
    before = nlp("Unrelated text.")
    second = doc.copy()
    joined = Doc.from_docs([before, doc, second], ensure_whitespace=ensure_whitespace)
    space = " " if ensure_whitespace else ""
    assert joined.text == space.join([before.text, TEXT, TEXT])
    first = len(before.text + space)
    next_ = first + len(TEXT + space)
    expected = [shifted(r, first) for r in (FORWARD, ACROSS, BACKWARD)]
    expected += [shifted(r, next_) for r in (FORWARD, ACROSS, BACKWARD)]
    assert plain(joined._.relations) == expected
    assert [r.head.text for r in joined._.relations] == ["Aspirin", "Aspirin", "oral quinine"] * 2


def test_joined_docs_are_annotated_if_one_was(nlp):
    register_extensions()
    annotated, bare = nlp("Nothing here."), nlp("Nor here.")
    annotated._.relations = []
    assert has_relations(Doc.from_docs([bare, annotated]))
    assert not has_relations(Doc.from_docs([bare, bare]))


def test_an_excerpt_keeps_the_relations_inside_it(doc):
    first, second = (sentence.as_doc(copy_user_data=True) for sentence in doc.sents)
    assert plain(first._.relations) == [FORWARD]
    assert plain(second._.relations, offset=-25) == [BACKWARD]
    assert [r.head.text for r in second._.relations] == ["oral quinine"]


def test_an_excerpt_that_cuts_a_mention_loses_its_relations(doc):
    excerpt = doc[2:7].as_doc(copy_user_data=True)  # "warfarin. Ketamine spares oral"
    assert excerpt._.relations == []
    assert has_relations(excerpt)


def test_sentences_cut_and_joined_again_have_the_same_relations(doc):
    joined = Doc.from_docs([sentence.as_doc(copy_user_data=True) for sentence in doc.sents])
    assert joined.text == TEXT
    assert plain(joined._.relations) == [FORWARD, ACROSS, BACKWARD]


def test_an_excerpt_forgets_what_lies_outside_when_its_relations_are_set(doc, nlp):
    before = nlp("Long text comes before it, and it has no relations.")
    second = list(doc.sents)[1].as_doc(copy_user_data=True)
    # as_doc keeps data of what lies before the excerpt, and from_docs would move it into the other text; setting forgets it.
    second._.relations = second._.relations
    joined = Doc.from_docs([before, second])
    assert plain(joined._.relations) == [shifted(BACKWARD, len(before.text) + 1 - 25)]


# Other tokens


def test_merging_inside_a_mention_and_around_it_keeps_relations(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[6:8])  # "oral quinine" becomes one token
        retokenizer.merge(doc[1:3])  # "warfarin" becomes part of the token "raises warfarin"
    assert len(doc) == 7
    assert plain(doc._.relations) == [
        (0, 7, "DRUG", 8, 23, "DRUG", "RAISES", 0.75),
        ACROSS,
        BACKWARD,
    ]
    assert plain(doc[1:2]._.relations) == [(0, 7, "DRUG", 8, 23, "DRUG", "RAISES", 0.75)]


def test_a_token_merged_over_the_border_of_a_mention_is_taken_in_whole(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[5:7])  # "spares oral", the second half of which is in the mention "oral quinine"
    assert [(r.head.text, r.tail.text) for r in doc._.relations] == [
        ("Aspirin", "warfarin"),
        ("Aspirin", "spares oral quinine"),
        ("spares oral quinine", "Ketamine"),
    ]


def test_splitting_a_mention_keeps_relations(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[4], ["Keta", "mine"], heads=[(doc[4], 1), doc[5]])
        retokenizer.split(doc[1], ["rai", "ses"], heads=[(doc[1], 1), doc[2]])
    assert [t.text for t in doc[1:7]] == ["rai", "ses", "warfarin", ".", "Keta", "mine"]
    assert plain(doc._.relations) == [FORWARD, ACROSS, BACKWARD]
    assert [t.text for t in doc._.relations[2].tail] == ["Keta", "mine"]


def test_merged_tokens_can_be_written_as_json_after_setting_relations_anew(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    doc._.relations = doc._.relations  # at the new tokens: spaCy's from_json refuses offsets inside a token
    grown = (0, 14, *FORWARD[2:])
    assert plain(stored(doc, "json")._.relations) == [grown, (0, 14, *ACROSS[2:]), BACKWARD]


def test_a_relation_whose_mentions_became_one_token_is_left_out(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:3])
    assert plain(doc._.relations)[0][:2] == (0, 23)
    assert [r.label for r in doc._.relations] == ["NONE_OF", "SPARED_BY"]
    assert n_unreadable(doc) == 1
    set_found(doc, [], "x", ())  # no error
    assert n_unreadable(doc) == 0


def test_a_span_reads_no_more_than_what_touches_it(nlp, monkeypatch):
    doc = nlp.make_doc("a b c d e f g h i j")
    spans = [doc[i : i + 1] for i in range(10)]
    set_relations(doc, [Relation(a, b, "P") for a in spans for b in spans if a is not b])
    made = []
    monkeypatch.setattr(module, "Relation", lambda *args, **kwargs: made.append(args) or Relation(*args, **kwargs))
    assert len(spans[3]._.relations) == 18
    assert len(made) == 18


# Names of extensions


@pytest.fixture
def free_names():
    """The names as they were, whatever a test makes of them."""
    yield
    for kind in (Doc, Span, Token):
        if kind.has_extension("relations"):
            kind.remove_extension("relations")
    register_extensions()


def test_importing_registers_where_the_names_are_free(free_names, nlp):
    for kind in (Doc, Span):
        kind.remove_extension("relations")
    importlib.reload(module)
    doc = nlp.make_doc(TEXT)
    doc._.relations = [Relation(doc[0:1], doc[2:3], "A")]
    assert len(doc[0:1]._.relations) == 1
    importlib.reload(module)  # its own of before are no other's
    register_extensions()
    assert len(doc._.relations) == 1


@pytest.mark.parametrize(
    ("kind", "how", "message"),
    [
        (Doc, {"default": []}, r"doc\._\.relations is registered with the default \[\] by another library.*Doc\.remove_extension"),
        (Doc, {"default": None}, "with the default None"),
        (Span, {"getter": len}, r"span\._\.relations is registered with builtins\.len.*Span\.remove_extension\(\"relations\"\)"),
        (Doc, {"method": len}, r"with builtins\.len"),
    ],
)
def test_names_of_others_are_an_error_where_they_are_used(free_names, nlp, kind, how, message):
    kind.set_extension("relations", force=True, **how)
    importlib.reload(module)  # no error
    assert kind.get_extension("relations")[0] == how.get("default")
    doc = nlp.make_doc(TEXT)
    with pytest.raises(RelextError, match=message):
        register_extensions()
    with pytest.raises(RelextError, match=message):
        module.get_span_relations(doc[0:1])
    with pytest.raises(RelextError, match=message):
        module.set_span_relations(doc[0:1], [])
    with pytest.raises(RelextError, match=message):
        nlp.create_pipe("relation_extractor")
    kind.remove_extension("relations")
    register_extensions()
    assert doc._.relations == []


def test_a_token_has_no_relations_and_says_where_they_are(free_names, doc):
    with pytest.raises(RelextError, match=r"a token, as 'warfarin', has no relations.*are doc\[2:3\]\._\.relations"):
        _ = doc[2]._.relations
    with pytest.raises(RelextError, match="has no relations"):
        doc[2]._.relations = []
    assert plain(doc[2:3]._.relations) == [FORWARD]
    # Somebody else's is no harm.
    Token.set_extension("relations", default="theirs", force=True)
    register_extensions()
    assert (doc[2]._.relations, len(doc._.relations)) == ("theirs", 3)


@pytest.mark.parametrize("function", [get_relations, has_relations, annotated_labels, lambda doc: set_relations(doc, [])])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda doc: doc[0:1],
            r"expected the Doc that has the relations, and saw Span, Aspirin\. The relations of a mention are span\._\.relations",
        ),
        (lambda doc: doc[0], "saw Token, Aspirin. The relations of a mention"),
        (lambda doc: TEXT, "saw str, 'Aspirin raises"),
        (lambda doc: None, "saw NoneType, None"),
    ],
)
def test_what_is_no_doc_has_no_relations(doc, function, make, message):
    with pytest.raises(RelextError, match=message):
        function(make(doc))


def test_registering_twice_is_harmless(doc):
    register_extensions()
    register_extensions()
    assert plain(get_relations(doc)) == [FORWARD, ACROSS, BACKWARD]


# Annotated for which labels


def test_labels_that_a_doc_is_annotated_for_stay_when_relations_are_set(doc, nlp):
    assert annotated_labels(doc) is None
    set_annotated_labels(doc, ["RAISES", "LOWERS", "RAISES"])
    assert annotated_labels(doc) == {"RAISES", "LOWERS"}
    for relations in (doc._.relations[:1], []):
        doc._.relations = relations
        assert annotated_labels(doc) == {"RAISES", "LOWERS"}
    # A caller may say so first.
    other = nlp(TEXT)
    set_annotated_labels(other, ["RAISES"])
    assert not has_relations(other)
    set_annotated_labels(doc, None)
    assert annotated_labels(doc) is None
    for labels in ("RAISES", ["RAISES", 5], [""], 5):
        with pytest.raises(RelextError, match=r"the annotated labels are .*; expected several"):
            set_annotated_labels(doc, labels)
    set_annotated_labels(nlp(""), ["RAISES"])


@pytest.mark.parametrize("store", ["bytes", "docbin", "pickle", "copy"])
def test_annotated_labels_survive_storing(doc, store):
    set_annotated_labels(doc, ["RAISES", "LOWERS"])
    again = stored(doc, store)
    assert annotated_labels(again) == {"RAISES", "LOWERS"}
    again._.relations = again._.relations
    assert annotated_labels(again) == {"RAISES", "LOWERS"}


def test_joined_docs_are_annotated_for_what_all_are(doc, nlp):
    register_extensions()
    others = [nlp("Nothing here."), nlp("Nor here."), nlp("Nor there.")]
    for other, labels in zip(others, (["RAISES", "X"], ["Y"], None), strict=True):
        other._.relations = []
        set_annotated_labels(other, labels)
    set_annotated_labels(doc, ["RAISES", "LOWERS"])
    assert annotated_labels(Doc.from_docs([others[0], doc])) == {"RAISES"}
    assert annotated_labels(Doc.from_docs([others[2], doc])) == {"RAISES", "LOWERS"}
    # Two corpora in one text: of no label is it known that it was looked for everywhere.
    none = Doc.from_docs([others[0], others[1]])
    assert annotated_labels(none) == frozenset()
    assert not covers(annotated_labels(none), ["X"])


def test_excerpts_and_merged_tokens_keep_the_annotated_labels(doc, nlp):
    set_annotated_labels(doc, ["RAISES"])
    for sentence in doc.sents:
        unit = sentence.as_doc(copy_user_data=True)
        assert annotated_labels(unit) == {"RAISES"}
        unit._.relations = unit._.relations
        assert annotated_labels(Doc.from_docs([nlp("Before."), unit])) == {"RAISES"}
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    assert annotated_labels(doc) == {"RAISES"}
    doc._.relations = doc._.relations
    assert annotated_labels(doc) == {"RAISES"}


@pytest.mark.parametrize(
    ("annotated", "expected"),
    [
        (None, True),
        ("AB", True),
        ("ABC", True),
        ("A", True),  # a part of a corpus in which B does not occur
        ("C", False),
        ("AC", False),
        ("", False),
    ],
)
def test_what_is_annotated_covers_labels(annotated, expected):
    assert covers(annotated if annotated is None else frozenset(annotated), ("A", "B")) is expected
