"""The documents of a shard on their way through a pipeline, and what is stored of them: lines of our JSONL.

Documents of about the same length are run together, the longest first. Which of them share a batch depends on the shard alone, and not on
how many processes there are.
"""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.running import Line
from spacy_relext.extraction.storage import Output
from spacy_relext.formats.files import TEMPORARY
from spacy_relext.formats.types import Document

# Of a batch of several documents: long ones, which are run together, would fill the memory, and keep one process busy behind all others.
MOST_CHARACTERS = 2**16
# Of these no document is the cause.
OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES}


@dataclass
class Lines:
    """What is stored of some documents, in their order.

    lines: Of those that could be run, and that the format of the output can hold, in our JSONL. documents: These. relations: How many they
    have together. errors: What was wrong with the others.
    """

    lines: list[str] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    relations: int = 0
    errors: list[DataError] = field(default_factory=list)


class InBatches:
    """The documents of a shard in batches of about the same length. Iterating gives the batches, whose results are added one by one.

    size: Documents in a batch, at the most: a batch of long ones has fewer.
    """

    def __init__(self, documents: Sequence[Document], size: int):
        self.documents = documents
        order = sorted(range(len(documents)), key=lambda i: (-len(documents[i].text), i))
        self._batches: list[list[int]] = []
        n_characters = 0
        for i in order:
            n_characters += len(documents[i].text)
            if not self._batches or len(self._batches[-1]) == size or n_characters > MOST_CHARACTERS:
                self._batches.append([])
                n_characters = len(documents[i].text)
            self._batches[-1].append(i)
        self._results: dict[int, Line | DataError] = {}
        self._n_added = 0

    def __iter__(self) -> Iterator[list[Document]]:
        for batch in self._batches:
            yield [self.documents[i] for i in batch]

    def add(self, results: Sequence[Line | DataError]) -> None:
        """Add the results of the first batch that has none, as `Runner.lines` gives them."""
        self._results.update(zip(self._batches[self._n_added], results, strict=True))
        self._n_added += 1

    @property
    def is_run(self) -> bool:
        """Whether all have a result."""
        return self._n_added == len(self._batches)

    @property
    def failures(self) -> list[DataError]:
        """What was wrong with documents that could not be run."""
        return [result for result in self._results.values() if isinstance(result, DataError)]

    def lines(self, output: Output, folder: Path) -> Lines:
        """What is stored of them, when all are run.

        output: What it is stored for. folder: A place for files while it is looked whether the format of the output can hold them.
        """
        errors = {i: error for i in range(len(self.documents)) if (error := self._error(i, output)) is not None}
        lines = {i: result for i, result in self._results.items() if isinstance(result, Line) and i not in errors}
        if output.refuses:
            errors |= self._refused([(i, lines[i].text) for i in sorted(lines)], output, folder)
        stored = Lines()
        for i, document in enumerate(self.documents):
            if i in errors:
                stored.errors.append(errors[i])
            else:
                stored.lines.append(lines[i].text)
                stored.documents.append(document)
                stored.relations += lines[i].relations
        return stored

    def _error(self, i: int, output: Output) -> DataError | None:
        """What is known to be wrong with a document before it is written."""
        result = self._results[i]
        if isinstance(result, DataError):
            return result
        try:
            output.check(self.documents[i])
        except DataError as error:
            return error
        return None

    def _refused(self, written: Sequence[tuple[int, str]], output: Output, folder: Path) -> dict[int, DataError]:
        """What the format of the output has against documents, by their index: better known now than when all is made.

        written: Indices and lines. All are written at once, and where that fails, each half of them.
        """
        if not written:
            return {}
        with TemporaryDirectory(dir=folder, prefix=TEMPORARY) as made:
            try:
                output.write([line for _, line in written], Path(made) / output.path.name)
                return {}
            except RelextError as error:
                cause = error.__cause__
                if isinstance(cause, OSError) and cause.errno in OF_THE_DISK:
                    raise
                message = error.message if isinstance(error, DataError) else str(error)
        if len(written) == 1:
            document = self.documents[written[0][0]]
            return {written[0][0]: DataError(f"{output.format} cannot hold it: {message}", path=document.source, line=document.line)}
        middle = len(written) // 2
        return self._refused(written[:middle], output, folder) | self._refused(written[middle:], output, folder)
