"""One process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Hold the lock of what is to be written, which the system frees where a run is killed.

    RAISES: Timeout where another process has it.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    lock = Path(f"{output}.lock")
    with FileLock(lock, timeout=0):
        try:
            yield
        finally:
            # Before it is freed: afterwards it may be another's.
            lock.unlink()
