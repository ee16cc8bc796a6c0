"""From exceptions to a message and an exit status."""

import errno
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from tqdm import tqdm
from wasabi.printer import Printer

from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.reading import Options

messages = Printer(no_print=True)
# Messages name a setting as Python does, `keep_empty` or `sentences='lines'`: these are the settings of functions that commands call.
SETTING = re.compile(r"`([A-Za-z_.]+)(?:=([^`\n]*))?`")
QUOTES = "[]'"
SETTINGS = frozenset(Options.__dataclass_fields__) | {
    *("sentences", "labels", "dev", "dev_share", "keep_negated", "overwrite", "gpu_id", "spans_key", "base_iri", "spreadsheet_safe"),
    *("documents_per_file", "format", "keep_all_scores", "max_pieces", "n_process", "batch_size"),
    *("threshold", "tune_threshold", "test", "component", "config", "max_errors", "half", "guideline"),
    *("cost_ratio", "target_precision", "confidence", "per_label", "review_share"),
    *("only", "limit", "gold", "texts", "svg", "output", "removal"),
}
# Those that are no option of the same name.
OTHER_NAMES = {
    "choose_threshold.labels": "--label",
    "nlp": "--lang or --tokenizer",
    "nlp.max_length": "--max-characters",
    "Limits.characters": "--max-characters",
    "Limits.record": "--max-record",
    "Limits.unpacked": "--max-unpacked",
}


def as_options(text: str) -> str:
    """A message with the options of the command line in the place of the settings that it names."""
    return SETTING.sub(_as_option, text)


def _as_option(setting: re.Match[str]) -> str:
    name, value = setting.groups()
    if name in OTHER_NAMES:
        return OTHER_NAMES[name]
    if name not in SETTINGS:
        return setting[0]
    option = f"--{name.replace('_', '-')}"
    return option if value in (None, "True") else f"{option} {value.strip(QUOTES)}"


def tell(text: str) -> None:
    """Print a message to standard error: standard output may hold the relations. A bar of progress stays below it."""
    with tqdm.external_write_mode(file=sys.stderr):
        typer.echo(as_options(text), err=True)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    tell(messages.warn(as_options(text)))


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
        first, *others = as_options(str(error)).split("\n")
        tell("\n".join([messages.fail(first), *map(messages.text, others)]))
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # the next command of a pipe has ended
            raise
        tell(messages.fail(f"the system says: {error}."))
        raise SystemExit(1) from None


class SkippedErrors:
    """Decides what becomes of an error in one document: raised, or with `skip` printed."""

    def __init__(self, *, skip: bool):
        self.skip = skip

    def __call__(self, error: DataError) -> None:
        """Print the error, or raise it."""
        if not self.skip:
            raise DataError(f"{error.message} (--skip-errors leaves such documents out.)", path=error.path, line=error.line)
        warn(f"skipped: {error}")
