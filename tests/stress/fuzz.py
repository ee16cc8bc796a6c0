"""Random Docs through component, storage and export: no exception that is not ours, and nothing lost.

    python -m tests.stress.fuzz --docs 100000 --dense 50 --seed 0

Hypothesis makes the Docs: empty ones, white space, characters without width, combining marks, any Unicode; mentions that nest, overlap and
cross sentences. Dense ones have a thousand mentions. The encoder is small and untrained, and the threshold 0, so that every candidate pair
gives a relation.
"""

import argparse
import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import spacy
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import filter_spans
from srsly import msgpack

from benchmarks.round_trips import BOTH_WAYS, round_trip
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.catalogue import WRITABLE, get_format
from spacy_relext.formats.ddi import NO_SPACE
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.relations import Relation, get_relations, has_relations, set_relations

TYPES = ["DRUG", "GENE", "Krankheit ✓", "a b"]
LABELS = ["INHIBITS", "WITH", "hat Wirkung → auf"]
ODD = [
    "\u200b",
    "\ufeff",
    "\u0301",
    "\u202e",
    "\u00a0",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\u2028",
    "🙂",
    "👩🏽‍⚕️",
    "é",
    "日本語",
    "-" * 70,
    "\x00",
    "\x85",
    "'",
    '"',
    "<&>",
    "@",
    "|",
]
WRITTEN = WRITABLE

# A document before it is a Doc: words, spaces, sentence starts, mentions (first token, end, type), relations (head, tail, label, score).
Plan = dict[str, Any]


@st.composite
def plans(draw: Callable[[st.SearchStrategy], Any]) -> Plan:
    """One random document."""
    word = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5))
    words = draw(st.lists(word, max_size=14))
    n = len(words)
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    places = st.tuples(st.integers(0, max(n - 1, 0)), st.integers(1, 5), st.sampled_from(TYPES))
    mentions = [(start, min(start + size, n), kind) for start, size, kind in draw(st.lists(places, max_size=7)) if n]
    m = len(mentions)
    index = st.integers(0, max(m - 1, 0))
    scores = st.floats(0, 1, width=32)
    relations = draw(st.lists(st.tuples(index, index, st.sampled_from(LABELS), scores), max_size=6 if m > 1 else 0))
    return {
        "words": words,
        "spaces": draw(flags),
        "starts": draw(st.none() | flags),
        "mentions": mentions,
        "relations": draw(st.sampled_from([None, relations])),
        "spans": draw(st.booleans()),
    }


def dense_plan(number: int) -> Plan:
    """A document with a thousand mentions over sentences of 40 tokens at most."""
    random = numpy.random.default_rng(number)
    n = 2000
    starts = numpy.zeros(n, dtype=bool)
    place = 0
    while place < n:
        starts[place] = True
        place += int(random.integers(5, 41))
    first = random.integers(0, n - 3, size=1000)
    ends = first + random.integers(1, 4, size=1000)
    kinds = random.integers(0, len(TYPES), size=1000)
    return {
        "words": [f"w{i}" for i in random.integers(0, 500, size=n)],
        "spaces": [True] * n,
        "starts": starts.tolist(),
        "mentions": [(int(a), int(b), TYPES[k]) for a, b, k in zip(first, ends, kinds, strict=True)],
        "relations": None,
        "spans": True,
    }


def make_doc(nlp: Language, plan: Plan) -> Doc:
    """The Doc of a plan; mentions are in `doc.spans["mentions"]`, and those that do not overlap are entities, or in the entities alone."""
    doc = Doc(nlp.vocab, words=plan["words"], spaces=plan["spaces"], sent_starts=plan["starts"])
    spans = [Span(doc, start, end, label=kind) for start, end, kind in plan["mentions"]]
    doc.set_ents(filter_spans(spans))
    if plan["spans"]:
        doc.spans["mentions"] = spans
    if plan["relations"] is not None:
        pairs = [(spans[head], spans[tail], label, score) for head, tail, label, score in plan["relations"]]
        set_relations(doc, [Relation(a, b, label, score) for a, b, label, score in pairs if (a.start, a.end) != (b.start, b.end)])
    return doc


def make_pipelines() -> list[Language]:
    """Pipelines with an untrained extractor: pairs of sentences and of any distance, exclusive labels and others."""
    return [
        _pipeline({"@misc": "spacy-relext.sentence_pairs.v1"}, exclusive=True, symmetric_labels=["WITH"]),
        _pipeline({"@misc": "spacy-relext.distance_pairs.v1", "max_distance": 8, "overlapping": True}, exclusive=False),
    ]


def _pipeline(candidates: dict[str, Any], **settings_: Any) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    tok2vec = {"width": 16, "depth": 1, "embed_size": 100}
    config = {"candidates": candidates, "model": {"hidden_width": 8, "tok2vec": tok2vec, "summary": {"n_heads": 2}}}
    nlp.add_pipe("relation_extractor", config={**config, "threshold": 0.0, "spans_key": "mentions", **settings_})
    doc = make_doc(nlp, {"words": ["a", "b"], "spaces": [True, False], "starts": None, "spans": True, "relations": [],
                         "mentions": [(0, 1, TYPES[0]), (1, 2, TYPES[1])]})  # fmt: skip
    for label in LABELS:
        nlp.get_pipe("relation_extractor").add_label(label)
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    return nlp


