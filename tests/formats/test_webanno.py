"""WebAnno TSV 3.x: mentions over several tokens, stacked ones, ends of relations, parts of tokens, escapes, offsets, and what is wrong."""

import json

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats import inception, webanno
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import OTHER_ANNOTATORS, SAME_ANNOTATIONS, Options, Reading
from spacy_relext.formats.types import UNKNOWN, AnnotatedRelation, Mention

HEAD = """#FORMAT=WebAnno TSV 3.3
#T_SP=custom.Span|label
#T_RL=custom.Relation|label|BT_custom.Span


"""
GOOD = (
    HEAD
    + """#Text=Cimetidine raised warfarin .
1-1\t0-10\tCimetidine\tCHEM\t_\t_\t
1-2\t11-17\traised\t_\t_\t_\t
1-3\t18-26\twarfarin\tCHEM\tX\t1-1\t
1-4\t27-28\t.\t_\t_\t_\t
"""
)


def read(tmp_path, text, name="doc.tsv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf8", newline="")
    [document] = webanno.read(path, Reading())
    return document


def said(document):
    texts = {m.id: document.text[m.start : m.end] for m in document.mentions}
    return [(texts[r.head], r.label, texts[r.tail]) for r in document.relations]


@pytest.mark.parametrize("change", [str, lambda text: text.replace("\t\n", "\n"), lambda text: text.replace("\n", "\r\n")])
def test_the_row_of_a_relation_is_its_tail(change, tmp_path, nlp):
    document = read(tmp_path, change(GOOD))
    assert (document.id, document.text, document.sentences) == ("doc", "Cimetidine raised warfarin .", [(0, 28)])
    assert document.mentions == [Mention("T1", 0, 10, "CHEM"), Mention("T2", 18, 26, "CHEM")]
    assert document.relations == [AnnotatedRelation("T1", "T2", "X")]
    assert not +document.unsupported
    assert len(to_doc(document, nlp).ents) == 2


def test_several_tokens_several_annotations_and_several_sentences(tmp_path):
    document = read(
        tmp_path,
        HEAD
        + "#Text=Ann lives\n#Text=in New York .\n"
        + "1-1\t0-3\tAnn\tPER[1]|NAME[2]\t_\t_\n"
        + "1-2\t4-9\tlives\t_\t_\t_\n"
        + "1-3\t10-12\tin\t_\t_\t_\n"
        + "1-4\t13-16\tNew\tLOC[3]\tlives|named\t1-1[1_3]|1-1[2_3]\n"
        + "1-5\t17-21\tYork\tLOC[3]\t_\t_\n"
        + "1-6\t22-23\t.\t_\t_\t_\n"
        + "\n#Sentence.id=s2\n#Text=Bob too\n"
        + "2-1\t25-28\tBob\tPER\tknows\t1-1[1_0]\n"
        + "2-2\t29-32\ttoo\t_\t_\t_\n",
    )
    assert document.text == "Ann lives\nin New York .\n Bob too"
    assert document.sentences == [(0, 23), (25, 32)]
    assert [(document.text[m.start : m.end], m.type) for m in document.mentions] == [
        ("Ann", "PER"),
        ("Ann", "NAME"),
        ("New York", "LOC"),
        ("Bob", "PER"),
    ]
    assert said(document) == [("Ann", "lives", "New York"), ("Ann", "named", "New York"), ("Ann", "knows", "Bob")]
    assert [relation.head for relation in document.relations] == ["T1", "T2", "T1"]


def test_parts_of_tokens_and_escapes(tmp_path):
    document = read(
        tmp_path,
        HEAD
        + "#Text=a\\_b\\|c plays \\[1\\]\n"
        + "1-1\t0-5\ta\\_b\\|c\tX\\_Y\\|Z\t_\t_\n"
        + "1-2\t6-11\tplays\t_\t_\t_\n"
        + "1-2.1\t6-10\tplay\tVERB\tA\\->B\t1-1\n"
        + "1-3\t12-15\t\\[1\\]\tNUM\\[1\\]\t*\t1-2.1\n",
    )
    assert document.text == "a_b|c plays [1]"
    assert document.mentions == [Mention("T1", 0, 5, "X_Y|Z"), Mention("T2", 6, 10, "VERB"), Mention("T3", 12, 15, "NUM[1]")]
    assert said(document) == [("a_b|c", "A->B", "play"), ("play", "Relation", "[1]")]
    assert +document.unsupported == {"annotations without a label (named after their layer)": 1}


