"""The CAS of UIMA out of XMI and JSON files, and out of archives of them, by dkpro-cassis; and what is wrong with such a file."""

import errno
import re
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from io import BytesIO
from lzma import LZMAError
from pathlib import Path
from threading import Lock
from zipfile import BadZipFile, ZipFile, ZipInfo

from cassis import Cas, TypeSystem, load_cas_from_json, load_cas_from_xmi, load_typesystem
from cassis.typesystem import TypeNotFoundError
from lxml import etree

from spacy_relext.errors import DataError
from spacy_relext.formats.files import read_errors
from spacy_relext.formats.limits import limits, read_whole, too_large, unpacks_to_more
from spacy_relext.formats.projects import is_project
from spacy_relext.formats.records import Place

TYPES = "TypeSystem.xml"
# The features of a relation that are its ends.
HEAD, TAIL = "Governor", "Dependent"
XMI_ID = "{http://www.omg.org/XMI}id"
# Filters of warnings are those of all threads: one that ends in the block of another would leave that one's behind.
_WARNINGS = Lock()
UNMAPPED = "Not mapping external offset"
# What cassis raises for files that are not as it expects.
NO_CAS = (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError, TypeNotFoundError, etree.XMLSyntaxError)

# The lines of the annotations of an XMI file by their ids.
Lines = dict[int, int]
# Reads a CAS, and the TypeSystem.xml of an XMI file.
Content = Callable[[], tuple[bytes, bytes | None]]


def unpack(file: Path) -> Iterator[tuple[Path, Content]]:
    """The CAS of a file, or one after the other those of an archive: the name, and what reads content and the TypeSystem.xml beside it.

    RAISES: DataError for what cannot be read, or is too large.
    """
    if file.suffix.lower() != ".zip":
        types = file.with_name(TYPES)
        yield file, lambda: (read_whole(file), read_whole(types) if types.exists() else None)
        return
    with read_errors(file), _zip_errors(file), ZipFile(file) as archive:
        infos = {
            file / info.filename: info
            for info in archive.infolist()
            if info.filename.lower().endswith((".xmi", ".json")) or info.filename.endswith(TYPES)
        }
        # Of a member, no more is read than the archive says.
        if sum(info.file_size for info in infos.values()) > limits().unpacked:
            raise unpacks_to_more("it", file)
        cases = [name for name in infos if name.name != TYPES and not is_project(name)]
        if not cases:
            raise DataError("the archive holds no .xmi or .json file. If it is an exported project, unpack it.", path=file)
        for name in cases:
            yield name, partial(_members, archive, infos, name)


def _members(archive: ZipFile, infos: dict[Path, ZipInfo], name: Path) -> tuple[bytes, bytes | None]:
    """A file of an archive, and the TypeSystem.xml beside it."""

    def read(member: Path) -> bytes:
        if infos[member].file_size > limits().record:
            raise too_large("the file", member)
        with _zip_errors(member):
            return archive.read(infos[member])

    types = name.with_name(TYPES)
    return read(name), read(types) if types in infos else None


