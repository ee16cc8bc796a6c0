"""What an extractor takes from the training data before its model is made: labels, types of mentions, type rules."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from spacy.language import Language
from spacy.training import Example

from spacy_relext.candidates import has_sentences
from spacy_relext.errors import RelextError
from spacy_relext.ml.architectures import reads_text_order
from spacy_relext.notices import Notice, logger
from spacy_relext.pipeline.coverage import Annotated, Seen, covered, look_over, require_covered, warn_of_coverage
from spacy_relext.pipeline.preparing import Extractor, annotated_pairs, count_matches
from spacy_relext.pipeline.settings import require_known_labels
from spacy_relext.pipeline.several import check_scores, divide_labels
from spacy_relext.pipeline.teaching import SIDES, Matches

GetExamples = Callable[[], Iterable[Example]]


def take_settings(
    pipe: Extractor,
    get_examples: GetExamples,
    nlp: Language | None,
    extractors: Mapping[str, Extractor],
    *,
    labels: Sequence[str] | None,
    mention_types: Sequence[str] | None,
) -> None:
    """Set the labels, mention types and type rules, and warn of what the data cannot teach.

    extractors: Those of the pipeline by name, among them this one; empty where it is in none. labels, mention_types: None: those of the
        data.
    RAISES: RelextError where there is nothing to learn from, or a label that nobody learns.
    """
    if nlp is not None and extractors:
        first = next(other for name, other in extractors.items() if name in nlp.pipe_names or other is pipe)
        check_scores(nlp, extractors, pipe.notices if first is pipe else None)
    seen = look_over(get_examples(), pipe.mentions)
    for label in sorted({label for part in seen.values() for label in part.taught.union(part.rules)}) if labels is None else labels:
        pipe.add_label(label)
    if not pipe.labels:
        raise RelextError(
            f"{pipe.name}: there are no labels: the training data has no relation, and none were given. Check that the corpus was "
            f"converted with its relations (DocBin with store_user_data=True), or set [initialize.components.{pipe.name}.labels]."
        )
    require_known_labels(pipe.name, pipe.cfg)
    _share_labels(pipe, seen, extractors, nlp)
    own = covered(seen, pipe.labels)
    pipe.cfg["mention_types"] = sorted(own.types) if mention_types is None else list(mention_types)
    if pipe.cfg["learn_type_rules"]:
        rules = {label: own.rules[label] for label in pipe.labels if label in own.rules}
        learned = {label: [list(pair) for pair in sorted(pairs)] for label, pairs in rules.items()}
        pipe.cfg["type_rules"] = {**learned, **pipe.cfg["type_rules"]}
    pipe.checks.annotated_types(pipe.name, pipe.cfg, own.types)
    pipe.checks.annotated_spans(pipe.name, pipe.cfg["spans_key"], own.references)
    pipe.checks.schedule(pipe.name, nlp)
    _warn_of_pairs(pipe, get_examples)


def _share_labels(pipe: Extractor, seen: Mapping[Annotated, Seen], extractors: Mapping[str, Extractor], nlp: Language | None) -> None:
    """Tell all extractors whose labels are whose."""
    streamed = nlp is not None and nlp.config["training"].get("max_epochs") == -1
    require_covered(pipe.name, pipe.labels, seen, pipe.notices, streamed=streamed)
    pipes = list(extractors.values()) or [pipe]
    unknown = sorted(divide_labels(pipes, {label for other in pipes for label in covered(seen, other.labels).rules}))
    if unknown:
        raise RelextError(
            f"{pipe.name}: the training data has relations with labels that no component knows: {unknown}; it has {list(pipe.labels)}. "
            f"Add them to [initialize.components.{pipe.name}.labels], or take the relations out of the data."
        )
    counts = Counter({annotated: part.n for annotated, part in seen.items() if part.n})
    warn_of_coverage(pipe.notices, pipe.name, pipe.labels, counts, "learned from")


def _warn_of_pairs(pipe: Extractor, get_examples: GetExamples) -> None:
    """Relations that cannot be found are no error, nor a setting without effect, but nobody should learn of them only from the scores."""
    n_missed = n_gold = n_several = n_pairs = n_tail_first = 0
    matches = Matches(SIDES)
    for example in get_examples():
        pairs = annotated_pairs(pipe, example, initializing=True, learning=True)
        # Without sentences it is not known yet which pairs there will be.
        if has_sentences(example.reference) or has_sentences(example.predicted):
            count_matches(matches, [pairs])
        candidates = pairs.prepared.candidates
        starts = candidates.mentions[candidates.pairs, 0]
        n_pairs += len(starts)
        n_tail_first += int((starts[:, 1] < starts[:, 0]).sum())
        n_missed += pairs.n_missed
        n_gold += pairs.n_gold
        if pipe.cfg["exclusive"] and pairs.annotated:
            n_several += int(((pairs.targets[:, 1:] > 0).sum(axis=1) > 1).sum())
    matches.check(pipe.name, pipe.notices)
    if n_pairs and n_tail_first in (0, n_pairs) and reads_text_order(pipe.model):
        place = "second" if n_tail_first else "first"
        text = (
            f"{pipe.name}: text_order = true, and the head is the {place} mention in {{n}} of {{n}} candidate {{n|pair|pairs}} "
            "that {n|was|were} looked at: the model reads the same two vectors twice. Set text_order = false; or give candidates both ways "
            "(ordered = true, types in both orders), if a relation may begin at either mention."
        )
        logger.warning("%s", Notice(n_pairs).fill(text))
    if n_missed:
        text = (
            f"{pipe.name}: {{n}} of {{of}} annotated {{of|relation|relations}} {{n|is|are}} between no candidate pair: {{n|it|they}} "
            "cannot be learned or found, and {n|counts as a miss|count as misses}."
        )
        logger.warning("%s", Notice(n_missed, n_gold).fill(text))
    if n_several:
        text = (
            f"{pipe.name}: {{n}} {{n|candidate pair is|candidate pairs are}} annotated with several labels, and labels are exclusive: "
            "one of them can be found, and the others count as misses. Set exclusive = false to find all, or correct the data if a "
            "pair has one label at most."
        )
        logger.warning("%s", Notice(n_several).fill(text))
