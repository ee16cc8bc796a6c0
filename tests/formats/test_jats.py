"""Full texts as JATS XML: which parts of an article become text, what is said of each, and what is wrong."""

import gzip

import pytest

from spacy_relext.conversion.converting import format_of
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.jats import INNER_ARTICLES, OTHER_ABSTRACTS, TEX_ALONE, WITHOUT_ID
from spacy_relext.formats.reading import Reading

DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and Interchange DTD v1.2 20190208//EN" "JATS.dtd">\n'
)
ARTICLE = """<article xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML"
 article-type="research-article" xml:lang="en">
<front>
<journal-meta><journal-id journal-id-type="nlm-ta">J Tea</journal-id><journal-title-group><journal-title>Journal of tea</journal-title>
</journal-title-group></journal-meta>
<article-meta>
<article-id pub-id-type="pmid">31</article-id><article-id pub-id-type="pmc">7</article-id><article-id pub-id-type="doi">10.1/x</article-id>
<title-group><article-title>Tea <italic>and</italic>
 pain<xref ref-type="fn" rid="n1"/></article-title><subtitle>A trial</subtitle></title-group>
<pub-date pub-type="epub"><year>1998</year></pub-date><pub-date pub-type="ppub"><year>1999</year></pub-date>
<pub-date pub-type="pmc-release"><year>2001</year></pub-date>
<permissions><license license-type="open-access" xlink:href="https://creativecommons.org/licenses/by/4.0/"><license-p>Free.</license-p>
</license></permissions>
<abstract abstract-type="graphical"><p>A picture.</p></abstract>
<abstract><title>Abstract</title><sec><title>Aim</title><p>To see.</p></sec><sec><title>Results</title><p>We saw.</p><p>Twice.</p></sec>
</abstract>
<trans-abstract xml:lang="fr"><p>Voir.</p></trans-abstract>
</article-meta></front>
<body>
<p>No section.</p>
<sec sec-type="results" id="s1"><label>1</label><title>Tea relieves pain</title>
<p>H<sub>2</sub>O helps<sup><xref ref-type="bibr" rid="b1">1</xref>,<xref ref-type="bibr" rid="b2">2</xref></sup>
 cells<xref ref-type="bibr" rid="b3"><sup>3</sup></xref> [<xref ref-type="bibr" rid="b4">4</xref>], 10<sup>3</sup> of them
 (<xref ref-type="fig" rid="f1">Fig. 1</xref>).<fn><p>A note.</p></fn></p>
<p>Before the list:
 <list list-type="order"><list-item><label>a</label><p>one;</p></list-item><list-item><p>two.</p></list-item></list> And after.</p>
<fig id="f1"><label>Figure 1</label><caption><title>Pain.</title><p>Over <bold>time</bold>.</p></caption><graphic xlink:href="f1"/></fig>
<sec><title>Sums</title><p>Let <inline-formula><alternatives><tex-math>\\x</tex-math>
 <mml:math><mml:mi>x</mml:mi><mml:mo>=</mml:mo>
 <mml:mn>1</mml:mn></mml:math></alternatives></inline-formula> and <inline-formula><tex-math>$y$</tex-math></inline-formula>.
 <table-wrap><label>Table 1</label><caption><p>Doses.</p></caption><table><tr><td>5</td></tr></table><table-wrap-foot><p>Foot.</p>
 </table-wrap-foot></table-wrap></p>
<boxed-text><sec><title>Box</title><p>In a box.</p></sec></boxed-text>
<disp-quote><p>Said.</p><attrib>Ann</attrib></disp-quote>
<def-list><def-item><term>TA</term><def><p>teal acid</p></def></def-item></def-list>
<supplementary-material><caption><p>File.</p></caption></supplementary-material></sec></sec>
</body>
<back><ack><p>Thanks.</p></ack><ref-list><ref id="b1"><mixed-citation>A. Ref.</mixed-citation></ref></ref-list></back>
<floats-group><fig><label>Figure 2</label><caption>Bare.</caption></fig></floats-group>
<sub-article><front-stub/><body><p>Review.</p></body></sub-article>
</article>
"""
LINES = [
    ("title", "Tea and pain: A trial", {}),
    ("abstract", "To see.", {"label": "Aim"}),
    ("abstract", "We saw.", {"label": "Results"}),
    ("abstract", "Twice.", {"label": "Results"}),
    ("paragraph", "No section.", {}),
    ("heading", "Tea relieves pain", {"section": ["Tea relieves pain"]}),
    ("paragraph", "H2O helps cells [4], 103 of them (Fig. 1).", {"section": ["Tea relieves pain"]}),
    ("paragraph", "Before the list:", {"section": ["Tea relieves pain"]}),
    ("paragraph", "one;", {"section": ["Tea relieves pain"]}),
    ("paragraph", "two.", {"section": ["Tea relieves pain"]}),
    ("paragraph", "And after.", {"section": ["Tea relieves pain"]}),
    ("figure", "Pain. Over time.", {"label": "Figure 1"}),
    ("heading", "Sums", {"section": ["Tea relieves pain", "Sums"]}),
    ("paragraph", "Let x= 1 and .", {"section": ["Tea relieves pain", "Sums"]}),
    ("table", "Doses.", {"label": "Table 1"}),
    ("heading", "Box", {"section": ["Tea relieves pain", "Sums", "Box"]}),
    ("paragraph", "In a box.", {"section": ["Tea relieves pain", "Sums", "Box"]}),
    ("paragraph", "Said.", {"section": ["Tea relieves pain", "Sums"]}),
    ("paragraph", "TA", {"section": ["Tea relieves pain", "Sums"]}),
    ("paragraph", "teal acid", {"section": ["Tea relieves pain", "Sums"]}),
    ("figure", "Bare.", {"label": "Figure 2"}),
]


