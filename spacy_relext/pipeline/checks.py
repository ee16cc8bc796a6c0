"""What makes an extractor find nothing without an error, and what is said of it: each kind once, with what was seen and the cure."""

import weakref
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from thinc.api import Model

from spacy_relext.errors import RelextError
from spacy_relext.ml.threads import SECOND_THREAD, OneThread, steady_pipeline
from spacy_relext.ml.windows import loses_words
from spacy_relext.notices import Notices, counted
from spacy_relext.pipeline.settings import filled_config

# What a component that finds mentions assigns.
MENTIONS = frozenset({"doc.ents", "doc.spans"})
# So many candidate pairs without one that type rules allow are no chance.
MANY_PAIRS = 100
# So many updates without a predicted mention: a recogniser that starts from nothing has found some by then.
MANY_UPDATES = 20


def mention_finders(nlp: Language) -> list[str]:
    """The components of a pipeline that find mentions, as far as they say what they assign."""
    return [name for name in nlp.pipe_names if MENTIONS & set(nlp.get_pipe_meta(name).assigns)]


def checked_docs(name: str, docs: Any, method: str) -> Iterator[Doc]:
    """What a method of a component is given, which takes several Docs. RAISES: RelextError for anything else, with the cure."""
    if isinstance(docs, (Doc, Span, str)) or not isinstance(docs, Iterable):
        raise RelextError(f"{name}: {method} takes several Docs, and saw one {type(docs).__name__}: {method}([doc]).")
    return (checked_doc(name, doc, method) for doc in docs)


def checked_doc(name: str, doc: Any, method: str) -> Doc:
    """What a method of a component is given, which takes a Doc. RAISES: RelextError for anything else, with the cure."""
    if not isinstance(doc, Doc):
        cure = "Make a Doc of the text: nlp(text)." if isinstance(doc, str) else "Of a Span, span.as_doc() is one."
        raise RelextError(f"{name}: {method} takes Docs, and saw {type(doc).__name__}, {doc!r:.60}. {cure}")
    return doc


class Home:
    """The pipeline that a component was made for. Copies do not know theirs."""

    def __init__(self, nlp: Language | None = None):
        self._nlp = weakref.ref(nlp) if nlp is not None else None

    def __reduce__(self) -> tuple[Any, ...]:
        return Home, ()

    @property
    def nlp(self) -> Language | None:
        """The pipeline; None where nobody knows, or it is gone."""
        return self._nlp() if self._nlp is not None else None

    def left(self, docs: Iterable[Doc]) -> bool:
        """Whether the component runs elsewhere: it was sourced into another pipeline. Copies and other processes cannot tell."""
        if self._nlp is None:
            return False
        return self.nlp is None or any(doc.vocab is not self.nlp.vocab for doc in docs)

    def of(self, pipe: Any) -> Language | None:
        """The pipeline, if the component is in it and runs."""
        nlp = self.nlp
        return nlp if nlp is not None and any(other is pipe for _, other in nlp.pipeline) else None


