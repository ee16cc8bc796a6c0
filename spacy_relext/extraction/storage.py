"""What is stored of a run: its output, and beside it, until all of it is there, what is finished.

    relations.xml.work/
        manifest.json           what was asked for, without which the folder holds nothing of worth
        part-00000.jsonl …      the finished shards, in the order of the documents
        result/relations.xml    the output, made of all shards
    relations.xml.done          what was asked for, and the first lines of all shards: the output is moved to its place, the folder deleted

Every file is written under another name and renamed, so that it is there as a whole or not at all; the manifest is the first, and
relations.xml.done the last to go. An output that is there is replaced only where that is asked for.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy.util import minibatch

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.provenance import is_manifest, manifest, manifest_path, write_manifest
from spacy_relext.extraction.shards import RESULT, Header, Shards, read_json, remove
from spacy_relext.formats import jsonl, parquet
from spacy_relext.formats.catalogue import writable
from spacy_relext.formats.files import put_in_place, sha256, sync, target_of, whole_file
from spacy_relext.formats.types import Document

# What is in relations.xml.done.
DONE = {"asked", "headers", "lost", "output"}


@dataclass(frozen=True)
class Output:
    """What is written: a file or, in some formats or where it is split, a folder.

    format: Of the catalogue. documents_per_file: The output is a folder with files of so many documents. spreadsheet_safe: See `delimited`.
    partition_by, documents_table: See `parquet`. provenance: What it is made with; formats that have a place for it say it.
    """

    path: Path
    format: str = "jsonl"
    documents_per_file: int | None = None
    spreadsheet_safe: bool = False
    partition_by: tuple[str, ...] = ()
    documents_table: bool = False
    provenance: Mapping[str, Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.documents_per_file is not None and self.documents_per_file < 1:
            raise RelextError(f"{self.documents_per_file} documents per file; expected one at least.")
        writable(self.format)
        if self.spreadsheet_safe and self.format != "csv":
            raise RelextError(f"`spreadsheet_safe` is for csv, and the format is {self.format}. Leave it out.")
        tables = "partition_by" if self.partition_by else "documents_table" if self.documents_table else ""
        if tables and self.format != "parquet":
            raise RelextError(f"`{tables}` is for parquet, and the format is {self.format}. Name a .parquet, or leave it out.")
        if tables and self.documents_per_file is not None:
            raise RelextError(f"`{tables}` and `documents_per_file` both make a folder. Leave one out.")
        parquet.check_partitions(self.partition_by)

    @property
    def suffix(self) -> str:
        """Of the files of the format; empty where it writes folders."""
        return writable(self.format).suffix

    @property
    def refuses(self) -> bool:
        """Whether there are documents that the format cannot hold at all."""
        return writable(self.format).refuses

    @property
    def is_stream(self) -> bool:
        """Whether it is a device, a pipe or an open file, which is written through when all is made."""
        return target_of(self.path).is_stream

    @property
    def is_folder(self) -> bool:
        """Whether a folder is written."""
        return self.documents_per_file is not None or not self.suffix or bool(self.partition_by) or self.documents_table

    def check(self, document: Document) -> None:
        """RAISES: DataError for a document that it has no place for, whatever is found in it."""
        if self.partition_by:
            parquet.check_document(document, self.partition_by)

    def write(self, lines: Iterable[str], path: Path) -> Counter[str]:
        """Write documents, given as lines of our JSONL, as a file or folder. RETURNS: What the format cannot hold."""
        if self.format == "jsonl":
            with whole_file(path) as file:
                file.writelines(lines)
            return Counter()
        asked: dict[str, Any] = {
            "spreadsheet_safe": self.spreadsheet_safe,
            "partition_by": self.partition_by,
            "documents_table": self.documents_table,
            "provenance": self.provenance,
        }
        settings = {name: value for name, value in asked.items() if value and name in writable(self.format).settings}
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


def refuse_place(output: Output, place: Path, *, overwrite: bool) -> None:
    """Refuse a place, the output's with its links followed, where something stands that is not to be replaced. RAISES: DataError."""
    path, is_folder = output.path, output.is_folder
    if place.is_dir() and not is_folder:
        raise DataError(f"it is a folder. Name a file ({output.format}), or split it with `documents_per_file`.", path=path)
    if is_folder and place.exists() and (place.is_file() or any(place.iterdir())):
        raise DataError("a new folder is to be written, and there is something already. Name another one.", path=path)
    if not is_folder and place.exists() and place.stat().st_size and not overwrite:
        raise DataError("this file exists already. Name another output, or replace it with `overwrite`.", path=path)


