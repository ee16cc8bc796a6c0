"""`relext extract` in shards that are planned: --plan, --worker, --shard, --engine, --status."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spacy_relext.batch.asking import conform, prepared, refuse_request, request
from spacy_relext.batch.beginning import begin, has_plan, work_folder
from spacy_relext.batch.manifest import Plan
from spacy_relext.batch.merging import finished, report_of
from spacy_relext.batch.processes import ending_on_sigterm, run_in_processes
from spacy_relext.batch.ray_engine import Cluster, run
from spacy_relext.batch.working import Outcome, work
from spacy_relext.cli.errors import SkippedErrors, tell, warn
from spacy_relext.cli.outputs import Bar
from spacy_relext.cli.status import print_status
from spacy_relext.conversion.exporting import unsupported_lines
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Report
from spacy_relext.extraction.running import Runner, Settings
from spacy_relext.extraction.storage import Output
from spacy_relext.formats.reading import Options
from spacy_relext.notices import counted, counted_name

PLAN, WORKER, SHARD, STATUS, ENGINE = "--plan", "--worker", "--shard", "--status", "--engine"
# Options that have another name in a plan.
NAMES = {
    "paths": "inputs",
    "format": "format of the input",
    "to": "format of the output",
    "documents_per_file": "documents per file",
    "spreadsheet_safe": "safe for spreadsheets",
    "partition_by": "partitions",
    "documents_table": "table of the documents",
    "shard_size": "documents per shard",
    "batch_size": "documents per batch",
    "max_record": "record",
    "max_unpacked": "unpacked",
}


@dataclass
class Asked:
    """What a command line asks for.

    model, paths: None and empty where they are left out, and the plan says them. given: The names of the options that are on the command
    line.
    """

    model: str | None
    paths: list[str]
    output: Output
    settings: Settings
    format: str | None
    options: Options
    shard_size: int
    threads: int
    given: set[str]
    overwrite: bool = False
    skip_errors: bool = False
    n_process: int | None = None
    request: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.request = request(
            self.settings,
            self.paths,
            self.output,
            format=self.format,
            options=self.options,
            size=self.shard_size,
            threads=self.threads,
        )

    def compare(self, planned: dict[str, Any], plan: Plan | None = None) -> None:
        """Refuse what is not as planned: of a whole command all of it, otherwise what is on the command line."""
        whole = self.model is not None and bool(self.paths)
        folder = plan.folder if plan is not None else self.output.path
        refuse_request(self.request, planned, None if whole else {NAMES.get(name, name) for name in self.given}, folder)


def run_planned(mode: str, asked: Asked, share: str | None = None, cluster: Cluster | None = None) -> None:
    """Do what one of the options says. cluster: Where it is run; None: here."""
    folder = work_folder(asked.output)
    if mode == STATUS:
        print_status(folder, asked.output)
        return
    part = _share(share) if share is not None else None
    found = None if has_plan(folder) or (mode == PLAN and asked.overwrite) else finished(folder)
    if found is None:
        try:
            plan, runner = _plan(folder, asked)
            if runner is None and cluster is None:
                runner = prepared(plan, model=asked.model, gpu_id=asked.settings.gpu_id)
        except (OSError, DataError):
            # Another one may have come to the end meanwhile.
            found = finished(folder)
            if found is None:
                raise
    if found is not None:
        asked.compare({**found["settings"], **found["computed"]})
        cure = "Delete it to make it anew" if asked.output.is_folder else "--plan --overwrite makes it anew"
        tell(f"Finished already: {asked.output.path}. {cure}.")
        _tell(report_of(found), asked)
        return
    if mode == PLAN:
        _tell_plan(plan, asked)
    else:
        _run(plan, runner, asked, part, cluster)


def _run(plan: Plan, runner: Runner | None, asked: Asked, part: tuple[int, int] | None, cluster: Cluster | None) -> None:
    """Run shards, here or in a cluster, and make the output of them when none is left. part: None: any shard."""
    bar = Bar(desc="Extracting", unit=" shards", total=plan.shards)

    def show(outcome: Outcome, n_finished: int) -> None:
        for error in outcome.errors if outcome.is_new else ():
            warn(f"{'skipped' if asked.skip_errors else 'not finished'}: {error}")
        bar.update(max(0, n_finished - bar.n))

    how: dict[str, Any] = {
        "skip_errors": asked.skip_errors,
        "on_error": SkippedErrors(skip=asked.skip_errors),
        "on_outcome": show,
        "tell": tell,
        "overwrite": asked.overwrite,
    }
    report: Report | None
    with bar, ending_on_sigterm():
        if cluster is not None:
            report, warnings = run(plan, cluster, model=asked.model, **how)
        else:
            assert runner is not None
            if part is None and (asked.n_process or 1) > 1:
                run_in_processes(plan, runner, asked.n_process or 1, skip_errors=asked.skip_errors, on_outcome=show, tell=tell)
            report, warnings = work(plan, runner, share=part, **how), runner.warnings
        bar.update(plan.shards - bar.n if report is not None else 0)
    for text in warnings.lines():
        warn(text)
    if report is None:
        tell(f"This share is finished. Others are not: whoever comes last makes {asked.output.path}.")
    else:
        _tell(report, asked)


def _share(text: str) -> tuple[int, int]:
    """Which share of how many: 3/64."""
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise RelextError(f"--shard {text}: expected which of how many, from 1 on, such as 3/64.")
    return int(match[1]), int(match[2])


def _plan(folder: Any, asked: Asked) -> tuple[Plan, Runner | None]:
    """The plan, and its pipeline if it is made now, since there is none."""
    if has_plan(folder):
        plan = Plan.read(folder)
        asked.compare({**plan.asked, **plan.computed}, plan)
        return plan, None
    if asked.model is None or not asked.paths:
        raise RelextError(f"{folder}: there is no plan. Name the pipeline and the inputs (MODEL INPUT...) to plan.")
    inputs = Inputs(asked.paths, asked.format, asked.options)
    if inputs.ignored:
        tell(f"Files of the folders that are not read: {', '.join(f'{n:,} {kind}' for kind, n in inputs.ignored.most_common())}.")
    runner = Runner(asked.settings)
    with Bar(desc="Planning", unit=" documents") as bar:
        plan = begin(
            asked.request,
            runner,
            inputs,
            asked.output,
            overwrite=asked.overwrite,
            on_error=SkippedErrors(skip=asked.skip_errors),
            on_shard=lambda shard: bar.update(shard.documents or 0),
        )
    # Which another one may have made meanwhile.
    asked.compare({**plan.asked, **plan.computed}, plan)
    conform(plan, runner)
    return plan, runner


def _tell_plan(plan: Plan, asked: Asked) -> None:
    documents = "" if plan.documents is None else f" with {counted(plan.documents, 'document', 'documents')}"
    tell(f"{counted(plan.shards, 'shard', 'shards')}{documents} in {plan.folder}")
    for what, n in plan.counts.items():
        tell(f"left out: {counted_name(n, what)}")
    tell(f"Start workers, on any machines that have this folder: python -m spacy relext extract --worker --output {asked.output.path}")


def _tell(report: Report, asked: Asked) -> None:
    tell_report(report, report.left_out, asked.output.path)


def tell_report(report: Report, left_out: Mapping[str, int], output: Path | None) -> None:
    """Tell what came of a run. left_out: Of the input, what is no error. output: What was written; None: to standard output."""
    where = f" in {output}" if output is not None else ""
    for what, n in left_out.items():
        if n:
            tell(counted_name(n, what))
    for line in unsupported_lines(report.lost, report.format):
        tell(line)
    relations = counted(report.relations, "relation", "relations")
    tell(f"{relations} in {counted(report.documents, 'document', 'documents')}{where}")
    if report.errors:
        skipped = ("document or file had errors and was skipped.", "documents or files had errors and were skipped.")
        tell(counted(report.errors, *skipped))
