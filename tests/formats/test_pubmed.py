"""PubMed's XML: what becomes of each part of a record, of revisions and deletions, and of what is wrong."""

import gzip
from collections import Counter

import pytest

from spacy_relext.conversion import convert
from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.limits import Limits, limited
from spacy_relext.formats.pubmed import NO_TEXT, OTHER_ABSTRACTS
from spacy_relext.formats.reading import SUPERSEDED, Reading
from tests.stress.pubmed import HEAD, TAIL, Records, deletions, write

FULL = """<PubmedArticle>
  <MedlineCitation Status="MEDLINE" Owner="NLM">
    <PMID Version="2">31</PMID>
    <Article PubModel="Print">
      <Journal>
        <JournalIssue CitedMedium="Internet"><PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue>
        <Title>Journal of tea &amp; pain</Title><ISOAbbreviation>J Tea</ISOAbbreviation>
      </Journal>
      <ArticleTitle>Ca<sup>2+</sup>, <i>H<sub>2</sub>O</i>
         and&#946;-blockers\u2009&lt; <mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mi>x</mml:mi>
         <mml:mo>=</mml:mo></mml:math>1.</ArticleTitle>
      <ELocationID EIdType="pii" ValidYN="Y">S1</ELocationID><ELocationID EIdType="doi" ValidYN="Y">10.1/e</ELocationID>
      <Abstract>
        <AbstractText Label="AIM" NlmCategory="OBJECTIVE">To see.</AbstractText>
        <AbstractText Label="NOTHING" NlmCategory="UNASSIGNED"> </AbstractText>
        <AbstractText Label="RESULTS">  We saw.  </AbstractText>
        <CopyrightInformation>© Press.</CopyrightInformation>
      </Abstract>
      <AuthorList CompleteYN="Y"><Author ValidYN="Y"><LastName>A</LastName></Author></AuthorList>
      <Language>eng</Language><Language>fre</Language>
      <PublicationTypeList><PublicationType UI="D016428">Journal Article</PublicationType></PublicationTypeList>
      <VernacularTitle>Thé.</VernacularTitle>
      <ArticleDate DateType="Electronic"><Year>1997</Year><Month>01</Month><Day>01</Day></ArticleDate>
    </Article>
    <ChemicalList>
      <Chemical><RegistryNumber>0</RegistryNumber><NameOfSubstance UI="D000001">Tannins</NameOfSubstance></Chemical>
      <Chemical><RegistryNumber>SY7Q814VUP</RegistryNumber><NameOfSubstance UI="D002118">Calcium</NameOfSubstance></Chemical>
    </ChemicalList>
    <MeshHeadingList>
      <MeshHeading><DescriptorName UI="D010146" MajorTopicYN="Y">Pain</DescriptorName></MeshHeading>
      <MeshHeading><DescriptorName UI="D013662" MajorTopicYN="N">Tea</DescriptorName>
        <QualifierName UI="Q000009" MajorTopicYN="N">adverse effects</QualifierName>
        <QualifierName UI="Q000494" MajorTopicYN="Y">pharmacology</QualifierName></MeshHeading>
    </MeshHeadingList>
    <OtherAbstract Type="Publisher" Language="spa"><AbstractText>Té.</AbstractText></OtherAbstract>
  </MedlineCitation>
  <PubmedData>
    <ArticleIdList><ArticleId IdType="pubmed">31</ArticleId><ArticleId IdType="pmc">PMC9</ArticleId></ArticleIdList>
    <ReferenceList><Reference><ArticleIdList><ArticleId IdType="doi">10.1/other</ArticleId></ArticleIdList></Reference></ReferenceList>
  </PubmedData>
</PubmedArticle>
"""


def record(pmid, title="Tea.", *, version=1, more=""):
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle>{more}'
        "</Article></MedlineCitation></PubmedArticle>\n"
    )


def file_of(path, *records, head=HEAD, tail=TAIL):
    content = (head + "".join(records) + tail).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path, **options):
    errors: list[DataError] = []
    reading = Reading(errors.append)
    documents = list(get_format("pubmed").read(path, reading))
    return documents, errors, +reading.counts


