"""Trainings that are killed and go on end as those of `spacy train`, byte for byte; what is not the same training is refused."""

import io
import json
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from filelock import FileLock

import spacy_relext
from spacy_relext.errors import DataError, RelextError
from spacy_relext.training import training
from spacy_relext.training.loop import Loop
from tests.cli.toy import relext
from tests.conftest import ROOT
from tests.experiments.toy import SENTENCES, write_data
from tests.training.toy import (
    STEPS,
    KilledError,
    before_step,
    blinded,
    differences,
    kill,
    own_encoder,
    shared_transformer,
    train_by_spacy,
    train_here,
    train_with_kills,
    with_ner,
    write_ner,
    write_training,
)

STREAMED = {"replace_mentions": 0.7, "shuffle": True, "unit": "sentence"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A config, and what `spacy train` makes of it."""
    folder = tmp_path_factory.mktemp("training")
    write_training(
        folder, own_encoder(folder), optimizer={"@optimizers": "Adam.v1", "learn_rate": [0.01, 0.02, 0.005], "use_averages": True}
    )
    train_by_spacy(folder / "config.cfg", folder / "straight")
    return folder


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (own_encoder, {"max_epochs": 0, "accumulate_gradient": 2, "patience": 8}),
        (with_ner, {"max_epochs": -1, "reader": STREAMED}),
        (shared_transformer, {"max_epochs": 3, "frozen_components": ["ner"], "annotating_components": ["sentencizer", "ner"]}),
        (blinded, {"max_epochs": 0}),
    ],
    ids=["thinc's encoder", "streamed, with ner", "shared transformer, frozen ner", "blinded"],
)
def test_a_training_that_was_killed_ends_as_one_of_spacy(tmp_path, tiny_bert, make, settings):
    if "frozen_components" in settings:
        settings = {**settings, "sourced": write_ner(tmp_path / "ner")}
    config = write_training(tmp_path, make(tiny_bert), **settings)
    straight = train_by_spacy(config, tmp_path / "straight")
    made = train_with_kills(config, tmp_path / "killed", [1, 3, 4, 7])
    assert differences(straight, tmp_path / "killed") == []
    assert made.trained
    assert made.went_on_at == 6
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["model-best", "model-last", "training.json"]


def test_averages_and_a_list_of_learn_rates(workspace):
    made = train_with_kills(workspace / "config.cfg", workspace / "averages", [5])
    assert differences(workspace / "straight", workspace / "averages") == []
    assert (made.steps, made.went_on_at) == (STEPS, 4)
    assert made.seconds["wall"] > 0


def test_a_process_that_dies_while_it_writes_a_checkpoint(workspace):
    """What it leaves is the checkpoint before."""
    output = workspace / "died"
    script = f"""
import os, torch
import tests.conftest
from spacy_relext import train
real, written = torch.save, []
def save(content, file):
    # Components store weights by it, too.
    if getattr(file, "name", "").endswith("checkpoint.pt"):
        written.append(content)
    if len(written) == 3:
        file.write(b"half")
        file.flush()
        os._exit(9)
    real(content, file)
torch.save = save
train({str(workspace / "config.cfg")!r}, {str(output)!r}, checkpoint_steps=2)
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, encoding="utf8", timeout=900)
    assert result.returncode == 9, result.stderr
    assert len(list(output.glob(".relext-*"))) == 1
    result = relext("train", workspace / "config.cfg", "--output", output)
    assert result.exit_code == 0, result.output
    assert "Goes on after 4 updates" in result.output
    assert f"after {STEPS} updates" in " ".join(result.output.split())
    assert differences(workspace / "straight", output) == []
    assert sorted(path.name for path in output.iterdir()) == ["model-best", "model-last", "training.json"]
    result = relext("train", workspace / "config.cfg", "--output", output)
    assert "is finished: skipped. Train again: --overwrite" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), *((number, RelextError) for number in training.ENDING[1:])]
)
def test_a_signal_writes_a_checkpoint_and_ends_as_it_would(workspace, number, error):
    output, seen = workspace / f"signal-{number}", []
    before = signal.getsignal(number)
    if number != signal.SIGINT:
        signal.signal(number, lambda *args: seen.append(args[0]))
    try:
        with before_step(4, lambda: signal.raise_signal(number)), pytest.raises(error):
            train_here(workspace / "config.cfg", output, checkpoint_minutes=10, checkpoint_steps=None)
        assert seen == ([number] if number != signal.SIGINT else [])
    finally:
        signal.signal(number, before)
    made = train_here(workspace / "config.cfg", output)
    assert made.went_on_at == 5
    assert differences(workspace / "straight", output) == []


