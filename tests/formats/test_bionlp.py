"""The BioNLP shared tasks: two files of annotation, one document."""

import pytest

from spacy_relext.conversion import read as read_docs
from spacy_relext.errors import DataError
from spacy_relext.formats import bionlp
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.standoff import UNREADABLE

FILES = {
    "txt": "IL-4 phosphorylates STAT6.",
    "a1": "T1\tProtein 0 4\tIL-4\nT2\tProtein 20 25\tSTAT6\n",
    "a2": "T3\tPhosphorylation 5 19\tphosphorylates\nE1\tPhosphorylation:T3 Theme:T2 Cause:T1\n",
}


def write(folder, name="PMID-1", **files):
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, text in {**FILES, **files}.items():
        if text is not None:
            (folder / f"{name}.{suffix}").write_text(text, encoding="utf8")


def test_events_and_attributes(tmp_path):
    write(tmp_path / "train")
    write(tmp_path / "train", "PMID-2", a2=FILES["a2"] + "M1\tNegation E1\n*\tEquiv T1 T2\n")
    first, second = bionlp.read(tmp_path, Reading())
    assert [m.id for m in first.mentions] == ["T1", "T2", "T3"]
    assert [(r.head, r.tail, r.label) for r in first.relations] == [("T1", "T2", "Phosphorylation")]
    assert (first.id, +first.unsupported) == ("train/PMID-1", {"triggers of events": 1})
    assert (second.relations, [(r.head, r.tail) for r in second.denied]) == ([], [("T1", "T2")])
    [doc, _] = read_docs(tmp_path, "bionlp", events="roles")
    assert [(r.head.text, r.label, r.tail.text) for r in doc._.relations] == [
        ("phosphorylates", "Cause", "IL-4"),
        ("phosphorylates", "Theme", "STAT6"),
    ]
    [doc] = read_docs(tmp_path / "train" / "PMID-1.a2")
    assert len(doc._.relations) == 1


def test_relations_coreferences_and_normalisations(tmp_path):
    a2 = (
        "R1\tLives_In Bacterium:T1 Location:T2\nR2\tCoref Subject:T1 Anaphora:T2\t[T2]\n"
        "N1\tNCBI_Taxonomy Annotation:T1 Referent:743722\nN2\tOntoBiotope Annotation:T2 Referent:OBT:000524\n"
    )
    write(tmp_path, a2=a2)
    [document] = bionlp.read(tmp_path, Reading(options=Options(roles=("Anaphora,Subject",))))
    assert [(r.head, r.tail, r.label) for r in document.relations] == [("T1", "T2", "Lives_In"), ("T2", "T1", "Coref")]
    assert [m.kb_id for m in document.mentions] == ["743722", "OBT:000524"]


def test_a_test_part_is_not_annotated_for_relations(tmp_path):
    write(tmp_path, a2=None)
    [document] = bionlp.read(tmp_path, Reading())
    assert (len(document.mentions), document.relations) == (2, None)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"txt": None}, r"PMID-1\.a2: there is no PMID-1\.txt beside it"),
        ({"a1": None, "a2": None}, "expected .a1 and .a2 files beside the .txt files"),
        ({"txt": None, "a1": None, "a2": None}, "expected a folder with .txt, .a1 and .a2 files"),
        ({"a1": None}, r"PMID-1\.a2: there is no PMID-1\.a1 beside it, with the mentions to which it refers"),
        ({"a1": "T1\tProtein 0 4\tIL-5\n"}, r"PMID-1\.a1:1: mention 'T1' is 'IL-5'"),
        ({"a2": "T1\tX 5 19\tphosphorylates\n"}, r"PMID-1\.a2:1: T1 is in line 1 already"),
    ],
)
def test_bad_files(files, message, tmp_path):
    write(tmp_path, **files)
    with pytest.raises(DataError, match=message):
        list(bionlp.read(tmp_path, Reading()))


def test_a_text_without_annotation_beside_others_is_left_out_and_counted(tmp_path):
    write(tmp_path)
    write(tmp_path, "README", a1=None, a2=None)
    reading = Reading()
    assert [document.id for document in bionlp.read(tmp_path, reading)] == ["PMID-1"]
    assert (reading.counts, reading.examples) == ({bionlp.UNANNOTATED: 1}, {bionlp.UNANNOTATED: str(tmp_path / "README.txt")})


def test_suffixes_may_be_in_capitals(tmp_path):
    write(tmp_path)
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_suffix(file.suffix.upper()))
    for path in (tmp_path, tmp_path / "PMID-1.A2"):
        [document] = bionlp.read(path, Reading())
        assert (document.id, len(document.relations)) == ("PMID-1", 1)


def test_lines_of_no_known_form_are_left_out_alone(tmp_path):
    write(tmp_path, a1=FILES["a1"] + "X1\tProtein 0 4\n", a2=FILES["a2"] + "E2 Phosphorylation\n")
    [document] = bionlp.read(tmp_path, Reading())
    assert [(r.head, r.tail) for r in document.relations] == [("T1", "T2")]
    assert document.unsupported[UNREADABLE] == 2
    assert document.examples[UNREADABLE] == f"{tmp_path / 'PMID-1.a1'}:3"
