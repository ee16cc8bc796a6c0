"""Files as PubMed's baseline and updates are, with invented records: the elements, sizes and oddities of the real ones.

Structure and attributes are those of pubmed_250101.dtd and of NLM's description of its elements. As in PubMed, a record has some 7 kB, and
an abstract some 240 tokens; one in six has no abstract, and one in three has labelled sections.

    python -m tests.stress.pubmed FOLDER --files 4 --records 30000

writes such files, packed by gzip: the last one of them is an update, with revisions and deletions of the others.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape, quoteattr

import typer

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet SYSTEM "http://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
<PubmedArticleSet>
"""
TAIL = "</PubmedArticleSet>"
_SYLLABLES = "al an ar ba ce co da de di en er fi ga ge ho il in ka lo ma me mi na ne ol or pa ph ra re ri ro sa so ta te ti to tri us va"
_COMMON = "the of and in to with was were a for that by is as from an on at or this than after which these between not be during both"
SYLLABLES, COMMON = _SYLLABLES.split(), _COMMON.split()
LABELS = (("BACKGROUND", "BACKGROUND"), ("METHODS", "METHODS"), ("RESULTS", "RESULTS"), ("CONCLUSION", "CONCLUSIONS"))
# Share of records.
NO_ABSTRACT, LABELLED, MARKED, WITH_MESH, WITH_REFERENCES, IN_ANOTHER_LANGUAGE = 0.17, 0.33, 0.2, 0.75, 0.2, 0.06


