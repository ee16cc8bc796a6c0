"""`research keywords`, run in process on pipelines that have learned seven sentences by heart or nothing at all."""

import re
import sys

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_relext.formats.docs import to_doc
from tests.cli.test_evaluate import assert_fails
from tests.cli.toy import SENTENCES, document
from tests.pipeline.test_encodings import marked_pipeline
from tests.research.toy import research

# By sentences that they stand in, in any form: increases 2, levels 3, avoid 2, alter 2, raised 1.
STEMS = {"increas": 2, "level": 3, "avoid": 2, "alter": 2, "rais": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    nlp = spacy.blank("en")
    path = tmp_path_factory.mktemp("keywords") / "data.spacy"
    DocBin(docs=[to_doc(document(*sentence), nlp) for sentence in SENTENCES], store_user_data=True).to_disk(path)
    return path


@pytest.fixture(scope="module")
def marked_model(tiny_bert, tmp_path_factory):
    """A pipeline that was initialised alone: which words it looks at is up to chance, but it looks."""
    fix_random_seed(0)
    nlp = marked_pipeline(tiny_bert, "attention")
    docs = [to_doc(document(*sentence), nlp) for sentence in SENTENCES]
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in docs])
    folder = tmp_path_factory.mktemp("marked") / "model"
    nlp.to_disk(folder)
    return folder


def keywords(model, data, output, *options):
    result = research("keywords", model, data, "--output", output, *options)
    assert result.exit_code == 0, result.output
    return srsly.read_json(output), result.stdout


def rows(printed):
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if line.startswith("│")]


@pytest.mark.parametrize("name", ["model", "marked_model"])
def test_stems_of_both_encodings(request, data, tmp_path, name):
    figures, printed = keywords(request.getfixturevalue(name), data, tmp_path / "new" / "stems.json", "--min-count", 1)
    assert {k["stem"]: k["sentences"] for k in figures["keywords"]} == STEMS
    weights = [k["weight"] for k in figures["keywords"]]
    assert weights == sorted(weights, reverse=True)
    assert 0 < weights[-1] < weights[0]
    assert (figures["documents"], figures["corpus"], figures["published"], figures["agree"]) == (7, None, {}, [])
    found = [(row[1], row[2], row[3]) for row in rows(printed)]
    assert found == [(k["stem"], f"{k['weight']:.2f}", str(k["sentences"])) for k in figures["keywords"]]


def test_the_same_in_the_python_api(model, data, tmp_path):
    """The weight of a word in one sentence, read off the pairs of a Doc."""
    figures, _ = keywords(model, data, tmp_path / "stems.json", "--min-count", 1)
    nlp = spacy.load(model)
    doc = nlp("Warfarin levels were raised by rifampicin.")
    (pairs,) = nlp.get_pipe("relation_extractor").attention([doc])
    assert len(pairs) == 2
    mean = sum(pair.attention.weights[3] for pair in pairs) / 2 * len(doc)
    assert next(k["weight"] for k in figures["keywords"] if k["stem"] == "rais") == pytest.approx(mean, rel=1e-4)


def test_frequent_stems_and_how_many(model, data, tmp_path):
    figures, _ = keywords(model, data, tmp_path / "stems.json", "--min-count", 2)
    assert {k["stem"] for k in figures["keywords"]} == STEMS.keys() - {"rais"}
    top, _ = keywords(model, data, tmp_path / "top.json", "--min-count", 2, "--n", 2)
    assert top["keywords"] == figures["keywords"][:2]
    assert top["stems"] == 4


def test_beside_the_published_stems(model, data, tmp_path):
    figures, printed = keywords(model, data, tmp_path / "stems.json", "--min-count", 1, "--corpus", "ddi")
    rank = [k["stem"] for k in figures["keywords"]].index("increas") + 1
    assert figures["agree"] == ["increas"]
    assert len(figures["published"]) == 9
    assert figures["published"] | {"increas": rank} == figures["published"]
    assert figures["published"]["use"] is None
    assert "1 of 5 agree: increas" in printed
    table = rows(printed)
    assert [row[5] for row in table] == list(figures["published"])
    assert table[2][6] == str(rank)
    assert {row[6] for row in table} == {"–", str(rank)}
    # A stem of theirs beyond those that are listed does not count as agreement, and its rank is given all the same.
    _, printed = keywords(model, data, tmp_path / "stems.json", "--min-count", 1, "--n", 1, "--corpus", "aimed")
    assert "0 of 1 agree" in printed


def test_pairs_with_a_relation_only(model, data, tmp_path):
    """It has learned which sentences have one: those with `alter` have none."""
    figures, _ = keywords(model, data, tmp_path / "stems.json", "--min-count", 1, "--related-only")
    assert {k["stem"]: k["sentences"] for k in figures["keywords"]} == {k: n for k, n in STEMS.items() if k != "alter"}


def test_nothing_to_list(model, data, tmp_path):
    assert_fails(
        research("keywords", model, data, "--min-count", 4), r"no word stands in 4 or more sentences with pairs .* Lower --min-count"
    )
    nlp = spacy.blank("en")
    DocBin(docs=[nlp.make_doc("Nothing.")]).to_disk(tmp_path / "bare.spacy")
    assert_fails(research("keywords", model, tmp_path / "bare.spacy"), r"spans_key = null")


def test_what_cannot_be_used(model, data, tmp_path, tiny_bert, monkeypatch):
    assert_fails(research("keywords", model, tmp_path / "none.spacy"), r"none\.spacy: there is no such file")
    assert_fails(research("keywords", tmp_path / "none", data), "cannot be loaded")
    nlp = marked_pipeline(tiny_bert, "cls")
    docs = [to_doc(document(*sentence), nlp) for sentence in SENTENCES]
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in docs])
    nlp.to_disk(tmp_path / "cls")
    assert_fails(research("keywords", tmp_path / "cls", data), "the summary cls has no weight for each word")
    result = research("keywords", model, data, "--corpus", "other")
    assert result.exit_code == 2
    assert re.search("'other' is not one of", result.stderr)
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    assert_fails(research("keywords", model, data), r'pip install -e "\.\[analysis\]"')
