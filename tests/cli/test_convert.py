"""`relext convert` and `relext export`, run in process."""

import json
import re
import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin, Span

from spacy_relext.cli.errors import as_options
from spacy_relext.conversion.converting import NOT_ANNOTATED
from spacy_relext.conversion.counts import ACROSS, PAIRS, RELATED, SAME_PLACE
from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.corpus import read_docs
from spacy_relext.errors import RelextError
from spacy_relext.formats.catalogue import get_format
from spacy_relext.formats.docs import document_id
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import UNKNOWN
from spacy_relext.relations import annotated_labels, get_relations, has_relations
from tests.cli.toy import relext
from tests.formats import test_aimed, test_chemprot

#         0         1         2         3         4
#         0123456789012345678901234567890123456789012345678
RECORDS = [
    {
        "id": "a",
        "text": "Aspirin raises CYP3A4s. Tea does not.",
        "sentences": [[0, 23], [24, 37]],
        "mentions": [
            {"id": "T1", "start": 0, "end": 7, "type": "DRUG", "text": "Aspirin"},
            {"id": "T2", "start": 15, "end": 21, "type": "GENE", "text": "CYP3A4"},
            {"id": "T3", "start": 24, "end": 27, "type": "FOOD", "text": "Tea"},
        ],
        "relations": [{"head": "T1", "tail": "T2", "label": "RAISES"}],
    },
    {"id": "b", "text": "Nothing.", "mentions": [], "relations": []},
    {"id": "c", "text": "Not annotated.", "mentions": []},
]

XML = """<document id="X.d{0}"><sentence id="s" text="A1 spares B2.">
<entity id="e0" charOffset="0-1" type="drug"/><entity id="e1" charOffset="10-11" type="drug"/>
<pair id="p" e1="e0" e2="e1" ddi="true" type="effect"/></sentence></document>"""


def write_lines(path, *lines):
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf8")
    return path


def read_back(path):
    return list(read_docs(path, spacy.blank("en")))


def figure(output, name):
    """The number that the report gives for a name."""
    [number] = re.findall(rf"^ *{re.escape(name)} +([\d,]+) *$", output, flags=re.MULTILINE)
    return int(number.replace(",", ""))


@pytest.fixture
def corpus(tmp_path):
    """A JSONL file of ten documents with one text each."""
    return write_lines(tmp_path / "ten.jsonl", *({"id": f"d{i}", "text": f"Text {i}.", "relations": []} for i in range(10)))


def test_jsonl_becomes_docs_and_a_report(tmp_path):
    result = relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", *RECORDS), tmp_path / "new" / "a.spacy")
    assert result.exit_code == 0, result.output
    docs = read_back(tmp_path / "new" / "a.spacy")
    assert [document_id(doc) for doc in docs] == ["a", "b", "c"]
    assert [(span.text, span.label_) for span in docs[0].spans["mentions"]] == [("Aspirin", "DRUG"), ("CYP3A4", "GENE"), ("Tea", "FOOD")]
    assert [str(relation) for relation in get_relations(docs[0])] == ["Aspirin --RAISES--> CYP3A4 (1.00)"]
    assert [has_relations(doc) for doc in docs] == [True, True, False]
    expected = {"documents": 3, "sentences": 2, "mentions": 3, "relations": 1, "relations: RAISES": 1, "cut tokens": 1}
    assert {name: figure(result.stdout, name) for name in expected} == expected
    # Aspirin and CYP3A4; tea is in another sentence.
    assert figure(result.stdout, "pairs of mentions in a sentence") == 1
    assert "trimmed" not in result.stdout


def test_folder_of_ddi_files(tmp_path):
    (tmp_path / "xml" / "sub").mkdir(parents=True)
    for i, place in enumerate(("a.xml", "sub/b.xml")):
        (tmp_path / "xml" / place).write_text(XML.format(i), encoding="utf8")
    result = relext("convert", "ddi", tmp_path / "xml", tmp_path / "a.spacy")
    assert result.exit_code == 0, result.output
    assert [document_id(doc) for doc in read_back(tmp_path / "a.spacy")] == ["X.d0", "X.d1"]
    assert figure(result.stdout, "pairs of mentions in a sentence") == figure(result.stdout, "relations: effect") == 2


def test_dev_part_is_disjoint_complete_and_drawn_by_the_seed(corpus, tmp_path):
    def split(name, *options):
        train, dev = tmp_path / f"{name}-train.spacy", tmp_path / f"{name}-dev.spacy"
        result = relext("convert", "jsonl", corpus, train, "--dev", dev, "--dev-share", "0.3", *options)
        assert result.exit_code == 0, result.output
        return [[document_id(doc) for doc in read_back(path)] for path in (train, dev)]

    train, dev = split("first")
    assert (len(train), len(dev)) == (7, 3)
    assert sorted(train + dev) == sorted(f"d{i}" for i in range(10))
    assert split("again") == [train, dev]
    assert split("seed0", "--seed", 0) == [train, dev]
    # One of 120 draws would agree with the first by chance.
    assert any(set(split(f"seed{seed}", "--seed", seed)[1]) != set(dev) for seed in (1, 2, 3))


@pytest.mark.parametrize(("share", "n_dev"), [(0.01, 1), (0.5, 1), (0.99, 1)])
def test_both_parts_hold_a_document(share, n_dev, tmp_path):
    source = write_lines(tmp_path / "two.jsonl", *RECORDS[:2])
    result = relext("convert", "jsonl", source, tmp_path / "train.spacy", "--dev", tmp_path / "dev.spacy", "--dev-share", share)
    assert result.exit_code == 0, result.output
    assert (len(read_back(tmp_path / "train.spacy")), len(read_back(tmp_path / "dev.spacy"))) == (2 - n_dev, n_dev)


