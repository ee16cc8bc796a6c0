"""Documents that other processes tokenise: the same Docs, results, errors and order, few batches ahead."""

import multiprocessing
import sys

import pytest
import spacy

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction import tokenizing
from spacy_relext.extraction.extracting import extract
from spacy_relext.extraction.running import Runner, Settings, run, run_lines
from spacy_relext.extraction.tokenizing import Tokenizing, Tokens, useful_tokenizers
from spacy_relext.formats.types import Document, Mention
from tests.extraction.test_running import AVOID, LEVELS, Bomb, texts

TEXTS = (
    "",
    " ",
    "Aspirin",
    " Don't take  it;\n\nthey've said so… (2.5mg/kg, e.g. at 9a.m.) \t",
    "α-tocopherol 🙂🙂 CO₂ ",
    "can't cannot I'm gonna U.S. dr.",
)


@pytest.mark.usefixtures("all_special_cases")
@pytest.mark.parametrize("lang", ["en", "de", "zh", "xx"])
def test_a_doc_is_that_of_the_tokenizer(lang):
    nlp = spacy.blank(lang)
    if type(nlp.tokenizer) is not tokenizing.Tokenizer:
        pytest.skip("another tokenizer")
    for text in TEXTS:
        expected = nlp.make_doc(text)
        tokens = Tokens.of(expected)
        doc = tokens.doc(nlp.vocab, text)
        assert doc.text == text
        assert doc.to_bytes() == expected.to_bytes()
        assert [token.norm_ for token in doc] == [token.norm_ for token in expected]


def documents():
    """Texts with and without mentions, one of which cannot be right, and one that is too long."""
    given = texts(LEVELS, AVOID, *TEXTS)
    given.append(Document("given", LEVELS, [Mention("T1", 0, 7, "CHEMICAL"), Mention("T2", 24, 32, "CHEMICAL")], mentions_given=True))
    given.append(Document("inside", LEVELS, [Mention("T1", 2, 5, "CHEMICAL"), Mention("T2", 24, 32, "CHEMICAL")], mentions_given=True))
    given.append(Document("wrong", LEVELS, [Mention("T1", 5, 500, "CHEMICAL")]))
    return given


def batches(size=3):
    all_of_them = documents()
    return [all_of_them[i : i + size] for i in range(0, len(all_of_them), size)]


def shown(results):
    return [[str(result) if isinstance(result, DataError) else result for result in batch] for batch in results]


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_results_are_the_same(model, start_method):
    if start_method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    runner = Runner(Settings(str(model)))
    expected = shown(run(runner, batches()))
    lines = shown(run_lines(runner, batches()))
    with Tokenizing(runner, 1 if start_method == "spawn" else 2, start_method=start_method) as processes:
        assert shown(run(runner, batches(), processes)) == expected
        assert shown(run_lines(runner, batches(), processes)) == lines
    assert runner.tokens == {}
    assert any("offsets" in result for batch in expected for result in batch if isinstance(result, str))


def test_few_batches_are_read_ahead_and_a_process_that_is_killed_is_an_error(model):
    runner = Runner(Settings(str(model)))
    read, found = [], []

    def given():
        for number in range(12):
            read.append(number)
            yield texts(LEVELS)
        yield [Document("killed", Bomb())]

    def take_all():
        with Tokenizing(runner, 1) as processes:
            for batch in run(runner, given(), processes):
                found.append(batch)
                assert len(read) - len(found) <= 3

    with pytest.raises(RelextError, match=r"that tokenise was killed, .* \(`n_tokenize`\)"):
        take_all()
    assert len(found) >= 10


def fail(text):
    raise ValueError(text)


def test_a_text_that_fails_elsewhere_is_tokenised_here(model, monkeypatch):
    """And is told of as if it had been tokenised here in the first place."""
    runner = Runner(Settings(str(model)))
    monkeypatch.setattr(tokenizing, "_tokenizer", fail)
    assert tokenizing._tokens_of(LEVELS) is None
    assert len(runner(texts(LEVELS))[0]["relations"]) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="a loaded pipeline can be forked on Linux alone")
def test_extract_takes_them(model, tmp_path):
    plain = list(extract([LEVELS, AVOID] * 3, model, n_process=1, batch_size=2))
    assert list(extract([LEVELS, AVOID] * 3, model, n_tokenize=1, batch_size=2)) == plain
    assert list(extract([LEVELS, AVOID] * 3, spacy.load(model), n_tokenize=1, batch_size=2)) == plain
    with pytest.raises(RelextError, match="`n_process` is 2 and `n_tokenize` 1: several processes tokenise by themselves"):
        extract([LEVELS], model, n_process=2, n_tokenize=1)


def test_other_tokenizers_are_refused(model):
    nlp = spacy.load(model)
    nlp.tokenizer = spacy.blank("en").make_doc
    with pytest.raises(RelextError, match="`n_tokenize`: the pipeline has a tokenizer of its own, method"):
        Tokenizing(Runner(Settings(str(model)), nlp), 1)
    assert useful_tokenizers(Settings("model", gpu_id=0), nlp.tokenizer) == 0


@pytest.mark.parametrize(("gpu_id", "cores", "expected"), [(-1, 8, 0), (0, 1, 0), (0, 2, 1), (0, 8, 4)])
def test_those_that_are_worth_while(gpu_id, cores, expected, monkeypatch):
    monkeypatch.setattr(tokenizing.os, "cpu_count", lambda: cores)
    assert useful_tokenizers(Settings("model", gpu_id=gpu_id), spacy.blank("en").tokenizer) == expected
