"""PubMed's XML: the baseline, the daily updates, and what efetch gives; `.xml` or `.xml.gz` (DTD pubmed_190101 to pubmed_250101).

    <PubmedArticleSet>
      <PubmedArticle>
        <MedlineCitation><PMID Version="1">7</PMID><Article>…<ArticleTitle>Tea and pain.</ArticleTitle>
          <Abstract><AbstractText Label="METHODS" NlmCategory="METHODS">We gave tea.</AbstractText></Abstract>…
      <PubmedBookArticle> …
      <DeleteCitation><PMID Version="1">5</PMID></DeleteCitation>

A record is a document, called by its PMID. Its text is the title and the sections of the abstract, with a line end between two of them, and
without their labels: offsets are those of PubTator where the abstract has no sections (it writes "METHODS: " before one). White space of
XML is one space; tags in the text (i, b, u, sub, sup, MathML) are left out, and what is in them stays: "H<sub>2</sub>O" is H2O. A record
without an abstract is its title. One without any text is a document without any, which is counted.

`meta` has what PubMed says of a record, as far as it says so:

    pmid, version (from 2), pmcid, doi, language, year (of the issue, or else of the article), journal, journal_abbreviation, book
    sections            where the title and each section of the abstract are: type, start, end, label, category (NLM's)
    mesh                ui, name, major (true, where it is a major topic), qualifiers (the same of each)
    chemicals           ui, name, registry_number
    publication_types   ui, name
    vernacular_title, copyright

Abstracts in other languages or for other readers (OtherAbstract) are left out, and counted; so are, uncounted, authors, grants, keywords,
references and the history. Of a record that is revised the last version is read, and none that is deleted; both are counted
(versions.py). A record that is no well-formed XML is an error of it alone. Of a file that is damaged as a packed file, nothing is read.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

from spacy_relext.errors import DataError
from spacy_relext.formats.reading import Options, Reading
from spacy_relext.formats.types import Document
from spacy_relext.formats.versions import Version
from spacy_relext.formats.xmlrecords import Origin, RecordCutter, Sections, text_of

OTHER_ABSTRACTS = "abstracts in other languages, or for other readers (OtherAbstract)"
NO_TEXT = "records without any text (documents without text)"
_PMID = re.compile(rb"<PMID(?:\s+Version\s*=\s*[\"'](\d{1,9})[\"'])?\s*>\s*(\d{1,15})\s*</PMID>")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_YEAR = re.compile(r"\b(1[5-9]|2\d)\d\d\b")
DELETED = "DeleteCitation"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .xml and .xml.gz files of a folder and the folders in it."""
    return CUTTER.read_files(path, reading)


class _Cutter(RecordCutter):
    def versions(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Version]:
        """As `VersionCutter` says."""
        for found in self.scan(file, path):
            content = _COMMENT.sub(b"", found.content) if b"<!--" in found.content else found.content
            if found.name == DELETED and not found.problem:
                yield from (Version(int(pmid), int(number or 1), is_deletion=True) for number, pmid in _PMID.findall(content))
            elif self.is_document(found):
                # The first one is that of the record; others are those of articles that it cites or corrects.
                pmid = _PMID.match(content, at) if not found.problem and (at := content.find(b"<PMID")) >= 0 else None
                yield Version() if pmid is None else Version(int(pmid[2]), int(pmid[1] or 1))


def _name_of(record: bytes) -> str:
    pmid = _PMID.search(record)
    return "a record without a PMID" if pmid is None else f"the record of PMID {pmid[2].decode()}"


def article(record: Element, origin: Origin) -> Document:
    """The document of a <PubmedArticle>. RAISES: DataError for one that has not what it must have."""
    citation, data = record.find("MedlineCitation"), record.find("PubmedData")
    found = None if citation is None else citation.find("Article")
    if citation is None or found is None:
        raise DataError("a <PubmedArticle> without <MedlineCitation> and <Article>.", path=origin.path, line=origin.line)
    document = _document(citation, found, _all(data, "ArticleIdList"), origin)
    meta = document.meta
    journal = found.find("Journal")
    if journal is not None:
        year = _year(journal.find("JournalIssue/PubDate")) or _year(found.find("ArticleDate"))
        _add(meta, year=year, journal=_plain(journal.find("Title")), journal_abbreviation=_plain(journal.find("ISOAbbreviation")))
    if "doi" not in meta:
        _add(meta, doi=next((_plain(one) for one in found.findall("ELocationID") if one.get("EIdType") == "doi"), ""))
    _add(
        meta,
        mesh=[_heading(heading) for heading in _all(citation, "MeshHeadingList") if len(heading)],
        chemicals=[_chemical(chemical) for chemical in _all(citation, "ChemicalList") if len(chemical)],
        publication_types=[_named(kind) for kind in _all(found, "PublicationTypeList")],
    )
    for _ in citation.findall("OtherAbstract"):
        document.leave_out(OTHER_ABSTRACTS)
    return document


