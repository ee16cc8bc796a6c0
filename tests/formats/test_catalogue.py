"""What the catalogue says of formats is so, and other packages add theirs."""

import pickle
import subprocess
import sys
from dataclasses import fields

import pytest
import spacy

import spacy_relext
from spacy_relext.cli import relext_cli  # noqa: F401 (what a command loads must not hide what it needs)
from spacy_relext.conversion.converting import format_of, make_options
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.catalogue import OURS, formats, get_format, readable, writable
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Options
from spacy_relext.formats.types import UNSUPPORTED, AnnotatedRelation, Document, Mention
from tests.conftest import ROOT
from tests.docs.blocks import python_blocks

PAGE = (ROOT / "docs" / "how-to" / "formats.md").read_text(encoding="utf8")
_, PACKAGE = python_blocks(ROOT / "docs" / "how-to" / "formats.md")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package with a module and entry points as pip would."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(module, code, *entries):
        (tmp_path / f"{module}.py").write_text(code, encoding="utf8")
        folder = tmp_path / f"{module}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf8")
        (folder / "entry_points.txt").write_text("[spacy_relext_formats]\n" + "\n".join(entries) + "\n", encoding="utf8")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return installed


def test_a_format_of_another_package(install, tmp_path):
    [entry] = [line for line in PAGE.splitlines() if line.startswith("notes = ")]
    install("my_formats", PACKAGE, entry.replace('"', ""))
    assert "notes" in [made.name for made in formats()]
    path = tmp_path / "a.notes"
    lines = "Tea helps pain.\tFOOD:Tea\tPAIN:pain\tHELPS:Tea>pain\nNone.\n"
    path.write_text(lines + "Coffee.\tFOOD:Tea\nTea.\tHELPS:Tea>pain\n", encoding="utf8")
    assert format_of(path, None).name == "notes"
    errors = []
    docs = list(spacy_relext.read(path, on_error=errors.append))
    assert [[(m.text, m.label_) for m in doc.spans["mentions"]] for doc in docs] == [[("Tea", "FOOD"), ("pain", "PAIN")], []]
    assert [str(relation) for relation in docs[0]._.relations] == ["Tea --HELPS--> pain (1.00)"]
    expected = "expected TYPE:WORD, with a word of the text, or LABEL:WORD>WORD."
    assert [str(error) for error in errors] == [f"{path}:3: saw 'FOOD:Tea'; {expected}", f"{path}:4: saw 'HELPS:Tea>pain'; {expected}"]
    total = spacy_relext.convert(path, tmp_path / "a.spacy", on_error="skip").total
    assert (total["mentions"], total["relations"]) == (2, 1)
    assert not +spacy_relext.export(docs, tmp_path / "b.notes", "notes")
    assert (tmp_path / "b.notes").read_text(encoding="utf8") == lines
    twice = [Mention("a", 0, 3, "FOOD"), Mention("b", 8, 11, "FOOD")]
    doc = to_doc(Document("d", "Tea and Tea.", twice, [AnnotatedRelation("a", "b", "IS")]), spacy.blank("en"))
    assert spacy_relext.export([doc], tmp_path / "c.notes") == {"mentions of words that stand in the text before": 1, "relations": 1}
    with pytest.raises(DataError, match="a tab or a line end"):
        spacy_relext.export([spacy.blank("en")("Tea helps.\n")], tmp_path / "d.notes")
    with pytest.raises(RelextError, match=r"`text_column` is for .*, and the format is notes"):
        make_options(get_format("notes"), text_column="x")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("brat = broken:Empty", "broken:Empty adds a format 'brat', and there is one of this name. Uninstall it, or have it renamed."),
        ("mine = broken:Empty", "the format 'mine' of broken:Empty lacks name, about, .*read, write, find_parts. Subclass"),
        ("mine = broken:Other", "the format of broken:Other calls itself 'other', and its entry point 'mine'. Expected one name."),
        ("mine = broken:gone", "the format 'mine' cannot be loaded from broken:gone: module 'broken' has no attribute 'gone'"),
        ("mine = nowhere:Gone", "the format 'mine' cannot be loaded from nowhere:Gone: No module named 'nowhere'"),
    ],
)
def test_formats_that_cannot_be_used(entry, message, install):
    code = "from spacy_relext import Format\nclass Empty: pass\nclass Other(Format):\n    name = about = 'other'\n"
    install("broken", code, entry)
    with pytest.raises(RelextError, match=message):
        get_format(entry.partition(" ")[0])


FAILING = """
from spacy_relext import Document, Format
class Mine(Format):
    name = about = "mine"
    suffixes, own_suffixes, suffix, reads, writes = (".mine",), (".mine",), ".mine", True, True
    def read(self, path, reading):
        yield Document("first", "Tea.")
        if path.read_text() == "other":
            yield "no document"
        yield {}["key"]
    def write(self, documents, path):
        return {}[len(list(documents))]
"""