def assert_fails(result, message, *never_written):
    """Exit status 1, the message on standard error in one piece, and nothing left behind."""
    assert result.exit_code == 1
    assert re.search(message, " ".join(result.stderr.split())), result.stderr
    assert "Traceback" not in result.output
    assert [path for path in never_written if path.exists()] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dev", "dev.spacy", "--dev-share", "0"], r"--dev-share is 0\.0; it must lie between"),
        (["--dev", "dev.spacy", "--dev-share", "1"], r"--dev-share is 1\.0"),
        (["--dev", "dev.jsonl"], r"--dev is dev\.jsonl; expected a file that ends in \.spacy"),
        (["--dev", "./out.spacy"], r"--dev is out\.spacy; .* another one than out\.spacy"),
    ],
)
def test_impossible_dev_part(options, message, corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_fails(relext("convert", "jsonl", corpus, "out.spacy", *options), message)
    assert [path.name for path in tmp_path.iterdir()] == ["ten.jsonl"]


def test_one_document_cannot_be_split(tmp_path):
    source = write_lines(tmp_path / "one.jsonl", RECORDS[0])
    outputs = tmp_path / "train.spacy", tmp_path / "dev.spacy"
    assert_fails(relext("convert", "jsonl", source, outputs[0], "--dev", outputs[1]), "only one document", *outputs)


BAD_LINES = ['{"text": "trunc', {**RECORDS[0], "id": "bad", "mentions": [{"start": 0, "end": 99, "type": "X"}]}, {"txt": "foreign"}]


def test_bad_line_stops_without_output(tmp_path):
    source = write_lines(tmp_path / "a.jsonl", RECORDS[0], BAD_LINES[0], RECORDS[1])
    result = relext("convert", "jsonl", source, tmp_path / "new" / "a.spacy")
    assert_fails(result, r"a\.jsonl:2: not JSON .*--skip-errors leaves such documents out", tmp_path / "new")


def test_bad_annotation_stops_without_output(tmp_path):
    source = write_lines(tmp_path / "a.jsonl", RECORDS[0], BAD_LINES[1])
    result = relext("convert", "jsonl", source, tmp_path / "a.spacy")
    assert_fails(result, r"a\.jsonl:2: document 'bad': mention 'T1' has the offsets 0-99.*--skip-errors", tmp_path / "a.spacy")


def test_failure_leaves_an_earlier_output_alone(tmp_path):
    good = write_lines(tmp_path / "good.jsonl", RECORDS[0])
    output = tmp_path / "a.spacy"
    assert relext("convert", "jsonl", good, output).exit_code == 0
    before = output.read_bytes()
    bad = write_lines(tmp_path / "bad.jsonl", RECORDS[1], BAD_LINES[0])
    assert relext("convert", "jsonl", bad, output, "--overwrite").exit_code == 1
    assert output.read_bytes() == before


def test_a_file_is_replaced_only_when_asked_for(tmp_path):
    source, output, dev, table = (tmp_path / name for name in ("in.jsonl", "a.spacy", "dev.spacy", "a.csv"))
    write_lines(source, *RECORDS)
    exists = r"this file exists already\. Name another output, or replace it with --overwrite"
    export = ("export", "csv", output, table)
    for command, made in ((("convert", "jsonl", source, output), output), (export, table)):
        assert relext(*command).exit_code == 0
        before = made.read_bytes()
        assert_fails(relext(*command), f"{made.name}: {exists}")
        assert made.read_bytes() == before
        assert relext(*command, "--overwrite").exit_code == 0
    # Neither part is written where one is in the way.
    command = ("convert", "jsonl", source, tmp_path / "train.spacy", "--dev", dev)
    dev.write_bytes(b"mine")
    assert_fails(relext(*command), rf"dev\.spacy: {exists}", tmp_path / "train.spacy")
    assert dev.read_bytes() == b"mine"
    assert relext(*command, "--overwrite").exit_code == 0
    # An empty one, as programs make that give a name to write to, is nobody's work.
    table.write_bytes(b"")
    assert relext(*export).exit_code == 0


def test_a_folder_is_never_replaced(tmp_path):
    source = write_lines(tmp_path / "in.jsonl", *RECORDS)
    for command in (("convert", "jsonl", source, tmp_path / "corpus"), ("export", "brat", tmp_path / "corpus", tmp_path / "brat")):
        assert relext(*command).exit_code == 0
        assert_fails(relext(*command, "--overwrite"), "it exists already, and is no empty folder; folders are not replaced")


def test_skipped_errors_are_reported_and_counted_and_leave_no_trace(tmp_path):
    # Mentions are made of this one before the last turns out to be wrong.
    half = {**RECORDS[0], "id": "half", "mentions": [*RECORDS[0]["mentions"], RECORDS[0]["mentions"][0]]}
    source = write_lines(tmp_path / "a.jsonl", BAD_LINES[0], RECORDS[0], BAD_LINES[1], BAD_LINES[2], half, RECORDS[1])
    result = relext("convert", "jsonl", source, tmp_path / "a.spacy", "--skip-errors")
    assert result.exit_code == 0, result.output
    assert [document_id(doc) for doc in read_back(tmp_path / "a.spacy")] == ["a", "b"]
    for line in (1, 3, 4, 5):
        assert f"skipped: {source}:{line}: " in " ".join(result.stderr.split())
    assert "4 documents had errors and were skipped" in result.output
    assert (figure(result.stdout, "documents"), figure(result.stdout, "mentions"), figure(result.stdout, "relations")) == (2, 3, 1)


def test_relations_of_missing_mentions_are_left_out_with_their_place(tmp_path):
    half = {**RECORDS[0], "relations": [*RECORDS[0]["relations"], {"head": "T1", "tail": "T9", "label": "RAISES"}]}
    source = write_lines(tmp_path / "a.jsonl", half, RECORDS[1])
    result = relext("convert", "jsonl", source, tmp_path / "a.spacy")
    assert result.exit_code == 0, result.output
    assert (figure(result.stdout, "documents"), figure(result.stdout, "relations"), figure(result.stdout, UNKNOWN)) == (2, 1, 1)
    assert f"{source}:1" in "".join(result.stdout.split())


def test_all_skipped_is_an_error(tmp_path):
    source = write_lines(tmp_path / "a.jsonl", *BAD_LINES)
    assert_fails(relext("convert", "jsonl", source, tmp_path / "a.spacy", "--skip-errors"), "no document in it", tmp_path / "a.spacy")


def test_bad_xml_is_skipped_and_counted(tmp_path):
    (tmp_path / "a.xml").write_text(XML.format(1)[:-20], encoding="utf8")
    (tmp_path / "b.xml").write_text(XML.format(2), encoding="utf8")
    assert_fails(relext("convert", "ddi", tmp_path, tmp_path / "a.spacy"), r"a\.xml:3: no well-formed XML", tmp_path / "a.spacy")
    result = relext("convert", "ddi", tmp_path, tmp_path / "a.spacy", "--skip-errors")
    assert "1 document had errors" in result.output
    assert [document_id(doc) for doc in read_back(tmp_path / "a.spacy")] == ["X.d2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("jsnl", "a.jsonl", "a.spacy"), "there is no format 'jsnl'. One of: jsonl, brat, bionlp"),
        (("jsonl", "none.jsonl", "a.spacy"), "none.jsonl: there is no such file or folder"),
        (("jsonl", "a.jsonl", "a.jsonl"), "the output is a.jsonl; expected a file that ends in .spacy"),
        (
            ("jsonl", "a.jsonl", "/dev/stdout"),
            "the output is /dev/stdout, and Docs are binary files. Name a file that ends in .spacy",
        ),
        (("jsonl", "a.jsonl", "-"), "the output is -, and Docs are binary files"),
        (("jsonl", "empty.jsonl", "a.spacy"), "empty.jsonl: there is no document in it"),
        (("jsonl", "folder", "a.spacy"), "folder: the folder holds no .jsonl file"),
        (("ddi", "folder", "a.spacy"), "folder: the folder holds no .xml file"),
        (("jsonl", "a.jsonl", "a.spacy", "--tokenizer", "xx_no_such"), "there is no tokenizer 'xx_no_such'"),
        (("jsonl", "a.jsonl", "a.spacy", "--tokenizer", "qq"), "there is no tokenizer 'qq'"),
        (("jsonl", "a.jsonl", "a.spacy", "--sentences", "xx_no_such"), "the pipeline 'xx_no_such' cannot be loaded"),
        (("chemprot", "folder", "a.spacy"), "folder: expected a folder with …_abstracts.tsv"),
        (("aimed", "folder", "out"), "folder: the folder holds no test_0.json"),
        (("aimed", "folder", "a.spacy"), "the output is a.spacy; expected a folder"),
    ],
)
def test_wrong_arguments(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "a.jsonl", *RECORDS)
    write_lines(tmp_path / "empty.jsonl")
    (tmp_path / "folder").mkdir()
    before = (tmp_path / "a.jsonl").read_bytes()
    assert_fails(relext("convert", *arguments), re.escape(message), tmp_path / "a.spacy")
    assert (tmp_path / "a.jsonl").read_bytes() == before