def test_all_that_is_taken_of_a_record(tmp_path):
    [document], errors, counts = read(file_of(tmp_path / "a.xml", FULL))
    title = "Ca2+, H2O andβ-blockers\u2009< x =1."
    assert not errors
    assert not counts
    assert document.text == f"{title}\nTo see.\nWe saw."
    assert (document.id, document.source, document.line) == ("31", tmp_path / "a.xml", 4)
    assert (document.mentions, document.relations, document.mentions_given) == ([], None, False)
    assert document.unsupported == {OTHER_ABSTRACTS: 1}
    sections = document.meta.pop("sections")
    assert sections == [
        {"type": "title", "start": 0, "end": len(title)},
        {"type": "abstract", "label": "AIM", "category": "OBJECTIVE", "start": len(title) + 1, "end": len(title) + 8},
        {"type": "abstract", "label": "RESULTS", "start": len(title) + 9, "end": len(title) + 16},
    ]
    assert [document.text[s["start"] : s["end"]] for s in sections] == [title, "To see.", "We saw."]
    assert document.meta == {
        "pmid": "31",
        "version": 2,
        "pmcid": "PMC9",
        "doi": "10.1/e",
        "language": "eng fre",
        "vernacular_title": "Thé.",
        "copyright": "© Press.",
        "year": 1998,
        "journal": "Journal of tea & pain",
        "journal_abbreviation": "J Tea",
        "mesh": [
            {"ui": "D010146", "name": "Pain", "major": True},
            {
                "ui": "D013662",
                "name": "Tea",
                "qualifiers": [
                    {"ui": "Q000009", "name": "adverse effects"},
                    {"ui": "Q000494", "name": "pharmacology", "major": True},
                ],
            },
        ],
        "chemicals": [{"ui": "D000001", "name": "Tannins"}, {"ui": "D002118", "name": "Calcium", "registry_number": "SY7Q814VUP"}],
        "publication_types": [{"ui": "D016428", "name": "Journal Article"}],
    }


def test_what_a_record_may_lack(tmp_path):
    lists = "<MeshHeadingList><MeshHeading/></MeshHeadingList><ChemicalList><Chemical/></ChemicalList>"
    bare = record(1).replace("</Article>", f"<PublicationTypeList/></Article>{lists}")
    [document], errors, _ = read(file_of(tmp_path / "a.xml", bare))
    assert not errors
    assert document.meta == {"pmid": "1", "sections": [{"type": "title", "start": 0, "end": 4}]}


def test_records_without_abstract_or_any_text(tmp_path):
    [first, second], errors, _ = read(file_of(tmp_path / "a.xml", record(1), record(2, title="")))
    assert not errors
    assert (first.text, first.meta["sections"], first.unsupported) == ("Tea.", [{"type": "title", "start": 0, "end": 4}], {})
    assert (second.text, second.meta, second.unsupported) == ("", {"pmid": "2"}, {NO_TEXT: 1})
    report = convert(tmp_path / "a.xml", tmp_path / "a.spacy", "pubmed").total
    assert (report["documents"], report[NO_TEXT]) == (2, 1)


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("<Year>2001</Year><Month>May</Month>", 2001),
        ("<MedlineDate>Winter 1975-1976</MedlineDate>", 1975),
        ("<MedlineDate>n.d.</MedlineDate>", 1997),
        ("<Year/>", 1997),
    ],
)
def test_year(date, year, tmp_path):
    journal = f"<Journal><JournalIssue><PubDate>{date}</PubDate></JournalIssue></Journal>"
    [document], _, _ = read(file_of(tmp_path / "a.xml", record(1, more=f"{journal}<ArticleDate><Year>1997</Year></ArticleDate>")))
    assert document.meta["year"] == year


def test_parts_of_books(tmp_path):
    bare = (
        "<PubmedBookArticle><BookDocument><PMID>8</PMID><Book><BookTitle>All of tea.</BookTitle></Book></BookDocument></PubmedBookArticle>"
    )
    [document, whole], errors, _ = read(file_of(tmp_path / "a.xml", Records().book(7), bare))
    assert not errors
    assert document.id == "7"
    assert document.meta["sections"][0]["type"] == "title"
    assert (document.meta["year"], document.meta["publication_types"]) == (2012, [{"ui": "D016454", "name": "Review"}])
    assert document.meta["book"]
    assert (whole.id, whole.text) == ("8", "All of tea.")


