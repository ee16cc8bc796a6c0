"""Documents in the shape of BioRED, in its three formats, which must say the same (Luo et al., Briefings in Bioinformatics 2022:bbac282).

    python -m tests.stress.biored --documents 600 --seed 0

Title and abstract, mentions with several identifiers (`10,11`), variants whose identifiers hold "|" (`c|DEL|12_14|`), mentions without any
(`-`), relations between concepts with novelty. PubTator, BioC XML and BioC JSON are written here, as BioRED's files are, and not by our
writers.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

from spacy_relext.errors import DataError
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import Document

FORMATS = {"pubtator": "biored.pubtator", "biocxml": "biored.xml", "biocjson": "biored.json"}
WORDS = ["the", "naïve", "patients", "β-cells", "of", "was", "with", "≥", "seen", "mice", "and", "a", "rate", "\U0001d6fc-form"]
LABELS = ["Association", "Positive_Correlation", "Negative_Correlation", "Bind", "Cotreatment", "Conversion"]
# By type: what begins an identifier, and the highest number after it.
TYPES = {
    "GeneOrGeneProduct": ("", 99),
    "DiseaseOrPhenotypicFeature": ("D00", 99),
    "ChemicalEntity": ("C53", 99),
    "OrganismTaxon": ("96", 9),
    "CellLine": ("CVCL_0", 99),
}


@dataclass
class Made:
    """A document: its passages, mentions (start, text, type, identifiers) and relations (label, head, tail, novelty)."""

    name: str
    passages: list[str]
    mentions: list[tuple[int, str, str, list[str]]] = field(default_factory=list)
    relations: list[tuple[str, str, str, str]] = field(default_factory=list)


def make(random: Random, number: int) -> Made:
    """A document: 34 mentions and 11 relations in the mean, as in BioRED."""
    made = Made(str(10_000_000 + number), [])
    offset = 0
    for n_mentions in (random.randint(1, 5), random.randint(15, 45)):
        words: list[str] = []
        for _ in range(n_mentions):
            words += random.choices(WORDS, k=random.randint(0, 4))
            kind, identifiers = _concepts(random)
            name = " ".join(random.choices(["Abc", "Ätz", "DEL", "p53", "(IL-4)", "acid"], k=random.randint(1, 3)))
            start = offset + sum(len(word) + 1 for word in words)
            made.mentions.append((start, name, kind, identifiers))
            words.append(name)
        made.passages.append(" ".join([*words, "end."]))
        offset += len(made.passages[-1]) + 1
    concepts = sorted({concept for _, _, _, some in made.mentions for concept in some})
    if len(concepts) > 1:
        for _ in range(random.randint(2, 20)):
            head, tail = random.sample(concepts, 2)
            made.relations.append((random.choice(LABELS), head, tail, random.choice(["Novel", "No"])))
    made.relations = list(dict.fromkeys(made.relations))
    return made


def _concepts(random: Random) -> tuple[str, list[str]]:
    if random.random() < 0.15:
        place = random.randint(1, 99)
        deleted = [f"c|DEL|{place}_{place + 2}|", f"c|DEL|{place},{place + 2}|"]
        others = [f"p|SUB|R|{place}|H", f"|SUB|A|{place}|G", f"c|INS|{place}|GG", f"rs{place}", f"p|FS|Q|{place}||"]
        return "SequenceVariant", [random.choice(deleted + others)]
    kind, (prefix, highest) = random.choice(list(TYPES.items()))
    n = random.choices([0, 1, 2, 3], [1, 20, 3, 1])[0]
    return kind, list(dict.fromkeys(f"{prefix}{random.randint(1, highest)}" for _ in range(n)))


def pubtator(documents: list[Made]) -> str:
    """As BioRED's .PubTator files."""
    blocks = []
    for made in documents:
        lines = [f"{made.name}|{key}|{text}" for key, text in zip("ta", made.passages, strict=True)]
        for start, text, kind, some in made.mentions:
            lines.append("\t".join([made.name, str(start), str(start + len(text)), text, kind, ",".join(some) or "-"]))
        lines += ["\t".join([made.name, *relation]) for relation in made.relations]
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def biocjson(documents: list[Made]) -> str:
    """As BioRED's .BioC.JSON files."""
    entries = []
    for made in documents:
        passages, offset, number = [], 0, 0
        for kind, text in zip(("title", "abstract"), made.passages, strict=True):
            annotations = []
            for start, name, type_, some in made.mentions:
                if offset <= start < offset + len(text):
                    infons = {"identifier": ",".join(some) or "-", "type": type_}
                    location = {"offset": start, "length": len(name)}
                    annotations.append({"id": str(number), "infons": infons, "text": name, "locations": [location]})
                    number += 1
            passages.append({"offset": offset, "infons": {"type": kind}, "text": text, "annotations": annotations})
            offset += len(text) + 1
        relations = [
            {"id": f"R{i}", "infons": {"entity1": head, "entity2": tail, "type": label, "novel": novel}, "nodes": []}
            for i, (label, head, tail, novel) in enumerate(made.relations)
        ]
        entries.append({"id": made.name, "infons": {}, "passages": passages, "relations": relations})
    return json.dumps({"source": "BioRED", "date": "", "key": "", "infons": {}, "documents": entries}, ensure_ascii=False)


