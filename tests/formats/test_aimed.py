"""AIMed: sentences put together again from their pairs, what is wrong with them by file and line, and the counts of the real corpus."""

import json
import zipfile
from itertools import pairwise

import pytest

from spacy_relext.candidates import sentence_pairs
from spacy_relext.errors import DataError
from spacy_relext.formats import aimed
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import AnnotatedRelation, Mention
from spacy_relext.relations import get_relations

#        0         1         2
#        012345678901234567890123456789
FIRST = "Quux and Quux kinase bind Abc."
QUUX, OTHER, KINASE, ABC = (0, 4), (9, 13), (9, 20), (26, 29)
SECOND = "Not so Abc and Def."


def pair(name, sentence, number, text, head, tail, label="negative", **names):
    """A line of the format for a pair of stretches; the names of its mentions may be given."""
    relation = {"relation_type": label, "relation_id": int(label == "negative")}
    for key, (start, end) in (("entity_1", head), ("entity_2", tail)):
        relation |= {key: names.get(key, text[start:end]), f"{key}_idx": [[start, end]], f"{key}_type": "protein", f"{key}_type_id": 0}
    identifier = f"X.d{name}.s{sentence}"
    return {"id": f"{identifier}_{identifier}.p{number}", "text": text, "relation": [relation], "directed": False, "reverse": False}


# The pairs of the first sentence in no order; the second sentence comes first.
LINES = [
    pair(1, 12, 0, SECOND, (7, 10), (15, 18)),
    pair(1, 3, 0, FIRST, QUUX, ABC, "positive"),
    pair(1, 3, 1, FIRST, QUUX, OTHER),
    # The markers of the nested mention are in the name of the outer one, as upstream writes it.
    pair(1, 3, 2, FIRST, OTHER, KINASE, entity_2="Quux[/E1] kinase"),
    pair(1, 3, 3, FIRST, ABC, KINASE, "positive"),
    pair(1, 3, 4, FIRST, QUUX, KINASE),
    pair(1, 3, 5, FIRST, OTHER, ABC),
    pair(2, 1, 0, "Ghi met Jkl.", (0, 3), (8, 11), "positive"),
]


def raise_it(error):
    raise error


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf8")
    return path


def test_pairs_become_sentences_once(tmp_path):
    first, second = aimed.read(write(tmp_path / "test_0.json", *LINES), Reading(raise_it))
    assert (first.id, first.text) == ("X.d1", f"{FIRST} {SECOND}")
    assert first.sentences == [(0, 30), (31, 50)]
    assert first.mentions == [
        Mention("s3.e0", 0, 4, "protein"),
        Mention("s3.e1", 9, 13, "protein"),
        Mention("s3.e2", 9, 20, "protein"),
        Mention("s3.e3", 26, 29, "protein"),
        Mention("s12.e0", 38, 41, "protein"),
        Mention("s12.e1", 46, 49, "protein"),
    ]
    assert [first.text[m.start : m.end] for m in first.mentions] == ["Quux", "Quux", "Quux kinase", "Abc", "Abc", "Def"]
    # The first mention is the head, whichever the line has first.
    assert first.relations == [AnnotatedRelation("s3.e0", "s3.e3", "interaction"), AnnotatedRelation("s3.e2", "s3.e3", "interaction")]
    assert (second.id, second.text, len(second.mentions), len(second.relations)) == ("X.d2", "Ghi met Jkl.", 2, 1)


def test_doc_has_all_pairs_and_overlapping_mentions_in_its_spans(nlp, tmp_path):
    doc = to_doc(next(aimed.read(write(tmp_path / "test_0.json", *LINES), Reading(raise_it))), nlp)
    assert [span.text for span in doc.spans["mentions"]] == ["Quux", "Quux", "Quux kinase", "Abc", "Abc", "Def"]
    assert [span.text for span in doc.ents] == ["Quux", "Quux kinase", "Abc", "Abc", "Def"]
    assert len(sentence_pairs(ordered=False, overlapping=True)(doc, list(doc.spans["mentions"]))) == 7
    assert len(sentence_pairs(ordered=False)(doc, list(doc.spans["mentions"]))) == 6
    assert [str(relation) for relation in get_relations(doc)] == [
        "Quux --interaction--> Abc (1.00)",
        "Quux kinase --interaction--> Abc (1.00)",
    ]