def test_the_last_version_is_read_in_the_order_of_names(tmp_path):
    folder = tmp_path / "all"
    (folder / "b").mkdir(parents=True)
    # The folder of the updates comes first, and their names last.
    file_of(folder / "n2.xml.gz", record(1, "One, revised."), record(5, "Five."), record(7, "Seven, old.", version=1), deletions([2, 9]))
    file_of(folder / "b" / "n1.xml.gz", *(record(i, f"{i}.") for i in range(1, 5)), record(4, "4, again."), record(7, "Seven.", version=2))
    documents, errors, counts = read(folder)
    assert not errors
    assert {d.id: d.text for d in documents} == {"1": "One, revised.", "3": "3.", "4": "4, again.", "5": "Five.", "7": "Seven."}
    assert counts == {SUPERSEDED: 4}
    # A record that comes back after it was deleted is there.
    file_of(folder / "n3.xml", record(2, "Two, again."))
    assert "2" in [d.id for d in read(folder)[0]]
    given = Inputs([str(folder / "n3.xml"), str(folder / "n2.xml.gz"), str(folder / "b" / "n1.xml.gz")], "pubmed")
    found = [(d.id, d.text) for d in given.read(lambda error: pytest.fail(str(error)))]
    assert found == [("2", "Two, again."), ("1", "One, revised."), ("5", "Five."), ("3", "3."), ("4", "4, again."), ("7", "Seven.")]
    assert given.left_out == {SUPERSEDED: 4}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<PMID Version="1">2</PMID>', '<!-- was <PMID Version="1">1</PMID> --><PMID Version="1">2</PMID>'),
        ('<PMID Version="1">2</PMID>', '<PMID Version="1" Kind="x">2</PMID>'),
    ],
)
def test_no_record_is_taken_for_a_version_of_one_that_it_mentions(before, after, tmp_path):
    cites = (
        '</Article><CommentsCorrectionsList><CommentsCorrections><PMID Version="1">1</PMID></CommentsCorrections></CommentsCorrectionsList>'
    )
    citation = '<PMID Version="1">{}</PMID><Article><ArticleTitle>Tea.</ArticleTitle></Article>'
    one = f"<PubmedArticle><MedlineCitation>{citation}</MedlineCitation></PubmedArticle>"
    deletion = "<DeleteCitation><!-- not <PMID>1</PMID> --><PMID>9</PMID></DeleteCitation>"
    (tmp_path / "in.xml").write_text(
        HEAD + one.format(1) + one.format(2).replace("</Article>", cites).replace(before, after) + deletion + TAIL, encoding="utf8"
    )
    assert [document.id for document in Inputs([str(tmp_path / "in.xml")], "pubmed").read(pytest.fail)] == ["1", "2"]


def test_a_file_of_which_all_is_superseded_is_no_error(tmp_path):
    file_of(tmp_path / "n1.xml", record(1))
    file_of(tmp_path / "n2.xml", record(1, "New."))
    errors = []
    assert [d.text for d in Inputs([str(tmp_path)], "pubmed").read(errors.append)] == ["New."]
    assert not errors


BAD = {
    "ampersand": (record(1, "Tea & pain."), "the record of PMID 1 is no well-formed XML: not well-formed (invalid token)."),
    "tag": (record(2, "<i>Tea."), "the record of PMID 2 is no well-formed XML: mismatched tag."),
    "entity": (record(3, "&nbsp;"), "the record of PMID 3 is no well-formed XML: undefined entity."),
    "character": (record(4, "\x01"), "the record of PMID 4 is no well-formed XML: not well-formed (invalid token)."),
    "no end": (
        "<PubmedArticle><MedlineCitation><PMID>5</PMID>\n",
        "the record of PMID 5: it has no end, </PubmedArticle>. Is the file truncated?",
    ),
    "no number": (record("six"), "expected a PMID, and saw 'six'."),
    "empty": ("<PubmedArticle>\n</PubmedArticle>\n", "a <PubmedArticle> without <MedlineCitation> and <Article>."),
    "book": ("<PubmedBookArticle><PMID>9</PMID></PubmedBookArticle>\n", "a <PubmedBookArticle> without <BookDocument>."),
    "other": ("<Other/>\n", "expected <PubmedArticle>, and saw '<Other/>'. It is passed over."),
    "doctype": ("<!DOCTYPE x [<!ENTITY a>]>\n", "expected <PubmedArticle>, and saw '<!DOCTYPE x [<!ENTITY a>]>'. It is passed over."),
}


