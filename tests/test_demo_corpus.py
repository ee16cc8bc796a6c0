"""The demonstration corpus keeps what its README promises."""

import re
from collections import Counter
from hashlib import sha256
from itertools import combinations

import pytest

from spacy_relext.formats import jsonl
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.reading import Reading
from tests.conftest import DEMO
from tests.contrasts import overlap

SPLITS = ("train", "dev", "test")
# Minimal pairs for training and development: short, and none of them is tested on.
HARD = ("hard-train", "hard-dev")
# Label → types of head and tail.
LABELS = {
    "MECHANISM": ("CHEMICAL", "CHEMICAL"),
    "EFFECT": ("CHEMICAL", "CHEMICAL"),
    "ADVISE": ("CHEMICAL", "CHEMICAL"),
    "INHIBITS": ("CHEMICAL", "PROTEIN"),
    "ACTIVATES": ("CHEMICAL", "PROTEIN"),
    "SUBSTRATE": ("CHEMICAL", "PROTEIN"),
}


def raise_it(error):
    raise error


@pytest.fixture(scope="module")
def splits():
    """The documents of each split; reading them without complaint is a test by itself."""
    return {name: list(jsonl.read(DEMO / f"{name}.jsonl", Reading(raise_it))) for name in (*SPLITS, *HARD)}


@pytest.fixture(scope="module")
def documents(splits):
    return [document for some in splits.values() for document in some]


def sentence_of(document, mention):
    [number] = [i for i, (start, end) in enumerate(document.sentences) if start <= mention.start and mention.end <= end]
    return number


def n_candidates(document):
    """Unordered pairs of mentions of a sentence that a label is possible for: two proteins have none."""
    per_sentence = {}
    for mention in document.mentions:
        per_sentence.setdefault(sentence_of(document, mention), []).append(mention.type)
    return sum("CHEMICAL" in pair for types in per_sentence.values() for pair in combinations(types, 2))


def test_the_test_part_is_the_one_that_the_figures_are_of():
    text = (DEMO / "test.jsonl").read_text(encoding="utf8")
    assert sha256(text.encode("utf8")).hexdigest() == "22408f2106fd50f9d2210522eb6d7766e2898644c5e04e509ae7bf96b2b643b5"


def test_every_document_becomes_a_doc(documents, nlp):
    counts = Counter()
    for document in documents:
        doc = to_doc(document, nlp, counts)
        assert [(s.start_char, s.end_char) for s in doc.sents] == document.sentences
        assert len(doc.spans["mentions"]) == len(doc.ents) == len(document.mentions)
    assert counts["documents"] == len(documents)
    # Mentions are as short as the name and do not overlap, and no relation stands there twice.
    for unwanted in ("trimmed mentions", "overlapping mentions (in doc.spans only)", "relations given twice (kept once)"):
        assert counts[unwanted] == 0


def test_every_document_is_annotated_in_full(documents):
    for document in documents:
        assert document.sentences, document.id
        assert document.relations is not None, document.id


def test_sentences_cover_the_text(documents):
    for document in documents:
        end = 0
        for start, next_end in document.sentences:
            assert document.text[end:start].strip() == "", document.id
            assert document.text[start:next_end].strip() == document.text[start:next_end] != "", document.id
            end = next_end
        assert document.text[end:].strip() == "", document.id


def test_size(documents):
    assert len(documents) >= 120
    assert sum(len(document.sentences) for document in documents) >= 400
    assert sum(n_candidates(document) for document in documents) >= 900


def test_labels_are_the_six_documented_ones_between_the_right_types(documents):
    readme = (DEMO / "README.md").read_text(encoding="utf8")
    documented = dict(re.findall(r"^\| `([A-Z]+)` \| (CHEMICAL [→–] [A-Z]+)", readme, flags=re.MULTILINE))
    assert {label: tuple(re.split(" [→–] ", types)) for label, types in documented.items()} == LABELS
    seen = Counter()
    for document in documents:
        types = {mention.id: mention.type for mention in document.mentions}
        assert set(types.values()) <= {"CHEMICAL", "PROTEIN"}
        for relation in document.relations:
            assert (types[relation.head], types[relation.tail]) == LABELS.get(relation.label), (document.id, relation)
            seen[relation.label] += 1
    assert seen.keys() == LABELS.keys()


def test_relations_hold_within_a_sentence_and_one_a_pair(documents):
    for document in documents:
        mentions = {mention.id: mention for mention in document.mentions}
        pairs = Counter()
        for relation in document.relations:
            head, tail = mentions[relation.head], mentions[relation.tail]
            assert sentence_of(document, head) == sentence_of(document, tail), (document.id, relation)
            pairs[frozenset((relation.head, relation.tail))] += 1
        assert not [pair for pair, n in pairs.items() if n > 1], document.id


def test_every_split_has_every_label_and_many_pairs_without_a_relation(splits):
    for name, documents in splits.items():
        assert {relation.label for document in documents for relation in document.relations} == LABELS.keys(), name
        n_relations = sum(len(document.relations) for document in documents)
        assert sum(map(n_candidates, documents)) > 1.5 * n_relations > 0, name


def test_splits_are_disjoint_by_document(splits, documents):
    assert len({document.id for document in documents}) == len(documents)
    assert len({" ".join(document.text.lower().split()) for document in documents}) == len(documents)


def trigrams(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def jaccard(a, b):
    return len(a & b) / len(a | b)


def test_jaccard():
    """a-b-c, b-c-d against b-c-d, c-d-e: one of three."""
    assert jaccard(trigrams("A b, c d."), trigrams("b c d e")) == pytest.approx(1 / 3)
    assert jaccard(trigrams("a b"), trigrams("A B.")) == 1


def near_duplicates(first, second):
    """Sentences of two sets of documents that share half of their word trigrams; found by the trigrams that they share."""
    index = {}
    sentences = {}
    for side, documents in enumerate((first, second)):
        for document in documents:
            for start, end in document.sentences:
                key = (side, document.id, start)
                sentences[key] = trigrams(document.text[start:end])
                for trigram in sentences[key]:
                    index.setdefault(trigram, ([], []))[side].append(key)
    pairs = {(a, b) for lefts, rights in index.values() for a in lefts for b in rights}
    return [(a, b) for a, b in pairs if jaccard(sentences[a], sentences[b]) >= 0.5]


def test_no_near_duplicates_across_splits(splits):
    for a, b in combinations(splits, 2):
        assert near_duplicates(splits[a], splits[b]) == [], (a, b)


def test_near_duplicates_are_found(splits):
    """The test above can fail: with one document in both."""
    [one, *others] = splits["train"]
    assert len(near_duplicates([one], [*others, one])) >= len(one.sentences)


def test_hard_sentences_have_no_name_and_no_frame_of_the_contrast_set(splits):
    """Of neither half. DDI's are among them."""
    ddi = overlap.documents(DEMO.parent / "ddi" / "hard.jsonl")
    assert {mention.type for document in ddi for mention in document.mentions} == {"drug"}
    assert {relation.label for document in ddi for relation in document.relations} == {"mechanism", "effect", "advise", "int"}
    hard = [*splits["hard-train"], *splits["hard-dev"], *ddi]
    asked = overlap.documents(DEMO.parent / "contrast")
    assert overlap.shared_names(asked, hard) == set()
    assert overlap.shared_frames(asked, hard) == {}
