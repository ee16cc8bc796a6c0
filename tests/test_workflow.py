"""The demonstration from end to end on a slice of it: convert, train, evaluate, package, install, load by name, extract."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import srsly
from spacy import load
from spacy.tokens import DocBin
from spacy.util import load_config

from spacy_relext.quickstart.config import SMALL
from tests.cli.toy import TWO_STEPS, spacy_command
from tests.conftest import DEMO, ROOT

SMALL_RUN = {
    "--training.max_steps": "6",
    "--training.eval_frequency": "6",
    "--training.logger.progress_bar": "null",
    "--components.transformer.model.get_spans.max_tokens": "24",
}


def run(*arguments: object, cwd: Path) -> str:
    """Run a command and return what it printed; its errors are part of the failure."""
    result = subprocess.run([str(a) for a in arguments], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, f"{arguments}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, tiny_bert) -> Path:
    """A folder in which a pipeline was trained on a few documents of the demonstration corpus, with the demonstration's own config."""
    folder = tmp_path_factory.mktemp("workflow")
    lines = (DEMO / "train.jsonl").read_text(encoding="utf8").splitlines(keepends=True)
    (folder / "train.jsonl").write_text("".join(lines[:6]), encoding="utf8")
    (folder / "dev.jsonl").write_text("".join(lines[6:8]), encoding="utf8")
    for part in ("train", "dev"):
        spacy_command("relext", "convert", "jsonl", f"{part}.jsonl", f"{part}.spacy", cwd=folder)
    overrides = [text for pair in SMALL_RUN.items() for text in pair]
    spacy_command(
        "train", ROOT / "configs" / "demo.cfg", "--output", "training", "--paths.train", "train.spacy", "--paths.dev", "dev.spacy",
        "--paths.encoder", tiny_bert, *overrides, cwd=folder,
    )  # fmt: skip
    return folder


def test_evaluate_writes_figures_for_gold_and_predicted_mentions(workspace):
    spacy_command("relext", "evaluate", "training/model-last", "dev.spacy", "--output", "figures.json", cwd=workspace)
    figures = json.loads((workspace / "figures.json").read_text(encoding="utf8"))
    assert figures["documents"] == 2
    assert 0 <= figures["gold_mentions"]["rel_micro_f"] <= 1
    assert sum(label["support"] for label in figures["gold_mentions"]["rel_per_type"].values()) > 0


def test_plain_spacy_evaluate_gives_the_same_figure(workspace):
    spacy_command("evaluate", "training/model-last", "dev.spacy", "--output", "plain.json", cwd=workspace)
    spacy_command("relext", "evaluate", "training/model-last", "dev.spacy", "--own-sentences", "--output", "ours.json", cwd=workspace)
    plain = json.loads((workspace / "plain.json").read_text(encoding="utf8"))
    ours = json.loads((workspace / "ours.json").read_text(encoding="utf8"))
    assert plain["rel_micro_f"] == pytest.approx(ours["gold_mentions"]["rel_micro_f"])


DDI = (["brand", "drug"], ["mechanism", "advise", "effect", "int"])
CHEMPROT = (["CHEMICAL", "GENE"], ["CPR:3", "CPR:4", "CPR:5", "CPR:6"])
CORPORA = {
    "ddi": DDI,
    "ddi-joint": DDI,
    "ddi-shared": DDI,
    "ddi-per-pair": DDI,
    "chemprot": CHEMPROT,
    "chemprot-joint": CHEMPROT,
    "chemprot-per-pair": CHEMPROT,
    "aimed": (["protein", "protein"], ["interaction"] * 4),
    "aimed-per-pair": (["protein", "protein"], ["interaction"] * 4),
}


