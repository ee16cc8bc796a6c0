"""The results of shards: each is in its place as a whole or not at all, and the first one wins.

    results/00012/shard-12345.jsonl     as `extraction/shards.py` has it: a first line with counts and checksum, then the documents
    failed/00012/shard-12345.json       what is wrong with its documents; without a result beside it, it waits for somebody
    result-OWNER/                       what a worker is writing
    stopped.json                        two results of a shard differ: nobody goes on

A disk that is full for a while is waited for; one that cannot be written is an error at once.
"""

import errno
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from spacy_relext.batch.asking import identity
from spacy_relext.batch.leases import PER_FOLDER, block_of, shard_name
from spacy_relext.batch.manifest import Plan, Shard
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.shards import HEADER, Header, read_json, read_sealed, remove, sealed
from spacy_relext.formats.files import sync
from spacy_relext.notices import counted_name

RESULTS, FAILED, OWN, STOPPED = "results", "failed", "result-", "stopped.json"
FULL = {errno.ENOSPC, errno.EDQUOT}
# Beats for which a full disk is waited for: ten minutes.
PATIENCE = 60
# How often a beat is looked for what others do.
POLLS = 5
AGAIN = "it is run again."
# Why a shard failed.
DOCUMENTS, INPUT, ENDS = "documents", "input", "ends its workers"
# Of a result, or a failure; anything else beside them, such as a copy, is none.
NAME = re.compile(r"shard-(\d+)\.jsonl?")
# Of the checksum of the id of a document, in the first line of its shard.
ID_BYTES = 8
Made = TypeVar("Made")


class LostError(RelextError):
    """What was begun is given up, since another worker has taken it."""


@dataclass(frozen=True)
class Failure:
    """What is wrong with a shard.

    errors: Each with its place. reason: DOCUMENTS have errors, and can be left out; the INPUT was changed, or is away; or it ENDS the
    workers that run it.
    """

    number: int
    errors: tuple[str, ...]
    reason: str


