"""DDI 2013: offsets, discontinuous mentions, the way back, and the counts of the real corpus."""

import zipfile
from collections import Counter

import pytest
from spacy.tokens import DocBin

from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.errors import DataError
from spacy_relext.formats import ddi
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import UNKNOWN, AnnotatedRelation, Document, Mention
from spacy_relext.relations import get_relations

# Sentence 0, offsets from 0, ends inclusive:
#   0         1         2         3         4         5
#   012345678901234567890123456789012345678901234567890123456
#   Potassium and lithium salts weaken aspirin but not tea.
# Sentence 1 is empty, sentence 2 begins at 56 of the document.
XML = """<?xml version="1.0" encoding="UTF-8"?>
<document id="X.d1">
    <sentence id="X.d1.s0" text="Potassium and lithium salts weaken aspirin but not tea.">
        <entity id="X.d1.s0.e0" charOffset="0-8;22-26" type="group" text="Potassium salts"/>
        <entity id="X.d1.s0.e1" charOffset="14-26" type="group" text="lithium salts"/>
        <entity id="X.d1.s0.e2" charOffset="35-41" type="drug" text="aspirin"/>
        <pair id="X.d1.s0.p0" e1="X.d1.s0.e0" e2="X.d1.s0.e1" ddi="false"/>
        <pair id="X.d1.s0.p1" e1="X.d1.s0.e0" e2="X.d1.s0.e2" ddi="true" type="effect"/>
        <pair id="X.d1.s0.p2" e1="X.d1.s0.e1" e2="X.d1.s0.e2" ddi="true"/>
    </sentence>
    <sentence id="X.d1.s1" text=""/>
    <sentence id="X.d1.s2" text="Avoid A1 &amp; B2.&#10;">
        <entity id="X.d1.s2.e0" charOffset="6-7" type="brand" text="A1"/>
        <entity id="X.d1.s2.e1" charOffset="11-12" type="drug_n" text="B2"/>
        <pair id="X.d1.s2.p0" e1="X.d1.s2.e0" e2="X.d1.s2.e1" ddi="true" type="advise"/>
    </sentence>
</document>
"""

# "Potassium … salts" is its whole stretch, which overlaps "lithium salts".
EXPECTED = Document(
    "X.d1",
    "Potassium and lithium salts weaken aspirin but not tea. Avoid A1 & B2.\n",
    [
        Mention("X.d1.s0.e0", 0, 27, "group"),
        Mention("X.d1.s0.e1", 14, 27, "group"),
        Mention("X.d1.s0.e2", 35, 42, "drug"),
        Mention("X.d1.s2.e0", 62, 64, "brand"),
        Mention("X.d1.s2.e1", 67, 69, "drug_n"),
    ],
    [
        AnnotatedRelation("X.d1.s0.e0", "X.d1.s0.e2", "effect"),
        AnnotatedRelation("X.d1.s0.e1", "X.d1.s0.e2", "int"),
        AnnotatedRelation("X.d1.s2.e0", "X.d1.s2.e1", "advise"),
    ],
    [(0, 55), (56, 56), (56, 71)],
)


def contents(document):
    return (document.id, document.text, document.mentions, document.relations, document.sentences)


def raise_it(error):
    raise error


def write_file(path, text=XML):
    path.write_text(text, encoding="utf8")
    return path


def sentence(text, *entities, pairs=""):
    """A document of one sentence; an entity is its charOffset."""
    inner = "".join(f'<entity id="e{i}" charOffset="{offset}" type="drug"/>' for i, offset in enumerate(entities))
    return f'<document id="d"><sentence id="s" text="{text}">{inner}{pairs}</sentence></document>'


def test_file_is_parsed(tmp_path):
    document = ddi.parse(write_file(tmp_path / "a.xml"))
    assert contents(document) == contents(EXPECTED)
    assert document.source == tmp_path / "a.xml"


def test_offsets_name_the_mentions(tmp_path):
    document = ddi.parse(write_file(tmp_path / "a.xml"))
    names = [document.text[mention.start : mention.end] for mention in document.mentions]
    assert names == ["Potassium and lithium salts", "lithium salts", "aspirin", "A1", "B2"]


