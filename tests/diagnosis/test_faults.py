"""Faults planted in a corpus without any, each found by its own message, and nothing else with it."""

import copy
import random
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_relext.diagnosis.checks import run_checks
from spacy_relext.diagnosis.data import make_data
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import Relation, get_relations, register_extensions, set_relations
from tests.diagnosis.toy import Parts, append, make_parts, word

Docs = dict[str, list[Doc]]
CLEAN = make_parts()


@cache
def english() -> Language:
    return spacy.blank("en")


def findings(parts: Parts, plant_in_docs: Callable[[Docs], None] | None = None, **settings):
    """What is found in some documents, by severity and name."""
    register_extensions()
    nlp = english()
    docs = {name: [to_doc(document, nlp) for document in documents] for name, documents in parts.items()}
    if plant_in_docs is not None:
        plant_in_docs(docs)
    return run_checks(make_data(docs, ["train"], spans_key="mentions"), nlp, **settings)


def related(documents: list[Document], label: str) -> list[tuple[Document, AnnotatedRelation]]:
    """The relations of a label, with their documents."""
    return [(document, relation) for document in documents for relation in document.relations if relation.label == label]


def relabel(parts: Parts, old: str, new: str, chosen: slice = slice(None)) -> None:
    """Give relations of a label another one, in every part."""
    for documents in parts.values():
        for document, relation in related(documents, old)[chosen]:
            document.relations[document.relations.index(relation)] = replace(relation, label=new)


def change_mention(document: Document, number: int = 0, **changes) -> None:
    document.mentions[number] = replace(document.mentions[number], **changes)


def unrelated(documents: list[Document]) -> list[tuple[Document, Mention, Mention]]:
    """Pairs of mentions of a sentence without a relation."""
    pairs = []
    for document in documents:
        ends = {name for relation in document.relations for name in (relation.head, relation.tail)}
        left = [m for m in document.mentions if m.id not in ends]
        pairs += [(document, *left[i : i + 2]) for i in range(0, len(left), 2)]
    return pairs


def copied(document: Document, name: str) -> Document:
    return Document(name, *(copy.deepcopy(getattr(document, key)) for key in ("text", "mentions", "relations", "sentences")))


def replaced(document: Document, n: int) -> None:
    """Other words, as long as the old ones, in a document: every n-th that is no mention."""
    draw, starts = random.Random(1), {m.start for m in document.mentions}
    words = [match for match in re.finditer(r"\w+", document.text) if match.start() not in starts]
    for match in words[::n]:
        document.text = document.text[: match.start()] + word(draw) + document.text[match.end() :]


def append_copy(document: Document, source: Document, *, related: bool = True) -> None:
    """Add the first sentence of another document."""
    (start, end), offset = source.sentences[0], len(document.text) + 1
    document.text += " " + source.text[start:end]
    document.sentences.append((offset, offset + end - start))
    for m in source.mentions[:2]:
        document.mentions.append(Mention(f"copy-{m.id}", m.start + offset, m.end + offset, m.type))
    if related:
        relation = source.relations[0]
        document.relations.append(AnnotatedRelation(f"copy-{relation.head}", f"copy-{relation.tail}", relation.label))


# In the text and its annotation


def shared_documents(parts):
    parts["test"].append(copied(parts["train"][3], "new"))


def near_documents(parts):
    parts["test"].append(copied(parts["train"][3], "new"))
    replaced(parts["test"][-1], 20)


def shared_sentences(parts):
    append_copy(parts["test"][4], parts["train"][0])


def near_sentences(parts):
    """One word of fourteen is another: nine of eleven trigrams are left at the least, of twelve."""
    append_copy(parts["test"][4], parts["train"][0])
    document = parts["test"][4]
    start, end = document.sentences[-1]
    document.text = document.text[:start] + re.sub(r"^\w+", "rirori", document.text[start:end]) + document.text[end:]


def repeated_documents(parts):
    parts["train"].append(copied(parts["train"][3], "new"))


def contradictions(parts):
    append_copy(parts["train"][9], parts["train"][0], related=False)


