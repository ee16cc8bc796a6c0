"""Plots of experiments."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from spacy_relext.errors import RelextError
from spacy_relext.extras import extra
from spacy_relext.formats.files import whole_path

SUFFIXES = (".svg", ".png", ".pdf")
READS = {"cls": "[CLS]", "mentions": "[head; tail]"}
# Lines differ in marker and dashes too: a plot may be printed without colour.
STYLES = ("o-", "s--", "^-.", "D:", "v-", "x--")


def require_suffix(path: Path) -> None:
    """Raise where a plot cannot be written."""
    if path.suffix not in SUFFIXES:
        raise RelextError(f"the plot is {path}; expected a file that ends in {', '.join(SUFFIXES)}.")


@contextmanager
def axes_of(path: Path, *, size: tuple[float, float], grid: Literal["major", "both"] = "major", legend: str | None = None) -> Iterator[Any]:
    """Axes to draw on inside; a grid and a legend are added, and the file is written.

    size: Width and height in inches. grid: Which ticks have lines. legend: Size of its letters; None: as it comes.
    """
    # The figure is its own canvas: nothing is drawn on a screen, and nothing stays behind.
    with extra("matplotlib").rc_context({"svg.hashsalt": "relext"}):
        figure = extra("matplotlib.figure").Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        yield axes
        axes.grid(alpha=0.3, which=grid)
        axes.legend(fontsize=legend)
        with whole_path(path) as made:
            # The same figures give the same file.
            figure.savefig(made, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def plot_layers(probes: Sequence[Mapping[str, Any]], path: Path) -> None:
    """F by layer, one line per encoder and vectors that are read.

    probes: The figures of each: `encoder`, `read`, `layer`, `rel_micro_f`.
    """
    require_suffix(path)
    lines: dict[str, list[tuple[int, float]]] = {}
    for probe in probes:
        lines.setdefault(f"{READS[probe['read']]}, {probe['encoder']}", []).append((probe["layer"], 100 * probe["rel_micro_f"]))
    with axes_of(path, size=(6, 4)) as axes:
        for i, (name, points) in enumerate(lines.items()):
            axes.plot(*zip(*points, strict=True), STYLES[i % len(STYLES)], label=name)
        axes.set_xlabel("layer of the encoder (0: embeddings)")
        axes.set_ylabel("micro F of the probe, test data (%)")
        axes.xaxis.get_major_locator().set_params(integer=True)
