"""Changed files through every reader: no exception that is not ours, no hang, bounded memory, and nothing left out in silence.

    python -m tests.stress.fuzz_formats --files 100000 --seed 0
    python -m tests.stress.fuzz_formats --seed 0 --only 4711 --keep folder     # one of them again, and its files

Each file is a valid sample of a format of the catalogue (samples.py), with one to three changes (mutations.py). It is read as `convert`
reads it, into Docs. Where the number of documents of a file, or of relations of a document, can be told without the reader, what is read
and what is reported must add up to it.
"""

import argparse
import json
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random

import spacy
from spacy.language import Language

from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.catalogue import Format, get_format
from spacy_relext.formats.denials import without_denials
from spacy_relext.formats.docs import GIVEN_TWICE, SAME_PLACE, SELF, to_doc
from spacy_relext.formats.files import files_in
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import UNKNOWN, UNNAMED, Document
from tests.stress.mutations import mutate
from tests.stress.samples import Sample, samples

SECONDS = 20
MEGABYTES = 600
# Relations that `to_doc` leaves out.
LEFT_OUT = (GIVEN_TWICE, SAME_PLACE, SELF, UNKNOWN, UNNAMED)
# Where a record is a document: a line, or an entry of the one list.
LINES = ("jsonl", "prodigy", "doccano", "dygie", "lines")
LISTS = ("label-studio", "spert")


class Hang(BaseException):
    """A file takes too long. No Exception, which a reader might take for one of a library."""


@dataclass
class Outcome:
    """What became of a file: documents, errors, and what was left out."""

    documents: list[Document] = field(default_factory=list)
    n_docs: int = 0
    errors: list[DataError] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Failure:
    """What should not be: the number of the file, its format, and what happened."""

    number: int
    format: str
    what: str

    @property
    def kind(self) -> str:
        """The last lines: where it was, and what."""
        return self.format + ": " + " | ".join(line.strip() for line in self.what.strip().splitlines()[-3:])[-300:]


def read_input(made: Format, path: Path, options: Options, nlp: Language) -> Outcome:
    """Read an input into Docs, as `convert --skip-errors` does."""
    outcome = Outcome()
    reading = Reading(outcome.errors.append, options=options)
    try:
        for document in made.read(path, reading):
            outcome.documents.append(document)
            found: Counter[str] = Counter()
            try:
                doc = to_doc(document, nlp, found)
            except DataError as error:
                outcome.errors.append(error)
                continue
            # Beside those that the reader left out.
            names = (*LEFT_OUT, "denied relations (read as none)", "relations denied and asserted (kept as asserted)")
            n_others = sum(found[name] - document.unsupported[name] for name in names)
            document = without_denials(document)
            if document.relations is not None and len(doc):
                n_given = len(document.relations) + len(document.denied)
                assert found["relations"] + n_others == n_given, (found, document.relations, document.denied)
            outcome.n_docs += 1
    except RelextError as error:  # of the input as a whole
        outcome.errors.append(error if isinstance(error, DataError) else DataError(str(error)))
    outcome.counts = reading.counts
    return outcome


def check_outcome(made: Format, path: Path, outcome: Outcome) -> None:
    """Documents in = out + reported, where the number of those in the file is known."""
    for error in outcome.errors:
        assert str(error), "an error says nothing"
        str(error).encode("utf8", "surrogatepass")
    assert outcome.n_docs or outcome.errors or +outcome.counts or not _may_hold(made.name, path), "nothing read, and nothing said"
    n_known = _records(made.name, path)
    if n_known is not None:
        n_read = outcome.n_docs + len(outcome.errors)
        assert n_read <= n_known or made.name in LISTS, (n_known, n_read, outcome.errors)
        assert n_read + outcome.counts.total() >= n_known, (n_known, n_read, outcome.counts)


def _may_hold(name: str, path: Path) -> bool:
    """Whether there is anything but white space in the files; of tables of texts, anything behind the header."""
    texts = [file.read_bytes().strip() for file in ([path] if path.is_file() else files_in(path))] if path.exists() else []
    return any(b"\n" in text if name in ("texts-csv", "texts-tsv") else text for text in texts)


def _records(name: str, path: Path) -> int | None:
    """How many records a file has, as far as that can be told."""
    if not path.is_file():
        return None
    raw = path.read_bytes()
    if name in LINES:
        return sum(bool(line.strip()) for line in raw.split(b"\n"))
    if name in LISTS:
        try:
            value = json.loads(raw.decode("utf8"))
        except (ValueError, RecursionError):
            return None
        return len(value) if isinstance(value, list) else None
    return None