def bare(name, body="<p>Tea.</p>"):
    ids = f'<article-id pub-id-type="pmcid">{name}</article-id>' if name else ""
    return f"<article><front><article-meta>{ids}</article-meta></front><body>{body}</body></article>\n"


def read(path):
    errors = []
    documents = list(get_format("jats").read(path, Reading(errors.append)))
    return documents, errors


def write(path, content):
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


@pytest.mark.parametrize("name", ["a.nxml", "a.xml.gz"])
def test_all_that_is_taken_of_an_article(name, tmp_path):
    path = write(tmp_path / name, DOCTYPE + ARTICLE)
    [document], errors = read(path)
    assert not errors
    assert document.text == "\n".join(text for _, text, _ in LINES)
    assert (document.id, document.source, document.line, document.relations) == ("PMC7", path, 3, None)
    sections = document.meta.pop("sections")
    found = [(one.pop("type"), document.text[one.pop("start") : one.pop("end")], one) for one in sections]
    assert found == LINES
    assert document.meta == {
        "pmcid": "PMC7",
        "pmid": "31",
        "doi": "10.1/x",
        "year": 1999,
        "journal": "Journal of tea",
        "journal_abbreviation": "J Tea",
        "article_type": "research-article",
        "language": "en",
        "license": "https://creativecommons.org/licenses/by/4.0/",
    }
    assert document.unsupported == {OTHER_ABSTRACTS: 2, INNER_ARTICLES: 1, TEX_ALONE: 1}


def test_many_articles_of_one_file(tmp_path):
    """Of which one is not well-formed, one has no front, and one no id."""
    bad = bare("PMC2", "<p>Tea & pain.</p>"), "<article>\n</article>\n", bare("PMC9", "<sec>" * 30_000 + "</sec>" * 30_000)
    content = f"<pmc-articleset>{bare('PMC1')}{''.join(bad)}{bare('')}{bare('PMC3')}</pmc-articleset>"
    path = write(tmp_path / "many.xml", content)
    documents, errors = read(path)
    assert [(d.id, d.text, d.line) for d in documents] == [("PMC1", "Tea.", 1), ("many-5", "Tea.", 6), ("PMC3", "Tea.", 7)]
    assert documents[1].unsupported == {WITHOUT_ID: 1}
    assert list(map(str, errors)) == [
        f"{path}:2: the article PMC2 is no well-formed XML: not well-formed (invalid token).",
        f"{path}:3: an <article> without <front> and <article-meta>.",
        f"{path}:5: its elements are nested too deeply.",
    ]
    write(path, f"<articles>{bare('PMC1')}")
    documents, [error] = read(path)
    assert [d.id for d in documents] == ["PMC1"]
    assert str(error) == f"{path}:2: the file ends before its first element does. Is it truncated?"


def test_folders_and_namespaces(tmp_path):
    namespace = '<article xmlns="https://jats.nlm.nih.gov/ns/archiving/1.3/">'
    write(tmp_path / "a.nxml", bare("PMC1").replace("<article>", namespace))
    write(tmp_path / "b.xml.gz", bare("PMC2"))
    (tmp_path / "c").mkdir()
    write(tmp_path / "c" / "d.xml", "<collection/>")
    (tmp_path / "readme.txt").write_text("No.")
    documents, [error] = read(tmp_path)
    assert [d.id for d in documents] == ["PMC1", "PMC2"]
    assert "d.xml: expected JATS XML, with <article>, and saw <collection>." in str(error)
    errors = []
    assert [d.id for d in Inputs([str(tmp_path)], "jats").read(errors.append)] == ["PMC1", "PMC2"]
    assert list(map(str, errors)) == [str(error)]
    assert [d.id for d in Inputs([str(tmp_path / "a.nxml")]).read(errors.append)] == ["PMC1"]
    assert format_of(tmp_path / "a.nxml", None).name == "jats"


def test_a_text_without_sections_or_abstract(tmp_path):
    [document], _ = read(write(tmp_path / "a.xml", bare("PMC1", "")))
    assert (document.text, document.meta) == ("", {"pmcid": "PMC1", "sections": []})
