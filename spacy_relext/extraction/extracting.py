"""Relations of many texts: one at a time, or in a file that is there as a whole or not at all."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from filelock import Timeout
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from spacy_relext.conversion.converting import Errors, error_handler, given_options
from spacy_relext.conversion.exporting import written_by_suffix
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Given, Inputs
from spacy_relext.extraction.resuming import Report, Work
from spacy_relext.extraction.running import MAX_PIECES, Processes, Runner, Settings, run, useful_processes
from spacy_relext.extraction.storage import Output
from spacy_relext.extraction.tokenizing import Tokenizing, useful_tokenizers
from spacy_relext.formats.files import target_of, whole_path
from spacy_relext.formats.reading import OnError
from spacy_relext.formats.types import Document
from spacy_relext.locks import lock
from spacy_relext.notices import logger
from spacy_relext.pipeline.preparing import symmetric_labels
from spacy_relext.relations import register_extensions

# A document as a line of our JSONL says it: id, text, mentions, relations.
Record = dict[str, Any]
Input = str | Path | Doc | Document
# Shows how results come: given them, how many there will be (None: nobody knows), and how many an earlier run has finished.
Progress = Callable[[Iterable[Any], int | None, int], Iterable[Any]]


def extract(
    inputs: Input | Iterable[Input],
    pipeline: str | Path | Language,
    *,
    format: str | None = None,
    threshold: float | None = None,
    labels: Iterable[str] | None = None,
    keep_all_scores: bool = False,
    keep_relations: bool = False,
    n_process: int | None = None,
    n_tokenize: int | None = 0,
    batch_size: int = 32,
    gpu_id: int = -1,
    max_pairs: int | None = None,
    max_pieces: int = MAX_PIECES,
    max_characters: int | None = None,
    on_error: Errors = "raise",
    **options: Any,
) -> "Extraction":
    """The relations of texts, few or thousands: to iterate over, or to write to a file.

        for record in extract(["Aspirin increases warfarin levels."], "en_relext_demo"):
            print(record["relations"])
        extract(Path("texts"), "en_relext_demo").write("relations.csv")

    inputs: Texts (`str`), Docs and documents, which keep the mentions that they have; or paths: files, folders and patterns as `Path`, of
        any format that is read, packed by gzip or not; `Path("-")` is standard input.
    pipeline: Name or folder of a pipeline, or one that is loaded, whose settings are put back when all is read.
    format: Of the files; None: by the suffix. options: Of the format, as `Options` has them: text_column="abstract".
    threshold: The probability that a relation must have, between 0 and 1, in the place of the pipeline's.
    labels: Only relations with these; None: all.
    keep_all_scores: Also the probabilities of every candidate pair, in `record["pairs"]`.
    keep_relations: Keep the relations of the input beside those that are found.
    n_process: None: one per core, where there are documents enough and no GPU is used. batch_size: Documents in a batch.
    n_tokenize: Processes that tokenise the documents that come next while this one computes, which is for a GPU; None: some where one is
        used. A script that has them needs `if __name__ == "__main__":`, since a GPU's are spawned.
    gpu_id: The GPU; -1: the CPU.
    max_pairs: The most candidate pairs of a document, the nearest. max_pieces, max_characters: The most word pieces and characters; a
        longer document is an error. None: what the pipeline says.
    on_error: "raise"; "skip": leave out documents with errors, each with a warning; or a function, which is given the error.
    RETURNS: An `Extraction`, which has not begun.
    RAISES: RelextError for settings and inputs that cannot be right; while it runs, DataError for documents that cannot.
    """
    register_extensions()
    given = [inputs] if isinstance(inputs, (str, Path, Doc, Document)) else inputs
    name = f"{pipeline.lang}_{pipeline.meta['name']}" if isinstance(pipeline, Language) else str(pipeline)
    settings = Settings(
        name,
        threshold,
        None if labels is None else tuple(labels),
        keep_all_scores,
        keep_relations,
        batch_size,
        gpu_id,
        max_pairs=max_pairs,
        max_pieces=max_pieces,
        max_characters=max_characters,
    )
    nlp = pipeline if isinstance(pipeline, Language) else None
    return Extraction(_read_from(given, format, options), settings, nlp, n_process=n_process, n_tokenize=n_tokenize, on_error=on_error)


def _read_from(inputs: Iterable[Input], format: str | None, options: dict[str, Any]) -> Inputs:
    rest = iter(inputs)
    first = list(islice(rest, 1))
    # What can be iterated over once is at its second by now.
    given = chain(first, rest) if rest is inputs else inputs
    if not (first and isinstance(first[0], Path)):
        if format is not None or options:
            raise RelextError(f"{format or ', '.join(options)}: of files, and texts are given. Give paths as Path, or leave it out.")
        return Given(given)
    paths = list(given)
    if not all(isinstance(path, Path) for path in paths):
        raise RelextError("paths are given, and something else beside them. Give one or the other.")
    return Inputs([str(path) for path in paths], format, given_options(**options))


class Extraction:
    """Documents on their way through a pipeline. Iterating over it, or writing it, begins anew.

    nlp: A pipeline that is loaded; None: `settings.model` is. progress: Shows how results come.
    on_warning: Is given, at the end, what makes results empty or wrong without an error.
    report: What came of it, complete at the end: `documents`, `relations`, `errors`, `lost` (what the format of the output cannot hold).
    """

    def __init__(
        self,
        inputs: Inputs,
        settings: Settings,
        nlp: Language | None = None,
        *,
        n_process: int | None = None,
        n_tokenize: int | None = 0,
        on_error: Errors = "raise",
        on_warning: Callable[[str], None] = lambda text: logger.warning("%s", text),
        progress: Progress = lambda results, total, n_finished: results,
    ):
        self.inputs, self.settings, self.nlp, self.n_process, self.n_tokenize = inputs, settings, nlp, n_process, n_tokenize
        if n_tokenize and (n_process or 1) > 1:
            raise RelextError(
                f"`n_process` is {n_process} and `n_tokenize` {n_tokenize}: several processes tokenise by themselves. Leave one out."
            )
        self.on_error: OnError = error_handler(on_error)
        self.on_warning, self.progress = on_warning, progress
        self.report = Report()
        # The labels without a direction, once the pipeline is loaded.
        self.symmetric_labels: frozenset[str] = frozenset()
        # Where finished documents are kept when it ends before all are, and how many.
        self.stored: tuple[Path, int] | None = None

    def __iter__(self) -> Iterator[Record]:
        """A record for each document, as a line of our JSONL has it, in the order of the input."""
        self.report = report = Report()
        with self._running() as (runner, processes):
            batches = minibatch(runner.accepted(self.inputs.read(self._count), self._count), size=self.settings.batch_size)
            results = chain.from_iterable(run(runner, batches, processes))
            for result in self.progress(results, self.inputs.count(), 0):
                if isinstance(result, DataError):
                    self._count(result)
                    continue
                report.documents += 1
                report.relations += len(result["relations"])
                yield result

    def _count(self, error: DataError) -> None:
        self.on_error(error)
        self.report.errors += 1

    def write(
        self,
        output: str | Path,
        format: str | None = None,
        *,
        documents_per_file: int | None = None,
        spreadsheet_safe: bool = False,
        partition_by: Sequence[str] = (),
        documents_table: bool = False,
        manifest: bool = False,
        shard_size: int = 256,
        overwrite: bool = False,
        on_record: Callable[[Record], None] | None = None,
    ) -> Report:
        """Write a file or, in some formats, a folder: whole, or not at all. Stopped or killed, it goes on when the same is asked for again.

        format: A name of the catalogue; None: by the suffix. documents_per_file: Write a folder with files of so many documents.
        spreadsheet_safe: csv: put ' before fields that spreadsheets take for formulas.
        partition_by: parquet: write a folder, with a folder in it per value of these: label, or a key of the documents' meta.
        documents_table: parquet: write a folder, with a table of all documents too.
        manifest: Also write a file, called after the output, of what it was made with, the counts, and the SHA-256 of its files.
        shard_size: Documents that are stored at a time: as many are run again after a stop. overwrite: A file that is there is replaced.
        on_record: Is given the record of each document, those of an earlier run too, before the output is made.
        RAISES: RelextError for settings that do not fit, and what cannot be written; DataError for documents with errors.
        """
        path = Path(output)
        chosen = format or (written_by_suffix(path) if path.suffix else "jsonl")
        by = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
        target = Output(path, chosen, documents_per_file, spreadsheet_safe, by, documents_table)
        if target.is_stream and target.is_folder:
            raise RelextError(f"{path}: a folder is to be written, and this is a device, a pipe or an open file. Name a folder.")
        if target.is_stream and manifest:
            raise RelextError(f"{path}: a manifest lies beside a file, and this is a device, a pipe or an open file. Name a file.")
        if self.settings.keep_all_scores and target.format != "jsonl":
            raise RelextError(f"`keep_all_scores`: {target.format} has no place for them. Write jsonl.")
        with self._running() as (runner, processes):
            if target.is_stream:
                with whole_path(path) as made:
                    work = Work(replace(target, path=made), self.inputs, runner, size=shard_size)
                    self._finish(work, processes, on_record, stays=False)
                return self.report
            try:
                with lock(target_of(path).path):
                    work = Work(target, self.inputs, runner, size=shard_size, overwrite=overwrite, manifest=manifest)
                    self._finish(work, processes, on_record)
            except Timeout:
                raise RelextError(f"{output}: another process is writing it. Wait for its end, or name another output.") from None
            except OSError as error:
                raise RelextError(f"{output} cannot be written: {error}.") from error
        return self.report

    def _finish(self, work: Work, processes: Processes | None, on_record: Callable[[Record], None] | None, *, stays: bool = True) -> None:
        """Run what is not finished, and make the output. stays: What is finished is found again after a stop."""
        try:
            for _ in self.progress(work.fill(self.on_error, processes=processes), self.inputs.count(), work.n_read):
                pass
            if on_record is not None and not work.storage.is_moved:
                for line in work.storage.lines():
                    on_record(json.loads(line))
            self.report = work.finish()
        except BaseException:
            if work.headers and not work.storage.is_moved and stays:
                self.stored = work.storage.folder, work.n_read
            else:
                work.storage.give_up()
            raise

    @contextmanager
    def _running(self) -> Iterator[tuple[Runner, Processes | None]]:
        runner = Runner(self.settings, self.nlp)
        self.symmetric_labels = frozenset[str]().union(*map(symmetric_labels, runner.extractors))
        try:
            # Before the output is locked: a fork would inherit the lock, and could hold it longer than this process lives.
            with self._processes(runner) as processes:
                yield runner, processes
            for text in runner.warnings.lines():
                self.on_warning(text)
        finally:
            runner.restore()

    def _processes(self, runner: Runner) -> AbstractContextManager[Processes | None]:
        """Other processes that run documents, or tokenise them."""
        n_tokenize = self.n_tokenize
        if n_tokenize is None:
            n_tokenize = 0 if self.n_process else useful_tokenizers(self.settings, runner.nlp.tokenizer)
        if n_tokenize:
            return Tokenizing(runner, n_tokenize)
        n_process = self.n_process or useful_processes(self.inputs.count(), self.settings)
        return Processes(runner, n_process) if n_process > 1 else nullcontext()
