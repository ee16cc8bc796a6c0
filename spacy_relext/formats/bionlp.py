r"""The BioNLP shared tasks (2009 to 2019): per document a .txt, an .a1 file with what is given, and an .a2 file with what is to be found.

Documented at https://2011.bionlp-st.org/home/file-formats. The lines are those of brat (standoff.py), over both files: as a rule, mentions
(T) in .a1, and in .a2 triggers (T), events (E), relations (R), equivalences (*), normalisations (N), negation and speculation (M).

    T1	Protein 0 4	IL-4                                    in PMID-1.a1
    T3	Phosphorylation 5 19	phosphorylates              in PMID-1.a2
    E1	Phosphorylation:T3 Theme:T2 Cause:T1

An event has, as a rule, one argument, or another event as argument: such events are left out and counted, unless the option `events` says
how they are to be taken. The id of a document is its place in the folder without .txt. Without .a2, as in the test part of a task, it is
not annotated for relations. A .txt with neither, as a README.txt, is no document of the task: it is left out, and counted.
"""

from collections.abc import Iterator
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.files import files_by_document
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.standoff import Standoff
from spacy_relext.formats.texts import whole_text
from spacy_relext.formats.types import UNKNOWN, Document

SUFFIXES = (".a1", ".a2")
UNANNOTATED = "texts without a file of annotation (.a1, .a2)"


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read the files of a document, of which one is named, or all of a folder and the folders in it."""
    folder = path if path.is_dir() else path.parent
    documents = files_by_document(path, (".txt", *SUFFIXES), reading.leave_out)
    if all(files.keys() == {".txt"} for files in documents.values()):
        raise DataError("expected .a1 and .a2 files beside the .txt files; there is none.", path=path)
    for stem, files in documents.items():
        if files.keys() == {".txt"}:
            reading.leave_out(UNANNOTATED, str(files[".txt"]))
            continue
        try:
            yield parse(stem.relative_to(folder).as_posix(), files, reading)
        except DataError as error:
            reading.on_error(error)


def parse(name: str, files: dict[str, Path], reading: Reading) -> Document:
    """Make a document of its files, by their suffixes, of which one is .a1 or .a2.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    annotations = [files[suffix] for suffix in SUFFIXES if suffix in files]
    source = annotations[-1]
    if ".txt" not in files:
        raise DataError(f"there is no {source.stem}.txt beside it, with the text that it annotates.", path=source)
    document = Document(name, whole_text(files[".txt"]), source=source)
    standoff = Standoff(document, reading)
    for annotation in annotations:
        standoff.add(annotation)
    standoff.annotate(files[".txt"])
    if ".a1" not in files and document.unsupported[UNKNOWN]:
        raise DataError(f"there is no {source.stem}.a1 beside it, with the mentions to which it refers.", path=source)
    if ".a2" not in files:
        document.relations = None
    return document