def test_tokenizers(model):
    text = "Il-6(high) can't"
    assert [t.text for t in make_tokenizer("en")(text)] == [t.text for t in spacy.blank("en")(text)]
    assert make_tokenizer("fr").lang == "fr"
    assert make_tokenizer(str(model)).pipe_names == ["sentencizer", "entity_ruler", "relation_extractor"]
    with pytest.raises(RelextError, match="there is no tokenizer"):
        make_tokenizer("no_such_pipeline")


def test_scispacys_tokenizer(tmp_path):
    scispacy = pytest.importorskip("scispacy.custom_tokenizer")
    nlp = spacy.blank("en")
    expected = [token.text for token in scispacy.combined_rule_tokenizer(nlp)("(1H)-dione-7-yl isn't")]
    assert expected != [token.text for token in nlp.make_doc("(1H)-dione-7-yl isn't")]
    source = write_lines(tmp_path / "a.jsonl", {"text": "(1H)-dione-7-yl isn't"})
    assert relext("convert", "jsonl", source, tmp_path / "a.spacy", "--tokenizer", "scispacy").exit_code == 0
    [doc] = read_back(tmp_path / "a.spacy")
    assert [token.text for token in doc] == expected


# Sentences


def sentences_of(path):
    return [[sent.text for sent in doc.sents] if doc.has_annotation("SENT_START") else None for doc in read_back(path)]


