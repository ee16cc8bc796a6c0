"""brat, BioC XML, BioC JSON and PubTator: what goes out comes back, what cannot is told, and every error names its place."""

import json
import zipfile
from collections import Counter

import pytest
from spacy.tokens import DocBin

from spacy_relext.errors import DataError
from spacy_relext.formats import biocxml, brat, jsonl, pubtator
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.docs import concept_relations, from_doc, to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from tests.formats.test_ddi import raise_it

NAMES = {"brat": "folder", "biocxml": "a.xml", "biocjson": "a.json", "pubtator": "a.txt", "jsonl": "a.jsonl"}

# A character beyond the 16 bits of UTF-16, a combining accent, nested and overlapping mentions, two of one place.
TEXT = "Ale\u0301f acid \U0001f48a helps pain. Acid <b> & nerve pain."
DOCUMENTS = [
    Document(
        "d.1",
        TEXT,
        [
            Mention("T1", 0, 10, "CHEMICAL", "C1"),
            Mention("T2", 6, 10, "CHEMICAL"),
            Mention("T3", 6, 12, "DRUG", "C1|C2"),
            Mention("T4", 19, 23, "DISEASE", "D1"),
            Mention("T5", 25, 29, "CHEMICAL", "C1"),
            Mention("T6", 36, 46, "DISEASE", "D2"),
            Mention("T7", 36, 46, "SYMPTOM", "D2"),
        ],
        [AnnotatedRelation("T1", "T4", "TREATS"), AnnotatedRelation("T6", "T5", "AFTER")],
        [(0, 24), (25, 47)],
    ),
    Document("none", "Nothing here.", relations=[], sentences=[(0, 13)]),
    Document("empty", "", relations=[]),
]


def contents(document, *, sentences=True):
    """What must come back, whatever the ids of the mentions."""
    places = {m.id: (m.start, m.end, m.type, m.kb_id) for m in document.mentions}
    relations = None
    if document.relations is not None:
        relations = sorted((places[r.head], places[r.tail], r.label, r.score) for r in document.relations)
    related = None if document.concept_relations is None else sorted((r.head, r.tail, r.label, r.score) for r in document.concept_relations)
    return document.id, document.text, sorted(places.values()), relations, related, document.sentences if sentences else None


def round_trip(name, documents, folder):
    lost = get_format(name).write(documents, folder / NAMES[name])
    back = {document.id: document for document in get_format(name).read(folder / NAMES[name], Reading(raise_it))}
    return [back[document.id] for document in documents], +lost


@pytest.mark.parametrize("name", ["brat", "biocxml", "biocjson", "jsonl"])
def test_what_is_written_is_read_again(name, tmp_path):
    back, lost = round_trip(name, DOCUMENTS, tmp_path)
    keeps = name != "brat"
    assert [contents(d, sentences=keeps) for d in back] == [contents(d, sentences=keeps) for d in DOCUMENTS]
    assert lost == ({} if keeps else {"sentences": 3, "documents without mentions (read as not annotated)": 2})
    assert not any(sum(document.unsupported.values()) for document in back)


@pytest.mark.parametrize("name", ["biocxml", "biocjson", "jsonl"])
def test_scores_and_what_is_annotated_survive(name, tmp_path):
    mentions = [Mention("T1", 0, 1, "X", "a"), Mention("T2", 2, 3, "Y", "b")]
    related = [AnnotatedRelation("b", "a", "R", 0.25), AnnotatedRelation("a", "a", "R")]
    states = [
        (None, None),
        ([], None),
        (None, []),
        ([], []),
        (None, related),
        ([], related),
        ([AnnotatedRelation("T2", "T1", "R", 0.5)], []),
    ]
    documents = [Document(str(i), "a b", mentions, relations, concept_relations=between) for i, (relations, between) in enumerate(states)]
    back, lost = round_trip(name, documents, tmp_path)
    assert [contents(d) for d in back] == [contents(d) for d in documents]
    assert not lost