def test_what_is_wrong_with_one_record_is_an_error_of_it_alone(tmp_path):
    records = [(text, record(10 + i)) for i, (text, _) in enumerate(BAD.values())]
    path = file_of(tmp_path / "a.xml", *(text for pair in records for text in pair))
    documents, errors, _ = read(path)
    assert [d.id for d in documents] == [str(10 + i) for i in range(len(BAD))]
    places, before = [], HEAD
    for text, good in records:
        # Where the parser notices it.
        places.append(f"{path}:{before.count(chr(10)) + 1}")
        before += text + good
    assert list(map(str, errors)) == [f"{place}: {message}" for place, (_, message) in zip(places, BAD.values(), strict=True)]
    with pytest.raises(DataError, match=r"a\.xml:4: the record of PMID 1 is no well-formed XML"):
        list(get_format("pubmed").read(path, Reading()))


def test_the_line_of_an_error_is_that_of_what_is_wrong(tmp_path):
    _, [error], _ = read(file_of(tmp_path / "a.xml", FULL.replace("<Language>fre", "<Language>fre<")))
    assert error.line == 3 + FULL[: FULL.index("<Language>fre")].count("\n") + 1


WHOLE = {
    "another root": (b"<collection><document/></collection>", "expected PubMed's XML, with <PubmedArticleSet>, and saw <collection>."),
    "no XML": (b"PMID- 7\n", "expected PubMed's XML, with <PubmedArticleSet>, and saw no XML."),
    "nothing": (b"", "expected PubMed's XML, with <PubmedArticleSet>, and saw no XML."),
    "an answer of efetch": (b"<?xml version='1.0'?><eFetchResult><ERROR>x</ERROR></eFetchResult>", "and saw <eFetchResult>."),
    "packed": (gzip.compress(b"<PubmedArticleSet/>"), "it is packed by gzip. Unpack it first: gunzip."),
    "UTF-16": ((HEAD.replace("utf-8", "utf-16") + record(1) + TAIL).encode("utf-16"), "it is in UTF-16 or UTF-32; expected UTF-8."),
    "latin-1": (
        HEAD.replace("utf-8", "ISO-8859-1").encode(),
        "it is in ISO-8859-1; expected UTF-8. Convert the file.",
    ),
    "entity bomb": (
        b'<!DOCTYPE PubmedArticleSet [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><PubmedArticleSet>' + record(1, "&b;").encode(),
        "its DOCTYPE declares entities or elements, which are not read. Take the declarations out.",
    ),
    "a file that it names": (
        b'<!DOCTYPE PubmedArticleSet [<!ENTITY a SYSTEM "file:///etc/passwd">]><PubmedArticleSet>' + record(1, "&a;").encode(),
        "its DOCTYPE declares entities or elements",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_files_of_which_nothing_is_read(name, tmp_path):
    content, message = WHOLE[name]
    (tmp_path / "a.xml").write_bytes(content)
    file_of(tmp_path / "b.xml", record(1))
    documents, [error], _ = read(tmp_path)
    assert str(error).startswith(f"{tmp_path / 'a.xml'}: ")
    assert message in str(error)
    assert [d.id for d in documents] == ["1"]


@pytest.mark.parametrize("name", ["a.xml", "a.xml.gz"])
def test_a_file_that_ends_too_early(name, tmp_path):
    path = file_of(tmp_path / name, record(1), record(2)[:90], tail="")
    documents, [error], _ = read(path)
    assert ([d.id for d in documents], error.line) == (["1"], 5)
    assert "the record of PMID 2: it has no end, </PubmedArticle>. Is the file truncated?" in str(error)
    documents, [error], _ = read(file_of(path, record(1), tail=""))
    assert ([d.id for d in documents], error.line) == (["1"], 5)
    assert "the file ends before its first element does. Is it truncated?" in str(error)


def test_of_a_packed_file_that_is_damaged_nothing_is_read(tmp_path):
    """Not even that a record of another file is revised."""
    [path] = write(tmp_path, 1, 40)
    raw = path.read_bytes()
    file_of(tmp_path / "a.xml", record(1, "Kept."))
    for damaged in (raw[: len(raw) // 2], raw[: len(raw) // 2] + b"\0" * 20 + raw[len(raw) // 2 + 20 :]):
        path.write_bytes(damaged)
        documents, [error], counts = read(tmp_path)
        assert ([d.text for d in documents], counts) == (["Kept."], {})
        assert str(error).startswith(f"{path}: no whole gzip file: ")
        errors = []
        found = [d.text for d in Inputs([str(tmp_path)], "pubmed").read(errors.append)]
        assert (found, list(map(str, errors))) == (["Kept."], [str(error)])


def test_records_that_are_too_long(tmp_path):
    path = file_of(tmp_path / "a.xml", record(1, "x" * 3_000_000), record(2), record(3, "y" * 3_000_000))
    with limited(Limits(record=1_000_000)):
        documents, errors, _ = read(path)
    assert [d.id for d in documents] == ["2"]
    assert [error.line for error in errors] == [4, 6]
    assert all("has more than 1,000,000 bytes, the most that is read at once" in str(error) for error in errors)
    assert [len(d.text) for d in read(path)[0]] == [3_000_000, 4, 3_000_000]


def test_prolog_comments_and_several_roots(tmp_path):
    """As when answers of efetch are put one behind the other."""
    head = "\ufeff<?xml version='1.0'?>\n<!-- <PubmedArticles> -->\n<!DOCTYPE PubmedArticleSet PUBLIC '-//NLM//DTD' 'https://x/y.dtd'>\n"
    parts = [f"{head if i == 1 else ''}<PubmedArticleSet>\n{record(i)}<!-- end -->{TAIL}\n" for i in (1, 2)]
    path = tmp_path / "a.xml"
    path.write_text("".join(parts), encoding="utf8")
    documents, errors, _ = read(path)
    assert ([(d.id, d.line) for d in documents], errors) == ([("1", 5), ("2", 8)], [])
    path.write_text(record(3), encoding="utf8")
    assert [d.id for d in read(path)[0]] == ["3"]


def test_prefixes_that_the_root_declares(tmp_path):
    head = '<PubmedArticleSet xmlns:mml="http://www.w3.org/1998/Math/MathML">'
    documents, [error], _ = read(file_of(tmp_path / "a.xml", record(1, "<mml:mi>x</mml:mi>."), record(2, "<x:y/>"), head=head))
    assert [d.text for d in documents] == ["x."]
    assert "the record of PMID 2 is no well-formed XML: unbound prefix." in str(error)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_wherever_the_buffer_ends(size, tmp_path, monkeypatch):
    path = file_of(tmp_path / "a.xml", FULL, "<Other/>", Records().book(9), *(text for text, _ in BAD.values()), FULL, record(8), tail="")
    expected = read(path)
    monkeypatch.setattr("spacy_relext.formats.xmlrecords.CHUNK", 400 + size)
    documents, errors, counts = read(path)
    assert (documents, list(map(str, errors)), counts) == (expected[0], list(map(str, expected[1])), expected[2])


def test_invented_files_are_read(tmp_path):
    write(tmp_path, 3, 60)
    documents, errors, counts = read(tmp_path)
    assert not errors
    assert counts == {SUPERSEDED: 21}
    assert len({d.id for d in documents}) == len(documents) == 180 - 21
    lengths = Counter(len(d.meta["sections"]) for d in documents)
    assert set(lengths) == {1, 2, 5}
    assert all(d.text[s["start"] : s["end"]].strip() for d in documents for s in d.meta["sections"])