def test_sentences_are_set_where_there_are_none(tmp_path):
    # Three mentions of two sentences, and a relation between these.
    text = "Aspirin is no tea. CYP3A4 is none."
    mentions = [{"start": 0, "end": 7, "type": "DRUG"}, {"start": 14, "end": 17, "type": "DRUG"}, {"start": 19, "end": 25, "type": "GENE"}]
    across = {"id": "x", "text": text, "mentions": mentions, "relations": [{"head": "T1", "tail": "T3", "label": "RAISES"}]}
    own = {"id": "own", "text": text, "sentences": [[0, len(text)]], "mentions": mentions, "relations": []}
    source = write_lines(tmp_path / "a.jsonl", across, own, {"id": "empty", "text": ""})
    result = relext("convert", "jsonl", source, tmp_path / "without.spacy")
    assert sentences_of(tmp_path / "without.spacy") == [None, [text], []]
    assert ACROSS not in result.stdout
    result = relext("convert", "jsonl", source, tmp_path / "with.spacy", "--sentences", "sentencizer")
    assert result.exit_code == 0, result.output
    assert sentences_of(tmp_path / "with.spacy") == [["Aspirin is no tea.", "CYP3A4 is none."], [text], []]
    assert figure(result.stdout, ACROSS) == figure(result.stdout, "relations") == 1
    # One in the first document, three in the other, where two are of a drug and a gene.
    assert (figure(result.stdout, PAIRS), figure(result.stdout, RELATED)) == (4, 2)
    assert [str(r) for r in get_relations(read_back(tmp_path / "with.spacy")[0])] == ["Aspirin --RAISES--> CYP3A4 (1.00)"]


PUBTATOR = "1|t|Tea helps.\n1|a|Ann too.\n1\t0\t3\tTea\tFOOD\tC1\n1\t11\t14\tAnn\tNAME\tC2\n1\tHELPS\tC1\tC2\n\n2|t|None.\n2|a|\n"
MORE = (), ("--sentences", "sentencizer")


@pytest.mark.parametrize(("format", "name"), [("pubtator", "a.txt"), ("bionlp", "a.a1"), ("chemprot", "part"), ("jsonl", "a.jsonl")])
def test_documents_without_sentences_are_told(format, name, tmp_path):
    source = tmp_path / name
    if format == "chemprot":
        test_chemprot.write(source, test_chemprot.FILES)
    elif format == "jsonl":
        write_lines(source, {key: value for key, value in RECORDS[0].items() if key != "sentences"}, *RECORDS[1:])
    elif format == "bionlp":
        source.write_text("T1\tGENE 0 3\tTea\n", encoding="utf8")
        (tmp_path / "a.txt").write_text("Tea helps.", encoding="utf8")
    else:
        source.write_text(PUBTATOR, encoding="utf8")
    told = [" ".join(relext("convert", format, source, tmp_path / "a.spacy", "--overwrite", *more).output.split()) for more in MORE]
    assert "1 has mentions and no sentences, and no candidate pairs within sentences (sentence_pairs)" in told[0]
    assert "set sentences with --sentences sentencizer, or choose distance_pairs" in told[0]
    assert "no sentences" not in told[1]


def test_texts_alone_need_no_sentences(tmp_path):
    (tmp_path / "t.txt").write_text("Tea helps.", encoding="utf8")
    assert "no sentences" not in relext("convert", "txt", tmp_path / "t.txt", tmp_path / "a.spacy").output


def test_sentences_of_a_pipeline_are_set_by_its_characters(model, tmp_path):
    nlp = spacy.load(model)
    nlp.replace_pipe("sentencizer", "sentencizer", config={"punct_chars": ["cd"]})
    # "abcd" is one token to the converter's tokenizer, and two to the pipeline's.
    nlp.tokenizer.add_special_case("abcdef", [{"ORTH": "ab"}, {"ORTH": "cd"}, {"ORTH": "ef"}])
    nlp.to_disk(tmp_path / "model")
    source = write_lines(tmp_path / "a.jsonl", {"text": "Aspirin abcdef, warfarin"})
    result = relext("convert", "jsonl", source, tmp_path / "a.spacy", "--sentences", tmp_path / "model")
    assert result.exit_code == 0, result.output
    assert sentences_of(tmp_path / "a.spacy") == [["Aspirin abcd", "ef, warfarin"]]
    # The ruler of the pipeline comes after, and is none of the converter's business.
    assert not read_back(tmp_path / "a.spacy")[0].ents


def test_sentences_of_scispacy(tmp_path):
    pytest.importorskip("scispacy")
    source = write_lines(tmp_path / "a.jsonl", {"text": "As in Fig. 2 below. Tea."})
    for name in ("sentencizer", "scispacy"):
        assert relext("convert", "jsonl", source, tmp_path / f"{name}.spacy", "--sentences", name).exit_code == 0
    assert sentences_of(tmp_path / "sentencizer.spacy") == [["As in Fig.", "2 below.", "Tea."]]
    assert sentences_of(tmp_path / "scispacy.spacy") == [["As in Fig. 2 below.", "Tea."]]


def test_pipeline_that_sets_no_sentences(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "model")
    source = write_lines(tmp_path / "a.jsonl", RECORDS[2])
    result = relext("convert", "jsonl", source, tmp_path / "a.spacy", "--sentences", tmp_path / "model")
    assert_fails(result, r"has no component that sets sentences; it has \[\]\. Expected one with a parser", tmp_path / "a.spacy")


def test_text_that_is_too_long_for_the_pipeline(model, tmp_path):
    source = write_lines(tmp_path / "a.jsonl", RECORDS[2], {"id": "long", "text": "a " * 500_001})
    arguments = ("convert", "jsonl", source, tmp_path / "a.spacy", "--sentences", model)
    assert_fails(relext(*arguments), r"a\.jsonl:2: document 'long': the text has 1,000,002 characters", tmp_path / "a.spacy")
    assert relext(*arguments, "--skip-errors").exit_code == 0
    assert sentences_of(tmp_path / "a.spacy") == [["Not annotated."]]


# Corpora of other formats