def test_a_second_signal_ends_it_at_once(workspace):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with before_step(4, twice), pytest.raises(KeyboardInterrupt):
        train_here(workspace / "config.cfg", workspace / "twice", checkpoint_steps=4)
    assert train_here(workspace / "config.cfg", workspace / "twice").went_on_at == 4


def test_a_pipeline_that_was_being_replaced_is_there_again(workspace, monkeypatch):
    """Killed between the old one and the new one."""
    output = workspace / "replaced"
    real = Loop._store

    def store(self, *, best):
        if self.position.step == 3:
            left = output / ".relext-left"
            left.mkdir()
            (output / "model-best").rename(left / "model-best-before")
            kill()
        real(self, best=best)

    monkeypatch.setattr(Loop, "_store", store)
    with pytest.raises(KilledError):
        train_here(workspace / "config.cfg", output)
    monkeypatch.setattr(Loop, "_store", real)
    with before_step(2, kill), pytest.raises(KilledError):
        train_here(workspace / "config.cfg", output)
    assert (output / "model-best" / "meta.json").is_file()
    assert not list(output.glob(".relext-*"))


@pytest.fixture
def begun(workspace, tmp_path):
    """A training that was killed, and its config."""
    config = tmp_path / "config.cfg"
    for part in ("train", "dev"):
        (tmp_path / f"{part}.spacy").write_bytes((workspace / f"{part}.spacy").read_bytes())
    config.write_text((workspace / "config.cfg").read_text(encoding="utf8").replace(str(workspace), str(tmp_path)), encoding="utf8")
    output = tmp_path / "begun"
    with before_step(3, kill), pytest.raises(KilledError):
        train_here(config, output)
    return config, output


def test_other_settings_data_or_versions_are_refused(begun, tmp_path, caplog):
    config, output = begun
    message = r"begun: it holds an unfinished training that is another one: training\.max_steps 9 then, 20 now\. Begin anew"
    with pytest.raises(DataError, match=message):
        train_here(config, output, overrides={"training.max_steps": 20})
    data = (tmp_path / "train.spacy").read_bytes()
    write_data(tmp_path / "train.spacy", *SENTENCES[1:])
    with pytest.raises(DataError, match=r'corpora\.train\.path "sha256:\w+" then, "sha256:\w+" now'):
        train_here(config, output)
    # The same data elsewhere is the same.
    (tmp_path / "train.spacy").unlink()
    (tmp_path / "moved.spacy").write_bytes(data)
    record = json.loads((output / "training.json").read_text(encoding="utf8"))
    elsewhere = {"corpora.train.path": str(tmp_path / "moved.spacy")}
    (output / "training.json").write_text(json.dumps({**record, "versions": {**record["versions"], "thinc": "7.0"}}), encoding="utf8")
    with pytest.raises(DataError, match=r'another one: thinc "7\.0" then, "8'):
        train_here(config, output, overrides=elsewhere)
    (output / "training.json").write_text(json.dumps({**record, "machine": {**record["machine"], "torch threads": 64}}), encoding="utf8")
    assert train_here(config, output, overrides=elsewhere).went_on_at == 2
    assert "the checkpoint is of another machine: torch threads 64 then, " in caplog.text
    with pytest.raises(DataError, match=r"it holds a training that is another one: training\.dropout 0\.2 then, 0\.3 now"):
        train_here(config, output, overrides={**elsewhere, "training.dropout": 0.3})
    assert not train_here(config, output, overrides=elsewhere).trained
    assert train_here(config, output, overrides={**elsewhere, "training.max_steps": 1}, overwrite=True).steps == 2


