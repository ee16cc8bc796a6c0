import json

import pytest

from spacy_relext.errors import DataError
from spacy_relext.formats.catalogue import OURS, get_format
from spacy_relext.formats.ids import NewFiles, named
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import Document

FOLDERS = [name for name, made in OURS.items() if made.writes and not made.suffix]
ONE_NAME = ["a/b", "a b", "a_b", "a:b"]


@pytest.mark.parametrize("name", FOLDERS)
def test_ids_that_make_one_name_of_a_file_give_files_that_differ(name, tmp_path):
    documents = [Document(id_, f"Of {id_}.", relations=[], sentences=[(0, 7)]) for id_ in ONE_NAME]
    lost = get_format(name).write(documents, tmp_path / "out")
    files = sorted({file.stem for file in (tmp_path / "out").iterdir()} - {"TypeSystem"})
    assert files == ["a_b", "a_b-2", "a_b-3", "a_b-4"]
    back = {document.text.strip(): document.id for document in get_format(name).read(tmp_path / "out", Reading())}
    assert set(back) == {document.text for document in documents}
    # brat has no other place for an id than the name of the file; the first keeps its place.
    changed = sum(back[document.text] != document.id for document in documents)
    assert changed == lost["document ids that are no file names"] == (4 if name == "brat" else 0)


@pytest.mark.parametrize("name", FOLDERS)
def test_one_id_twice_is_refused(name, tmp_path):
    documents = [Document("a", "A.", sentences=[(0, 2)])] * 2
    with pytest.raises(DataError, match="document 'a': a document before it has the same id"):
        get_format(name).write(documents, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_documents_without_an_id_have_their_number():
    documents = [Document("", "A."), Document("b", "B."), Document("", "C.")]
    assert [name for name, _ in named(documents)] == ["document-0", "b", "document-2"]
    with pytest.raises(DataError, match=r"document '': a document with this id is in x\.txt:3 already"):
        list(named([Document("document-1", "A.", source="x.txt", line=3), Document("", "B.")]))


def test_a_number_that_another_id_has_is_passed_over(tmp_path):
    files = NewFiles(tmp_path, ".txt")
    made = []
    for name in ("a b", "a_b-2", "a:b", "a?b"):
        made.append(files.add(Document(name, ""), name))
        made[-1].write_text("", encoding="utf8")
    assert [file.name for file in made] == ["a_b.txt", "a_b-2.txt", "a_b-3.txt", "a_b-4.txt"]


RECORDS = {
    "doccano": {"text": "Ann.", "entities": [{"id": 1, "label": "X", "start_offset": 0, "end_offset": 3}]},
    "jsonl": {"text": "Ann."},
    "label-studio": [{"data": {"text": "Ann."}, "annotations": [{"result": []}]}],
    "prodigy": {"text": "Ann.", "spans": [], "answer": "accept"},
    "pubannotation": {"text": "Ann."},
    "spert": [{"tokens": ["Ann"], "entities": []}],
    "strings": {"text": "Ann."},
    "tacred": {"token": ["A", "B"], "subj_start": 0, "subj_end": 0, "subj_type": "X", "obj_start": 1, "obj_end": 1, "obj_type": "X"},
    "lines": "Ann.",
    "texts-csv": "text\nAnn.",
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_without_ids_are_called_by_the_place_of_their_file(name, tmp_path):
    chosen, record = get_format(name), RECORDS[name]
    for folder in ("test", "train"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / f"a{chosen.suffixes[0]}"
        file.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf8")
    number = 2 if name == "texts-csv" else 1
    assert [document.id for document in chosen.read(tmp_path, Reading())] == [f"test/a-{number}", f"train/a-{number}"]
    assert [document.id for document in chosen.read(file, Reading())] == [f"a-{number}"]
