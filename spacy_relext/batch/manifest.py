"""The plan of a run: which documents are in which shard, and all that results depend on. Written once, then only read.

    relations.parquet.work/
        plan.json            what was asked for, how results are computed, how many shards there are; the last file of a plan
        shards-….jsonl       a line per shard, called after its checksum
        shards-….index       where each line begins: 8 bytes per shard, least significant first

A shard is read by its number: nobody holds all of them.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spacy_relext.errors import DataError
from spacy_relext.extraction.shards import read_json
from spacy_relext.formats.files import TEMPORARY, sync

PLAN = "plan.json"
HEADER = {"asked", "computed", "shards", "documents", "checksum"}
OFFSET_BYTES = 8


@dataclass(frozen=True)
class Piece:
    """Consecutive documents of one input.

    path, format, name: Of the source (`extraction.inputs.Source`). start, end: The bytes of the content, unpacked, or what the format
    counts (`formats.cutting`); an `end` of None: all of a file or folder that is not cut. first_line: The line of the file that it begins
    in, counted from 1. first_number: How many documents of the file stand before it. documents: How many it has, those that turn out to be
    errors too; None: only reading tells. A file that cannot be read, or has none, counts as one, which is an error. superseded: Those of
    its documents, counted from 0, of which the inputs have a later version, or that they delete. head: How many bytes at the beginning of
    the file hold for all of its documents. is_last: Nothing of the file stands behind it. checksum: The first 16 digits of the SHA-256 of
    this and the pieces before it in the shard; empty for the last of the shard.
    """

    path: str
    format: str
    name: str
    start: int = 0
    end: int | None = None
    first_line: int = 1
    first_number: int = 0
    documents: int | None = None
    superseded: tuple[int, ...] = ()
    head: int = 0
    is_last: bool = False
    checksum: str = ""


@dataclass(frozen=True)
class Shard:
    """What is run, and stored, at a time.

    checksum: SHA-256 of the bytes of its pieces, each with the head of its file before it, one behind the other: unpacked, and as they are
    on the disk where a file is not cut.
    """

    number: int
    pieces: tuple[Piece, ...]
    checksum: str

    @property
    def documents(self) -> int | None:
        """How many documents it has, superseded ones too; None: only reading tells."""
        counts = [piece.documents for piece in self.pieces]
        return None if None in counts else sum(count for count in counts if count is not None)

    def to_line(self) -> str:
        """As a line of the plan: without what is as it is by default."""
        pieces = [{name: value for name, value in vars(piece).items() if value != _DEFAULTS[name]} for piece in self.pieces]
        return json.dumps({"number": self.number, "pieces": pieces, "checksum": self.checksum}) + "\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Shard":
        """A shard of a line."""
        record = json.loads(line)
        pieces = (Piece(**{**piece, "superseded": tuple(piece.get("superseded", ()))}) for piece in record["pieces"])
        return cls(record["number"], tuple(pieces), record["checksum"])


_DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(Piece)}


@dataclass(frozen=True)
class Plan:
    """A plan that is stored.

    asked: What results depend on, but for the documents, as `extraction.resuming` has it. computed: How they are computed: precision, batch
    size, threads, versions. shards: How many there are. documents: How many are planned; None: only reading tells. checksum: Of all shards.
    counts: What the plan leaves out that is no error, by name, such as superseded versions. orders: How relations are directed whose roles
    say nothing (`formats.roles`); None: the relations of the input are not wanted.
    """

    folder: Path
    asked: dict[str, Any]
    computed: dict[str, Any]
    shards: int
    documents: int | None
    checksum: str
    counts: dict[str, int] = field(default_factory=dict)
    orders: list[list[str]] | None = None

    @classmethod
    def read(cls, folder: Path) -> "Plan":
        """The plan of a folder. RAISES: DataError where there is none, or it is damaged."""
        record = read_json(folder / PLAN, HEADER, "the plan of a run", f"Delete {folder} to plan anew.")
        plan = cls(folder=folder, counts=record.get("counts", {}), orders=record.get("orders"), **{name: record[name] for name in HEADER})
        size = plan._index.stat().st_size if plan._index.exists() else 0
        if size != OFFSET_BYTES * plan.shards or not plan._lines.exists():
            raise DataError(
                "the files beside it, which list the shards, are missing or cut off. Delete the folder to plan anew.", path=folder
            )
        return plan

    @property
    def _lines(self) -> Path:
        return self.folder / f"shards-{self.checksum[:16]}.jsonl"

    @property
    def _index(self) -> Path:
        return self._lines.with_suffix(".index")

    def shard(self, number: int) -> Shard:
        """A shard by its number. RAISES: DataError for a plan that is damaged."""
        with self._index.open("rb") as index, self._lines.open("rb") as lines:
            index.seek(OFFSET_BYTES * number)
            lines.seek(int.from_bytes(index.read(OFFSET_BYTES), "little"))
            return self._parsed(lines.readline(), number)

    def __iter__(self) -> Iterator[Shard]:
        """All of them. RAISES: DataError for a plan that is damaged, at the end where a line says something else than was planned."""
        digest = hashlib.sha256()
        with self._lines.open("rb") as lines:
            for number, line in enumerate(lines):
                digest.update(line)
                yield self._parsed(line, number)
        if digest.hexdigest() != self.checksum:
            raise DataError("it is not what was planned: it was changed, or is damaged. Delete the folder to plan anew.", path=self._lines)

    def _parsed(self, line: bytes, number: int) -> Shard:
        try:
            shard = Shard.from_line(line)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"shard {number} cannot be read: it is damaged. Delete the folder to plan anew.", path=self._lines) from error
        if shard.number != number:
            raise DataError(f"expected shard {number}, and saw {shard.number}. Delete the folder to plan anew.", path=self._lines)
        return shard


def write_plan(
    folder: Path,
    shards: Iterable[Shard],
    asked: dict[str, Any],
    computed: dict[str, Any],
    counts: dict[str, int],
    orders: list[list[str]] | None = None,
) -> Plan:
    """Store a plan, shard by shard. Where another process was first, its plan is the one.

    counts: Is read when all shards are written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digest, offset, n_shards, n_documents, known = hashlib.sha256(), 0, 0, 0, True
    with TemporaryDirectory(prefix=TEMPORARY, dir=folder) as name:
        made = Path(name)
        with (made / "lines").open("wb") as lines, (made / "index").open("wb") as index:
            for shard in shards:
                line = shard.to_line().encode("utf8")
                index.write(offset.to_bytes(OFFSET_BYTES, "little"))
                lines.write(line)
                digest.update(line)
                offset += len(line)
                n_shards += 1
                known = known and shard.documents is not None
                n_documents += shard.documents or 0
        plan = Plan(folder, asked, computed, n_shards, n_documents if known else None, digest.hexdigest(), counts, orders)
        header = {name: value for name, value in asdict(plan).items() if name != "folder"}
        (made / "plan").write_text(json.dumps(header, indent=1) + "\n", encoding="utf8")
        sync(made)
        os.replace(made / "lines", plan._lines)
        os.replace(made / "index", plan._index)
        try:
            os.link(made / "plan", folder / PLAN)
        except FileExistsError:
            return Plan.read(folder)
    return plan