def test_chemprot_becomes_docs_and_a_report(tmp_path):
    files = {
        **test_chemprot.FILES,
        # A gene at the characters of a chemical.
        "entities": [*test_chemprot.FILES["entities"], "7\tT6\tGENE-N\t0\t4\tTeal"],
    }
    test_chemprot.write(tmp_path / "part", files)
    result = relext("convert", "chemprot", tmp_path / "part", tmp_path / "a.spacy", "--sentences", "sentencizer")
    assert result.exit_code == 0, result.output
    expected = {
        "documents": 2,
        "mentions": 6,
        "relations": 3,
        "relations: CPR:4": 1,
        "relations: CPR:3": 1,
        "relations: CPR:9": 1,
        # In the first sentence Teal as either, and ABC1; in the second two chemicals and a gene.
        PAIRS: 5,
        RELATED: 3,
        SAME_PLACE: 1,
    }
    assert {name: figure(result.stdout, name) for name in expected} == expected


def test_bad_document_of_chemprot_is_skipped(tmp_path):
    files = {**test_chemprot.FILES, "entities": [*test_chemprot.FILES["entities"], test_chemprot.FILES["entities"][0]]}
    source = test_chemprot.write(tmp_path / "part", files)
    result = relext("convert", "chemprot", source, tmp_path / "a.spacy")
    assert_fails(result, r"part_entities\.tsv:6: document '7' has a mention 'T1' already.*--skip-errors", tmp_path / "a.spacy")
    result = relext("convert", "chemprot", source, tmp_path / "a.spacy", "--skip-errors")
    assert "1 document had errors and was skipped" in result.output
    assert [document_id(doc) for doc in read_back(tmp_path / "a.spacy")] == ["8"]


def fold(folder, number):
    """A file of AIMed with two documents of its own."""
    lines = [json.dumps(line).replace("X.d", f"X{number}.d") for line in test_aimed.LINES]
    return test_aimed.write(folder / f"test_{number}.json", *lines)


def test_folds_of_aimed(tmp_path):
    for number in (0, 1):
        fold(tmp_path / "in", number)
    result = relext("convert", "aimed", tmp_path / "in", tmp_path / "new" / "out")
    assert result.exit_code == 0, result.output
    names = {path.name: [document_id(doc) for doc in read_back(path)] for path in (tmp_path / "new" / "out").iterdir()}
    assert names == {"fold-0.spacy": ["X0.d1", "X0.d2"], "fold-1.spacy": ["X1.d1", "X1.d2"]}
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("fold-")]
    # Documents, sentences, pairs, relations.
    assert rows == [["fold-0", "2", "3", "8", "3"], ["fold-1", "2", "3", "8", "3"]]
    expected = {"documents": 4, PAIRS: 16, "relations: interaction": 6, "overlapping mentions (in doc.spans only)": 2}
    assert {name: figure(result.stdout, name) for name in expected} == expected


def test_one_fold_of_aimed_is_a_file_as_others(tmp_path):
    result = relext("convert", "aimed", fold(tmp_path, 3), tmp_path / "a.spacy", "--dev", tmp_path / "b.spacy")
    assert result.exit_code == 0, result.output
    assert [len(read_back(tmp_path / name)) for name in ("a.spacy", "b.spacy")] == [1, 1]


def test_folds_of_aimed_that_cannot_be(tmp_path):
    fold(tmp_path / "in", 0)
    shared = fold(tmp_path / "in", 1)
    output = tmp_path / "out"
    assert_fails(relext("convert", "aimed", tmp_path / "in", output, "--dev", tmp_path / "dev.spacy"), "Leave --dev out", output)
    shared.write_bytes((tmp_path / "in" / "test_0.json").read_bytes())
    assert_fails(relext("convert", "aimed", tmp_path / "in", output), r"'X0\.d1' is in fold-0 and in fold-1; expected parts", output)
    shared.write_bytes(shared.read_bytes()[:-20])
    assert_fails(relext("convert", "aimed", tmp_path / "in", output), r"test_1\.json:8: no line of JSON .*--skip-errors", output)
    # A fold that is lost as a whole is no fold of no documents.
    assert_fails(relext("convert", "aimed", tmp_path / "in", output, "--skip-errors"), r"test_1\.json: there is no document", output)


# The way back


def test_export_gives_back_what_was_converted(tmp_path):
    relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", *RECORDS), tmp_path / "a.spacy")
    result = relext("export", "jsonl", tmp_path / "a.spacy", tmp_path / "new" / "b.jsonl")
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "new" / "b.jsonl").read_text(encoding="utf8").splitlines()
    expected = [record | ({"annotated_labels": ["RAISES"]} if "relations" in record else {}) for record in RECORDS]
    assert [json.loads(line) for line in lines] == expected


def test_export_to_ddi(tmp_path):
    relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", RECORDS[0]), tmp_path / "a.spacy")
    result = relext("export", "ddi", tmp_path / "a.spacy", tmp_path / "xml")
    assert result.exit_code == 0, result.output
    [document] = get_format("ddi").read(tmp_path / "xml", Reading(pytest.fail))
    assert document.id == "a"
    assert [(r.head, r.tail, r.label) for r in document.relations] == [("a.s0.e0", "a.s0.e1", "RAISES")]


def test_export_that_fails_leaves_nothing(tmp_path):
    result = relext("export", "jsonl", tmp_path / "none.spacy", tmp_path / "b.jsonl")
    assert_fails(result, "none.spacy: there is no such file or folder")
    (tmp_path / "a.spacy").write_bytes(b"foreign")
    assert_fails(relext("export", "jsonl", tmp_path, tmp_path / "b.jsonl"), r"a\.spacy: this is no \.spacy file that can be read")
    docs = DocBin(docs=[spacy.blank("en")("Tea.")])
    docs.to_disk(tmp_path / "a.spacy")
    assert_fails(relext("export", "brat", tmp_path / "a.spacy", "/dev/stdout"), "a folder is to be written, and it is none")
    assert_fails(relext("export", "conll", tmp_path / "a.spacy", tmp_path / "b.jsonl"), "no format 'conll'")
    DocBin(docs=[spacy.blank("en")("No sentences.")]).to_disk(tmp_path / "a.spacy")
    assert_fails(relext("export", "ddi", tmp_path / "a.spacy", tmp_path / "xml"), "it has no sentences.*sentencizer")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.spacy"]


