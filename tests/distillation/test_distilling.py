"""`relext distill`: teachers label documents, and a config is trained on what they say; a run that is stopped goes on."""

import json
import shutil
import signal

import pytest
import spacy
from filelock import FileLock
from spacy.tokens import DocBin

from spacy_relext import Distillation, distill
from spacy_relext.distillation import distilling
from spacy_relext.errors import DataError, RelextError
from spacy_relext.relations import has_relations, set_annotated_labels
from spacy_relext.taught import get_taught
from tests.distillation.toy import decisions, read_all, write_all, write_bare
from tests.experiments.toy import CONFIG, relext, write_config, write_data
from tests.training.toy import before_step


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, model):
    """Config, data, and a student that was made of them without annotation."""
    folder = write_all(tmp_path_factory.mktemp("distill"))
    write_bare(folder / "bare.spacy", folder / "train.spacy")
    result = relext("distill", *command(folder, model), "--training.max_steps", "60")
    assert result.exit_code == 0, result.output
    (folder / "output.txt").write_text(result.output, encoding="utf8")
    return folder


def command(folder, model, output="student", *, train="bare.spacy"):
    more = ["--unlabelled", folder / "more.spacy", "--dev", folder / "dev.spacy", "--output", folder / output]
    return [model, folder / "toy.cfg", folder / train, *more]


def arguments(folder, model, **changed):
    given = {"teachers": [model], "config": folder / "toy.cfg", "train": folder / "train.spacy", "output": folder / "made"}
    return {**given, "unlabelled": [folder / "more.spacy"], "dev": folder / "dev.spacy", **changed}


def refused(folder, model, message, error=RelextError, **changed):
    with pytest.raises(error, match=message):
        distill(**arguments(folder, model, **changed))
    assert not (folder / "made" / "train").exists()


def test_without_labels_it_learns_the_decisions_of_the_teacher(workspace, model):
    teacher, student = spacy.load(model), spacy.load(workspace / "student" / "model-last")
    docs = read_all(workspace / "bare.spacy", workspace / "more.spacy")
    expected = decisions(teacher, docs)
    assert sum(map(len, expected)) == 7
    assert decisions(student, docs) == expected
    assert student.pipe_names == ["sentencizer", "relation_extractor"]
    assert student.get_pipe("relation_extractor").labels == ("ADVISE", "MECHANISM")


def test_what_is_in_the_folder(workspace):
    student = workspace / "student"
    assert sorted(path.name for path in student.iterdir()) == ["distillation.json", "model-best", "model-last", "train", "training.json"]
    assert sorted(path.name for path in (student / "train").iterdir()) == ["annotated-0000.spacy", "unlabelled-0000.spacy"]
    docs = read_all(*sorted((student / "train").iterdir()))
    assert [len(get_taught(doc).pairs) for doc in docs] == [2] * 8
    assert not any(has_relations(doc) for doc in docs)
    record = json.loads((student / "distillation.json").read_text(encoding="utf8"))
    assert record["files"]["unlabelled-0000.spacy"] == {
        "unlabelled documents": 3,
        "unlabelled documents whose annotation was not used": 3,
        "candidate pairs of which teachers say something": 6,
    }
    output = " ".join((workspace / "output.txt").read_text(encoding="utf8").split())
    assert "16 candidate pairs of which teachers say something" in output
    assert "Next: python -m spacy relext threshold" in output


def test_what_is_finished_is_not_done_again(workspace, model, monkeypatch):
    monkeypatch.setattr(distilling, "train_into", lambda *args, **kwargs: pytest.fail("trained again"))
    monkeypatch.setattr(distilling, "ask", lambda *args: pytest.fail("asked again"))
    result = relext("distill", *command(workspace, model), "--training.max_steps", "60")
    assert result.exit_code == 0, result.output
    assert "student is finished: skipped" in " ".join(result.output.split())
    result = relext("distill", *command(workspace, model), "--training.max_steps", "61")
    assert result.exit_code == 1
    assert (
        "trained with another config, other code or other development data. Train again, on the same labelled documents, with --overwrite"
        in " ".join(result.output.split())
    )
    result = relext("distill", *command(workspace, model, train="train.spacy"))
    assert result.exit_code == 1
    assert "the folder holds another distillation; not the same are: data." in " ".join(result.output.split())