def test_exceptions_of_other_packages_name_format_and_file(install, tmp_path):
    install("failing", FAILING, "mine = failing:Mine")
    path = tmp_path / "a.mine"
    path.write_text("", encoding="utf8")
    where = r"the format 'mine' \(failing:Mine\) fails in"
    message = rf"^{path}: {where} reading, behind the document 'first', and what follows is not read: KeyError: 'key'$"
    with pytest.raises(DataError, match=message) as caught:
        list(spacy_relext.read(path))
    assert isinstance(caught.value.__cause__, KeyError)
    report = spacy_relext.convert(path, tmp_path / "a.spacy", on_error="skip")
    assert (report.total["documents"], report.errors) == (1, 1)
    with pytest.raises(DataError, match=rf"b\.mine: {where} writing: KeyError: 0") as caught:
        spacy_relext.export([], tmp_path / "b.mine", "mine")
    assert isinstance(caught.value.__cause__, KeyError)
    path.write_text("other", encoding="utf8")
    with pytest.raises(DataError, match="TypeError: expected a Document, and saw str"):
        list(spacy_relext.read(path))
    assert pickle.loads(pickle.dumps(get_format("mine"))).suffix == ".mine"


def test_formats_of_one_direction():
    with pytest.raises(RelextError, match=r"the format 'csv' is written, and not read\. One of: jsonl, "):
        readable("csv")
    with pytest.raises(RelextError, match=r"the format 'txt' is read, and not written\. One of: jsonl, "):
        writable("txt")
    with pytest.raises(RelextError, match=r"there is no format 'nope'\. One of: jsonl, "):
        get_format("nope")


def everything():
    """Documents that have all that a format may have no place for."""
    text = "Tea cures pain."
    mentions = [Mention("a", 0, 3, "FOOD", "C1", "T e a"), Mention("b", 10, 14, "PAIN", "C2"), Mention("c", 4, 9, "ACT", "C3")]
    related = AnnotatedRelation("a", "b", "R", 0.5, (("ddi", 0.5), ("rules", 0.25)), "uncertain", ("speculated",), 0.75)
    between = [AnnotatedRelation("C1", "C2", "R", 0.5)]
    first = Document("1", text, mentions, [related], [(0, 15)], concept_relations=between)
    first.denied = [AnnotatedRelation("a", "c", "R")]
    first.meta = {"journal": "J. Tea", "year": 1999}
    return [first, Document("2", text, mentions[:1], None, [(0, 15)]), Document("3", text, [], [], [(0, 15)])]


@pytest.mark.parametrize("name", [name for name, made in OURS.items() if made.writes])
def test_a_format_lacks_what_its_writer_counts(name, tmp_path):
    counted = +get_format(name).write(everything(), tmp_path / f"a{get_format(name).suffix}")
    assert set(OURS[name].lacks) <= set(UNSUPPORTED)
    assert {what for what in counted if what in UNSUPPORTED} == set(OURS[name].lacks)


def test_declared_options_are_options():
    names = {f.name for f in fields(Options)}
    for made in OURS.values():
        assert made.options <= names
        assert not made.options or made.reads


@pytest.mark.parametrize(
    ("name", "package"), [("biocxml", "bioc"), ("biocjson", "bioc"), ("inception", "cassis"), ("rdf", "rdflib"), ("parquet", "pyarrow")]
)
def test_a_format_without_its_packages_names_the_extra(name, package, tmp_path, monkeypatch):
    for loaded in [loaded for loaded in sys.modules if loaded.startswith("spacy_relext.formats.") or loaded.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RelextError, match=rf"^{package} cannot be imported \(.*\)\. Install the extra formats: in the clone, pip install"):
        OURS[name].write([Document("1", "x")], tmp_path / "out.ttl")


def test_what_is_imported_before_it_is_needed():
    """A program that reads a file waits for spaCy alone."""
    heavy = "torch bioc cassis lxml transformers spacy_transformers pandas pyarrow rdflib networkx"
    code = f"""
import sys
import spacy
before = set(sys.modules)
import spacy_relext
import spacy_relext.formats.catalogue
spacy_relext.Format, spacy_relext.Document, spacy_relext.DataError
import spacy_relext.formats
assert not set({heavy.split()!r}) & (set(sys.modules) - before), sorted(set({heavy.split()!r}) & set(sys.modules))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_error_of_data_is_one_of_the_package():
    assert issubclass(DataError, RelextError)


def test_a_format_that_cannot_be_loaded_is_not_in_the_way_of_ours(install, tmp_path):
    install("broken", "raise ValueError('its own fault')\n", "mine = broken:Mine")
    with pytest.raises(RelextError, match="the format 'mine' cannot be loaded from broken:Mine: its own fault"):
        get_format("mine")
    (tmp_path / "a.jsonl").write_text('{"text": "Tea."}\n', encoding="utf8")
    assert [doc.text for doc in spacy_relext.read(tmp_path / "a.jsonl")] == ["Tea."]
