"""The page of a report: what it says of an analysis made by hand, and that no text of the data becomes markup."""

import random
import re
from dataclasses import replace

import numpy
import pytest
from lxml import etree

from spacy_relext.calibration.figures import calibration_figures
from spacy_relext.calibration.fitting import Sample
from spacy_relext.errors import DataError, RelextError
from spacy_relext.report.analysis import GROUPS, Compared, Comparison, Confusion, Denied, DeniedLine, Difference, Errors, Estimate
from spacy_relext.report.cases import shares
from spacy_relext.report.page import make_report, write_report
from spacy_relext.report.tables import matrix_of
from spacy_relext.report.words import chance, commonest, outcome, points, shortened
from tests.report.made import TEXT, analysis, error, errors_of, line, results


def parse(page):
    return etree.HTML(page)


def texts(page, path):
    return [" ".join(" ".join(element.itertext()).split()) for element in parse(page).xpath(path)]


def comparison(mended=(), new=(), difference=0.012):
    line = Difference("all", 0.7, 0.7 - difference, Estimate(difference, difference - 0.009, difference + 0.009), 0.01)
    errors = [Errors({group: tuple(e for e in given if e.group == group) for group in GROUPS}) for given in (mended, new)]
    compared = Compared(line, (replace(line, name="EFFECT"),), (), None, *errors, kept=4, other_curve=results(errors_of()).curve)
    return Comparison("toy-1.0", "toy-0.9", compared, None)


def test_figures_and_their_intervals():
    page = make_report(analysis(), data="test.spacy")
    assert texts(page, "//h1") == ["Relations of toy-1.0 on test.spacy"]
    assert texts(page, "//dl[@class='headline']//dd") == ["66.7 61.7–71.7", "75.0 70.0–80.0", "60.0 55.0–65.0"]
    assert "Of 100 annotated relations, 60 are found with a threshold of 0.5; of 80 predicted, 20 are wrong." in page
    assert "EFFECT 66.7 61.7–71.7 75.0 60.0 90.0 50 40 30" in texts(page, "//table[@class='lines']/tbody/tr")


def test_what_is_denied_or_speculated_has_figures_of_its_own():
    plain = make_report(analysis(), comparison())
    assert "denies" not in plain
    assert "By what the annotation says of the pair" not in plain
    shown = analysis(found=errors_of())
    lines = {**shown.gold_mentions.lines, "assertion": (line("asserted", 50, 60, 80), line("speculated", 10, 20, 20))}
    denied = Denied(1200, 60, Estimate(0.05, 0.03, 0.08), (DeniedLine("INT", 1200, 60, 40),))
    gold = replace(shown.gold_mentions, lines=lines, denied=denied)
    other = Difference("speculated", 0.5, 0.4, Estimate(0.1, 0.02, 0.2), 0.02)
    compared = replace(
        comparison().gold_mentions, groups=(other,), denied=Difference("denied", 0.05, 0.1, Estimate(-0.05, -0.1, 0.01), 0.06)
    )
    both = replace(comparison(), gold_mentions=compared, predicted_mentions=compared)
    page = make_report(replace(shown, gold_mentions=gold, predicted_mentions=gold), both)
    paragraphs = texts(page, "//p")
    said = "Of 1,200 pairs that the annotation denies, 60 got a relation that is not annotated (5.0 %, 95 % interval 3.0–8.0)."
    assert paragraphs.count(said) == 3  # beside the headline, and with both kinds of mentions
    outcome_of_denied = (
        "Of 1,200 pairs that the annotation denies, toy-1.0 finds 5.0 % related, toy-0.9 10.0 %: a difference of −5.0 (95 % interval "
        "−10.0 to +1.0, p = 0.060). Less is better."
    )
    assert paragraphs.count(outcome_of_denied) == 2
    rows = texts(page, "//tr")
    assert rows.count("INT 1,200 60 40") == 2
    assert rows.count("speculated 50.0 40.0 +10.0 +2.0 to +20.0 0.020") == 2
    assert "speculated 50.0 45.0–55.0 50.0 50.0 90.0 20 20 10" in rows


def test_the_foot_says_how_it_was_made():
    page = make_report(replace(analysis(), seed=7, n_passed_over=3), data="test.spacy")
    made = dict(zip(texts(page, "//footer//dt"), texts(page, "//footer//dd"), strict=True))
    assert (made["Data"], made["Threshold"], made["Documents"]) == ("test.spacy", "0.5", "1; 3 passed over")
    assert made["Intervals"] == "95 %, of 10,000 draws of documents, seed 7"
    assert "with spacy-relext" in made["Made"]


def test_a_browser_lays_out_the_errors_that_are_seen():
    assert re.search(r"\.case\{[^}]*content-visibility:auto", make_report(analysis()))