@pytest.mark.parametrize("name", ["biocxml", "biocjson"])
@pytest.mark.parametrize(
    ("text", "sentences", "expected"),
    [
        ("\nA b.\r\n C d.  ", [(1, 5), (8, 12)], [(0, 8), (8, 12)]),
        ("  A b.   C d.", [(2, 6), (6, 6), (9, 13)], [(2, 6), (6, 6), (9, 13)]),
        ("Left out. A b.", [(10, 14)], None),
        ("", [], None),
    ],
)
def test_sentences_of_bioc_take_in_white_space_that_is_no_space(name, text, sentences, expected, tmp_path):
    [back], lost = round_trip(name, [Document("a", text, relations=[], sentences=sentences)], tmp_path)
    assert (back.text, back.sentences) == (text, expected)
    assert lost == ({"sentences": 1} if expected is None and sentences else {})


def test_brat_keeps_scores_line_ends_and_documents_without_annotation(tmp_path):
    text = "Left\r\nheart\nfailure and tea."
    mentions = [Mention("m", 0, 19, "DISEASE"), Mention("n", 24, 27, "FOOD")]
    documents = [
        Document("a", text, mentions, [AnnotatedRelation("n", "m", "R", 0.125)]),
        Document("b", "Not annotated."),
        Document("c/1", "x", [Mention("m", 0, 1, "X")]),
    ]
    lost = brat.write(documents, tmp_path)
    assert (tmp_path / "a.ann").read_text(encoding="utf8") == (
        "T1\tDISEASE 0 4;6 11;12 19\tLeft heart failure\nT2\tFOOD 24 27\ttea\nR1\tR Arg1:T2 Arg2:T1\n#1\tScore R1\t0.125\n"
    )
    assert not (tmp_path / "b.ann").exists()
    back = list(brat.read(tmp_path, Reading(raise_it)))
    assert [contents(d) for d in back[:2]] == [contents(d) for d in documents[:2]]
    assert (back[2].id, back[2].relations) == ("c_1", [])
    assert +lost == {"documents not annotated for relations (now with none)": 1, "document ids that are no file names": 1}
    assert not any(sum(document.unsupported.values()) for document in back)


