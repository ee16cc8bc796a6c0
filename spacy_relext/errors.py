"""The errors that are raised for input and settings that cannot be right."""

from pathlib import Path


class RelextError(ValueError):
    """Base of all errors of this package."""


class DataError(RelextError):
    """Annotated data that cannot be read, with the place where it stands.

    path (Path | str | None): The file.
    line (int | None): Its line, counted from 1.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None):
        self.path = path
        self.line = line
        self.message = message
        where = f"{path or '<input>'}:{line}" if line is not None else str(path or "")
        super().__init__(f"{where}: {message}" if where else message)