def test_export_to_standard_output(tmp_path, monkeypatch):
    given = []
    module = sys.modules["spacy_relext.cli.convert"]
    monkeypatch.setattr(module, "export_docs", lambda docs, path, *rest, **settings: given.append(path) or {})
    DocBin(docs=[spacy.blank("en")("Tea.")]).to_disk(tmp_path / "a.spacy")
    assert relext("export", "jsonl", tmp_path / "a.spacy", "-").exit_code == 0
    assert given == [Path("/dev/stdout")]


def test_export_of_mentions_under_another_name(tmp_path):
    nlp = spacy.blank("en")
    docs = [nlp("Aspirin and warfarin in adults."), nlp("Nothing here.")]
    docs[0].ents = [Span(docs[0], 0, 1, "DRUG")]
    docs[0].spans["sc"] = [Span(docs[0], 2, 3, "DRUG"), Span(docs[0], 0, 1, "DRUG")]
    DocBin(docs=docs).to_disk(tmp_path / "a.spacy")
    output = tmp_path / "a.jsonl"
    for options, found in ((), ["Aspirin"]), (("--spans-key", "sc"), ["Aspirin", "warfarin"]):
        assert relext("export", "jsonl", tmp_path / "a.spacy", output, "--overwrite", *options).exit_code == 0
        document = json.loads(output.read_text().splitlines()[0])
        assert [document["text"][m["start"] : m["end"]] for m in document["mentions"]] == found
    output.unlink()
    assert_fails(
        relext("export", "jsonl", tmp_path / "a.spacy", output, "--spans-key", "mention"),
        "no document has spans of this name; there are sc",
    )
    assert not output.exists()


@pytest.mark.parametrize("format", ["chemprot", "aimed"])
def test_export_to_a_format_that_is_only_read(format, tmp_path):
    relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", RECORDS[0]), tmp_path / "a.spacy")
    result = relext("export", format, tmp_path / "a.spacy", tmp_path / "out")
    assert_fails(result, f"the format '{format}' is read, and not written. One of: jsonl, brat", tmp_path / "out")


@pytest.mark.parametrize("format", ["csv", "parquet", "graphml", "rdf"])
def test_formats_that_are_only_written(format, tmp_path):
    relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", *RECORDS), tmp_path / "a.spacy")
    output = tmp_path / f"out.{'ttl' if format == 'rdf' else format}"
    result = relext("export", format, tmp_path / "a.spacy", output)
    assert result.exit_code == 0, result.output
    assert output.stat().st_size
    for lost in ("3 whole texts", "2 documents without relations", "1 mention in no relation"):
        assert f"{lost}: not in {format}." in result.output
    result = relext("convert", format, output, tmp_path / "b.spacy")
    assert_fails(result, f"the format '{format}' is written, and not read. One of: jsonl, brat", tmp_path / "b.spacy")


def test_help_names_the_formats_of_each_command():
    wide = {"COLUMNS": "500", "TERM": "dumb"}
    convert, export = (relext(command, "--help", env=wide).stdout for command in ("convert", "export"))
    assert "chemprot, aimed, ppi," in convert
    assert ", graphml" not in convert
    assert "csv, parquet, graphml, rdf;" in export
    assert "chemprot" not in export


def test_base_iri_of_rdf(tmp_path):
    relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", *RECORDS), tmp_path / "a.spacy")
    result = relext("export", "rdf", tmp_path / "a.spacy", tmp_path / "a.nt", "--base-iri", "http://my.example/")
    assert result.exit_code == 0, result.output
    assert "<http://my.example/relation/RAISES>" in (tmp_path / "a.nt").read_text(encoding="utf8")
    result = relext("export", "csv", tmp_path / "a.spacy", tmp_path / "a.csv", "--base-iri", "http://my.example/")
    assert_fails(result, "--base-iri is not for csv", tmp_path / "a.csv")


@pytest.mark.parametrize("format", ["prodigy", "doccano", "label-studio", "spert", "dygie"])
def test_json_formats_out_and_in(format, tmp_path):
    source = write_lines(tmp_path / "a.jsonl", *RECORDS)
    paths = [tmp_path / name for name in ("a.spacy", "out.json" if format in ("label-studio", "spert") else "out.jsonl", "b.spacy")]
    for arguments in (
        ("convert", "jsonl", source, paths[0], "--sentences", "sentencizer"),
        ("export", format, *paths[:2]),
        ("convert", format, *paths[1:], *(["--keep-empty"] if get_format(format).is_tool else [])),
    ):
        result = relext(*arguments)
        assert result.exit_code == 0, result.output
    first, second = (read_back(path) for path in (paths[0], paths[2]))
    for doc, other in zip(first, second, strict=True):
        assert (document_id(doc), doc.text, has_relations(doc)) == (document_id(other), other.text, has_relations(other))
        assert [(m.start_char, m.label_) for m in doc.spans["mentions"]] == [(m.start_char, m.label_) for m in other.spans["mentions"]]
        assert [relation.key for relation in get_relations(doc)] == [relation.key for relation in get_relations(other)]
        assert [sentence.text for sentence in doc.sents] == [sentence.text for sentence in other.sents]


