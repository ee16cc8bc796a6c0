"""Which settings are files and folders that are read."""

from spacy_relext.configs import read_config
from spacy_relext.formats.files import sha256
from spacy_relext.training.record import Record, new_record

CONFIG = """
[paths]
train = "train.spacy"

[corpora]

[corpora.train]
path = ${paths.train}
delimiter = "."
kind = "encoder"

[components]

[components.words]
factory = "words"

[components.words.model]
name = "encoder"
width = 32

[training]
train_corpus = "words"
patience = 3
"""


def test_files_and_folders_are_known_by_what_they_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "encoder").mkdir()
    for name in ("encoder/weights", "train.spacy", "words"):
        (tmp_path / name).write_text(name, encoding="utf8")
    (tmp_path / "config.cfg").write_text(CONFIG, encoding="utf8")
    record = new_record(read_config(tmp_path / "config.cfg", {"training.patience": 4}), gpu_id=-1, code=None)
    assert record.config == {
        "corpora.train.path": "sha256:" + sha256(tmp_path / "train.spacy"),
        "corpora.train.delimiter": ".",
        "corpora.train.kind": "encoder",
        "components.words.factory": "words",
        "components.words.model.name": "sha256:" + sha256(tmp_path / "encoder"),
        "components.words.model.width": 32,
        "training.train_corpus": "words",
        "training.patience": 4,
    }
    before = sha256(tmp_path / "encoder")
    (tmp_path / "encoder" / "weights").rename(tmp_path / "encoder" / "other")
    assert sha256(tmp_path / "encoder") != before


def test_many_differences_are_counted():
    one, other = (Record({f"training.{i}": i + n for i in range(8)}, {}, {}) for n in (0, 1))
    told = one.differences(other)
    assert told[0] == "training.0 1 then, 0 now"
    assert told[-1] == "3 more"
    assert Record({"a": 1}, {}, {}).differences(Record({}, {}, {})) == ["a not set then, 1 now"]
