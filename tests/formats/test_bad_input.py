"""What can be wrong with a file, in every format that is read: an error with its place, or a count in the report; the other document stays.

Each case is a folder with two documents, "bad" and "good", of which a fault changes the first: as text of its file, or as its bytes.
"""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, replace

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_relext.errors import DataError
from spacy_relext.extraction.finding import TEXTS
from spacy_relext.formats.catalogue import READABLE, get_format
from spacy_relext.formats.docs import ACROSS, INSIDE, document_id, from_doc, to_doc
from spacy_relext.formats.identifiers import UNKNOWN as UNKNOWN_CONCEPT
from spacy_relext.formats.offsets import BEYOND
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.standoff import UNREADABLE
from spacy_relext.formats.types import N_ARY, RELATED, UNKNOWN, AnnotatedRelation, Document, Mention
from tests.cli.toy import relext

# What is wrong with a file of these is in the test of each.
ELSEWHERE = (
    "ppi",
    "drugprot",
    "docred",
    "tacred",
    "semeval",
    "blinded",
    "strings",
    "bigbio",
    "datasets",
    "webanno",
    "pubannotation",
    "bionlp",
    "pubmed",
    "jats",
)
READ = [name for name in READABLE if name not in (*TEXTS, *ELSEWHERE)]
FOLDERS = {"brat": ".ann", "ddi": ".xml", "inception": ".xmi"}
FILES = {
    "jsonl": ".jsonl", "biocxml": ".xml", "biocjson": ".json", "pubtator": ".txt", "prodigy": ".jsonl", "doccano": ".jsonl",
    "label-studio": ".json", "spert": ".json", "dygie": ".jsonl",
}  # fmt: skip
BY_CHARACTER = [name for name in READ if name not in ("spert", "dygie")]
# The others are not read by lines: their errors name the record, document or annotation.
BY_LINE = ("jsonl", "pubtator", "prodigy", "doccano", "dygie", "chemprot", "aimed")

#       0           1           2
#       0123 456789012 345678901
TEXT = "Te\u0301a helps \U0001f642 pain. So."
BAD = Document(
    "bad",
    TEXT,
    [Mention("T1", 0, 4, "CHEMICAL", "C1"), Mention("T2", 13, 17, "GENE", "C2")],
    [AnnotatedRelation("T1", "T2", "CPR:4")],
    [(0, 18), (19, 22)],
)
INSIDE_ACCENT = replace(BAD, mentions=[Mention("T1", 0, 2, "CHEMICAL", "C1"), BAD.mentions[1]])
ACROSS_SENTENCES = replace(BAD, mentions=[BAD.mentions[0], Mention("T2", 13, 21, "GENE", "C2")])


@dataclass(frozen=True)
class Case:
    """A fault, and what becomes of it: an error that matches, or a count in the report. Without either, nothing is to be told.

    edits: Patterns in a file and what replaces the first match; functions of its bytes; None removes it.
    document: Written in the place of BAD. file: The suffix of the file or, in ChemProt, its kind, where it is not the one with mentions.
    left_out: Whether the document is.
    """

    edits: tuple
    error: str = ""
    count: str = ""
    document: Document | None = None
    file: str = ""
    left_out: bool = False


def error(message, *edits, file=""):
    return Case(edits, error=message, file=file, left_out=True)


def counted(name, *edits, document=None, file=""):
    return Case(edits, count=name, document=document, file=file)


def cut(raw):
    return raw[:-9]


def latin_1(raw):
    return raw.replace(b"helps", b"h\xe9lps") if b"helps" in raw else raw.replace(b"CHEMICAL", b"CH\xc9MICAL")


def utf_16(raw):
    return raw.decode("utf8").encode("utf-16")


def windows(raw):
    return raw.replace(b"\n", b"\r\n")


def empty(raw):
    return b""


def long_line(raw):
    """5 MB of spaces at the end of the text."""
    end = b"So." if b"So." in raw else b"pain."
    return raw.replace(end, end + b" " * 5_000_000)


JSON = "not JSON"
XML = "no well-formed XML"
UTF8 = "not UTF-8|utf-8' codec"