def test_coinciding_stretches_of_discontinuous_mentions_are_told_apart(tmp_path):
    # "A and B acids", as "A … acids" (0-0;8-12) after a mention of the whole stretch: its leading part is left out.
    document = ddi.parse(write_file(tmp_path / "a.xml", sentence("A and B acids.", "0-12", "0-0;8-12", "0-0;6-6;8-12")))
    assert [(m.start, m.end) for m in document.mentions] == [(0, 13), (8, 13), (6, 13)]


def test_parts_are_sorted_before_they_are_joined(tmp_path):
    document = ddi.parse(write_file(tmp_path / "a.xml", sentence("A and B acids.", "8-12;0-0")))
    assert [(m.start, m.end) for m in document.mentions] == [(0, 13)]


def test_same_place_in_two_sentences_does_not_coincide(tmp_path):
    part = '<sentence id="s{}" text="A and B acids."><entity id="e{}" charOffset="0-12;8-12" type="drug"/></sentence>'
    document = ddi.parse(write_file(tmp_path / "a.xml", f'<document id="d">{part.format(0, 0)}{part.format(1, 1)}</document>'))
    assert [(m.start, m.end) for m in document.mentions] == [(0, 13), (15, 28)]


def test_folder_is_searched_recursively_in_order_of_names(tmp_path):
    for name in ("b/2.xml", "b/1.xml", "a.xml", "b/c/3.XML.bak"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_file(tmp_path / name, XML.replace("X.d1", name))
    assert [document.source.name for document in ddi.read(tmp_path, Reading(raise_it))] == ["a.xml", "1.xml", "2.xml"]


def test_folder_without_xml(tmp_path):
    with pytest.raises(DataError, match=r"no \.xml file"):
        list(ddi.read(tmp_path, Reading(raise_it)))


ENTITY = '<entity id="e0" charOffset="0-0" type="drug"/>'
# A file, what its error says, and its line where the parser knows it.
BAD_FILES = {
    "truncated": (XML[:300], "no well-formed XML", 5),
    "not XML": ("Potassium and lithium.", "no well-formed XML", 1),
    "empty": ("", "no well-formed XML", 1),
    "not UTF-8": (XML.encode()[:70] + b"\xe9" + XML.encode()[70:], "no well-formed XML", 3),
    "unknown encoding": (
        "<?xml version='1.0' encoding='klingon'?><document/>",
        "encoding that cannot be read: unknown encoding: klingon",
        None,
    ),
    "foreign": ("<collection><document><sentence/></document></collection>", "expected <document> .* saw <collection>", None),
    "foreign document": ('<document id="1"><passage/></document>', "expected <document> with <sentence> elements", None),
    "sentence without text": ('<document id="1"><sentence id="s"/></document>', "<sentence id='s'> has no attribute 'text'", None),
    "entity without offset": (
        sentence("A").replace("</s", '<entity id="e7" type="drug"/></s'),
        "'e7'> has no attribute 'charOffset'",
        None,
    ),
    "entity without type": (sentence("A").replace("</s", '<entity id="e7" charOffset="0-0"/></s'), "no attribute 'type'", None),
    "offset in words": (sentence("A", "one"), "charOffset is 'one'; expected", None),
    "offset beyond the sentence": (sentence("A", "0-1"), r"entity 'e0': charOffset is '0-1', and its sentence has 1 character\.", None),
    "pair without ddi": (sentence("A", "0-0", pairs='<pair id="p" e1="e0" e2="e1"/>'), "<pair id='p'> has no attribute 'ddi'", None),
    "pair without e2": (sentence("A", "0-0", pairs='<pair id="p" e1="e0" ddi="true"/>'), "<pair id='p'> has no attribute 'e2'", None),
}


@pytest.mark.parametrize(("text", "message", "line"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file_is_reported_and_left_out_alone(text, message, line, tmp_path):
    write_file(tmp_path / "a.xml")
    bad = tmp_path / "b.xml"
    bad.write_bytes(text if isinstance(text, bytes) else text.encode())
    write_file(tmp_path / "c.xml", XML.replace("X.d1", "X.d3"))
    with pytest.raises(DataError, match=message) as caught:
        list(ddi.read(tmp_path, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (bad, line)
    assert str(caught.value).startswith(f"{bad}:")
    errors = []
    assert [document.source.name for document in ddi.read(tmp_path, Reading(errors.append))] == ["a.xml", "c.xml"]
    assert len(errors) == 1


def test_pair_with_a_missing_entity_is_left_out_alone(nlp, tmp_path):
    pair = '<pair id="p" e1="e0" e2="e9" ddi="true" type="int"/>'
    document = ddi.parse(write_file(tmp_path / "a.xml", sentence("A", "0-0", pairs=pair)))
    counts = Counter()
    assert not get_relations(to_doc(document, nlp, counts))
    assert (counts["mentions"], counts[UNKNOWN]) == (1, 1)
    assert document.examples == {UNKNOWN: str(tmp_path / "a.xml")}


def test_end_before_start_is_an_error_of_the_document(nlp, tmp_path):
    document = ddi.parse(write_file(tmp_path / "a.xml", sentence("Aspirin", "4-2")))
    with pytest.raises(DataError, match="offsets 4-3"):
        to_doc(document, nlp)


def test_write_then_read_gives_the_same(tmp_path):
    ddi.write([EXPECTED], tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["X.d1.xml"]
    [back] = ddi.read(tmp_path / "out", Reading(raise_it))
    assert contents(back) == contents(EXPECTED)


def test_written_file_lists_all_pairs_with_inclusive_offsets(tmp_path):
    ddi.write([EXPECTED], tmp_path)
    text = (tmp_path / "X.d1.xml").read_text(encoding="utf8")
    assert text.count('ddi="false"') == 1
    assert text.count('ddi="true"') == 3
    assert 'charOffset="35-41" type="drug" text="aspirin"' in text
    assert '<pair id="X.d1.s2.p0" e1="X.d1.s2.e0" e2="X.d1.s2.e1" ddi="true" type="advise"' in text


def test_doc_round_trip_drops_only_the_empty_sentence(nlp, tmp_path):
    ddi.write([from_doc(to_doc(EXPECTED, nlp))], tmp_path)
    [back] = ddi.read(tmp_path, Reading(raise_it))
    assert (back.text, len(back.relations)) == (EXPECTED.text, 3)
    assert [(m.start, m.end, m.type) for m in back.mentions] == [(m.start, m.end, m.type) for m in EXPECTED.mentions]
    assert back.sentences == [(0, 55), (56, 71)]  # the line end is a token of the Doc


def test_what_the_format_cannot_hold_is_refused(tmp_path):
    mentions = [Mention("1", 0, 1, "drug"), Mention("2", 3, 4, "drug")]
    across = Document("a", "A. B.", mentions, [AnnotatedRelation("1", "2", "int")], [(0, 2), (3, 5)])
    with pytest.raises(DataError, match="document 'a': 1 of its relations run across sentences"):
        ddi.write([across], tmp_path / "1")
    both = Document("b", "A. B.", mentions, [AnnotatedRelation("1", "2", "int"), AnnotatedRelation("2", "1", "int")], [(0, 5)])
    with pytest.raises(DataError, match=r"document 'b': 1 of its relations .* share a pair"):
        ddi.write([both], tmp_path / "2")
    with pytest.raises(DataError, match="document 'c': it has no sentences"):
        ddi.write([Document("c", "A. B.")], tmp_path / "3")
    assert not list(tmp_path.rglob("*.xml"))


def test_white_space_between_sentences_comes_back_or_is_counted(tmp_path):
    mentions = [Mention("1", 1, 3, "drug"), Mention("2", 6, 7, "drug"), Mention("3", 9, 10, "drug")]
    documents = {
        # Text, sentences, and how many of them get a space.
        "kept": ("\nA1. \tB. C. ", [(1, 4), (6, 8), (9, 11)], 0),
        "two": ("\nA1.\n B. C.  ", [(0, 6), (6, 8), (9, 13)], 0),
        "end": ("\nA1. \nB. C.", [(1, 4), (6, 8), (9, 11)], 1),
        "none": ("\nA1...B.?C.", [(1, 6), (6, 9), (9, 11)], 3),
    }
    for name, (text, sentences, spaces) in documents.items():
        document = Document(name, text, mentions, [], sentences)
        assert (+ddi.write([document], tmp_path / name))[ddi.NO_SPACE] == spaces
        [back] = ddi.read(tmp_path / name, Reading(raise_it))
        assert [back.text[m.start : m.end] for m in back.mentions] == ["A1", "B", "C"]
        assert back.text == (text if not spaces else text + " " if spaces == 1 else "\nA1... B.? C. ")


def test_mentions_and_relations_stay_or_are_refused(tmp_path):
    mentions = [Mention("1", 0, 1, "drug"), Mention("2", 3, 4, "drug")]
    ddi.write([Document("a", "A. B. ", mentions, [AnnotatedRelation("2", "1", "int")], [(0, 5)])], tmp_path / "a")
    [back] = ddi.read(tmp_path / "a", Reading(raise_it))
    assert back.relations == [AnnotatedRelation("a.s0.e1", "a.s0.e0", "int")]
    across = Document("b", "A. B. ", [Mention("1", 0, 4, "drug")], [], [(0, 2), (3, 5)])
    with pytest.raises(DataError, match=r"the mention 'A\. B' runs across sentences"):
        ddi.write([across], tmp_path / "b")
    with pytest.raises(DataError, match=r"XML cannot hold the character '\\x00' at 1"):
        ddi.write([Document("c", "A\x00", sentences=[(0, 2)])], tmp_path / "c")
    ddi.write([Document("d", "", relations=[], sentences=[])], tmp_path / "d")
    assert [document.text for document in ddi.read(tmp_path / "d", Reading(raise_it))] == [""]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "d"]


def test_documents_without_id_are_numbered(tmp_path):
    ddi.write([Document("", "A.", sentences=[(0, 2)]), Document("", "B.", sentences=[(0, 2)])], tmp_path)
    assert [document.id for document in ddi.read(tmp_path, Reading(raise_it))] == ["document-0", "document-1"]


# The real corpus: documents, unordered pairs, relations per label. The untyped pair of the training part is read as `int`.
COUNTS = {
    "Train": (714, 27_792, {"effect": 1687, "mechanism": 1319, "advise": 826, "int": 188 + 1}),
    "Test/Test for DDI Extraction task": (191, 5_716, {"effect": 360, "mechanism": 302, "advise": 221, "int": 96}),
}


@pytest.fixture
def ddi_corpus(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data / "ddi2013" / "DDICorpus-2013.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "DDICorpus"


@pytest.mark.parametrize("part", COUNTS)
def test_counts_of_the_real_corpus(part, ddi_corpus):
    documents = list(ddi.read(ddi_corpus / part, Reading(raise_it)))
    n_documents, n_pairs, labels = COUNTS[part]
    assert len(documents) == n_documents
    assert Counter(relation.label for document in documents for relation in document.relations) == labels
    # n·(n−1)/2 pairs a sentence, with the sentence of a mention named by its id: "….s3.e0".
    sizes = Counter(mention.id.rpartition(".")[0] for document in documents for mention in document.mentions)
    assert sum(n * (n - 1) // 2 for n in sizes.values()) == n_pairs
    # Mentions of a document keep apart, so that no two of its pairs coincide.
    for document in documents:
        assert len({(m.start, m.end) for m in document.mentions}) == len(document.mentions)


@pytest.mark.parametrize("tokenizer", ["en", "scispacy"])
@pytest.mark.parametrize("part", COUNTS)
def test_every_mention_and_relation_of_the_real_corpus_survives(part, tokenizer, ddi_corpus, tmp_path):
    if tokenizer == "scispacy":
        pytest.importorskip("scispacy")
    nlp = make_tokenizer(tokenizer)
    documents = list(ddi.read(ddi_corpus / part, Reading(raise_it)))
    docs = [to_doc(document, nlp) for document in documents]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "a.spacy")
    back = [from_doc(doc) for doc in DocBin().from_disk(tmp_path / "a.spacy").get_docs(make_tokenizer("en").vocab)]
    ddi.write(back, tmp_path / "xml")
    again = {document.id: document for document in ddi.read(tmp_path / "xml", Reading(raise_it))}
    assert len(again) == len(documents) == COUNTS[part][0]
    for document in documents:
        assert annotation(again[document.id]) == annotation(document)


def annotation(document):
    """Text, mentions by place, and relations by place, whatever the ids."""
    places = {}
    for m in document.mentions:
        start = m.start + len(document.text[m.start : m.end]) - len(document.text[m.start : m.end].lstrip())
        places[m.id] = (start, start + len(document.text[m.start : m.end].strip()), m.type)
    relations = {(frozenset((places[r.head], places[r.tail])), r.label) for r in document.relations}
    return document.text.rstrip(), sorted(places.values()), relations
