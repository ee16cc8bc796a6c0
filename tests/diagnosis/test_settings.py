"""A config held against the data, and what the encoder reads."""

import json
import re

import pytest
from spacy.util import load_config

from spacy_relext.diagnosis.checks import run_checks
from spacy_relext.diagnosis.data import make_data
from spacy_relext.diagnosis.lengths import load_encoder
from spacy_relext.diagnosis.settings import read_settings
from spacy_relext.errors import RelextError
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation
from spacy_relext.relations import register_extensions
from tests.conftest import ROOT
from tests.diagnosis.toy import make_parts

EXTRACTOR = "components.relation_extractor"
# What makes the config for DDI one for the toy corpus.
FITTING = {
    f"{EXTRACTOR}.symmetric_labels": [],
    f"{EXTRACTOR}.candidates.ordered": True,
    f"{EXTRACTOR}.type_rules": {"BLOCKS": [["DRUG", "GENE"]]},
    f"{EXTRACTOR}.model.tok2vec.get_spans.max_tokens": 14,
}


def read(overrides, folder):
    given = overrides.pop("given", {})
    overrides = {**FITTING, "paths.encoder": str(folder), **overrides}
    config = load_config(ROOT / "configs" / "ddi.cfg", overrides=overrides, interpolate=True)
    config["initialize"]["components"] = {"relation_extractor": given}
    return read_settings(config, "toy.cfg")


def find(overrides, folder, change=None):
    """What is found with a config in the training data of the toy corpus."""
    register_extensions()
    documents = make_parts()["train"]
    if change is not None:
        change(documents)
    settings = read(overrides, folder)
    docs = [to_doc(document, settings.nlp) for document in documents]
    data = make_data({"train": docs}, ["train"], spans_key=settings.pipe.cfg["spans_key"])
    return run_checks(data, settings.nlp, encoder=load_encoder(settings.encoder), settings=settings)


def across(documents):
    first, second = (m.id for m in documents[0].mentions[-3:-1])
    documents[0].relations = [AnnotatedRelation(first, second, "RAISES")]


def without_sentences(documents):
    documents[0].sentences = None


@pytest.fixture(scope="module")
def encoder(tiny_bert, tmp_path_factory):
    """The tiny BERT, said to read 150 word pieces: it knows no word of the toy corpus, of whose words each has six letters."""
    folder = tmp_path_factory.mktemp("encoder")
    for file in tiny_bert.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    for name, key in (("tokenizer_config.json", "model_max_length"), ("config.json", "max_position_embeddings")):
        settings = json.loads((folder / name).read_text(encoding="utf8"))
        (folder / name).write_text(json.dumps({**settings, key: 150}), encoding="utf8")
    return folder


def test_nothing_is_found_with_a_fitting_config(encoder):
    assert find({}, encoder) == []


ACROSS = {"across-sentences", "unreachable", "odd-types", "windows-apart"}
UNSPLIT = {"no-sentences", "windows-apart", "long-sentences"}


@pytest.mark.parametrize(
    ("name", "severity", "message", "overrides", "change", "follow"),
    [
        (
            "no-mentions",
            "error",
            r'doc\.spans\["no"\]',
            {f"{EXTRACTOR}.spans_key": "no"},
            None,
            {"stray-relations", "unreachable", "unknown-types"},
        ),
        ("unlisted-labels", "error", r"leaves out: 2\. Training stops", {"given": {"labels": ["BLOCKS"]}}, None, set()),
        ("unlisted-types", "warning", r"leaves out: 1\.", {"given": {"mention_types": ["DRUG"]}}, None, set()),
        ("unknown-labels", "error", r"name labels that there are not: 1\.", {f"{EXTRACTOR}.symmetric_labels": ["BLOKS"]}, None, set()),
        ("unknown-types", "warning", r"not: 1\.", {f"{EXTRACTOR}.type_rules": {"BLOCKS": [["DRUG", "GENE"], ["A", "GENE"]]}}, None, set()),
        (
            "unreachable",
            "warning",
            r"36 of 108 .* documents: 36\.",
            {f"{EXTRACTOR}.type_rules": {"RAISES": [["A", "B"]]}},
            None,
            {"unknown-types"},
        ),
        ("relations-across-sentences", "error", r"across sentences: 1\. .* stops at the first", {}, across, ACROSS),
        ("no-candidates", "error", r"needs sentence boundaries", {}, without_sentences, UNSPLIT),
        ("windows-apart", "info", r"different windows: \d+\.", {f"{EXTRACTOR}.model.tok2vec.get_spans.max_tokens": 5}, None, set()),
    ],
    ids=lambda value: value if isinstance(value, str) and "-" in value else "",
)
def test_config_that_does_not_fit(name, severity, message, overrides, change, follow, encoder):
    found = find(dict(overrides), encoder, change)
    own = [finding for finding in found if finding.name == name]
    assert [finding.severity for finding in own] == [severity], found
    assert re.search(message, own[0].message), own[0].message
    assert {finding.name for finding in found} - {name} <= follow, found


