"""The measures of corpora whose relations are between the concepts of a document, as their authors describe them.

BioRED (Luo et al., Briefings in Bioinformatics 23:bbac282, 2022, and the BioRED track of BioCreative VIII): pairs of concepts, which have
no direction, whatever their relation; pairs and type of relation; pairs and novelty; all three. Novelty is the attribute `novel`.

DocRED (Yao et al., ACL 2019, https://aclanthology.org/P19-1074, and `evaluation.py` of github.com/thunlp/DocRED): F of relations, which
have a direction, and Ign F, whose precision leaves out the relations that were rightly found and stand in the training part already: a fact
is there if any name of its head stands there in the same relation to any name of its tail. Recall stays that of all relations.

Every annotated relation counts, also one with a label that no component has.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from itertools import product
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from spacy_relext.concepts import ConceptRelation
from spacy_relext.errors import RelextError
from spacy_relext.formats.concepts import concepts_of
from spacy_relext.formats.docs import concept_relations, from_doc
from spacy_relext.formats.types import NOVEL, AnnotatedRelation
from spacy_relext.relations import between_concepts
from spacy_relext.scorer import prf

# Name of the head, label, name of the tail.
Fact = tuple[str, str, str]
Scores = dict[str, Any]
# Of examples, and the name of the component whose relations are scored.
MeasureFunction = Callable[..., Scores]


class Measure(StrEnum):
    """The measures by name."""

    biored = "biored"
    docred = "docred"


def make_measures(names: Collection[Measure], training: Iterable[Doc] | None) -> dict[str, MeasureFunction]:
    """The functions of some measures. training: The training part, which DocRED's needs.

    RAISES: RelextError where it is missing, or given to measures that need none.
    """
    if (Measure.docred in names) != (training is not None):
        raise RelextError("the measure docred leaves out what the training part says already: give both --measure docred and --train.")
    made: dict[str, MeasureFunction] = {}
    if Measure.biored in names:
        made["biored"] = score_biored
    if training is not None:
        made["docred"] = partial(score_docred, facts=training_facts(training))
    return made


def score_biored(examples: Iterable[Example], *, source: str | None = None) -> Scores:
    """BioRED's measures. Documents without annotated relations between concepts are left out.

    Predicted relations are novel where the pipeline sets this as an attribute of its relations; a relation between concepts has the
    attributes of the relation between mentions with the highest score that says so.

    source: The name of the component whose relations are scored. None: all.
    RETURNS: p, r, f and support of `pair`, `pair_and_type`, `pair_and_novelty` and `pair_type_and_novelty`, the last two None where no
        predicted relation is novel; `novel` and `not_novel`: how many annotated ones there are (support), and the share of them whose
        pair and type are found (r). Empty where nothing is annotated.
    """
    kinds: dict[str, Callable[[AnnotatedRelation | ConceptRelation], tuple[Any, ...]]] = {
        "pair": lambda r: (),
        "pair_and_type": lambda r: (r.label,),
        "pair_and_novelty": lambda r: (NOVEL in r.attributes,),
        "pair_type_and_novelty": lambda r: (r.label, NOVEL in r.attributes),
    }
    counts = {kind: [0, 0, 0] for kind in kinds}
    novelty = {True: [0, 0], False: [0, 0]}
    seen = any_novel = False
    for annotated, predicted, _ in _compared(examples, source):
        seen = True
        any_novel |= any(NOVEL in r.attributes for r in predicted)
        for kind, more in kinds.items():
            gold, guess = ({(*sorted((r.head, r.tail)), *more(r)) for r in relations} for relations in (annotated, predicted))
            counts[kind] = [n + len(keys) for n, keys in zip(counts[kind], (gold & guess, guess, gold), strict=True)]
        found = {(*sorted((r.head, r.tail)), r.label) for r in predicted}
        for is_novel, sums in novelty.items():
            keys = {(*sorted((r.head, r.tail)), r.label) for r in annotated if (NOVEL in r.attributes) == is_novel}
            novelty[is_novel] = [sums[0] + len(keys & found), sums[1] + len(keys)]
    if not seen:
        return {}
    scores: Scores = {
        kind: {**prf(*numbers), "support": numbers[2]} if any_novel or "novelty" not in kind else None for kind, numbers in counts.items()
    }
    for name, (n_found, n) in (("novel", novelty[True]), ("not_novel", novelty[False])):
        scores[name] = {"r": n_found / n if n else 0.0, "support": n}
    return scores


def score_docred(examples: Iterable[Example], *, facts: set[Fact], source: str | None = None) -> Scores:
    """DocRED's measures. Documents without annotated relations between concepts are left out.

    facts: Those of the training part (`training_facts`). source: The name of the component whose relations are scored. None: all.
    RETURNS: p, r, f and support of `all` and `ignoring_training`; `in_training`: how many relations were rightly found that the training
        part has. Empty where nothing is annotated.
    """
    right = n_predicted = n_annotated = known = 0
    seen = False
    for annotated, predicted, reference in _compared(examples, source):
        seen = True
        gold, guess = ({(r.head, r.tail, r.label) for r in relations} for relations in (annotated, predicted))
        names = names_of(reference)
        right += len(gold & guess)
        n_predicted += len(guess)
        n_annotated += len(gold)
        known += sum(not facts.isdisjoint(facts_of(names, key)) for key in gold & guess)
    if not seen:
        return {}
    every = prf(right, n_predicted, n_annotated)
    ignoring = {"p": prf(right - known, n_predicted - known, 0)["p"], "r": every["r"]}
    ignoring["f"] = 2 * ignoring["p"] * ignoring["r"] / (sum(ignoring.values()) or 1.0)
    return {
        "all": {**every, "support": n_annotated},
        "ignoring_training": {**ignoring, "support": n_annotated},
        "in_training": known,
    }


def training_facts(docs: Iterable[Doc]) -> set[Fact]:
    """What the relations between concepts of the training part say, by all names of the two.

    RAISES: RelextError where there is none.
    """
    facts: set[Fact] = set()
    for doc in docs:
        relations = concept_relations(doc)
        if relations:
            names = names_of(doc)
            facts.update(fact for r in relations for fact in facts_of(names, (r.head, r.tail, r.label)))
    if not facts:
        raise RelextError(
            "the training part has no relations between concepts, so there are no facts to leave out. Was it converted with them?"
        )
    return facts


def names_of(doc: Doc) -> dict[str, set[str]]:
    """What each concept of a Doc is called in it."""
    document = from_doc(doc)
    names: dict[str, set[str]] = {}
    for mention in document.mentions:
        for concept in concepts_of(mention):
            names.setdefault(concept, set()).add(document.text[mention.start : mention.end])
    return names


def facts_of(names: dict[str, set[str]], relation: tuple[str, str, str]) -> Iterator[Fact]:
    """A relation (head, tail, label) between concepts, by all names of the two."""
    head, tail, label = relation
    return ((a, label, b) for a, b in product(names.get(head, ()), names.get(tail, ())))


def _compared(
    examples: Iterable[Example], source: str | None
) -> Iterator[tuple[Sequence[AnnotatedRelation], Sequence[ConceptRelation], Doc]]:
    """The annotated and the predicted relations between concepts of each document that is annotated for them, and the document."""
    for example in examples:
        annotated = concept_relations(example.reference)
        if annotated is not None:
            yield annotated, between_concepts(example.predicted, source)[0], example.reference
