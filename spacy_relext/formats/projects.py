"""What INCEpTION says of the documents of a project it has exported: in exportedproject*.json, beside them or in a folder above.

    {"source_documents": [{"name": "case 7.txt", "state": "CURATION_FINISHED"}],
     "annotation_documents": [{"name": "case 7.txt", "user": "ann", "state": "FINISHED"}]}

The state of a document without mentions tells one that has none from one that nobody has annotated yet: that of the document, for all who
annotated it, or that of one of them, whose file is called after them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from spacy_relext.errors import DataError
from spacy_relext.formats.files import read_errors
from spacy_relext.formats.limits import limits, read_whole, too_large
from spacy_relext.formats.reading import OnError
from spacy_relext.formats.records import Place

DOCUMENTS = {"source_documents": {"ANNOTATION_FINISHED", "CURATION_FINISHED"}, "annotation_documents": {"FINISHED"}}
# From curation/DOCUMENT/CURATION_USER.zip/a.xmi to the folder of the project.
HIGHEST = 4


def is_project(file: Path) -> bool:
    """Whether a file has the name of a description of a project, which is no document."""
    return file.name.startswith("exportedproject") and file.suffix.lower() == ".json"


class States:
    """The states of documents by the descriptions that are beside the files of an input, each read once.

    on_error: Is told of those that cannot be read, which say nothing then.
    """

    def __init__(self, on_error: OnError):
        self._on_error = on_error
        # By folder or archive: the documents that are finished, with who finished them, or None for all.
        self._finished: dict[Path, set[tuple[str, str | None]]] = {}

    def is_finished(self, name: str, file: Path) -> bool:
        """Whether a document is. name: Its name. file: Where it was read, which may be within an archive."""
        above = list(file.parents)[:HIGHEST]
        users = [None, file.stem, file.parent.stem]
        return any((name, user) in self._of(folder) for folder in above for user in users)

    def _of(self, folder: Path) -> set[tuple[str, str | None]]:
        if folder not in self._finished:
            self._finished[folder] = set()
            try:
                for file, raw in _descriptions(folder):
                    self._finished[folder] |= set(_finished(raw, Place(file)))
            except DataError as error:
                self._on_error(error)
        return self._finished[folder]


def _descriptions(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The descriptions in a folder or an archive."""
    with read_errors(folder):
        if folder.is_dir():
            for file in sorted(folder.glob("exportedproject*.json")):
                yield file, read_whole(file)
        elif folder.is_file():
            try:
                with ZipFile(folder) as archive:
                    for info in archive.infolist():
                        file = folder / info.filename
                        if is_project(file) and info.file_size > limits().record:
                            raise too_large("the file", file)
                        if is_project(file):
                            yield file, archive.read(info)
            except (BadZipFile, NotImplementedError, RuntimeError) as error:
                raise DataError(f"no zip archive that can be read ({error}).", path=folder) from error


def _finished(raw: bytes, at: Place) -> Iterator[tuple[str, str | None]]:
    project: Any = at.decode(raw, "the description of a project")
    if not isinstance(project, dict):
        raise at.fail(f"expected the description of a project, an object, and saw {type(project).__name__}.")
    for key, states in DOCUMENTS.items():
        for what, entry in at.entries(project, key, key[:-1].replace("_", " ")) if project.get(key) is not None else ():
            if entry.get("state") in states:
                yield at.name(entry, "name", what), at.name(entry, "user", what) if key == "annotation_documents" else None
