"""`relext extract`: relations of new texts, few or thousands."""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path

import typer
from filelock import Timeout
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from spacy.util import minibatch

from spacy_relext.cli.convert import ANNOTATOR, DEFAULT_LABEL, EVENTS, LABEL_COLUMN, ROLES, USE_PREDICTIONS, UTF16_OFFSETS
from spacy_relext.cli.errors import Bar, SkippedErrors, put_out, reported_errors, tell, warn
from spacy_relext.cli.limits import MAX_CHARACTERS, MAX_RECORD, MAX_UNPACKED, OVERWRITE, SPREADSHEET_SAFE, chosen_limits
from spacy_relext.conversion.exporting import losses, written_by_suffix
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Report, Work
from spacy_relext.extraction.running import MAX_PAIRS, MAX_PIECES, Processes, Result, Runner, Settings, run, useful_processes
from spacy_relext.extraction.storage import Output
from spacy_relext.formats import jsonl
from spacy_relext.formats.catalogue import READABLE, WRITABLE
from spacy_relext.formats.files import target_of, whole_path
from spacy_relext.formats.limits import limited
from spacy_relext.formats.reading import Options
from spacy_relext.locks import lock
from spacy_relext.notices import counted, counted_name

# Head, relation, tail, score and sentence.
Row = tuple[str, str, str, str, str]


def extract(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    paths: list[str] = typer.Argument(
        ..., metavar="INPUT...", help="Files, folders, patterns such as 'texts/*.txt.gz', - for standard input."
    ),
    output: Path = typer.Option(None, "--output", "-o", help="The file or folder to write; standard output (JSONL) if left out."),
    format: str = typer.Option(None, help=f"Format of the input, unless the suffix says it. One of: {', '.join(READABLE)}."),
    text_column: str = typer.Option(None, help="Tables: the column with the text; 'text', if left out."),
    id_column: str = typer.Option(None, help="Tables: the column with the id of the document; if left out, 'id', if there is one."),
    label_column: str = typer.Option(None, help=LABEL_COLUMN),
    roles: list[str] = typer.Option([], metavar="HEAD,TAIL", help=ROLES),
    events: str = typer.Option(None, help=EVENTS),
    default_label: str = typer.Option(None, help=DEFAULT_LABEL),
    annotator: str = typer.Option(None, help=ANNOTATOR),
    use_predictions: bool = typer.Option(False, "--use-predictions", help=USE_PREDICTIONS),
    utf16_offsets: bool = typer.Option(False, "--utf16-offsets", help=UTF16_OFFSETS),
    to: str = typer.Option(None, help=f"Format of the output, unless the suffix says it. One of: {', '.join(WRITABLE)}."),
    documents_per_file: int = typer.Option(None, min=1, help="Write a folder with files of so many documents."),
    threshold: float = typer.Option(None, help="Probability that a relation must have, in the place of the pipeline's."),
    labels: str = typer.Option(None, help="Only relations with these labels: A,B."),
    keep_all_scores: bool = typer.Option(False, "--keep-all-scores", help="Also the probabilities of every candidate pair (JSONL)."),
    keep_relations: bool = typer.Option(
        False, "--keep-relations", help="Keep the relations of the input beside those that are found. Without, they are left out."
    ),
    n_process: int = typer.Option(
        None, "--n-process", "-n", min=1, help="Processes; if left out, one per core, where there are documents enough and no GPU is used."
    ),
    batch_size: int = typer.Option(32, min=1, help="Documents a batch."),
    shard_size: int = typer.Option(256, min=1, help="Documents that are stored at a time: as many are run again after a stop."),
    gpu_id: int = typer.Option(-1, help="GPU to use; -1 for the CPU."),
    max_pairs: int = typer.Option(
        None, min=1, help=f"The most candidate pairs of a document, the nearest; what the pipeline says, or {MAX_PAIRS:,}, if left out."
    ),
    max_pieces: int = typer.Option(MAX_PIECES, min=1, help="The most word pieces of a document."),
    max_characters: int = MAX_CHARACTERS,
    max_record: float = MAX_RECORD,
    max_unpacked: float = MAX_UNPACKED,
    spreadsheet_safe: bool = SPREADSHEET_SAFE,
    overwrite: bool = OVERWRITE,
    table: bool = typer.Option(False, help="Also print the relations as a table."),
    skip_errors: bool = typer.Option(False, help="Report documents with errors, leave them out, and go on."),
):
    """Extract relations. With --output, a run that was stopped or killed goes on when the same command is started again."""
    with reported_errors(), limited(chosen_limits(max_characters, max_record, max_unpacked)):
        options = Options(
            text_column,
            id_column,
            roles=tuple(roles),
            label_column=label_column,
            default_label=default_label,
            annotator=annotator,
            use_predictions=use_predictions,
            utf16_offsets=utf16_offsets,
            events=events,
        )
        inputs = Inputs(paths, format, options)
        if inputs.ignored:
            tell(f"Files of the folders that are not read: {', '.join(f'{n:,} {kind}' for kind, n in inputs.ignored.most_common())}.")
        target = _target(output, to, documents_per_file, spreadsheet_safe=spreadsheet_safe)
        if keep_all_scores and target is not None and target.format != "jsonl":
            raise RelextError(f"--keep-all-scores: {target.format} has no place for them. Write jsonl.")
        wanted = tuple(label.strip() for label in labels.split(",")) if labels is not None else None
        bounds = {"max_pairs": max_pairs, "max_pieces": max_pieces, "max_characters": max_characters}
        runner = Runner(Settings(model, threshold, wanted, keep_all_scores, keep_relations, batch_size, gpu_id, **bounds))
        place = None if target is None or target.is_stream else target_of(target.path).path
        errors = SkippedErrors(skip=skip_errors)
        rows: list[Row] | None = [] if table else None
        n_process = n_process or useful_processes(inputs.count(), runner.settings)
        # Before the output is locked: a fork would inherit the lock, and could hold it longer than this process lives.
        with Processes(runner, n_process) if n_process > 1 else nullcontext() as processes:
            if target is None:
                report = _print(inputs, runner, errors, processes, rows)
            elif place is None:
                with whole_path(target.path) as made:
                    work = Work(replace(target, path=made), inputs, runner, size=shard_size)
                    report = _write(work, errors, processes, rows, stays=False)
            else:
                try:
                    with lock(place):
                        work = Work(target, inputs, runner, size=shard_size, overwrite=overwrite)
                        report = _write(work, errors, processes, rows)
                except Timeout:
                    raise RelextError(f"{output}: another process is writing it. Wait for its end, or name another output.") from None
                except OSError as error:
                    raise RelextError(f"{output} cannot be written: {error}.") from error
        if rows is not None:
            _print_table(rows)
        _tell_counts(inputs, report, target)
        for notice in runner.warnings.lines():
            warn(notice)


