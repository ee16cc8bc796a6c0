"""`research matrix`: all cells of a matrix of experiments that are not finished, one after the other."""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from wasabi import msg

from research.matrix import Planned, read_matrix
from spacy_relext.cli.crossval import GPU_ID, KEEP, overrides_of, run_crossval, run_unless_claimed, values_by_name
from spacy_relext.cli.errors import reported_errors
from spacy_relext.errors import RelextError
from spacy_relext.experiments.cells import Cell, read_cell
from spacy_relext.experiments.crossval import FOLD, WHOLE
from spacy_relext.experiments.training import Experiment, finished


def matrix(
    ctx: typer.Context,
    matrix_path: Path = typer.Argument(..., help="A YAML file, e.g. configs/minilm.yml; settings of the configs can be overridden."),
    only: list[str] = typer.Option(
        [], help="Only these cells: corpus=ddi, view=…, summary=…, seed=…; several of one name mean either, of several names both."
    ),
    show: bool = typer.Option(False, "--list", help="List the cells, and which are finished; run none."),
    keep: bool = KEEP,
    gpu_id: int = GPU_ID,
):
    """Run the cells of a matrix that are not finished, in order. Started again it goes on; started twice, the two share cells and folds."""
    with reported_errors():
        cells = chosen(read_matrix(matrix_path, overrides_of(ctx)), only)
        if show:
            _list(cells)
            return
        experiments = [(cell, cell.experiment(gpu_id=gpu_id)) for cell in cells]
        # All of them first: that a cell cannot be run is to be known before the others are trained.
        for cell, experiment in experiments:
            for one, output in _outputs(cell, experiment):
                finished(one, output)
        elsewhere = 0
        for number, (cell, experiment) in enumerate(experiments, start=1):
            msg.divider(f"{number} of {len(cells)}: {', '.join(cell.names.values())}")
            if isinstance(experiment, Experiment):
                elsewhere += run_unless_claimed(experiment, cell.output, keep=keep) is None
            else:
                elsewhere += run_crossval(experiment, cell.output, keep=keep) is None
        msg.good(f"{len(cells) - elsewhere} of {len(cells)} cells are finished" + f", {elsewhere} run elsewhere" * bool(elsewhere))


def chosen(cells: list[Planned], only: list[str]) -> list[Planned]:
    """The cells that `--only` names. RAISES: RelextError where there is none, or a name that no cell has."""
    wanted = values_by_name(only, "--only")
    unknown = wanted.keys() - (cells[0].names if cells else wanted).keys()
    if unknown:
        raise RelextError(f"--only names {sorted(unknown)}; cells are chosen by {', '.join(cells[0].names)}.")
    chosen = [cell for cell in cells if all(cell.names[name] in values for name, values in wanted.items())]
    if not chosen:
        raise RelextError(f"no cell is chosen by {' '.join(f'--only {value!r}' for value in only)}. `--list` without them shows all cells.")
    return chosen


def _outputs(cell: Planned, experiment: Experiment | list[Experiment]) -> list[tuple[Experiment, Path]]:
    if isinstance(experiment, Experiment):
        return [(experiment, cell.output)]
    return [(fold, cell.output / FOLD.format(i)) for i, fold in enumerate(experiment)]


def _list(cells: list[Planned]) -> None:
    # What is the same for all is said once.
    common = {name: value for name, value in cells[0].names.items() if all(cell.names[name] == value for cell in cells)}
    different = [name for name in cells[0].names if name not in common]
    table = Table(*different, "test F", title=", ".join(common.values()))
    for cell in cells:
        table.add_row(*(cell.names[name] for name in different), _state(cell))
    Console().print(table)


def _state(cell: Planned) -> str:
    def figure(found: Cell) -> str:
        return f"{100 * found.test['rel_micro_f']:.1f}"

    if "folds" not in cell.data:
        return figure(read_cell(cell.output)) if cell.output.exists() else ""
    if (cell.output / WHOLE).exists():
        return figure(read_cell(cell.output / WHOLE))
    n_folds = len(list(cell.output.glob(FOLD.format("*"))))
    return f"{n_folds} folds" if n_folds else ""