@pytest.mark.parametrize(
    ("offsets", "counted"), [(["3-5", "6-8", "9-10"], {}), (["2-4", "5-6", "7-8"], {"documents whose offsets count characters": 1})]
)
def test_offsets_count_utf16_units_or_else_characters(offsets, counted, tmp_path):
    lines = [
        f"1-{i}\t{place}\t{word}\tX\t_\t_\n"
        for i, (place, word) in enumerate(zip(["0-2", *offsets], ["🙂", "it", "🙂", "."], strict=True), 1)
    ]
    if counted:
        lines[0] = lines[0].replace("0-2", "0-1")
    document = read(tmp_path, HEAD + "#Text=🙂 it 🙂 .\n" + "".join(lines))
    assert [(m.start, m.end) for m in document.mentions] == [(0, 1), (2, 4), (5, 6), (7, 8)]
    assert +document.unsupported == counted


def test_what_is_not_read_is_counted(tmp_path):
    pos, chain = "de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS", "de.tudarmstadt.ukp.dkpro.core.api.coref.type.CoreferenceLink"
    document = read(
        tmp_path,
        f"#FORMAT=WebAnno TSV 3.2\n#T_SP={pos}|PosValue\n"
        "#T_SP=webanno.custom.Frame|value|identifier|sure|ROLE_webanno.custom.Frame:Roles_webanno.custom.FrameRolesLink|uima.tcas.Annotation\n"
        f"#T_CH={chain}|referenceType|referenceRelation\n"
        "#T_RL=webanno.custom.Rel|BT_webanno.custom.Frame\n\n\n#Text=He shot\n"
        "1-1\t0-2\tHe\tPRON\tWho\tQ5\t*\t_\t_\tpr[1]\tcoref->1-1\t_\n"
        "1-2\t3-7\tshot\tVERB\tAct\t*\tyes\tagent;goal\t1-1;1-1\t_\t_\t1-1\n",
    )
    assert document.mentions == [Mention("T1", 0, 2, "Who", "Q5"), Mention("T2", 3, 7, "Act")]
    assert document.relations == [AnnotatedRelation("T1", "T2", "Rel")]
    assert +document.unsupported == {
        f"annotations of the layer {pos}, not read": 2,
        "values of Frame.sure, not read": 1,
        "values of Frame.ROLE_webanno.custom.Frame:Roles_webanno.custom.FrameRolesLink, not read": 1,
        "targets of slots, not read": 1,
        f"annotations of the layer {chain}, not read": 1,
    }


def test_relations_of_what_is_not_there_are_left_out_by_line(tmp_path):
    document = read(tmp_path, GOOD.replace("CHEM\tX\t1-1", "CHEM\tX|Y\t1-2|1-1"))
    assert said(document) == [("Cimetidine", "Y", "warfarin")]
    assert document.examples == {UNKNOWN: f"{tmp_path / 'doc.tsv'}:9"}