class Checks:
    """What one component has met so far, for its warnings. Not stored with a pipeline.

    notices (Notices): Those of the component.
    """

    def __init__(self, notices: Notices) -> None:
        self.notices = notices
        self.home = Home()
        # Between the evaluations of a training, texts come without mentions: annotated ones are scored.
        self.in_training = False
        # Whether it is no surprise that Docs bring relations.
        self.expects_relations = False
        self.one_thread: OneThread | None = None
        self._n_pairs = self._n_possible = self._n_updates = 0

    def begin_training(self) -> None:
        """Forget what was seen: the component starts anew."""
        self.notices.forget()
        self.in_training = True
        self._n_pairs = self._n_possible = self._n_updates = 0

    def models(self, pipe: Any, nlp: Language) -> None:
        """The models of a pipeline: whether they predict in several threads, and keep what a window has beyond the encoder's limit."""
        self.one_thread = steady_pipeline(nlp, pipe.model)
        own = [(pipe.name, pipe.model, "Tok2VecTransformer")]
        others = [
            (name, getattr(other, "model", None), "TransformerModel") for name, other in nlp.components if hasattr(other, "find_listeners")
        ]
        for name, model, ours in own + others:
            if isinstance(model, Model) and loses_words(model):
                text = (
                    f"{name} has windows of spacy-relext.sentence_windows.v1 in a model of spacy-transformers': what stands behind as many "
                    f"word pieces as the encoder reads gets no vectors there. Use spacy-relext.{ours}.v1; a trained pipeline needs nothing "
                    "but this name in its config.cfg."
                )
                self.notices.warn(f"windows of {name}", text)

    # Prediction

    def thread(self, name: str) -> None:
        """The thread that asks for a prediction."""
        if self.one_thread is not None and self.one_thread.is_left():
            self.notices.warn("threads", SECOND_THREAD.format(name=name, others=", ".join(self.one_thread.because_of)))

    def brought(self, name: str, n: int) -> None:
        """Relations of a Doc that nobody of the pipeline found."""
        if n and not self.expects_relations:
            self.notices.warn(
                "brought",
                f"{name}: documents bring {{n}} {{n|relation|relations}} that no component of this pipeline found: annotations, "
                "what another pipeline found, or a rule of yours. They stay beside those found here. To be rid of them, set "
                "doc._.relations = [] before, or overwrite = true for the component; a rule should name itself as their source: "
                'Relation(…, sources="my_rule").',
                n=n,
            )

    def mentions(self, pipe: Any, docs: Sequence[Doc], spans: Sequence[Sequence[Span]]) -> None:
        """Docs with the mentions that they bring, before these are paired."""
        found = any(spans)
        if pipe.cfg["spans_key"] is not None and self.notices.wants("spans_key"):
            self._spans_key(pipe.name, pipe.cfg["spans_key"], docs, found=found)
        if not found and self.notices.wants("no mentions"):
            self._no_mentions(pipe, [doc for doc in docs if len(doc) and not _looked_for_mentions(doc)])

    def _spans_key(self, name: str, key: str, docs: Iterable[Doc], *, found: bool) -> None:
        others: Counter[str] = Counter()
        for doc in docs:
            if key in doc.spans:
                return
            others.update(other for other, group in doc.spans.items() if len(group))
        # Other components have groups of their own, and entities are a good second choice: what matters is a name that was meant.
        if others and (not found or get_close_matches(key, others)):
            self.notices.warn(
                "spans_key",
                f"{name}: spans_key is {key!r}, and {{n}} {{n|document has|documents have}} other groups in doc.spans ({{values}}) and "
                "none of this name. Their entities (doc.ents) are taken as mentions. Set spans_key to the name of the group with the "
                "mentions.",
                n=max(others.values()),
                values=map(repr, others.elements()),
            )

    def _no_mentions(self, pipe: Any, docs: Sequence[Doc]) -> None:
        """Docs in which nobody has looked for mentions."""
        if docs and self.home.left(docs) and not self.in_training:
            self.notices.warn(
                "no mentions",
                f"{pipe.name}: no document had a mention, and no component before {pipe.name} has looked for any. Put an entity recogniser "
                f'or ruler before it: nlp.add_pipe(…, before="{pipe.name}"), or give documents with mentions. (Scores on annotated '
                "mentions do not need one.)",
                n=len(docs),
            )
            return
        nlp = self.home.of(pipe)
        if not docs or nlp is None:
            return
        # By identity: another pipeline that it was sourced into may have given it another name.
        finders, place = set(mention_finders(nlp)), [other for _, other in nlp.pipeline].index(pipe)
        before, after = nlp.pipe_names[:place], [name for name in nlp.pipe_names[place:] if name in finders]
        if finders.intersection(before):
            return
        if after:
            text = (
                f"{pipe.name}: no document had a mention, and {', '.join(after)}, which finds mentions, comes after {pipe.name}. Add "
                f'it before: nlp.add_pipe(…, before="{pipe.name}").'
            )
        elif self.in_training or not all(nlp.get_pipe_meta(name).assigns for name in before):
            # Annotated mentions are scored; and a component that does not say what it assigns may find mentions in other texts.
            return
        else:
            text = (
                f"{pipe.name}: no document had a mention, and no component of the pipeline ({', '.join(nlp.pipe_names)}) finds any. Put an "
                f"entity recogniser or ruler before {pipe.name}, or give documents with mentions. (Scores on annotated mentions do not "
                "need one.)"
            )
        self.notices.warn("no mentions", text, n=len(docs))

    def no_encoder(self, name: str, upstream: str, n_docs: int) -> None:
        """Docs without a pair, and without the output of the component that the extractor listens to."""
        if n_docs:
            self.notices.warn(
                "no encoder",
                f"{name}: no document had a candidate pair, nor the output of the {upstream} that {name} listens to. An entity recogniser "
                "that listens to it, too, predicts from zeros and finds nothing. Run the whole pipeline: load it without excluding or "
                f"disabling the {upstream}, and put that before all that listen to it.",
                n=n_docs,
            )

    def types(self, pipe: Any, types: Sequence[Sequence[str]], n_excluded: int, n_possible: int) -> None:
        """Mentions by their types.

        types: Those of each Doc. n_excluded, n_possible: How many candidate pairs the type rules exclude and allow.
        """
        known = set(pipe.cfg["mention_types"])
        if known and self.notices.wants("types"):
            unknown = [kind for kinds in types for kind in kinds if kind not in known]
            if unknown:
                self.notices.warn(
                    "types",
                    f"{pipe.name}: {{n}} of {{of}} {{of|mention|mentions}} {{n|has|have}} a type that was not in training: {{values}}. "
                    f"Known are {', '.join(sorted(known))}. The model treats the others alike, and type rules allow no relation with a "
                    "type that they do not name. Give the mentions the types of the training data.",
                    n=len(unknown),
                    of=sum(map(len, types)),
                    values=map(_shown, unknown),
                )
        self._n_pairs += n_excluded + n_possible
        self._n_possible += n_possible
        if self._n_pairs and not self._n_possible and self.notices.wants("type rules"):
            named = types_in_rules(pipe.cfg["type_rules"])
            seen = [kind for kinds in types for kind in kinds]
            # Mentions of unknown types had a warning already; and a recogniser that is in training may find one type alone, in many pairs.
            many = self._n_pairs >= MANY_PAIRS and not self.in_training
            if known.issuperset(seen) and (named.isdisjoint(seen) or many):
                self.notices.warn(
                    "type rules",
                    f"{pipe.name}: type_rules excludes all candidate pairs so far. The types of their mentions are {{values}}; allowed are "
                    f"relations between {_pairs_in_rules(pipe.cfg['type_rules'])}. Correct type_rules, or the types of the mentions.",
                    n=len(types),
                    values=map(_shown, seen),
                )

    # Training

    def annotated_types(self, name: str, cfg: Mapping[str, Any], types: Collection[str]) -> None:
        """The types of the annotated mentions, against the type rules."""
        known = {*types, *cfg["mention_types"]}
        missing = sorted(types_in_rules(cfg["type_rules"]) - known)
        if missing:
            self.notices.warn(
                "types in rules",
                f"{name}: type_rules names {', '.join(map(_shown, missing))}, and no mention of the training data has such a type; they "
                f"are {', '.join(map(_shown, sorted(known))) or 'none'}. A label is found between types that its rule names alone.",
            )

    def annotated_spans(self, name: str, key: str | None, docs: Sequence[Doc]) -> None:
        """The span groups of the annotated Docs."""
        if key is not None:
            self._spans_key(name, key, docs, found=False)

    def schedule(self, name: str, nlp: Language | None) -> None:
        """A learning rate that is planned for another number of steps than training has."""
        training = filled_config(nlp).get("training", {}) if nlp is not None else {}
        rate = training.get("optimizer", {}).get("learn_rate")
        steps, planned = training.get("max_steps"), rate.get("total_steps") if isinstance(rate, dict) else None
        if isinstance(steps, int) and isinstance(planned, int) and 0 < steps != planned:
            self.notices.warn(
                "schedule",
                f"{name}: training ends after {steps:,} steps, and the learning rate is planned for {planned:,}. Set [training] max_steps "
                "and [training.optimizer.learn_rate] total_steps to the same number.",
            )

    def predicted_mentions(self, pipe: Any, docs: Iterable[Doc], n_found: int, n_annotated: int) -> None:
        """A batch that is trained on the mentions that the pipeline predicts."""
        if n_found:
            self._n_updates = -1
        if self._n_updates < 0 or not n_annotated:
            return
        self._n_updates += 1
        if self._n_updates >= MANY_UPDATES or not any(_looked_for_mentions(doc) for doc in docs):
            nlp = self.home.of(pipe)
            earlier = nlp.pipe_names[: nlp.pipe_names.index(pipe.name)] if nlp is not None else []
            named = f" = {earlier}".replace("'", '"') if nlp is not None and set(mention_finders(nlp)).intersection(earlier) else ""
            self.notices.warn(
                "predicted mentions",
                f"{pipe.name}: use_gold_mentions = false, and the pipeline has predicted no mention so far, where "
                f"{counted(n_annotated, 'is', 'are')} annotated: nothing is learned. Put the component that finds mentions, and the "
                f"encoder that it listens to, before it into [training] annotating_components{named}; or set use_gold_mentions = true.",
            )

    def development(self, name: str, n_docs: int, n_annotated: int, n_relations: int) -> None:
        """Data that is scored: all its Docs, those with relation annotation, and its relations."""
        if n_docs and not n_annotated:
            self.notices.warn(
                "development data",
                f"{name}: none of the documents that are scored ({n_docs:,}) is annotated for relations, so there is no F. Was the data "
                "converted with its relations, and stored with store_user_data=True?",
            )
        elif n_annotated and not n_relations:
            self.notices.warn(
                "development data",
                f"{name}: none of the annotated documents that are scored ({n_annotated:,}) has a relation, so F is 0 whatever is found. "
                "Take documents with relations as development data.",
            )


def types_in_rules(rules: Mapping[str, Sequence[Sequence[str]]]) -> set[str]:
    """All mention types that some rules name."""
    return {kind for pairs in rules.values() for pair in pairs for kind in pair}


def _pairs_in_rules(rules: Mapping[str, Sequence[Sequence[str]]]) -> str:
    return ", ".join(sorted({f"{head} and {tail}" for pairs in rules.values() for head, tail in pairs})) or "no types"


def _looked_for_mentions(doc: Doc) -> bool:
    """Whether a component, or whoever made the Doc, has set entities or spans, be it none."""
    return bool(doc.spans) or doc.has_annotation("ENT_IOB")


def _shown(kind: str) -> str:
    return kind or "no type"
