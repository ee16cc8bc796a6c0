"""Plots of what a contender does in a second."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.speed.figures import Figures
from benchmarks.speed.report import SERIES
from research.plots import STYLES, axes_of


def plot_all(figures: Figures, page: Path) -> list[tuple[str, str]]:
    """A plot of each series that has several points, beside the page.

    RETURNS: The series, and the file as the page links it.
    """
    written = []
    for series in SERIES:
        workloads = figures.series(series.name)
        if len(workloads) > 1:
            path = page.with_name(f"{page.stem}-{series.name}.svg")
            _plot(figures, workloads, series.varies, series.unit, path)
            written.append((series.name, path.name))
    return written


def _plot(figures: Figures, workloads: list[Mapping[str, Any]], varies: str, unit: Any, path: Path) -> None:
    """One line per contender, medians, with the range of the repeats as bars; both axes logarithmic."""
    with axes_of(path, size=(7, 4.5), legend="small") as axes:
        for i, name in enumerate(figures.contenders):
            points = [(of["value"], spread) for of in workloads if (spread := figures.rate(name, of["name"], unit)) is not None]
            if points:
                middle = [spread.median for _, spread in points]
                around = [[s.median - s.low for _, s in points], [s.high - s.median for _, s in points]]
                # More contenders than styles: the colour tells those apart that share one.
                axes.errorbar([value for value, _ in points], middle, yerr=around, fmt=STYLES[i % len(STYLES)], label=name, markersize=4)
        axes.set_xscale("log")
        axes.set_yscale("log")
        values = [of["value"] for of in workloads]
        axes.set_xticks(values, labels=[f"{value:,}" for value in values])
        axes.minorticks_off()
        axes.set_xlabel(varies)
        axes.set_ylabel(f"{unit} a second of the processor")