@contextmanager
def _zip_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        if error.errno != errno.EINVAL:  # that of a place before the file, where its begin is cut off
            raise
        raise DataError("no zip archive that can be read: its begin is missing.", path=file) from error
    except (BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        # Of these, other packing and encryption too.
        raise DataError(f"no zip archive that can be read ({error}). Is the file truncated?", path=file) from error


def load(raw: bytes, types: bytes | None, path: Path) -> tuple[Cas, Lines]:
    """The CAS of a file with offsets in code points, and the lines of its annotations, which JSON has not.

    types: The TypeSystem.xml of an XMI file.
    RAISES: DataError for anything but a whole CAS.
    """
    if raw.startswith(b"#FORMAT=WebAnno TSV"):
        raise DataError("this is WebAnno TSV. Read it with the format webanno, or export as UIMA CAS XMI or JSON.", path=path, line=1)
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # features that are defined twice alike
        warnings.filterwarnings("error", message=UNMAPPED)
        try:
            return (_load_json(raw, path), {}) if path.suffix.lower() == ".json" else _load_xmi(raw, types, path)
        except DataError:
            raise
        except UserWarning as error:
            raise _offset_error(error, path) from error
        except NO_CAS as error:
            raise DataError(
                f"no CAS that can be read ({type(error).__name__}: {error}). Is it whole, and as INCEpTION exports it? Export it again, as "
                "UIMA CAS XMI or JSON.",
                path=path,
            ) from error


def _load_xmi(raw: bytes, types: bytes | None, path: Path) -> tuple[Cas, Lines]:
    # cassis names no lines, and of two annotations with one id it keeps one.
    try:
        root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise DataError(
            f"no well-formed XML: {error.msg}. Is the file truncated, not UTF-8, or exported as XML 1.1?", path=path, line=error.lineno or 1
        ) from error
    if etree.QName(root).localname != "XMI":
        raise DataError(f"expected <xmi:XMI>, and saw <{root.tag}>. Is this a UIMA CAS?", path=path, line=root.sourceline)
    if types is None:
        raise DataError(f"there is no {TYPES} beside it, with its layers. Put there the one that was exported with it.", path=path)
    lines: Lines = {}
    for element in root.iterchildren(etree.Element):
        _check_length(element.get("sofaString"), path)
        if XMI_ID in element.attrib:
            name = int(element.get(XMI_ID))
            if name in lines:
                raise DataError(f"the xmi:id {name} is in line {lines[name]} already.", path=path, line=element.sourceline)
            lines[name] = element.sourceline
    # Ends of relations that are not there; cassis would lose the document for them.
    ends = [(element, end) for element in root.iterchildren(etree.Element) for end in (HEAD, TAIL) if end in element.attrib]
    missing = [(element, end) for element, end in ends if element.get(end).isdecimal() and int(element.get(end)) not in lines]
    for element, end in missing:
        del element.attrib[end]
    raw = etree.tostring(root) if missing else raw
    try:
        system = _typesystem(types)
    except NO_CAS as error:
        raise DataError(f"no type system that can be read ({type(error).__name__}: {error}).", path=path.with_name(TYPES)) from error
    try:
        return load_cas_from_xmi(BytesIO(raw), typesystem=system), lines
    except KeyError as error:
        refers = (e for e in root.iterchildren(etree.Element) if str(error) in (v for k, v in e.items() if k != XMI_ID))
        line = next((element.sourceline for element in refers), None)
        raise DataError(f"something refers to the xmi:id {error}, which is not there.", path=path, line=line) from error
    except UserWarning as error:
        raise _offset_error(error, path, root.iterchildren(etree.Element)) from error


def _offset_error(warning: UserWarning, path: Path, elements: Iterable[etree._Element] = ()) -> DataError:
    """An error that names the offset that cassis warns of, and the line of the first element that has it."""
    offset = re.sub(r"\D", "", str(warning).removeprefix(UNMAPPED).partition("]")[0])
    line = next((element.sourceline for element in elements if offset in (element.get("begin"), element.get("end"))), None)
    return DataError(
        f"an annotation has the offset {offset}, which is beyond the text, or inside a character. Offsets count UTF-16 units.",
        path=path,
        line=line,
    )


@lru_cache(maxsize=1)
def _typesystem(raw: bytes) -> TypeSystem:
    """The same for all documents of a project, as a rule; making one takes a second."""
    return load_typesystem(BytesIO(raw))


def _load_json(raw: bytes, path: Path) -> Cas:
    record = Place(path).decode(raw, "a UIMA CAS")
    entries = record.get("%FEATURE_STRUCTURES") if isinstance(record, dict) else None
    if not isinstance(entries, list):
        raise DataError(
            "expected an object with a list '%FEATURE_STRUCTURES'. Is this a UIMA CAS? Of an exported project, name the folder curation.",
            path=path,
        )
    ids = Counter(entry.get("%ID") for entry in entries)
    for entry in entries:
        _check_length(entry.get("sofaString"), path)
    if len(ids) < len(entries):
        raise DataError(f"the %ID {ids.most_common(1)[0][0]} is there twice.", path=path)
    return load_cas_from_json(raw.decode("utf8"))


def _check_length(text: str | None, path: Path) -> None:
    """Refuse what spaCy does not read anyhow: cassis would take 200 bytes and more for each character."""
    most = limits().characters
    if text and len(text) > most:
        raise DataError(
            f"the text has {len(text):,} characters; {most:,} are read at the most. Cut the text, or raise `Limits.characters`.", path=path
        )
