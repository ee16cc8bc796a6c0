"""A run that is killed at any moment and goes on where it was: what is finished is kept beside the output until all of it is.

    relations.xml.work/
        manifest.json           what was asked for, without which the folder holds nothing of worth
        part-00000.jsonl …      the finished shards, in the order of the documents
        result/relations.xml    the output, made of all shards
    relations.xml.done          what was asked for, and the first lines of all shards: the output is moved to its place, the folder deleted

A shard is `size` documents of the input, and what was wrong among and before them. Its first line says how many these are, and the checksum
of the documents as they were read; then comes each document that could be run, in our JSONL (`shards.py`). Every file is written under
another name and renamed, so that it is there as a whole or not at all; the manifest is the first, and relations.xml.done the last to go.
An output that is there is replaced only where that is asked for.

A run that is started again reads its input again, from the beginning, and passes over the documents of finished shards without running
them. They must be the same.
"""

import hashlib
import json
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spacy.language import Language
from spacy.util import minibatch

from spacy_relext import __version__
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.running import Processes, Result, Runner, run
from spacy_relext.extraction.shards import RESULT, Shards, checksum, read_json, remove
from spacy_relext.formats import jsonl
from spacy_relext.formats.catalogue import writable
from spacy_relext.formats.files import TEMPORARY, put_in_place, target_of, whole_file
from spacy_relext.formats.reading import OnError
from spacy_relext.formats.types import Document

# What is in relations.xml.done.
DONE = {"asked", "headers", "lost", "output"}


@dataclass(frozen=True)
class Output:
    """What is written: a file or, in some formats or where it is split, a folder.

    format: Of the catalogue. documents_per_file: The output is a folder with files of so many documents. spreadsheet_safe: See `delimited`.
    """

    path: Path
    format: str = "jsonl"
    documents_per_file: int | None = None
    spreadsheet_safe: bool = False

    def __post_init__(self) -> None:
        if self.documents_per_file is not None and self.documents_per_file < 1:
            raise RelextError(f"{self.documents_per_file} documents per file; expected one at least.")
        writable(self.format)
        if self.spreadsheet_safe and self.format != "csv":
            raise RelextError(f"--spreadsheet-safe is for csv, and the format is {self.format}. Leave it out.")

    @property
    def suffix(self) -> str:
        """Of the files of the format; empty where it writes folders."""
        return writable(self.format).suffix

    @property
    def is_stream(self) -> bool:
        """Whether it is a device, a pipe or an open file, which is written through when all is made."""
        return target_of(self.path).is_stream

    @property
    def is_folder(self) -> bool:
        """Whether a folder is written."""
        return self.documents_per_file is not None or not self.suffix

    def write(self, lines: Iterable[str], path: Path) -> Counter[str]:
        """Write documents, given as lines of our JSONL, as a file or folder. RETURNS: What the format cannot hold."""
        if self.format == "jsonl":
            with whole_file(path) as file:
                file.writelines(lines)
            return Counter()
        settings = {"spreadsheet_safe": True} if self.spreadsheet_safe else {}
        documents = (jsonl.parse(line, None, number) for number, line in enumerate(lines, start=1))
        return writable(self.format).write(documents, path, **settings)

    def write_all(self, lines: Iterable[str], path: Path) -> Counter[str]:
        """The same, in files of `documents_per_file` documents."""
        if self.documents_per_file is None:
            return self.write(lines, path)
        lost: Counter[str] = Counter()
        path.mkdir()
        for number, part in enumerate(minibatch(lines, size=self.documents_per_file)):
            lost += self.write(part, path / f"part-{number:05}{self.suffix}")
        return lost


@dataclass
class Report:
    """What came of a run: documents and relations that were written, errors that were skipped, and what the format cannot hold."""

    documents: int = 0
    relations: int = 0
    errors: int = 0
    lost: dict[str, int] = field(default_factory=dict)


@dataclass
class Shard:
    """Some consecutive documents of the input, and what was wrong."""

    number: int
    documents: list[Document] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """A checksum of the documents as they were read, of all that a result depends on."""
        digest = hashlib.sha256()
        for d in self.documents:
            read = (d.id, d.text, d.mentions, d.mentions_given, d.sentences, d.concept_relations, d.relations)
            digest.update(repr(read).encode("utf8"))
        return digest.hexdigest()


