"""`relext extract`: relations of new texts, few or thousands."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import typer

from spacy_relext.batch.ray_engine import Cluster
from spacy_relext.cli.convert import ANNOTATOR, DEFAULT_LABEL, EVENTS, LABEL_COLUMN, ROLES, USE_PREDICTIONS, UTF16_OFFSETS
from spacy_relext.cli.errors import SkippedErrors, put_out, reported_errors, tell, warn
from spacy_relext.cli.options import (
    DOCUMENTS_TABLE,
    GPU_ID,
    MAX_CHARACTERS,
    MAX_RECORD,
    MAX_UNPACKED,
    META_COLUMNS,
    OVERWRITE,
    PARTITION_BY,
    SPREADSHEET_SAFE,
    THRESHOLD,
    chosen_limits,
    names_of,
)
from spacy_relext.cli.outputs import Bar
from spacy_relext.cli.planned import ENGINE, PLAN, SHARD, STATUS, WORKER, Asked, run_planned, tell_report
from spacy_relext.cli.tables import print_table
from spacy_relext.conversion.exporting import written_by_suffix
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.terminal import ascii_lines, terminal_width
from spacy_relext.errors import RelextError
from spacy_relext.extraction.extracting import Extraction, Record
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.running import MAX_PAIRS, MAX_PIECES, Result, Settings
from spacy_relext.extraction.storage import Output
from spacy_relext.formats import jsonl
from spacy_relext.formats.catalogue import READABLE, WRITABLE
from spacy_relext.formats.limits import limited
from spacy_relext.formats.reading import Options
from spacy_relext.notices import counted
from spacy_relext.service.picturing import pictured

# Who hands out the shards of a plan.
Engine = StrEnum("Engine", ["ray"])
# What typer calls the source of an option that was given.
COMMAND_LINE = "COMMANDLINE"


def extract(
    ctx: typer.Context,
    model: str = typer.Argument(None, help="Name or folder of a pipeline; may be left out where there is a plan."),
    paths: list[str] = typer.Argument(
        None,
        metavar="INPUT...",
        help="Files, folders, patterns such as 'texts/*.txt.gz', - for standard input; may be left out where there is a plan.",
    ),
    output: Path = typer.Option(None, "--output", "-o", help="The file or folder to write; standard output (JSONL) if left out."),
    format: str = typer.Option(None, help=f"Format of the input, unless the suffix says it. One of: {', '.join(READABLE)}."),
    text_column: str = typer.Option(None, help="Tables: the column with the text; 'text', if left out."),
    id_column: str = typer.Option(None, help="Tables: the column with the id of the document; if left out, 'id', if there is one."),
    meta_columns: str = META_COLUMNS,
    label_column: str = typer.Option(None, help=LABEL_COLUMN),
    roles: list[str] = typer.Option([], metavar="HEAD,TAIL", help=ROLES),
    events: str = typer.Option(None, help=EVENTS),
    default_label: str = typer.Option(None, help=DEFAULT_LABEL),
    annotator: str = typer.Option(None, help=ANNOTATOR),
    use_predictions: bool = typer.Option(False, "--use-predictions", help=USE_PREDICTIONS),
    utf16_offsets: bool = typer.Option(False, "--utf16-offsets", help=UTF16_OFFSETS),
    to: str = typer.Option(None, help=f"Format of the output, unless the suffix says it. One of: {', '.join(WRITABLE)}."),
    documents_per_file: int = typer.Option(None, min=1, help="Write a folder with files of so many documents."),
    partition_by: str = PARTITION_BY,
    documents_table: bool = DOCUMENTS_TABLE,
    manifest: bool = typer.Option(False, "--manifest", help="Also write OUTPUT.manifest.json: pipeline, versions, counts, checksums."),
    threshold: float = THRESHOLD,
    labels: str = typer.Option(None, help="Only relations with these labels: A,B."),
    keep_all_scores: bool = typer.Option(False, "--keep-all-scores", help="Also the probabilities of every candidate pair (JSONL)."),
    keep_relations: bool = typer.Option(
        False, "--keep-relations", help="Keep the relations of the input beside those that are found. Without, they are left out."
    ),
    n_process: int = typer.Option(
        None, "--n-process", "-n", min=1, help="Processes; if left out, one per core, where there are documents enough and no GPU is used."
    ),
    n_tokenize: int = typer.Option(
        None, min=0, help="Processes that tokenise the documents that come next; if left out, some where a GPU is used."
    ),
    batch_size: int = typer.Option(32, "--batch-size", "-b", min=1, help="Documents in a batch."),
    shard_size: int = typer.Option(256, min=1, help="Documents that are stored at a time: as many are run again after a stop."),
    gpu_id: int = GPU_ID,
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
    arcs: bool = typer.Option(False, "--arcs", help="Also print the texts that have relations, with arcs of them above the lines."),
    skip_errors: bool = typer.Option(False, help="Report documents with errors, leave them out, and go on."),
    plan: bool = typer.Option(False, PLAN, help="Only plan: which documents are in which shard, for workers on any machines."),
    worker: bool = typer.Option(False, WORKER, help="Plan if there is no plan, run shards that nobody else runs, and make the output."),
    share: str = typer.Option(None, SHARD, metavar="I/N", help="Run every N-th shard from the I-th on, such as 3/64, whoever runs others."),
    status: bool = typer.Option(False, STATUS, help="Print how far all workers are, and what has failed."),
    threads: int = typer.Option(1, min=1, help="Threads of each worker or actor; the plan keeps them."),
    engine: Engine = typer.Option(None, ENGINE, help="Plan if there is no plan, run the shards in actors of Ray, and make the output."),
    address: str = typer.Option(None, help="--engine ray: the cluster; if left out, RAY_ADDRESS, or this machine alone."),
    actors: int = typer.Option(None, min=1, help="--engine ray: processes; as many as fit, if left out."),
    cpus_per_actor: float = typer.Option(1.0, min=0.0, help="--engine ray: processors of each."),
    gpus_per_actor: float = typer.Option(0.0, min=0.0, help="--engine ray: GPUs of each."),
):
    """Extract relations from texts, few or thousands.

    With --output, a run that was stopped or killed goes on when the same command is started again.
    """
    chosen = ((PLAN, plan), (WORKER, worker), (SHARD, share is not None), (ENGINE, engine is not None), (STATUS, status))
    modes = [name for name, given in chosen if given]
    with reported_errors(), limited(chosen_limits(max_characters, max_record, max_unpacked)):
        _check_modes(modes, ctx, model, paths)
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
            meta_columns=names_of("--meta-columns", meta_columns),
        )
        wanted = tuple(label.strip() for label in labels.split(",")) if labels is not None else None
        bounds = {"max_pairs": max_pairs, "max_pieces": max_pieces, "max_characters": max_characters}
        if gpus_per_actor and gpu_id < 0:
            gpu_id = 0
        settings = Settings(model or "", threshold, wanted, keep_all_scores, keep_relations, batch_size, gpu_id, **bounds)
        if modes:
            by = names_of("--partition-by", partition_by)
            target = Output(output, _format(output, to), documents_per_file, spreadsheet_safe, by, documents_table)
            given = {name for name in ctx.params if _is_given(ctx, name)}
            asked = Asked(
                model, paths or [], target, settings, format, options, shard_size, threads, given, overwrite, skip_errors, n_process
            )
            run_planned(modes[0], asked, share, Cluster(address, actors, cpus_per_actor, gpus_per_actor) if engine else None)
            return
        inputs = Inputs(paths, format, options)
        if inputs.ignored:
            tell(f"Files of the folders that are not read: {', '.join(f'{n:,} {kind}' for kind, n in inputs.ignored.most_common())}.")
        if output is None:
            _check_stream(to, documents_per_file, spreadsheet_safe=spreadsheet_safe)
            if partition_by or documents_table or manifest:
                raise RelextError("standard output is JSONL, in one piece, with nothing beside it. Name an output with --output.")
        warnings: list[str] = []
        run = Extraction(
            inputs,
            settings,
            n_process=n_process,
            n_tokenize=n_tokenize,
            on_error=SkippedErrors(skip=skip_errors),
            on_warning=warnings.append,
            progress=_progress,
        )
        rows: list[tuple[str, ...]] = []

        def show(record: Record) -> None:
            if table:
                rows.extend(_rows(record))
            if arcs and record["relations"]:
                tell("\n".join(_arcs(record, run.symmetric_labels)) + "\n")

        if output is None:
            for record in run:
                put_out(jsonl.line_of(record))
                show(record)
        else:
            try:
                run.write(
                    output,
                    _format(output, to),
                    documents_per_file=documents_per_file,
                    spreadsheet_safe=spreadsheet_safe,
                    partition_by=names_of("--partition-by", partition_by),
                    documents_table=documents_table,
                    manifest=manifest,
                    shard_size=shard_size,
                    overwrite=overwrite,
                    on_record=show if table or arcs else None,
                )
            finally:
                if run.stored is not None:
                    folder, n_stored = run.stored
                    tell(f"{counted(n_stored, 'document is', 'documents are')} stored in {folder}: the same command goes on from there.")
        if table:
            _print_relations(rows)
        tell_report(run.report, inputs.left_out, output)
        for text in warnings:
            warn(text)


def _format(output: Path, to: str | None) -> str:
    return to or (written_by_suffix(output, "--to") if output.suffix else "jsonl")


def _is_given(ctx: typer.Context, name: str) -> bool:
    """Whether a parameter is on the command line."""
    return getattr(ctx.get_parameter_source(name), "name", None) == COMMAND_LINE


def _check_modes(modes: list[str], ctx: typer.Context, model: str | None, paths: list[str] | None) -> None:
    """Refuse what does not go together. Only where there is a plan, it may say pipeline and inputs."""
    of_ray = [name for name in ("address", "actors", "cpus_per_actor", "gpus_per_actor") if _is_given(ctx, name)]
    given = [f"--{name.replace('_', '-')}" for name in of_ray]
    if given and ENGINE not in modes:
        raise RelextError(f"{', '.join(given)}: of {ENGINE} ray. Add it, or leave them out.")
    if SHARD in modes and (ctx.params["n_process"] or 1) > 1:
        raise RelextError(f"--n-process: {SHARD} is one process. Start it with other shares beside it, or use {WORKER}.")
    if ENGINE in modes and ctx.params["n_process"]:
        raise RelextError(f"--n-process: {ENGINE} ray has --actors.")
    if not modes:
        for name, value in (("MODEL", model), ("INPUT...", paths)):
            if not value:
                ctx.fail(f"Missing argument '{name}'.")
        return
    if len(modes) > 1:
        raise RelextError(f"{' and '.join(modes)}: one at a time.")
    if ctx.params["output"] is None:
        raise RelextError(f"{modes[0]} needs --output: the plan is kept beside it.")
    if ctx.params["n_tokenize"]:
        raise RelextError(f"--n-tokenize: {modes[0]} runs shards, whose processes tokenise by themselves. Leave it out.")
    for name in ("table", "arcs"):
        if ctx.params[name]:
            raise RelextError(f"--{name} prints what one process reads. Leave it out of {modes[0]}.")


def _check_stream(to: str | None, documents_per_file: int | None, *, spreadsheet_safe: bool) -> None:
    if spreadsheet_safe:
        raise RelextError("--spreadsheet-safe is for csv, and standard output is JSONL. Leave it out, or name a .csv with --output.")
    if to not in (None, "jsonl") or documents_per_file is not None:
        raise RelextError("standard output is JSONL, in one piece. Name a file or folder with --output.")


def _progress(results: Iterable[Result], total: int | None, n_finished: int) -> Iterable[Result]:
    if n_finished:
        tell(f"{counted(n_finished, 'document is', 'documents are')} finished already.")
    return Bar(results, desc="Extracting", unit=" documents", total=total, initial=n_finished)


def _arcs(record: Record, symmetric: Iterable[str]) -> list[str]:
    """The lines of a text with arcs above them."""
    data = {**pictured(record, symmetric, "", "ltr"), "title": record["id"]}
    return ascii_lines(Picture.from_dict(data), terminal_width())


def _print_relations(rows: list[tuple[str, ...]]) -> None:
    """The table, with statuses where something is uncertain."""
    header: tuple[str, ...] = ("head", "relation", "tail", "score", "status", "sentence")
    if not any(row[4] for row in rows):
        header, rows = (*header[:4], header[5]), [(*row[:4], row[5]) for row in rows]
    print_table(header, rows, stderr=True)


def _rows(record: Record) -> Iterator[tuple[str, ...]]:
    """Head, label, tail, score and status (empty: asserted) of each relation, with the sentence of its head.

    Where there are no sentences, with all of the text.
    """
    text, mentions = record["text"], {mention["id"]: mention for mention in record["mentions"]}
    for relation in record["relations"]:
        head, tail = mentions[relation["head"]], mentions[relation["tail"]]
        sentences = (text[start:end] for start, end in record.get("sentences", ()) if start <= head["start"] < end)
        score, status = f"{relation.get('score', 1.0):.2f}", relation.get("status", "")
        yield head["text"], relation["label"], tail["text"], score, status, next(sentences, text).strip()
