"""From the results of all shards to the output and its manifest, once, by whoever comes last.

    relations.jsonl.work/done.json     what the manifest will say: the output is made, and may be in its place
    relations.jsonl                    the output
    relations.jsonl.manifest.json      what it was made of and with, and what came of it
    relations.jsonl.work.done          the folder, on its way to be deleted

Whatever is killed at any moment, the next one goes on from what is there.
"""

import json
import os
import time
from array import array
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy

from spacy_relext.batch.asking import WORK, identity, limits_of, options_of, output_of
from spacy_relext.batch.leases import Leases, owner_name
from spacy_relext.batch.manifest import PLAN, Plan
from spacy_relext.batch.planning import read_shard
from spacy_relext.batch.results import (
    DOCUMENTS,
    ENDS,
    FAILED,
    ID_BYTES,
    INPUT,
    POLLS,
    Failure,
    LostError,
    Results,
    n_blocks,
    refuse_dropped,
    shards_of,
)
from spacy_relext.errors import DataError
from spacy_relext.extraction.provenance import ELSEWHERE, manifest, manifest_path, sizes_of, write_manifest
from spacy_relext.extraction.resuming import Report
from spacy_relext.extraction.shards import read_json, remove
from spacy_relext.extraction.storage import refuse_place
from spacy_relext.formats.files import put_in_place, sync, target_of, whole_file
from spacy_relext.formats.limits import limited
from spacy_relext.formats.reading import OnError, raise_error
from spacy_relext.formats.types import Document
from spacy_relext.notices import counted, counted_name, logger

DONE, MERGING = "done.json", "merge"
# So many errors of documents that were left out are in the manifest, of all that are counted.
MOST_ERRORS = 1000
# So many failures are told at once.
MOST_TOLD = 10


def finish(
    plan: Plan,
    *,
    on_error: OnError | None = None,
    results: Results | None = None,
    is_ours: Callable[[], bool] = lambda: True,
    note: Callable[[str], None] = lambda text: None,
    overwrite: bool = False,
) -> Report:
    """Make the output of the results of all shards, with its manifest, and delete the folder of the plan.

    Call it when each shard has been run. Of several at once, one should do it (`working.work` has a lease for that).

    on_error: Is given documents whose id another one has, which are left out, and may raise it; None: raises it.
    results: Of this process. is_ours: Asked at times whether to go on. note: Is told how far it is. overwrite: See `asking.computed`.
    RAISES: DataError where shards have no result: with the errors of those that failed; LostError where `is_ours` says no.
    """
    results = results or Results(plan, owner_name(), lambda text: logger.warning("%s", text))
    output = output_of(plan)
    place = target_of(output.path).path
    said = _made_before(plan, place)
    if said is None:
        overwrite = overwrite or plan.computed["overwrite"]
        refuse_place(output, place, overwrite=overwrite)
        merge = _Merge(plan, results, on_error or raise_error, is_ours, note)
        merge.read_headers()
        made, said = results.patiently(merge.make)
        merge.check_ours()
        refuse_place(output, place, overwrite=overwrite)
        put_in_place(made, place)
    write_manifest(said, place, within=results.own)
    _tidy(plan.folder)
    return report_of(said)


def _made_before(plan: Plan, place: Path) -> dict[str, Any] | None:
    """What the manifest will say where the output is in its place already."""
    done = plan.folder / DONE
    if not done.exists() or not place.exists():
        return None
    said = read_json(done, {"outputs"}, "what was finished", "Delete it: the output is made again.")
    return said if manifest({}, {}, place)["outputs"] == said["outputs"] else None