@pytest.mark.parametrize(
    ("old", "new", "message", "line"),
    [
        ("TSV 3.3", "TSV 2.0", "expected '#FORMAT=WebAnno TSV 3.3', and saw", 1),
        ("|BT_custom.Span", "", "the layer that it relates, after BT_", 3),
        ("1-2\t11-17", "1-2\t11-x", "expected sentence-token, tab, start-end", 8),
        ("1-2\t", "1-1\t", "1-1 is the name of 2 rows", 7),
        ("11-17\traised\t_\t_\t_", "11-17\traised\t_\t_", "1-2 has 2 columns after the token, and the header has 3", 8),
        ("18-26", "19-27", "1-3 is 'warfarin' at 19-27, which the lines #Text= have not", 9),
        ("18-26", "18-99", "1-3 is 'warfarin' at 18-99", 9),
        ("Cimetidine\tCHEM", "Cimetidine\tCHEM[1]|CHEM[2]", r"1-3: a relation from 1-1 may be of several annotations", 9),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old, new, message, line, tmp_path):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert caught.value.line == line


def test_without_a_layer_of_relations_it_is_not_annotated_for_them(tmp_path):
    document = read(tmp_path, "#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Span|label\n\n\n#Text=Tea\n1-1\t0-3\tTea\tX\n")
    assert document.relations is None


def test_the_format_of_cas_names_this_one(tmp_path):
    path = tmp_path / "doc.tsv"
    path.write_text(GOOD, encoding="utf8")
    with pytest.raises(DataError, match=r"this is WebAnno TSV\. Read it with the format webanno"):
        list(inception.read(path, Reading()))


def test_project_says_which_documents_without_mentions_are_finished(tmp_path):
    text = "#FORMAT=WebAnno TSV 3.3\n\n\n#Text=Tea.\n1-1\t0-4\tTea.\t\n"
    for name in ("a.txt", "b.txt"):
        (tmp_path / "curation" / name).mkdir(parents=True)
        (tmp_path / "curation" / name / "CURATION_USER.tsv").write_text(text)
    documents = [{"name": "a.txt", "state": "CURATION_FINISHED"}, {"name": "b.txt", "state": "NEW"}]
    (tmp_path / "exportedproject1.json").write_text(json.dumps({"source_documents": documents}))
    found = {d.source.parent.name: d.mentions_given for d in webanno.read(tmp_path, Reading())}
    assert found == {"a.txt": True, "b.txt": False}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("D01,D02", "D01|D02"),
        (r"D01\|D02", "D01|D02"),
        (r"c\|DEL\|12_14\|", "c|DEL|12_14|"),
        ("http://a.org/b,_c", "http://a.org/b,_c"),
        ("-", ""),
    ],
)
def test_concepts_are_read_as_in_other_formats(given, expected, tmp_path):
    text = (
        f"#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Span|value|identifier\n\n\n#Text=Tea.\n1-1\t0-3\tTea\tX\t{given}\t\n1-2\t3-4\t.\t_\t_\t\n"
    )
    assert [(m.type, m.kb_id) for m in read(tmp_path, text).mentions] == [("X", expected)]


def test_one_version_of_a_document_is_read(tmp_path):
    def chosen(**options):
        errors = []
        reading = Reading(errors.append, options=Options(**options))
        return [d.source.stem for d in webanno.read(tmp_path, reading)], +reading.counts, [str(error) for error in errors]

    folder = tmp_path / "annotation" / "case 7.txt"
    for name, text in (("anna", GOOD), ("bert", GOOD), ("INITIAL_CAS", GOOD.replace("CHEM", "_"))):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.tsv").write_text(text, encoding="utf8")
    assert chosen() == (["anna"], {SAME_ANNOTATIONS: 1}, [])
    (folder / "bert.tsv").write_text(GOOD.replace("CHEM\tX", "DRUG\tX"), encoding="utf8")
    found, counts, [error] = chosen()
    assert (found, counts) == ([], {})
    assert "2 annotations could be meant" in error
    assert chosen(annotator="bert") == (["bert"], {OTHER_ANNOTATORS: 2}, [])
    (tmp_path / "curation" / "case 7.txt").mkdir(parents=True)
    (tmp_path / "curation" / "case 7.txt" / "CURATION_USER.tsv").write_text(GOOD, encoding="utf8")
    assert chosen() == (["CURATION_USER"], {"annotations beside the curated version, left out": 3}, [])


def test_features_that_deny_or_doubt(tmp_path, nlp):
    """As an attribute of brat and an infon of BioC do."""
    head = HEAD.replace("|label|BT", "|label|negated|speculated|BT")
    rows = GOOD.removeprefix(HEAD).replace("\tX\t1-1\t", "\tX|Y\ttrue|false\t*|true\t1-1|1-1\t").replace("\t_\t_\t\n", "\t_\t_\t_\t_\t\n")
    document = read(tmp_path, head + rows)
    assert document.denied == [AnnotatedRelation("T1", "T2", "X")]
    assert document.relations == [AnnotatedRelation("T1", "T2", "Y", attributes=("speculated",))]
    assert not +document.unsupported
