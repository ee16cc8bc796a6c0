"""What a planned run is asked for and how it is computed: written with the plan, and compared by every worker before it begins."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from spacy_relext.batch.manifest import Plan
from spacy_relext.conversion.converting import given_options
from spacy_relext.errors import RelextError
from spacy_relext.extraction.provenance import packages, pipeline_of
from spacy_relext.extraction.resuming import asked_for, asked_of_files
from spacy_relext.extraction.running import Runner, Settings
from spacy_relext.extraction.shards import checksum_of
from spacy_relext.extraction.storage import Output
from spacy_relext.formats.limits import Limits, limits
from spacy_relext.formats.reading import Options
from spacy_relext.ml.patches import enabled
from spacy_relext.ml.precision import auto_precision

WORK = ".work"
# Seconds between two signs of life of a worker.
BEAT = 10.0
# Of the settings, those that are asked for; the others say how it is computed.
ASKED_SETTINGS = ("threshold", "labels", "keep_all_scores", "keep_relations", "max_pairs", "max_pieces", "max_characters")
PRECISION = "precision"
# What is asked for in groups of options, whose names say enough.
GROUPS = {"options", "settings", "limits", "packages"}
# Of what is computed, what makes no difference to the results, or is compared otherwise.
NOT_COMPARED = {"beat", "overwrite", "processor", "pipeline", PRECISION}


def request(
    settings: Settings, paths: Sequence[str], output: Output, *, format: str | None, options: Options, size: int, threads: int
) -> dict[str, Any]:
    """What somebody asks for, as JSON can say it, before any pipeline is loaded. paths: The inputs. size: Documents a shard."""
    said = asdict(settings)
    return {
        "model": os.path.abspath(settings.model) if os.path.exists(settings.model) else settings.model,
        "inputs": sorted({os.path.abspath(path) for path in paths}),
        **asked_of_files(output, size, format, options),
        "settings": {name: said[name] for name in ASKED_SETTINGS} | {"labels": None if settings.labels is None else list(settings.labels)},
        "limits": asdict(limits()),
        "documents per batch": settings.batch_size,
        "threads": threads,
    }


def asked(request: dict[str, Any], runner: Runner, output: Output, options: Options) -> dict[str, Any]:
    """What is asked for of a pipeline: the `request`, and what the pipeline makes of it."""
    known = {name: value for name, value in request.items() if name not in ("documents per batch", "threads")}
    return known | asked_for(output, runner, request["documents per shard"], request["format of the input"], options)


def computed(runner: Runner, *, threads: int, beat: float = BEAT, overwrite: bool = False) -> dict[str, Any]:
    """How it is computed. "auto" is decided here, for all machines.

    threads: Of torch, in each worker. beat: Seconds between two signs of life of a worker. overwrite: The output may be replaced.
    """
    device = _device(runner)
    return {
        PRECISION: auto_precision(device) if _says_auto(runner.nlp.config) else None,
        **_computed_here(runner, threads),
        # What the manifest of the output says of it, when no pipeline is loaded.
        "pipeline": pipeline_of(runner.nlp),
        "processor": f"{platform.machine()}, {'with' if auto_precision('cpu') == 'bfloat16' else 'without'} bfloat16",
        "beat": beat,
        "overwrite": overwrite,
    }


def _computed_here(runner: Runner, threads: int) -> dict[str, Any]:
    return {
        "device": _device(runner),
        "documents per batch": runner.settings.batch_size,
        "threads": threads,
        "patches": enabled(),
        "packages": packages(runner.nlp),
    }


def _device(runner: Runner) -> str:
    return "cuda" if runner.settings.gpu_id >= 0 else "cpu"


def _says_auto(config: Any) -> bool:
    if not isinstance(config, dict):
        return False
    return any(_says_auto(value) or (name in ("precision", "cpu_precision") and value == "auto") for name, value in config.items())


def output_of(plan: Plan) -> Output:
    """What the run of a plan writes."""
    said = plan.asked
    place = Path(str(plan.folder).removesuffix(WORK))
    return Output(
        place,
        said["format of the output"],
        said["documents per file"],
        said["safe for spreadsheets"],
        tuple(said["partitions"] or ()),
        bool(said["table of the documents"]),
    )


def options_of(plan: Plan) -> Options:
    """How the run of a plan takes its inputs."""
    return given_options(**plan.asked["options"])


def limits_of(plan: Plan) -> Limits:
    """How much the run of a plan reads at once."""
    return Limits(**plan.asked["limits"])


def identity(plan: Plan) -> str:
    """A checksum of all that the results of a plan depend on. Its results carry it."""
    return checksum_of([plan.asked, plan.computed, plan.checksum])


def prepared(plan: Plan, *, model: str | None = None, gpu_id: int = -1) -> Runner:
    """The pipeline of a plan, loaded, in a process that computes as planned: with so many threads of torch.

    model: Where the planned pipeline is on this machine; None: where it was on that of the plan. gpu_id: The GPU; -1: the CPU.
    RAISES: RelextError where anything that results depend on is not as planned: which, what was planned, and what is here.
    """
    runner = Runner(settings_of(plan, model=model, gpu_id=gpu_id))
    conform(plan, runner)
    return runner


def settings_of(plan: Plan, *, model: str | None = None, gpu_id: int = -1) -> Settings:
    """How the documents of a plan are run."""
    said = {**plan.asked["settings"]}
    labels = said.pop("labels")
    return Settings(
        model or plan.asked["model"],
        labels=None if labels is None else tuple(labels),
        batch_size=plan.computed["documents per batch"],
        gpu_id=gpu_id,
        **said,
    )


def conform(plan: Plan, runner: Runner) -> None:
    """See to it that this process computes as planned. RAISES: See `prepared`."""
    said = plan.asked
    here = asked_for(output_of(plan), runner, said["documents per shard"], said["format of the input"], options_of(plan))
    refuse_differences({name: said.get(name) for name in here}, here, plan.folder, "this worker is not the planned one")
    planned = {name: value for name, value in plan.computed.items() if name not in NOT_COMPARED}
    refuse_differences(planned, _computed_here(runner, planned["threads"]), plan.folder, "this worker would compute otherwise")
    if plan.computed[PRECISION] == "bfloat16" and auto_precision(_device(runner)) != "bfloat16":
        raise RelextError(
            f"{plan.folder}: bfloat16 is planned, and this machine does not compute with it. Plan on this machine: the "
            "others can do what it does, in float32."
        )
    torch.set_num_threads(planned["threads"])


def refuse_request(request: dict[str, Any], planned: dict[str, Any], given: set[str] | None, folder: Path) -> None:
    """Refuse what was not planned.

    planned: What was asked for, and how it is computed. given: The names of what counts of the request; None: all but the model, whose
    files are compared when it is loaded.
    RAISES: RelextError with what differs.
    """
    flat = {name: value for name, value in _flat(request).items() if name != "model" and (given is None or name in given)}
    known = _flat({name: planned.get(name) for name in request})
    refuse_differences({name: known.get(name) for name in flat}, flat, folder, "something else is asked for than was planned")


def refuse_differences(planned: dict[str, Any], here: dict[str, Any], folder: Path, what: str) -> None:
    """RAISES: RelextError where something is not as planned."""
    planned, here = _flat(planned), _flat(here)
    names = [name for name in {**planned, **here} if planned.get(name) != here.get(name)]
    if names:
        differences = ", ".join(f"{name}: {_told(planned.get(name))} planned, {_told(here.get(name))} here" for name in names)
        anew = "delete the folder to plan anew" if folder.name.endswith(WORK) else "make it anew with --plan --overwrite"
        raise RelextError(f"{folder}: {what} ({differences}). Ask for the same, or {anew}.")


def _told(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.80}"


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """The same with the values of groups in the place of these. A name that is no option has that of its group: labels and components."""
    flat = {}
    for key, group in said.items():
        for name, value in group.items() if isinstance(group, dict) else [(key, group)]:
            flat[name if name == key or key in GROUPS else f"{key} ({name})"] = value
    return flat