@dataclass
class _Merge:
    plan: Plan
    results: Results
    on_error: OnError
    is_ours: Callable[[], bool]
    note: Callable[[str], None]
    report: Report = field(default_factory=Report)
    left_out: Counter[str] = field(default_factory=Counter)
    # The first ones.
    errors: list[str] = field(default_factory=list)
    # Of ids that perhaps occur twice.
    twice: set[bytes] = field(default_factory=set)

    def check_ours(self) -> None:
        """RAISES: LostError where another one has taken it."""
        if not self.is_ours():
            raise LostError("the merge is another's.")

    def _tell_progress(self, text: str, number: int) -> None:
        if number % 100 == 0:
            self.check_ours()
            self.note(f"{text}: {number:,} of {self.plan.shards:,} shards")

    def read_headers(self) -> None:
        """Count what there is, and find ids that occur twice. RAISES: DataError where results are missing."""
        self._refuse_missing()
        hashes = array("Q")
        for shard in self.plan:
            self._tell_progress("counting", shard.number)
            header = self.results.header(shard.number)
            refuse_dropped(shard, header["documents"], len(header["errors"]))
            self.report.documents += header["documents"]
            self.report.relations += header["relations"]
            self._add_errors(header["errors"])
            self.left_out.update(header["left out"])
            hashes.frombytes(b64decode(header["ids"]))
        ordered = numpy.sort(numpy.frombuffer(hashes, dtype="uint64")) if hashes else numpy.zeros(0, dtype="uint64")
        self.twice = {value.tobytes() for value in numpy.unique(ordered[1:][ordered[1:] == ordered[:-1]])}

    def _add_errors(self, errors: list[str]) -> None:
        self.report.errors += len(errors)
        self.errors += errors[: MOST_ERRORS - len(self.errors)]

    def _refuse_missing(self) -> None:
        n_missing, failures = 0, list[Failure]()
        for block in range(n_blocks(self.plan)):
            missing = set(shards_of(self.plan, block)) - self.results.finished(block)
            n_missing += len(missing)
            failures += [self.results.failure(number) for number in sorted(missing & self.results.failed(block))]
        if failures:
            raise failed(failures, self.plan.folder)
        if n_missing:
            raise DataError(f"{counted(n_missing, 'shard has', 'shards have')} no result yet. Start workers.", path=self.plan.folder)

    def make(self) -> tuple[Path, dict[str, Any]]:
        """The output in a folder of this process, and what its manifest says."""
        made_with, own = _provenance(self.plan), self.results.own
        output = replace(output_of(self.plan), provenance=_wherever(made_with))
        if own.exists():
            remove(own)
        own.mkdir()
        made = own / output.path.name
        before = replace(self.report), list(self.errors)
        try:
            lost = output.write_all(self._lines(), made)
            sync(made)
            self.report.lost = {what: n for what, n in lost.items() if n}
            said = manifest(made_with, self._counts(), made)
            with whole_file(self.plan.folder / DONE, within=own) as file:
                file.write(json.dumps(said) + "\n")
        except BaseException:
            self.report, self.errors = before
            remove(own)
            raise
        return made, said

    def _counts(self) -> dict[str, Any]:
        counts = {
            **vars(self.report),
            "shards": self.plan.shards,
            "left out": dict(sorted((self.left_out + Counter(self.plan.counts)).items())),
        }
        return {name: value for name, value in counts.items() if name not in ("format", "left_out")} | {"first errors": self.errors}

    def _lines(self) -> Iterator[str]:
        """The documents of all shards, without those whose id another one has."""
        before: dict[str, int] = {}
        for number in range(self.plan.shards):
            self._tell_progress("writing", number)
            header, lines = self.results.read(number)
            ids = b64decode(header["ids"])
            for i, line in enumerate(lines):
                if ids[ID_BYTES * i : ID_BYTES * (i + 1)] in self.twice:
                    record = json.loads(line)
                    if before.setdefault(record["id"], i + (number << 32)) != i + (number << 32):
                        self._leave_out(record, before[record["id"]] >> 32, number)
                        continue
                yield line

    def _leave_out(self, record: dict[str, Any], first: int, second: int) -> None:
        """Count a document whose id another one has as an error. first, second: The shards of both."""
        one, *_ = self._read(first, record["id"])
        *_, other = self._read(second, record["id"])
        error = other.error(
            f"a document with this id is in {one.source}{'' if one.line is None else f':{one.line}'} already. Expected ids that differ."
        )
        self.on_error(error)
        self.report.documents -= 1
        self.report.relations -= len(record["relations"])
        self._add_errors([str(error)])

    def _read(self, number: int, id: str) -> list[Document]:
        with limited(limits_of(self.plan)):
            documents = read_shard(self.plan.shard(number), options_of(self.plan), lambda error: None, Counter())
            return [document for document in documents if document.id == id]


