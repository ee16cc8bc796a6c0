"""Which documents are in which shard: planned once, from the inputs alone, and read shard by shard, by anybody.

The inputs are taken in the order of their names, whatever the order in which they are given. Of formats that are cut (`formats.cutting`) a
long file is in many shards, and many short ones are in one; files of the others, and folders that are read as a whole, are not cut.

What is wrong with a whole file, as a .gz that is cut off, is found when it is planned. Where such errors are skipped, nothing of the file
is planned but the error, which is reported when its shard is read. Anything else that is wrong is an error of one document, found when it
is read.

A shard is read as the files were when they were planned, or not at all.
"""

import hashlib
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO

from spacy_relext.batch.contents import hashed, held, raw_content, stretch
from spacy_relext.batch.manifest import Piece, Plan, Shard
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.finding import Source
from spacy_relext.extraction.inputs import Given, Inputs, named_by, read_source, versions_of
from spacy_relext.formats.catalogue import readable
from spacy_relext.formats.cutting import Cut, Cutter, Part, RangeCutter
from spacy_relext.formats.ids import distinct
from spacy_relext.formats.reading import SUPERSEDED, FileVersions, OnError, Options, Reading, Superseded, raise_error
from spacy_relext.formats.roles import Roles, RolesError
from spacy_relext.formats.types import Document
from spacy_relext.formats.unpacking import is_packed, opened_content

# A shard of longer documents has fewer of them: what is read of it is held.
MOST_BYTES = 64 * 2**20
# Of a document in a file that is not cut, where nobody knows how many there are.
LIKELY_BYTES = 4096
CHECKSUM_DIGITS = 16
# Of the shards of a packed file that may turn out to be broken, in memory; the rest is in a temporary file.
MOST_KEPT = 2**20


class ChangedError(DataError):
    """An input is not what it was when it was planned. It concerns the whole run: what is made of it would be of two inputs."""


@dataclass
class _Filling:
    """The shard that is being filled. weight: In documents."""

    pieces: list[Piece] = field(default_factory=list)
    weight: int = 0
    n_bytes: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def copy(self) -> "_Filling":
        return _Filling(list(self.pieces), self.weight, self.n_bytes, self.digest.copy())

    @property
    def checksum(self) -> str:
        """Of what it has."""
        return self.digest.hexdigest()[:CHECKSUM_DIGITS]

    def add(self, piece: Piece) -> None:
        """Add a piece whose content the digest has."""
        self.pieces.append(replace(piece, checksum=self.checksum))

    def shard(self, number: int) -> Shard:
        *others, last = self.pieces
        return Shard(number, (*others, replace(last, checksum="")), self.digest.hexdigest())


def plan_shards(inputs: Inputs, size: int, on_error: OnError = raise_error) -> Iterator[Shard]:
    """The shards of some inputs, one after the other.

    size: Documents a shard, at the most; where only reading tells how many a file has, about so many.
    on_error: Is given what is wrong with a file, and may raise it; if it does not, it is reported again when its shard is read.
    RAISES: RelextError for what cannot be planned, as standard input.
    """
    if size < 1:
        raise RelextError(f"{size} documents per shard; expected one at least.")
    if isinstance(inputs, Given) or inputs.finding.has_stdin:
        seen = "texts that are given" if isinstance(inputs, Given) else "standard input"
        raise RelextError(f"{seen} cannot be planned: every worker must be able to read it. Write it to a file, and name that.")
    return _Planner(inputs, size, on_error).shards()