def test_a_stopped_run_goes_on_with_the_files_that_are_missing(workspace, model, monkeypatch):
    """With both annotation and teachers, in Python, and trained again with other settings."""
    trained, asked = [], []
    inner = distilling.ask
    monkeypatch.setattr(distilling, "ask", lambda teachers, docs: asked.append(len(docs)) or inner(teachers, docs))

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(distilling, "train_into", stop)
    given = arguments(workspace, model, output=workspace / "stopped")
    with pytest.raises(KeyboardInterrupt):
        distill(**given)
    (workspace / "stopped" / "train" / "unlabelled-0000.spacy").unlink()
    monkeypatch.setattr(distilling, "train_into", lambda folder, config, overrides, **kwargs: trained.append(overrides))
    labelled = distill(**given, label_only=True)
    assert (labelled.trained, trained, asked) == (False, [], [5, 3, 3])
    made = distill(**given, overrides={"training.max_steps": 5})
    assert asked == [5, 3, 3]
    place = str(workspace / "stopped" / "train")
    assert trained == [{"training.max_steps": 5, "paths.train": place, "paths.dev": str(workspace / "dev.spacy")}]
    assert isinstance(made, Distillation)
    assert made.trained
    assert made.counts["documents"] == 5
    assert sum(has_relations(doc) for doc in read_all(*sorted(made.corpus.iterdir()))) == 5
    made.model_last.mkdir()
    assert not distill(**given, overrides={"training.max_steps": 5}).trained
    assert distill(**given, overwrite=True).trained
    assert asked == [5, 3, 3]
    with FileLock(workspace / "stopped.lock"), pytest.raises(RelextError, match="another process distils into"):
        distill(**given)


def test_a_training_that_was_stopped_goes_on_there(workspace, model, monkeypatch):
    given = arguments(workspace, model, output=workspace / "half", overrides={"training.max_steps": 12})
    with before_step(7, lambda: signal.raise_signal(signal.SIGINT)), pytest.raises(KeyboardInterrupt):
        distill(**given)
    other = {**given, "overrides": {"training.max_steps": 13}}
    with pytest.raises(DataError, match=r"an unfinished training that is another one: training\.max_steps 12 then, 13 now"):
        distill(**other)
    with before_step(0, lambda: pytest.fail("trained from the beginning")):
        assert distill(**given).trained
    assert json.loads((workspace / "half" / "training.json").read_text(encoding="utf8"))["finished"]["steps"] == 13


def test_data_that_teaches_nothing_or_too_much_is_refused(workspace, model, tmp_path):
    text = tmp_path / "texts.txt"
    text.write_text("Aspirin.", encoding="utf8")
    refused(workspace, model, r"texts\.txt: expected a \.spacy file, of documents with mentions", DataError, unlabelled=[text])
    refused(workspace, model, "there is no such .spacy file", DataError, unlabelled=[tmp_path / "none.spacy"])
    nlp = spacy.blank("en")
    DocBin(docs=[nlp("Aspirin raises warfarin.")], store_user_data=True).to_disk(tmp_path / "no-mentions.spacy")
    refused(workspace, model, r"no document has two mentions \(doc\.ents\)", DataError, unlabelled=[tmp_path / "no-mentions.spacy"])
    refused(workspace, model, "it is the same file as", DataError, unlabelled=[workspace / "train.spacy"])
    long = [("Aspirin increases warfarin levels in all of them.", [])]
    write_data(tmp_path / "dev.spacy", *long)
    write_data(tmp_path / "more.spacy", *long, ("Quinine did not alter digoxin.", []))
    leak = {"dev": tmp_path / "dev.spacy", "unlabelled": [tmp_path / "more.spacy"]}
    refused(workspace, model, "1 document of the development data is among the unlabelled ones", DataError, **leak)
    write_data(tmp_path / "other.spacy", ("Aspirin increases warfarin levels.", [(0, 1, "EFFECT")]))
    foreign = tmp_path / "other.spacy"
    refused(workspace, model, "relations have the label 'EFFECT', and the teachers know ADVISE, MECHANISM alone", DataError, train=foreign)
    # As `convert` writes it: with the labels of the corpus.
    [doc] = read_all(foreign)
    set_annotated_labels(doc, ["ADVISE", "EFFECT"])
    DocBin(docs=[doc], store_user_data=True).to_disk(foreign)
    message = r"annotated for ADVISE, EFFECT, and the teachers know ADVISE, MECHANISM: only one side has EFFECT, MECHANISM, and nothing"
    refused(workspace, model, message, DataError, train=foreign)