def repeated_ids(parts):
    parts["dev"][2].id = parts["dev"][1].id


def empty_part(parts):
    parts["dev"].clear()


def empty_documents(parts):
    parts["train"].append(Document("new", "", [], [], []))


def no_mentions(parts):
    for document in parts["test"]:
        document.mentions, document.relations = [], []


def no_relations(parts):
    for document in parts["test"]:
        document.relations = []


def not_annotated(parts):
    for document in parts["test"]:
        document.relations = None


def partly_annotated(parts):
    parts["train"].append(Document("new", "", [], [], []))
    append(parts["train"][-1], "", "DRUG", "DRUG", random.Random(2))
    parts["train"][-1].relations = None


def no_sentences(parts):
    for document in parts["train"][:3]:
        document.sentences = None


def untyped_mentions(parts):
    change_mention(parts["train"][1], type=" ")


def broken_mentions(parts):
    """A sentence that ends where its last mention, now of two tokens, is half over."""
    document = parts["train"][0]
    middle, (start, end) = document.mentions[1], document.sentences[0]
    document.sentences[:1] = [(start, middle.end), (middle.end + 1, end)]
    change_mention(document, 1, end=re.compile(r"\S+").search(document.text, middle.end).end())


def same_place(parts):
    first = parts["train"][1].mentions[0]
    parts["train"][1].mentions.append(Mention("new", first.start, first.end, "GENE"))


def overlaps(parts):
    first = parts["train"][1].mentions[0]
    parts["train"][1].mentions.append(Mention("new", first.start, parts["train"][1].text.index(" ", first.end + 1), first.type))


def long_mentions(parts):
    document = parts["train"][0]
    append(document, "", "DRUG", "DRUG", random.Random(3), n_words=50)
    document.mentions.pop()
    start, end = document.sentences[-1]
    change_mention(document, -1, start=start, end=end)


def misaligned_mentions(parts):
    for document in parts["train"][:20]:
        change_mention(document, end=document.mentions[0].end - 1)


def across_sentences(parts):
    document = next(d for d in parts["train"] if len(d.relations) == 3)
    relation = document.relations[0]
    [tail_type] = [m.type for m in document.mentions if m.id == relation.tail]
    other = next(m for m in document.mentions[-2:] if m.type == tail_type)
    document.relations[0] = replace(relation, tail=other.id)


def long_sentences(parts):
    append(parts["train"][0], "", "DRUG", "DRUG", random.Random(4), n_words=400)


def several_labels(parts):
    document, relation = related(parts["train"], "RAISES")[0]
    document.relations.append(AnnotatedRelation(relation.head, relation.tail, "LOWERS"))


def both_directions(parts):
    document, relation = related(parts["train"], "RAISES")[0]
    document.relations.append(AnnotatedRelation(relation.tail, relation.head, "RAISES"))


def one_direction(parts):
    for documents in parts.values():
        for document, relation in related(documents, "RAISES"):
            document.relations.append(AnnotatedRelation(relation.tail, relation.head, "RAISES"))
    parts["train"][0].relations.pop()


def left_to_right(parts):
    for documents in parts.values():
        for document, relation in related(documents, "RAISES"):
            head, tail = sorted((relation.head, relation.tail), key=lambda name: int(name[1:]))
            document.relations[document.relations.index(relation)] = replace(relation, head=head, tail=tail)


def odd_types(parts):
    document, relation = related(parts["train"], "BLOCKS")[0]
    document.relations[document.relations.index(relation)] = replace(relation, head=relation.tail, tail=relation.head)


def spelling(parts):
    relabel(parts, "RAISES", "raises", slice(None, None, 2))


def rare_labels(parts):
    relabel(parts, "RAISES", "MIMICS", slice(10))


def unseen_labels(parts):
    relabel({"test": parts["test"]}, "RAISES", "MIMICS", slice(10))


def unseen_types(parts):
    document, head, _ = unrelated(parts["test"])[0]
    change_mention(document, document.mentions.index(head), type="FOOD")


