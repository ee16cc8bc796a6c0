"""Pictures in files: a page of many, or SVG files. They wait in a file until all are known, and are drawn one by one."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from spacy_relext.displacy.colors import Palette
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.page import page_around
from spacy_relext.displacy.picture import Picture
from spacy_relext.displacy.rendering import figure
from spacy_relext.displacy.style import style_sheet
from spacy_relext.displacy.svg import svg_of
from spacy_relext.displacy.terminal import ascii_lines, terminal_width
from spacy_relext.errors import RelextError
from spacy_relext.formats.files import target_of, whole_file, whole_folder
from spacy_relext.formats.ids import NewFiles
from spacy_relext.formats.types import Document

SVG, TEXT = ".svg", ".txt"
PAGES = (".html", ".htm", ".xhtml")


class Pictures(Iterable[Picture]):
    """Pictures in a temporary file, in their order: what all of them have is known before the first is drawn.

    n_mentions, n_relations: The most that one of them has.
    """

    def __init__(self, file: IO[bytes]):
        self.n_mentions = self.n_relations = 0
        self._file = file
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[Picture]:
        self._file.seek(0)
        for _ in range(self._n):
            yield pickle.load(self._file)

    def add(self, picture: Picture) -> None:
        """Store one behind the others."""
        pickle.dump(picture, self._file)
        self._n += 1
        self.n_mentions = max(self.n_mentions, len(picture.mentions))
        self.n_relations = max(self.n_relations, len(picture.relations))


@contextmanager
def stored_pictures() -> Iterator[Pictures]:
    """A place for pictures."""
    with TemporaryFile() as file:
        yield Pictures(file)


# Writes all pictures; given them, and in sentences what is not among them.
Write = Callable[[Pictures, list[str]], None]


@contextmanager
def page_writer(path: Path, title: str, options: Options) -> Iterator[Write]:
    """What writes a page, which is complete or not there. RAISES: RelextError for what is no place for a page."""
    if path.suffix.lower() not in PAGES and not target_of(path).is_stream:
        raise RelextError(f"{path}: a page of HTML is to be written; expected a file that ends in .html.")
    with whole_file(path) as file:

        def write(pictures: Pictures, notes: list[str]) -> None:
            palette = Palette.of(pictures, options.colors)
            start, end = page_around(title, style_sheet(pictures.n_mentions, pictures.n_relations, options.widths), len(pictures))
            file.write(start)
            file.writelines(f"{figure(picture, options, palette)}\n" for picture in pictures)
            file.writelines(f"<p>{escape(note)}</p>\n" for note in notes)
            file.write(end)

        yield write


@contextmanager
def text_writer(path: Path) -> Iterator[Write]:
    """What writes lines with arcs above them, as wide as the terminal. RAISES: RelextError for what is no place for text."""
    if path.suffix.lower() != TEXT and not target_of(path).is_stream:
        raise RelextError(f"{path}: text is to be written; expected a file that ends in {TEXT}.")
    with whole_file(path) as file:

        def write(pictures: Pictures, notes: list[str]) -> None:
            for picture in pictures:
                file.writelines(f"{line}\n" for line in [*ascii_lines(picture, terminal_width()), ""])
            file.writelines(f"{note}\n" for note in notes)

        yield write


@contextmanager
def svg_writer(path: Path, options: Options) -> Iterator[Write]:
    """What writes a file, for one picture, or a folder of files called after their titles: complete, or not there."""
    if path.suffix.lower() == SVG and not path.is_dir():
        with whole_file(path) as file:

            def write_one(pictures: Pictures, notes: list[str]) -> None:
                if len(pictures) != 1:
                    raise RelextError(f"{path} is for one picture, and there are {len(pictures):,}. Name a folder, or draw one: `limit=1`.")
                file.writelines(svg_of(picture, options) for picture in pictures)

            yield write_one
        return
    with whole_folder(path) as folder:

        def write_each(pictures: Pictures, notes: list[str]) -> None:
            files, palette = NewFiles(folder, SVG), Palette.of(pictures, options.colors)
            for picture in pictures:
                place = files.add(Document(picture.title, picture.text), picture.title)
                place.write_text(svg_of(picture, options, palette), encoding="utf8", newline="")

        yield write_each
