"""The output of a run, and the files beside it: none of anybody else's is overwritten or deleted."""

import hashlib
import json
import os

import pyarrow.parquet
import pytest

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Work
from spacy_relext.extraction.storage import Output
from spacy_relext.formats.catalogue import WRITABLE, get_format
from spacy_relext.formats.files import sha256
from spacy_relext.formats.reading import Reading
from tests.extraction.toy import TEXTS, contents, fail, in_a_process, killed_before, skip, start


def test_outputs_that_cannot_be_put_in_their_place(runner, source, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"out: it is a folder\. Name a file \(jsonl\), or split it"):
        start(runner, source, tmp_path / "out")
    # An empty folder may become the output.
    assert start(runner, source, tmp_path / "out", format="brat")[0].documents == 12
    with pytest.raises(DataError, match=r"out: a new folder is to be written, and there is something already"):
        start(runner, source, tmp_path / "out", format="brat")
    with pytest.raises(RelextError, match=r"the format 'chemprot' is read, and not written\. One of: jsonl, "):
        Output(tmp_path / "new", "chemprot")
    with pytest.raises(RelextError, match="0 documents per file"):
        Output(tmp_path / "new", documents_per_file=0)
    assert start(runner, source, tmp_path / "one", documents_per_file=1)[0].documents == len(os.listdir(tmp_path / "one"))


@pytest.mark.parametrize("name", WRITABLE)
def test_every_format(runner, source, tmp_path, name):
    report, _ = start(runner, source, tmp_path / "out", format=name)
    assert (tmp_path / "out").is_dir() == Output(tmp_path / "out", name).is_folder
    if name == "pubtator":
        # Relations between mentions without concepts cannot be held: an error of each such document.
        assert (report.documents, report.relations, report.errors) == (4, 0, 11)
        return
    assert (report.documents, report.relations, report.errors) == (12, 8, 3)
    if get_format(name).reads:
        documents = list(get_format(name).read(tmp_path / "out", Reading(fail)))
        # Folders are read by name.
        assert sorted(d.id for d in documents) == sorted(f"d{i}" for i in range(15) if i % 4 != 3)
        assert sum(len(d.relations or ()) for d in documents) == 8
    if name == "brat":
        assert report.lost["sentences"] == 12


@pytest.mark.parametrize("name", [name for name in WRITABLE if not get_format(name).refuses])
def test_formats_that_refuse_no_document_are_written_once(runner, tmp_path, name, monkeypatch):
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"id": name, "text": f"{TEXTS[0]}\x01\r"}) + "\n" for name in ("", "=", "a\tb\n", "\x00")))
    written, real = [], Output.write
    monkeypatch.setattr(Output, "write", lambda self, lines, path: written.append(path) or real(self, lines, path))
    assert start(runner, source, tmp_path / "out", fail, format=name)[0].relations == 4
    assert len(written) == 1


def test_parts(runner, source, tmp_path):
    start(runner, source, tmp_path / "whole.jsonl")
    start(runner, source, tmp_path / "parts", documents_per_file=5)
    assert sorted(os.listdir(tmp_path / "parts")) == ["part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"]
    parts = contents(tmp_path / "parts")
    assert b"".join(parts[name] for name in sorted(parts)) == contents(tmp_path / "whole.jsonl")
    assert [len(parts[name].splitlines()) for name in sorted(parts)] == [5, 5, 2]


def test_what_parts_cannot_hold_is_summed_up(runner, source, tmp_path):
    whole, _ = start(runner, source, tmp_path / "whole.csv", format="csv")
    parts, _ = start(runner, source, tmp_path / "parts", format="csv", documents_per_file=3)
    assert parts.lost == whole.lost
    assert parts.lost["documents without relations"] == 4


def test_formulas_of_spreadsheets(runner, tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"id": "=1+1", "text": TEXTS[0]}) + "\n", encoding="utf8")
    for safe in (False, True):
        start(runner, source, tmp_path / f"{safe}.csv", format="csv", spreadsheet_safe=safe)
        assert (b"'=1+1" in contents(tmp_path / f"{safe}.csv")) == safe


