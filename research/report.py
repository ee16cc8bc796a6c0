"""The report: runs become tables in a Markdown file, between two marker comments."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy

from research.bootstrap import Comparison, compare
from research.published import BASELINE_ENCODING, BASELINES, CORPORA, COUNTERPARTS, PUBLISHED, REFERENCE
from spacy_relext.errors import DataError
from spacy_relext.experiments.runs import Run, split
from spacy_relext.formats.files import target_of, whole_file
from spacy_relext.report.bootstrap import N_DRAWS, draw_weights

BEGIN = "<!-- experiments: made by `python -m research report`; what is changed here is lost -->"
END = "<!-- experiments: end -->"

INTRODUCTION = f"""## Experiments

Test data, annotated mentions; P, R and F in percent, micro-averaged over the labels; with folds their mean over the folds. Mean ± standard
deviation over the seeds. An empty row was not run. Development: F at the threshold of the test data. Training: mean time of a run, of the
processor, of all folds together where there are folds; on another device than most runs of the table where one is named.

The differences are in points of F, with the 95 % interval of a paired bootstrap by document ({N_DRAWS:,} draws) and its two-sided p, not
corrected for the number of comparisons. They cover the choice of test documents, not that of seeds. Summaries of the encoding
`{BASELINE_ENCODING}` are compared with its {" and with its ".join(f"`{name}`" for name in BASELINES)} (the paper's baseline), and other
encodings, one pass per sentence, with its `{REFERENCE}`; same encoder, same seeds.
"""


@dataclass
class SeedRuns:
    """The runs of one line of a table, by seed."""

    encoding: str
    summary: str
    runs: dict[int, tuple[Path, Run]] = field(default_factory=dict)

    def values(self, name: str, part: str = "test") -> list[float]:
        """A figure of each seed that has it."""
        parts = [getattr(run, part) for _, (_, run) in sorted(self.runs.items())]
        return [scores[name] for scores in parts if scores is not None]


# The rows of a table, by encoding and summary as `_same` makes them.
ReportTable = dict[tuple[str, str], SeedRuns]


def write_section(section: str, path: Path, *, begin: str = BEGIN, end: str = END) -> None:
    """Put the section between the markers of a Markdown file, or at its end where it has none; the rest stays as it is.

    begin, end: The markers.
    """
    text = ""
    if target_of(path).is_file:
        with path.open(encoding="utf8", newline="") as file:
            text = file.read()
    section = f"{begin}\n{section}{end}"
    if (text.count(begin), text.count(end)) == (0, 0):
        text = f"{text.rstrip()}\n\n{section}\n" if text.strip() else f"{section}\n"
    elif (text.count(begin), text.count(end)) == (1, 1) and text.index(begin) < text.index(end):
        text = text[: text.index(begin)] + section + text[text.index(end) + len(end) :]
    else:
        raise DataError(f"expected the line {begin!r} once and then {end!r} once, or neither. Correct the file.", path=path)
    with whole_file(path) as file:
        file.write(text)


def make_section(runs: Mapping[Path, Run], planned: Iterable[Mapping[str, str]] = ()) -> str:
    """The report of all runs but those of single folds, whose cross-validation has one of its own.

    planned: The labels of runs that have a row even where they were not run. RAISES: DataError for runs that do not fit together.
    """
    tables: dict[str, dict[str, ReportTable]] = {corpus: {} for corpus in CORPORA}
    for labels in planned:
        _row(labels, tables)
    for path, run in sorted(runs.items()):
        if run.fold is None:
            _add(path, run, tables)
    parts = [INTRODUCTION]
    for corpus, by_encoder in tables.items():
        for encoder, table in sorted(by_encoder.items()):
            parts.append(f"### {CORPORA.get(corpus, corpus)}, encoder {encoder}\n")
            parts.append(_figures(table.values()))
            parts.append(_circumstances(table.values()))
            within = [row for row in table.values() if _same(row.encoding) == _same(BASELINE_ENCODING)]
            parts += [_comparisons(within, table.get((_same(BASELINE_ENCODING), _same(name)))) for name in BASELINES]
            across = [row for row in table.values() if row not in within]
            parts.append(_comparisons(across, table.get((_same(BASELINE_ENCODING), _same(REFERENCE))), encodings=True))
        if corpus in PUBLISHED:
            parts.append(f"### {CORPORA[corpus]}, published figures beside ours\n")
            parts.append(_published(corpus, by_encoder))
    return "\n".join(part for part in parts if part)


def _add(path: Path, run: Run, tables: dict[str, dict[str, ReportTable]]) -> None:
    missing = [name for name in ("corpus", "encoding", "summary", "encoder") if not run.labels.get(name)]
    if missing:
        raise DataError(f"the run has no label {missing[0]!r}; it has {run.labels}. Add it to the labels in the file.", path=path)
    row = _row(run.labels, tables)
    if run.seed in row.runs:
        raise DataError(f"the same corpus, encoder, encoding, summary and seed as {row.runs[run.seed][0]}. Remove one of them.", path=path)
    for other_path, other in row.runs.values():
        if _settings(run) != _settings(other):
            raise DataError(
                f"the same labels as {other_path}, but other settings or data; no mean can be taken. Give one of them other labels, "
                "or remove it.",
                path=path,
            )
    row.runs[run.seed] = path, run


def _row(labels: Mapping[str, str], tables: dict[str, dict[str, ReportTable]]) -> SeedRuns:
    """The row of a run with these labels, made where there is none yet."""
    encoding, summary = labels["encoding"], labels["summary"]
    table = tables.setdefault(_same(labels["corpus"]), {}).setdefault(labels["encoder"], {})
    return table.setdefault((_same(encoding), _same(summary)), SeedRuns(encoding, summary))


def _same(name: str) -> str:
    """Names that differ in case, or in what joins their words, are the same."""
    return name.casefold().replace("_", " ").replace("-", " ")


def _settings(run: Run) -> dict[str, Any]:
    """What has to be the same for all seeds of a row. Paths may differ: the data is told by its checksums."""
    config = {name: section for name, section in run.config.items() if name not in ("paths", "system")}
    training = {name: value for name, value in config["training"].items() if name not in ("seed", "gpu_allocator")}
    given = run.threshold if run.threshold_from == "given" else None
    return {"config": {**config, "training": training}, "data": run.digests, "checkpoint": run.checkpoint, "threshold": given}


def _figures(rows: Iterable[SeedRuns]) -> str:
    header = ("encoding", "summary", "seeds", "P", "R", "F", "development F", "training")
    lines = []
    rows = list(rows)
    devices = _devices(rows)
    for row in rows:
        figures = [_spread(row.values(f"rel_micro_{k}")) for k in "prf"]
        lines.append(
            (
                row.encoding,
                f"`{row.summary}`",
                str(len(row.runs) or ""),
                *figures,
                _spread(row.values("rel_micro_f", "development")),
                _training(row, devices),
            )
        )
    return markdown(header, lines)


def _devices(rows: Iterable[SeedRuns]) -> list[str]:
    """What the runs of a table were trained on, the device of most of them first."""
    return [device for device, _ in Counter(run.device for row in rows for _, run in row.runs.values()).most_common()]


def _training(row: SeedRuns, devices: Sequence[str]) -> str:
    """Mean minutes of training on each device, named unless it is the first one."""
    parts = []
    for device in devices:
        seconds = [run.training_seconds["processor"] for _, run in row.runs.values() if run.device == device]
        if seconds:
            parts.append(f"{fmean(seconds) / 60:.1f} min{'' if device == devices[0] else f' ({device})'}")
    return ", ".join(parts)


def _circumstances(rows: Iterable[SeedRuns]) -> str:
    runs = [run for row in rows for _, run in row.runs.values()]
    by_device = Counter(f"{device} (torch threads: {run.torch_threads})" for run in runs for device in split(run.device))
    names = sorted({name for run in runs for name in run.versions})
    seen = {name: sorted({_shown(name, v) for run in runs for v in split(run.versions.get(name, "?"))}) for name in names}
    versions = [f"{name} {' / '.join(found)}" for name, found in seen.items()]
    devices = "; ".join(device for device, _ in by_device.most_common())
    return f"Trained on {devices}, with {', '.join(versions)}.\n" if runs else ""


def _shown(name: str, version: str) -> str:
    """A version; of a commit its beginning, as git tells it, with the mark of changed files."""
    return version[:10] + "+" * version.endswith("+") if name == "commit" else version


def _comparisons(rows: Sequence[SeedRuns], baseline: SeedRuns | None, *, encodings: bool = False) -> str:
    """Rows against one of them or another; nothing where there is none. encodings: Whether the rows are named with theirs."""
    variants = [row for row in rows if row is not baseline]
    if baseline is None or not variants:
        return ""
    name = f"{baseline.encoding}, `{baseline.summary}`" if encodings else f"`{baseline.summary}`"
    header = ("encoding", "summary", "seeds of both", f"difference of F to {name}", "95 % interval", "p")[0 if encodings else 1 :]
    lines = []
    weights = None
    for row in variants:
        seeds = sorted(row.runs.keys() & baseline.runs.keys())
        cells = ["", "", "", ""]
        if seeds:
            variant_counts, baseline_counts, folds = _paired_counts(row, baseline, seeds)
            weights = numpy.concatenate(list(draw_weights(folds))) if weights is None else weights
            cells = [", ".join(map(str, seeds)), *_comparison(compare(variant_counts, baseline_counts, folds, weights))]
        lines.append((*((row.encoding,) if encodings else ()), f"`{row.summary}`", *cells))
    return markdown(header, lines)


def _paired_counts(row: SeedRuns, baseline: SeedRuns, seeds: Sequence[int]) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Counts of both, `[n_seeds, n_documents, 3]`, of the same documents in the same order, and their folds."""
    first_path, first = baseline.runs[seeds[0]]
    documents = [(document["id"], document["fold"]) for document in first.documents]
    counts = []
    for which in (row, baseline):
        for seed in seeds:
            path, run = which.runs[seed]
            if [(document["id"], document["fold"]) for document in run.documents] != documents:
                raise DataError(f"its test documents are not those of {first_path}; the two cannot be compared. Run one again.", path=path)
            counts.append([[document[kind] for kind in ("tp", "fp", "fn")] for document in run.documents])
    both = numpy.asarray(counts).reshape(2, len(seeds), len(documents), 3)
    return both[0], both[1], numpy.asarray([fold for _, fold in documents])


def _comparison(found: Comparison) -> tuple[str, str, str]:
    p = f"{found.p:.3f}" if found.p >= 0.001 else "< 0.001"
    return f"{100 * found.difference:+.1f}", f"{100 * found.low:+.1f} to {100 * found.high:+.1f}", p


def _published(corpus: str, by_encoder: Mapping[str, ReportTable]) -> str:
    lines: list[tuple[str, ...]] = []
    models = list(dict.fromkeys(figure.model for figure in PUBLISHED[corpus]))
    for model in models:
        for figure in PUBLISHED[corpus]:
            if figure.model == model:
                lines.append((figure.model, "published", figure.encoder, "", *(_number(x) for x in (figure.p, figure.r, figure.f))))
        if model in COUNTERPARTS:
            summary = COUNTERPARTS[model]
            for encoder, table in sorted(by_encoder.items()):
                row = table.get((_same(BASELINE_ENCODING), _same(summary)), SeedRuns(BASELINE_ENCODING, summary))
                figures = (_spread(row.values(f"rel_micro_{k}")) for k in "prf")
                lines.append((model, f"ours, `{summary}`", encoder, str(len(row.runs) or ""), *figures))
    return markdown(("model", "", "encoder", "seeds", "P", "R", "F"), lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation (of a sample) in percent."""
    if not values:
        return ""
    mean = f"{100 * fmean(values):.1f}"
    return f"{mean} ± {100 * stdev(values):.1f}" if len(values) > 1 else mean


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"

    return line(header) + f"|{'---|' * len(header)}\n" + "".join(line(cells) for cells in lines)
