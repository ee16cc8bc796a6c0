"""What INCEpTION says of the documents of a project it has exported: in exportedproject*.json, beside them or in a folder above.

    {"source_documents": [{"name": "case 7.txt", "state": "CURATION_FINISHED"}],
     "annotation_documents": [{"name": "case 7.txt", "user": "ann", "state": "FINISHED"}]}

A document without mentions may have none, or nobody may have annotated it yet. Its state says which: the state of the document, for all
annotators, or that of one annotator, after whom the file is named.

A project has a document as often as somebody worked on it, and is exported with a folder per document:

    annotation/case 7.txt/ann.zip
    annotation/case 7.txt/bob.zip
    annotation/case 7.txt/INITIAL_CAS.zip          # as it was imported
    curation/case 7.txt/CURATION_USER.zip          # what was made of them in the end

One of them is read: that of `--annotator`; else that of the curation; else the one that all say. Where they differ, that is an error.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from spacy_relext.errors import DataError
from spacy_relext.formats.files import read_errors
from spacy_relext.formats.limits import limits, read_whole, too_large
from spacy_relext.formats.reading import OTHER_ANNOTATORS, SAME_ANNOTATIONS, OnError, Reading
from spacy_relext.formats.records import Place
from spacy_relext.formats.types import Document

DOCUMENTS = {"source_documents": {"ANNOTATION_FINISHED", "CURATION_FINISHED"}, "annotation_documents": {"FINISHED"}}
# The folders of documents, and the names of files that are of no annotator.
ANNOTATION, CURATION = "annotation", "curation"
CURATED, INITIAL = "CURATION_USER", "INITIAL_CAS"
# From curation/DOCUMENT/CURATION_USER.zip/a.xmi to the folder of the project.
HIGHEST = 4


def read_versions(files: Iterable[Path], read: Callable[[Path], Iterator[Document]], reading: Reading) -> Iterator[Document]:
    """The documents of files, one of each of which several people annotated, as the description of the module says.

    read: The documents of one file.
    """
    documents: dict[Path, list[tuple[str, Path]]] = {}
    for file in files:
        document, name = _version(file)
        documents.setdefault(document, []).append((name, file))
    for versions in documents.values():
        chosen = _choose(versions, reading)
        if len(chosen) > 1:
            yield from _agree([(name, made) for name, file in chosen for made in read(file)], reading)
        else:
            for _, file in chosen:
                yield from read(file)


def _version(file: Path) -> tuple[Path, str]:
    """The document that a file is a version of, and whose it is. A file that is not of a project is a document of its own."""
    # An archive may have been unpacked: annotation/case 7.txt/ann/case 7.xmi.
    for one, name in ((file, file.stem), (file.parent, file.parent.name)):
        folder = one.absolute().parent.parent
        if folder.name in (ANNOTATION, CURATION):
            return folder.parent / one.parent.name, CURATED if folder.name == CURATION else name
    return file, file.stem


def _choose(versions: list[tuple[str, Path]], reading: Reading) -> list[tuple[str, Path]]:
    """Those that could be meant."""
    wanted = reading.options.annotator
    if wanted is not None:
        chosen = [version for version in versions if version[0] == wanted]
        reading.counts[OTHER_ANNOTATORS] += len(versions) - len(chosen)
        return chosen
    curated = [version for version in versions if version[0] == CURATED]
    reading.counts["annotations beside the curated version, left out"] += bool(curated) and len(versions) - len(curated)
    return curated or [version for version in versions if version[0] != INITIAL] or versions


def _agree(versions: list[tuple[str, Document]], reading: Reading) -> Iterator[Document]:
    """The first of those that say the same."""
    texts: dict[str, list[tuple[str, Document]]] = {}
    for name, document in versions:
        texts.setdefault(document.text, []).append((name, document))
    for same in texts.values():
        first = same[0][1]
        if any(_said(document) != _said(first) for _, document in same):
            people = " and ".join(sorted({name for name, _ in same}))
            reading.on_error(
                first.error(
                    f"{len(same)} annotations could be meant. Curate the document, or name with `annotator` whose are read; they are of "
                    f"{people}."
                )
            )
        else:
            reading.counts[SAME_ANNOTATIONS] += len(same) - 1
            yield first


def _said(document: Document) -> list[Any]:
    """What is annotated, whatever the ids."""
    places = {m.id: (m.start, m.end, m.type, m.kb_id) for m in document.mentions}
    some = (document.relations or (), document.denied)
    return [sorted(places.values()), *(sorted((places[r.head], places[r.tail], r.label, r.attributes) for r in rs) for rs in some)]


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
