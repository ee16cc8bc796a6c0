"""What is found in the demonstration corpus and in the real ones: nothing but what is there."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import spacy

from spacy_relext.conversion.sentences import make_splitter
from spacy_relext.diagnosis.checks import run_checks
from spacy_relext.diagnosis.data import Data, make_data
from spacy_relext.diagnosis.suggestions import suggest
from spacy_relext.formats import aimed, chemprot, ddi, jsonl
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import Document
from spacy_relext.relations import register_extensions
from tests.conftest import DEMO


def raise_it(error):
    raise error


def data_of(parts: dict[str, Iterable[Document]], training: list[str]) -> Data:
    register_extensions()
    nlp = spacy.blank("en")
    return make_data({name: [to_doc(d, nlp) for d in documents] for name, documents in parts.items()}, training, spans_key="mentions")


def unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


def summary(data: Data) -> dict[str, tuple[str, int]]:
    return {finding.name: (finding.severity, len(finding.examples)) for finding in run_checks(data, spacy.blank("en"))}


def test_demonstration_corpus():
    """Two of its labels have no direction, and a full stop after "vitamin K" is taken for a part of it."""
    data = data_of({part: jsonl.read(DEMO / f"{part}.jsonl", Reading(raise_it)) for part in ("train", "dev", "test")}, ["train"])
    assert summary(data) == {"left-to-right": ("info", 0), "misaligned-mentions": ("info", 12)}
    suggested = suggest(data)
    # As configs/demo.cfg has it.
    drugs, enzyme = [["CHEMICAL", "CHEMICAL"]], [["CHEMICAL", "PROTEIN"]]
    assert suggested.symmetric_labels == ["ADVISE", "EFFECT"]
    assert suggested.type_rules == {
        "ACTIVATES": enzyme,
        "ADVISE": drugs,
        "EFFECT": drugs,
        "INHIBITS": enzyme,
        "MECHANISM": drugs,
        "SUBSTRATE": enzyme,
    }
    assert suggested.candidates == {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": False}


def test_aimed(shared_data, tmp_path):
    """Two of its abstracts, in folds 0 and 3, are the same."""
    folds = aimed.parts(unpack(shared_data / "aimed" / "AImed.zip", tmp_path))
    data = data_of({name: aimed.read(file, Reading(raise_it)) for name, file in folds.items()}, list(folds))
    assert summary(data) == {
        "shared-documents": ("error", 1),
        "left-to-right": ("info", 0),
        "overlaps": ("info", 159),
        "misaligned-mentions": ("info", 114),
    }
    suggested = suggest(data)
    assert (suggested.symmetric_labels, suggested.type_rules) == (["interaction"], {})
    assert suggested.candidates["ordered"] is False
    assert sum(reached.relations for _, reached in suggested.tried) == 1000


def test_ddi(shared_data, tmp_path):
    """As configs/ddi.cfg has it; texts of DrugBank are quoted in other texts of DrugBank, now and then with other labels."""
    folder = unpack(shared_data / "ddi2013" / "DDICorpus-2013.zip", tmp_path) / "DDICorpus"
    data = data_of(
        {
            "train": ddi.read(folder / "Train", Reading(raise_it)),
            "test": ddi.read(folder / "Test" / "Test for DDI Extraction task", Reading(raise_it)),
        },
        ["train"],
    )
    assert summary(data) == {
        "shared-documents": ("error", 2),
        "repeated-documents": ("warning", 7),
        "near-documents": ("warning", 2),
        "shared-sentences": ("warning", 11),
        "near-sentences": ("warning", 18),
        "contradictions": ("warning", 17),
        "overlaps": ("info", 45),
        "bare-documents": ("info", 41),
        "left-to-right": ("info", 0),
        "misaligned-mentions": ("info", 224),
    }
    suggested = suggest(data)
    assert suggested.symmetric_labels == ["advise", "effect", "int", "mechanism"]
    assert suggested.type_rules == {}
    assert suggested.candidates == {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": False, "overlapping": True}


def test_chemprot(shared_data, tmp_path):
    """Chemicals in the names of proteins, pairs with two labels, names that are lists, an abstract that was published twice."""
    folder = unpack(shared_data / "chemprot" / "ChemProt_Corpus.zip", tmp_path)
    split = make_splitter("sentencizer", spacy.blank("en"))

    def read(part):
        for document in chemprot.read(folder / f"chemprot_{part}", Reading(raise_it)):
            document.sentences = split(document)
            yield document

    data = data_of({"train": read("development"), "test": read("test_gs")}, ["train"])
    assert summary(data) == {
        "long-mentions": ("warning", 4),
        "broken-mentions": ("warning", 32),
        "same-place": ("warning", 266),
        "several-labels": ("warning", 18),
        "shared-sentences": ("warning", 2),
        "near-sentences": ("warning", 1),
        "overlaps": ("info", 2321),
        "across-sentences": ("info", 17),
        "misaligned-mentions": ("info", 1086),
    }
    suggested = suggest(data)
    assert suggested.symmetric_labels == []
    assert suggested.type_rules == {label: [["CHEMICAL", "GENE"]] for label in chemprot.EVALUATED}
    assert suggested.candidates == {"@misc": "spacy-relext.sentence_pairs.v1", "ordered": True, "overlapping": False}
