"""One process at a time."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from spacy_relext.errors import DataError

_WINDOWS = os.name == "nt"


@contextmanager
def lock(output: Path, *, timeout: float = 0.0) -> Iterator[None]:
    """Hold the lock of what is to be written, which the system frees where a run is killed.

    timeout: How long to wait for another process, in seconds.
    RAISES: Timeout where another process has it; DataError for a file of that name that is no lock.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    path = Path(f"{output}.lock")
    # Locks are empty, and to open one empties it. Looked at once: others may remove theirs meanwhile.
    with suppress(FileNotFoundError):
        there = path.lstat()
        if there.st_size or not stat.S_ISREG(there.st_mode):
            raise DataError("it is no lock of this command, which would stand there. Move it away, or name another output.", path=path)
    with FileLock(path, timeout=timeout):
        try:
            yield
        finally:
            # While it is held: afterwards it may be another's. Who has opened it meanwhile sees that it is gone. Windows removes no file
            # that is open; filelock does it there, when it frees the lock.
            if not _WINDOWS:
                path.unlink(missing_ok=True)