def few_to_score(parts):
    relabel({"test": parts["test"]}, "RAISES", "LOWERS", slice(9, None))


def all_related(parts):
    for document in parts["train"]:
        ends = {name for relation in document.relations for name in (relation.head, relation.tail)}
        document.mentions = [m for m in document.mentions if m.id in ends]


def few_related(parts):
    for document in parts["test"][1:]:
        document.relations = []
    del parts["test"][0].relations[1:]


def uneven_parts(parts):
    relabel({"test": parts["test"]}, "LOWERS", "RAISES")


def less_annotated(parts):
    for document in parts["test"]:
        del document.relations[1:]


# In Docs, which converters would not make


def change(part: str, make: Callable[[Doc], list[Relation]]) -> Callable[[Docs], None]:
    def plant(docs):
        set_relations(docs[part][0], make(docs[part][0]))

    return plant


def lost_relations(docs):
    doc = docs["train"][0]
    other = Doc(doc.vocab, words=["Other", *(token.text for token in doc)], spaces=[True, *(bool(t.whitespace_) for t in doc)])
    other.user_data = {key: value for key, value in doc.user_data.items() if "document_id" not in key}
    docs["train"].append(other)


def denied_relations(docs):
    """Readers take such labels for denials; Docs that others made may have them."""
    for part in docs.values():
        for doc in part[::2]:
            relations = list(get_relations(doc))
            set_relations(doc, [*relations, *(Relation(r.tail, r.head, "No-rel") for r in relations)])


def stray_relations(docs):
    doc = docs["train"][0]
    head = get_relations(doc)[0].head
    doc.spans["mentions"] = [span for span in doc.spans["mentions"] if span.start != head.start]


def blank_ends(docs):
    doc = Doc(
        docs["train"][0].vocab, words=["Gamu", " ", "zota", "."], spaces=[True, False, True, False], sent_starts=[True, False, False, False]
    )
    doc.spans["mentions"] = [Span(doc, 0, 2, "DRUG")]
    set_relations(doc, [])
    docs["train"].append(doc)


def as_other_type(doc):
    first, *others = get_relations(doc)
    head = Span(doc, first.head.start, first.head.end, "GENE")
    return [Relation(head, first.tail, first.label), *others]


def with_score(doc):
    first, *others = get_relations(doc)
    return [Relation(first.head, first.tail, first.label, 0.7), *others]


