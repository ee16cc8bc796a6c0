"""The blocks of code in the pages: README and docs."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = sorted(path for pattern in ("*.md", "assets/*/README.md", "projects/*/README.md", "docs/**/*.md") for path in ROOT.glob(pattern))
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """language: What stands behind the three ticks. line: Of the page, where the code begins."""

    language: str
    code: str
    page: Path
    line: int

    @property
    def place(self) -> str:
        """For messages."""
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """Its place in the repository."""
    return str(page.relative_to(ROOT))


def read(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf8")


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a language, in their order."""
    text = read(page)
    return [
        Block(match[2], textwrap.dedent(match[3]), page, text.count("\n", 0, match.start(3)) + 1)
        for match in BLOCK.finditer(text)
        if match[2] == language
    ]


def python_blocks(page: Path) -> list[str]:
    """The Python of a page."""
    return [block.code for block in blocks(page, "python")]
