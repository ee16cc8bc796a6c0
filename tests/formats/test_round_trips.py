"""The JSON formats: what is written comes back, invented and real, and what no line or list of them may hold is reported with its place."""

import json
import time
import zipfile
from collections import Counter
from itertools import islice

import pytest

from benchmarks.round_trips import BOTH_WAYS, round_trip
from spacy_relext.errors import DataError
from spacy_relext.formats import jsonl
from spacy_relext.formats.catalogue import formats, get_format
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

NAMES = ["prodigy", "doccano", "label-studio", "spert", "dygie"]
SUFFIXES = {"prodigy": ".jsonl", "doccano": ".jsonl", "label-studio": ".json", "spert": ".json", "dygie": ".json"}
LINES = ["prodigy", "doccano", "dygie"]
# The lists are of one file; the others are lines.
LISTS = ["label-studio", "spert"]

#       0          1         2         3          4
#       0123456 7890123456789012345 6789012345678901234
TEXT = "👩🏽‍⚕️ gave\nTeal acid blockers\r\n e\u0301phedrine🙂x. Not\u00a0so."
MENTIONS = [
    Mention("T1", 0, 5, "PERSON"),
    Mention("T2", 11, 15, "ACID"),  # nested in the next two, which overlap
    Mention("T3", 11, 20, "ACID"),
    Mention("T4", 16, 29, "CLASS"),
    Mention("T5", 32, 42, "DRUG"),  # ends before 🙂, inside a token
]
DOCUMENTS = [
    Document(
        "d/1",
        TEXT,
        MENTIONS,
        [AnnotatedRelation("T3", "T5", "BLOCKS"), AnnotatedRelation("T5", "T1", "HELPS", 0.123456789)],
        [(0, 45), (46, 53)],
    ),
    Document("none", "Teal only.", [Mention("T1", 0, 4, "ACID")], [], [(0, 10)]),
    Document("not annotated", " Teal  only. ", [Mention("T1", 1, 5, "ACID")], None, [(1, 13)]),
    Document("empty", "", [], None, []),
    Document("white", " \n ", [], [], []),
]


def raise_it(error):
    raise error


def contents(document, *, places=False):
    """All that a document holds; with `places` the mentions by what they are instead of their ids, sentences without space around them."""
    mentions = [(m.start, m.end, m.type) for m in document.mentions]
    named = dict(zip([m.id for m in document.mentions], mentions if places else [m.id for m in document.mentions], strict=True))
    relations = None
    if document.relations is not None:
        relations = sorted((named[r.head], named[r.tail], r.label, r.score) for r in document.relations)
    sentences = document.sentences
    if places and sentences is not None:
        stripped = [(start, document.text[start:end].rstrip()) for start, end in sentences]
        sentences = [(start + len(t) - len(t.lstrip()), start + len(t)) for start, t in stripped if t]
    return document.id, document.text, sorted(mentions), relations, sentences


def through(name, documents, folder):
    path = folder / f"out{SUFFIXES[name]}"
    get_format(name).write(documents, path)
    return list(get_format(name).read(path, Reading(raise_it)))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_comes_back(name, nlp, tmp_path):
    documents = [from_doc(to_doc(document, nlp)) for document in DOCUMENTS]
    assert contents(documents[0]) == contents(DOCUMENTS[0])
    assert [d.relations is None for d in documents] == [False, False, True, True, False]
    back = through(name, documents, tmp_path)
    assert [contents(document, places=True) for document in back] == [contents(document, places=True) for document in documents]
    assert [contents(from_doc(to_doc(document, nlp))) for document in back] == [contents(document) for document in documents]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "dygie"])
def test_documents_without_id_and_sentences(name, tmp_path):
    [first, second] = through(name, [Document("", "One."), Document("", "Two.", relations=[])], tmp_path)
    assert (first.text, first.sentences, first.relations) == ("One.", None, None)
    assert (second.text, second.sentences, second.relations) == ("Two.", None, [])
    # Label Studio's tasks have ids of their own.
    assert [first.id, second.id] == (["1", "2"] if name == "label-studio" else ["out-1", "out-2"])


@pytest.mark.parametrize("name", NAMES)
def test_documents_of_one_id_are_refused_on_both_ways(name, tmp_path):
    path = tmp_path / f"two{SUFFIXES[name]}"
    with pytest.raises(DataError, match="document 'same': a document before it has the same id"):
        get_format(name).write([Document("same", "One.", sentences=[(0, 4)])] * 2, path)
    assert list(tmp_path.iterdir()) == []
    get_format(name).write([Document("same", "One.", sentences=[(0, 4)])], path)
    once = path.read_text(encoding="utf8")
    path.write_text(once * 2 if name in LINES else json.dumps(json.loads(once) * 2), encoding="utf8")
    errors = []
    assert len(list(get_format(name).read(path, Reading(errors.append)))) == 1
    place = f"{path}:1 as well" if name in LINES else f"record 1 of {path} as well"
    [error] = errors
    assert f"the document id 'same' is that of {place}" in str(error)
    assert error.line == (2 if name in LINES else None)


