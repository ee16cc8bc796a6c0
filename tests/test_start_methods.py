"""Processes that are not forked, as on macOS and Windows: what they find, and what is sent to them."""

import json
import pickle
import subprocess
import sys

import numpy
import pytest
import spacy
from spacy.util import registry

from tests.cli.toy import SENTENCES
from tests.pipeline.test_encodings import MARKERS, TAGS, marked_pipeline, shared_pipeline
from tests.pipeline.test_with_transformer import initialize, scores_of, tok2vec_pipeline, transformer_pipeline

# A start method is that of a whole program, and what is spawned imports its main file.
MAIN = """
import json, multiprocessing, sys
import spacy
from spacy_relext.extraction.running import Processes, Runner, Settings, run
from spacy_relext.formats.types import Document


def relations(docs):
    return [[relation.to_dict() for relation in doc._.relations] for doc in docs]


if __name__ == "__main__":
    folder, *texts = sys.argv[1:]
    multiprocessing.set_start_method("spawn")
    nlp = spacy.load(folder)
    alone = relations(nlp.pipe(texts))
    same = relations(nlp.pipe(texts, n_process=2, batch_size=2)) == alone
    runner = Runner(Settings(folder, keep_all_scores=True))
    batches = [[Document(f"d{i}", text)] for i, text in enumerate(texts)]
    expected = list(run(runner, batches))
    with Processes(runner, 2, start_method="forkserver") as processes:
        extracted = list(run(runner, batches, processes))
    print(json.dumps([sum(map(len, alone)), same, extracted == expected]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork server")
def test_processes_find_what_one_finds(model, tmp_path):
    """`nlp.pipe` with spawned processes, and extraction with those of a fork server."""
    main = tmp_path / "a main file.py"
    main.write_text(MAIN, encoding="utf8")
    command = [sys.executable, str(main), str(model), *(text for text, _ in SENTENCES)]
    result = subprocess.run(command, capture_output=True, encoding="utf8", timeout=600)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == [5, True, True]


# Registered functions that make a setting of a component, with arguments of which one is not the default.
SETTINGS = {
    "spacy-relext.sentence_pairs.v1": ("misc", {"ordered": False, "types": [["DRUG", "GENE"]]}),
    "spacy-relext.distance_pairs.v1": ("misc", {"max_distance": 7}),
    "spacy-relext.mention_tags.v1": ("misc", {"numbered": False}),
    "spacy-relext.pair_tags.v1": ("misc", {"numbered": True}),
    "spacy-relext.pair_markers.v1": ("misc", {}),
    "spacy-relext.relation_scorer.v1": ("scorers", {}),
    "spacy-relext.sentence_windows.v1": ("span_getters", {"max_tokens": 9}),
}


@pytest.mark.parametrize(("name", "setting"), SETTINGS.items(), ids=SETTINGS)
def test_settings_can_be_sent(name, setting):
    # With the first pipeline, spaCy imports spacy_transformers, which makes the registry of span getters.
    spacy.blank("en")
    group, arguments = setting
    made = getattr(registry, group).get(name)(**arguments)
    again = pickle.loads(pickle.dumps(made))
    assert repr(again) == repr(made)
    assert all(f"{key}={value!r}" in repr(again) for key, value in arguments.items())


PIPELINES = {
    "transformer": transformer_pipeline,
    "transformer inside": lambda folder: shared_pipeline(folder, "pair attention"),
    "tok2vec": lambda folder: tok2vec_pipeline(),
    "marked": lambda folder: marked_pipeline(folder, "cls", TAGS),
    "marked with markers": lambda folder: marked_pipeline(folder, "attention", MARKERS),
}


@pytest.mark.parametrize("make", PIPELINES.values(), ids=PIPELINES)
def test_pipelines_can_be_sent(make, tiny_bert):
    nlp = make(tiny_bert)
    initialize(nlp)
    expected = scores_of(nlp)
    # Together, as a whole, and one by one, as spaCy sends them.
    again = pickle.loads(pickle.dumps(nlp))
    assert again.pipe_names == nlp.pipe_names
    numpy.testing.assert_allclose(scores_of(again), expected, atol=1e-6)
    for _, pipe in nlp.pipeline:
        assert type(pickle.loads(pickle.dumps(pipe))) is type(pipe)