def biocxml(documents: list[Made]) -> str:
    """As BioRED's .BioC.XML files: the same as in JSON."""

    def infons(entry: dict) -> str:
        return "".join(f'<infon key="{key}">{escape(value)}</infon>' for key, value in entry["infons"].items())

    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<collection><source>BioRED</source><date/><key/>\n']
    for entry in json.loads(biocjson(documents))["documents"]:
        parts.append(f"<document><id>{entry['id']}</id>")
        for passage in entry["passages"]:
            parts.append(f"<passage>{infons(passage)}<offset>{passage['offset']}</offset><text>{escape(passage['text'])}</text>")
            for annotation in passage["annotations"]:
                [place] = annotation["locations"]
                location = f'<location offset="{place["offset"]}" length="{place["length"]}"/>'
                parts.append(f'<annotation id="{annotation["id"]}">{infons(annotation)}{location}')
                parts.append(f"<text>{escape(annotation['text'])}</text></annotation>")
            parts.append("</passage>")
        parts += [f'<relation id="{relation["id"]}">{infons(relation)}</relation>' for relation in entry["relations"]]
        parts.append("</document>\n")
    return "".join([*parts, "</collection>\n"])


def expected(made: Made) -> tuple:
    """What a reader must give of a document."""
    relations = Counter((label, head, tail, novel == "Novel") for label, head, tail, novel in made.relations)
    return " ".join(made.passages), Counter((start, text, kind, tuple(some)) for start, text, kind, some in made.mentions), relations


def said(document: Document) -> tuple:
    """What one has given."""
    text = document.text
    mentions = Counter((m.start, text[m.start : m.end], m.type, tuple(concepts_of(m))) for m in document.mentions)
    return text, mentions, Counter((r.label, r.head, r.tail, "novel" in r.attributes) for r in document.concept_relations or ())


def check(documents: list[Made], folder: Path) -> list[str]:
    """Write the documents in the three formats, and read them. RETURNS: What differs from what was made."""
    faults = []
    writers = {"pubtator": pubtator, "biocxml": biocxml, "biocjson": biocjson}
    for name, file in FORMATS.items():
        (folder / file).write_text(writers[name](documents), encoding="utf8")
        errors: list[DataError] = []
        reading = Reading(errors.append)
        found = {document.id: document for document in get_format(name).read(folder / file, reading)}
        for made in documents:
            document = found.get(made.name)
            if document is None or said(document) != expected(made):
                faults.append(f"{name}: document {made.name} is {'lost' if document is None else 'another one'}.")
            elif counts := {what: n for what, n in document.unsupported.items() if n and not what.startswith("infons")}:
                faults.append(f"{name}: document {made.name} does not hold {counts}.")
        faults += [f"{name}: {error}" for error in errors]
        faults += [f"{name}: {what} ({n})" for what, n in reading.counts.items() if n]
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    random = Random(given.seed)
    documents = [make(random, number) for number in range(given.documents)]
    with tempfile.TemporaryDirectory() as folder:
        faults = check(documents, Path(folder))
    n_mentions, n_relations = (sum(map(len, some)) for some in ([d.mentions for d in documents], [d.relations for d in documents]))
    print(f"{len(documents):,} documents, {n_mentions:,} mentions, {n_relations:,} relations in 3 formats: {len(faults)} differ.")
    print("\n".join(faults[:20]))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