def book_article(record: Element, origin: Origin) -> Document:
    """The document of a <PubmedBookArticle>. RAISES: DataError for one that has not what it must have."""
    found = record.find("BookDocument")
    if found is None:
        raise DataError("a <PubmedBookArticle> without <BookDocument>.", path=origin.path, line=origin.line)
    document = _document(found, found, [*_all(found, "ArticleIdList"), *_all(record.find("PubmedBookData"), "ArticleIdList")], origin)
    book = found.find("Book")
    if book is not None:
        _add(document.meta, year=_year(book.find("PubDate")), book=text_of(book.find("BookTitle")))
    _add(document.meta, publication_types=[_named(kind) for kind in found.findall("PublicationType")])
    return document


CUTTER = _Cutter(
    "PubMed's XML, with <PubmedArticleSet>",
    ("PubmedArticleSet", "PubmedBookArticleSet"),
    {"PubmedArticle": article, "PubmedBookArticle": book_article, DELETED: None},
    _name_of,
)


def _document(citation: Element, found: Element, ids: Iterable[Element], origin: Origin) -> Document:
    """A document with what articles and parts of books have in common."""
    given = citation.find("PMID")
    pmid = _plain(given)
    if given is None or not pmid.isascii() or not pmid.isdigit():
        raise DataError(f"expected a PMID, and saw {pmid!r:.40}.", path=origin.path, line=origin.line)
    meta: dict[str, Any] = {"pmid": pmid}
    number = given.get("Version", "1")
    if number.isdigit() and number != "1":
        meta["version"] = int(number)
    by_kind = {one.get("IdType"): _plain(one) for one in ids}
    sections = Sections()
    sections.add(text_of(found.find("ArticleTitle")) or text_of(found.find("Book/BookTitle") if found is citation else None), type="title")
    abstract = found.find("Abstract")
    for section in () if abstract is None else abstract.findall("AbstractText"):
        sections.add(text_of(section), type="abstract", label=section.get("Label"), category=section.get("NlmCategory"))
    _add(
        meta,
        pmcid=by_kind.get("pmc"),
        doi=by_kind.get("doi"),
        language=" ".join(map(_plain, found.findall("Language"))),
        sections=sections.places,
        vernacular_title=text_of(found.find("VernacularTitle")),
        copyright="" if abstract is None else text_of(abstract.find("CopyrightInformation")),
    )
    document = Document(pmid, sections.text, source=origin.path, line=origin.line, meta=meta)
    if not document.text:
        document.leave_out(NO_TEXT)
    return document


def _add(meta: dict[str, Any], **values: Any) -> None:
    """Add what is not empty."""
    for name, value in values.items():
        if value:
            meta[name] = value


def _all(element: Element | None, name: str) -> Iterable[Element]:
    """What is in the list of a name."""
    found = None if element is None else element.find(name)
    return () if found is None else found


def _plain(element: Element | None) -> str:
    """The text of an element that has no others in it."""
    return "" if element is None else (element.text or "").strip()


def _year(date: Element | None) -> int | None:
    """The year of a date, also of one in words, as "1998 Dec-1999 Jan"."""
    if date is None:
        return None
    found = _YEAR.search(_plain(date.find("Year")) or _plain(date.find("MedlineDate")))
    return int(found[0]) if found else None


def _named(element: Element) -> dict[str, Any]:
    return {"ui": element.get("UI", ""), "name": _plain(element)}


def _topic(element: Element) -> dict[str, Any]:
    return _named(element) | ({"major": True} if element.get("MajorTopicYN") == "Y" else {})


def _heading(heading: Element) -> dict[str, Any]:
    descriptor, *qualifiers = heading
    return _topic(descriptor) | ({"qualifiers": list(map(_topic, qualifiers))} if qualifiers else {})


def _chemical(chemical: Element) -> dict[str, Any]:
    substance, number = chemical.find("NameOfSubstance"), _plain(chemical.find("RegistryNumber"))
    named = {} if substance is None else _named(substance)
    return named | ({"registry_number": number} if number not in ("", "0") else {})