@pytest.mark.parametrize("name", ["prodigy", "doccano", "label-studio"])
def test_label_that_would_be_read_as_none_is_not_written(name, tmp_path):
    document = Document("a", "A B", [Mention("1", 0, 1, "X"), Mention("2", 2, 3, "X")], [AnnotatedRelation("1", "2", "No-rel")])
    with pytest.raises(DataError, match="document 'a': a relation has the label 'No-rel', which would be read as no relation"):
        get_format(name).write([document], tmp_path / "a.json")


GOOD = Document("good", "Teal.", sentences=[(0, 5)])
BAD_LINES = {
    "truncated": (b'{"text": "Te', "not JSON"),
    "not UTF-8": (b'{"text": "T\xe9al"}', r"not UTF-8 \(byte 11"),
    "a list": (b"[1]", "expected a JSON object, and saw list"),
    "too deep": (b"[" * 200_000, "JSON that cannot be read"),
    "nothing": (b"{}", "expected"),
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.values(), ids=BAD_LINES)
@pytest.mark.parametrize("name", LINES)
def test_bad_line_is_left_out_alone(name, line, message, tmp_path):
    path = tmp_path / f"a{SUFFIXES[name]}"
    get_format(name).write([GOOD], path)
    good = path.read_bytes()
    # Windows line ends, and a blank line.
    path.write_bytes(b"\r\n" + line + b"\r\n" + good)
    with pytest.raises(DataError, match=message) as caught:
        list(get_format(name).read(path, Reading(raise_it)))
    assert (caught.value.path, caught.value.line) == (path, 2)
    errors, counts = [], Counter()
    assert [document.id for document in get_format(name).read(path, Reading(errors.append, counts))] == ["good"]
    assert len(errors) == 1
    assert sum(counts.values()) == 0


BAD_LISTS = {
    "truncated": (lambda raw: raw[:-10], r"not JSON \(.*, line \d+, column \d+\)"),
    "empty": (lambda raw: b"", "not JSON"),
    "not UTF-8": (lambda raw: raw.replace(b"Teal", b"T\xe9al"), "not UTF-8"),
    "a number": (lambda raw: b"3", "expected a JSON object, and saw int"),
}