def test_documents_that_teach_twice_are_told_of(workspace, model, tmp_path, caplog):
    long = ("Aspirin increases warfarin levels in all of them.", [(0, 1, "MECHANISM")])
    write_data(tmp_path / "train.spacy", long, ("Avoid quinine with digoxin in all such cases.", [(0, 1, "ADVISE")]))
    write_data(tmp_path / "more.spacy", long)
    distill(
        **arguments(
            workspace,
            model,
            train=tmp_path / "train.spacy",
            unlabelled=[tmp_path / "more.spacy"],
            output=tmp_path / "made",
            label_only=True,
        )
    )
    assert "1 document of the training data is among the unlabelled ones as well, and teaches twice" in caplog.text


def test_code_that_the_config_needs(workspace, model, tmp_path):
    code = tmp_path / "mine.py"
    code.write_text(
        """
import spacy

@spacy.registry.callbacks("distilling.nothing")
def make():
    return lambda nlp, where: None
""",
        encoding="utf8",
    )
    settings = CONFIG.replace("before_update = null\n", "") + '\n[training.before_update]\n@callbacks = "distilling.nothing"\n'
    config = write_config(tmp_path, settings)
    output = tmp_path / "made"
    options = ["--dev", workspace / "dev.spacy", "--output", output, "--code", code]
    result = relext("distill", model, config, workspace / "train.spacy", *options, "--training.max_steps", "1")
    assert result.exit_code == 0, result.output
    assert (output / "model-last").is_dir()
    code.write_text(code.read_text(encoding="utf8") + "\n", encoding="utf8")
    with pytest.raises(DataError, match="with another config, other code or other development data"):
        distill(
            [model], config, workspace / "train.spacy", output, dev=workspace / "dev.spacy", code=code, overrides={"training.max_steps": 1}
        )


def test_configs_and_folders_that_cannot_be_used(workspace, model, tmp_path):
    refused(workspace, model, "paths.train and --paths.dev are set by the data", overrides={"paths.train": "x"})
    refused(workspace, model, "there is no development data, which training needs", dev=None)
    refused(workspace, model, "there is no such config file", DataError, config=tmp_path / "none.cfg")
    own = write_config(tmp_path, CONFIG.replace("path = ${paths.train}", 'path = "mine.spacy"'))
    refused(workspace, model, "the train corpus does not read", DataError, config=own)
    without = CONFIG.replace('"sentencizer","relation_extractor"', '"sentencizer"').split("[components.relation_extractor]")
    config = write_config(tmp_path, without[0] + "[corpora]" + without[1].split("[corpora]")[1])
    refused(workspace, model, "no component with the factory 'relation_extractor'; it has sentencizer", DataError, config=config)
    refused(workspace, model, "there is no teacher", teachers=[])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf8")
    refused(workspace, model, r"no folder of a distillation: it has no distillation\.json", DataError, output=tmp_path / "mine")
    shutil.copytree(workspace / "student", tmp_path / "broken", ignore=lambda *_: ["train", "model-best", "model-last"])
    (tmp_path / "broken" / "distillation.json").write_text("{", encoding="utf8")
    refused(workspace, model, "this is no record that can be read", DataError, output=tmp_path / "broken")


def test_arguments_of_the_command(workspace, model):
    result = relext("distill", model, workspace / "toy.cfg", "--output", workspace / "made")
    assert result.exit_code == 1
    assert "expected TEACHER, CONFIG and TRAIN" in " ".join(result.output.split())
    result = relext("distill", *command(workspace, model, "made"), "--max_steps", "3")
    assert result.exit_code == 1
    assert "Settings of the config are given with their section" in " ".join(result.output.split())