# The fault, its finding, its severity, and what its message must say: the number of places, as a rule. Findings that follow from it.
IN_DOCUMENTS = [
    (shared_documents, "error", r"in two parts, word by word: 1 \(1 of test in train\)", set()),
    (near_documents, "warning", r"nearly the same .*: 1 \(1 of test in train\)", set()),
    (shared_sentences, "warning", r"in two parts, word by word: 1 of 421 \(1 of test in train\)", set()),
    (near_sentences, "warning", r"nearly the same .*: 1 of 421 \(1 of test in train\)", set()),
    (repeated_documents, "warning", r"twice, word by word: 1\.", set()),
    (contradictions, "warning", r"other relations than the same sentence had before, .*: 1\.", set()),
    (repeated_ids, "warning", r"with the id of another one, whose text is another: 1\.", set()),
    (empty_part, "error", r"^dev: there is no document", {"few-to-score"}),
    (empty_documents, "warning", r"without text: 1\.", set()),
    (no_mentions, "error", r'^test: no document has a mention in doc\.spans\["mentions"\]', {"few-to-score"}),
    (no_relations, "error", r"^test: no document has a relation", {"few-to-score"}),
    (not_annotated, "error", r"^test: no document is annotated .* store_user_data=True", {"few-to-score"}),
    (partly_annotated, "warning", r"^train: .* not annotated for relations: 1 of 46", set()),
    (no_sentences, "warning", r"without sentence boundaries: 3 of 105", set()),
    (untyped_mentions, "warning", r"without a type: 1 of 840", {"other-types", "odd-types"}),
    (broken_mentions, "warning", r"over the end of a sentence: 1\.", set()),
    (same_place, "warning", r"with several mentions: 1\.", {"overlaps"}),
    (overlaps, "info", r"share characters with another one: 1 of 841", set()),
    (long_mentions, "warning", r"more than 30 tokens: 1\.", set()),
    (misaligned_mentions, "info", r"no whole tokens of the tokenizer: 20 of 840 \(2\.4 %\)", set()),
    (across_sentences, "info", r"across sentences: 1 of 252", set()),
    (long_sentences, "warning", r"more than 512 word pieces, .* 1 of 421", set()),
    (several_labels, "warning", r"with several labels: 1\.", set()),
    (both_directions, "warning", r"^RAISES: .* in both directions, as most of the label are not: 2\.", set()),
    (one_direction, "warning", r"^RAISES: most .* in one only: 1 of 167", set()),
    (left_to_right, "info", r"head stands before the tail .*: RAISES\.", set()),
    (odd_types, "warning", r"^BLOCKS is from DRUG to GENE as a rule, and here it is not: 1 of 84", set()),
    (spelling, "warning", r"^labels that differ in spelling alone: 1\.", {"rare-labels"}),
    (rare_labels, "warning", r"fewer than 20 relations in the training data: 1 of 4", set()),
    (unseen_labels, "warning", r"^test: labels that the training data has not: 1\.", set()),
    (unseen_types, "warning", r"^test: types of mentions that the training data has not: 1\.", set()),
    (few_to_score, "info", r"^test: labels with fewer than 10 relations: 1\.", set()),
    (all_related, "warning", r"^train: 108 of 108 pairs", set()),
    (few_related, "warning", r"^test: 1 of 120 pairs .* \(0\.8 %\)", {"few-to-score", "uneven-parts"}),
    (uneven_parts, "warning", r"^test: its labels .*: (LOWERS has 0|RAISES has 67) % and 33 %", {"few-to-score"}),
    (less_annotated, "warning", r"^test: 25\.0 % of the pairs .* 60\.0 % in the training data", {"few-to-score"}),
]  # fmt: skip
IN_DOCS = [
    (lost_relations, "error", r"no more what they were", {"bare-documents"}),
    (denied_relations, "warning", r"no relation: 1\.", set()),
    (stray_relations, "warning", r"not in doc\.spans\[.mentions.\]: 1 of 252", set()),
    (blank_ends, "warning", r"begin or end with white space: 1\.", set()),
    (change("train", as_other_type), "warning", r"another type than doc\.spans\[.mentions.\] does: 1 of 252", {"odd-types"}),
    (change("train", with_score), "warning", r"score other than 1: 1\.", set()),
]
NAMES = {"partly_annotated": "not-annotated", "less_annotated": "uneven-parts"}


def test_nothing_is_found_in_the_clean_corpus():
    assert findings(copy.deepcopy(CLEAN)) == []


@pytest.mark.parametrize(("plant", "severity", "message", "follow"), IN_DOCUMENTS, ids=[plant.__name__ for plant, *_ in IN_DOCUMENTS])
def test_fault_is_found_by_its_own_message(plant, severity, message, follow):
    parts = copy.deepcopy(CLEAN)
    plant(parts)
    name = NAMES.get(plant.__name__, plant.__name__.replace("_", "-"))
    check(findings(parts), name, severity, message, follow)


@pytest.mark.parametrize(
    ("name", "plant", "severity", "message", "follow"),
    [
        (name, *case)
        for name, case in zip(
            ("lost-relations", "denied-relations", "stray-relations", "blank-ends", "other-types", "scored-relations"), IN_DOCS, strict=True
        )
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_fault_in_docs_is_found_by_its_own_message(name, plant, severity, message, follow):
    check(findings(copy.deepcopy(CLEAN), plant), name, severity, message, follow)


def check(found, name, severity, message, follow):
    own = [finding for finding in found if finding.name == name]
    assert [(finding.severity) for finding in own] == [severity], found
    assert re.search(message, own[0].message), own[0].message
    assert {finding.name for finding in found} - {name} <= follow, found