def test_every_error_is_a_picture_in_its_group():
    page = make_report(analysis())
    assert len(parse(page).xpath("//article")) == len(parse(page).xpath("//article/figure")) == 5
    assert texts(page, "//section[@aria-labelledby='errors']/h3") == [
        "Missed: no candidate pair 1",
        "Missed: below the threshold 1",
        "Wrong label 1",
        "Wrong direction 1",
        "Predicted, not annotated 1",
    ]
    assert texts(page, "//article/h4")[0] == "Aspirin → warfarin"
    assert (
        "− annotated: EFFECT 0.70 + predicted: INT 0.70 EFFECT 0.70, no relation 0.20, INT 0.10 · document d1"
        in texts(page, "//article/p")[2]
    )


def test_links_lead_somewhere():
    page = parse(make_report(analysis(errors_of(n=8)), comparison([error("spurious")], [error("wrong_label")])))
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    links = [href.removeprefix("#") for href in page.xpath("//a[not(ancestor::figure)]/@href")]
    assert set(links) <= set(ids)
    assert {f"error-{i}" for i in range(1, 43)} <= set(links)


def test_most_gain_comes_first():
    errors = Errors({"below_threshold": (error("below_threshold"),) * 20, "spurious": (error("spurious"),) * 3})
    page = make_report(analysis(errors))
    # 60 right of 80 predicted and 100 annotated: with 20 more right of 100, F is 2 · 80 / 200.
    assert texts(page, "//ul[@class='next']/li/span")[:2] == ["Missed: below the threshold : 20 of 23 errors", "F 80.0 +13.3"]
    # 3 of those predicted less: 2 · 60 / 177.
    assert texts(page, "//ul[@class='next']/li/span")[3] == "F 67.8 +1.1"


def test_pictures_are_bounded_evenly_and_what_is_left_out_is_said():
    errors = Errors({"no_candidate": (error("no_candidate"),), "below_threshold": (error("below_threshold"),) * 30})
    errors = Errors({**errors.groups, "spurious": (error("spurious"),) * 40})
    page = make_report(analysis(errors), max_errors=21)
    assert len(parse(page).xpath("//article")) == 21
    said = texts(page, "//p[@class='left']")
    assert said[0].startswith(
        "Of 30, the 10 of which the model was surest are shown, and 20 errors are left out: --max-errors is 21 pictures"
    )
    assert said[1].startswith("Of 40, the 10 of which")
    assert "21 of 71 are shown" in page
    none = make_report(analysis(errors), max_errors=0)
    assert not parse(none).xpath("//article")
    assert "Of 1, none is shown: 1 error is left out" in texts(none, "//p[@class='left']")[0]
    assert "left out" not in make_report(analysis(errors))


@pytest.mark.parametrize(
    ("sizes", "total", "expected"),
    [([1, 30, 40], 21, [1, 10, 10]), ([5, 5], 100, [5, 5]), ([9, 9, 9], 10, [3, 3, 4]), ([], 5, []), ([0, 7], 3, [0, 3])],
)
def test_shares(sizes, total, expected):
    assert shares(sizes, total) == expected


def test_errors_with_predicted_mentions_only_have_their_own_group():
    same = errors_of(("spurious",)).groups["spurious"][0]
    found = Errors({"spurious": (same, error("spurious", pair=(0, 1)))})
    page = make_report(analysis(Errors({"spurious": (same,)}), found=found))
    assert texts(page, "//section[@aria-labelledby='errors']/h3") == ["Predicted, not annotated 1", "With predicted mentions only 1"]
    assert texts(page, "//article/h4") == ["Aspirin → warfarin", "Aspirin → quinine"]


def test_no_error():
    page = make_report(analysis(Errors({})))
    assert "Nothing: there is no error." in page
    assert not parse(page).xpath("//article")


def test_a_comparison_in_words_and_pictures():
    page = make_report(analysis(), comparison([error("spurious")] * 2, [error("wrong_label")]))
    assert "toy-1.0 is better than toy-0.9 by 1.2 F (95 % interval of the difference +0.3 to +2.1 F, p = 0.010)." in page
    assert "2 errors of the other pipeline are mended, 1 is new, and 4 errors are made by both." in page
    assert texts(page, "//section[@aria-labelledby='comparison']/h3") == ["Mended 2", "New 1"]
    assert len(parse(page).xpath("//section[@aria-labelledby='comparison']//article")) == 3
    assert "EFFECT 70.0 68.8 +1.2 +0.3 to +2.1 0.010" in texts(page, "//section[@aria-labelledby='comparison']//tr")
    assert any(text.startswith("toy-0.9, 0.5: P") for text in texts(page, "//*[local-name()='text']"))


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (0.012, "a is better than b by 1.2 F"),
        (-0.012, "b is better than a by 1.2 F"),
        (0.001, "These documents do not tell the two apart: a has +0.1 F beside b"),
    ],
)
def test_outcomes(difference, said):
    assert outcome("a", "b", comparison(difference=difference).gold_mentions.micro).startswith(said)