FAULTS = {
    "truncated": {
        name: error(message, cut)
        for names, message in (
            ("jsonl biocjson prodigy doccano label-studio spert dygie", JSON),
            ("biocxml inception ddi", XML),
            ("pubtator", "saw 2 fields.*Is the file truncated"),
            ("chemprot", "saw 4 fields, and expected 6.*Is the file truncated"),
            ("aimed", "no line of JSON.*Is the file truncated"),
        )
        for name in names.split()
    }
    | {"brat": counted(UNREADABLE, cut)},
    "Latin-1": {name: error(XML if name in ("biocxml", "inception", "ddi") else UTF8, latin_1) for name in READ},
    # lxml sees it by the first two bytes.
    "UTF-16": {name: Case((utf_16,)) if name in ("biocxml", "inception") else error(f"{UTF8}|{XML}", utf_16) for name in READ},
    "half a surrogate pair in the text": {
        **{
            name: error("half of a surrogate pair|surrogates not allowed", ("\U0001f642", r"\\ud83d"))
            for name in ("jsonl", "biocjson", "prodigy", "doccano", "label-studio", "spert", "dygie", "aimed")
        },
        **{name: error(XML, ("\U0001f642", "&#xd83d;")) for name in ("biocxml", "inception", "ddi")},
        **{
            name: error(UTF8, lambda raw: raw.replace("\U0001f642".encode(), b"\xed\xa0\xbd"), file=file)
            for name, file in (("brat", ".txt"), ("pubtator", ""), ("chemprot", "abstracts"))
        },
    },
    "offset beyond the text": {
        "jsonl": error("characters 13-99 of the text", ('"end": 17', '"end": 99')),
        "brat": error("offsets 13-99; the text has 22", ("13 17", "13 99")),
        "biocxml": counted(BEYOND, ('"13" length="4"', '"13" length="99"')),
        "biocjson": counted(BEYOND, (r'("offset": 13,\s+"length": )4', r"\g<1>99")),
        "pubtator": counted(BEYOND, ("13\t17", "13\t99")),
        "prodigy": error("characters 13-99", ('("spans": .*?"end": )17', r"\g<1>99")),
        "doccano": error("offsets 13-99; the text has 22", ('"end_offset": 17', '"end_offset": 99')),
        "label-studio": error("characters 13-99", ('"end": 17', '"end": 99')),
        "spert": error("tokens 3-99; there are 7", ('"end": 4', '"end": 99')),
        "dygie": error(r"tokens 3-99 .* not in its sentence, 0-4", (r'3, 3, "GENE"', '3, 99, "GENE"')),
        "inception": error("has the offset 99, which is beyond the text", ('end="18" label', 'end="99" label')),
        "ddi": error("charOffset is '13-99', and its sentence has 18", ("13-16", "13-99")),
        "chemprot": error("offsets 13-99; the text has 22", ("13\t17", "13\t99")),
        "aimed": error("in a text of 18 characters, and saw .*99", (r"\[13, 17\]", "[13, 99]")),
    },
    "offset inside a combining sequence": {name: counted(INSIDE, document=INSIDE_ACCENT) for name in BY_CHARACTER},
    "offset inside a surrogate pair": {
        "label-studio": error(r"nor in UTF-16 units", ('"start": 13, "end": 17', '"start": 12, "end": 18')),
        "inception": error("has the offset 12, .*inside a character", ('begin="14"( end="18" label)', r'begin="12"\1')),
    },
    "mention across sentences": {
        **{
            name: counted(ACROSS, document=ACROSS_SENTENCES)
            for name in ("jsonl", "biocxml", "biocjson", "prodigy", "doccano", "label-studio", "spert", "inception")
        },
        "dygie": error("tokens 3-5 .* are not in its sentence, 0-4", (r'3, 3, "GENE"', '3, 5, "GENE"')),
        "ddi": error("charOffset is '13-20', and its sentence has 18", ("13-16", "13-20")),
    },
    "discontinuous mention": {
        "brat": counted("discontinuous mentions (kept as one stretch)", ("13 17\tpain", "5 10;13 17\thelps pain")),
        "biocxml": counted(
            "discontinuous mentions (kept as one stretch)",
            ('(<location offset="13" length="4"/>)(\\s*<text>)pain', r'<location offset="5" length="5"/>\1\2helps pain'),
        ),
        "biocjson": counted(
            "discontinuous mentions (kept as one stretch)",
            (r'"pain",(\s+"locations": \[)', r'"helps pain",\1{"offset": 5, "length": 5},'),
        ),
        "ddi": counted("discontinuous mentions (kept as one stretch)", ("13-16", "5-9;13-16")),
        "aimed": error("to be one .*and saw", (r"\[\[13, 17\]\]", "[[5, 10], [13, 17]]")),
    },
    "missing text": {
        "brat": error(r"there is no bad\.txt beside it", None, file=".txt"),
        "chemprot": error("there is no such file beside the others", None, file="abstracts"),
        "jsonl": error("expected the key 'text'", ('"text": "T', '"txet": "T')),
        "biocxml": error("the characters 0-4 of the text are", (r"<text>T\S+ helps .*?</text>", "")),
        "biocjson": error("'text' is missing", (r'"text": "T\S+ helps.*?",', "")),
        "pubtator": error(r"expected 101\|t\|title", (r"bad\|t\|.*\n", "")),
        "prodigy": error("expected 'text' to be a string", ('"text": "T', '"txet": "T')),
        "doccano": error("expected 'text' to be a string", ('"text": "T', '"txet": "T')),
        "label-studio": error("expected 'data' to have 'text', or one string", ('"text": ".*?"', '"t": 1')),
        "spert": error("expected 'tokens' to be a list", ('"tokens"', '"snekot"')),
        "dygie": error("expected 'sentences' to be a list", ('"sentences"', '"secnetnes"')),
        "inception": error("it has no text", (' sofaString=".*?"', "")),
        "ddi": error("has no attribute 'text'", (' text="T.* helps.*?"', "")),
        "aimed": error("expected 'text' to be the sentence", ('"text": "T', '"txet": "T')),
    },
    "unknown id in a relation": {
        "jsonl": counted(UNKNOWN, ('"tail": "T2"', '"tail": "T9"')),
        "brat": counted(UNKNOWN, ("Arg2:T2", "Arg2:T9")),
        "biocxml": counted(UNKNOWN, ('refid="T2"', 'refid="T9"')),
        "biocjson": counted(UNKNOWN, ('"refid": "T2"', '"refid": "T9"')),
        "pubtator": counted(UNKNOWN_CONCEPT, ("C1\tC2", "C1\tC9")),
        "prodigy": counted(UNKNOWN, ('"child": 3', '"child": 99')),
        "doccano": counted(UNKNOWN, ('"to_id": 2', '"to_id": 9')),
        "label-studio": counted(UNKNOWN, ('"to_id": "T2"', '"to_id": "T9"')),
        "spert": counted(UNKNOWN, ('"tail": 1', '"tail": 9')),
        "dygie": counted(UNKNOWN, ('3, 3, "CPR', '4, 4, "CPR')),
        "inception": counted(UNKNOWN, (r'Dependent="\d+"', 'Dependent="999"')),
        "ddi": counted(UNKNOWN, (r'e2="bad\.s0\.e1"', 'e2="bad.s0.e9"')),
        "chemprot": counted(UNKNOWN, ("Arg2:T2", "Arg2:T9"), file="gold_standard"),
    },
    "relation of a relation": {
        "brat": counted("relations of relations", (r"(R1.*\n)", r"\1R2\tCPR:4 Arg1:R1 Arg2:T2\n")),
        "biocxml": counted(RELATED, ('refid="T2"', 'refid="R0"')),
        "biocjson": counted(RELATED, ('"refid": "T2"', '"refid": "R0"')),
        "doccano": counted("relations of relations", (r'"id": 1, "from_id": 1, "to_id": 2', '"id": 7, "from_id": 1, "to_id": 7')),
        "inception": counted(
            "relations of relations",
            (r'(<custom:Relation xmi:id=)"(\d+)"(.*Dependent=)"\d+"', r'\1"\2"\3"\2"'),
        ),
        "ddi": counted(UNKNOWN, (r'e2="bad\.s0\.e1"', 'e2="bad.s0.p0"')),
    },
    "relation of three": {
        "jsonl": error("unknown keys .'third'", ('"tail": "T2"', '"tail": "T2", "third": "T1"')),
        "brat": counted("relations with more or less than two arguments", ("R1\t.*", r"R1\tCPR:4 Arg1:T1 Arg2:T2 Arg3:T1")),
        "biocxml": counted(N_ARY, (r'(<node refid="T2" role="tail"/>)', r"\1\1")),
        "biocjson": counted(N_ARY, (r'("refid": "T2",\s+"role": "tail"\s+})', r'\1, {"refid": "T1", "role": "x"}')),
        "pubtator": counted("fields after the concepts of a relation", ("C1\tC2", "C1\tC2\tC1")),
        "dygie": counted("documents with 'events', not read", ('"_text"', '"events": [[[[0, "HELPS"], [3, 3, "X"]]]], "_text"')),
        "chemprot": error("saw 5 fields, and expected 4", ("Arg2:T2", "Arg2:T2\tArg3:T1"), file="gold_standard"),
    },
    "two documents of one id": {
        name: error("'good'.*(already|as well)", lambda raw: raw.replace(b"bad", b"good"), file="*" if name == "chemprot" else "")
        for name in READ
        if name != "brat"
    },
    "CRLF": {name: Case((windows,)) for name in READ},
    "empty file": {
        # Without a line, a file of lines holds no document. `relext convert` says so where there is no other.
        **{name: Case((empty,), left_out=True) for name in ("jsonl", "pubtator", "prodigy", "doccano", "dygie", "aimed")},
        **{name: error(JSON, empty) for name in ("biocjson", "label-studio", "spert")},
        **{name: error(XML, empty) for name in ("biocxml", "inception", "ddi")},
        "brat": error("offsets 0-4; the text has 0", empty, file=".txt"),
        "chemprot": error("has 0 rows in the file of abstracts", empty, file="abstracts"),
    },
    "line of 5 MB": {
        name: error(
            r"the text has 5,000,0\d\d characters.*Cut the text", long_line, file={"brat": ".txt", "chemprot": "abstracts"}.get(name, "")
        )
        for name in READ
    },
}
# Why a format cannot have a fault.
IMPOSSIBLE = {
    "offset inside a combining sequence": {name: "its offsets count tokens" for name in ("spert", "dygie")},
    "offset inside a surrogate pair": {
        name: "its offsets count code points, or tokens" for name in READ if name not in ("label-studio", "inception")
    },
    "mention across sentences": dict.fromkeys(("brat", "pubtator", "chemprot"), "it has no sentences")
    | {"aimed": "its texts are sentences"},
    "discontinuous mention": {
        name: "its mentions are one stretch"
        for name in ("jsonl", "pubtator", "prodigy", "doccano", "label-studio", "spert", "dygie", "inception", "chemprot")
    },
    "unknown id in a relation": {"aimed": "its pairs hold their mentions"},
    "relation of a relation": {
        name: "its relations have no ids"
        for name in ("jsonl", "pubtator", "prodigy", "label-studio", "spert", "dygie", "chemprot", "aimed")
    },
    "relation of three": dict.fromkeys(
        ("prodigy", "doccano", "label-studio", "spert", "ddi", "aimed"), "its relations have two ends by name"
    )
    | {"inception": "slots, of layers of one's own: test_inception.py"},
    "two documents of one id": {"brat": "the ids are names of files"},
}


