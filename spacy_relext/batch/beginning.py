"""A plan is made once, whoever asks for it at the same time."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spacy_relext.batch.asking import BEAT, WORK, asked, computed
from spacy_relext.batch.leases import LEASES, Leases
from spacy_relext.batch.manifest import PLAN, Plan, Shard, write_plan
from spacy_relext.batch.merging import DONE
from spacy_relext.batch.planning import learned_orders, plan_shards
from spacy_relext.batch.results import FAILED, OWN, POLLS, RESULTS, STOPPED
from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.running import Runner
from spacy_relext.extraction.storage import Output, refuse_place
from spacy_relext.formats.files import TEMPORARY, target_of
from spacy_relext.formats.reading import OnError, raise_error

PLANNING = "plan"
NAMES = (PLAN, DONE, STOPPED, LEASES, RESULTS, FAILED)
OURS = re.compile(rf"{'|'.join(map(re.escape, NAMES))}|shards-\w+\.(jsonl|index)|{OWN}[\w.-]+|{re.escape(TEMPORARY)}\w+")


def work_folder(output: Output) -> Path:
    """Where the plan of an output is kept, and all that is made until it is there."""
    if output.is_stream:
        raise DataError("it is a device, a pipe or an open file, and a plan is for files and folders. Name one.", path=output.path)
    return Path(f"{target_of(output.path).path}{WORK}")


def has_plan(folder: Path) -> bool:
    """Whether there is a plan. RAISES: DataError for a folder that holds anything else."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    strange = next((name for name in names if not OURS.fullmatch(name)), None)
    if strange == "manifest.json":
        raise DataError("an unfinished run without a plan is kept there. Finish it without --plan and --worker, or delete it.", path=folder)
    if strange is not None or (folder.exists() and not folder.is_dir()):
        raise DataError(
            f"a plan is kept in a folder of this name, and {f'it holds {strange!r}' if strange else 'it is none'}. Move it away.",
            path=folder,
        )
    return PLAN in names


def begin(
    request: dict[str, Any],
    runner: Runner,
    inputs: Inputs,
    output: Output,
    *,
    beat: float | None = None,
    overwrite: bool = False,
    on_error: OnError = raise_error,
    on_shard: Callable[[Shard], None] = lambda shard: None,
) -> Plan:
    """The plan of a run, which is made unless there is one. Of several processes that begin at once, one makes it, and the others wait.

    request: See `asking.request`. beat: None: `BEAT`. beat, overwrite: See `asking.computed`. on_error: See `plan_shards`.
    on_shard: Is given each shard that is planned here.
    RAISES: DataError for inputs that cannot be planned, and where something stands in the place of the output.
    """
    folder, beat = work_folder(output), beat or BEAT
    if not has_plan(folder):
        refuse_place(output, target_of(output.path).path, overwrite=overwrite)
        (folder / LEASES).mkdir(parents=True, exist_ok=True)
        with Leases(folder / LEASES, beat) as leases:
            while not has_plan(folder):
                with leases.holding(PLANNING) as lease:
                    if lease is not None and not has_plan(folder):

                        def told() -> Iterator[Shard]:
                            for shard in plan_shards(inputs, request["documents per shard"], on_error):
                                lease.note = f"{shard.number + 1:,} shards"
                                on_shard(shard)
                                yield shard

                        how = computed(runner, threads=request["threads"], beat=beat, overwrite=overwrite)
                        orders = learned_orders(inputs) if runner.settings.keep_relations else None
                        write_plan(folder, told(), asked(request, runner, output, inputs.options), how, {}, orders)
                        continue
                time.sleep(beat / POLLS)
    return Plan.read(folder)