def _target(path: Path | None, to: str | None, documents_per_file: int | None, *, spreadsheet_safe: bool) -> Output | None:
    if path is None:
        if spreadsheet_safe:
            raise RelextError("--spreadsheet-safe is for csv, and standard output is JSONL. Leave it out, or name a .csv with --output.")
        if to not in (None, "jsonl") or documents_per_file is not None:
            raise RelextError("standard output is JSONL, in one piece. Name a file or folder with --output.")
        return None
    named = to or (written_by_suffix(path, "--to") if path.suffix else "jsonl")
    target = Output(path, named, documents_per_file, spreadsheet_safe)
    if target.is_stream and target.is_folder:
        raise RelextError(f"{path}: a folder is to be written, and this is a device, a pipe or an open file. Name a folder.")
    return target


def _print(inputs: Inputs, runner: Runner, errors: SkippedErrors, processes: Processes | None, rows: list[Row] | None) -> Report:
    """Results on standard output, as they come."""
    report = Report()
    batches = minibatch(runner.accepted(inputs.read(errors), errors), size=runner.settings.batch_size)
    for result in _progress(chain.from_iterable(run(runner, batches, processes)), inputs):
        if isinstance(result, DataError):
            errors(result)
            continue
        line = jsonl.line_of(result)
        put_out(line)
        report.documents += 1
        report.relations += len(result["relations"])
        if rows is not None:
            rows += _rows(line)
    report.errors = errors.count
    return report


def _write(work: Work, errors: SkippedErrors, processes: Processes | None, rows: list[Row] | None, *, stays: bool = True) -> Report:
    """Results in a file or folder, when all are there. stays: What is finished is found again after a stop."""
    if work.n_read:
        tell(f"{counted(work.n_read, 'document is', 'documents are')} finished already.")
    try:
        for _ in _progress(work.fill(errors, processes=processes), work.inputs, work.n_read):
            pass
        if rows is not None and not work.storage.is_moved:
            rows += chain.from_iterable(map(_rows, work.storage.lines()))
        return work.finish()
    except BaseException:
        if work.headers and not work.storage.is_moved and stays:
            stored = counted(work.n_read, "document is", "documents are")
            tell(f"{stored} stored in {work.storage.folder}: the same command goes on from there.")
        else:
            work.storage.give_up()
        raise


def _progress(results: Iterator[Result], inputs: Inputs, n_finished: int = 0) -> Iterator[Result]:
    return Bar(results, desc="Extracting", unit=" documents", total=inputs.count(), initial=n_finished)


def _tell_counts(inputs: Inputs, report: Report, target: Output | None) -> None:
    where = f" in {target.path}" if target is not None else ""
    for what, count in inputs.left_out.items():
        if count:
            tell(counted_name(count, what))
    if target is not None:
        for line in losses(report.lost, target.format):
            tell(line)
    relations = counted(report.relations, "relation", "relations")
    tell(f"{relations} in {counted(report.documents, 'document', 'documents')}{where}")
    if report.errors:
        skipped = ("document or file had errors and was skipped.", "documents or files had errors and were skipped.")
        tell(counted(report.errors, *skipped))


def _rows(line: str) -> Iterator[Row]:
    """The relations of a document, each with the sentence of its head or, where there are no sentences, all of the text."""
    record = json.loads(line)
    text, mentions = record["text"], {mention["id"]: mention for mention in record["mentions"]}
    for relation in record["relations"]:
        head, tail = mentions[relation["head"]], mentions[relation["tail"]]
        sentences = (text[start:end] for start, end in record.get("sentences", ()) if start <= head["start"] < end)
        yield head["text"], relation["label"], tail["text"], f"{relation.get('score', 1.0):.2f}", next(sentences, text).strip()


def _print_table(rows: Sequence[Row]) -> None:
    table = Table("head", "relation", "tail", "score", "sentence", title="Relations", show_lines=True)
    for row in rows:
        # Escaped: to rich, the brackets of "[3H]ketanserin" are markup.
        table.add_row(*(escape(cell) for cell in row))
    Console(stderr=True).print(table)
