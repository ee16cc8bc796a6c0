"""Documents through a pipeline, batch by batch, in one process or several; what is wrong with one document is an error of it alone."""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from spacy_relext.callbacks import keep_to_itself
from spacy_relext.devices import use_gpu
from spacy_relext.errors import DataError, RelextError
from spacy_relext.evaluation import extractors_of, load_pipeline
from spacy_relext.extraction.decoding import limits_of
from spacy_relext.formats.docs import check_readable, from_doc, to_doc
from spacy_relext.formats.jsonl import PAIRS, line_of, to_record
from spacy_relext.formats.reading import OnError
from spacy_relext.formats.types import Document
from spacy_relext.notices import Gathered, gathering
from spacy_relext.pipeline.checks import mention_finders
from spacy_relext.pipeline.decoding import Predictions
from spacy_relext.pipeline.preparing import Extractor
from spacy_relext.pipeline.settings import as_meant
from spacy_relext.relations import set_relations, sources_of

# A document as a line of our JSONL, or what was wrong with it.
Result = dict[str, Any] | DataError
Made = TypeVar("Made")
# Batches that wait for each process, and the fewest that make one worth while.
AHEAD, MIN_BATCHES = 2, 2
# Processes that are taken without being asked for: what each needs beside the weights may be half a gigabyte.
MOST_PROCESSES = 8
# Of a document, unless told: results that anybody waits for have fewer.
MAX_PAIRS, MAX_PIECES = 250_000, 500_000


class Line(NamedTuple):
    """A document as a line of our JSONL, and how many relations it has."""

    text: str
    relations: int


@dataclass(frozen=True)
class Settings:
    """How documents are run.

    model: Name or folder of a pipeline. threshold: Of all labels, in the place of the pipeline's. labels: Only relations with these; None:
        all.
    keep_all_scores: Also what the model says of every candidate pair.
    keep_relations: Also the relations that the documents bring. batch_size: Documents a batch. gpu_id: -1: the CPU.
    max_pairs: The most candidate pairs of a document, the nearest; None: what the pipeline says, or `MAX_PAIRS`. max_pieces,
        max_characters: A document of more word pieces or characters is an error; None: more characters than `nlp.max_length`.
    """

    model: str
    threshold: float | None = None
    labels: tuple[str, ...] | None = None
    keep_all_scores: bool = False
    keep_relations: bool = False
    batch_size: int = 32
    gpu_id: int = -1
    max_pairs: int | None = None
    max_pieces: int = MAX_PIECES
    max_characters: int | None = None


class Tokenized(Protocol):
    """The tokens of a document, which were made elsewhere."""

    def doc(self, vocab: Vocab, text: str) -> Doc:
        """The Doc that the tokenizer of the pipeline makes of its text."""


