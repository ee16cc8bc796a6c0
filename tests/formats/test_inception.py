"""INCEpTION's UIMA CAS: which layers are read, offsets in UTF-16 units, archives, and what is refused with its place."""

import json
import re
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from cassis import Cas, TypeSystem, load_cas_from_xmi, load_typesystem

from spacy_relext.concepts import join
from spacy_relext.errors import DataError
from spacy_relext.formats import inception
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.reading import OTHER_ANNOTATORS, SAME_ANNOTATIONS, Options, Reading
from spacy_relext.formats.types import UNKNOWN, AnnotatedRelation, Document, Mention
from tests.formats.test_ddi import raise_it
from tests.formats.test_exchange import DOCUMENTS, contents

ANNOTATION, STRING = "uima.tcas.Annotation", "uima.cas.String"
CHEMICAL, DOSE, EVENT, LINK = "webanno.custom.Chemical", "webanno.custom.Dose", "webanno.custom.Event", "webanno.custom.EventAgentLink"
EFFECT, POS, DEPENDENCY = "webanno.custom.Effect", f"{inception.DKPRO}.lexmorph.type.pos.POS", f"{inception.DKPRO}.syntax.type.Dependency"
CHAIN = "webanno.custom.NameLink"
TYPES = {
    inception.METADATA: (
        "uima.tcas.DocumentAnnotation",
        {"documentTitle": STRING, "documentId": STRING, "isLastSegment": "uima.cas.Boolean"},
    ),
    inception.SENTENCE: (ANNOTATION, {}),
    inception.TOKEN: (ANNOTATION, {}),
    POS: (ANNOTATION, {"PosValue": STRING}),
    DEPENDENCY: (ANNOTATION, {"Governor": inception.TOKEN, "Dependent": inception.TOKEN, "DependencyType": STRING}),
    inception.NAMED_ENTITY: (ANNOTATION, {"value": STRING, "identifier": STRING}),
    CHEMICAL: (ANNOTATION, {"sure": "uima.cas.Boolean"}),
    DOSE: (ANNOTATION, {"Unit": STRING, "Route": STRING}),
    LINK: ("uima.cas.TOP", {"role": STRING, "target": ANNOTATION}),
    EVENT: (ANNOTATION, {"Label": STRING, "note": STRING, "Agent": "uima.cas.FSArray"}),
    EFFECT: (ANNOTATION, {"Governor": ANNOTATION, "Dependent": ANNOTATION, "kind": STRING}),
    CHAIN: (ANNOTATION, {"next": ANNOTATION, "referenceType": STRING}),
}
#       0         1         2          3
#       0123456789012345678 9012345678901234567
TEXT = "Tea gave \U0001f642 5 mg and\r\ncoffee took it away."


def type_system(types=TYPES):
    system = TypeSystem()
    for name, (supertype, features) in types.items():
        made = system.create_type(name, supertype)
        for feature, range_ in features.items():
            system.create_feature(made, feature, range_)
    return system


def add(cas, name, start, end, **features):
    annotation = cas.typesystem.get_type(name)(begin=start, end=end, **features)
    cas.add(annotation)
    return annotation


@pytest.fixture
def cas():
    """What a project with layers of many kinds gives."""
    cas = Cas(type_system(), sofa_string=TEXT, sofa_mime="text")
    add(cas, inception.METADATA, 0, len(TEXT), documentTitle="case 7.txt", documentId="annotator", isLastSegment=False)
    add(cas, inception.SENTENCE, 0, 19)
    add(cas, inception.SENTENCE, 21, 41)
    tokens = [add(cas, inception.TOKEN, *match.span()) for match in re.finditer(r"\w+|[^\w\s]", TEXT)]
    add(cas, POS, 0, 3, PosValue="NOUN")
    add(cas, DEPENDENCY, 0, 3, Governor=tokens[1], Dependent=tokens[0], DependencyType="nsubj")
    entity = add(cas, inception.NAMED_ENTITY, 0, 3, value="DRINK", identifier="http://example.org/tea")
    chemical = add(cas, CHEMICAL, 21, 27)
    dose = add(cas, DOSE, 11, 15, Unit="mg")
    link = cas.typesystem.get_type(LINK)(role="agent", target=entity)
    event = add(cas, EVENT, 28, 32, Label="REMOVE", note="?", Agent=cas.typesystem.get_type("uima.cas.FSArray")(elements=[link, link]))
    add(cas, inception.NAMED_ENTITY, 33, 35)
    add(cas, CHAIN, 0, 3, referenceType="name")
    add(cas, EFFECT, 0, 3, Governor=chemical, Dependent=entity, kind="HELPS")
    add(cas, EFFECT, 11, 15, Governor=event, Dependent=dose)
    return cas