def test_what_reading_leaves_out_is_in_the_report(tmp_path):
    tasks = [
        {"text": "Tea.", "spans": [], "relations": [], "answer": answer, "_task_hash": i} for i, answer in enumerate(["accept", "ignore"])
    ]
    result = relext("convert", "prodigy", write_lines(tmp_path / "a.jsonl", *tasks), tmp_path / "a.spacy")
    assert result.exit_code == 0, result.output
    assert figure(result.stdout, "documents") == figure(result.stdout, "tasks left out, answer 'ignore'") == 1


def test_export_reports_what_the_format_cannot_hold(tmp_path):
    relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", *RECORDS), tmp_path / "a.spacy")
    result = relext("export", "brat", tmp_path / "a.spacy", tmp_path / "brat")
    assert result.exit_code == 0, result.output
    assert "2 sentences: not in brat." in result.output
    assert sorted(file.name for file in (tmp_path / "brat").iterdir()) == ["a.ann", "a.txt", "b.ann", "b.txt", "c.txt"]
    result = relext("convert", "brat", tmp_path / "brat", tmp_path / "b.spacy")
    assert result.exit_code == 0, result.output
    assert len(read_back(tmp_path / "b.spacy")) == 1
    assert figure(result.stdout, as_options(NOT_ANNOTATED)) == 2
    result = relext("convert", "brat", tmp_path / "brat", tmp_path / "c.spacy", "--keep-empty")
    assert result.exit_code == 0, result.output
    assert [has_relations(doc) for doc in read_back(tmp_path / "c.spacy")] == [True, True, False]
    result = relext("export", "pubtator", tmp_path / "a.spacy", tmp_path / "a.txt")
    assert result.exit_code == 1
    assert "has no concept identifier" in " ".join(result.output.split())


def test_skipped_documents_of_the_exchange_formats_are_counted(tmp_path):
    (tmp_path / "a.txt").write_text("1|t|Tea\n1|a|for\n1\t0\t3\tToo\tX\tC1\n\n2|t|Tea\n2|a|for\n", encoding="utf8")
    result = relext("convert", "pubtator", tmp_path / "a.txt", tmp_path / "a.spacy", "--skip-errors")
    assert result.exit_code == 0, result.output
    assert "document '1': mention 'T1' is 'Too'" in " ".join(result.output.split())
    assert "1 document had errors and was skipped" in result.output


# Annotated for which labels


def labelled(name, *labels, **more):
    """A record with a relation of each label."""
    mentions = [{"id": f"T{i}", "start": 2 * i, "end": 2 * i + 1, "type": "X"} for i in range(len(labels) + 1)]
    relations = [{"head": "T0", "tail": f"T{i}", "label": label} for i, label in enumerate(labels, start=1)]
    return {"id": name, "text": "a b c d e", "mentions": mentions, "relations": relations, **more}


def labels_of(path):
    return {document_id(doc): annotated_labels(doc) and "".join(sorted(annotated_labels(doc))) for doc in read_back(path)}


def test_documents_are_annotated_for_all_labels_of_the_input(tmp_path):
    own = labelled("own", "D", annotated_labels=["D", "E"])
    records = [labelled("a", "A"), labelled("none"), {"id": "bare", "text": "x"}, own, labelled("b", "B", "A")]
    source = write_lines(tmp_path / "a.jsonl", *records)
    assert relext("convert", "jsonl", source, tmp_path / "a.spacy").exit_code == 0
    expected = {"a": "AB", "none": "AB", "bare": None, "own": "DE", "b": "AB"}
    assert labels_of(tmp_path / "a.spacy") == expected
    assert relext("convert", "jsonl", source, tmp_path / "b.spacy", "--labels", "B, C").exit_code == 0
    assert labels_of(tmp_path / "b.spacy") == {**expected, "a": "ABC", "none": "ABC", "b": "ABC"}
    dev = tmp_path / "dev.spacy"
    assert relext("convert", "jsonl", source, tmp_path / "train.spacy", "--dev", dev, "--dev-share", "0.4").exit_code == 0
    assert labels_of(tmp_path / "train.spacy") | labels_of(dev) == expected
    # Of nothing is nothing known.
    assert relext("convert", "jsonl", write_lines(tmp_path / "c.jsonl", labelled("none")), tmp_path / "c.spacy").exit_code == 0
    assert labels_of(tmp_path / "c.spacy") == {"none": None}
    assert_fails(relext("convert", "jsonl", source, tmp_path / "d.spacy", "--labels", "A,,B"), "--labels is 'A,,B'", tmp_path / "d.spacy")


def test_documents_of_a_known_corpus_are_annotated_for_its_labels(tmp_path):
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "a.xml").write_text(XML.format(0), encoding="utf8")
    assert relext("convert", "ddi", tmp_path / "xml", tmp_path / "a.spacy").exit_code == 0
    assert annotated_labels(read_back(tmp_path / "a.spacy")[0]) == {"effect", "mechanism", "advise", "int"}
    # Another corpus in this format.
    (tmp_path / "xml" / "b.xml").write_text(XML.format(1).replace('"effect"', '"spares"'), encoding="utf8")
    assert relext("convert", "ddi", tmp_path / "xml", tmp_path / "b.spacy").exit_code == 0
    assert annotated_labels(read_back(tmp_path / "b.spacy")[0]) == {"effect", "spares"}