def train_on_corpus(config, folder, tiny_bert):
    """Two steps of training with a config on a small corpus of its types and labels, which is left in data.spacy."""
    (a, b), labels = CORPORA[config]
    documents = [
        {
            "id": f"D{i}",
            "text": "Aspirin increases warfarin levels. Avoid ketamine with warfarin.",
            "sentences": [[0, 34], [35, 64]],
            "mentions": [
                {"id": "T1", "start": 0, "end": 7, "type": a},
                {"id": "T2", "start": 18, "end": 26, "type": b},
                {"id": "T3", "start": 41, "end": 49, "type": a},
                {"id": "T4", "start": 55, "end": 63, "type": b},
            ],
            "relations": [{"head": "T1", "tail": "T2", "label": first}, {"head": "T3", "tail": "T4", "label": second}],
        }
        for i, (first, second) in enumerate([labels[:2], labels[2:]])
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf8")
    spacy_command("relext", "convert", "jsonl", "data.jsonl", "data.spacy", cwd=folder)
    overrides = list(TWO_STEPS)
    if config.endswith("-per-pair"):
        overrides += ["--components.relation_extractor.model.max_length", "64"]
    spacy_command(
        "train", ROOT / "configs" / f"{config}.cfg", "--output", "training", "--paths.train", "data.spacy", "--paths.dev", "data.spacy",
        "--paths.encoder", tiny_bert,
        "--components.relation_extractor.model.summary.@relext_summaries", "spacy-relext.mentions.v1", *overrides,
        cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize("config", CORPORA)
def test_configs_of_corpora(tmp_path, tiny_bert, config):
    train_on_corpus(config, tmp_path, tiny_bert)
    spacy_command("relext", "evaluate", "training/model-last", "data.spacy", "--output", "figures.json", cwd=tmp_path)
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))
    assert sum(label["support"] for label in figures["gold_mentions"]["rel_per_type"].values()) == 4
    assert figures["gold_mentions"]["rel_micro_candidate_recall"] == 1.0


def train_further(config, output, folder):
    spacy_command(
        "train", ROOT / "configs" / config, "--output", output, "--paths.train", "data.spacy", "--paths.dev", "data.spacy",
        "--paths.relations", "training/model-last", *TWO_STEPS, cwd=folder,
    )  # fmt: skip


def test_hard_sentences_in_a_second_step(tmp_path, tiny_bert):
    train_on_corpus("ddi", tmp_path, tiny_bert)
    train_further("ddi-hard.cfg", "hard", tmp_path)
    first, second = (load(tmp_path / folder / "model-last").get_pipe("relation_extractor") for folder in ("training", "hard"))
    # The settings are those of the first step, and the weights have moved on.
    assert (second.labels, second.threshold, second.cfg["rdrop_weight"]) == (first.labels, first.threshold, first.cfg["rdrop_weight"])
    assert second.model.to_bytes() != first.model.to_bytes()


def test_entity_recogniser_added_in_a_second_step_leaves_relations_alone(tmp_path, tiny_bert):
    train_on_corpus("ddi-shared", tmp_path, tiny_bert)
    train_further("add-ner.cfg", "both", tmp_path)
    first, second = (load(tmp_path / folder / "model-last") for folder in ("training", "both"))
    assert second.pipe_names == ["sentencizer", "transformer", "ner", "relation_extractor"]
    assert second.get_pipe("ner").labels == ("brand", "drug")
    predictions = []
    for nlp in (first, second):
        doc = next(DocBin().from_disk(tmp_path / "data.spacy").get_docs(nlp.vocab))
        for name in ("sentencizer", "transformer"):
            doc = nlp.get_pipe(name)(doc)
        predictions.extend(nlp.get_pipe("relation_extractor").predict([doc]))
    assert len(predictions[0].pairs) == 2
    assert (predictions[0].scores == predictions[1].scores).all()


CDR = """1|t|Aspirin relieves headache. Tea is fine.
1|a|Ketamine brings headache. The drug spares the liver.
1\t0\t7\tAspirin\tChemical\tC1
1\t17\t25\theadache\tDisease\tD1
1\t40\t48\tKetamine\tChemical\tC2
1\t56\t64\theadache\tDisease\tD1
1\t86\t91\tliver\tDisease\tD2
1\tCID\tC2\tD1
1\tCID\tC2\tD2
"""


def test_bc5cdr_config_is_scored_by_document(tmp_path, tiny_bert):
    (tmp_path / "data.txt").write_text(CDR, encoding="utf8")
    spacy_command("relext", "convert", "pubtator", "data.txt", "data.spacy", "--sentences", "sentencizer", cwd=tmp_path)
    spacy_command(
        "train", ROOT / "configs" / "bc5cdr.cfg", "--output", "training", "--paths.train", "data.spacy", "--paths.dev", "data.spacy",
        "--paths.encoder", tiny_bert, "--training.optimizer.learn_rate.total_steps", "2", "--variables.eval_frequency", "2",
        "--training.logger.progress_bar",
        "null", cwd=tmp_path,
    )  # fmt: skip
    spacy_command("relext", "evaluate", "training/model-last", "data.spacy", "--threshold", "0", "--output", "figures.json", cwd=tmp_path)
    scores = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))["gold_mentions"]
    # Every pair of a sentence is found at this threshold: (C1, D1), (C2, D1). The liver is in a sentence of its own.
    assert scores["doc_rel_per_type"] == {"CID": {"p": 0.5, "r": 0.5, "f": 0.5, "support": 2}}
    assert scores["doc_rel_micro_candidate_recall"] == 0.5


