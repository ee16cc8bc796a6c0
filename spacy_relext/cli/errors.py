"""From exceptions to a message and an exit status."""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from tqdm import tqdm
from wasabi import Printer

from spacy_relext.errors import DataError, RelextError

messages = Printer(no_print=True)


def tell(text: str) -> None:
    """Print a message to standard error: standard output may hold the relations. A bar of progress stays below it."""
    with tqdm.external_write_mode(file=sys.stderr):
        typer.echo(text, err=True)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    tell(messages.warn(text))


def put_out(text: str) -> None:
    """Write data to standard output: in UTF-8 and with its ends of lines, whatever the system's are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf8"))


@contextmanager
def reported_errors() -> Iterator[None]:
    """Print an error of ours, or of the system, as a message and leave with status 1; others are bugs, and keep their traceback."""
    try:
        yield
    except RelextError as error:
        tell(messages.fail(str(error)))
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # the next command of a pipe has ended
            raise
        tell(messages.fail(f"the system says: {error}."))
        raise SystemExit(1) from None


class SkippedErrors:
    """Decides what becomes of an error in one document: raised, or with `skip` printed and counted."""

    def __init__(self, *, skip: bool):
        self.skip = skip
        self.count = 0

    def __call__(self, error: DataError) -> None:
        if not self.skip:
            raise DataError(f"{error.message} (--skip-errors leaves such documents out.)", path=error.path, line=error.line)
        self.count += 1
        warn(f"skipped: {error}")

    def guard(self, action: Callable, *args) -> object | None:
        """Call `action`; its result, or None where it raised a DataError that is skipped."""
        try:
            return action(*args)
        except DataError as error:
            self(error)
            return None
