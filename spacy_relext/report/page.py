"""An analysis as one page: figures, plots, and every error as a picture. HTML without a script, complete in one file."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

import spacy_relext
from spacy_relext.displacy.colors import Palette
from spacy_relext.displacy.legend import legend
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.rendering import figure, style_sheet
from spacy_relext.errors import RelextError
from spacy_relext.formats.files import whole_file
from spacy_relext.pipeline.settings import told_thresholds
from spacy_relext.report import words
from spacy_relext.report.analysis import Analysis, Comparison
from spacy_relext.report.bootstrap import N_DRAWS
from spacy_relext.report.calibration import calibration_of
from spacy_relext.report.cases import MAX_ERRORS, make_sections
from spacy_relext.report.plots import interval_bar
from spacy_relext.report.tables import (
    comparison_of,
    curve_of,
    denied_of,
    divisions_of,
    histogram_of,
    in_words,
    matrix_of,
    notes_of,
    steps_of,
    subtitle,
)

# The width of a picture, and that for a telephone, which so many pictures have beside it: it takes as many bytes again.
WIDE, NARROW = 820, 344
FEW = 400
# Where there is no layout for a telephone, pictures are swiped there.
SWIPED = "@media (max-width:700px) and (pointer:coarse){.case figure{overflow-x:auto}.case .P{zoom:.8!important}}"


def write_report(
    path: Path | str, analysis: Analysis, comparison: Comparison | None = None, *, data: str = "", max_errors: int = MAX_ERRORS
) -> None:
    """Write a report as one HTML file, which needs no network and no script; completely or not at all.

        analysis = analyse("en_relext_demo", "dev.spacy", attention=True)
        write_report("report.html", analysis)

    comparison: With another pipeline, of `compare`. data: What the documents are called.
    max_errors: The most pictures of errors, evenly over their kinds; the report says how many are left out.
    RAISES: RelextError for a number of pictures that is none, DataError for a file that cannot be written.
    """
    page = make_report(analysis, comparison, data=data, max_errors=max_errors)
    with whole_file(Path(path)) as file:
        file.write(page)


def make_report(analysis: Analysis, comparison: Comparison | None = None, *, data: str = "", max_errors: int = MAX_ERRORS) -> str:
    """The same as a string."""
    if max_errors < 0:
        raise RelextError(f"`max_errors` is {max_errors}; expected a number of pictures, 0 or more.")
    gold, found = analysis.gold_mentions, analysis.predicted_mentions
    sections = make_sections(analysis, comparison, max_errors)
    compared = [section for section in sections if section["of_comparison"]]
    groups = [section for section in sections if not section["of_comparison"]]
    style, shown = _draw(sections)
    named = f"{analysis.model} on {data}" if data else analysis.model
    context = {
        "title": f"Relations of {named}",
        "subtitle": subtitle(analysis),
        "style": style,
        "legend": shown,
        "headline": [("F", gold.micro.f), ("Precision", gold.micro.p), ("Recall", gold.micro.r)],
        "in_words": in_words(gold.micro, told_thresholds(analysis.threshold, analysis.evaluation.label_thresholds)),
        "sides": [replace(r.micro, name=name) for r, name in ((gold, "annotated"), (found, "predicted")) if r is not None],
        "notes": notes_of(analysis),
        "comparison": None if comparison is None else comparison_of(analysis, comparison, compared),
        "steps": steps_of(gold),
        "n_errors": gold.errors.n,
        "divisions": divisions_of(gold, found),
        "denied": denied_of(gold, found),
        "confusion": matrix_of(gold.confusion),
        "found_confusion": None if found is None else matrix_of(found.confusion),
        "curve": curve_of(analysis, comparison),
        "histogram": histogram_of(gold.histogram, analysis.threshold),
        "calibration": calibration_of(analysis.evaluation.gold_mentions),
        "groups": groups,
        "n_shown": sum(len(section["first"]) + len(section["rest"]) for section in groups),
        "n_groups": sum(section["total"] for section in groups),
        "foot": _foot(analysis, data),
        "contents": _contents(comparison, compared, groups),
        "interval_bar": interval_bar,
        **{name: getattr(words, name) for name in ("chance", "percent", "interval", "points", "score", "shortened")},
    }
    return _template().render(context)


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("spacy_relext.report")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("report.html")


def _draw(sections: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Draw the errors of all sections. RETURNS: the style of the page, and a legend of the types of mentions."""
    cases = [case for section in sections for case in (*section["first"], *section["rest"])]
    pictures = [case["picture"] for case in cases]
    widths = (WIDE, NARROW) if len(pictures) <= FEW else (WIDE,)
    options, palette = Options(width=widths), Palette.of(pictures)
    for case in cases:
        case["figure"] = figure(case["picture"], options, palette, bare=True)
    own = (files("spacy_relext.report") / "templates" / "report.css").read_text(encoding="utf8")
    n_mentions, n_relations = (
        max(map(len, parts), default=0) for parts in ([p.mentions for p in pictures], [p.relations for p in pictures])
    )
    style = style_sheet(n_mentions, n_relations, widths) + own + (SWIPED if len(widths) == 1 else "")
    return style, legend(_all_in_one(pictures), palette) if pictures else ""


def _all_in_one(pictures: Sequence[Picture]) -> Picture:
    """What the legend of all pictures is that of."""
    return Picture("", tuple(m for p in pictures for m in p.mentions), tuple(r for p in pictures for r in p.relations), ())


def _contents(
    comparison: Comparison | None, compared: Iterable[Mapping[str, Any]], groups: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    def entries(sections: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{"anchor": s["anchor"], "name": s["name"], "n": s["total"]} for s in sections]

    found: list[dict[str, Any]] = [{"anchor": "figures", "name": "Figures", "entries": []}]
    if comparison is not None:
        found.append({"anchor": "comparison", "name": "Comparison", "entries": entries(compared)})
    found += [
        {"anchor": anchor, "name": name, "entries": []}
        for anchor, name in (
            ("next", "What to look at next"),
            ("lines", "Where"),
            ("confusion", "Which label for which"),
            ("scores", "Threshold"),
            ("calibration", "How sure"),
        )
    ]
    return [*found, {"anchor": "errors", "name": "Every error", "entries": entries(groups)}]


def _foot(analysis: Analysis, data: str) -> list[tuple[str, str]]:
    evaluation = analysis.evaluation
    versions = f"spacy-relext {spacy_relext.__version__}, spaCy {version('spacy')}, Python {platform.python_version()}"
    return [
        ("Pipeline", f"{analysis.model}, component {analysis.component}"),
        *([("Data", data)] if data else []),
        ("Documents", f"{len(analysis.documents):,}" + (f"; {analysis.n_passed_over:,} passed over" if analysis.n_passed_over else "")),
        ("Threshold", told_thresholds(analysis.threshold, evaluation.label_thresholds)),
        ("Labels", ", ".join(words.shortened(label) for label in analysis.labels)),
        ("Intervals", f"95 %, of {N_DRAWS:,} draws of documents, seed {analysis.seed}"),
        ("Prediction", f"{evaluation.seconds:g} seconds"),
        ("Made", f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z} with {versions}"),
    ]