class Storage:
    """The files of a run.

    asked: What the results depend on, but for the documents. overwrite: A file in the place of the output may be replaced. manifest: One is
    written beside the output; also where that of the output that is replaced is there, which would tell of another one.
    RAISES: DataError where the folder holds a run that was asked for something else, or the output cannot be put in its place.
    """

    def __init__(self, output: Output, asked: dict[str, Any], *, overwrite: bool = False, manifest: bool = False):
        self.output, self.asked, self.overwrite = output, asked, overwrite
        self.place = target_of(output.path).path
        self.wants_manifest = manifest or (overwrite and self.place.exists() and is_manifest(manifest_path(self.place)))
        self.folder = Path(f"{self.place}.work")
        self.made = self.folder / RESULT / output.path.name
        self.done = Path(f"{self.place}.done")
        self.shards = Shards(self.folder, asked)
        # The first lines of the finished shards.
        self.headers: list[Header]
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
        if sha256(self.place) == done["output"]:
            return True
        if not self.overwrite:
            raise DataError(
                f"it was finished, and was changed before all was tidied up. Keep it by deleting {self.done} and {self.folder}, or make it "
                "anew with `overwrite`.",
                path=self.output.path,
            )
        return False

    def _read_done(self) -> dict[str, Any]:
        return read_json(
            self.done, DONE, "what this command keeps there for a moment", "Move it away if it is yours, or name another output."
        )

    def _check_output(self) -> None:
        refuse_place(self.output, self.place, overwrite=self.overwrite)
        written = manifest_path(self.place)
        if self.wants_manifest and os.path.lexists(written) and not self.overwrite:
            raise DataError(
                "this file exists already; the manifest is to be there. Move it away, or replace it with `overwrite`.", path=written
            )

    def _check_asked(self, before: dict[str, Any]) -> None:
        names = [name for name in {**before, **self.asked} if before.get(name) != self.asked.get(name)]
        if names:
            differences = ", ".join(f"{name}: {before.get(name)!r:.80} then, {self.asked.get(name)!r:.80} now" for name in names)
            raise self.error(f"this unfinished run was asked for something else ({differences}). Ask for the same")

    def error(self, message: str) -> DataError:
        """An error that says where what is stored may be deleted."""
        return DataError(f"{message}, or delete it to begin anew.", path=self.done if self.is_moved else self.folder)

    def add(self, number: int, header: Header, lines: list[str]) -> None:
        """Store a shard: its number, what its first line says, and its documents as lines of our JSONL."""
        self.headers.append(self.shards.add(number, header, lines))

    def lines(self) -> Iterator[str]:
        """The documents of the finished shards, as lines of our JSONL, unless `is_moved`."""
        for number in range(len(self.headers)):
            yield from self.shards.lines(number)

    def finish(self, counts: dict[str, Any]) -> dict[str, int]:
        """Make the output of all shards, put it in its place, and delete the folder.

        counts: What came of the run, for the manifest. RETURNS: What the format cannot hold.
        """
        if not self.is_moved:
            if os.path.lexists(self.done):
                # First: without what is made, it would say that it was moved.
                self._read_done()
                self.done.unlink()
            remove(self.made.parent)
            self.made.parent.mkdir()
            written = self.output.write_all(self.lines(), self.made)
            sync(self.made)
            self._check_output()
            done = {"asked": self.asked, "headers": self.headers, "lost": written, "output": sha256(self.made)}
            if self.wants_manifest:
                done["manifest"] = manifest(self.output.provenance or {}, {**counts, "lost": +written}, self.made)
            with whole_file(self.done, within=self.folder) as file:
                file.write(json.dumps(done) + "\n")
            put_in_place(self.made, self.place)
        said = self._read_done()
        lost: dict[str, int] = said["lost"]
        if said.get("manifest"):
            write_manifest(said["manifest"], self.place, within=self.folder)
        self.shards.remove()
        self.done.unlink()
        return lost

    def give_up(self) -> None:
        """Delete the folder if nothing is finished."""
        if not self.headers:
            self.shards.remove()