def write(name, document, folder):
    """A document in a format; in those that are only read, by hand."""
    if name == "chemprot":
        write_chemprot(document, folder / document.id)
    elif name == "aimed":
        write_aimed(document, folder / ("test_0.json" if document.id == "bad" else "test_1.json"))
    elif name in FOLDERS:
        get_format(name).write([document], folder / document.id)
        for file in (folder / document.id).iterdir():
            file.replace(folder / file.name)
        (folder / document.id).rmdir()
    else:
        get_format(name).write([document], folder / (document.id + FILES[name]))


def write_chemprot(document, folder):
    folder.mkdir()
    rows = {
        "abstracts": [[document.text[:18], document.text[19:]]],
        "entities": [
            [m.id, m.type.replace("GENE", "GENE-Y"), str(m.start), str(m.end), document.text[m.start : m.end]] for m in document.mentions
        ],
        "gold_standard": [[r.label, f"Arg1:{r.head}", f"Arg2:{r.tail}"] for r in document.relations],
    }
    for kind, some in rows.items():
        (folder / f"x_{kind}.tsv").write_text("".join("\t".join([document.id, *row]) + "\n" for row in some), encoding="utf8")


def write_aimed(document, file):
    [(start, end), _] = document.sentences
    text = document.text[start:end]
    relation = {"relation_type": "positive"}
    for key, m in zip(("entity_1", "entity_2"), document.mentions, strict=True):
        relation |= {key: text[m.start : m.end], f"{key}_idx": [[m.start, m.end]], f"{key}_type": m.type}
    record = {"id": f"{document.id}.s0_{document.id}.s0.p0", "text": text, "relation": [relation]}
    file.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf8")