def save(cas, folder, name="a"):
    folder.mkdir(parents=True, exist_ok=True)
    cas.typesystem.to_xml(folder / inception.TYPES)
    cas.to_xmi(folder / f"{name}.xmi", pretty_print=True)
    return folder / f"{name}.xmi"


def test_layers_are_found_in_the_type_system(cas, tmp_path):
    [document] = inception.read(save(cas, tmp_path), Reading(raise_it))
    assert (document.id, document.text, document.sentences) == ("case 7.txt", TEXT, [(0, 19), (21, 41)])
    places = {m.id: (document.text[m.start : m.end], m.type) for m in document.mentions}
    assert sorted(places.values()) == [
        ("5 mg", "Dose"),  # two features with strings, of which none is called label
        ("Tea", "DRINK"),
        ("coffee", "Chemical"),
        ("it", "NamedEntity"),
        ("took", "REMOVE"),
    ]
    assert [m.kb_id for m in document.mentions if m.kb_id] == ["http://example.org/tea"]
    assert [(places[r.head][0], places[r.tail][0], r.label, r.score) for r in document.relations] == [
        ("coffee", "Tea", "HELPS", 1.0),
        ("took", "5 mg", "Effect", 1.0),
    ]
    assert +document.unsupported == {
        "annotations without a label (named after their layer)": 2,
        f"annotations of the layer {POS}, not read": 1,
        f"annotations of the layer {DEPENDENCY}, not read": 1,
        f"annotations of the layer {CHAIN}, not read": 1,
        "values of Dose.Unit, not read": 1,
        "values of Event.note, not read": 1,
        "values of Event.Agent, not read": 2,
    }


def test_offsets_of_the_file_are_utf16_units(cas, tmp_path):
    raw = save(cas, tmp_path).read_text(encoding="utf8")
    # The emoji at 9 is two units, so that 11-15 is 12-16.
    assert 'begin="12" end="16" Unit="mg"' in raw
    assert "&#13;&#10;coffee" in raw


def test_archives_json_and_files_side_by_side_say_the_same(cas, tmp_path):
    [expected] = inception.read(save(cas, tmp_path / "plain"), Reading(raise_it))
    # As INCEpTION exports a project: a folder per document, named like a file, and an archive per annotator.
    archive = tmp_path / "curation" / "case 7.xmi" / "CURATION_USER.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as opened:
        for name in ("a.xmi", inception.TYPES):
            opened.write(tmp_path / "plain" / name, name)
    [zipped] = inception.read(tmp_path / "curation", Reading(raise_it))
    assert contents(zipped) == contents(expected)
    assert zipped.source == archive / "a.xmi"
    cas.to_json(tmp_path / "a.json")
    [of_json] = inception.read(tmp_path / "a.json", Reading(raise_it))
    assert contents(of_json) == contents(expected)
    assert of_json.unsupported == expected.unsupported


def test_document_without_a_layer_for_relations_is_not_annotated_for_them(tmp_path):
    types = {name: TYPES[name] for name in (inception.METADATA, inception.NAMED_ENTITY)}
    cas = Cas(type_system(types), sofa_string="Tea.")
    [document] = inception.read(save(cas, tmp_path, "name"), Reading(raise_it))
    assert (document.id, document.sentences, document.relations) == ("name", None, None)


def test_what_is_written_is_read_again(tmp_path):
    mentions = [Mention("T1", 0, 1, "X", "a|b"), Mention("T2", 2, 3, "Y\n")]
    documents = [
        *DOCUMENTS,
        Document("scored/1", "a b\r\n\t", mentions, [AnnotatedRelation("T2", "T1", "R", 0.123456789)], [(0, 3)]),
    ]
    lost = inception.write(documents, tmp_path / "out")
    assert +lost == {"documents without mentions (read as not annotated)": 2}
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        inception.TYPES, "d.1.xmi", "empty.xmi", "none.xmi", "scored_1.xmi"
    ]  # fmt: skip
    back = {document.id: document for document in inception.read(tmp_path / "out", Reading(raise_it))}
    assert [contents(back[document.id]) for document in documents] == [contents(document) for document in documents]
    assert not any(sum(document.unsupported.values()) for document in back.values())


