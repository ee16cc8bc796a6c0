"""Relations as text: lines with arcs above them, as wide as a terminal."""

from spacy_relext.displacy.picture import Picture


def ascii_lines(picture: Picture, width: int) -> list[str]:
    """The lines of a picture. width: In columns of a terminal."""
    return []


def terminal_width() -> int:
    """The columns of the terminal."""
    return 80