def files_of(name, case, folder):
    """The files that a fault changes."""
    if name == "chemprot":
        return list((folder / "bad").glob(f"x_{case.file or 'entities'}.tsv"))
    return [folder / "test_0.json" if name == "aimed" else folder / f"bad{case.file or (FOLDERS | FILES)[name]}"]


def break_file(file, edits):
    for edit in edits:
        if edit is None:
            file.unlink()
        elif callable(edit):
            before = file.read_bytes()
            file.write_bytes(edit(before))
            assert file.read_bytes() != before
        else:
            text, number = re.subn(edit[0], edit[1], file.read_text(encoding="utf8"), count=1)
            assert number == 1, f"{edit[0]} is not in {file.read_text(encoding='utf8')}"
            file.write_text(text, encoding="utf8")


def convert(name, folder, nlp):
    """As `relext convert` does it: documents as they come out of their Docs, errors, and what the report would count."""
    documents, errors, counts = [], [], Counter()
    for document in get_format(name).read(folder, Reading(errors.append, counts)):
        try:
            documents.append(from_doc(to_doc(document, nlp, counts)))
        except DataError as error:
            errors.append(error)
    return sorted(documents, key=lambda document: document.id), errors, counts


@pytest.fixture(scope="module")
def nlp():
    """One tokenizer for all: making it takes longer than a test."""
    return spacy.blank("en")