def test_words():
    assert (points(0.0004), points(-0.0004), points(-0.01), points(0.01)) == ("0.0", "0.0", "−1.0", "+1.0")
    assert (chance(0.0), chance(0.0006), chance(1.0)) == ("< 0.001", "= 0.001", "= 1.000")
    assert shortened("a\n b") == "a b"
    assert len(shortened("x" * 10_000)) <= 60
    errors = [error("wrong_label"), error("wrong_label"), *(error("spurious", other=f"L{i}") for i in range(4))]
    assert commonest(errors) == "INT in the place of EFFECT (2), L0 (1), L1 (1), 2 more"
    assert commonest([error("no_candidate", why="other sentence")]) == "other sentence (1)"


def test_many_labels_share_a_line_of_the_matrix():
    n = 40
    counts = tuple(tuple(i + 1 if i == j else 1 for j in range(n + 1)) for i in range(n + 1))
    table = matrix_of(Confusion(tuple(f"L{i}" for i in range(n)), counts, (0,) * n, (1,) * n))
    assert len(table["rows"]) == 18
    assert table["columns"][-3:] == ["24 other labels", "no relation", "no candidate"]
    assert "24 other labels" in table["note"]
    assert sum(cell["count"] or 0 for row in table["rows"] for cell in row["cells"]) == sum(map(sum, counts)) + n


def test_the_file_is_complete_or_not_there(tmp_path, monkeypatch):
    write_report(tmp_path / "new" / "report.html", analysis())
    page = (tmp_path / "new" / "report.html").read_text(encoding="utf8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.rstrip().endswith("</html>")
    with pytest.raises(DataError, match="it is a folder"):
        write_report(tmp_path, analysis())
    with pytest.raises(RelextError, match="`max_errors` is -1"):
        write_report(tmp_path / "report.html", analysis(), max_errors=-1)
    monkeypatch.setattr("spacy_relext.report.page.make_report", lambda *args, **settings: "\ud800")
    with pytest.raises(UnicodeEncodeError):
        write_report(tmp_path / "new" / "report.html", analysis())
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf8") == page
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.html"]


def test_nothing_is_fetched_and_no_script_is_run():
    page = parse(make_report(analysis()))
    assert not page.xpath("//script | //link | //img | //iframe | //object | //@src | //@onclick | //base")
    assert page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content") == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert all(href.startswith("#") for href in page.xpath("//@href"))
    assert "url(" not in "".join(page.xpath("//style/text()"))


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></figure></article>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&amp;&#0;",
    "<!-- -->]]>",
    "\u202eright to left\u2066",
    "a\tb\nc\x0b",
    "' style='color:red' onclick='x",
    "x" * 10_000,
    "",
]


def test_hostile_input_stays_text():
    def elements(page):
        found = set()
        for element in parse(page).iter():
            found.add(str(element.tag))
            found |= {f"{element.tag} {name}" for name in element.attrib}
        return found

    ours = elements(make_report(analysis(errors_of(n=7)), comparison([error("spurious")], [error("wrong_label")]), data="data"))
    # Where a long word may break.
    ours |= {"wbr"}
    rng = random.Random(0)
    for _ in range(25):
        label, other, kind, text, document, name = (rng.choice(HOSTILE) for _ in range(6))
        text = f"{TEXT} {text}"
        given = {"label": label or "A", "other": other or "B", "kind": kind, "text": text, "why": rng.choice(HOSTILE)}
        made = analysis(errors_of(**given), model=name, labels=(label or "A", other or "B"), document=document)
        compared = replace(comparison([error("spurious", **given)], [error("wrong_label", **given)]), one=name, other=label)
        assert elements(make_report(made, compared, data=document)) - ours == set()


def test_what_a_score_means():
    random = numpy.random.default_rng(0)
    scores, labels = random.uniform(0.5, 1, 200), numpy.array(["EFFECT", "</table><script>alert(1)</script>"])[random.integers(2, size=200)]
    sample = Sample(scores, random.random(200) < scores, labels, numpy.arange(200))
    made = analysis()
    made = replace(made, evaluation=replace(made.evaluation, gold_mentions={"rel_calibration": calibration_figures(sample)}))
    page = make_report(made)
    section = "//section[@aria-labelledby='calibration']"
    assert len(parse(page).xpath(f"{section}//figure/svg")) == 2
    assert any(text.startswith("Scores: ") and "95 % of such below" in text for text in texts(page, f"{section}/p"))
    rows = [[td.text for td in row.xpath("td")] for row in parse(page).xpath(f"{section}//table[caption[contains(., 'kept')]]/tbody/tr")]
    assert len(rows) == 10
    assert rows[-1][0] == f"{100 * (1 - sample.right.mean()):.1f}"
    assert len(texts(page, f"{section}//div[@class='wide']//tbody/tr")) == 2
    assert not parse(page).xpath("//script")
    assert "Nothing: no relation is predicted." in make_report(analysis())
