"""What the API and the page ask of a pipeline: records, pictures, what was read; with the limits that both have."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from itertools import chain
from pathlib import Path
from typing import Any

from spacy.language import Language
from starlette.concurrency import run_in_threadpool

from spacy_relext import __version__, displacy
from spacy_relext.errors import DataError, RelextError
from spacy_relext.evaluation import extractors_of
from spacy_relext.extraction.decoding import decode_record
from spacy_relext.extraction.running import Result
from spacy_relext.formats.ids import default_id, distinct
from spacy_relext.formats.jsonl import from_record
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document
from spacy_relext.pipeline.preparing import symmetric_labels
from spacy_relext.relations import register_extensions
from spacy_relext.service.answering import Answering, Asked, PipelineError, name_of
from spacy_relext.service.batching import Batcher, ClosedError, FullError
from spacy_relext.service.picturing import Record, pictured
from spacy_relext.service.refusals import Refusal
from spacy_relext.service.settings import Settings

# Characters of a package's README that are told.
MOST_OF_README = 200_000
# Seconds after which a full queue may have room.
RETRY_AFTER = 2
# What tells that whoever asked is gone, as ASGI's `receive` does.
Receive = Callable[[], Awaitable[Any]]


class Service:
    """A pipeline that answers requests. It belongs to the service from `start` to `stop`: nobody else may call it meanwhile."""

    def __init__(self, nlp: Language, settings: Settings):
        self.nlp, self.settings = nlp, settings
        register_extensions()
        self.name = name_of(nlp)
        self.extractors = extractors_of(nlp, self.name)
        for extractor in self.extractors:
            extractor.require_model()
        self._answering: Answering | None = None
        self._batcher = Batcher[Asked, Result](self._compute, settings)

    def start(self) -> None:
        """Take requests. The first one does it, too."""
        if self._batcher.is_closed:
            self._batcher = Batcher(self._compute, self.settings)

    def refuse(self) -> None:
        """Answer what is being computed, and nothing else any more."""
        self._batcher.refuse()

    def stop(self) -> None:
        """Answer what is being computed, and give the pipeline back with its settings."""
        if self._batcher.close(self.settings.timeout) and self._answering is not None:
            self._answering.restore()
            self._answering = None

    @property
    def n_waiting(self) -> int:
        """The documents that wait."""
        return self._batcher.n_waiting

    @property
    def is_open(self) -> bool:
        """Whether it takes requests."""
        return not self._batcher.is_closed

    def _compute(self, documents: Sequence[Asked]) -> list[Result]:
        if self._answering is None:
            self._answering = Answering(self.nlp, self.settings)
        return self._answering(documents)

    # Questions

    async def extract(
        self,
        documents: Sequence[Record],
        *,
        threshold: float | None = None,
        all_scores: bool = False,
        receive: Receive | None = None,
        name: str = "documents[{}]",
    ) -> list[Record]:
        """The record of each document, as a line of `relext extract` has it.

        documents: As lines of our JSONL say them. Those with a list of mentions keep these. receive: Tells when nobody waits any more.
        name: What a document is called in errors, by its number.
        RAISES: Refusal.
        """
        if len(documents) > self.settings.max_documents:
            raise Refusal(
                413,
                f"{len(documents):,} documents, and {self.settings.max_documents:,} are the most of a request. Send several requests.",
                where="documents",
            )
        read = self.read(documents, name)
        asked = [Asked.about(document, threshold=threshold, all_scores=all_scores) for document in read]
        return await self._results(asked, receive, name)

    async def attention(
        self, document: Record, head: str, tail: str, *, source: str | None = None, receive: Receive | None = None
    ) -> Record:
        """What was read for a pair of mentions of a record, by their ids, and the probabilities of all labels. RAISES: Refusal."""
        (read,) = self.read([document], "document")
        known = {mention.id: (mention.start, mention.end) for mention in read.mentions}
        for what, name in (("head", head), ("tail", tail)):
            if name not in known:
                ids = ", ".join(list(known)[:8]) or "none"
                raise Refusal(422, f"{name!r:.60} is the id of no mention of the document; it has {ids}.", where=what)
        if known[head] == known[tail]:
            raise Refusal(422, f"head and tail are the same characters, {known[head]}. A relation needs two mentions.", where="tail")
        asked = Asked.about(read, pair=(head, tail), extractor=source)
        return (await self._results([asked], receive, "document"))[0]

    async def render(
        self,
        record: Record,
        *,
        threshold: float | None = None,
        options: dict[str, Any] | None = None,
        attention: Sequence[Record] = (),
        page: bool = False,
    ) -> tuple[str, Record]:
        """The picture of a record, whose relations are those of another threshold if one is given; and this record.

        attention: What was read for pairs of mentions: head, tail, words.
        RAISES: Refusal.
        """
        self.read([record], "document")
        return await run_in_threadpool(self._draw, record, threshold, options or {}, attention, page)

    def _draw(
        self, record: Record, threshold: float | None, options: dict[str, Any], attention: Sequence[Record], page: bool
    ) -> tuple[str, Record]:
        mentions = [{"id": f"T{i}", **mention} for i, mention in enumerate(record.get("mentions", []), start=1)]
        record = {**record, "mentions": [{**mention, "id": str(mention["id"])} for mention in mentions]}
        try:
            if threshold is not None:
                record = decode_record(record, self.extractors, threshold)
            symmetric = chain.from_iterable(map(symmetric_labels, self.extractors))
            picture = pictured(record, symmetric, self.nlp.lang or "", self.nlp.vocab.writing_system["direction"], attention)
            return displacy.render(picture, manual=True, page=page, jupyter=False, options=options), record
        except RelextError as error:
            raise Refusal(422, str(error), where="document") from error

    def model(self) -> dict[str, Any]:
        """What there is to know of the pipeline."""
        meta = self.nlp.meta
        told = ("version", "description", "author", "license", "url")
        return {
            "name": self.name,
            "lang": self.nlp.lang,
            "direction": self.nlp.vocab.writing_system["direction"],
            **{key: meta[key] for key in told if meta.get(key)},
            "components": list(self.nlp.pipe_names),
            "extractors": [
                {
                    "name": extractor.name,
                    "labels": list(extractor.labels),
                    "symmetric_labels": sorted(symmetric_labels(extractor)),
                    "mention_types": list(extractor.cfg["mention_types"]),
                    **{name: extractor.cfg[name] for name in ("threshold", "label_thresholds", "uncertain_below", "calibration")},
                    "exclusive": extractor.cfg["exclusive"],
                }
                for extractor in self.extractors
            ],
            "performance": meta.get("performance", {}),
            "readme": _readme(self.nlp),
            "limits": {
                name: getattr(self.settings, name) for name in ("max_documents", "max_characters", "max_body", "max_pairs", "timeout")
            },
            "spacy_relext": __version__,
        }

    def health(self) -> dict[str, Any]:
        """Whether it answers, and how many documents wait."""
        return {"status": "ok" if self.is_open else "ending", "waiting": self.n_waiting}

    # On the way

    def read(self, documents: Sequence[Record], name: str) -> list[Document]:
        """Documents of records. RAISES: Refusal, which says what is wrong where."""
        read = []
        most = min(self.settings.max_characters, self.nlp.max_length)
        for i, record in enumerate(documents):
            where = name.format(i)
            if len(record["text"]) > most:
                raise Refusal(
                    413,
                    f"the text has {len(record['text']):,} characters, and {most:,} are read at the most. Cut the text.",
                    where=f"{where}.text",
                )
            try:
                read.append(from_record({"id": default_id(i), **record}, Place(None)))
            except DataError as error:
                raise Refusal(422, error.message, where=where) from error
        try:
            return list(distinct(read))
        except DataError as error:
            raise Refusal(422, error.message, where="documents") from error

    async def _results(self, asked: Sequence[Asked], receive: Receive | None, name: str) -> list[Record]:
        try:
            future = self._batcher.submit(asked)
        except FullError:
            n = self.n_waiting
            raise Refusal(503, f"{n:,} documents wait already. Try again in some seconds.", retry_after=RETRY_AFTER) from None
        except ClosedError:
            raise _ending() from None
        results = await self._wait(future, receive)
        for i, result in enumerate(results):
            if isinstance(result, PipelineError):
                raise Refusal(500, result.message, where=name.format(i), number=result.number)
            if isinstance(result, DataError):
                raise Refusal(422, result.message, where=name.format(i))
        return [result for result in results if not isinstance(result, DataError)]

    async def _wait(self, future: "Future[list[Result]]", receive: Receive | None) -> list[Result]:
        """The results. What is not begun is taken back when time is over, or nobody waits any more."""
        waiting = asyncio.ensure_future(asyncio.wrap_future(future))
        gone = asyncio.ensure_future(_is_gone(receive)) if receive is not None else None
        try:
            await asyncio.wait(
                [task for task in (waiting, gone) if task], timeout=self.settings.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if waiting.done():
                return waiting.result()
            if gone is not None and gone.done():
                raise Refusal(499, "whoever asked is gone.")
            raise Refusal(
                504,
                f"there is no answer after {self.settings.timeout:g} seconds. Send less text, or try again when fewer ask.",
                retry_after=RETRY_AFTER,
            )
        except ClosedError:
            raise _ending() from None
        finally:
            waiting.cancel()
            if gone is not None:
                gone.cancel()


async def _is_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _ending() -> Refusal:
    return Refusal(503, "the service is ending. Try again when it has started anew.", retry_after=RETRY_AFTER)


def _readme(nlp: Language) -> str | None:
    """The README of the package that a pipeline was loaded from."""
    folder = getattr(nlp, "path", None)
    if folder is None:
        return None
    try:
        with (Path(folder) / "README.md").open(encoding="utf8", errors="replace") as file:
            return file.read(MOST_OF_README)
    except OSError:
        return None