def test_packaged_wheel_installs_and_loads_by_name_in_a_clean_environment(workspace):
    # In a process of its own: spaCy leaves the files that it writes here to be closed by whoever collects them.
    run(
        sys.executable, "-m", "spacy", "package", "training/model-last", ".", "--name", "relext_slice", "--version", "0.0.1", "--build",
        "wheel", "--force", cwd=workspace,
    )  # fmt: skip
    wheel = next(workspace.glob("en_relext_slice-0.0.1/dist/*.whl"))
    meta = json.loads((workspace / "en_relext_slice-0.0.1" / "meta.json").read_text(encoding="utf8"))
    assert any(requirement.startswith("spacy-relext") for requirement in meta["requirements"])
    run(sys.executable, "-m", "venv", "--without-pip", "clean", cwd=workspace)
    python = workspace / "clean" / "bin" / "python"
    site = run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=workspace).strip()
    # What the wheel requires is there, and nothing else of this environment's.
    packages = run(sys.executable, "-c", "import site; print(site.getsitepackages()[0])", cwd=workspace).strip()
    (Path(site) / "requirements.pth").write_text(f"import site; site.addsitedir({packages!r})\n", encoding="utf8")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet", wheel, cwd=workspace)
    code = (
        "import spacy; nlp = spacy.load('en_relext_slice'); print(nlp.pipe_names, nlp('Aspirin raises warfarin.')._.relations is not None)"
    )
    assert "'relation_extractor'] True" in run(python, "-c", code, cwd=workspace.parent)


def test_extract_gives_every_document_back(workspace):
    spacy_command("relext", "extract", "training/model-last", DEMO / "new_texts.jsonl", "--output", "out.jsonl", "--table", cwd=workspace)
    given = [json.loads(line) for line in (DEMO / "new_texts.jsonl").read_text(encoding="utf8").splitlines()]
    written = [json.loads(line) for line in (workspace / "out.jsonl").read_text(encoding="utf8").splitlines()]
    assert [(d["id"], d["text"]) for d in written] == [(d["id"], d["text"]) for d in given]


PROJECTS = [ROOT, *sorted(path.parent for path in (ROOT / "projects").glob("*/project.yml")), ROOT / "research"]


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_project_file_names_only_what_exists(folder):
    text = (folder / "project.yml").read_text(encoding="utf8")
    for name, value in srsly.yaml_loads(text)["vars"].items():
        assert f"${{vars.{name}}}" in text, name
        text = text.replace(f"${{vars.{name}}}", str(value))
    project = srsly.yaml_loads(text)
    commands = {command["name"]: command for command in project["commands"]}
    for steps in project["workflows"].values():
        assert set(steps) <= set(commands)
    made = {output for command in commands.values() for output in command.get("outputs", [])}
    made |= {asset["dest"] for asset in project.get("assets", [])}
    for command in commands.values():
        # Run again, for another seed or a new release, they find what they made.
        assert all("--overwrite" in script for script in command["script"] if "relext convert" in script or "relext extract" in script)
        for dependency in command.get("deps", []):
            if not dependency.endswith("/config.cfg"):
                assert any(dependency.startswith(m) or m.startswith(dependency) for m in made) or (folder / dependency).exists(), dependency
        for script in command["script"]:
            # Another project's command, which is there.
            found = re.search(r"project run (\S+) (\S+)$", script)
            if found:
                other = srsly.read_yaml(folder / found[2] / "project.yml")
                assert found[1] in {command["name"] for command in other["commands"]}


def test_variables_of_ddi_are_those_of_its_config():
    """What is chosen for DDI stands in the config, in the workflow, and in what `init-config` takes for small encoders."""
    chosen = srsly.read_yaml(ROOT / "projects" / "ddi" / "project.yml")["vars"]
    whole = load_config(ROOT / "configs" / "ddi.cfg", interpolate=True)
    config = whole["variables"]
    assert (chosen["steps"], chosen["threshold"]) == (config["max_steps"], config["threshold"])
    assert chosen["summary"] == whole["components"]["relation_extractor"]["model"]["summary"]["@relext_summaries"]
    # Batches of an epoch of all training documents, and of 80 % of them.
    assert (chosen["steps"] / 170, chosen["develop_steps"] / 137) == (SMALL["single_pass"].epochs, SMALL["single_pass"].epochs)
