"""From figures to the tables of docs/results/benchmarks.md."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.speed.figures import Figures, Spread
from research.report import markdown

BEGIN = "<!-- speed: made by `python -m benchmarks speed`; what is changed here is lost -->"
END = "<!-- speed: end -->"
BASIS = "shared"
NONE = "–"


@dataclass(frozen=True)
class Series:
    """How a series of workloads is reported.

    varies: The head of the column of what varies. unit: What is counted a second in its plot.
    """

    name: str
    title: str
    varies: str
    unit: str


SERIES = (
    Series("density", "Mentions a sentence", "mentions a sentence", "pairs"),
    Series("mentions", "Mentions a document", "mentions a document", "documents"),
    Series("length", "Length of the documents", "tokens a document", "documents"),
    Series("corpus", "A corpus", "documents", "documents"),
)


@dataclass(frozen=True)
class Goal:
    """A ratio to be reached: time of `slow` ÷ time of `fast`."""

    what: str
    slow: str
    fast: str
    series: str
    value: int | None
    bound: float
    at_least: bool

    def verdict(self, ratio: Spread | None) -> str:
        """Whether it is reached: by the median, and by the worst of the repeats."""
        if ratio is None:
            return "not measured"
        middle, worst = (self._holds(value) for value in (ratio.median, ratio.low if self.at_least else ratio.high))
        return ("reached" if worst else "reached by the median, not in every repeat") if middle else "not reached"

    def _holds(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


GOALS = (
    Goal("pipeline with relations ÷ encoder alone, the corpus", "shared", "encoder", "corpus", None, 1.05, False),
    Goal("pipeline with relations ÷ encoder alone, 406 pairs a sentence", "shared", "encoder", "density", 29, 1.3, False),
    Goal("pairs a second ÷ those of one encoder pass per pair, the corpus", "per-pair", "shared", "corpus", None, 7, True),
    Goal("pairs a second ÷ those of one encoder pass per pair, 10 mentions a sentence", "per-pair", "shared", "density", 10, 20, True),
    Goal("documents a second ÷ those of the tutorial's way, the corpus", "tutorial", "shared", "corpus", None, 2.5, True),
    Goal("documents a second ÷ those of flair's `RelationClassifier`, the corpus", "flair classifier", "shared", "corpus", None, 5, True),
    Goal("documents a second ÷ those of flair's `RelationExtractor`, the corpus", "flair extractor", "shared", "corpus", None, 2, True),
)


def make_section(figures: Figures, plots: Iterable[tuple[str, str]]) -> str:
    """All tables.

    plots: Titles and the files of the plots, as the page links them.
    """
    parts = [_circumstances(figures), "### The contenders\n", _contenders(figures)]
    if any(figures.series(series) for series in ("corpus", "density")):
        parts += ["### Figures to reach\n", _goals(figures)]
    links = dict(plots)
    for series in SERIES:
        workloads = figures.series(series.name)
        if not workloads:
            continue
        parts.append(f"### {series.title}\n")
        parts.append(_sizes(figures, series))
        if series.name in links:
            parts.append(f"![{series.unit} a second]({links[series.name]})\n")
        parts.append("Documents a second:\n")
        parts.append(_table(figures, series, lambda name, of: _number(figures.rate(name, of, "documents"))))
        parts.append("Pairs a second:\n")
        parts.append(_table(figures, series, lambda name, of: _number(figures.rate(name, of, "pairs"))))
        parts.append(f"Time ÷ time of `{BASIS}`, median (least to largest):\n")
        parts.append(_table(figures, series, lambda name, of: _ratio(figures.ratio(name, BASIS, of))))
    parts += ["### Memory and loading\n", _memory(figures), "### What is not in the tables\n", _left_out(figures), _pairs(figures)]
    return "\n".join(parts)


def _circumstances(figures: Figures) -> str:
    run = figures.record["circumstances"]
    versions: dict[str, str] = {}
    for contender in figures.record["contenders"]:
        for name, version in contender.get("versions", {}).items():
            known = versions.setdefault(name, version)
            versions[name] = known if version in known.split(" and ") else f"{known} and {version}"
    before, after = run["load"][0], run["load"][-1]
    return (
        f"`{run['command']}`\n\n"
        f'{run["processor"]}, torch threads: {run["threads"]}; "auto" is {run["auto"]} here. '
        f"{run['repeats']} repeats; within each, every workload is run by all contenders in turn, for {run['seconds']:g} s at the least. "
        f"Seconds are those of the processor, unless said. There was other work: {before:.1f} processes wanted the {run['cores']} hardware "
        f"threads on average before, and {after:.1f}, this benchmark among them, at the end. "
        f"Versions: {', '.join(f'{name} {version}' for name, version in sorted(versions.items()))}.\n"
    )


def _contenders(figures: Figures) -> str:
    rows = [(c["name"], c["what"], c["precision"], c["batch"]) for c in figures.record["contenders"]]
    return markdown(("", "what runs", "precision", "a batch"), rows)


def _goals(figures: Figures) -> str:
    rows = []
    for goal in GOALS:
        of = next((w["name"] for w in figures.series(goal.series) if goal.value in (None, w["value"])), None)
        processor, wall = (figures.ratio(goal.slow, goal.fast, of, clock) if of else None for clock in ("processor", "wall"))
        rows.append(
            (goal.what, f"{'≥' if goal.at_least else '≤'} {goal.bound:g}", _ratio(processor), _ratio(wall), goal.verdict(processor))
        )
    return markdown(("ratio", "to reach", "by the processor", "by the clock", ""), rows)


def _sizes(figures: Figures, series: Series) -> str:
    workloads = figures.series(series.name)
    columns = ("documents", "sentences", "tokens", "mentions", "pairs")
    return markdown((series.varies, *columns), [(f"{w['value']:,}", *(f"{w[column]:,}" for column in columns)) for w in workloads])


def _table(figures: Figures, series: Series, cell: Callable[[str, str], str]) -> str:
    """One row per contender, one column per workload. Contenders that have nothing to show are left out."""
    workloads = figures.series(series.name)
    rows = [(name, *(cell(name, workload["name"]) for workload in workloads)) for name in figures.contenders]
    header = (series.varies, *(f"{workload['value']:,}" for workload in workloads))
    return markdown(header, [row for row in rows if set(row[1:]) != {NONE}])


def _memory(figures: Figures) -> str:
    rows = []
    for contender in figures.record["contenders"]:
        if not contender["missing"]:
            cells = [f"{contender[key]:,}" for key in ("memory_mb", "first_peak_mb", "peak_mb")]
            rows.append((contender["name"], f"{contender['load_seconds']:.0f}", *cells))
    first = figures.record["circumstances"]["warm_up"]
    header = ("", "loading, s by the clock", "peak MB, loaded", f"… after `{first}`, the first it ran", "… after everything")
    return markdown(header, rows)


def _left_out(figures: Figures) -> str:
    lines = [f"- {c['name']}: not run: {c['missing']}." for c in figures.record["contenders"] if c["missing"]]
    lines += [f"- {left['contender']}, `{left['workload']}`: {left['reason']}." for left in figures.record["left_out"]]
    return "\n".join(lines or ["Every contender ran every workload."]) + "\n"


def _pairs(figures: Figures) -> str:
    """Whether all scored the same pairs."""
    lines = []
    for name in figures.contenders:
        for of, workload in figures.workloads.items():
            scored = figures.pairs(name, of)
            # The encoder alone scores none anywhere.
            if scored and scored != workload["pairs"]:
                lines.append(f"- {name}: {scored:,} of the {workload['pairs']:,} pairs of `{of}`.")
    if not lines:
        return "Each contender scored exactly the pairs of each workload that it ran; `encoder` scores none.\n"
    return "\n".join(["Pairs scored, where they are not those of the workload:\n", *lines]) + "\n"


def _number(spread: Spread | None) -> str:
    if spread is None:
        return NONE
    return f"{spread.median:,.0f}" if spread.median >= 10 else f"{spread.median:.2g}"


def _ratio(spread: Spread | None) -> str:
    return NONE if spread is None else f"{_short(spread.median)} ({_short(spread.low)} to {_short(spread.high)})"


def _short(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"