def keys(doc: Doc) -> list[tuple]:
    """The relations of a Doc, as what must survive."""
    return sorted((*relation.key, relation.head.label_, relation.tail.label_, round(relation.score, 6)) for relation in get_relations(doc))


# What brings a Doc elsewhere and back. One way per Doc, in turn: each packs and unpacks for milliseconds.
WAYS: list[Callable[[Doc], Doc]] = [
    lambda doc: Doc(doc.vocab).from_bytes(doc.to_bytes()),
    lambda doc: pickle.loads(pickle.dumps(doc)),
    lambda doc: doc.copy(),
    lambda doc: next(DocBin(store_user_data=True, docs=[doc]).get_docs(doc.vocab)),
    lambda doc: doc[:].as_doc(copy_user_data=True) if len(doc) else doc,
]


def check_storage(docs: Sequence[Doc]) -> None:
    """Relations survive bytes, pickle, copies, DocBin, cutting and joining."""
    for i, doc in enumerate(docs):
        copy = WAYS[(len(doc) + i) % len(WAYS)](doc)
        assert keys(copy) == keys(doc), (doc.text, keys(doc), keys(copy))
        assert has_relations(copy) == has_relations(doc)
    joined = Doc.from_docs(list(docs))
    assert joined is None or len(keys(joined)) == sum(len(keys(doc)) for doc in docs if len(doc)), [doc.text for doc in docs]


def check_export(docs: Sequence[Doc], names: Sequence[str], nlp: Language) -> int:
    """Each format gives back what it does not report as lost, or refuses the document with an error of ours.

    RETURNS: how many are refused.
    """
    documents, n_refused = [], 0
    for i, doc in enumerate(docs):
        document = from_doc(doc)
        # Scores are written with four digits.
        relations = document.relations and [replace(relation, score=round(relation.score, 4)) for relation in document.relations]
        document = replace(document, id=f"d{i}", relations=relations)
        counts: Counter[str] = Counter()
        try:
            # As `convert` reads it: mentions without white space around them, and none of white space alone.
            documents.append(from_doc(to_doc(document, nlp, counts)))
        except DataError:
            n_refused += 1
            continue
        n_twice = counts["relations given twice (kept once)"]
        assert len(documents[-1].relations or ()) + n_twice == len(document.relations or ()), document
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            if name in BOTH_WAYS:
                outcome = round_trip(name, documents, Path(folder), nlp)
                # A space after a sentence, which is told, moves all that stands behind it.
                lost = outcome.changed if NO_SPACE not in outcome.told else []
                assert not lost, (name, [d for d in documents if d.id in lost], outcome.told)
            else:
                for document in documents:
                    try:
                        get_format(name).write([document], Path(folder) / f"{document.id}{get_format(name).suffix}")
                    except RelextError:
                        n_refused += 1
    return n_refused


def check(nlp: Language, plans_: Sequence[Plan], names: Sequence[str]) -> Counter[str]:
    """Predict, store and export the Docs of some plans. RETURNS: counts."""
    docs = [make_doc(nlp, plan) for plan in plans_]
    check_storage(docs)
    n_refused = check_export(docs, names, nlp)
    plain = [make_doc(nlp, plan | {"relations": None}) for plan in plans_]
    predicted = list(nlp.pipe(plain))
    assert all(has_relations(doc) for doc in predicted if len(doc))
    check_storage(predicted)
    n_refused += check_export(predicted, names, nlp)
    return Counter(docs=len(docs), refused=n_refused, relations=sum(len(get_relations(doc)) for doc in predicted))


def fuzz(n_docs: int, *, number: int = 0, progress: Callable[[Counter[str]], None] = lambda counts: None) -> Counter[str]:
    """Check random documents. number: The seed. RAISES: what a document raised, the smallest that hypothesis finds."""
    pipelines = make_pipelines()
    counts: Counter[str] = Counter()

    @seed(number)
    @settings(max_examples=-(-n_docs // 4), deadline=None, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink])  # fmt: skip
    @given(st.lists(plans(), min_size=4, max_size=4), st.sampled_from(pipelines), st.sampled_from(WRITTEN))
    def run(plans_: list[Plan], nlp: Language, name: str) -> None:
        counts.update(check(nlp, plans_, [name]))
        progress(counts)

    run()
    return counts


def fuzz_dense(n_docs: int, *, number: int = 0) -> Counter[str]:
    """Check documents with a thousand mentions."""
    pipeline = make_pipelines()[0]
    counts: Counter[str] = Counter()
    for i in range(n_docs):
        counts.update(check(pipeline, [dense_plan(number + i)], ["jsonl"]))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=int, default=1000)
    parser.add_argument("--dense", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # srsly looks for encoders in the entry points of all packages with each Doc that it packs: more than half of the time.
    for registry in (msgpack.msgpack_encoders, msgpack.msgpack_decoders):
        registry.entry_points = False
    start = time.perf_counter()
    counts = fuzz(options.docs, number=options.seed)
    dense = fuzz_dense(options.dense, number=options.seed)
    print(
        f"{counts['docs']:,} documents with {counts['relations']:,} predicted relations, {dense['docs']} dense ones with "
        f"{dense['relations']:,}: nothing lost, no exception, in {time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