def test_checkpoints_that_cannot_be_read_or_written(begun, workspace, monkeypatch):
    config, output = begun

    real = torch.save

    def full(content, file):
        if getattr(file, "name", "").endswith("checkpoint.pt"):
            raise RuntimeError("PytorchStreamWriter failed writing file: No space left on device")
        real(content, file)

    whole = (output / "checkpoint.pt").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(DataError, match=r"checkpoint\.pt: the checkpoint cannot be written: .*No space left"):
            train_here(config, output)
    assert (output / "checkpoint.pt").read_bytes() == whole
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    other = io.BytesIO()
    torch.save({"position": {"step": 3}}, other)
    for broken in (b"", b"no checkpoint", b"hello world", whole[: len(whole) // 2], bytes(flipped), other.getvalue()):
        (output / "checkpoint.pt").write_bytes(broken)
        with pytest.raises(DataError, match=r"checkpoint\.pt: the checkpoint cannot be read \(\w+\)\. Begin anew"):
            train_here(config, output)
    (output / "checkpoint.pt").write_bytes(whole)
    record = json.loads((output / "training.json").read_text(encoding="utf8"))
    for broken in ("{", json.dumps({**record, "config": 3}), json.dumps({**record, "finished": {"steps": 3}})):
        (output / "training.json").write_text(broken, encoding="utf8")
        with pytest.raises(DataError, match=r"training\.json: this is no record of a training that can be read"):
            train_here(config, output)
    assert train_here(config, output, overwrite=True).went_on_at is None


def test_pipelines_of_another_training_are_kept_though_it_is_not_complete(begun):
    config, output = begun
    (output / "checkpoint.pt").unlink()
    with pytest.raises(DataError, match=r"it holds an unfinished training that is another one: training\.max_steps 9 then, 1 now"):
        train_here(config, output, overrides={"training.max_steps": 1})
    train_here(config, output)
    shutil.rmtree(output / "model-last")
    with pytest.raises(DataError, match=r"it holds a training that is another one: training\.max_steps 9 then, 1 now"):
        train_here(config, output, overrides={"training.max_steps": 1})
    assert (output / "model-best").exists()
    assert train_here(config, output).trained


def test_a_checkpoint_that_was_left_of_a_finished_training_goes(begun):
    config, output = begun
    left = (output / "checkpoint.pt").read_bytes()
    train_here(config, output)
    (output / "checkpoint.pt").write_bytes(left)
    assert not train_here(config, output).trained
    assert not (output / "checkpoint.pt").exists()


def test_a_folder_of_another_command_or_process(workspace, tmp_path):
    (tmp_path / "other" / "model-last").mkdir(parents=True)
    with pytest.raises(DataError, match="it holds pipelines that were trained by another command"):
        train_here(workspace / "config.cfg", tmp_path / "other")
    (tmp_path / "busy").mkdir()
    with FileLock(tmp_path / "busy" / "training.lock"), pytest.raises(RelextError, match="another process trains into"):
        train_here(workspace / "config.cfg", tmp_path / "busy")


def test_configs_and_intervals_that_cannot_be_used(workspace, tmp_path):
    with pytest.raises(DataError, match="there is no such config file"):
        train_here(tmp_path / "none.cfg", tmp_path / "made")
    with pytest.raises(DataError, match=r"(?s)config\.cfg: it is no config that can be trained: .*max_steps"):
        train_here(workspace / "config.cfg", tmp_path / "made", overrides={"training.max_steps": "many"})
    with pytest.raises(
        DataError, match=r"config\.cfg: \[training\] has no setting 'max_step', which would have no effect\. Is it max_steps\?"
    ):
        train_here(workspace / "config.cfg", tmp_path / "made", overrides={"training.max_step": 3})
    (tmp_path / "empty").mkdir()
    with pytest.raises(RelextError, match=r"empty has no config\.json, so it is no encoder"):
        train_here(ROOT / "configs" / "demo.cfg", tmp_path / "made", overrides={"paths.encoder": str(tmp_path / "empty")})
    # No folder is left of them; one that was there stays.
    assert not (tmp_path / "made").exists()
    (tmp_path / "made").mkdir()
    with pytest.raises(DataError, match="max_steps"):
        train_here(workspace / "config.cfg", tmp_path / "made", overrides={"training.max_steps": "many"})
    assert not list((tmp_path / "made").iterdir())
    with pytest.raises(RelextError, match="checkpoint_minutes is -1 and checkpoint_steps 2"):
        train_here(workspace / "config.cfg", tmp_path / "made", checkpoint_minutes=-1)


def test_code_is_imported_and_part_of_the_training(workspace, tmp_path):
    code = tmp_path / "mine.py"
    text = """
import spacy

@spacy.registry.callbacks("do_nothing")
def make():
    return lambda nlp, where: None
"""
    code.write_text(text, encoding="utf8")
    config = tmp_path / "config.cfg"
    settings = (workspace / "config.cfg").read_text(encoding="utf8").replace("before_update = null\n", "")
    config.write_text(f'{settings}\n[training.before_update]\n@callbacks = "do_nothing"\n', encoding="utf8")
    assert train_here(config, tmp_path / "made", code=code, overrides={"training.max_steps": 1}).steps == 2
    code.write_text(text + "\n", encoding="utf8")
    with pytest.raises(DataError, match='code "sha256:'):
        train_here(config, tmp_path / "made", code=code, overrides={"training.max_steps": 1})


def test_it_is_public():
    assert spacy_relext.train is training.train
