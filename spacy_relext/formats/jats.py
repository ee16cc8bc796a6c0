"""Full texts as JATS XML: PMC's Open Access subset and efetch, Europe PMC; `.xml` or `.nxml`, packed by gzip or not (ANSI/NISO Z39.96).

    <article article-type="research-article">
      <front>…<article-meta><article-id pub-id-type="pmcid">PMC7</article-id>…<article-title>Tea and pain</article-title>…<abstract>…
      <body><sec><title>Results</title><p>Tea relieved pain (<xref ref-type="fig">Fig. 1</xref>).</p><fig>…

A file is one article, or has many in an <articles> or <pmc-articleset>. An article is a document, called by its PMC id, else by its PMID,
its DOI, or its file and number. Its text has a line for each of these, which `sections` of its `meta` tells apart by their type, in the
order of the article; start and end are characters:

    title       with the subtitle
    abstract    a paragraph of it; label: the title of its section, which is not in the text
    heading     the title of a section of the body: it may state a result. section: the titles of the sections that it is in, and its own
    paragraph   of the body: of sections, lists, boxes, quotations. section: the same
    figure, table   the caption, behind the paragraph in which it stands, or at the end. label: "Figure 1"

Tables, references, footnotes, supplementary material, and what stands behind the body (acknowledgements, appendices) are no text. Tags in a
text are left out, and what is in them stays: "H<sub>2</sub>O" is H2O, and "[<xref>1</xref>]" is [1]; but references that are set as
superscripts are left out ("cells<sup>1,2</sup>" is cells), and so is TeX. A formula that is there as TeX alone is counted.

Other values of `meta`: pmcid, pmid, doi, year, journal, journal_abbreviation, article_type, language, license.

Of several abstracts, that without a type is read. Others, those in other languages, and articles in an article (reviews of it,
translations) are left out, and counted. An article that is no well-formed XML is an error of it alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from spacy_relext.errors import DataError
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import Document
from spacy_relext.formats.xmlrecords import Origin, RecordCutter, Sections, collapsed, text_of

OTHER_ABSTRACTS = "abstracts of another kind or language"
INNER_ARTICLES = "articles in an article (reviews, translations)"
TEX_ALONE = "formulas in TeX alone"
WITHOUT_ID = "documents without an id (called by their file and number)"
# What is no text, wherever it stands.
SKIPPED = {
    *("table", "table-wrap-foot", "ref-list", "fn", "fn-group", "tex-math", "graphic", "inline-graphic", "media", "label", "object-id"),
    *("alt-text", "long-desc", "attrib", "permissions", "sec-meta", "index-term", "supplementary-material"),
    "inline-supplementary-material",
}
CAPTIONED = {"fig": "figure", "table-wrap": "table"}
# What stands in a paragraph, and ends the line before it.
BLOCKS = {
    *CAPTIONED,
    *("fig-group", "table-wrap-group", "list", "def-list", "boxed-text", "disp-quote", "statement", "verse-group", "p", "sec"),
}
FORMULAS = ("inline-formula", "disp-formula")
LINES = {"p", "verse-line", "term", "disp-formula"}
# The years of a PubMed record come first.
DATES = ("ppub", "collection", "epub", "pub")
_CITED = re.compile(r"[\s,;\d\u2013\u2014-]*")


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read a file, or all .xml and .nxml files of a folder and the folders in it, packed ones too."""
    return CUTTER.read_files(path, reading)


def _name_of(record: bytes) -> str:
    found = re.search(rb"<article-id[^>]*>([^<]*)<", record)
    return "an article without an id" if found is None else f"the article {found[1].decode(errors='replace')}"


