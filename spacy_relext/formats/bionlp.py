r"""The BioNLP shared tasks (2009 to 2019): per document a .txt, an .a1 file with what is given, and an .a2 file with what is to be found.

Documented at https://2011.bionlp-st.org/home/file-formats. The lines are those of brat (standoff.py), over both files: as a rule, mentions
(T) in .a1, and in .a2 triggers (T), events (E), relations (R), equivalences (*), normalisations (N), negation and speculation (M).

    T1	Protein 0 4	IL-4                                    in PMID-1.a1
    T3	Phosphorylation 5 19	phosphorylates              in PMID-1.a2
    E1	Phosphorylation:T3 Theme:T2 Cause:T1

An event has, as a rule, one argument, or another event as argument: such events are left out and counted, unless the option `events` says
how they are to be taken. The id of a document is its place in the folder without .txt. Without .a2, as in the test part of a task, it is
not annotated for relations.
"""

from collections.abc import Iterator
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.files import files_in
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.standoff import Standoff
from spacy_relext.formats.texts import whole_text
from spacy_relext.formats.types import UNKNOWN, Document

SUFFIXES = (".a1", ".a2")


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read the files of a document, of which one is named, or all of a folder and the folders in it."""
    folder, found = (path, files_in(path)) if path.is_dir() else (path.parent, iter([path]))
    stems = sorted({file.with_suffix("") for file in found if file.suffix in (*SUFFIXES, ".txt")})
    annotated = [stem for stem in stems if any(Path(f"{stem}{suffix}").exists() for suffix in SUFFIXES)]
    if not annotated:
        raise DataError("expected a folder with .txt, .a1 and .a2 files, or one of them; there is none.", path=path)
    for stem in stems:
        try:
            yield parse(stem, folder, reading)
        except DataError as error:
            reading.on_error(error)


def parse(stem: Path, folder: Path, reading: Reading) -> Document:
    """Make a document of the files whose names begin with that of `stem`, and end with .txt, .a1 and .a2.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    given, found = (Path(f"{stem}{suffix}") for suffix in SUFFIXES)
    source, file = found if found.exists() else given, Path(f"{stem}.txt")
    if not file.exists():
        raise DataError(f"there is no {file.name} beside it, with the text that it annotates.", path=source)
    if not source.exists():
        raise DataError(f"there is no {given.name} beside it, with the mentions of the text.", path=file)
    document = Document(stem.relative_to(folder).as_posix(), whole_text(file), source=source)
    standoff = Standoff(document, reading)
    for annotation in (given, found):
        if annotation.exists():
            standoff.add(annotation)
    standoff.annotate(file)
    if not given.exists() and document.not_held[UNKNOWN]:
        raise DataError(f"there is no {given.name} beside it, with the mentions to which it refers.", path=source)
    if not found.exists():
        document.relations = None
    return document