@pytest.mark.parametrize("format", ["jsonl", "brat"])
def test_an_output_is_on_the_disk_before_it_is_in_its_place(runner, source, tmp_path, format, monkeypatch):
    synced, real = set(), os.fsync

    def noting(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    start(runner, source, tmp_path / "out", format=format)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()] if format == "brat" else [tmp_path / "out"]
    assert len(files) == (24 if format == "brat" else 1)
    assert synced.issuperset(path.stat().st_ino for path in files)


@pytest.mark.parametrize("content", [b"", b"mine", b"{}", b'{"asked": 1}', b"\xff"])
def test_files_of_the_names_that_we_use(runner, source, tmp_path, content):
    for name in ("out.done", "out.part", "out.done.part"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"out\.done: expected what this command keeps there for a moment, .*Move it away if it is yours"):
        start(runner, source, tmp_path / "out")
    (tmp_path / "out.done").unlink()
    (tmp_path / "out.work").write_bytes(content)
    with pytest.raises(DataError, match=r"out\.work: the unfinished run is kept in a folder of this name, and it is none\. Move it away"):
        start(runner, source, tmp_path / "out")
    (tmp_path / "out.work").unlink()
    start(runner, source, tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out", "out.done.part", "out.part"]
    assert (tmp_path / "out.part").read_bytes() == (tmp_path / "out.done.part").read_bytes() == content


def test_a_file_that_comes_while_the_run_is_on(runner, source, tmp_path):
    work = Work(Output(tmp_path / "out"), Inputs([str(source)]), runner, size=4)
    list(work.fill(skip))
    for name in ("out", "out.done"):
        (tmp_path / name).write_text("mine", encoding="utf8")
        with pytest.raises(DataError, match=rf"{name}: "):
            work.finish()
        assert (tmp_path / name).read_text(encoding="utf8") == "mine"
        (tmp_path / name).unlink()
    assert work.finish().documents == 12


def test_an_output_is_replaced_only_where_that_is_asked_for(runner, source, tmp_path):
    start(runner, source, tmp_path / "out")
    whole = contents(tmp_path / "out")
    (tmp_path / "out").write_bytes(whole.replace(b"Nothing", b"Corrected by hand"))
    with pytest.raises(DataError, match=r"/out: this file exists already\. Name another output, or replace it with `overwrite`"):
        start(runner, source, tmp_path / "out")
    assert b"Corrected by hand" in contents(tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out"]
    start(runner, source, tmp_path / "out", overwrite=True)
    assert contents(tmp_path / "out") == whole
    # An empty file is nothing to lose.
    (tmp_path / "empty").touch()
    start(runner, source, tmp_path / "empty")
    assert contents(tmp_path / "empty") == whole


def test_an_output_that_is_changed_before_all_is_tidied_up(runner, source, tmp_path):
    done, work = tmp_path / "out.done", tmp_path / "out.work"
    is_last = killed_before(lambda event, arguments: event == "os.remove" and arguments[0] == str(done) and not work.exists())
    assert in_a_process(lambda: start(runner, source, tmp_path / "out"), is_last)
    whole = contents(tmp_path / "out")
    (tmp_path / "out").write_bytes(whole + b"by hand\n")
    with pytest.raises(DataError, match=r"/out: it was finished, and was changed before all was tidied up.*`overwrite`"):
        start(runner, source, tmp_path / "out")
    assert contents(tmp_path / "out") == whole + b"by hand\n"
    assert start(runner, source, tmp_path / "out", overwrite=True)[0].documents == 12
    assert contents(tmp_path / "out") == whole
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out"]


def test_the_target_of_a_link_is_the_output(runner, source, tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "out").symlink_to("far/target.jsonl")
    start(runner, source, tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert os.listdir(tmp_path / "far") == ["target.jsonl"]
    assert len(contents(tmp_path / "out").splitlines()) == 12


def test_parquet_in_partitions_goes_on_after_a_stop(runner, tmp_path):
    """A folder is there as a whole or not at all, the same after a stop, and says what it was made with."""
    source = tmp_path / "in.jsonl"
    records = [{"id": f"d{i}", "text": TEXTS[i % 3], "meta": {"year": 2000 + i % 2}} for i in range(12)]
    records.append({"id": "bad", "text": TEXTS[0], "meta": {"year": [1]}})
    source.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    settings = {"format": "parquet", "partition_by": ("year", "label")}
    report, _ = start(runner, source, tmp_path / "out", **settings)
    assert (report.documents, report.relations, report.errors) == (12, 8, 1)
    assert report.lost == {"whole texts": 12}
    whole = contents(tmp_path / "out")
    years = {name.split("/")[1] for name in whole if name.startswith("relations")}
    assert years == {"year=2000", "year=2001"}
    work = Work(Output(tmp_path / "stopped", **settings), Inputs([str(source)]), runner, size=4)
    results = work.fill(skip)
    for _ in range(9):
        next(results)
    results.close()
    assert not (tmp_path / "stopped").exists()
    _, n_run = start(runner, source, tmp_path / "stopped", **settings)
    assert n_run == 5
    assert contents(tmp_path / "stopped") == whole
    table = pyarrow.parquet.read_table(tmp_path / "out" / "documents")
    made_with = json.loads(table.schema.metadata[b"spacy_relext"])
    nlp = runner.nlp
    assert made_with["pipeline"]["sha256"] == sha256(nlp.path)
    assert table["model_version"].to_pylist() == [nlp.meta["version"]] * 12
    list(Work(Output(tmp_path / "stopped2", **settings), Inputs([str(source)]), runner, size=4).fill(skip))
    with pytest.raises(RelextError, match=r"something else \(partitions: \['year', 'label'\] then, \['label'\] now\)"):
        start(runner, source, tmp_path / "stopped2", format="parquet", partition_by=("label",))
    with pytest.raises(RelextError, match="`partition_by` is for parquet, and the format is csv"):
        Output(tmp_path / "new", "csv", partition_by=("label",))
    with pytest.raises(RelextError, match="`documents_table` and `documents_per_file` both make a folder"):
        Output(tmp_path / "new", "parquet", 10, documents_table=True)


@pytest.mark.parametrize("format", ["csv", "brat"])
def test_manifest(runner, source, tmp_path, format):
    def run(**settings):
        work = Work(Output(tmp_path / "out", format), Inputs([str(source)]), runner, size=4, manifest=True, **settings)
        list(work.fill(skip))
        return work.finish()

    report = run()
    record = json.loads((tmp_path / "out.manifest.json").read_text(encoding="utf8"))
    assert record["counts"] == {"documents": 12, "relations": 8, "errors": 3, "lost": report.lost}
    files = contents(tmp_path / "out")
    files = {"out": files} if isinstance(files, bytes) else {f"out/{name}": raw for name, raw in files.items()}
    digests = {name: {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()} for name, raw in files.items()}
    assert record["outputs"] == digests
    assert record["settings"]["format of the output"] == format
    assert record["pipeline"]["sha256"] == sha256(runner.nlp.path)
    if format == "csv":
        (tmp_path / "out").unlink()
        with pytest.raises(DataError, match=r"out\.manifest\.json: this file exists already; the manifest is to be there"):
            run()
        run(overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out", "out.manifest.json"]


@pytest.mark.parametrize("moment", range(4))
def test_manifest_of_a_run_that_is_killed_at_its_end(runner, source, tmp_path, moment):
    """Killed before each change of the disk behind the output's move: the manifest is there when the command is given again."""
    path, seen = tmp_path / "out.jsonl", []

    def is_now(event, arguments):
        if event in ("os.rename", "os.remove", "os.rmdir") and path.exists():
            seen.append(event)
            return len(seen) > moment
        return False

    def run():
        work = Work(Output(path), Inputs([str(source)]), runner, size=4, manifest=True)
        list(work.fill(skip))
        work.finish()

    assert in_a_process(run, killed_before(is_now)) == 9
    run()
    record = json.loads((tmp_path / "out.jsonl.manifest.json").read_text(encoding="utf8"))
    assert record["outputs"]["out.jsonl"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl", "out.jsonl.manifest.json"]