class Records:
    """Invented records: the same ones for the same seed."""

    def __init__(self, seed: int = 0):
        self.random = Random(seed)
        self.words = ["".join(self.random.choices(SYLLABLES, k=self.random.choice((2, 3, 3, 4)))) for _ in range(5000)]

    def article(self, pmid: int, version: int = 1) -> str:
        """A <PubmedArticle> as NLM writes it: an element per line, texts without line ends."""
        random = self.random
        year = random.randint(1966, 2024)
        ids = "".join(
            f'      <ArticleId IdType="{kind}">{name}</ArticleId>\n'
            for kind, name in (("pubmed", pmid), ("pmc", f"PMC{pmid + 7}"), ("doi", f"10.1000/j.{pmid}"))
        )
        return (
            '<PubmedArticle>\n  <MedlineCitation Status="MEDLINE" IndexingMethod="Automated" Owner="NLM">\n'
            f'    <PMID Version="{version}">{pmid}</PMID>\n{_date("DateCompleted", year + 1, 4)}{_date("DateRevised", year + 2, 4)}'
            f'    <Article PubModel="Print-Electronic">\n{self._journal(year)}'
            f"      <ArticleTitle>{self._title()}</ArticleTitle>\n"
            f"      <Pagination>\n        <StartPage>{pmid % 900}</StartPage>\n        <EndPage>{pmid % 900 + 9}</EndPage>\n"
            f"        <MedlinePgn>{pmid % 900}-9</MedlinePgn>\n      </Pagination>\n"
            f'      <ELocationID EIdType="doi" ValidYN="Y">10.1000/j.{pmid}</ELocationID>\n{self._abstract()}{self._authors()}'
            f"      <Language>{'ger' if random.random() < IN_ANOTHER_LANGUAGE else 'eng'}</Language>\n{self._types()}"
            f'      <ArticleDate DateType="Electronic">\n{_parts(year, 8)}      </ArticleDate>\n    </Article>\n'
            "    <MedlineJournalInfo>\n      <Country>England</Country>\n      <MedlineTA>J Inv Rec</MedlineTA>\n"
            "      <NlmUniqueID>0000001</NlmUniqueID>\n      <ISSNLinking>0000-0001</ISSNLinking>\n    </MedlineJournalInfo>\n"
            f"{self._indexing()}  </MedlineCitation>\n  <PubmedData>\n{_history(year)}    <PublicationStatus>ppublish</PublicationStatus>\n"
            f"    <ArticleIdList>\n{ids}    </ArticleIdList>\n{self._references(pmid)}  </PubmedData>\n"
            "</PubmedArticle>\n"
        )

    def book(self, pmid: int) -> str:
        """A <PubmedBookArticle>."""
        return (
            f'<PubmedBookArticle>\n  <BookDocument>\n    <PMID Version="1">{pmid}</PMID>\n    <ArticleIdList>\n'
            f'      <ArticleId IdType="bookaccession">NBK{pmid}</ArticleId>\n    </ArticleIdList>\n    <Book>\n      <Publisher>\n'
            "        <PublisherName>Invented</PublisherName>\n      </Publisher>\n"
            f"      <BookTitle book={quoteattr('inv')}>{self._sentence(4)}</BookTitle>\n      <PubDate>\n        <Year>2012</Year>\n"
            "      </PubDate>\n      <Medium>Internet</Medium>\n    </Book>\n"
            f"    <ArticleTitle book={quoteattr('inv')} part={quoteattr('one')}>{self._title()}</ArticleTitle>\n"
            f'    <Language>eng</Language>\n    <PublicationType UI="D016454">Review</PublicationType>\n{self._abstract()}'
            "  </BookDocument>\n  <PubmedBookData>\n    <PublicationStatus>ppublish</PublicationStatus>\n    <ArticleIdList>\n"
            f'      <ArticleId IdType="pubmed">{pmid}</ArticleId>\n    </ArticleIdList>\n  </PubmedBookData>\n</PubmedBookArticle>\n'
        )

    def _words(self, n_words: int) -> list[str]:
        random = self.random
        return [random.choice(COMMON) if random.random() < 0.4 else random.choice(self.words) for _ in range(n_words)]

    def _sentence(self, n_words: int) -> str:
        return escape(" ".join(self._words(n_words)).capitalize() + ".")

    def _title(self) -> str:
        return self._sentence(max(3, int(self.random.gauss(13, 4))))

    def _text(self, n_words: int) -> str:
        """Sentences, some with what stands inside sentences."""
        random, found = self.random, []
        while n_words > 0:
            length = max(5, int(random.gauss(22, 7)))
            sentence = self._sentence(length)
            if random.random() < MARKED / 4:
                sentence += random.choice(
                    (
                        " Ca<sup>2+</sup> and H<sub>2</sub>O (<i>p</i> &lt; 0.05).",
                        " β-blockers &amp; α<sub>1</sub> at 37 °C.",
                        " (n\u2009=\u200912).",
                    )
                )
            found.append(sentence)
            n_words -= length
        return " ".join(found)

    def _abstract(self) -> str:
        random = self.random
        if random.random() < NO_ABSTRACT:
            return ""
        n_words = int(min(600, max(30, random.lognormvariate(5.3, 0.45))))
        if random.random() < LABELLED:
            texts = "".join(
                f'        <AbstractText Label="{label}" NlmCategory="{kind}">{self._text(n_words // 4)}</AbstractText>\n'
                for label, kind in LABELS
            )
        else:
            texts = f"        <AbstractText>{self._text(n_words)}</AbstractText>\n"
        rights = "        <CopyrightInformation>© Invented Press.</CopyrightInformation>\n" if random.random() < 0.3 else ""
        return f"      <Abstract>\n{texts}{rights}      </Abstract>\n"

    def _journal(self, year: int) -> str:
        date = f"            <MedlineDate>{year} Nov-Dec</MedlineDate>\n" if self.random.random() < 0.05 else _parts(year, 12)
        return (
            '      <Journal>\n        <ISSN IssnType="Electronic">0000-0001</ISSN>\n        <JournalIssue CitedMedium="Internet">\n'
            f"          <Volume>{year - 1960}</Volume>\n          <Issue>2</Issue>\n          <PubDate>\n{date}          </PubDate>\n"
            "        </JournalIssue>\n        <Title>Journal of invented records</Title>\n"
            "        <ISOAbbreviation>J Inv Rec</ISOAbbreviation>\n      </Journal>\n"
        )

    def _authors(self) -> str:
        random = self.random
        authors = "".join(
            f'        <Author ValidYN="Y">\n          <LastName>{random.choice(self.words).title()}</LastName>\n'
            f"          <ForeName>{random.choice(self.words).title()} A</ForeName>\n          <Initials>XA</Initials>\n"
            f"          <AffiliationInfo>\n            <Affiliation>{self._sentence(10)}</Affiliation>\n          </AffiliationInfo>\n"
            "        </Author>\n"
            for _ in range(max(1, int(random.lognormvariate(0.95, 0.6))))
        )
        return f'      <AuthorList CompleteYN="Y">\n{authors}      </AuthorList>\n'

    def _types(self) -> str:
        return (
            '      <PublicationTypeList>\n        <PublicationType UI="D016428">Journal Article</PublicationType>\n'
            '        <PublicationType UI="D013485">Research Support, Non-U.S. Gov\'t</PublicationType>\n      </PublicationTypeList>\n'
        )

    def _indexing(self) -> str:
        random = self.random
        if random.random() > WITH_MESH:
            return ""
        chemicals = "".join(
            f'      <Chemical>\n        <RegistryNumber>0</RegistryNumber>\n        <NameOfSubstance UI="D{random.randrange(10**6):06}">'
            f"{random.choice(self.words).title()}</NameOfSubstance>\n      </Chemical>\n"
            for _ in range(random.randint(1, 4))
        )
        headings = "".join(
            f'      <MeshHeading>\n        <DescriptorName UI="D{random.randrange(10**6):06}" MajorTopicYN="N">'
            f"{random.choice(self.words).title()}</DescriptorName>\n"
            + '        <QualifierName UI="Q000188" MajorTopicYN="Y">drug therapy</QualifierName>\n' * random.choice((0, 0, 1, 2))
            + "      </MeshHeading>\n"
            for _ in range(random.randint(4, 14))
        )
        return (
            f"    <ChemicalList>\n{chemicals}    </ChemicalList>\n    <CitationSubset>IM</CitationSubset>\n"
            f"    <MeshHeadingList>\n{headings}    </MeshHeadingList>\n"
        )

    def _references(self, pmid: int) -> str:
        random = self.random
        if random.random() > WITH_REFERENCES:
            return ""
        references = "".join(
            f"      <Reference>\n        <Citation>{self._sentence(14)}</Citation>\n        <ArticleIdList>\n"
            f'          <ArticleId IdType="pubmed">{pmid - i - 1}</ArticleId>\n        </ArticleIdList>\n      </Reference>\n'
            for i in range(random.randint(5, 25))
        )
        return f"    <ReferenceList>\n{references}    </ReferenceList>\n"