def test_parts_are_the_folds_in_order_of_their_numbers(tmp_path):
    for name in ("test_10.json", "test_2.json", "train_2.json", "relation_types.json", "test_x.json"):
        write(tmp_path / "sub" / name, *(json.dumps(line).replace("X.d", f"{name}.d") for line in LINES))
    assert list(aimed.parts(tmp_path).items()) == [
        ("fold-2", tmp_path / "sub" / "test_2.json"),
        ("fold-10", tmp_path / "sub" / "test_10.json"),
    ]
    assert len(list(aimed.read(tmp_path, Reading(raise_it)))) == 4
    write(tmp_path / "copy" / "test_2.json", *LINES)
    with pytest.raises(DataError, match=r"fold 2 is in .*copy"):
        aimed.parts(tmp_path)
    with pytest.raises(DataError, match=r"no test_0\.json"):
        aimed.parts(write(tmp_path / "empty" / "train_0.json").parent)


def changed(line, **values):
    """A line with some of the keys of its relation replaced, or removed where the value is None."""
    relation = {key: value for key, value in ({**line["relation"][0], **values}).items() if value is not None}
    return {**line, "relation": [relation]}


LAST = LINES[-1]
# Lines after the first seven, the line that the error names, what it says: document 2 alone is left out.
BAD_DOCUMENTS = {
    "no text": ([{**LAST, "text": None}], 8, r"X\.d2\.s1_X\.d2\.s1\.p0: expected 'text' to be the sentence, and saw None"),
    "half of a character": ([{**LAST, "text": LAST["text"] + "\ud83d"}], 8, "surrogates not allowed"),
    "no relation": ([{**LAST, "relation": []}], 8, r"expected 'relation' to be a list of one object, and saw \[\]"),
    "another label": ([changed(LAST, relation_type="binds")], 8, "expected 'relation_type' to be positive or negative, and saw 'binds'"),
    "no type": ([changed(LAST, entity_2_type=None)], 8, "expected 'entity_2_type' to be the type of the mention, and saw None"),
    "no offsets": ([changed(LAST, entity_1_idx=None)], 8, r"expected 'entity_1_idx' to be one \[\[start, end\]\] .* saw None"),
    "two stretches": ([changed(LAST, entity_1_idx=[[0, 1], [2, 3]])], 8, r"one \[\[start, end\]\] .* saw \[\[0, 1\], \[2, 3\]\]"),
    "beyond the text": ([changed(LAST, entity_2_idx=[[8, 13]])], 8, r"in a text of 12 characters, and saw \[\[8, 13\]\]"),
    "end before start": ([changed(LAST, entity_2_idx=[[8, 8]])], 8, r"saw \[\[8, 8\]\]"),
    "another name": ([changed(LAST, entity_2="Jk")], 8, "entity_2 is 'Jk', and the characters 8-11 of the sentence are 'Jkl'"),
    "with itself": ([changed(LAST, entity_2_idx=[[0, 3]], entity_2="Ghi")], 8, "both mentions are at 0-3"),
    "pair twice": ([LAST, pair(2, 1, 1, "Ghi met Jkl.", (8, 11), (0, 3))], 9, r"p1: the sentence has a pair of these mentions already"),
    "two texts": ([LAST, pair(2, 1, 1, "Ghi saw Mno.", (0, 3), (8, 11))], 9, "the sentence has another text than in line 8"),
    "pair missing": (
        [LAST, pair(2, 5, 0, FIRST, QUUX, ABC), pair(2, 5, 1, FIRST, QUUX, KINASE)],
        9,
        r"sentence 5 of X\.d2 has 3 mentions and 2 of their 3 pairs\. Is the file truncated",
    ),
}


