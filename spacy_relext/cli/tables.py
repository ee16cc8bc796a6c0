"""Tables: the same in all commands."""

import sys
from collections.abc import Iterable, Sequence

Cell = str | int


def print_table(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, figures: int | None = None, stderr: bool = False) -> None:
    """Print a table as wide as the terminal at the most, and elsewhere as wide as its cells. Numbers have separators: 2,000.

    figures: From which column on cells stand to the right. If left out, those columns whose first cell is a number.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    first = rows[0] if rows else []
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=any(header))
    for i, name in enumerate(header):
        right = i >= figures if figures is not None else i < len(first) and isinstance(first[i], int)
        table.add_column(Text(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        # Text: to rich, the brackets of "[3H]ketanserin" in a string are markup.
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else cell) for cell in row))
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    Console(stderr=stderr, highlight=False, width=None if is_terminal else 10_000).print(table)
