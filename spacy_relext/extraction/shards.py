"""The folder of an unfinished run. What is in it is ours and whole, or an error that names the file: nothing else is taken up or deleted.

The first line of a shard says what it is of (its number, what was asked for), how much it holds, and the checksum of all that, so a shard
that has lost a line, was changed, or belongs to another run is known. The manifest is the first file to be written and the last to be
deleted: a folder without it holds, of ours, temporary files alone.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.formats.files import TEMPORARY, whole_file
from spacy_relext.notices import counted_name

MANIFEST, SHARD, RESULT = "manifest.json", "part-{:05}.jsonl", "result"
OURS = re.compile(rf"manifest\.json|part-\d{{5,}}\.jsonl|result|{re.escape(TEMPORARY)}\w+")
# What is in the manifest of any version, and in the first line of a shard.
ASKED = {"pipeline", "checksum of the pipeline", "version of spacy-relext"}
HEADER = {"number", "asked", "read", "documents", "relations", "errors", "digest", "checksum"}
# What a shard says of itself in its first line.
Header = dict[str, Any]


class Shards:
    """The shards of a run, in its folder.

    asked: What the results depend on, but for the documents.
    """

    def __init__(self, folder: Path, asked: dict[str, Any]):
        self.folder, self.asked = folder, asked
        self._asked_checksum = checksum_of(asked)

    @property
    def manifest(self) -> Path:
        """The file with what was asked for."""
        return self.folder / MANIFEST

    def begin(self) -> dict[str, Any] | None:
        """Make the folder and its manifest. RETURNS: What was asked for before, where there is one.

        RAISES: DataError for a folder with files that are not ours.
        """
        self.check_ours()
        if self.manifest.exists():
            return read_json(self.manifest, ASKED, "what an unfinished run was asked for", f"Delete {self.folder} to begin anew.")
        self.remove()
        self.folder.mkdir(parents=True)
        with whole_file(self.manifest, within=self.folder) as file:
            file.write(json.dumps(self.asked, indent=1) + "\n")
        return None

    def check_ours(self) -> None:
        """Refuse a folder that is not ours, or that holds anything else."""
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise DataError("the unfinished run is kept in a folder of this name, and it is none. Move it away.", path=self.folder)
        names = sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []
        strange = [name for name in names if not OURS.fullmatch(name)]
        if {"plan.json", "leases"} & set(strange):
            raise DataError("a run with a plan is kept there. Finish it with --worker, or delete it.", path=self.folder)
        if strange:
            raise DataError(f"the unfinished run is kept there, and it holds {strange[0]!r}. Move it away.", path=self.folder)
        if MANIFEST not in names and not all(name.startswith(TEMPORARY) for name in names):
            raise DataError(f"it holds {names[0]!r}, and no {MANIFEST} that says of which run. Move it away.", path=self.folder)

    def add(self, number: int, header: Header, lines: list[str]) -> Header:
        """Store a shard. header: What it says beside what every shard says. RETURNS: Its first line."""
        header = sealed(number, self._asked_checksum, header, lines)
        with whole_file(self._shard(number), within=self.folder) as file:
            file.writelines([json.dumps(header) + "\n", *lines])
        return header

    def headers(self) -> list[Header]:
        """The first lines of all shards up to the first that is missing. RAISES: DataError for one that is not as it was written."""
        headers: list[Header] = []
        for number in count():
            if not self._shard(number).exists():
                return headers
            headers.append(self._read(number)[0])
        return headers

    def lines(self, number: int) -> list[str]:
        """The documents of a shard, as lines of our JSONL. RAISES: DataError for one that is not as it was written."""
        return self._read(number)[1]

    def _read(self, number: int) -> tuple[Header, list[str]]:
        return read_sealed(self._shard(number), number, self._asked_checksum, "its documents, and those after them, are run again.")

    def _shard(self, number: int) -> Path:
        return self.folder / SHARD.format(number)

    def remove(self) -> None:
        """Delete the folder, the manifest last."""
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir(), key=lambda path: path.name == MANIFEST):
                remove(path)
            self.folder.rmdir()


def read_json(path: Path, keys: set[str], what: str, cure: str, *, first_line: bool = False) -> dict[str, Any]:
    """The object of a file of ours, or of its first line. RAISES: DataError that names the file where it is none with these keys."""
    try:
        with path.open("rb") as file:
            raw = file.readline() if first_line else file.read()
        record = json.loads(raw.decode("utf8"))
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror}. Expected {what}. {cure}", path=path) from error
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not keys <= record.keys():
        seen = "it is empty" if not raw.strip() else "it is something else, or damaged"
        raise DataError(f"expected {what}, and {seen}. {cure}", path=path)
    return record


def remove(path: Path) -> None:
    """Delete a file, or a folder with all that is in it; of a link, the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def checksum_of(asked: Any) -> str:
    """A checksum of what can be JSON."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf8")).hexdigest()


def sealed(number: int, asked: str, header: Header, lines: Iterable[str]) -> Header:
    """The first line of a shard. asked: The checksum of what its run is asked for. header: What it says beside what every shard says."""
    header = {"number": number, "asked": asked, **header}
    header["checksum"] = _checksum_of(header, (line.encode("utf8") for line in lines))
    return header


def read_sealed(path: Path, number: int, asked: str, otherwise: str) -> tuple[Header, list[str]]:
    """The first line of a shard, and its documents as lines of our JSONL.

    otherwise: What happens when it is deleted. RAISES: DataError for one that is not as it was written.
    """
    cure = f"Delete it: {otherwise}"
    header = read_json(path, HEADER, "a shard of this run", cure, first_line=True)
    with path.open("rb") as file:
        file.readline()
        lines = list(file)
    if header["number"] != number or header["asked"] != asked:
        raise DataError(f"it is a shard of another run, or of another place in this one. {cure}", path=path)
    if len(lines) != header["documents"]:
        raise DataError(f"it says that it has {counted_name(header['documents'], 'documents')}, and has {len(lines):,}. {cure}", path=path)
    if _checksum_of(header, lines) != header["checksum"]:
        raise DataError(f"its checksum is not the one that it was written with: it was changed, or is damaged. {cure}", path=path)
    return header, [line.decode("utf8") for line in lines]


def _checksum_of(header: Header, lines: Iterable[bytes]) -> str:
    said = {name: value for name, value in header.items() if name != "checksum"}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode("utf8"))
    for line in lines:
        digest.update(line)
    return digest.hexdigest()