class _Planner:
    def __init__(self, inputs: Inputs, size: int, on_error: OnError):
        self.finding, self.options, self.size, self.on_error = inputs.finding, inputs.options, size, on_error
        self.filling, self.number = _Filling(), 0
        self.versions: FileVersions = {}
        self._format = cache(readable)

    def shards(self) -> Iterator[Shard]:
        """All of them."""
        self.versions = versions_of(self.finding.formats, lambda: (source for source, _, _ in self._sources()), self.options)
        for source, kind, size in self._sources():
            cutter = None if kind == stat.S_IFDIR else self._format(source.format).cutter
            yield from self._whole(source, size) if cutter is None else self._in_parts(source, cutter)
        if self.filling.pieces:
            yield self._close()

    def _sources(self) -> Iterator[tuple[Source, int, int | None]]:
        """The sources in the order of their paths, with their kind and size. RAISES: DataError for one that comes twice, or is a pipe."""
        before = None
        for source in self.finding.by_name():
            if source.path == before:
                raise DataError("it is among the inputs twice. Name it once.", path=before)
            before = source.path
            yield source, *_kind_and_size(source.path)

    def _close(self) -> Shard:
        shard = self.filling.shard(self.number)
        self.filling = _Filling()
        self.number += 1
        return shard

    @property
    def _is_full(self) -> bool:
        return self.filling.weight >= self.size or self.filling.n_bytes >= MOST_BYTES

    def _whole(self, source: Source, size: int | None, *, is_error: bool = False) -> Iterator[Shard]:
        """The shards that are full with a source that is not cut. size: In bytes; None: of a folder, which has a shard of its own."""
        documents = 1 if source.format == "txt" or is_error else None
        weight = documents or (self.size if size is None else -(-size // LIKELY_BYTES) or 1)
        if self.filling.pieces and weight >= self.size > 1:
            yield self._close()
        filling = self.filling
        for chunk in raw_content(source.path, self._format(source.format).suffixes):
            filling.digest.update(chunk)
            filling.n_bytes += len(chunk)
        filling.weight += weight
        filling.pieces.append(Piece(str(source.path), source.format, source.name, documents=documents, checksum=filling.checksum))
        if self._is_full:
            yield self._close()

    def _in_parts(self, source: Source, cutter: Cutter) -> Iterator[Shard]:
        """The shards that are full with a file that is cut: of a packed one, when it is known to be whole."""
        before, number = self.filling.copy(), self.number
        with SpooledTemporaryFile(MOST_KEPT) as kept:
            try:
                for shard in self._cut(source, cutter):
                    if is_packed(source.path):
                        kept.write(shard.to_line().encode("utf8"))
                    else:
                        yield shard
            except DataError as error:
                if self.number > number and not is_packed(source.path):
                    raise
                self.filling, self.number = before, number
                inner = error.path is None or is_packed(source.path)
                self.on_error(DataError(error.message, path=source.path if inner else error.path, line=error.line))
            else:
                kept.seek(0)
                yield from map(Shard.from_line, kept)
                return
        yield from self._whole(source, 0, is_error=True)

    def _cut(self, source: Source, cutter: Cutter) -> Iterator[Shard]:
        versions = self.versions.get(source.path)
        place = _Place(source, versions if isinstance(versions, Superseded) else Superseded())
        # The shard that is full, while nothing but the end of the file may follow: what stands there, as empty lines, belongs to it.
        full: _Full | None = None
        with opened_content(source.path) as file:
            for cut in cutter.cut(file, source.plain, self.options):
                if cut.is_head:
                    place.add_head(cut)
                    self.filling.digest.update(cut.content)
                    continue
                self.filling.digest.update(cut.content)
                self.filling.n_bytes += len(cut.content)
                self.filling.weight += cut.documents
                place.add(cut)
                if full is not None and not cut.documents:
                    full.with_tail.update(cut.content)
                elif full is not None:
                    yield full.filling.shard(self._next_number())
                    full = None
                if cut.documents and self._is_full:
                    full = _Full(self.filling, place.piece(), self.filling.digest.copy())
                    full.filling.add(full.piece)
                    self.filling = _Filling()
                    self.filling.digest.update(place.head)
                    place.begin()
        if not place.number and not (isinstance(cutter, RangeCutter) and cutter.may_be_empty):
            raise DataError("there is no document in it.", path=source.path)
        if full is not None:
            self.filling = _Filling()
            full.filling.pieces.pop()
            full.filling.digest = full.with_tail
            full.filling.add(replace(full.piece, end=place.end, is_last=True))
            yield full.filling.shard(self._next_number())
        else:
            self.filling.add(replace(place.piece(), is_last=True))

    def _next_number(self) -> int:
        self.number += 1
        return self.number - 1


@dataclass
class _Full:
    """A shard that is full: with its last piece, and with what may stand behind the last document of the file."""

    filling: _Filling
    piece: Piece
    with_tail: "hashlib._Hash"


class _Place:
    """How far a file has been cut."""

    def __init__(self, source: Source, superseded: Superseded):
        self._source, self._superseded = source, superseded
        self.head = b""
        self.end, self.line, self.number = 0, 1, 0
        self.begin()

    def begin(self) -> None:
        """Begin a piece here."""
        self._start, self._first_line, self._first_number = self.end, self.line, self.number

    def add(self, cut: Cut) -> None:
        self.end += len(cut.content) if cut.length is None else cut.length
        self.line += cut.content.count(b"\n") if cut.lines is None else cut.lines
        self.number += cut.documents

    def add_head(self, cut: Cut) -> None:
        self.head += cut.content
        self.add(cut)
        self.begin()

    def piece(self) -> Piece:
        """What is since it was begun."""
        return Piece(
            str(self._source.path),
            self._source.format,
            self._source.name,
            self._start,
            self.end,
            self._first_line,
            self._first_number,
            self.number - self._first_number,
            self._superseded.between(self._first_number, self.number),
            head=len(self.head),
        )


def _kind_and_size(path: Path) -> tuple[int, int | None]:
    """Whether it is a folder, as `stat` has it, and if not how many bytes it has. RAISES: DataError for what is neither file nor folder."""
    try:
        found = path.stat()
    except OSError:  # an error of the file, found when it is opened
        return 0, 0
    kind = stat.S_IFMT(found.st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise DataError("it is a pipe or a device, not a file. What is read only once cannot be planned. Write it to a file.", path=path)
    return kind, found.st_size if kind == stat.S_IFREG else None


def learned_orders(inputs: Inputs) -> list[list[str]]:
    """In which order arguments of relations come whose roles say nothing (`formats.roles`): learned of all files of formats with roles.

    Which of them is the head must not depend on the shard that a relation is in. RAISES: RolesError where nothing says it.
    """

    def tell(error: DataError) -> None:
        if isinstance(error, RolesError):
            raise error

    formats = [name for name in inputs.finding.formats if "roles" in readable(name).options]
    reading = Reading(tell, options=inputs.options)
    for source in inputs.finding.by_name() if formats else ():
        if source.format in formats:
            deque(read_source(source, replace(reading, counts=Counter(), examples={})), maxlen=0)
    return reading.roles.orders


def roles_of(plan: Plan, options: Options) -> Roles:
    """What directs the relations of a plan's documents: in every shard as over the whole input."""
    return Roles(options.roles, orders=plan.orders or (), judges=plan.orders is not None)


def read_shard(shard: Shard, options: Options, on_error: OnError, counts: Counter[str], roles: Roles | None = None) -> Iterator[Document]:
    """The documents of a shard: those that the whole files would give.

    options: Those with which it was planned. on_error: Is given what is wrong with a document or a file, and may raise it; if it does not,
        it is left out. counts: Is added to: what the formats leave out that is no error, and what documents cannot hold.
    roles: Where relations are wanted, of `roles_of`; None: they are directed as they stand.
    RAISES: ChangedError for an input that is not what it was.
    """
    reading = Reading(on_error, counts, options, roles=roles or Roles(options.roles, judges=False))
    yield from distinct(_documents(shard, reading), on_error)


def _documents(shard: Shard, reading: Reading) -> Iterator[Document]:
    digest = hashlib.sha256()
    for piece in shard.pieces:
        source = Source(Path(piece.path), piece.format, piece.name)
        content = hashed(_content(shard, piece, source, reading.options), digest)
        if piece.end is None:
            deque(content, maxlen=0)
        with held(content) as body:
            if not digest.hexdigest().startswith(piece.checksum or shard.checksum):
                raise _changed(shard, piece, "it is not what it was when it was planned")
            head = body.read(piece.head)
            yield from _last_versions(piece, replace(reading, examples={}), partial(_read, piece, source, head, body))


def _content(shard: Shard, piece: Piece, source: Source, options: Options) -> Iterator[bytes]:
    """What the checksum of a piece is of, and what is read of one that is cut."""
    cutter = readable(piece.format).cutter
    if piece.end is None:
        yield from raw_content(source.path, readable(piece.format).suffixes)
        return
    try:
        if isinstance(cutter, RangeCutter):
            with opened_content(source.path) as file:
                yield from cutter.content(file, source.plain, piece.start, piece.end, options)
        elif piece.start == piece.head:
            yield from stretch(source.path, 0, piece.end, is_last=piece.is_last)
        else:
            if piece.head:
                with opened_content(source.path) as file:
                    yield file.read(piece.head)
            yield from stretch(source.path, piece.start, piece.end, is_last=piece.is_last)
    except DataError as error:
        raise _changed(shard, piece, error.message.rstrip(".")) from error


def _changed(shard: Shard, piece: Piece, message: str) -> ChangedError:
    return ChangedError(f"shard {shard.number}: {message}. Put back the file that was planned, or plan anew.", path=piece.path)


def _read(piece: Piece, source: Source, head: bytes, body: BinaryIO, reading: Reading) -> Iterator[Document]:
    cutter = readable(piece.format).cutter
    if piece.end is None or cutter is None:
        yield from read_source(source, reading)
        return
    part = Part(source.plain, piece.start, piece.end, piece.first_line, piece.first_number, piece.documents or 0, head)
    yield from named_by(source, reading, partial(cutter.read, body, part))


def _last_versions(piece: Piece, reading: Reading, read: Callable[[Reading], Iterator[Document]]) -> Iterator[Document]:
    """The documents of a piece without those of which there is a later version, whose errors do not matter either."""
    superseded, n_seen = frozenset(piece.superseded), 0

    def is_counted() -> bool:
        nonlocal n_seen
        n_seen += 1
        if n_seen - 1 in superseded:
            reading.counts[SUPERSEDED] += 1
            return False
        return True

    def tell(error: DataError) -> None:
        if is_counted():
            reading.on_error(error)

    for document in read(replace(reading, on_error=tell)):
        if is_counted():
            reading.counts.update(document.unsupported)
            yield document
