"""`research probe`: the vectors of each layer, the probe on them, and the command."""

import json
import platform
import re
import subprocess
import sys
from dataclasses import replace

import numpy
import pytest
import spacy
import torch
from sklearn.linear_model import LogisticRegression
from spacy.training import Example
from transformers import AutoModel, AutoTokenizer

from research import probe as probing
from research.probe import (
    annotated_data,
    fit_probe,
    probe_layers,
    probe_scores,
    read_vectors,
    score_probe,
    vectors_by_layer,
)
from spacy_relext.evaluation import extractor_of
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.ml.marking import pair_markers
from spacy_relext.ml.pair_texts import marked_pairs
from spacy_relext.ml.per_pair import PerPairEncoder
from tests.cli.test_evaluate import write_data as write_documents
from tests.cli.toy import document
from tests.experiments.toy import SENTENCES, write_data
from tests.research.toy import research

N_LAYERS, WIDTH = 2, 32


def make_pipeline(folder, **settings):
    """An extractor of the marked encoding, initialised and not trained."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    model = {
        "@architectures": "spacy-relext.MarkedPairClassifier.v1",
        "name": str(folder),
        "marking": {"@misc": "spacy-relext.pair_markers.v1"},
        "summary": {"@relext_summaries": "spacy-relext.cls.v1"},
        "max_length": 64,
    }
    nlp.add_pipe("relation_extractor", config={"model": model, **settings})
    references = [to_doc(document(*sentence), nlp) for sentence in SENTENCES]
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in references])
    return nlp


@pytest.fixture(scope="module")
def pipeline(tiny_bert):
    nlp = make_pipeline(tiny_bert)
    return nlp, extractor_of(nlp, "toy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pipeline):
    """A stored pipeline, and data: ten documents to learn from, seven to score."""
    folder = tmp_path_factory.mktemp("probe")
    pipeline[0].to_disk(folder / "model")
    write_data(folder / "train.spacy", *SENTENCES, *SENTENCES, *SENTENCES)
    write_data(folder / "test.spacy", *reversed(SENTENCES))
    return folder


@pytest.fixture(scope="module")
def train(pipeline, folder):
    return annotated_data(*pipeline, folder / "train.spacy")


@pytest.fixture(scope="module")
def test(pipeline, folder):
    return annotated_data(*pipeline, folder / "test.spacy")


def planted(data, layer, *, seed=0):
    """Noise, but for the vectors of [CLS] after one layer, which tell the label."""
    vectors = numpy.random.default_rng(seed).normal(size=(len(data.documents), 1 + N_LAYERS, 3 * WIDTH))
    vectors[:, layer, :WIDTH] = numpy.eye(WIDTH)[data.targets.argmax(axis=1)]
    return vectors.astype("float16")


# The vectors


def test_vectors_are_those_of_the_encoder_run_alone(pipeline, train, tiny_bert):
    _, pipe = pipeline
    vectors = read_vectors(pipe.model, train)
    assert vectors.shape == (len(train.documents), 1 + N_LAYERS, 3 * WIDTH)
    assert vectors.dtype == "float16"
    tokenizer, encoder = AutoTokenizer.from_pretrained(tiny_bert), AutoModel.from_pretrained(tiny_bert).eval()
    texts = list(marked_pairs([p.doc for p in train.pairs], [p.prepared.candidates for p in train.pairs], pair_markers()))
    lengths = set()
    for (text, *_), found in list(zip(texts, vectors, strict=True))[:14]:
        inputs = tokenizer(text.text, return_tensors="pt", return_offsets_mapping=True)
        offsets = inputs.pop("offset_mapping")[0].tolist()
        lengths.add(len(offsets))
        with torch.no_grad():
            hidden = encoder(**inputs, output_hidden_states=True).hidden_states
        for layer, states in enumerate(hidden):
            expected = [states[0, 0] if layer else torch.zeros(WIDTH)]
            for first, end in (text.head, text.tail):
                expected.append(states[0, [i for i, (a, b) in enumerate(offsets) if a < b and a < end and b > first]].mean(dim=0))
            numpy.testing.assert_allclose(found[layer], torch.cat(expected).numpy(), rtol=2e-3, atol=2e-3)
    assert len(lengths) > 2, "texts of one length say nothing of padding"


def test_vectors_do_not_change_the_model_or_need_a_gradient(pipeline, test):
    _, pipe = pipeline
    transformer = pipe.model.get_ref("tok2vec").transformer
    before = {name: value.clone() for name, value in transformer.state_dict().items()}
    (first, second) = (read_vectors(pipe.model, test) for _ in range(2))
    numpy.testing.assert_array_equal(first, second)
    assert torch.is_grad_enabled()
    assert all(torch.equal(value, before[name]) for name, value in transformer.state_dict().items())


def test_an_encoder_without_cls(pipeline, test, tiny_bert):
    class WithoutCls:
        tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
        transformer = AutoModel.from_pretrained(tiny_bert).eval()

    WithoutCls.tokenizer.cls_token = None
    pairs = test.pairs[0]
    encoder = PerPairEncoder(pair_markers(), max_length=64)
    candidates = [pairs.prepared.candidates]
    with pytest.raises(ValueError, match=r"has no \[CLS\]"):
        list(encoder.apply(lambda c, _: vectors_by_layer(c), [pairs.doc], candidates, WithoutCls, every_layer=True, lower=False))


def test_a_sample_keeps_pairs_and_targets_together(train):
    sample = train.sampled(9, seed=1)
    assert len(sample.documents) == len(sample.targets) == 9
    places = [(i, *pair) for i, p in enumerate(train.pairs) for pair in p.prepared.candidates.pairs.tolist()]
    target = dict(zip(places, train.targets.tolist(), strict=True))
    drawn = [(i, *pair) for i, p in enumerate(sample.pairs) for pair in p.prepared.candidates.pairs.tolist()]
    assert [target[place] for place in drawn] == sample.targets.tolist()
    assert len(set(drawn)) == 9
    assert all(len(p.prepared.candidates.contexts) == len(p.prepared.allowed) == len(p.targets) for p in sample.pairs)
    again, other = (train.sampled(9, seed=seed) for seed in (1, 2))
    assert again.documents.tolist() == sample.documents.tolist() != other.documents.tolist()
    assert len(train.sampled(1000, seed=0).documents) == len(train.documents)


# The probe


def test_the_layer_that_tells_the_label_is_found(pipeline, train, test):
    _, pipe = pipeline
    for layer in (1, 2):
        results = probe_layers(pipe, train, test, planted(train, layer), planted(test, layer, seed=1), seed=0)
        figures = {(r["read"], r["layer"]): r["rel_micro_f"] for r in results}
        assert list(figures) == [("cls", 1), ("cls", 2), ("mentions", 0), ("mentions", 1), ("mentions", 2)]
        assert figures.pop(("cls", layer)) == 1.0
        assert max(figures.values()) < 0.7


def test_figures_worked_out_by_hand(pipeline, tmp_path):
    """Two relations in sentences, found; one across two sentences, which is no candidate; and a wrong one."""
    nlp, pipe = pipeline
    text = "Aspirin increases warfarin levels. Avoid ketamine with quinine. Digoxin is old."
    names = ("Aspirin", "warfarin", "ketamine", "quinine", "Digoxin")
    mentions = [Mention(str(i), text.index(name), text.index(name) + len(name), "DRUG") for i, name in enumerate(names)]
    relations = [AnnotatedRelation(*r) for r in (("0", "1", "MECHANISM"), ("2", "3", "ADVISE"), ("0", "4", "ADVISE"))]
    sentences = [(0, 34), (35, 63), (64, len(text))]
    unknown = Document("b", text, mentions, None, sentences)
    path = write_documents(tmp_path / "a.spacy", unknown, Document("a", text, mentions, relations, sentences))
    data = annotated_data(nlp, pipe, path)
    assert pipe.labels == ("ADVISE", "MECHANISM")
    pairs = data.pairs[1].prepared.candidates.pairs.tolist()
    scores = numpy.asarray([[0.8, 0.1, 0.1]] * len(pairs), dtype="float32")
    scores[pairs.index([0, 1])] = [0.3, 0.3, 0.4]
    scores[pairs.index([2, 3])] = [0.0, 1.0, 0.0]
    scores[pairs.index([3, 2])] = [0.0, 1.0, 0.0]
    figures = score_probe(pipe, data, scores)
    assert [figures[f"rel_micro_{k}"] for k in "prf"] == pytest.approx([2 / 3, 2 / 3, 2 / 3])
    assert figures["rel_per_type"]["ADVISE"] == pytest.approx({"p": 0.5, "r": 0.5, "f": 0.5, "support": 2})
    # Labels without a direction: the two directions are one relation, and their scores are averaged.
    pipe.cfg["symmetric_labels"] = ["ADVISE"]
    try:
        assert score_probe(pipe, data, scores)["rel_micro_p"] == 1.0
    finally:
        pipe.cfg["symmetric_labels"] = []
    # What the type rules forbid is not found, however probable.
    prepared = data.pairs[1].prepared
    forbidden = replace(prepared, allowed=prepared.allowed & [True, False, True])
    figures = score_probe(pipe, replace(data, pairs=[data.pairs[0], replace(data.pairs[1], prepared=forbidden)]), scores)
    assert [figures[f"rel_micro_{k}"] for k in "pr"] == pytest.approx([1.0, 1 / 3])


def test_nothing_is_learned_from_the_test_data(pipeline, train, test, monkeypatch):
    """What a pair is given does not depend on the others: half of the test vectors far away changes nothing for the other half."""
    _, pipe = pipeline
    given = []
    monkeypatch.setattr(probing, "score_probe", lambda pipe, data, scores: given.append(scores) or {})
    vectors = planted(test, 1, seed=1)
    half = len(vectors) // 2
    far = vectors.copy()
    far[half:] = far[half:] * 100 + 1000
    fitted = planted(train, 1)
    results = [probe_layers(pipe, train, test, fitted, v, seed=0) for v in (vectors, far)]
    assert results[0] == results[1]
    for near, with_far in zip(given[:5], given[5:], strict=True):
        numpy.testing.assert_array_equal(near[:half], with_far[:half])
        assert not numpy.allclose(near[half:], with_far[half:])


def test_the_penalty_is_chosen_on_documents_that_are_not_learned_from():
    """Against the same by hand; each document has an offset of its own, so that held-out ones would move mean and deviation."""
    random = numpy.random.default_rng(0)
    documents = numpy.repeat(numpy.arange(20), 6)
    labels = random.integers(0, 3, size=len(documents))
    vectors = (random.normal(size=(len(labels), 8)) + 0.7 * numpy.eye(8)[labels] + 5 * random.normal(size=(20, 1))[documents]).astype(
        "float32"
    )
    probe = fit_probe(vectors, numpy.eye(3)[labels], documents, seed=3)
    ((fit, held_out),) = probe.cv
    assert sorted([*fit, *held_out]) == list(range(len(labels)))
    assert len(set(documents[held_out])) == 4
    assert not set(documents[fit]) & set(documents[held_out])
    mean, deviation = vectors[fit].mean(axis=0), vectors[fit].std(axis=0)
    expected = {}
    for strength in probing.STRENGTHS:
        model = LogisticRegression(C=strength, tol=probing.TOLERANCE).fit((vectors[fit] - mean) / deviation, labels[fit])
        guess, gold = model.predict((vectors[held_out] - mean) / deviation), labels[held_out]
        expected[strength] = 2 * ((guess == gold) & (gold > 0)).sum() / ((guess > 0).sum() + (gold > 0).sum())
    assert probe.cv_results_["mean_test_score"].tolist() == pytest.approx(list(expected.values()))
    assert len(set(expected.values())) > 1
    assert probe.best_params_ == {"logisticregression__C": max(expected, key=expected.get)}


def test_pairs_with_several_labels_and_labels_that_are_not_there():
    documents = numpy.arange(30)
    kind = documents % 2
    vectors = (4.0 * kind[:, None] + numpy.random.default_rng(0).normal(size=(30, 3))).astype("float32")
    targets = numpy.where(kind[:, None], [0.0, 0.5, 0.0, 0.5], [1.0, 0.0, 0.0, 0.0])
    scores = probe_scores(fit_probe(vectors, targets, documents, seed=0), vectors, 4)
    assert scores[:, 2].tolist() == [0.0] * 30
    assert scores.sum(axis=1) == pytest.approx(1.0)
    numpy.testing.assert_allclose(scores[:, 1], scores[:, 3], atol=1e-3)
    assert (scores[kind == 1, 1] > 0.25).all()
    assert (scores[kind == 0, 1] < 0.25).all()


# The command


def probe(folder, *options, train="train.spacy", test="test.spacy", model="model"):
    return research("probe", folder / model, folder / train, folder / test, *options)


def assert_fails(result, message):
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr
    assert "Traceback" not in result.output


def test_command_writes_figures_and_plot(folder, tmp_path):
    outputs = []
    for name in ("a", "b"):
        result = probe(folder, "--output", tmp_path / name / "out.json", "--plot", tmp_path / name / "out.svg", "--sample", 30)
        assert result.exit_code == 0, result.output
        outputs.append([(tmp_path / name / file).read_text(encoding="utf8") for file in ("out.json", "out.svg")])
    assert outputs[0] == outputs[1]
    figures = json.loads(outputs[0][0])
    assert figures["model"] == str(folder / "model")
    assert {part: [len(digest) for digest in files.values()] for part, files in figures["data"].items()} == {"train": [64], "test": [64]}
    assert (figures["pairs"], figures["seed"]) == ({"train": 30, "test": 14}, 0)
    assert figures["versions"]["python"] == platform.python_version()
    assert "scikit-learn" in figures["versions"]
    places = [(p["encoder"], p["read"], p["layer"]) for p in figures["probes"]]
    assert places == [("trained", *place) for place in (("cls", 1), ("cls", 2), ("mentions", 0), ("mentions", 1), ("mentions", 2))]
    for p in figures["probes"]:
        assert p["C"] in probing.STRENGTHS
        assert 0 <= p["rel_micro_f"] <= 1
        assert p["rel_per_type"]["MECHANISM"]["support"] == 3
        row = rf"\[{'CLS' if p['read'] == 'cls' else 'head; tail'}\] +│ +{p['layer']} │ .* {100 * p['rel_micro_f']:.1f} │"
        assert re.search(row, result.stdout), result.stdout
    assert outputs[0][1].startswith("<?xml")


def test_the_encoder_before_training(folder, pipeline, tmp_path):
    """The same figures where nothing was trained, and others where something was."""
    nlp = spacy.load(folder / "model")
    with torch.no_grad():
        for weights in extractor_of(nlp, "toy").model.get_ref("tok2vec").transformer.parameters():
            weights.add_(torch.ones_like(weights).cumsum(dim=0) % 3)
    nlp.to_disk(tmp_path / "changed")
    same = {}
    for model in (folder / "model", tmp_path / "changed"):
        result = probe(folder, "--pretrained", "--output", tmp_path / "o.json", "--plot", tmp_path / "p.png", model=model)
        assert result.exit_code == 0, result.output
        probes = json.loads((tmp_path / "o.json").read_text())["probes"]
        trained, pretrained = ([{**p, "encoder": ""} for p in probes if p["encoder"] == name] for name in ("trained", "pretrained"))
        assert len(trained) == len(pretrained) == 5
        same[model.name] = trained == pretrained
        same[f"pretrained of {model.name}"] = pretrained
    assert same["model"]
    assert not same["changed"]
    assert same["pretrained of model"] == same["pretrained of changed"]
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_pretrained_encoder_that_is_gone(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    nlp.get_pipe_config("relation_extractor")["model"]["name"] = str(tmp_path / "gone")
    nlp.to_disk(tmp_path / "model")
    assert_fails(probe(folder, "--pretrained", model=tmp_path / "model"), "gone', from which .* cannot be loaded")


def test_an_encoder_that_diverged(folder, tmp_path):
    nlp = spacy.load(folder / "model")
    with torch.no_grad():
        extractor_of(nlp, "toy").model.get_ref("tok2vec").transformer.encoder.layer[1].output.dense.bias.fill_(float("nan"))
    nlp.to_disk(tmp_path / "model")
    assert_fails(probe(folder, model=tmp_path / "model"), "vectors that are not finite")


def test_pipelines_that_cannot_be_probed(folder, tiny_bert, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor")
    reference = to_doc(document(*SENTENCES[0]), nlp)
    nlp.initialize(lambda: [Example(nlp.make_doc(reference.text), reference)])
    nlp.to_disk(tmp_path / "shared")
    assert_fails(probe(folder, model=tmp_path / "shared"), "whose architecture is spacy-relext.MarkedPairClassifier.v1")
    make_pipeline(tiny_bert, exclusive=False).to_disk(tmp_path / "several")
    assert_fails(probe(folder, model=tmp_path / "several"), "has exclusive = false")


def test_data_that_cannot_be_used(folder, tmp_path):
    assert_fails(probe(folder, test="train.spacy"), "the test data is part of the train data")
    assert_fails(probe(folder, train="none.spacy"), r"none\.spacy: there is no such \.spacy file")
    write_documents(folder / "bare.spacy", document("Aspirin increases warfarin levels."))
    assert_fails(probe(folder, test="bare.spacy"), r"bare\.spacy: the data has no relation annotation")
    write_documents(folder / "single.spacy", document("Aspirin increases it.", []))
    assert_fails(probe(folder, train="single.spacy"), r"single\.spacy: no candidate pair in 1 document. Check spans_key, which is None")
    write_data(folder / "few.spacy", *SENTENCES[:1])
    assert_fails(probe(folder, train="few.spacy"), "too few for a probe: 2 pairs in 1 document, 1 of them related")
    write_data(folder / "unrelated.spacy", *SENTENCES[5:])
    assert_fails(probe(folder, train="unrelated.spacy"), "too few for a probe: 4 pairs in 2 documents, 0 of them related")


@pytest.mark.parametrize("library", ["sklearn", "matplotlib"])
def test_a_library_that_is_not_installed(folder, tmp_path, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    message = rf'{library} cannot be imported .* pip install -e "\.\[analysis\]"'
    assert_fails(probe(folder, "--plot", tmp_path / "plot.svg"), message)


def test_a_plot_of_an_unknown_kind(folder, tmp_path):
    assert_fails(probe(folder, "--plot", tmp_path / "plot.txt"), r"plot\.txt; expected a file that ends in \.svg, \.png, \.pdf")


def test_other_commands_need_none_of_the_libraries():
    # networkx is not among them: torch imports it.
    missing = ["sklearn", "matplotlib", "snowballstemmer", "pyarrow", "rdflib"]
    code = f"""
import sys
sys.modules.update(dict.fromkeys({missing}))
import typer
from spacy_relext.cli import relext_cli
assert all(typer.main.get_command(relext_cli).commands.values())
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