class Results:
    """Those of a run, in the folder of its plan. owner: Of the files that are being written."""

    def __init__(self, plan: Plan, owner: str, tell: Callable[[str], None]):
        self.plan, self.folder, self.tell = plan, plan.folder, tell
        self.own = self.folder / f"{OWN}{owner}"
        self._asked = identity(plan)

    def begin(self) -> None:
        """Make the folders that all share. RAISES: OSError for a disk that cannot be written."""
        for name in (RESULTS, FAILED):
            (self.folder / name).mkdir(exist_ok=True)

    def place(self, number: int) -> Path:
        """Of the result of a shard."""
        return self.folder / RESULTS / f"{shard_name(number)}.jsonl"

    def finished(self, block: int) -> set[int]:
        """The shards of a block of a thousand that have a result."""
        return _numbers(self.folder / RESULTS / block_of(block * PER_FOLDER))

    def failed(self, block: int) -> set[int]:
        """Those of which a failure was recorded, with and without a result."""
        return _numbers(self.folder / FAILED / block_of(block * PER_FOLDER))

    def failure(self, number: int) -> Failure:
        """What was recorded of a shard."""
        path = self.folder / FAILED / f"{shard_name(number)}.json"
        record = read_json(path, {"number", "errors", "reason"}, "what failed in a shard", f"Delete it: {AGAIN}")
        return Failure(record["number"], tuple(record["errors"]), record["reason"])

    def failures(self) -> Iterator[tuple[Failure, bool]]:
        """All that were recorded, by number, each with whether there is a result without the documents."""
        for block in range(n_blocks(self.plan)):
            numbers = sorted(self.failed(block))
            finished = self.finished(block) if numbers else set()
            for number in numbers:
                yield self.failure(number), number in finished

    def put(self, number: int, header: Header, lines: list[str]) -> bool:
        """Store the result of a shard. RETURNS: Whether it is the first; of two, both must say the same.

        RAISES: DataError where they do not, and for a disk that stays full.
        """
        header = sealed(number, self._asked, header, lines)
        content = "".join([json.dumps(header) + "\n", *lines]).encode("utf8")
        return self.patiently(lambda: self._link(content, self.place(number), header["checksum"]))

    def put_failure(self, failure: Failure) -> None:
        """Record what is wrong with a shard."""
        content = json.dumps({**vars(failure), "errors": list(failure.errors)}, indent=1) + "\n"
        place = self.folder / FAILED / f"{shard_name(failure.number)}.json"

        def write() -> None:
            made = self._write(content.encode("utf8"), place)
            _make_folder(place.parent)
            os.replace(made, place)

        self.patiently(write)

    def _write(self, content: bytes, place: Path) -> Path:
        """A file of the worker's own, which is on the disk."""
        _make_folder(self.own)
        made = self.own / place.name
        try:
            made.write_bytes(content)
            sync(made)
        except OSError:
            made.unlink(missing_ok=True)
            raise
        return made

    def _link(self, content: bytes, place: Path, checksum: str) -> bool:
        made = self._write(content, place)
        _make_folder(place.parent)
        try:
            os.link(made, place)
            is_first = True
        except FileExistsError:
            # Also what NFS says where it has done it, and its answer was lost.
            is_first = False
            if read_json(place, HEADER, "a shard of this run", f"Delete it: {AGAIN}", first_line=True)["checksum"] != checksum:
                raise self._stop(made, place) from None
        made.unlink()
        return is_first

    def _stop(self, made: Path, place: Path) -> DataError:
        (self.folder / STOPPED).write_text(json.dumps({"one": str(place), "other": str(made)}) + "\n", encoding="utf8")
        return self.difference()  # type: ignore[return-value]

    def difference(self) -> DataError | None:
        """The error of two results of one shard that are not the same, where there are such."""
        path = self.folder / STOPPED
        if not path.exists():
            return None
        named = read_json(path, {"one", "other"}, "which two results differ", "Delete it to go on.")
        return DataError(
            f"{named['one']} and {named['other']} are results of one shard, and differ: a worker computes otherwise than the others "
            f"(another kind of processor?). Find out which is right, delete the other one and {path}, and start the workers again.",
            path=self.folder,
        )

    def read(self, number: int) -> tuple[Header, list[str]]:
        """The result of a shard: its first line, and its documents as lines of our JSONL. RAISES: DataError for a damaged one."""
        return read_sealed(self.place(number), number, self._asked, AGAIN)

    def header(self, number: int) -> Header:
        """The first line of the result of a shard."""
        return read_json(self.place(number), HEADER, "a shard of this run", f"Delete it: {AGAIN}", first_line=True)

    def patiently(self, action: Callable[[], Made]) -> Made:
        """See `patiently`."""
        return patiently(action, self.plan.computed["beat"], self.folder, self.tell)

    def end(self) -> None:
        """Delete what the worker was writing, but for a result that differs from another one: somebody must look at both."""
        if self.own.exists() and not self._has_other():
            remove(self.own)

    def _has_other(self) -> bool:
        stopped = self.folder / STOPPED
        return (
            stopped.exists() and Path(read_json(stopped, {"one", "other"}, "which two results differ", AGAIN)["other"]).parent == self.own
        )


def patiently(action: Callable[[], Made], beat: float, folder: Path, tell: Callable[[str], None]) -> Made:
    """What an action makes, which is done again each beat while the disk is full. RAISES: DataError where it stays full."""
    for n_tried in range(PATIENCE):
        try:
            return action()
        except (OSError, DataError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if not isinstance(cause, OSError) or cause.errno not in FULL:
                raise
            if n_tried == 0:
                tell(f"The disk is full: {folder}. What is made is kept in memory, and written when there is room.")
        time.sleep(beat)
    raise RelextError(f"{folder}: the disk has been full for {PATIENCE * beat:.0f} seconds. Make room, and start the workers again.")


def refuse_dropped(shard: Shard, n_documents: int, n_errors: int) -> None:
    """Refuse that a document is in silence neither in the result nor among the errors. RAISES: DataError."""
    if shard.documents is None:
        return
    planned = shard.documents - sum(len(piece.superseded) for piece in shard.pieces)
    if n_documents + n_errors < planned:
        raise DataError(
            f"{counted_name(planned, 'documents')} are planned in shard {shard.number}, and {n_documents:,} and {n_errors:,} with errors "
            "came of it. Please report this."
        )


def shards_of(plan: Plan, block: int) -> range:
    """The numbers of the shards of a block of a thousand."""
    return range(block * PER_FOLDER, min((block + 1) * PER_FOLDER, plan.shards))


def n_blocks(plan: Plan) -> int:
    """How many blocks of a thousand shards there are."""
    return -(-plan.shards // PER_FOLDER)


def _make_folder(folder: Path) -> None:
    # Not its parents: a run that is over is not begun anew.
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)


def _numbers(folder: Path) -> set[int]:
    try:
        with os.scandir(folder) as entries:
            names: Iterable[str] = [entry.name for entry in entries]
    except FileNotFoundError:
        return set()
    return {int(found[1]) for found in map(NAME.fullmatch, names) if found}