def test_what_is_written_is_as_inception_wants_it(tmp_path):
    inception.write(DOCUMENTS[:1], tmp_path / "out")
    cas = load_cas_from_xmi(tmp_path / "out" / "d.1.xmi", load_typesystem(tmp_path / "out" / inception.TYPES))
    assert cas.typecheck() == []
    tokens = [(token.begin, token.end) for token in cas.select(inception.TOKEN)]
    spans = [(span.begin, span.end) for span in cas.select("custom.Span")]
    assert {start for start, _ in spans} <= {start for start, _ in tokens}
    assert {end for _, end in spans} <= {end for _, end in tokens}
    for relation in cas.select("custom.Relation"):
        assert (relation.begin, relation.end) == (relation.Dependent.begin, relation.Dependent.end)
    assert [fs.documentTitle for fs in cas.select(inception.METADATA)] == ["d.1"]


def test_what_cannot_be_written_is_counted_or_refused_and_leaves_nothing(tmp_path):
    related = [AnnotatedRelation("a", "a", "R")]
    documents = [
        Document("", "x"),
        Document("b", "x", [Mention("T", 0, 1, "X", "a")], relations=[], concept_relations=related),
    ]
    assert +inception.write(documents, tmp_path / "out") == {
        "relations between concepts": 1,
        "documents not annotated for relations (now with none)": 1,
    }
    assert [document.id for document in inception.read(tmp_path / "out", Reading(raise_it))] == ["b", "document-0"]
    for documents, message in (
        ([Document("a", "x\x00")], "document 'a': XML cannot hold it: .* Export to biocjson"),
        ([Document("a", "x")] * 2, "document 'a': a document before it has the same id"),
    ):
        with pytest.raises(DataError, match=message):
            inception.write(documents, tmp_path / "other")
    with pytest.raises(DataError, match="out: it exists already, and is no empty folder"):
        inception.write([], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# A pattern in the file and what it becomes; what the error says; the words that stand in its line, if it has one.
BAD = {
    "truncated": (r"<webanno[\s\S]*|<cas:View[\s\S]*", "", "no well-formed XML", None),
    "no CAS": (r"xmi:XMI", "xmi:CAS", "expected <xmi:XMI>", "xmi:CAS"),
    "beyond the text": (r'begin="12" end="16"', 'begin="12" end="160"', "has the offset 160, which is beyond", 'end="160"'),
    "inside a surrogate pair": (
        r'begin="12" end="16"',
        'begin="10" end="16"',
        "has the offset 10, .* inside a character",
        'begin="10" end="16"',
    ),
    "unknown member": (r'members="', 'members="777 ', "refers to the xmi:id 777", None),
    "unknown type": (r"custom:Chemical", "custom:Physical", r"TypeNotFoundError: .*webanno\.custom\.Physical", None),
    "unknown feature": (r'kind="HELPS"', 'sort="HELPS"', "TypeError: .*sort", None),
    "two of one id": (r'xmi:id="3"', 'xmi:id="2"', "the xmi:id 2 is in line 4 already", "Sentence"),
    "no text": (r" sofaString=\"[^\"]*\"", "", "it has no text", None),
    "an id that is none": (r'xmi:id="3"', 'xmi:id="c"', "ValueError", None),
}


@pytest.mark.parametrize(("pattern", "replacement", "message", "words"), BAD.values(), ids=BAD)
def test_bad_xmi(pattern, replacement, message, words, cas, tmp_path):
    good = save(cas, tmp_path)
    raw = good.read_text(encoding="utf8")
    bad = tmp_path / "b.xmi"
    changed, number = re.subn(pattern, replacement, raw)
    assert number
    bad.write_text(changed, encoding="utf8")
    with pytest.raises(DataError, match=message) as caught:
        list(inception.read(bad, Reading(raise_it)))
    assert caught.value.path == bad
    if words:
        assert words in changed.splitlines()[caught.value.line - 1]
    errors = []
    assert [document.id for document in inception.read(tmp_path, Reading(errors.append))] == ["case 7.txt"]
    assert len(errors) == 1


@pytest.mark.parametrize("changed", [r"", r'Governor="777"'])
def test_relations_of_what_is_not_there_are_left_out(changed, cas, tmp_path):
    file = save(cas, tmp_path)
    raw = re.sub(r'Governor="\d+"( Dependent="\d+" kind="HELPS")', rf"{changed}\1", file.read_text(encoding="utf8"))
    file.write_text(raw, encoding="utf8")
    [document] = inception.read(file, Reading(raise_it))
    assert len(document.relations) == 1
    assert document.unsupported[UNKNOWN] == 1
    assert document.examples[UNKNOWN].startswith(f"{file}:")
    assert 'kind="HELPS"' in raw.splitlines()[int(document.examples[UNKNOWN].rpartition(":")[2]) - 1]


def test_relations_of_what_is_not_there_are_left_out_of_json(cas, tmp_path):
    file = tmp_path / "a.json"
    record = json.loads(cas.to_json())
    next(entry for entry in record["%FEATURE_STRUCTURES"] if entry["%TYPE"] == EFFECT)["@Dependent"] = 777
    file.write_text(json.dumps(record), encoding="utf8")
    [document] = inception.read(file, Reading(raise_it))
    assert (len(document.relations), document.unsupported[UNKNOWN]) == (1, 1)


def test_relations_of_relations_and_of_tokens_are_left_out(cas, tmp_path):
    [first, _] = cas.select(EFFECT)
    for what, end in (("relations of relations", first), ("relations of what is no mention", cas.select(inception.TOKEN)[0])):
        second = add(cas, EFFECT, 0, 3, Governor=first.Governor, Dependent=end)
        [document] = inception.read(save(cas, tmp_path), Reading(raise_it))
        assert len(document.relations) == 2
        assert document.unsupported[what] == 1
        cas.remove(second)


def test_label_of_relations_must_be_known(tmp_path):
    for names, label in ((["Certainty", "LABEL"], "r"), (["Certainty", "kind"], None), (["kind", "identifier"], "r"), ([], "Effect")):
        cas = Cas(
            type_system({CHEMICAL: TYPES[CHEMICAL], EFFECT: (ANNOTATION, dict.fromkeys(["Governor", "Dependent"], ANNOTATION))}),
            sofa_string="ab",
        )
        for name in names:
            cas.typesystem.create_feature(EFFECT, name, STRING)
        ends = {"Governor": add(cas, CHEMICAL, 0, 1), "Dependent": add(cas, CHEMICAL, 1, 2)}
        add(cas, EFFECT, 1, 2, **ends, **dict.fromkeys(names, "r"))
        file = save(cas, tmp_path)
        if label is None:
            with pytest.raises(DataError, match="has the features Certainty, kind: which of them is the label"):
                list(inception.read(file, Reading(raise_it)))
        else:
            [document] = inception.read(file, Reading(raise_it))
            assert [relation.label for relation in document.relations] == [label]


def test_bad_archives_type_systems_and_json(cas, tmp_path):
    def fails(name, content, message, read=None):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            list(inception.read(tmp_path / (read or name), Reading(raise_it)))
        assert caught.value.path == tmp_path / name
        (tmp_path / name).unlink()

    xmi = save(cas, tmp_path).read_bytes()
    types = (tmp_path / inception.TYPES).read_bytes()
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        archive.writestr("notes.txt", "Tea.")
    zipped = (tmp_path / "good.zip").read_bytes()
    fails("a.zip", zipped[:-10], "no zip archive that can be read")
    fails("a.zip", b"", "no zip archive that can be read")
    fails("a.zip", zipped, r"the archive holds no \.xmi or \.json file.*unpack it")
    (tmp_path / inception.TYPES).unlink()
    fails("a.xmi", xmi, r"there is no TypeSystem\.xml beside it")
    (tmp_path / "a.xmi").write_bytes(xmi)
    fails(inception.TYPES, types[:-40], "no type system that can be read .XMLSyntaxError", "a.xmi")
    good = json.loads(cas.to_json())
    for change, message in (
        ({"%FEATURE_STRUCTURES": None}, "expected an object with a list '%FEATURE_STRUCTURES'"),
        ({"%FEATURE_STRUCTURES": good["%FEATURE_STRUCTURES"] * 2}, "the %ID 1 is there twice"),
        ({"%TYPES": None}, "no CAS that can be read .*Export it again, as UIMA CAS XMI or JSON"),
        ({"%VIEWS": {"_InitialView": {"%MEMBERS": [999]}}}, "no CAS that can be read .KeyError: 999"),
    ):
        fails("a.json", json.dumps(good | change).encode(), message)
    fails("a.json", b'{"%TY', "not JSON")
    raw = json.dumps(good)
    fails("a.json", raw.replace('"DRINK"', "7").encode(), r"NamedEntity \d+: expected 'value' to be a string, and saw 7")
    fails("a.json", raw.replace('"begin": 34', '"begin": null').encode(), "no CAS that can be read .TypeError")
    fails("a.json", raw.replace('"begin": 34', '"begin": 10').encode(), "has the offset 10, .* inside a character")


CONCEPTS = (["D01", "D02"], ["c|DEL|12_14|"], ["c|DEL|12_14|", "D01"], ["a|b", "c"], ["http://a.org/b,_c", "http://a.org/d"], ["a;b,c"], [])


@pytest.mark.parametrize("concepts", CONCEPTS)
def test_concepts_come_back(concepts, tmp_path):
    inception.write([Document("a", "Tea.", [Mention("T1", 0, 3, "X", join(concepts))])], tmp_path / "out")
    [document] = inception.read(tmp_path / "out", Reading(raise_it))
    assert [concepts_of(mention) for mention in document.mentions] == [concepts]


@pytest.mark.parametrize(("given", "expected"), [("D01,D02", "D01|D02"), ("-1", ""), (["D01", "a|b"], r"D01|a\|b")])
def test_lists_of_concepts(given, expected, tmp_path):
    range_ = "uima.cas.StringArray" if isinstance(given, list) else "uima.cas.String"
    types = type_system(TYPES | {"webanno.custom.Drug": ("uima.tcas.Annotation", {"value": "uima.cas.String", "identifier": range_})})
    made = Cas(types, sofa_string=TEXT)
    value = types.get_type(range_)(elements=given) if isinstance(given, list) else given
    add(made, "webanno.custom.Drug", 0, 3, value="X", identifier=value)
    [document] = inception.read(save(made, tmp_path), Reading(raise_it))
    assert [(m.type, m.kb_id) for m in document.mentions] == [("X", expected)]
    assert +document.unsupported == {}


def test_one_version_of_a_document_is_read(cas, tmp_path):
    def chosen(**options):
        errors = []
        reading = Reading(errors.append, options=Options(**options))
        found = [document.source.relative_to(tmp_path).parts[2:] for document in inception.read(tmp_path, reading)]
        return found, +reading.counts, [str(error) for error in errors]

    folder = tmp_path / "annotation" / "case 7.txt"
    save(cas, folder / "anna", "case 7")
    save(cas, folder, "bert")
    assert chosen() == ([("anna", "case 7.xmi")], {SAME_ANNOTATIONS: 1}, [])
    add(cas, CHEMICAL, 28, 32)
    save(cas, folder, "bert")
    save(Cas(type_system(), sofa_string=TEXT), folder, "INITIAL_CAS")
    found, counts, [error] = chosen()
    assert (found, counts) == ([], {})
    assert "document 'case 7.txt': 2 annotations could be meant. Curate the document, or name with `annotator`" in error
    assert "they are of anna and bert" in error
    assert chosen(annotator="bert") == ([("bert.xmi",)], {OTHER_ANNOTATORS: 2}, [])
    assert chosen(annotator="carl") == ([], {OTHER_ANNOTATORS: 3}, [])
    save(cas, tmp_path / "curation" / "case 7.txt", "CURATION_USER")
    assert chosen() == ([("CURATION_USER.xmi",)], {"annotations beside the curated version, left out": 3}, [])


def test_documents_in_a_folder_of_this_name_stay(cas, tmp_path):
    save(cas, tmp_path / "annotation" / "project", "a")
    add(cas, CHEMICAL, 28, 32)
    save(Cas(type_system(), sofa_string="Other."), tmp_path / "annotation" / "project", "b")
    assert [document.id for document in inception.read(tmp_path, Reading(raise_it))] == ["case 7.txt", "b"]


def test_an_archive_whose_begin_is_cut_off(tmp_path):
    inception.write([Document("a", "x")], tmp_path / "out")
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for file in sorted((tmp_path / "out").iterdir()):
            opened.write(file, file.name)
    archive.write_bytes(archive.read_bytes()[10:])
    errors = []
    assert list(inception.read(archive, Reading(errors.append))) == []
    [error] = errors
    assert "no zip archive that can be read" in str(error)


PROJECT = {
    "name": "p",
    "source_documents": [
        {"name": "a.txt", "format": "text", "state": "CURATION_FINISHED"},
        {"name": "b.txt", "format": "text", "state": "ANNOTATION_IN_PROGRESS"},
    ],
    "annotation_documents": [{"name": "b.txt", "user": "ann", "state": "FINISHED"}, {"name": "a.txt", "user": "bob", "state": "NEW"}],
}


@pytest.mark.parametrize(
    ("place", "title", "finished"),
    [
        ("curation/a.txt/CURATION_USER.zip", "a.txt", True),
        ("annotation/b.txt/ann.zip", "b.txt", True),
        ("annotation/b.txt/bob.zip", "b.txt", False),
        ("curation/c.txt/CURATION_USER.zip", "c.txt", False),
        ("a.xmi", "a.txt", True),
        ("b.xmi", "b.txt", False),
    ],
)
def test_project_says_which_documents_without_mentions_are_finished(place, title, finished, tmp_path):
    cas = Cas(type_system(), sofa_string="Tea.")
    add(cas, inception.METADATA, 0, 4, documentTitle=title)
    save(cas, tmp_path / "plain")
    file = tmp_path / "project" / place
    file.parent.mkdir(parents=True)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w") as opened:
            for name in ("a.xmi", inception.TYPES):
                opened.write(tmp_path / "plain" / name, name)
    else:
        (tmp_path / "plain" / "a.xmi").rename(file)
        (tmp_path / "plain" / inception.TYPES).rename(file.with_name(inception.TYPES))
    described = tmp_path / "project" / "exportedproject123.json"
    described.write_text(json.dumps(PROJECT))
    for path in (tmp_path / "project", file):
        [document] = inception.read(path, Reading(raise_it))
        assert document.mentions_given == finished
    # What is no description says nothing, which is an error of it, once.
    described.write_text("[]")
    errors = []
    [document] = inception.read(tmp_path / "project", Reading(errors.append))
    assert (document.mentions_given, [error.path for error in errors]) == (False, [described])
    described.unlink()
    [document] = inception.read(tmp_path / "project", Reading(raise_it))
    assert not document.mentions_given


def test_archive_may_hold_the_description_of_its_project(tmp_path):
    cas = Cas(type_system(), sofa_string="Tea.")
    add(cas, inception.METADATA, 0, 4, documentTitle="a.txt")
    save(cas, tmp_path / "plain")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        for name in ("a.xmi", inception.TYPES):
            opened.write(tmp_path / "plain" / name, f"curation/a.txt/{name}")
        opened.writestr("exportedproject.json", json.dumps(PROJECT))
    [document] = inception.read(tmp_path / "a.zip", Reading(raise_it))
    assert document.mentions_given


def test_description_of_a_project_is_no_document(tmp_path):
    (tmp_path / "exportedproject.json").write_text(json.dumps(PROJECT))
    with pytest.raises(DataError, match="describes a project"):
        list(inception.read(tmp_path, Reading(raise_it)))


def test_features_that_deny_or_doubt(tmp_path):
    """As an attribute of brat and an infon of BioC do: also where they are strings, and so might be the label."""
    flags = {"negated": "uima.cas.Boolean", "Speculation": STRING}
    relation = (ANNOTATION, {**dict.fromkeys(["Governor", "Dependent"], ANNOTATION), "kind": STRING, **flags})
    cas = Cas(type_system({CHEMICAL: TYPES[CHEMICAL], EFFECT: relation}), sofa_string="ab")
    first, second = add(cas, CHEMICAL, 0, 1), add(cas, CHEMICAL, 1, 2)
    add(cas, EFFECT, 1, 2, Governor=first, Dependent=second, kind="X", negated=True)
    add(cas, EFFECT, 1, 2, Governor=first, Dependent=second, kind="Y", negated=False, Speculation="yes")
    [document] = inception.read(save(cas, tmp_path), Reading(raise_it))
    assert [(r.label, r.attributes) for r in document.relations] == [("Y", ("speculated",))]
    assert [r.label for r in document.denied] == ["X"]
    assert not +document.unsupported


def test_threads_leave_filters_of_warnings_as_they_are(tmp_path):
    inception.write([Document(str(i), "Tea helps.", [Mention("T1", 0, 3, "A")], []) for i in range(20)], tmp_path / "a")
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [document.id for document in inception.read(tmp_path / "a", Reading())], range(8)))
    assert warnings.filters == before
    assert all(ids == found[0] for ids in found)
