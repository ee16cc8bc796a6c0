"""A run that is killed at any moment and goes on where it was: what is finished is kept beside the output until all of it is.

A shard is `size` documents of the input, and what was wrong among and before them. Its first line says how many these are, and the checksum
of the documents as they were read; then comes each document that could be run, in our JSONL (`storage.py` and `shards.py`).

A run that is started again reads its input again, from the beginning, and passes over the documents of finished shards without running
them. They must be the same.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

from spacy.language import Language

from spacy_relext import __version__
from spacy_relext.errors import DataError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.lines import InBatches
from spacy_relext.extraction.provenance import provenance
from spacy_relext.extraction.running import Line, Processes, Runner, run_lines
from spacy_relext.extraction.shards import Header
from spacy_relext.extraction.storage import Output, Storage
from spacy_relext.formats.files import sha256
from spacy_relext.formats.reading import OnError, Options
from spacy_relext.formats.types import Document
from spacy_relext.pipeline.relation_extractor import RelationExtractor


@dataclass
class Report:
    """What came of a run.

    documents, relations: How many were written. errors: How many documents were left out because something was wrong in them.
    lost: What the format cannot hold, counted, by name. format: Of the output. left_out: Of a planned run, what was not read of the
    input, counted, by name.
    """

    documents: int = 0
    relations: int = 0
    errors: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    format: str = "jsonl"
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass
class Shard:
    """Some consecutive documents of the input, and what was wrong."""

    number: int
    documents: list[Document] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """A checksum of the documents as they were read, of all that a result depends on."""
        digest = hashlib.sha256()
        for d in self.documents:
            read = (d.id, d.text, d.mentions, d.mentions_given, d.sentences, d.concept_relations, d.relations, d.meta)
            digest.update(repr(read).encode("utf8"))
        return digest.hexdigest()


class Work:
    """A run whose finished shards are kept.

    size: Documents a shard. overwrite: A file in the place of the output may be replaced. manifest: One is written beside the output.
    RAISES: RelextError where what is stored is of a run of other settings, or the output cannot be put in its place.
    """

    def __init__(self, output: Output, inputs: Inputs, runner: Runner, *, size: int = 256, overwrite: bool = False, manifest: bool = False):
        self.output, self.inputs, self.runner, self.size = output, inputs, runner, size
        asked = asked_for(output, runner, size, inputs.format, inputs.options)
        # Nothing of how it is computed: a run may go on in other batches and processes.
        output = replace(output, provenance=provenance(runner.nlp, asked))
        self.storage = Storage(output, asked, overwrite=overwrite, manifest=manifest)

    @property
    def headers(self) -> list[Header]:
        """The first lines of the finished shards."""
        return self.storage.headers

    @property
    def n_read(self) -> int:
        """How many documents of the input are in finished shards."""
        return sum(header["read"] for header in self.headers)

    def fill(self, on_error: OnError, *, processes: Processes | None = None) -> Iterator[Line | DataError]:
        """Run the documents that are in no finished shard, and keep them, shard by shard.

        on_error: Is given what is wrong with a document, in the input, the pipeline or the output's format, and may raise it.
        processes: Where they are run; None: here.
        YIELDS: each result: within a shard, those of long documents first.
        """
        finished = len(self.headers)
        planned: deque[tuple[Shard, InBatches]] = deque()

        def batches() -> Iterator[list[Document]]:
            n_shards = 0
            for n_shards, shard in enumerate(self._read_shards(on_error), start=1):
                if n_shards > finished and not self.storage.is_moved:
                    planned.append((shard, InBatches(shard.documents, self.runner.settings.batch_size)))
                    yield from planned[-1][1]
                elif n_shards > finished or shard.digest != self.headers[shard.number]["digest"]:
                    raise self._changed(shard.number)
            if n_shards < finished:
                raise self._changed(n_shards)

        for results in run_lines(self.runner, batches(), processes):
            planned[0][1].add(results)
            for result in results:
                if isinstance(result, DataError):
                    on_error(result)
            yield from results
            if planned[0][1].is_run:
                self._add(*planned.popleft(), on_error)
        for shard, documents in planned:  # errors at the end of the input, after the last document
            self._add(shard, documents, on_error)

    def _read_shards(self, on_error: OnError) -> Iterator[Shard]:
        """The shards of the input. What is wrong in finished ones was told when they were made."""
        finished = len(self.headers)

        def note(error: DataError) -> None:
            if shard.number >= finished:
                on_error(error)
            shard.errors.append(str(error))

        documents = self.runner.accepted(self.inputs.read(note), note)
        for number in count():
            shard = Shard(number)
            shard.documents = list(islice(documents, self.size))
            if not shard.documents and not shard.errors:
                return
            yield shard

    def _add(self, shard: Shard, documents: InBatches, on_error: OnError) -> None:
        stored = documents.lines(self.output, self.storage.folder)
        for error in stored.errors:
            if error not in documents.failures:  # of which it was told already
                on_error(error)
            shard.errors.append(str(error))
        header = {
            "read": len(shard.documents),
            "documents": len(stored.lines),
            "relations": stored.relations,
            "errors": shard.errors,
            "digest": shard.digest,
        }
        self.storage.add(shard.number, header, stored.lines)

    def _changed(self, number: int) -> DataError:
        first = sum(header["read"] for header in self.headers[:number]) + 1
        return self.storage.error(
            f"from document {first:,} on, the input is not what this unfinished run has read. Give it the same, in the same order"
        )

    def finish(self) -> Report:
        """Make the output of all shards, put it in its place, and delete what is stored beside it."""
        documents, relations = (sum(header[name] for header in self.headers) for name in ("documents", "relations"))
        errors = sum(len(header["errors"]) for header in self.headers)
        lost = self.storage.finish({"documents": documents, "relations": relations, "errors": errors})
        return Report(documents, relations, errors, {what: count for what, count in lost.items() if count}, self.output.format)


def asked_for(output: Output, runner: Runner, size: int, format: str | None, options: Options) -> dict[str, Any]:
    """What the results depend on, but for the documents. Batches and processes change the last of the digits at the most.

    size: Documents a shard. format, options: Of the input.
    """
    nlp, settings = runner.nlp, runner.settings
    first, *others = runner.extractors

    def of_each(setting: str) -> Any:
        return {pipe.name: pipe.cfg[setting] for pipe in (first, *others)} if others else first.cfg[setting]

    return {
        "pipeline": f"{nlp.meta['lang']}_{nlp.meta['name']}-{nlp.meta['version']}",
        "checksum of the pipeline": _checksum(nlp),
        "version of spacy-relext": __version__,
        "threshold": of_each("threshold"),
        **_decisions(runner.extractors),
        "labels": sorted(settings.labels) if settings.labels is not None else None,
        "all scores": settings.keep_all_scores,
        "pairs of a document": of_each("max_pairs"),
        "relations of the input": settings.keep_relations,
        **asked_of_files(output, size, format, options),
    }


def _decisions(extractors: Sequence[RelationExtractor]) -> dict[str, Any]:
    """What beside `threshold` says which relations are written, and with which score. Where nothing does, no run names it."""
    names = {"thresholds of labels": "label_thresholds", "uncertain below": "uncertain_below", "calibration": "calibration"}
    found = {}
    for name, setting in names.items():
        of_each = {pipe.name: deepcopy(pipe.cfg[setting]) or None for pipe in extractors}
        if any(of_each.values()):
            found[name] = of_each if len(extractors) > 1 else of_each[extractors[0].name]
    return found


def asked_of_files(output: Output, size: int, format: str | None, options: Options) -> dict[str, Any]:
    """What of it is known without a pipeline. size: Documents a shard. format, options: Of the input."""
    return {
        "format of the input": format,
        "options": asked_options(options),
        "documents per shard": size,
        "format of the output": output.format,
        "documents per file": output.documents_per_file,
        "safe for spreadsheets": output.spreadsheet_safe,
        "partitions": list(output.partition_by) or None,
        "table of the documents": output.documents_table or None,
    }


def asked_options(options: Options) -> dict[str, Any]:
    """Those that are not as they are by default, as they come back from JSON."""
    return {name: _as_json(getattr(options, name)) for name in sorted(options.given)}


def _as_json(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return list(value) if isinstance(value, tuple) else value


def _checksum(nlp: Language) -> str:
    """A checksum of the files of a pipeline, wherever they are."""
    return "" if nlp.path is None else sha256(Path(nlp.path))