@pytest.mark.parametrize(("change", "message"), BAD_LISTS.values(), ids=BAD_LISTS)
@pytest.mark.parametrize("name", LISTS)
def test_bad_list_leaves_out_its_file(name, change, message, tmp_path):
    good, bad = tmp_path / "a.json", tmp_path / "b.json"
    get_format(name).write([GOOD], good)
    bad.write_bytes(change(good.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        list(get_format(name).read(tmp_path, Reading(raise_it)))
    assert caught.value.path == bad
    errors = []
    assert [document.id for document in get_format(name).read(tmp_path, Reading(errors.append))] == ["good"]
    assert len(errors) == 1


@pytest.mark.parametrize("name", NAMES)
def test_empty_files_and_folders(name, tmp_path):
    with pytest.raises(DataError, match=r"the folder holds no \.json"):
        list(get_format(name).read(tmp_path, Reading(raise_it)))
    path = tmp_path / f"a{SUFFIXES[name]}"
    get_format(name).write([], path)
    assert list(get_format(name).read(path, Reading(raise_it))) == []


def test_long_text_is_refused_with_its_document(nlp):
    with pytest.raises(DataError, match=r"document 'a': the text has 1,000,001 characters"):
        to_doc(Document("a", "x" * 1_000_001), nlp)


def long_records(text, n):
    """One record per format, of one text of n words, the first two of which are mentions."""
    words = text.split()
    places = [(0, 1, "X"), (2, 3, "X")]
    regions = [
        {"id": i, "type": "labels", "value": {"start": start, "end": end, "labels": [kind]}} for i, (start, end, kind) in enumerate(places)
    ]
    return {
        "prodigy": {
            "text": text,
            "answer": "accept",
            "tokens": [{"text": word, "start": 2 * i, "end": 2 * i + 1, "id": i} for i, word in enumerate(words)],
            "spans": [{"start": start, "end": end, "label": kind} for start, end, kind in places],
        },
        "doccano": {"text": text, "label": places},
        "label-studio": {"data": {"text": text}, "annotations": [{"result": regions}]},
        "spert": {"tokens": words, "entities": [{"start": 0, "end": 1, "type": "X"}, {"start": 1, "end": 2, "type": "X"}], "text": text},
        "dygie": {"doc_key": "a", "sentences": [words], "ner": [[[0, 0, "X"], [1, 1, "X"]]], "_text": text},
    }


@pytest.mark.parametrize("name", NAMES)
def test_time_grows_with_the_length_of_a_line_and_no_faster(name, tmp_path):
    n = 50_000
    record = long_records("🙂 " * n, n)[name]
    path = tmp_path / "long.jsonl"
    path.write_text(json.dumps(record if name in LINES else [record]), encoding="utf8")
    start = time.process_time()
    [document] = get_format(name).read(path, Reading(raise_it))
    assert [(m.start, m.end) for m in document.mentions] == [(0, 1), (2, 3)]
    # A second or two; what goes through the text once for each token takes minutes.
    assert time.process_time() - start < 20


@pytest.fixture(scope="module")
def corpora(shared_data, tmp_path_factory):
    """Documents of the real corpora as `relext export` gets them; the corpora say themselves how much there is."""
    import spacy

    folder = tmp_path_factory.mktemp("corpora")
    for archive in ("ddi2013/DDICorpus-2013.zip", "aimed/AImed.zip", "chemprot/ChemProt_Corpus.zip", "bc5cdr/CDR_original.zip"):
        with zipfile.ZipFile(shared_data / archive) as opened:
            opened.extractall(folder)
    sources = {
        "ddi": folder / "DDICorpus" / "Test" / "Test for DDI Extraction task" / "MedLine",
        "aimed": next(folder.rglob("test_0.json")),
        "chemprot": next(folder.rglob("chemprot_development")),
        "pubtator": next(folder.rglob("CDR_DevelopmentSet.PubTator.txt")),
    }
    nlp = spacy.blank("en")
    return {
        name: [from_doc(to_doc(document, nlp)) for document in islice(get_format(name).read(path, Reading(raise_it)), 33)]
        for name, path in sources.items()
    }


# The corpora with documents that a format cannot hold, and the error: none has concepts but BC5CDR (pubtator), which has no sentences.
REFUSED = {
    "pubtator": ({"ddi", "aimed", "chemprot"}, "mention that has no concept identifier"),
    "dygie": ({"chemprot", "pubtator"}, "it has no sentences"),
    "ddi": ({"chemprot", "pubtator"}, "it has no sentences"),
}


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_documents_of_real_corpora_come_back(name, corpora, nlp, tmp_path):
    """A sample: `python -m benchmarks round-trips` takes all of them."""
    assert {corpus: len(documents) for corpus, documents in corpora.items()} == {"ddi": 33, "aimed": 22, "chemprot": 33, "pubtator": 33}
    refusing, message = REFUSED.get(name, (set(), ""))
    for corpus, documents in corpora.items():
        (tmp_path / corpus).mkdir()
        outcome = round_trip(name, documents, tmp_path / corpus, nlp)
        assert outcome.changed == []
        assert (outcome.refused > 0) == (corpus in refusing)
        assert outcome.same + outcome.refused == len(documents)
        assert message in outcome.error or not outcome.refused
    # Relations are no matter of what a format is allowed to tell.
    assert sum(len(document.relations) for document in corpora["ddi"]) == 95
    assert sum(len(document.relations) for document in corpora["aimed"]) == 105


def test_loss_that_is_not_told_is_seen(nlp, tmp_path, monkeypatch):
    documents = [Document(name, "Teal.", [Mention("T1", 0, 4, "ACID")], []) for name in "ab"]
    monkeypatch.setattr(jsonl, "parse", lambda raw, *place, **_: Document(json.loads(raw)["id"], "Teal.", [], []))
    outcome = round_trip("jsonl", documents, tmp_path, nlp)
    assert (outcome.same, outcome.changed) == (0, ["a", "b"])


@pytest.mark.parametrize("name", [format_.name for format_ in formats() if format_.reads and format_.writes])
@pytest.mark.parametrize("sentences", [None, []])
def test_an_empty_text_comes_back(name, sentences, tmp_path):
    path = tmp_path / f"out{get_format(name).suffix}"
    lost = get_format(name).write([Document("empty", "", [], [], sentences)], path)
    [back] = get_format(name).read(path, Reading(raise_it))
    assert (back.id, back.text, back.mentions, back.sentences or []) == ("empty", "", [], [])
    told = {"documents annotated for relations between mentions alone (now between concepts)", "documents not annotated for relations"}
    assert back.relations == [] or told & set(+lost)