def failed(failures: Sequence[Failure], folder: Path) -> DataError:
    """The error of shards that have no result: what is wrong in them, and the cure."""
    errors = [error for failure in failures for error in failure.errors]
    more = f"\n(and {counted_name(len(errors) - MOST_TOLD, 'errors')} more: --status lists them.)" if len(errors) > MOST_TOLD else ""
    shards = counted(len(failures), "shard has", "shards have")
    reasons = {failure.reason for failure in failures}
    cures = ["--skip-errors leaves such documents out."] if DOCUMENTS in reasons else []
    cures += (
        [f"Put back inputs that were changed, and start the workers again; or delete {folder} to plan anew."] if INPUT in reasons else []
    )
    cures += [f"Delete {folder / FAILED} to run such shards again, with more memory."] if ENDS in reasons else []
    return DataError(
        "\n".join([f"{shards} no result, for what is wrong in them:", *errors[:MOST_TOLD]]) + more + "\n" + " ".join(cures), path=folder
    )


def report_of(said: dict[str, Any]) -> Report:
    """What came of a run, of its manifest."""
    counts = said["counts"]
    written = said["settings"]["format of the output"]
    return Report(counts["documents"], counts["relations"], counts["errors"], counts["lost"], written, counts["left out"])


def finished(plan_folder: Path, *, tidies: bool = True) -> dict[str, Any] | None:
    """The manifest of the run whose plan was in a folder, where it is finished.

    tidies: What the last one has left of the folder is deleted. RAISES: DataError where the output was changed since.
    """
    place = Path(str(plan_folder).removesuffix(WORK))
    path = manifest_path(place)
    if plan_folder.exists() or not path.exists() or not place.exists():
        return None
    said = read_json(path, {"counts", "outputs"}, "what an output was made with", "Move it away, or name another output.")
    if "plan" not in said:  # made without one
        return None
    sizes = {name: file["bytes"] for name, file in said["outputs"].items()}
    if sizes != (here := sizes_of(place)):
        changed = next(name for name in sorted({**sizes, **here}) if sizes.get(name) != here.get(name))
        raise DataError(
            f"a run was finished, and {changed} has been changed, added or deleted since (its manifest: {path.name}). Move them away, or "
            "name another output.",
            path=place,
        )
    if tidies:
        _delete(Path(f"{plan_folder}.done"))
    return said


@contextmanager
def finished_elsewhere(plan: Plan) -> Iterator[list[Report]]:
    """Where another one finishes the run, and its folder is gone, what is done inside ends without an error.

    YIELDS: a list that has what came of the run, then.
    """
    found = list[Report]()
    try:
        yield found
    except (OSError, DataError) as error:
        said = finished(plan.folder)
        if said is None or said["plan"] != identity(plan):
            raise
        logger.debug("%s", error)
        found.append(report_of(said))


def merged(plan: Plan, leases: Leases, results: Results, *, on_error: OnError | None = None, overwrite: bool = False) -> Report:
    """Make the output, as `finish` does, or wait for another one that makes it."""
    while True:
        if not plan.folder.exists():
            raise DataError("it was deleted while a worker was waiting.", path=plan.folder)
        with suppress(LostError), leases.holding(MERGING) as lease:
            if lease is not None:

                def note(text: str) -> None:
                    lease.note = text

                return finish(plan, on_error=on_error, results=results, is_ours=lease.is_held, note=note, overwrite=overwrite)
        time.sleep(plan.computed["beat"] / POLLS)


def _provenance(plan: Plan) -> dict[str, Any]:
    return {
        "pipeline": plan.computed["pipeline"],
        "packages": plan.computed["packages"],
        "settings": {name: value for name, value in plan.asked.items() if name not in ELSEWHERE},
        "computed": {name: value for name, value in plan.computed.items() if name not in ("pipeline", "packages")},
        "plan": identity(plan),
    }


def _wherever(made_with: dict[str, Any]) -> dict[str, Any]:
    """The same without places of files and how a run went, which the bytes of the output do not depend on."""
    settings = {name: value for name, value in made_with["settings"].items() if name not in ("inputs", "model")}
    computed = {name: value for name, value in made_with["computed"].items() if name not in ("beat", "overwrite", "processor")}
    return {name: value for name, value in made_with.items() if name != "plan"} | {"settings": settings, "computed": computed}


def _tidy(folder: Path) -> None:
    """Delete the folder of a plan. It goes out of the way as a whole first: nobody takes what is left of it for a run."""
    gone = Path(f"{folder}.done")
    _delete(gone)
    os.rename(folder, gone)
    _delete(gone)


def _delete(folder: Path) -> None:
    """Delete the folder of a plan that is out of the way, the plan last. Others may do the same at the same time."""
    while (folder / PLAN).exists():
        with suppress(FileNotFoundError):
            for path in sorted(folder.iterdir(), key=lambda path: path.name == PLAN):
                remove(path)
    with suppress(OSError):
        folder.rmdir()
