r"""brat standoff: a folder with a .txt and an .ann file per document (Stenetorp et al., EACL demonstrations, 2012).

What the lines of an .ann file say, and which are left out and counted, stands in standoff.py. Ours is one more:

    #1	Score R1	0.87                      the score of a relation that is not 1

The id of a document is its place in the folder without .txt. Offsets count characters of the file as it is, with both of CR LF, and ends
are exclusive; where the texts beside the offsets agree with another way of counting alone, that is taken, and counted (offsets.py). A .txt
without .ann is a document that is not annotated for relations; with an .ann, an empty one too, it is.

It writes T, R, N, scores, and A for denied relations (Negation) and for attributes (Speculation; others as they are called, with a value
behind =). Ids of mentions are given anew. brat knows no sentences, long forms and relations between concepts; a document with mentions that
is not annotated for relations becomes one that has none; an id that is no file name is changed. All this is counted. Types, labels and
identifiers must be free of white space.
"""

# bioc.brat is not used to read: it asserts instead of raising errors, names no line, translates line ends before it counts, skips lines
# of kinds that it does not know (N among them), and of two arguments with one role keeps one.

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from spacy_relext.errors import DataError
from spacy_relext.formats.files import files_by_document, whole_folder
from spacy_relext.formats.ids import NewFiles, named
from spacy_relext.formats.reading import Reading
from spacy_relext.formats.standoff import Standoff, lines_of
from spacy_relext.formats.texts import whole_text
from spacy_relext.formats.types import METADATA, PIPELINE_DETAILS, Document


def read(path: Path, reading: Reading) -> Iterator[Document]:
    """Read the .txt and .ann file of a document, of which either is named, or all of a folder and the folders in it."""
    folder = path if path.is_dir() else path.parent
    for stem, files in files_by_document(path, (".txt", ".ann"), reading.leave_out).items():
        try:
            yield parse(stem.relative_to(folder).as_posix(), files, reading)
        except DataError as error:
            reading.on_error(error)


def parse(name: str, files: dict[str, Path], reading: Reading) -> Document:
    """Make a document of its files, by their suffixes.

    RAISES: DataError with file and line for anything that is not as the module's description says.
    """
    annotation = files.get(".ann")
    if ".txt" not in files:
        source = files[".ann"]
        raise DataError(f"there is no {source.stem}.txt beside it, with the text that it annotates.", path=source)
    file = files[".txt"]
    document = Document(name, whole_text(file), source=file)
    if annotation is not None:
        document.source = annotation
        standoff = Standoff(document, reading)
        standoff.add(annotation)
        standoff.annotate(file)
    elif file.with_suffix(".a1").exists():
        raise DataError(f"{file.stem}.a1 is beside it, and no .ann. The format of the BioNLP shared tasks is called bionlp.", path=file)
    return document


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write a .txt and an .ann file per document into a new folder; the .ann is left out where there is nothing to say.

    RETURNS: What the format cannot hold, counted.
    """
    lost: Counter[str] = Counter()
    with whole_folder(path) as folder:
        files = NewFiles(folder, ".txt")
        for identifier, document in named(documents):
            file = files.add(document, identifier)
            lines, left_out = lines_of(document)
            file.write_bytes(document.text.encode("utf8"))
            annotated = document.relations is not None or document.concept_relations is not None
            if annotated or lines:
                file.with_name(f"{file.name[:-4]}.ann").write_bytes("".join(line + "\n" for line in lines).encode("utf8"))
            lost += left_out
            lost += document.count_unsupported(
                "sentences", "long forms of abbreviations", "relations between concepts", METADATA, *PIPELINE_DETAILS
            )
            if lines:
                lost += document.count_unsupported("documents not annotated for relations (now with none)")
            lost += document.count_unsupported("documents without mentions (read as not annotated)")
            lost["document ids that are no file names"] += file.name[:-4] != identifier
    return lost
