"""Which documents of several files are the last versions: of a record that is revised, the revision is read, and none that was deleted.

Files are taken in the order of their names (without the folders), which is that in which PubMed's were made, whatever the order in which
they are read. Of several versions that a file numbers the highest counts, of several records of one version the last. A deletion takes back
the version that it names and those before.
"""

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

import numpy
from numpy.typing import NDArray

from spacy_relext.errors import DataError
from spacy_relext.formats.cutting import Cutter
from spacy_relext.formats.reading import FileVersions, Options, Superseded
from spacy_relext.formats.unpacking import opened_content

# Of the number of a version, in the 8 bytes that are kept of a record.
NUMBER_BITS = 8


class Version(NamedTuple):
    """What a document is a version of, or that one is deleted. key: Of the record, from 1; 0: of none. number: From 1."""

    key: int = 0
    number: int = 1
    is_deletion: bool = False


@runtime_checkable
class VersionCutter(Cutter, Protocol):
    """A cutter of files with records that other files revise."""

    def versions(self, file: BinaryIO, path: Path, options: Options) -> Iterator[Version]:
        """One for each document that `cut` counts, in their order, and one for each deletion where it stands.

        RAISES: DataError where nothing of the file can be read.
        """
        ...


def last_versions(files: Iterable[Path], cutter: VersionCutter, options: Options) -> FileVersions:
    """What is not to be read of some files, in 16 bytes per record."""
    found: dict[Path, Superseded | DataError] = {}
    values, ends = array("Q"), []
    deletions: set[int] = set()
    ordered = sorted(files, key=lambda file: (file.name, file))
    for path in ordered:
        n_before = len(values)
        try:
            with opened_content(path) as file:
                for version in cutter.versions(file, path, options):
                    if version.is_deletion:
                        deletions.add(len(values))
                    values.append(version.key << NUMBER_BITS | min(version.number, 2**NUMBER_BITS - 1))
        except DataError as error:
            found[path] = error
            deletions -= set(range(n_before, len(values)))
            del values[n_before:]
        ends.append(len(values))
    outdated = _outdated(numpy.frombuffer(values, dtype="uint64"), numpy.fromiter(deletions, "int64", len(deletions)))
    start = 0
    for path, end in zip(ordered, ends, strict=True):
        if path not in found:
            is_deletion = numpy.zeros(end - start, bool)
            is_deletion[[place - start for place in deletions if start <= place < end]] = True
            numbers = array("L", numpy.flatnonzero(outdated[start:end][~is_deletion]).tolist())
            found[path] = Superseded(int(end - start - is_deletion.sum()), numbers)
        start = end
    return found


def _outdated(values: NDArray[numpy.uint64], deletions: NDArray[numpy.int64]) -> NDArray[numpy.bool_]:
    """Whether each record has a later version, or is deleted. deletions: The places of those that are no records, but delete one."""
    order = numpy.argsort(values, kind="stable")
    keys = values[order] >> NUMBER_BITS
    is_last = numpy.ones(len(values), bool)
    is_last[:-1] = keys[1:] != keys[:-1]
    outdated = numpy.empty(len(values), bool)
    outdated[order] = ~is_last & (keys > 0)
    outdated[deletions] = True
    return outdated