def _parts(year: int, indent: int) -> str:
    space = " " * indent
    return f"{space}<Year>{year}</Year>\n{space}<Month>05</Month>\n{space}<Day>17</Day>\n"


def _date(name: str, year: int, indent: int) -> str:
    space = " " * indent
    return f"{space}<{name}>\n{_parts(year, indent + 2)}{space}</{name}>\n"


def _history(year: int) -> str:
    time = f"{_parts(year, 8)}        <Hour>6</Hour>\n        <Minute>0</Minute>\n"
    dates = "".join(
        f'      <PubMedPubDate PubStatus="{status}">\n{time}      </PubMedPubDate>\n'
        for status in ("received", "accepted", "pubmed", "medline")
    )
    return f"    <History>\n{dates}    </History>\n"


def deletions(pmids: Iterator[int] | range) -> str:
    """A <DeleteCitation>."""
    return "<DeleteCitation>\n" + "".join(f'  <PMID Version="1">{pmid}</PMID>\n' for pmid in pmids) + "</DeleteCitation>\n"


def write(folder: Path, n_files: int, n_records: int, seed: int = 0) -> list[Path]:
    """Write files of so many records each; the last is an update, of which a third are revisions, and which deletes one in a hundred."""
    folder.mkdir(parents=True, exist_ok=True)
    records, files = Records(seed), []
    for number in range(n_files):
        first = number * n_records + 1
        is_update = number and number == n_files - 1
        path = folder / f"pubmed25n{number + 1:04}.xml.gz"
        with gzip.open(path, "wt", compresslevel=6, encoding="utf8") as file:
            file.write(HEAD)
            for pmid in range(first, first + n_records):
                file.write(records.article(pmid - n_records if is_update and pmid % 3 == 0 else pmid))
            if is_update:
                file.write(deletions(range(1, first - n_records, 100)))
            file.write(TAIL + "\n")
        files.append(path)
    return files


def main(
    folder: Path = typer.Argument(..., help="Where they are written."),
    files: int = typer.Option(4, help="Files."),
    records: int = typer.Option(30_000, help="Records of each."),
    seed: int = typer.Option(0, help="Seed."),
):
    """Write files of invented records as PubMed's baseline and updates are."""
    for path in write(folder, files, records, seed):
        print(path)


if __name__ == "__main__":
    typer.run(main)