@pytest.mark.parametrize(("lines", "number", "message"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_bad_document_is_reported_once_and_left_out_alone(lines, number, message, tmp_path):
    file = write(tmp_path / "test_0.json", *LINES[:7], *lines)
    with pytest.raises(DataError, match=message) as caught:
        list(aimed.read(file, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (file, number)
    errors = []
    assert [document.id for document in aimed.read(file, Reading(errors.append))] == ["X.d1"]
    assert len(errors) == 1


# A line whose document cannot be known, and what its error says: the whole file is left out.
BAD_LINES = {
    "truncated": (json.dumps(LAST)[:100], r"no line of JSON \(.*\)\. Is the file truncated"),
    "no object": ("[]", r"expected an object with an id such as .* saw '\[\]'.* Is this a file of AIMed"),
    "our JSONL": (json.dumps({"id": "case-7", "text": "Abc."}), "expected an object with an id .* saw 'case-7'"),
    "id of two sentences": (json.dumps({**LAST, "id": "X.d2.s1_X.d2.s2.p0"}), r"saw 'X\.d2\.s1_X\.d2\.s2\.p0'"),
    "too deep": ("[" * 100_000, "no line of JSON"),
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.values(), ids=BAD_LINES)
def test_line_of_no_document_leaves_out_the_file(line, message, tmp_path):
    file = write(tmp_path / "test_0.json", *LINES, line)
    write(tmp_path / "test_1.json", *LINES)
    with pytest.raises(DataError, match=message) as caught:
        list(aimed.read(tmp_path, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (file, 9)
    errors = []
    assert [document.source.name for document in aimed.read(tmp_path, Reading(errors.append))] == ["test_1.json"] * 2
    assert len(errors) == 1


def test_not_utf8(tmp_path):
    (tmp_path / "test_0.json").write_bytes(json.dumps(LAST).encode().replace(b"Ghi", b"Gh\xef") + b"\n")
    with pytest.raises(DataError, match=r"test_0\.json:1: no line of JSON .*utf-8"):
        list(aimed.read(tmp_path, Reading(raise_it)))


# The real corpus, a fold: documents, sentences, pairs, positive ones.
COUNTS = [
    (22, 99, 621, 105),
    (22, 128, 546, 97),
    (22, 120, 593, 102),
    (22, 114, 587, 102),
    (22, 122, 523, 89),
    (22, 116, 599, 124),
    (22, 126, 605, 151),
    (22, 127, 716, 102),
    (22, 103, 491, 59),
    (22, 114, 553, 69),
]


def test_counts_of_the_real_corpus(nlp, shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "aimed" / "AImed.zip") as archive:
        archive.extractall(tmp_path)
    get_pairs = sentence_pairs(ordered=False, overlapping=True)
    counts, names, n_overlapping = [], [], 0
    for file in aimed.parts(tmp_path).values():
        documents = list(aimed.read(file, Reading(raise_it)))
        docs = [to_doc(document, nlp) for document in documents]
        mentions = [list(doc.spans["mentions"]) for doc in docs]
        pairs = [get_pairs(*both) for both in zip(docs, mentions, strict=True)]
        counts.append(
            (len(docs), sum(len(list(doc.sents)) for doc in docs), sum(map(len, pairs)), sum(len(get_relations(d)) for d in docs))
        )
        names += [document.id for document in documents]
        n_overlapping += sum(
            spans[i].start_char < spans[j].end_char and spans[j].start_char < spans[i].end_char
            for spans, some in zip(mentions, pairs, strict=True)
            for i, j in some
        )
        # Every line is a pair, and every document is in one fold.
        assert sum(map(len, pairs)) == len(file.read_text(encoding="utf8").splitlines())
        for document in documents:
            assert all(end + 1 == start for (_, end), (start, _) in pairwise(document.sentences))
    assert counts == COUNTS
    assert tuple(map(sum, zip(*counts, strict=True)))[2:] == (5_834, 1_000)
    assert len(set(names)) == len(names) == 220
    assert n_overlapping == 164
