"""Who does what, among workers on any machines that share a file system. No clock and no deletion is trusted.

A lease is a file NAME.lease.<n>, created exclusively; the highest n holds, and no lease is deleted while the run lasts. Its owner raises
a counter in it every beat. Who wants it reads the counter, waits `STILL` beats by its own monotonic clock, and creates n+1 if it stands
still. An owner that finds a higher n stops.

Written for what NFS guarantees: files are created exclusively, and who opens a file sees what was written before it was closed.
"""

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

# A counter that stands still for so many beats is that of an owner that is dead, or stopped.
STILL = 6
# So many leases in a folder.
PER_FOLDER = 1000
BEGUN, FREE, GIVEN_UP = "begun", "free", "given_up"
NOTE = 100
LEASES = "leases"


def block_of(number: int) -> str:
    """The folder of what belongs to a shard, of which each holds a thousand."""
    return f"{number // PER_FOLDER:05}"


def shard_name(number: int) -> str:
    """What a shard is called."""
    return f"{block_of(number)}/shard-{number}"


def owner_name() -> str:
    """A name that no other process has, on any machine."""
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"


class Lease:
    """A lease that is held, until a higher one is found. Its counter is raised by the thread of `Leases`."""

    def __init__(self, stem: Path, n: int, owner: str):
        self.n, self.owner, self.note = n, owner, ""
        self._path, self._next = Path(f"{stem}.lease.{n}"), Path(f"{stem}.lease.{n + 1}")
        self._counter, self._lost, self._ended = 0, False, False
        self._lock = threading.Lock()

    def is_held(self) -> bool:
        """Whether nobody else has taken it. False once it is not, whatever happens."""
        self._lost = self._lost or os.path.lexists(self._next) or not os.path.lexists(self._path)
        return not self._lost

    def beat(self, state: str = BEGUN) -> None:
        """Raise the counter. A disk that is full for a moment is no reason to give up: others wait for several beats."""
        with self._lock:
            if self._lost or (state == BEGUN and (self._ended or not self.is_held())):
                return
            self._ended = self._ended or state != BEGUN
            self._counter += 1
            content = f"{self._counter:012} {state}\n{self.owner}\n{self.note:{NOTE}.{NOTE}}\n".encode()
            try:
                # Opened and closed each time: on NFS others see it then.
                descriptor = os.open(self._path, os.O_WRONLY)
                try:
                    os.pwrite(descriptor, content, 0)
                finally:
                    os.close(descriptor)
            except FileNotFoundError:
                self._lost = True
            except OSError as error:
                if error.errno == errno.ESTALE:
                    self._lost = True


class Leases:
    """The leases of a run, as one owner sees them, and a thread that raises the counters of those that it holds.

    folder: Where they are. beat: Seconds. A context: at its end no lease of this owner is kept alive.
    """

    def __init__(self, folder: Path, beat: float, owner: str | None = None):
        self.folder, self.seconds, self.owner = folder, beat, owner or owner_name()
        # By name: the number and content of a lease that another has, and since when it has been so.
        self._seen: dict[str, tuple[int, bytes, float]] = {}
        self._held: set[Lease] = set()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Leases":
        self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self.seconds):
            for lease in list(self._held):
                lease.beat()

    @contextmanager
    def holding(self, name: str) -> Iterator[Lease | None]:
        """Hold a lease if it can be had now. It is free for others at once when what is done inside ends by an exception.

        None: Another one has it, and has not been still for long enough, as far as this owner has seen. Ask again each beat.
        RAISES: OSError where the file system does not take a new file.
        """
        lease = self._claim(name)
        if lease is None:
            yield None
            return
        self._held.add(lease)
        try:
            lease.beat()
            yield lease
        except BaseException:
            self._held.discard(lease)
            lease.beat(FREE)
            raise
        finally:
            self._held.discard(lease)

    def _claim(self, name: str) -> Lease | None:
        stem = self.folder / name
        seen = self._seen.pop(name, None)
        n = seen[0] if seen else 0
        while os.path.lexists(f"{stem}.lease.{n + 1}"):
            n += 1
        if n == 0:
            return self._create(stem, 1)
        content = _content(Path(f"{stem}.lease.{n}"))
        if _state(content) in (FREE, GIVEN_UP):
            return self._create(stem, n + 1)
        now = time.monotonic()
        since = seen[2] if seen and seen[:2] == (n, content) else now
        if now - since >= STILL * self.seconds:
            return self._create(stem, n + 1)
        self._seen[name] = (n, content, since)
        return None

    def _create(self, stem: Path, n: int) -> Lease | None:
        path = f"{stem}.lease.{n}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            try:
                descriptor = os.open(path, flags, 0o666)
            except FileNotFoundError:
                # Not its parents: a run that is over is not begun anew by who has slept through its end.
                stem.parent.mkdir(exist_ok=True)
                descriptor = os.open(path, flags, 0o666)
        except FileExistsError:
            return None
        os.close(descriptor)
        return Lease(stem, n, self.owner)

    def times_begun(self, name: str, n: int) -> int:
        """How many of the first n leases of a name were begun, and neither ended nor given back, since one was given up."""
        states = (_state(_content(Path(f"{self.folder / name}.lease.{i}"))) for i in range(n, 0, -1))
        return sum(state == BEGUN for state in takewhile(lambda state: state != GIVEN_UP, states))

    def forget(self, names: set[str]) -> None:
        """Forget what was seen of all others: who waits for them does so no more."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _state(content: bytes) -> str | None:
    """BEGUN, FREE, GIVEN_UP, or None of a lease whose owner has written nothing yet."""
    words = content.split(b"\n", 1)[0].decode("ascii", "replace").split()
    return words[1] if len(words) == 2 else None


@dataclass(frozen=True)
class Sign:
    """What a lease says to who looks at it: whose it is, what it is of, how far that is, and when it was written last."""

    owner: str
    name: str
    note: str
    written: float


def signs(folder: Path) -> Iterator[Sign]:
    """Of the highest lease of each name in a folder, unless it was given back."""
    highest: dict[str, int] = {}
    for path in folder.glob("*.lease.*") if folder.is_dir() else ():
        name, number = path.name.rsplit(".lease.", 1)
        highest[name] = max(int(number), highest.get(name, 0))
    for name, n in highest.items():
        path = folder / f"{name}.lease.{n}"
        content = _content(path)
        if _state(content) == BEGUN:
            _, owner, note, *_ = content.decode("utf8", "replace").split("\n")
            with suppress(FileNotFoundError):
                yield Sign(owner, name, note.rstrip(), path.stat().st_mtime)
