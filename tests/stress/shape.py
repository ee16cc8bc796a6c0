"""A corpus that was made."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Shape:
    """A corpus that was made: its format, its files and which of them to read, and what is in it.

    left_out: By the names of the report, or a part of them; others may be there too.
    """

    format: str
    files: dict[str, str] = field(default_factory=dict)
    target: str = "."
    n_documents: int = 0
    relations: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
