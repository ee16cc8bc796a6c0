"""Plots as SVG: where points, bars and intervals stand, and that nothing but our elements is in them."""

import re

import pytest
from lxml import etree

from spacy_relext.report.plots import Bars, Line, histogram, interval_bar, precision_recall, reliability_diagram, risk_coverage

HOSTILE = "</svg><script>alert(1)</script>\"'&"


def parse(svg):
    return etree.fromstring(svg)


def numbers(path):
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]


def classes(svg, name):
    return parse(svg).xpath(f"//*[contains(concat(' ', @class, ' '), ' {name} ')]")


def test_the_curve_goes_through_its_points():
    svg = precision_recall([Line([(0.0, 1.0), (0.5, 0.8), (1.0, 0.0)], (0.5, 0.8), "threshold 0.5")], label="P over R")
    path = classes(svg, "line")[0].get("d")
    (x0, y0, x1, y1, x2, y2) = numbers(path)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert (y1 - y0) / (y2 - y0) == pytest.approx(0.2, abs=0.01)
    [mark, legend] = classes(svg, "mark")
    assert (float(mark.get("cx")), float(mark.get("cy"))) == (x1, y1)
    assert legend.get("cx") != mark.get("cx")
    assert parse(svg).get("aria-label") == "P over R"


def test_points_that_cannot_be_told_apart_are_left_out_and_the_last_one_stays():
    svg = precision_recall([Line([(i / 10_000, 0.5) for i in range(10_001)], None, "")], label="")
    xs = numbers(classes(svg, "line")[0].get("d"))[::2]
    assert len(xs) < 800
    whole = numbers(classes(precision_recall([Line([(0, 0.5), (1, 0.5)], None, "")], label=""), "line")[0].get("d"))
    assert (xs[0], xs[-1]) == (whole[0], whole[2])
    assert precision_recall([Line([], None, "no points")], label="")


def test_two_lines_differ_in_dashes_and_marks():
    svg = precision_recall([Line([(0, 1), (1, 0)], (0, 1), "one"), Line([(0, 1), (1, 0)], (1, 0), "other")], label="")
    assert [mark.tag.rpartition("}")[2] for mark in classes(svg, "mark")] == ["circle", "circle", "rect", "rect"]
    assert {text.text for text in classes(svg, "legend")} == {"one", "other"}


def test_bars_are_as_tall_as_their_counts_and_the_largest_is_cut():
    svg = histogram(Bars("Right", [0, 2, 4]), Bars("Wrong", [900, 3, 6]), 0.5, label="scores")
    above, below = ([float(bar.get("height")) for bar in classes(svg, name)] for name in ("ba", "bb"))
    assert above[1] == pytest.approx(2 * above[0], rel=0.01)
    # 900 is cut where 6 ends, and carries its number.
    assert below[0] == below[2] == pytest.approx(2 * below[1], rel=0.01)
    assert [text.text for text in classes(svg, "on")] == ["900"]
    assert len(classes(svg, "torn")) == 1
    assert {"Right: 6", "Wrong: 909"} <= {text.text for text in classes(svg, "legend")}


def test_a_rare_count_is_seen_and_none_is_no_bar():
    svg = histogram(Bars("Right", [1, 300, 301]), Bars("Wrong", [0, 0, 0]), 0.0, label="")
    assert min(float(bar.get("height")) for bar in classes(svg, "ba")) >= 1
    assert classes(svg, "bb") == []


def test_an_interval_is_drawn_over_its_bar():
    svg = interval_bar(0.5, 0.4, 0.7)
    assert [float(rect.get("width")) for rect in parse(svg)[:2]] == [100, 50]
    assert numbers(parse(svg)[2].get("d"))[:3] == [40, 5, 70]
    assert interval_bar(None, None, None) == ""


def test_names_are_text():
    for svg in (
        precision_recall([Line([(0, 1)], (0, 1), HOSTILE)], label=HOSTILE),
        histogram(Bars(HOSTILE, [1]), Bars(HOSTILE, [1]), 0.5, label=HOSTILE),
    ):
        root = parse(svg)
        assert {element.tag for element in root.iter()} <= {"svg", "path", "rect", "circle", "text"}
        assert root.get("aria-label") == HOSTILE


def test_a_disc_for_each_bin_over_the_band_of_perfect_models():
    bins = [{"score": 0.3, "right": 0.5, "n": 10, "band": (0.1, 0.6)}, {"score": 0.9, "right": 0.7, "n": 90, "band": (0.85, 0.95)}]
    svg = reliability_diagram(bins, label="Right by score")
    small, large = classes(svg, "mark")
    assert float(small.get("r")) < float(large.get("r"))
    assert float(small.get("cy")) > float(large.get("cy"))
    bands = classes(svg, "band")
    inside = [
        float(b.get("y")) <= float(m.get("cy")) <= float(b.get("y")) + float(b.get("height"))
        for b, m in zip(bands, (small, large), strict=True)
    ]
    assert inside == [True, False]
    [diagonal] = classes(svg, "iso")
    x0, y0, x1, y1 = numbers(diagonal.get("d"))
    assert (x1 > x0, y1 < y0) == (True, True)
    assert parse(svg).get("aria-label") == "Right by score"


def test_the_risk_is_drawn_on_a_scale_that_holds_it():
    svg = risk_coverage([(0.5, 0.05), (1.0, 0.18)], 0.18, label="Wrong by what is kept")
    x0, y0, x1, y1 = numbers(classes(svg, "l0")[0].get("d"))
    assert (x1 > x0, y1 < y0) == (True, True)
    assert {"20", "4"} <= {text.text for text in classes(svg, "axis")}
    ideal = numbers(classes(svg, "iso")[0].get("d"))
    assert ideal[-2:] == pytest.approx([x1, y1], abs=0.1)
    assert risk_coverage([(1.0, 0.0)], 0.0, label="")
    assert risk_coverage([(1.0, 1.0)], 1.0, label="")