def test_a_label_without_direction_is_to_be_symmetric(encoder):
    def left_to_right(documents):
        for document in documents:
            for i, r in enumerate(document.relations):
                head, tail = sorted((r.head, r.tail), key=lambda name: int(name[1:]))
                document.relations[i] = AnnotatedRelation(head, tail, r.label) if r.label == "RAISES" else r

    found = find({}, encoder, left_to_right)
    assert [(finding.name, finding.examples) for finding in found] == [("not-symmetric", ("RAISES",)), ("left-to-right", ())]


def test_all_relations_unreachable_is_an_error(encoder):
    """Mentions of one sentence are never 1000 tokens apart, nor do they overlap."""
    rules = {label: [["GENE", "GENE"]] for label in ("RAISES", "LOWERS", "BLOCKS")}
    found = find({f"{EXTRACTOR}.type_rules": rules}, encoder)
    assert [(finding.severity, finding.name) for finding in found] == [("error", "unreachable")]
    assert "108 of 108 (100 %)" in found[0].message


def test_windows_that_the_encoder_does_not_read_to_their_end(tiny_bert):
    """64 positions; a sentence of twelve words of six letters has 72 pieces, [CLS], [SEP] and the full stop."""
    [finding] = [finding for finding in find({}, tiny_bert) if finding.name == "long-sentences"]
    assert "windows of more than 64 word pieces" in finding.message
    assert ": 180 of 180." in finding.message
    assert re.search(r"train: train-0: 75 pieces: \w+", finding.examples[0])
    # Cut in two they are read.
    cut = find({f"{EXTRACTOR}.model.tok2vec.get_spans.max_tokens": 7}, tiny_bert)
    assert "long-sentences" not in {finding.name for finding in cut}


def test_marked_pairs_are_cut_by_the_model(encoder, tiny_bert):
    """Per-pair encoding has no windows: nothing is said of lengths."""
    config = load_config(ROOT / "configs" / "ddi-per-pair.cfg", overrides={"paths.encoder": str(tiny_bert)}, interpolate=True)
    settings = read_settings(config, "marked.cfg")
    assert (settings.encoder, settings.get_windows) == (None, None)


def test_config_of_a_shared_transformer(tiny_bert):
    """Its windows are those of the transformer component, its mentions doc.ents."""
    config = load_config(ROOT / "configs" / "demo.cfg", overrides={"paths.encoder": str(tiny_bert)}, interpolate=True)
    settings = read_settings(config, "demo.cfg")
    assert settings.encoder == str(tiny_bert)
    assert settings.pipe.cfg["spans_key"] is None
    assert settings.given["mention_types"] == ["CHEMICAL", "PROTEIN"]


def test_config_without_an_extractor_is_refused():
    config = load_config(ROOT / "configs" / "demo.cfg", overrides={"nlp.pipeline": ["sentencizer"]}, interpolate=True)
    with pytest.raises(RelextError, match=r"'my\.cfg' has no relation extractor"):
        read_settings(config, "my.cfg")


def test_encoder_that_is_not_there(tmp_path):
    with pytest.raises(RelextError, match=r"there is no encoder .*: no such folder.*relext encoder assets/encoder"):
        load_encoder(str(tmp_path / "nothing"))
