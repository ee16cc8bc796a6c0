"""scispaCy's pipes under names of ours: as they are, without an import, stored, and missing."""

import json
import pickle
import sys
from types import SimpleNamespace

import pytest
import spacy
from spacy.cli.package import get_third_party_dependencies
from spacy.tokens import DocBin

from spacy_relext.biomed import ABBREVIATIONS, SENTENCIZER, TOKENIZER
from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.errors import RelextError
from spacy_relext.formats.docs import from_doc
from tests.cli.toy import train
from tests.test_entry_points import run_python

TEXT = "Teal acid (TA) of Smith et al. is (1H)-dione-7-yl. TA increases warfarin levels."


@pytest.fixture(scope="module", autouse=True)
def scispacy():
    return pytest.importorskip("scispacy")


def pipeline():
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": TOKENIZER}}})
    nlp.add_pipe(SENTENCIZER)
    nlp.add_pipe(ABBREVIATIONS)
    return nlp


def test_results_are_those_of_scispacy():
    from scispacy.custom_sentence_segmenter import pysbd_sentencizer
    from scispacy.custom_tokenizer import combined_rule_tokenizer

    plain = spacy.blank("en")
    assert [t.text for t in pipeline()(TEXT)] != [t.text for t in plain(TEXT)]
    plain.tokenizer = combined_rule_tokenizer(plain)
    doc = pipeline()(TEXT)
    assert [t.text for t in doc] == [t.text for t in plain(TEXT)]
    assert [s.text for s in doc.sents] == [s.text for s in pysbd_sentencizer(plain(TEXT)).sents]
    assert [s.text for s in doc.sents] == ["Teal acid (TA) of Smith et al. is (1H)-dione-7-yl.", "TA increases warfarin levels."]
    assert [(doc.text[start:end], value) for (_, name, start, end), value in doc.user_data.items() if name == "long_form"] == [
        ("TA", "Teal acid"),
        ("TA", "Teal acid"),
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "Tea.", "(", "e\u0301 👩🏽‍⚕️. (a)"])
def test_odd_texts(text):
    doc = pipeline()(text)
    assert (doc.text, doc._.abbreviations) == (text, [])
    assert "".join(sent.text_with_ws for sent in doc.sents) == text


def test_docs_are_stored_and_sent_to_other_processes():
    nlp = pipeline()
    first, _ = nlp.pipe([TEXT, "Tea."], n_process=2, batch_size=1)
    # Other systems send a copy of each component.
    assert [pickle.loads(pickle.dumps(pipe))(nlp.make_doc(TEXT)).text for _, pipe in nlp.pipeline] == [TEXT, TEXT]
    [again] = DocBin(docs=[first], store_user_data=True).get_docs(nlp.vocab)
    assert again.user_data["._.", "long_form", 11, 13] == "Teal acid"


LOAD = """
import json, sys
import spacy
nlp = spacy.load(sys.argv[1])
doc = nlp(sys.argv[2])
print(json.dumps([[t.text for t in doc], [s.text for s in doc.sents], [a["long_text"] for a in doc._.abbreviations]]))
"""


def test_stored_pipeline_loads_with_no_import(tmp_path):
    nlp = pipeline()
    nlp.to_disk(tmp_path / "model")
    doc = nlp(TEXT)
    expected = [[t.text for t in doc], [s.text for s in doc.sents], ["Teal acid"] * 2]
    assert run_python(LOAD, str(tmp_path / "model"), TEXT, cwd=tmp_path) == expected


def test_pipelines_that_were_stored_with_the_names_of_before_load():
    nlp = spacy.blank("en")
    for name in (SENTENCIZER, ABBREVIATIONS):
        before = name.removeprefix("relext_")
        nlp.add_pipe(before)
        assert nlp.get_factory_meta(before).assigns == nlp.get_factory_meta(name).assigns
    assert len(list(spacy.util.load_model_from_config(nlp.config)("See Fig. 2 of it. So.").sents)) == 2


def test_package_of_such_a_pipeline_requires_ours():
    assert [name.partition(">")[0] for name in get_third_party_dependencies(pipeline().config)] == ["spacy-relext"]


MISSING = {
    "tokenizer": lambda: make_tokenizer("scispacy"),
    "sentencizer": lambda: spacy.blank("en").add_pipe(SENTENCIZER),
    "abbreviations": lambda: spacy.blank("en").add_pipe(ABBREVIATIONS),
}


@pytest.mark.parametrize("make", MISSING.values(), ids=MISSING)
def test_scispacy_is_missing(make, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "scispacy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scispacy", None)
    with pytest.raises(RelextError, match=r'scispacy cannot be imported .*pip install -e "\.\[biomed\]"'):
        make()


class Index:
    """Stands for scispaCy's candidate generator, which needs an index to download: names and their concepts."""

    def __init__(self, concepts):
        from scispacy.candidate_generation import MentionCandidate
        from scispacy.linking_utils import Entity

        self.concepts, self.candidate = concepts, MentionCandidate
        self.kb = SimpleNamespace(cui_to_entity={concept: Entity(concept, name, [], [], "") for name, concept in concepts.items()})

    def __call__(self, mentions, k):
        found = [self.concepts.get(mention.lower()) for mention in mentions]
        return [[self.candidate(concept, [], [0.9])] if concept else [] for concept in found]


def test_from_raw_text_to_relations_with_concepts_and_long_forms(tmp_path):
    """A trained pipeline, and scispaCy's detector and its linker before the extractor."""
    linking = pytest.importorskip("scispacy.linking")
    train(tmp_path / "model")
    nlp = spacy.load(tmp_path / "model")
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "DRUG", "pattern": "TA"}])
    nlp.add_pipe(ABBREVIATIONS, before="relation_extractor")
    spacy.language.Language.component("linker", func=linking.EntityLinker(candidate_generator=Index({"teal acid": "C1", "warfarin": "C2"})))
    nlp.add_pipe("linker", before="relation_extractor")
    nlp.get_pipe("relation_extractor").cfg["threshold"] = 0.0
    doc = nlp("Teal acid (TA) is a drug. TA increases warfarin levels.")
    [relation] = [r for r in doc._.relations if r.head.text == "TA"]
    mentions = [relation.to_dict()[end] for end in ("head", "tail")]
    assert [{key: mention.get(key) for key in ("text", "kb_id", "long_form")} for mention in mentions] == [
        {"text": "TA", "kb_id": "C1", "long_form": "Teal acid"},
        {"text": "warfarin", "kb_id": "C2", "long_form": None},
    ]
    assert [(m.kb_id, m.long_form) for m in from_doc(doc).mentions] == [("C1", "Teal acid"), ("C1", "Teal acid"), ("C2", "")]
    json.dumps(doc._.relations[0].to_dict())