def make_input(seed: int, number: int, known: dict[str, list[Sample]]) -> tuple[str, dict[str, bytes], str, Options]:
    """A changed sample: the format, the files, the name of the input, and options. The same for a seed and number."""
    random = Random(f"{seed}-{number}")
    names = sorted(known)
    name = names[number % len(names)]
    files, target = random.choice(known[name])
    chosen = {}
    for f in fields(Options):
        if f.name in get_format(name).options and f.default is False and random.random() < 0.2:
            chosen[f.name] = True
    return name, mutate(random, files), target, Options(**chosen)  # type: ignore[arg-type]


def run_one(number: int, seed: int, known: dict[str, list[Sample]], nlp: Language, folder: Path) -> tuple[str, Outcome | Failure]:
    """Make and read a file. RETURNS: the format, and what became of it."""
    name, files, target, options = make_input(seed, number, known)
    for place, raw in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(raw)
    path = folder if target == "." else folder / target
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with time_limit(SECONDS):
            outcome = read_input(get_format(name), path, options, nlp)
            check_outcome(get_format(name), path, outcome)
    except (Exception, Hang):
        return name, Failure(number, name, traceback.format_exc())
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    if grown > MEGABYTES:
        return name, Failure(number, name, f"memory grew by {grown} MB")
    return name, outcome


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """RAISES: Hang where what is done inside takes longer. Of the main thread."""

    def stop(*_: object) -> None:
        raise Hang(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fuzz(
    numbers: Iterable[int],
    *,
    seed: int = 0,
    only: set[str] | None = None,
    tell: Callable[[Counter[str], list[Failure]], None] = lambda *_: None,
) -> tuple[Counter[str], list[Failure]]:
    """Read the files of these numbers. only: The names of formats; None: all. RETURNS: counts, and what should not be."""
    known = {name: found for name, found in samples().items() if found and (only is None or name in only)}
    nlp = spacy.blank("en")
    counts: Counter[str] = Counter()
    failures: list[Failure] = []
    for number in numbers:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("error")
            name, found = run_one(number, seed, known, nlp, Path(folder))
        counts["files"] += 1
        counts[name] += 1
        if isinstance(found, Failure):
            failures.append(found)
            tell(counts, failures)
        else:
            counts.update(documents=found.n_docs, errors=len(found.errors), whole=found.n_docs > 0 and not found.errors)
        if counts["files"] % 1000 == 0:
            # The vocabulary learns from every file.
            nlp = spacy.blank("en")
            tell(counts, failures)
    return counts, failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", help="Some of them: a,b")
    parser.add_argument("--only", type=int, help="The file of this number alone.")
    parser.add_argument("--keep", type=Path, help="A folder in which its files are put.")
    options = parser.parse_args()
    chosen = None if options.formats is None else set(options.formats.split(","))
    numbers = range(options.files) if options.only is None else [options.only]
    if options.keep is not None:
        known = {name: found for name, found in samples().items() if found and (chosen is None or name in chosen)}
        for place, raw in make_input(options.seed, options.only or 0, known)[1].items():
            (options.keep / place).parent.mkdir(parents=True, exist_ok=True)
            (options.keep / place).write_bytes(raw)
    told: set[str] = set()

    def tell(counts: Counter[str], failures: list[Failure]) -> None:
        print(f"{counts['files']:,} files, {len(failures)} failures", flush=True)
        for failure in failures:
            if failure.kind not in told:
                told.add(failure.kind)
                print(f"--only {failure.number}: {failure.what[-3000:]}", flush=True)

    start = time.perf_counter()
    counts, failures = fuzz(numbers, seed=options.seed, only=chosen, tell=tell)
    kinds: dict[str, list[Failure]] = {}
    for failure in failures:
        kinds.setdefault(failure.kind, []).append(failure)
    for kind, found in sorted(kinds.items(), key=lambda item: -len(item[1])):
        print(f"{len(found)} times, e.g. --only {found[0].number}: {kind}")
    seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{counts['files']:,} files, {counts['documents']:,} documents read, {counts['errors']:,} errors of ours, "
        f"{counts['whole']:,} files read whole: {len(failures)} failures, in {seconds:.0f} s, {peak} MB at the most"
    )
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()
