"""Corpora whose relations are between concepts of a document, from file to score: shapes of BioRED and DocRED, invented."""

import json
import random

import pytest
import srsly
from spacy.util import load_config

from tests.cli.toy import TWO_STEPS, relext, spacy_command


def biored_like(n, draw):
    """BioRED's PubTator: a gene and a disease, and two genes, related in any order; the same pairs stand in several documents."""
    for i in range(n):
        gene, other, disease = draw.randrange(4), 4 + draw.randrange(4), draw.randrange(4)
        text = f"The gene gen{gene} raises ill{disease}. It was seen again. So does gen{other}."
        yield f"{i}|t|{text[: text.index('It') - 1]}"
        yield f"{i}|a|{text[text.index('It') :]}"
        for name, kind, concept in (
            (f"gen{gene}", "Gene", gene),
            (f"ill{disease}", "Disease", f"D{disease}"),
            (f"gen{other}", "Gene", other),
        ):
            start = text.index(name)
            yield f"{i}\t{start}\t{start + len(name)}\t{name}\t{kind}\t{concept}"
        for first, second, label in ((gene, f"D{disease}", "Association"), (gene, other, "Bind")):
            ends = (first, second) if draw.random() < 0.5 else (second, first)
            yield f"{i}\t{label}\t{ends[0]}\t{ends[1]}\t{'Novel' if draw.random() < 0.5 else 'No'}"
        yield ""


def docred_like(n, draw):
    """DocRED's JSON: persons who are married, both ways, and who live in towns."""
    for i in range(n):
        person, town = draw.randrange(5), draw.randrange(5)
        sentences = [
            [f"Ann{person}", "is", "glad", "."],
            [f"Bob{person}", "and", f"Ann{person}", "are", "married", "."],
            ["They", "live", "there", "."],
            ["In", f"Town{town}", "."],
        ]
        kinds = {f"Ann{person}": "PER", f"Bob{person}": "PER", f"Town{town}": "LOC"}
        vertices = [
            [
                {"name": name, "sent_id": j, "pos": [sentence.index(name), sentence.index(name) + 1], "type": kind}
                for j, sentence in enumerate(sentences)
                if name in sentence
            ]
            for name, kind in kinds.items()
        ]
        labels = [(0, 1, "P26", [1]), (1, 0, "P26", [1]), (0, 2, "P551", [1, 2, 3])]
        made = [{"h": h, "t": t, "r": r, "evidence": evidence} for h, t, r, evidence in labels]
        yield json.dumps({"title": f"t{i}", "sents": sentences, "vertexSet": vertices, "labels": made})


@pytest.fixture
def corpus(tmp_path):
    """Write and convert a corpus; the folder of its parts."""

    def make(documents, name, suffix, *options):
        draw = random.Random(0)
        for part, n in (("train", 60), ("dev", 20)):
            file = tmp_path / f"{part}{suffix}"
            file.write_text("".join(f"{line}\n" for line in documents(n, draw)), encoding="utf8")
            result = relext("convert", name, file, tmp_path / f"{part}.spacy", "--overwrite", *options)
            assert result.exit_code == 0, result.output
        return tmp_path

    return make


def found(folder):
    """What debug-data finds and suggests."""
    result = relext("debug-data", folder / "train.spacy", "--dev", folder / "dev.spacy", "--output", folder / "report.json")
    report = json.loads((folder / "report.json").read_text(encoding="utf8"))
    return {finding["name"]: finding["message"] for finding in report["findings"]}, report["suggestions"], result.output


def trained(folder, encoder):
    """What init-config says, its config, and the figures of what two steps of training make of it, everything found."""
    config = folder / "my.cfg"
    said = relext("init-config", folder / "train.spacy", config, "--dev", folder / "dev.spacy", "--encoder", encoder)
    assert said.exit_code == 0, said.output
    spacy_command("train", config, "--output", folder / "out", *TWO_STEPS, cwd=folder)
    return " ".join(said.output.split()), load_config(config)["components"]["relation_extractor"]


def evaluate(folder, *options):
    result = relext("evaluate", folder / "out" / "model-last", folder / "dev.spacy", "--threshold", "0", "-o", folder / "f.json", *options)
    assert result.exit_code == 0, result.output
    return json.loads((folder / "f.json").read_text(encoding="utf8"))["gold_mentions"], result.output


def test_biored(corpus, tiny_bert):
    folder = corpus(biored_like, "pubtator", ".PubTator", "--sentences", "sentencizer")
    findings, suggested, _ = found(folder)
    assert "Association" in findings["turned-concepts"]
    assert suggested["symmetric_labels"] == ["Association", "Bind"]
    assert suggested["candidates"] == {
        "@misc": "spacy-relext.distance_pairs.v1",
        "max_distance": 1000,
        "max_sentences": 2,
        "ordered": False,
        "overlapping": False,
    }
    said, extractor = trained(folder, tiny_bert)
    # Of three mentions in three sentences one pair is within a sentence, and reaches one of two relations.
    assert "Pairs within sentences reach 50 % of the relations, with 60 pairs of types that may have one." in said
    assert "up to 2 sentence boundaries between them: 100 %, with 180 pairs, 3.0 times as many." in said
    assert extractor["symmetric_labels"] == ["Association", "Bind"]
    assert "--measure biored counts them" in evaluate(folder)[1]
    figures, printed = evaluate(folder, "--measure", "biored")
    scores = figures["biored"]
    assert (scores["pair"]["r"], scores["pair"]["support"]) == (1.0, 40)
    # Each of the three pairs of a document is found, with one label.
    assert scores["pair"]["p"] == pytest.approx(2 / 3)
    assert scores["pair_and_type"]["f"] == pytest.approx(figures["doc_rel_micro_f"])
    assert scores["novel"]["support"] == (folder / "dev.PubTator").read_text(encoding="utf8").count("Novel") > 0
    assert scores["novel"]["support"] + scores["not_novel"]["support"] == 40
    assert "The measure biored, annotated mentions" in printed
    assert "Not measured: novelty" in printed


def test_docred(corpus, tiny_bert):
    folder = corpus(docred_like, "docred", ".jsonl")
    findings, suggested, _ = found(folder)
    # The one is annotated both ways; the other has types that tell its direction.
    assert suggested["symmetric_labels"] == ["P26"]
    assert findings.keys().isdisjoint({"turned-concepts", "sorted-concepts", "one-direction", "both-directions"})
    assert suggested["candidates"]["max_sentences"] == 2
    trained(folder, tiny_bert)
    figures, printed = evaluate(folder, "--measure", "docred", "--train", folder / "train.spacy")
    scores = figures["docred"]
    assert scores["all"]["support"] == 60
    assert scores["in_training"] <= 60 * scores["all"]["r"]
    assert scores["ignoring_training"]["r"] == scores["all"]["r"]
    assert scores["ignoring_training"]["p"] <= scores["all"]["p"]
    assert "ignoring training" in printed


def test_measures_want_relations_between_concepts(corpus, tmp_path, model):
    srsly.write_jsonl(tmp_path / "plain.jsonl", [{"text": "Nothing.", "mentions": [], "relations": []}])
    assert relext("convert", "jsonl", tmp_path / "plain.jsonl", tmp_path / "plain.spacy").exit_code == 0
    result = relext("evaluate", model, tmp_path / "plain.spacy", "--measure", "biored")
    assert result.exit_code == 1
    assert "a measure of relations between concepts" in " ".join(result.output.split())
    result = relext("evaluate", model, tmp_path / "plain.spacy", "--measure", "docred")
    assert "give both --measure docred and --train" in " ".join(result.output.split())