def article(root: Element, origin: Origin) -> Document:
    """The document of an <article>. RAISES: DataError for one that has not what it must have."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    about = root.find("front/article-meta")
    if about is None:
        raise DataError("an <article> without <front> and <article-meta>.", path=origin.path, line=origin.line)
    meta = _meta(root, about)
    name = next((str(meta[key]) for key in ("pmcid", "pmid", "doi") if key in meta), "")
    document = Document(name or f"{origin.path.stem}-{origin.number}", "", source=origin.path, line=origin.line)
    if not name:
        document.leave_out(WITHOUT_ID)
    text = _Text(document)
    titles = about.find("title-group")
    if titles is not None:
        text.sections.add(": ".join(filter(None, (text.flat(titles.find(one)) for one in ("article-title", "subtitle")))), type="title")
    abstracts = sorted(about.findall("abstract"), key=lambda one: one.get("abstract-type") is not None)
    others = [*abstracts[1:], *about.findall("trans-abstract")]
    try:
        for abstract in abstracts[:1]:
            text.abstract(abstract)
        for part in (root.find("body"), root.find("floats-group")):
            if part is not None:
                text.blocks(part)
    except RecursionError as error:
        raise DataError("its elements are nested too deeply.", path=origin.path, line=origin.line) from error
    for what, found in ((OTHER_ABSTRACTS, others), (INNER_ARTICLES, [*root.findall("sub-article"), *root.findall("response")])):
        for _ in found:
            document.leave_out(what)
    document.text, document.meta = text.sections.text, meta | {"sections": text.sections.places}
    return document


CUTTER = RecordCutter("JATS XML, with <article>", ("articles", "pmc-articleset"), {"article": article}, _name_of, (".xml", ".nxml"))


def _meta(root: Element, about: Element) -> dict[str, Any]:
    ids = {one.get("pub-id-type"): text_of(one) for one in about.findall("article-id")}
    pmcid = ids.get("pmcid") or ids.get("pmc") or ""
    years = {date.get("pub-type") or date.get("date-type"): text_of(date.find("year")) for date in about.findall("pub-date")}
    year = next(filter(None, (years.get(kind) for kind in (*DATES, *years) if kind != "pmc-release")), "")
    journal = root.find("front/journal-meta")
    names = {} if journal is None else {one.get("journal-id-type"): text_of(one) for one in journal.findall("journal-id")}
    found_license = about.find("permissions/license")
    found: dict[str, Any] = {
        "pmcid": pmcid if not pmcid or pmcid.startswith("PMC") else f"PMC{pmcid}",
        "pmid": ids.get("pmid"),
        "doi": ids.get("doi"),
        "year": int(year) if re.fullmatch("[0-9]{4}", year) else None,
        "journal": None if journal is None else text_of(next(journal.iter("journal-title"), None)),
        "journal_abbreviation": names.get("iso-abbrev") or names.get("nlm-ta"),
        "article_type": root.get("article-type"),
        "language": root.get("{http://www.w3.org/XML/1998/namespace}lang"),
        "license": None if found_license is None else _license(found_license),
    }
    return {name: value for name, value in found.items() if value}


def _license(element: Element) -> str:
    """The address of a license, else what it is called."""
    links = (one.get("{http://www.w3.org/1999/xlink}href") or (one.text if one.tag == "license_ref" else None) for one in element.iter())
    return next(filter(None, links), None) or element.get("license-type") or ""


class _Text:
    """The text of an article, which is written line by line."""

    def __init__(self, document: Document):
        self.document, self.sections = document, Sections()
        self._line: list[str] = []
        self._said: dict[str, Any] = {}

    def abstract(self, element: Element) -> None:
        """Add an abstract."""
        self._said = {"type": "abstract"}
        for child in element:
            if child.tag == "sec":
                self._said = {"type": "abstract", "label": self.flat(child.find("title")) or None}
                self._children(child, ())
                self._said = {"type": "abstract"}
            elif child.tag != "title":
                self._block(child, ())

    def blocks(self, element: Element) -> None:
        """Add what is in a body."""
        self._said = {"type": "paragraph"}
        self._children(element, ())

    def flat(self, element: Element | None) -> str:
        """The text of an element that is one line."""
        kept, self._line = self._line, []
        if element is not None:
            self._inline(element, ())
        text, self._line = collapsed("".join(self._line)), kept
        return text

    def _children(self, element: Element, path: tuple[str, ...]) -> None:
        for child in element:
            if child.tag != "title":
                self._block(child, path)

    def _block(self, element: Element, path: tuple[str, ...]) -> None:
        if element.tag in SKIPPED:
            return
        if element.tag in CAPTIONED:
            self._caption(element)
        elif element.tag in LINES or (element.text or "").strip():
            self._inline(element, path)
            self._end_line(path)
        else:
            title = self.flat(element.find("title"))
            if title and self._said["type"] == "paragraph":
                path = (*path, title)
                self.sections.add(title, type="heading", section=list(path))
            self._children(element, path)

    def _caption(self, element: Element) -> None:
        caption = element.find("caption")
        if caption is not None:
            parts = [self.flat(part) for part in caption] if len(caption) else [self.flat(caption)]
            label = self.flat(element.find("label"))
            self.sections.add(" ".join(filter(None, parts)), type=CAPTIONED[element.tag], label=label or None)

    def _inline(self, element: Element, path: tuple[str, ...]) -> None:
        """Add what is in a paragraph to the line."""
        self._line.append(element.text or "")
        for child in element:
            if child.tag in BLOCKS:
                self._end_line(path)
                self._block(child, path)
            elif child.tag == "break":
                self._line.append(" ")
            elif child.tag in FORMULAS and child.find(".//math") is None and child.find(".//tex-math") is not None:
                self.document.leave_out(TEX_ALONE)
            elif child.tag not in SKIPPED and not _is_raised_citation(child):
                self._inline(child, path)
            self._line.append(child.tail or "")

    def _end_line(self, path: tuple[str, ...]) -> None:
        said = self._said | ({"section": list(path)} if path else {})
        self.sections.add(collapsed("".join(self._line)), **said)
        self._line = []


def _is_raised_citation(element: Element) -> bool:
    """Whether it is nothing but references, set as superscripts: <sup><xref>1</xref>,<xref>2</xref></sup>, <xref><sup>1</sup></xref>."""
    if element.tag == "xref" and element.get("ref-type") == "bibr":
        return len(element) == 1 and element[0].tag == "sup" and not (element.text or "").strip()
    if element.tag != "sup" or not len(element):
        return False
    return all(one.tag == "xref" and one.get("ref-type") == "bibr" for one in element) and all(
        _CITED.fullmatch(text) for text in (element.text or "", *(one.tail or "" for one in element))
    )