class Runner:
    """A pipeline that makes records of documents.

    nlp: A pipeline that is loaded, whose settings are changed until `restore` is called; None: `settings.model` is loaded.
    RAISES: RelextError for settings that do not fit it.
    """

    def __init__(self, settings: Settings, nlp: Language | None = None):
        use_gpu(settings.gpu_id)
        self.settings = settings
        self.nlp = nlp or load_pipeline(settings.model)
        self.extractors = extractors_of(self.nlp, settings.model)
        self.is_given = nlp is not None
        self._before = (
            self.nlp.max_length,
            [(dict(pipe.cfg), pipe.checks.expects_relations, pipe.on_predictions) for pipe in self.extractors],
        )
        self.finders = mention_finders(self.nlp)
        known = dict.fromkeys(label for extractor in self.extractors for label in extractor.labels)
        unknown = set(settings.labels or ()) - set(known)
        if unknown:
            raise RelextError(f"{settings.model} has no labels {sorted(unknown)}; it has {', '.join(known)}.")
        if settings.threshold is not None:
            if not 0 <= settings.threshold <= 1:
                raise RelextError(f"the threshold is {settings.threshold}; it is a probability, between 0 and 1.")
            for extractor in self.extractors:
                extractor.cfg.update(threshold=as_meant(settings.threshold), label_thresholds={})
        for extractor in self.extractors:
            extractor.cfg["max_pairs"] = settings.max_pairs or extractor.cfg["max_pairs"] or MAX_PAIRS
        self.score_limits = limits_of(self.extractors)
        self.nlp.max_length = settings.max_characters or self.nlp.max_length
        self.tokenizers = _tokenizers(self.nlp)
        # What the components warn of, summed up over the documents.
        self.warnings = Gathered()
        # What each extractor said of the Docs of the batch, by their address.
        self.predictions: dict[tuple[str, int], Predictions] = {}
        # What other processes tokenised of the documents of the batch, by their address.
        self.tokens: dict[int, Tokenized] = {}
        for extractor in self.extractors:
            extractor.checks.expects_relations = settings.keep_relations
            if settings.keep_all_scores:
                extractor.on_predictions = partial(self._keep_predictions, extractor.name)

    def restore(self) -> None:
        """Put the settings of the pipeline back."""
        self.nlp.max_length, before = self._before
        for extractor, (settings, expects_relations, on_predictions) in zip(self.extractors, before, strict=True):
            extractor.cfg.update(settings)
            extractor.checks.expects_relations, extractor.on_predictions = expects_relations, on_predictions

    def _keep_predictions(self, name: str, doc: Doc, predictions: Predictions) -> None:
        self.predictions[name, id(doc)] = predictions

    def accepted(self, documents: Iterable[Document], on_error: OnError) -> Iterator[Document]:
        """The documents without those that cannot be read, or are too long: they should not fill the memory until it is their turn."""
        for document in documents:
            try:
                check_readable(document, self.nlp)
                self._check_pieces(document)
            except DataError as error:
                on_error(error)
            else:
                self._drop_relations(document)
                yield document

    def _check_pieces(self, document: Document) -> None:
        most = self.settings.max_pieces
        # No tokenizer makes more pieces of a text than it has bytes.
        if len(document.text.encode("utf8")) <= most:
            return
        for tokenizer in self.tokenizers:
            n_pieces = len(tokenizer(document.text, add_special_tokens=False, verbose=False)["input_ids"])
            if n_pieces > most:
                raise document.error(
                    f"the text has {n_pieces:,} word pieces, and {most:,} are read at the most. Cut the text, or raise `max_pieces`."
                )

    def _drop_relations(self, document: Document) -> None:
        if not self.settings.keep_relations:
            document.relations = document.annotated_labels = None
            document.denied, document.denied_concepts = [], []

    def __call__(self, batch: Sequence[Document]) -> list[Result]:
        """The results of some documents, in their order."""
        # What the vocabulary learns from the documents is forgotten: it would grow with every new word.
        with self.nlp.memory_zone():
            try:
                with gathering() as warnings:
                    results = self._run(batch)
            except Exception:  # of any component, which do not tell of which document
                with gathering() as warnings:
                    results = [self._run_alone(document) for document in batch]
            finally:
                self.predictions.clear()
        self.warnings.add(warnings)
        return results

    def lines(self, batch: Sequence[Document]) -> list[Line | DataError]:
        """The same as lines, which are what is stored, and what is sent between processes."""
        results = self(batch)
        return [r if isinstance(r, DataError) else Line(line_of(r), len(r["relations"])) for r in results]

    def _run_alone(self, document: Document) -> Result:
        try:
            return self._run([document])[0]
        except Exception as error:
            return self.failure(document, error)

    def failure(self, document: Document, error: Exception) -> DataError:
        """What is told of a document on which a component fails."""
        kind = "" if isinstance(error, RelextError) else f"{type(error).__name__}: "
        return document.error(f"the pipeline fails on it: {kind}{error}")

    def _run(self, batch: Sequence[Document]) -> list[Result]:
        """Documents that bring mentions keep exactly those: components that find entities rest meanwhile."""
        results: dict[int, Result] = {}
        for given in (True, False):
            docs: dict[int, Doc] = {}
            for i, document in enumerate(batch):
                if (document.mentions_given or bool(document.mentions)) == given:
                    try:
                        docs[i] = self._bare_doc(document)
                    except DataError as error:
                        results[i] = _without_traceback(error)
            found = self.nlp.pipe(docs.values(), batch_size=len(docs) or 1, disable=self.finders if given else [])
            for i, doc in zip(docs, found, strict=True):
                try:
                    results[i] = self.record(batch[i], doc)
                except DataError as error:
                    results[i] = _without_traceback(error)
        return [results[i] for i in range(len(batch))]

    def _bare_doc(self, document: Document) -> Doc:
        self._drop_relations(document)
        tokens = self.tokens.get(id(document))
        doc = to_doc(document, self.nlp, make_doc=None if tokens is None else partial(tokens.doc, self.nlp.vocab))
        if document.relations is None:
            set_relations(doc, [])  # those that follow from relations between concepts
        return doc

    def record(self, document: Document, doc: Doc) -> dict[str, Any]:
        """The record of a document: `doc` is what the pipeline made of it."""
        mentions = [span for extractor in self.extractors for span in extractor.mentions(doc)]
        # Without sources, relations are those of the one extractor.
        several = self.settings.keep_relations or len({extractor.name for extractor in self.extractors} | sources_of(doc)) > 1
        found = from_doc(doc, mentions, sources=several)
        # An empty Doc has no token to keep them at. It is no annotation any more.
        found.id, found.relations, found.annotated_labels = document.id, found.relations or [], None
        if self.settings.labels is not None:
            found.relations = [relation for relation in found.relations if relation.label in self.settings.labels]
        record = to_record(found, self.score_limits)
        if self.keeps_scores(document):
            ids = {(mention.start, mention.end, mention.type): mention.id for mention in reversed(found.mentions)}
            record[PAIRS] = [
                pair | ({"source": extractor.name} if len(self.extractors) > 1 else {})
                for extractor in self.extractors
                for pair in self._scored_pairs(extractor, self.predictions[extractor.name, id(doc)], ids)
            ]
        return record

    def keeps_scores(self, document: Document) -> bool:
        """Whether its record says what the model says of every candidate pair."""
        return self.settings.keep_all_scores

    @staticmethod
    def _scored_pairs(extractor: Extractor, predictions: Predictions, ids: dict[tuple[int, int, str], str]) -> list[dict[str, Any]]:
        names = [ids[span.start_char, span.end_char, span.label_] for span in predictions.spans]
        pairs = []
        # Nine digits say a float32 exactly: what is decoded of them again is what the extractor wrote.
        for (head, tail), row in zip(predictions.pairs.tolist(), predictions.scores.tolist(), strict=True):
            scores, no_relation = extractor.distribution([float(f"{score:.9g}") for score in row])
            pair = {"head": names[head], "tail": names[tail], "scores": scores}
            pairs.append(pair | ({} if no_relation is None else {"no_relation": no_relation}))
        return pairs


