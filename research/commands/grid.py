"""`research grid`: all runs of a grid of experiments that are not finished, one after the other."""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from wasabi import msg

from research.grid import Planned, read_grid
from spacy_relext.cli.crossval import KEEP, overrides_of, run_crossval, run_unless_locked, values_by_name
from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.options import GPU_ID
from spacy_relext.errors import RelextError
from spacy_relext.experiments.crossval import AGGREGATE, FOLD
from spacy_relext.experiments.runs import Run, read_run
from spacy_relext.experiments.training import Experiment, finished
from spacy_relext.notices import counted


def grid(
    ctx: typer.Context,
    grid_path: Path = typer.Argument(..., help="A YAML file, e.g. configs/minilm.yml; settings of the configs can be overridden."),
    only: list[str] = typer.Option(
        [], help="Only these runs: corpus=ddi, encoding=…, summary=…, seed=…; several of one name mean either, of several names both."
    ),
    show: bool = typer.Option(False, "--list", help="List the runs, and which are finished; start none."),
    keep: bool = KEEP,
    gpu_id: int = GPU_ID,
):
    """Carry out the runs of a grid that are not finished, in order; started twice, the two share runs and folds."""
    with reported_errors():
        runs = chosen(read_grid(grid_path, overrides_of(ctx.args)), only)
        if show:
            _list(runs)
            return
        experiments = [(run, run.experiment(gpu_id=gpu_id)) for run in runs]
        # All of them first: that one cannot be started is to be known before the others are trained.
        for run, experiment in experiments:
            for one, output in _outputs(run, experiment):
                finished(one, output)
        elsewhere = 0
        for number, (run, experiment) in enumerate(experiments, start=1):
            msg.divider(f"{number} of {len(runs)}: {', '.join(run.names.values())}")
            if isinstance(experiment, Experiment):
                elsewhere += run_unless_locked(experiment, run.output, keep=keep) is None
            else:
                elsewhere += run_crossval(experiment, run.output, keep=keep) is None
        n_here = f"{len(runs) - elsewhere:,} of {counted(len(runs), 'run is', 'runs are')} finished"
        msg.good(n_here + (f", {counted(elsewhere, 'is', 'are')} run by another process" if elsewhere else ""))


def chosen(runs: list[Planned], only: list[str]) -> list[Planned]:
    """The runs that `--only` names. RAISES: RelextError where there is none, or a name that no run has."""
    wanted = values_by_name(only, "--only")
    unknown = wanted.keys() - (runs[0].names if runs else wanted).keys()
    if unknown:
        raise RelextError(f"--only names {sorted(unknown)}; runs are chosen by {', '.join(runs[0].names)}.")
    chosen = [run for run in runs if all(run.names[name] in values for name, values in wanted.items())]
    if not chosen:
        raise RelextError(f"no run is chosen by {' '.join(f'--only {value!r}' for value in only)}. `--list` without them shows all runs.")
    return chosen


def _outputs(run: Planned, experiment: Experiment | list[Experiment]) -> list[tuple[Experiment, Path]]:
    if isinstance(experiment, Experiment):
        return [(experiment, run.output)]
    return [(fold, run.output / FOLD.format(i)) for i, fold in enumerate(experiment)]


def _list(runs: list[Planned]) -> None:
    # What is the same for all is said once.
    common = {name: value for name, value in runs[0].names.items() if all(run.names[name] == value for run in runs)}
    different = [name for name in runs[0].names if name not in common]
    table = Table(*different, "test F", title=", ".join(common.values()))
    for run in runs:
        table.add_row(*(run.names[name] for name in different), _state(run))
    Console().print(table)


def _state(run: Planned) -> str:
    def figure(found: Run) -> str:
        return f"{100 * found.test['rel_micro_f']:.1f}"

    if "folds" not in run.data:
        return figure(read_run(run.output)) if run.output.exists() else ""
    if (run.output / AGGREGATE).exists():
        return figure(read_run(run.output / AGGREGATE))
    n_folds = len(list(run.output.glob(FOLD.format("*"))))
    return f"{n_folds} folds" if n_folds else ""
