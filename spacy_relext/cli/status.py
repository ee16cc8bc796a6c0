"""What `relext extract --status` prints."""

import time
from collections.abc import Iterator
from pathlib import Path

import typer

from spacy_relext.batch.leases import STILL
from spacy_relext.batch.results import DOCUMENTS, FAILED
from spacy_relext.batch.status import FINISHED, MERGES, NOTHING, PLANS, Status, failures, status
from spacy_relext.extraction.storage import Output
from spacy_relext.notices import counted, counted_name

# Workers, and errors, that are listed of more.
MOST_LISTED = 20


def print_status(folder: Path, output: Output) -> None:
    """Print how far a run is, and what has failed."""
    for line in lines(folder, output):
        typer.echo(line)


def lines(folder: Path, output: Output) -> Iterator[str]:
    """What is printed."""
    found = status(folder)
    yield f"{output.path}: {found.state}"
    if found.report is not None:
        report = found.report
        yield f"  {counted(report.relations, 'relation', 'relations')} in {counted(report.documents, 'document', 'documents')}"
        if report.errors:
            yield f"  {counted(report.errors, 'document or file with errors was', 'documents or files with errors were')} left out"
    if found.state in (FINISHED, NOTHING):
        return
    if found.state != PLANS:
        yield from _counts(found)
    yield from _workers(found)
    if found.difference:
        yield f"Stopped: {found.difference}"
    yield from _failures(folder)


def _counts(found: Status) -> Iterator[str]:
    failed = f", {found.failed:,} failed" if found.failed else ""
    yield f"  shards     {found.finished:,} of {found.shards:,} ({found.finished / (found.shards or 1):.0%}){failed}"
    of_all = f" of {found.documents:,}" if found.documents is not None else ""
    left_out = f", {found.left_out:,} of them left out, with errors" if found.left_out else ""
    yield f"  documents  {found.documents_finished:,}{of_all}{left_out}"
    if found.per_second and found.state != MERGES:
        yield f"  rate       {found.per_second:,.1f} documents per second"
    if found.seconds_left and found.state != MERGES:
        yield f"  time left  {duration(found.seconds_left)}"


def _workers(found: Status) -> Iterator[str]:
    yield f"  workers    {len(found.workers) or 'none'}"
    for sign in sorted(found.workers, key=lambda sign: sign.owner)[:MOST_LISTED]:
        silent = found.silent(sign)
        told = f", silent for {duration(silent)}" if silent > 2 * found.beat and found.beat else ""
        what = sign.name.replace("shard-", "shard ")
        yield f"    {sign.owner}: {what}{f', {sign.note}' if sign.note else ''}{told}"
    if len(found.workers) > MOST_LISTED:
        yield f"    and {len(found.workers) - MOST_LISTED:,} more"
    quiet = time.time() - found.last_sign if found.last_sign is not None else 0.0
    if found.beat and quiet > STILL * found.beat:
        told = f"No result and no sign of life of a worker for {duration(quiet)}, by the clock of this machine"
        yield f"  {told} (--shard gives results alone). Start workers to go on."


def _failures(folder: Path) -> Iterator[str]:
    n_errors, can_be_left_out = 0, False
    for failure, has_result in failures(folder):
        if not n_errors:
            yield "Errors:"
        state = "left out" if has_result else "failed"
        can_be_left_out |= failure.reason == DOCUMENTS and not has_result
        for error in failure.errors:
            n_errors += 1
            if n_errors <= MOST_LISTED:
                yield f"  shard {failure.number} ({state}): {error}"
    if n_errors > MOST_LISTED:
        yield f"  and {counted_name(n_errors - MOST_LISTED, 'errors')} more, in {folder / FAILED}"
    if can_be_left_out:
        yield "--worker --skip-errors runs the shards that failed without such documents."


def duration(seconds: float) -> str:
    """As people say it: 35 seconds, 12 minutes, 3 h 20 min, 2 days 4 h."""
    if seconds < 100:
        return counted(round(seconds), "second", "seconds")
    minutes = round(seconds / 60)
    if minutes < 100:
        return counted(minutes, "minute", "minutes")
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h"