def test_export_tells_where_documents_are_annotated_for_different_labels(tmp_path):
    records = [labelled("a", "A"), labelled("own", "D", annotated_labels=["D", "E"])]
    relext("convert", "jsonl", write_lines(tmp_path / "a.jsonl", *records), tmp_path / "a.spacy")
    result = relext("export", "spert", tmp_path / "a.spacy", tmp_path / "a.json")
    assert "2 sets of labels that documents are annotated for, A and D/E: not in spert" in " ".join(result.output.split())
    result = relext("export", "jsonl", tmp_path / "a.spacy", tmp_path / "b.jsonl")
    assert "annotated for" not in result.output
    lines = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [line["annotated_labels"] for line in lines] == [["A"], ["D", "E"]]
    relext("convert", "jsonl", write_lines(tmp_path / "one.jsonl", *records[:1]), tmp_path / "one.spacy")
    assert "annotated for" not in relext("export", "spert", tmp_path / "one.spacy", tmp_path / "one.json").output


# Annotation tools: what nobody has annotated, and byte order marks


DOCCANO = [
    {"id": i, "text": "Tea helps Ann.", "entities": entities, "relations": [], "Comments": []}
    for i, entities in enumerate([[{"id": 1, "label": "FOOD", "start_offset": 0, "end_offset": 3}], [], []])
]


def test_texts_that_nobody_annotated_are_left_out_and_counted(tmp_path):
    source = write_lines(tmp_path / "a.jsonl", *DOCCANO)
    result = relext("convert", "doccano", source, tmp_path / "a.spacy")
    assert result.exit_code == 0, result.output
    assert (figure(result.stdout, "documents"), figure(result.stdout, as_options(NOT_ANNOTATED))) == (1, 2)
    assert f"The first of the {as_options(NOT_ANNOTATED)}: {source}:2" in " ".join(result.output.split())
    assert relext("convert", "doccano", source, tmp_path / "b.spacy", "--keep-empty").exit_code == 0
    assert len(read_back(tmp_path / "b.spacy")) == 3
    result = relext("convert", "doccano", write_lines(tmp_path / "none.jsonl", *DOCCANO[1:]), tmp_path / "c.spacy")
    assert_fails(result, re.escape(f"there is no document in it. Left out: 2 {as_options(NOT_ANNOTATED)}."), tmp_path / "c.spacy")
    result = relext("convert", "jsonl", source, tmp_path / "c.spacy", "--keep-empty")
    assert_fails(result, "--keep-empty is for brat, prodigy, doccano, label-studio", tmp_path / "c.spacy")


def test_predictions_and_rejected_tasks_are_named_where_nothing_is_left(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"data": {"text": "Tea."}, "annotations": [], "predictions": [{"result": []}]}]))
    result = relext("convert", "label-studio", tmp_path / "a.json", tmp_path / "a.spacy")
    assert_fails(result, r"1 prediction, not read \(--use-predictions\)", tmp_path / "a.spacy")
    rejected = write_lines(tmp_path / "b.jsonl", {"text": "Tea.", "spans": [], "answer": "reject"})
    assert_fails(relext("convert", "prodigy", rejected, tmp_path / "b.spacy"), "1 task left out, answer 'reject'", tmp_path / "b.spacy")


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + json.dumps(DOCCANO[0]).encode())
    assert relext("convert", "doccano", source, tmp_path / "a.spacy").exit_code == 0
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfTea helps.\n")
    assert relext("convert", "txt", tmp_path / "t.txt", tmp_path / "t.spacy").exit_code == 0
    [doc] = read_back(tmp_path / "t.spacy")
    assert doc.text == "Tea helps.\n"


# Lines that are sentences, and texts of another language


def test_each_line_is_a_sentence(tmp_path):
    (tmp_path / "t.txt").write_text("Ann likes Rome\nBob likes Oslo\r\n\n Eve likes Bonn\n", encoding="utf8", newline="")
    result = relext("convert", "txt", tmp_path / "t.txt", tmp_path / "a.spacy", "--sentences", "lines")
    assert result.exit_code == 0, result.output
    [doc] = read_back(tmp_path / "a.spacy")
    assert [sentence.text.strip() for sentence in doc.sents] == ["Ann likes Rome", "Bob likes Oslo", "Eve likes Bonn"]
    assert "run over line ends" not in result.output
    result = relext("convert", "txt", tmp_path / "t.txt", tmp_path / "b.spacy", "--sentences", "sentencizer")
    assert result.exit_code == 0, result.output
    assert figure(result.stdout, "sentences that run over line ends") == 1
    assert "Of 1 sentence, 1 runs over line ends. If each line is a sentence: --sentences lines" in " ".join(result.output.split())


RUSSIAN = "Это было в Москве, и он не знал, что ему делать дальше. " * 10
GERMAN = "Das Haus, in dem wir wohnen, ist alt und nicht sehr groß, aber es hat einen Garten. " * 10
ENGLISH = "The house in which we live is old and not very large, but it has a garden. " * 10


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (RUSSIAN, (), "most letters are Cyrillic, and the tokenizer is that of 'en' (Latin)"),
        (GERMAN, (), "the texts look like 'de', and the tokenizer is that of 'en'"),
        (GERMAN, ("--lang", "de"), ""),
        (RUSSIAN, ("--tokenizer", "xx"), ""),
        (ENGLISH, (), ""),
    ],
)
def test_texts_of_another_language_than_the_tokenizers_are_told(text, options, message, tmp_path):
    (tmp_path / "t.txt").write_text(text, encoding="utf8")
    result = relext("convert", "txt", tmp_path / "t.txt", tmp_path / "a.spacy", *options)
    assert result.exit_code == 0, result.output
    told = " ".join(result.output.split())
    assert message in told if message else "--lang" not in told


def test_language_and_tokenizer_are_one_choice(tmp_path):
    (tmp_path / "t.txt").write_text(ENGLISH, encoding="utf8")
    result = relext("convert", "txt", tmp_path / "t.txt", tmp_path / "a.spacy", "--lang", "de", "--tokenizer", "en")
    assert_fails(result, "--tokenizer en and --lang de both name a tokenizer", tmp_path / "a.spacy")