def _without_traceback(error: DataError) -> DataError:
    """The same error: frames of a traceback hold Docs."""
    return DataError(error.message, path=error.path, line=error.line)


def _tokenizers(nlp: Language) -> list[Any]:
    """The tokenizers of the encoders of a pipeline, which make word pieces."""
    models = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
    nodes = (node for model in models if isinstance(model, Model) for node in model.walk())
    return [node.tokenizer for node in nodes if hasattr(type(node), "tokenizer")]


class Processes:
    """Processes that each hold the pipeline of a runner, and one thread.

    Start them before anything is locked or opened that they should not hold.
    On Linux they are forked: at once, and with the runner's weights, which the system keeps in memory only once. Elsewhere, and with a GPU,
    which a fork cannot use, they are spawned, and each of them loads the pipeline.

    start_method: How they are started instead: "fork", "spawn" or "forkserver".
    """

    def __init__(self, runner: Runner, number: int, *, start_method: str | None = None):
        global _runner
        self.runner, self.number = runner, number
        start_method = start_method or ("fork" if sys.platform == "linux" and runner.settings.gpu_id < 0 else "spawn")
        _runner = runner if start_method == "fork" else None
        if runner.is_given and start_method != "fork":
            raise RelextError("a loaded pipeline runs in processes that are forked alone. Give its name or folder, or n_process=1.")
        context = multiprocessing.get_context(start_method)
        self.executor = ProcessPoolExecutor(number, context, initializer=_start, initargs=(runner.settings,))
        # All that are forked are with the first task.
        self.executor.submit(int).result()
        _runner = None

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self.executor.shutdown(cancel_futures=True)

    def run(self, make: Callable[[Runner, Sequence[Document]], list[Made]], batches: Iterable[Sequence[Document]]) -> Iterator[list[Made]]:
        """What `make` makes of each batch, in their order: `Runner.lines`. `AHEAD` batches are read ahead for each process.

        RAISES: RelextError where a process is killed.
        """
        waiting: deque[Future[tuple[list[Made], Gathered]]] = deque()

        def next_results() -> list[Made]:
            results, warnings = waiting.popleft().result()
            self.runner.warnings.add(warnings)
            return results

        try:
            for batch in batches:
                waiting.append(self.executor.submit(_work, make, batch))
                if len(waiting) > AHEAD * self.number:
                    yield next_results()
            while waiting:
                yield next_results()
        except BrokenProcessPool as error:
            raise RelextError(
                "one of the processes was killed, perhaps for want of memory. Take fewer (`n_process`) or smaller batches (`batch_size`)."
            ) from error


def run(runner: Runner, batches: Iterable[Sequence[Document]], processes: Processes | None = None) -> Iterator[list[Result]]:
    """The results of each batch, in their order; in this process, or in others."""
    return map(runner, batches) if processes is None else processes.run(Runner.__call__, batches)


def run_lines(
    runner: Runner, batches: Iterable[Sequence[Document]], processes: Processes | None = None
) -> Iterator[list[Line | DataError]]:
    """The same as `Runner.lines` has it."""
    return map(runner.lines, batches) if processes is None else processes.run(Runner.lines, batches)


def useful_processes(n_documents: int | None, settings: Settings) -> int:
    """How many processes are worth while for so many documents: at most one per core, some at most, and each with some batches to run.

    n_documents: None: nobody knows. On a GPU, and where processes cannot be forked and each would load the pipeline, one.
    """
    if settings.gpu_id >= 0 or sys.platform != "linux":
        return 1
    most = min(MOST_PROCESSES, len(os.sched_getaffinity(0)))
    return most if n_documents is None else max(1, min(most, n_documents // (MIN_BATCHES * settings.batch_size)))


_runner: Runner | None = None


def _start(settings: Settings) -> None:
    """Make a process ready: it has one thread, leaves Ctrl-C to the process that started it, and ends where that one is killed."""
    global _runner
    torch.set_num_threads(1)
    keep_to_itself()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()
    _runner = _runner or Runner(settings)


def follow_parent() -> None:
    """End this process where the one that started it is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _work(make: Callable[[Runner, Sequence[Document]], list[Made]], batch: Sequence[Document]) -> tuple[list[Made], Gathered]:
    """What is made of a batch, and the warnings about it."""
    assert _runner is not None
    _runner.warnings = Gathered()
    return make(_runner, batch), _runner.warnings