class Work:
    """The folder of an unfinished run, and what is needed to go on with it.

    size: Documents a shard. overwrite: A file in the place of the output may be replaced.
    RAISES: RelextError where the folder holds a run of other settings, or the output cannot be put in its place.
    """

    def __init__(self, output: Output, inputs: Inputs, runner: Runner, *, size: int = 256, overwrite: bool = False):
        self.output, self.inputs, self.runner, self.size, self.overwrite = output, inputs, runner, size, overwrite
        self.place = target_of(output.path).path
        self.folder = Path(f"{self.place}.work")
        self.made = self.folder / RESULT / output.path.name
        self.done = Path(f"{self.place}.done")
        self.shards = Shards(self.folder, self._asked())
        # Whether nothing is left but to delete what is not the output.
        self.is_moved = self._is_moved()
        if self.is_moved:
            self.shards.check_ours()
            done = self._read_done()
            self._check_asked(done["asked"])
            self.headers = done["headers"]
        else:
            self._check_output()
            before = self.shards.begin()
            if before is not None:
                self._check_asked(before)
            self.headers = self.shards.headers()

    def _is_moved(self) -> bool:
        """Whether the output is in its place. RAISES: DataError where it was changed there, and is not to be overwritten."""
        if not os.path.lexists(self.done):
            return False
        done = self._read_done()
        if self.made.exists() or not self.place.exists():
            return False
        if checksum(self.place) == done["output"]:
            return True
        if not self.overwrite:
            raise DataError(
                f"it was finished, and was changed before all was tidied up. Keep it by deleting {self.done} and {self.folder}, or make it "
                "anew with --overwrite.",
                path=self.output.path,
            )
        return False

    def _read_done(self) -> dict[str, Any]:
        return read_json(
            self.done, DONE, "what this command keeps there for a moment", "Move it away if it is yours, or name another output."
        )

    def _check_output(self) -> None:
        path, is_folder = self.output.path, self.output.is_folder
        if self.place.is_dir() and not is_folder:
            raise DataError(f"it is a folder. Name a file ({self.output.format}), or split it with --documents-per-file.", path=path)
        if is_folder and self.place.exists() and (self.place.is_file() or any(self.place.iterdir())):
            raise DataError("a new folder is to be written, and there is something already. Name another one.", path=path)
        if not is_folder and self.place.exists() and self.place.stat().st_size and not self.overwrite:
            raise DataError("this file exists already. Name another output, or replace it with --overwrite.", path=path)

    def _asked(self) -> dict[str, Any]:
        """What the results depend on, but for the documents. Batches and processes change the last of the digits at the most."""
        nlp, settings = self.runner.nlp, self.runner.settings
        first, *others = self.runner.extractors

        def of_each(setting: str) -> Any:
            return {pipe.name: pipe.cfg[setting] for pipe in (first, *others)} if others else first.cfg[setting]

        return {
            "pipeline": f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}",
            "checksum of the pipeline": _checksum(nlp),
            "version of spacy-relext": __version__,
            "threshold": of_each("threshold"),
            "labels": sorted(settings.labels) if settings.labels is not None else None,
            "all scores": settings.keep_all_scores,
            "pairs of a document": of_each("max_pairs"),
            "relations of the input": settings.keep_relations,
            "format of the input": self.inputs.format,
            "options": {name: _as_json(getattr(self.inputs.options, name)) for name in sorted(self.inputs.options.given)},
            "documents per shard": self.size,
            "format of the output": self.output.format,
            "documents per file": self.output.documents_per_file,
            "safe for spreadsheets": self.output.spreadsheet_safe,
        }

    def _check_asked(self, before: dict[str, Any]) -> None:
        now = self._asked()
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        if names:
            differences = ", ".join(f"{name}: {before.get(name)!r:.80} then, {now.get(name)!r:.80} now" for name in names)
            raise self._error(f"this unfinished run was asked for something else ({differences}). Ask for the same")

    def _error(self, message: str) -> DataError:
        return DataError(f"{message}, or delete it to begin anew.", path=self.done if self.is_moved else self.folder)

    @property
    def n_read(self) -> int:
        """How many documents of the input are in finished shards."""
        return sum(header["read"] for header in self.headers)

    def fill(self, on_error: OnError, *, processes: Processes | None = None) -> Iterator[Result]:
        """Run the documents that are in no finished shard, and keep them, shard by shard.

        on_error: Is given what is wrong with a document, in the input, the pipeline or the output's format, and may raise it.
        processes: Where they are run; None: here.
        YIELDS: each result, in the order of the documents.
        """
        finished = len(self.headers)
        planned: deque[Shard] = deque()

        def batches() -> Iterator[list[Document]]:
            n_shards = 0
            for n_shards, shard in enumerate(self._read_shards(on_error), start=1):
                if n_shards > finished and not self.is_moved:
                    planned.append(shard)
                    yield from minibatch(shard.documents, size=self.runner.settings.batch_size)
                elif n_shards > finished or shard.digest != self.headers[shard.number]["digest"]:
                    raise self._changed(shard.number)
            if n_shards < finished:
                raise self._changed(n_shards)

        lines: list[str] = []
        n_run = n_relations = 0
        for results in run(self.runner, batches(), processes):
            shard = planned[0]
            for document, result in zip(shard.documents[n_run:], results, strict=False):
                error = result if isinstance(result, DataError) else self._refusal(result, document)
                if error is not None:
                    on_error(error)
                    shard.errors.append(str(error))
                elif not isinstance(result, DataError):
                    lines.append(jsonl.line_of(result))
                    n_relations += len(result["relations"])
                yield result
            n_run += len(results)
            if n_run == len(shard.documents):
                self._add(planned.popleft(), lines, n_relations)
                lines, n_run, n_relations = [], 0, 0
        for shard in planned:  # errors at the end of the input, after the last document
            self._add(shard, [], 0)

    def _read_shards(self, on_error: OnError) -> Iterator[Shard]:
        """The shards of the input. What is wrong in finished ones was told when they were made."""
        finished = len(self.headers)

        def note(error: DataError) -> None:
            if shard.number >= finished:
                on_error(error)
            shard.errors.append(str(error))

        documents = self.runner.accepted(self.inputs.read(note), note)
        for number in count():
            shard = Shard(number)
            shard.documents = list(islice(documents, self.size))
            if not shard.documents and not shard.errors:
                return
            yield shard

    def _refusal(self, record: dict[str, Any], document: Document) -> DataError | None:
        """What the format of the output has against a document: better known now than after the last one."""
        if self.output.format != "jsonl":
            with TemporaryDirectory(dir=self.folder, prefix=TEMPORARY) as folder:
                try:
                    self.output.write([jsonl.line_of(record)], Path(folder) / self.output.path.name)
                except RelextError as error:
                    message = error.message if isinstance(error, DataError) else str(error)
                    return DataError(f"{self.output.format} cannot hold it: {message}", path=document.source, line=document.line)
        return None

    def _add(self, shard: Shard, lines: list[str], n_relations: int) -> None:
        header = {
            "read": len(shard.documents),
            "documents": len(lines),
            "relations": n_relations,
            "errors": shard.errors,
            "digest": shard.digest,
        }
        self.headers.append(self.shards.add(shard.number, header, lines))

    def _changed(self, number: int) -> DataError:
        first = sum(header["read"] for header in self.headers[:number]) + 1
        return self._error(
            f"from document {first:,} on, the input is not what this unfinished run has read. Give it the same, in the same order"
        )

    def finish(self) -> Report:
        """Make the output of all shards, put it in its place, and delete the folder."""
        if not self.is_moved:
            if os.path.lexists(self.done):
                # First: without what is made, it would say that it was moved.
                self._read_done()
                self.done.unlink()
            remove(self.made.parent)
            self.made.parent.mkdir()
            lost = self.output.write_all(self.lines(), self.made)
            _sync(self.made)
            self._check_output()
            done = {"asked": self._asked(), "headers": self.headers, "lost": lost, "output": checksum(self.made)}
            self.shards.put(self.done, [json.dumps(done) + "\n"])
            put_in_place(self.made, self.place)
        lost = self._read_done()["lost"]
        self.shards.remove()
        self.done.unlink()
        documents, relations = (sum(header[name] for header in self.headers) for name in ("documents", "relations"))
        return Report(documents, relations, sum(len(header["errors"]) for header in self.headers), lost)

    def lines(self) -> Iterator[str]:
        """The documents of the finished shards, as lines of our JSONL, unless `is_moved`."""
        for number in range(len(self.headers)):
            yield from self.shards.lines(number)

    def give_up(self) -> None:
        """Delete the folder if nothing is finished."""
        if not self.headers:
            self.shards.remove()


def _as_json(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return list(value) if isinstance(value, tuple) else value


def _checksum(nlp: Language) -> str:
    """A checksum of the files of a pipeline, wherever they are."""
    return "" if nlp.path is None else checksum(Path(nlp.path))


def _sync(path: Path) -> None:
    """See to it that a file, or all in a folder, is on the disk."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
