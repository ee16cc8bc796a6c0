"""docs/how-to/several.md: its config trains, and the commands work on what it trains."""

import json
import re

import spacy

from spacy_relext.relations import annotated_labels
from tests.cli.toy import relext, spacy_command
from tests.conftest import ROOT
from tests.research.toy import research

PAGE = (ROOT / "docs" / "how-to" / "several.md").read_text(encoding="utf8")
DDI, CHEMPROT = "advise,effect,int,mechanism", "CPR:3,CPR:4,CPR:5,CPR:6,CPR:9"
STEPS = ("--training.max_steps", "2", "--training.eval_frequency", "2", "--training.max_epochs", "0")


def write_corpus(path, label, types, n=4):
    drugs = ("aspirin", "warfarin", "ketamine", "quinine")
    with path.open("w", encoding="utf8") as file:
        for i, (head, tail) in enumerate(zip(drugs[:n], (*drugs[1:], drugs[0]), strict=False)):
            text = f"{head} increases {tail}."
            spans = ((0, len(head)), (len(text) - 1 - len(tail), len(text) - 1))
            mentions = [
                {"id": f"T{j}", "start": a, "end": b, "type": kind} for j, ((a, b), kind) in enumerate(zip(spans, types, strict=True))
            ]
            relations = [{"head": "T0", "tail": "T1", "label": label}] if i % 2 == 0 else []
            record = {"id": f"{label}-{i}", "text": text, "sentences": [[0, len(text)]], "mentions": mentions, "relations": relations}
            file.write(json.dumps(record) + "\n")


def test_the_config_of_the_page(tmp_path, tiny_bert, caplog):
    config = re.search(r"```ini\n(.*?)```", PAGE, flags=re.DOTALL)[1]
    (tmp_path / "two.cfg").write_text(config, encoding="utf8")
    for name, label, types, labels in (("ddi", "effect", ("drug", "drug"), DDI), ("chemprot", "CPR:3", ("CHEMICAL", "GENE"), CHEMPROT)):
        write_corpus(tmp_path / f"{name}.jsonl", label, types)
        for part in ("train", "dev"):
            output = tmp_path / "corpus" / part / f"{name}.spacy"
            result = relext("convert", "jsonl", tmp_path / f"{name}.jsonl", output, "--labels", labels)
            assert result.exit_code == 0, result.output
    spacy_command("train", "two.cfg", "--paths.encoder", tiny_bert, "--output", "out", *STEPS, cwd=tmp_path)
    assert "4 of 8 documents are not learned from" in caplog.text
    assert "alone, and are learned from" not in caplog.text
    model = tmp_path / "out" / "model-last"
    spacy_command("evaluate", model, "corpus/dev", "--output", "figures.json", cwd=tmp_path)
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf8"))
    assert figures["ddi_unknown_labels"] == figures["chemprot_unknown_labels"] == 0
    assert "ddi_micro_f" in figures
    result = relext("evaluate", model, tmp_path / "corpus" / "dev")
    assert result.exit_code == 1
    assert re.search(r"ddi, chemprot.*--component", " ".join(result.output.split()))
    output = tmp_path / "chemprot.json"
    assert relext("evaluate", model, tmp_path / "corpus" / "dev", "--component", "chemprot", "-o", output).exit_code == 0
    figures = json.loads(output.read_text(encoding="utf8"))
    assert figures["component"] == "chemprot"
    assert sum(label["support"] for label in figures["gold_mentions"]["rel_per_type"].values()) == 2
    assert figures["gold_mentions"]["rel_unknown_labels"] == 0
    # The other commands.
    check = ("debug-data", tmp_path / "corpus" / "train", "--config", tmp_path / "two.cfg", "--paths.encoder", tiny_bert)
    result = relext(*check)
    assert result.exit_code == 1
    assert "--component" in result.output
    result = relext(*check, "--component", "ddi")
    assert "unlisted-labels" not in result.output
    data = ("--train", tmp_path / "corpus" / "train", "--dev", tmp_path / "corpus" / "dev", "--test", tmp_path / "ddi.spacy")
    result = research("experiment", tmp_path / "two.cfg", *data, "--output", tmp_path / "run.json")
    assert result.exit_code == 1
    assert "several relation extractors: ddi, chemprot" in " ".join(result.output.split())
    assert annotated_labels(spacy.load(model)("aspirin")) is None