def test_brat_lines_of_all_kinds(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("A and B acids inhibit tea.", encoding="utf8")
    (tmp_path / "sub" / "a.ann").write_text(
        "R1\tHURTS Arg1:T1 Arg2:T3\t\nT1\tX 0 1;8 13\tA acids\r\nT2\tX 6 13\tB acids\nT3\tY 22 25\ttea\nT4\tZ 14 21\tinhibit\n\n"
        "E1\tInhibits:T4 Agent:T2 Theme:T3\nA1\tNegated E1\nM1\tSure R1\n*\tEquiv T1 T2\n#1\tAnnotatorNotes T1\tsome note\n"
        "N1\tReference T1 MESH:D1\tacids\nN2\tReference T1 MESH:D2\nN3\tReference T3 MESH:D3\ttea\n",
        encoding="utf8",
        newline="",
    )
    [document] = brat.read(tmp_path, Reading(raise_it))
    assert document.id == "sub/a"
    # As in DDI, the stretch from first to last character; the second is another one.
    assert [(m.start, m.end, m.kb_id) for m in document.mentions] == [
        (0, 13, "MESH:D1|MESH:D2"),
        (6, 13, ""),
        (22, 25, "MESH:D3"),
        (14, 21, ""),
    ]
    assert document.relations == [AnnotatedRelation("T1", "T3", "HURTS", attributes=("Sure",))]
    assert document.denied == [AnnotatedRelation("T2", "T3", "Inhibits")]
    assert +document.unsupported == {
        "brat equivalences (*)": 1,
        "brat notes (#)": 1,
        "discontinuous mentions (kept as one stretch)": 1,
        "triggers of events": 1,
        "names of concepts (N)": 1,
    }


# An .ann file for the text "Tea for two.", what its error says, and its line.
BAD_BRAT = {
    "truncated": ("T1\tX 0 3\tTea\nT2\tX 8", "expected T1, tab, type", 2),
    "not UTF-8": (b"T1\tX 0 3\tTea\nT2\tX 8 11\tt\xe9o\n", "not UTF-8", 2),
    "beyond the text": ("T1\tX 8 15\ttwo", "offsets 8-15; the text has 12 characters", 1),
    "empty mention": ("T1\tX 3 3\t", "offsets 3-3", 1),
    "other text": ("T1\tX 0 3\tTee", "is 'Tee', and the characters 0-3 of the text are 'Tea'", 1),
    "two of one id": ("T1\tX 0 3\tTea\nT1\tX 8 11\ttwo", "T1 is in line 1 already", 2),
    "no known kind": ("\n<xml>\n</xml>", "expected lines that begin with T, R, E, N, A, M", 2),
}


@pytest.mark.parametrize(("ann", "message", "line"), BAD_BRAT.values(), ids=BAD_BRAT)
def test_bad_brat(ann, message, line, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("Tea for two.", encoding="utf8")
    (tmp_path / "b.ann").write_bytes(ann if isinstance(ann, bytes) else ann.encode())
    with pytest.raises(DataError, match=message) as caught:
        list(brat.read(tmp_path, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (tmp_path / "b.ann", line)
    errors = []
    assert [document.id for document in brat.read(tmp_path, Reading(errors.append))] == ["a", "c"]
    assert len(errors) == 1


def test_bad_brat_folders(tmp_path):
    with pytest.raises(DataError, match="there is none"):
        list(brat.read(tmp_path, Reading(raise_it)))
    (tmp_path / "a.ann").write_text("", encoding="utf8")
    with pytest.raises(DataError, match=r"no a\.txt beside it"):
        list(brat.read(tmp_path, Reading(raise_it)))
    (tmp_path / "a.txt").write_bytes(b"Line\nT\xe9a")
    with pytest.raises(DataError, match="not UTF-8") as caught:
        list(brat.read(tmp_path, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (tmp_path / "a.txt", 2)
    (tmp_path / "a.ann").rename(tmp_path / "a.a1")
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.a1 is beside it"):
        list(brat.read(tmp_path, Reading(raise_it)))


def test_brat_refuses_what_it_cannot_write(tmp_path):
    for i, mention in enumerate([Mention("m", 0, 1, "A B"), Mention("m", 0, 1, ""), Mention("m", 0, 1, "A", "B C")]):
        with pytest.raises(DataError, match="white space"):
            brat.write([Document("a", "x", [mention])], tmp_path / str(i))


# Title and abstract with one space between; the second document has neither.
PUBTATOR = """7|t|Tea|a|and pain.
7|a|Tea \U0001f375 hurts. Pain|t|x follows.
7\t0\t3\tTea\tChemical\tC1
7\t10\t14\tpain\tDisease\tD1|D2\tacute|chronic
7\t16\t19\tTea\tChemical\tC1
7\t22\t27\thurts\tOther\t-1
7\t29\t33\tPain\tDisease\tD2
7\tCID\tC1\tD2\tNo
7\tCID\tC1\tD1\tNovel

8|t|
8|a|
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pubtator(end, nlp, tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(PUBTATOR.replace("\n", end).encode())
    document, empty = pubtator.read(file, Reading(raise_it))
    assert document.text == "Tea|a|and pain. Tea \U0001f375 hurts. Pain|t|x follows."
    assert [m.kb_id for m in document.mentions] == ["C1", "D1|D2", "C1", "", "D2"]
    assert document.relations is None
    assert document.concept_relations == [AnnotatedRelation("C1", "D2", "CID"), AnnotatedRelation("C1", "D1", "CID", attributes=("novel",))]
    assert +document.unsupported == {"names of the parts of composite mentions": 1}
    assert (empty.id, empty.text, empty.concept_relations) == ("8", "", [])
    lost = pubtator.write([document, empty], tmp_path / "b.txt")
    written = (tmp_path / "b.txt").read_text(encoding="utf8")
    assert written.splitlines()[2:9] == [line for line in PUBTATOR.replace("\tacute|chronic", "").splitlines()[2:9]]
    assert [contents(d) for d in pubtator.read(tmp_path / "b.txt", Reading(raise_it))] == [contents(document), contents(empty)]
    assert not +lost
    # Through a Doc, with sentences: the first is the title again.
    document.sentences = [(0, 15), (16, 28), (29, 46)]
    DocBin(docs=[to_doc(document, nlp)], store_user_data=True).to_disk(tmp_path / "a.spacy")
    [doc] = DocBin().from_disk(tmp_path / "a.spacy").get_docs(nlp.vocab)
    assert [span.kb_id_ for span in doc.spans["mentions"]] == [span.kb_id_ for span in doc.ents] == ["C1", "D1|D2", "C1", "", "D2"]
    assert concept_relations(doc) == document.concept_relations
    assert +pubtator.write([from_doc(doc)], tmp_path / "c.txt") == {"sentences": 3}
    assert (tmp_path / "c.txt").read_text(encoding="utf8").splitlines() == [
        line for line in PUBTATOR.replace("\tacute|chronic", "").splitlines()[:-2]
    ]


GOOD = "1|t|Tea\n1|a|for two.\n"
BAD_PUBTATOR = {
    "truncated title": ("5|t", "Is the file truncated", 5),
    "no number": (f"5|t|Tea\n5|a|for\n5\t{'1' * 101}\t3\tTea\tX\tC1", "a number of 101 digits", 7),
    "truncated mention": ("5|t|Tea\n5|a|for\n5\t0\t3", "saw 3 fields", 7),
    "truncated relation": ("5|t|Tea\n5|a|for\n5\t0\t3\tTea\tX\tC1\n5\tCID\tC1", "saw 3 fields", 8),
    "not UTF-8": (b"5|t|T\xe9a\n5|a|for", "not UTF-8", 5),
    "empty mention": ("5|t|Tea\n5|a|for\n5\t4\t4\tfor\tX\tC1", "offsets 4-4; the text has 7", 7),
    "other text": ("5|t|Tea\n5|a|for\n5\t2\t5\tfor\tX\tC1", "is 'for', and the characters 2-5 of the text are 'a f'", 7),
    "no type": ("5|t|Tea\n5|a|for\n5\t0\t3\tTea\t\tC1", "has no type", 7),
    "four fields": ("5|t|Tea\n5|a|for\n5\t0\t3\tTea", "'Tea' has no type", 7),
    "twice": ("1|t|Tea\n1|a|for", "with this id is in .*:1 already", 5),
}


@pytest.mark.parametrize(("text", "message", "line"), BAD_PUBTATOR.values(), ids=BAD_PUBTATOR)
def test_bad_pubtator(text, message, line, tmp_path):
    file = tmp_path / "a.txt"
    bad = text if isinstance(text, bytes) else text.encode()
    # A good document in lines 1 and 2, two empty lines, and one more after it.
    file.write_bytes(GOOD.encode() + b"\n\n" + bad + b"\n\n" + GOOD.replace("1|", "9|").encode())
    with pytest.raises(DataError, match=message) as caught:
        list(pubtator.read(file, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (file, line)
    errors = []
    assert [document.id for document in pubtator.read(file, Reading(errors.append))] == ["1", "9"]
    assert len(errors) == 1


def test_pubtator_refuses_or_counts_what_it_cannot_write(tmp_path):
    mentions = [Mention("a", 0, 1, "X", "C1|C2"), Mention("b", 2, 3, "X", "C3"), Mention("c", 4, 5, "X")]
    document = Document("d", "a\tb\nc", mentions, [AnnotatedRelation("a", "b", "R", 0.5)])
    assert +pubtator.write([document, Document("e", "x")], tmp_path / "a.txt") == {
        "tabs and line ends (now spaces)": 2,
        "scores of relations": 1,
        "relations between mentions (now between their concepts)": 1,
        pubtator.BY_CONCEPT: 1,
        "documents not annotated for relations (now with none)": 1,
    }
    back = next(pubtator.read(tmp_path / "a.txt", Reading(raise_it)))
    assert back.text == "a b c"
    assert back.concept_relations == [AnnotatedRelation("C1", "C3", "R"), AnnotatedRelation("C2", "C3", "R")]
    document.relations = [AnnotatedRelation("a", "c", "R")]
    with pytest.raises(DataError, match="1 of its relations are with a mention that has no concept"):
        pubtator.write([document], tmp_path / "b.txt")
    with pytest.raises(DataError, match="a document before it has the same id"):
        pubtator.write([Document("d", "x"), Document("d", "x")], tmp_path / "b.txt")
    assert not (tmp_path / "b.txt").exists()


def mention(start, length, text, name="0", infons='<infon key="type">X</infon>'):
    return f'<annotation id="{name}">{infons}<location offset="{start}" length="{length}"/><text>{text}</text></annotation>'


def relation(*refs, name="R0", infons='<infon key="type">R</infon>'):
    return f'<relation id="{name}">{infons}' + "".join(f'<node refid="{ref}" role="x"/>' for ref in refs) + "</relation>"


def bioc(inner, name="b"):
    passage = f"<passage><offset>0</offset><text>Tea for</text></passage><passage><offset>8</offset><text>two.</text>{inner}</passage>"
    return f"<document><id>{name}</id>{passage}</document>"


PAIR = mention(0, 3, "Tea") + mention(8, 3, "two", "1")
TYPE = '<infon key="type">X</infon>'
BAD_BIOC = {
    "negative": (mention(-1, 2, "T"), "offsets -1-1"),
    "other text": (mention(7, 3, "two"), "is 'two', and the characters 7-10 of the text are ' tw'"),
    "no location": ('<annotation id="0"><infon key="type">X</infon><text>Tea</text></annotation>', "no offsets"),
    "offset in words": (mention("one", 3, "Tea"), "is not as BioC has it .*invalid literal"),
    "two infons of one key": (mention(0, 3, "Tea", infons=TYPE + TYPE), "several infons 'type'"),
    "score": (PAIR + relation("0", "1", infons=TYPE + '<infon key="score">2</infon>'), "has the score '2'"),
    "overlapping passages": ("</passage><passage><offset>3</offset><text>x</text>", "a passage has the offset 3"),
    "passage far away": ("</passage><passage><offset>999999999</offset><text>x</text>", "a passage has the offset 999999999"),
    "no offset": ("</passage><passage><text>x</text>", "is not as BioC has it"),
    "entity": ("</passage><passage><offset>13</offset><text>&x;</text>", "entity &x;"),
}


@pytest.mark.parametrize(("inner", "message"), BAD_BIOC.values(), ids=BAD_BIOC)
def test_bad_bioc(inner, message, tmp_path):
    file = tmp_path / "a.xml"
    documents = [bioc("", "a"), bioc(inner), bioc("", "b2")]
    head = '<!DOCTYPE collection [<!ENTITY x "xx">]>\n<collection><source/><date/><key/>\n'
    file.write_text(head + "\n".join(documents) + "</collection>", encoding="utf8")
    with pytest.raises(DataError, match=message) as caught:
        list(biocxml.read(file, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (file, 4)
    errors = []
    assert [document.id for document in biocxml.read(file, Reading(errors.append))] == ["a", "b2"]
    assert len(errors) == 1


# A file, what its error says, and its line.
BAD_FILES = {
    "a.xml": ("<collection>\n<document><id>1</id>", "no well-formed XML", 2),
    "b.xml": ("", "no well-formed XML", 1),
    "c.xml": (b"<collection>\n<document><id>\xe9</id></document></collection>", "no well-formed XML", 2),
    "d.xml": ("<html/>", "expected <collection>", 1),
    "e.xml": (
        "<collection>" + bioc("", "1") + "\n" + bioc("", "1") + "</collection>",
        r"with this id is in .*:1 \(number 1 of the file\) already",
        2,
    ),
    "a.json": ('{"documents": [\n{"id": "1",', "not JSON .*line 2", None),
    "b.json": ("", "not JSON", None),
    "c.json": (b'{"documents":\n "\xe9"}', "not UTF-8", 2),
    "d.json": ("[]", "there is no document in it, but an empty list", 1),
    "e.json": (
        json.dumps({"documents": [{"id": "x7", "infons": {}, "passages": [{"offset": 0}]}]}),
        "document 1, id 'x7': 'text' is missing",
        1,
    ),
    "f.json": (json.dumps({"documents": [3]}), "document 1, id None", 1),
    "g.json": (
        json.dumps(
            {
                "documents": [
                    {
                        "id": 5,
                        "infons": {},
                        "relations": [],
                        "passages": [{"offset": "zero", "infons": {}, "text": "x", "sentences": [], "annotations": [], "relations": []}],
                    }
                ]
            }
        ),
        "document 1, id 5: ValueError",
        1,
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_bioc_files(name, tmp_path):
    text, message, line = BAD_FILES[name]
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    module = get_format(f"bioc{file.suffix[1:]}")
    with pytest.raises(DataError, match=message) as caught:
        list(module.read(tmp_path, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (file, line)
    errors = []
    list(module.read(tmp_path, Reading(errors.append)))
    assert len(errors) == 1


def test_bioc_from_elsewhere(tmp_path):
    role = TYPE + '<infon key="MESH">{}</infon><infon key="CompositeRole">{}</infon>'
    parts = mention(0, 1, "A acids", "1", role.format("C1", "IndividualMention")).replace(
        "<text>", '<location offset="8" length="5"/><text>'
    )
    inner = (
        parts
        + mention(0, 13, "A and B acids", "0", role.format("C1|C2", "CompositeMention"))
        + mention(14, 3, "may", "2", TYPE + '<infon key="MESH">-1</infon><infon key="note">n</infon>')
        + mention(18, 2, "be it", "3").replace("<text>", '<location offset="23" length="2"/><text>')
    )
    cid = '<relation id="R"><infon key="relation">CID</infon><infon key="Chemical">C1</infon><infon key="Disease">C2</infon></relation>'
    swapped = relation("0", "2").replace('"x"', '"tail"', 1).replace('"x"', '"head"')
    text = "<text>A and B acids<!-- comment --> may be a it</text>"
    file = tmp_path / "a.xml"
    file.write_text(
        f"<collection><document><id>1</id><passage><offset>0</offset>{text}{inner}</passage>{cid}{swapped}</document></collection>",
        encoding="utf8",
    )
    [document] = biocxml.read(file, Reading(raise_it))
    assert document.text == "A and B acids may be a it"
    assert document.mentions == [Mention("0", 0, 13, "X", "C1|C2"), Mention("2", 14, 17, "X"), Mention("3", 18, 25, "X")]
    assert document.relations == [AnnotatedRelation("2", "0", "R")]
    assert document.concept_relations == [AnnotatedRelation("C1", "C2", "CID")]
    assert +document.unsupported == {
        "parts of composite mentions": 1,
        "infons of mentions": 1,
        "discontinuous mentions (kept as one stretch)": 1,
    }


def test_xml_refuses_control_characters_and_json_holds_them(tmp_path):
    document = Document("a", "x\x00\r\ny\u2028", relations=[])
    with pytest.raises(DataError, match=r"document 'a': XML cannot hold it: .* Export to biocjson"):
        biocxml.write([document], tmp_path / "a.xml")
    assert not list(tmp_path.iterdir())
    [back], _ = round_trip("biocjson", [document], tmp_path)
    assert contents(back) == contents(document)


@pytest.fixture
def cdr(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "bc5cdr" / "CDR_original.zip") as archive:
        archive.extractall(tmp_path / "cdr")
    return tmp_path / "cdr"


# Documents, mentions, relations; PubTator's lines of six or seven fields, and of four.
CDR = {"Training": (500, 9385, 1038), "Development": (500, 9591, 1012), "Test": (500, 9809, 1066)}


@pytest.mark.parametrize("part", CDR)
def test_bc5cdr_is_the_same_in_both_formats_and_survives(part, cdr, tmp_path):
    documents = list(pubtator.read(cdr / f"CDR_{part}Set.PubTator.txt", Reading(raise_it)))
    counts = (len(documents), sum(len(d.mentions) for d in documents), sum(len(d.concept_relations) for d in documents))
    assert counts == CDR[part]
    expected = [contents(document) for document in documents]
    assert [contents(document) for document in biocxml.read(cdr / f"CDR_{part}Set.BioC.xml", Reading(raise_it))] == expected
    for name in ("pubtator", "biocjson"):
        back, lost = round_trip(name, documents, tmp_path)
        assert [contents(document) for document in back] == expected
        assert not lost


def test_jsonl_refuses_a_concept_relation_of_another_form():
    record = {"text": "x", "mentions": [{"start": 0, "end": 1, "type": "X", "kb_id": 3}]}
    with pytest.raises(DataError, match="'kb_id' to be a string, and saw 3"):
        jsonl.parse(json.dumps(record), None, 1)
    with pytest.raises(DataError, match="relation between concepts 1: expected 'tail'"):
        jsonl.parse(json.dumps({"text": "x", "concept_relations": [{"head": "C", "label": "R"}]}), None, 1)


def test_report_names_what_is_not_held(nlp):
    counts = Counter()
    to_doc(Document("a", "x", unsupported=Counter({"notes": 2})), nlp, counts)
    assert counts["notes"] == 2