@pytest.mark.parametrize(("fault", "name"), [(fault, name) for fault, cases in FAULTS.items() for name in cases])
def test_fault(fault, name, nlp, tmp_path):
    case = FAULTS[fault][name]
    for document in (case.document or BAD, replace(BAD, id="good")):
        write(name, document, tmp_path)
    before, errors, counts = convert(name, tmp_path, nlp)
    assert ([document.id for document in before], errors) == (["bad", "good"], [])
    for file in files_of(name, case, tmp_path):
        break_file(file, case.edits)
    start = time.process_time()
    documents, errors, counts = convert(name, tmp_path, nlp)
    assert time.process_time() - start < 10
    assert [document.id for document in documents] == (["good"] if case.left_out else ["bad", "good"])
    if case.error:
        # In UTF-16, each part of a line is a line.
        assert len(errors) == 1 or fault == "UTF-16"
        assert re.search(case.error, str(errors[0])), str(errors[0])
        # Of two with one id, the second is that of the other file.
        bad = tmp_path / ("test_0" if name == "aimed" else "bad")
        assert fault == "two documents of one id" or str(errors[0].path).startswith(str(bad))
        assert name not in BY_LINE or errors[0].line is not None or None in case.edits
    else:
        assert errors == []
        assert counts[case.count] == bool(case.count)
        assert case.count or case.left_out or documents == before


@pytest.mark.parametrize("name", READ)
def test_every_fault_has_a_case_or_a_reason(name):
    assert [fault for fault in FAULTS if (name in FAULTS[fault]) == (name in IMPOSSIBLE.get(fault, {}))] == []


# A fold that is lost as a whole is always an error: test_convert.py.
@pytest.mark.parametrize("name", [name for name in READ if name != "aimed"])
def test_command_stops_at_a_fault_or_leaves_its_document_out_and_counts_it(name, tmp_path):
    (tmp_path / "in").mkdir()
    for document in (BAD, replace(BAD, id="good")):
        write(name, document, tmp_path / "in")
    case = FAULTS["offset beyond the text" if name == "brat" else "truncated"][name]
    for file in files_of(name, case, tmp_path / "in"):
        break_file(file, case.edits)
    output = tmp_path / "a.spacy"
    result = relext("convert", name, tmp_path / "in", output)
    assert result.exit_code == 1
    message = " ".join(result.stderr.split())
    assert re.search(f"bad.*: .*(?:{case.error}).*--skip-errors leaves such documents out", message), message
    assert not output.exists()
    result = relext("convert", name, tmp_path / "in", output, "--skip-errors")
    assert result.exit_code == 0, result.output
    assert "1 document had errors and was skipped" in result.output
    assert [document_id(doc) for doc in DocBin().from_disk(output).get_docs(spacy.blank("en").vocab)] == ["good"]
