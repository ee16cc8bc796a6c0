"""Teachers are asked what they say of the candidate pairs of Docs, and the mean of their probabilities is kept on these."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from spacy_relext.candidates import has_sentences
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import opened, predict
from spacy_relext.ml.losses import log_probabilities
from spacy_relext.notices import Notices
from spacy_relext.pipeline.gold import align_mentions, gold_view
from spacy_relext.pipeline.preparing import candidate_pairs, prepare
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.teaching import Matches
from spacy_relext.taught import Place, Taught, in_columns, set_taught

# Docs that are asked about at once.
BATCH = 32
SOME = ("that only some of the teachers have", "")


@dataclass(frozen=True)
class Teacher:
    """A trained pipeline, and its extractor."""

    name: str
    nlp: Language
    pipe: RelationExtractor

    def ask(self, docs: Sequence[Doc]) -> list[Taught]:
        """What it says of its candidate pairs between the annotated mentions of some Docs. Those without sentences get the pipeline's."""
        labels, exclusive = tuple(sorted(self.pipe.labels)), bool(self.pipe.cfg["exclusive"])
        nothing = Taught(labels, exclusive, [], numpy.zeros((0, len(labels) + exclusive)))
        # Where there is no pair, the encoder need not run.
        asked = [doc for doc in docs if len(doc) and (len(self.pipe.mentions(doc)) > 1 or not has_sentences(doc))]
        said = dict(zip(map(id, asked), self._ask(asked, nothing), strict=True)) if asked else {}
        return [said.get(id(doc), nothing) for doc in docs]

    def _ask(self, docs: Sequence[Doc], nothing: Taught) -> list[Taught]:
        pipe, names = self.pipe, self.nlp.pipe_names
        later = names[names.index(pipe.name) :] if pipe.name in names else []
        views = [gold_view(example) for example in predict(self.nlp, docs, annotated=True, disable=later)]
        for doc, view in zip(docs, views, strict=True):
            take_sentences(doc, view)
        mentions = [pipe.mentions(doc) for doc in docs]
        aligned = [align_mentions(view, spans) for view, spans in zip(views, mentions, strict=True)]
        # All candidates: type rules and max_pairs are whose they are who learns.
        prepared = [prepare(pipe, view, spans, candidate_pairs(pipe, view, spans)) for view, spans in zip(views, aligned, strict=True)]
        pairs = [p.candidates.pairs for p in prepared]
        pipe.checks.types(pipe, [p.candidates.labels for p in prepared], 0, sum(map(len, pairs)))
        rows = log_probabilities(pipe.logits_prepared(views, prepared), exclusive=nothing.exclusive)
        own = replace(nothing, labels=pipe.labels, log_p=rows)
        log_p = numpy.split(in_columns(own, nothing.labels), numpy.cumsum(list(map(len, pairs)))[:-1])
        found = []
        for spans, of_doc, said in zip(mentions, pairs, log_p, strict=True):
            places = [Place.of(span) for span in spans]
            found.append(replace(nothing, pairs=[(places[head], places[tail]) for head, tail in of_doc.tolist()], log_p=said))
        return found


def open_teachers(teachers: Sequence[str | Path | Language], component: str | None = None) -> list[Teacher]:
    """Load teachers. component: The name of their extractors, where there are several.

    RAISES: RelextError for a pipeline without a trained extractor, and for teachers that are not of one kind.
    """
    if not teachers:
        raise RelextError("there is no teacher. Name one trained pipeline at least.")
    found = [Teacher(_name(given), *opened(given, component)) for given in teachers]
    first = found[0]
    for teacher in found:
        teacher.pipe.require_model()
        different = sorted(set(teacher.pipe.labels) ^ set(first.pipe.labels))
        if different:
            raise RelextError(
                f"{first.name} has the labels {sorted(first.pipe.labels)}, and {teacher.name} {sorted(teacher.pipe.labels)}: not the same "
                f"are {', '.join(different)}. Teachers are averaged, so that all need the same labels, in any order."
            )
        if teacher.pipe.cfg["exclusive"] != first.pipe.cfg["exclusive"]:
            raise RelextError(
                f"exclusive is {first.pipe.cfg['exclusive']} for {first.name}, and {teacher.pipe.cfg['exclusive']} for {teacher.name}. "
                "Teachers are averaged, so that all need the same kind of labels."
            )
    return found


def ask(teachers: Sequence[Teacher], docs: Iterable[Doc]) -> Iterator[Doc]:
    """The same Docs, with what teachers say of their candidate pairs: the mean of the probabilities that these give.

    docs: With mentions, and any tokens: teachers read them as they are.
    RAISES: RelextError where more than one in a hundred pairs is not of all teachers; fewer are left out, with a warning.
    """
    matches, notices = Matches(SOME), Notices()
    names = ", ".join(teacher.name for teacher in teachers)
    for batch in minibatch(docs, BATCH):
        answers = [teacher.ask(batch) for teacher in teachers]
        for doc, *said in zip(batch, *answers, strict=True):
            taught = mean(said)
            n_all = len(set[tuple[Place, Place]]().union(*(one.pairs for one in said)))
            matches.add(len(taught.pairs), n_all - len(taught.pairs), 0)
            set_taught(doc, taught)
        matches.check(names, notices, final=False)
        yield from batch
    matches.check(names, notices)


def mean(said: Sequence[Taught]) -> Taught:
    """The mean of the probabilities of several teachers with the same columns, for the pairs that all of them have."""
    first, rows = said[0], [one.rows for one in said]
    pairs = [pair for pair in dict.fromkeys(first.pairs) if all(pair in of_one for of_one in rows)]
    log_p = [one.log_p[[of_one[pair] for pair in pairs]].astype("float64") for one, of_one in zip(said, rows, strict=True)]
    averaged = numpy.logaddexp.reduce(log_p, axis=0) - numpy.log(len(said))
    return Taught(first.labels, first.exclusive, pairs, averaged.astype("float32"))


def take_sentences(doc: Doc, view: Doc) -> None:
    """Give a Doc without sentences those of another one of the same text."""
    if not doc.has_annotation("SENT_START") and view.has_annotation("SENT_START"):
        starts = {token.idx for token in view if token.is_sent_start}
        for token in doc:
            token.is_sent_start = token.idx in starts


def _name(given: str | Path | Language) -> str:
    return given.meta["name"] if isinstance(given, Language) else str(given)
