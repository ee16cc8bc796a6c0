"""What several commands show and write beside tables: bars of progress, and figures as JSON."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm
from wasabi import msg

from spacy_relext.formats.files import whole_file


class Bar(tqdm):
    """A bar of progress that counts 1 document, and 2 documents, where it is not known how many there are."""

    @staticmethod
    def format_meter(n: float, total: float | None, elapsed: float, **settings: Any) -> str:
        """As tqdm does it."""
        line, unit = tqdm.format_meter(n, total, elapsed, **settings), settings.get("unit", "")
        return line.replace(f" 1{unit} [", f" 1{unit.removesuffix('s')} [")


def progress_bar(unit: str = "documents", task: str | None = None) -> Callable[..., Iterable[Any]]:
    """A bar as functions take it for `progress`: it is given what comes, how much, and where they say it themselves, the task."""
    return lambda things, total=None, said=task: Bar(things, total=total, desc=said, unit=f" {unit}")


def write_figures(output: Path | None, figures: Mapping[str, Any], what: str = "Figures", *, data: Path | None = None) -> None:
    """Write figures to the JSON file that --output names, if it names one, and tell it.

    data: What they were measured on: its path, the SHA-256 of its files, and the versions of packages are written, too.
    """
    if output is None:
        return
    if data is not None:
        # With what trains pipelines, which others do not need.
        from spacy_relext.experiments.training import checksums
        from spacy_relext.versions import versions

        figures = {**figures, "data": str(data), "sha256": checksums({"test": (data,)})["test"], "versions": versions()}
    with whole_file(output) as file:
        file.write(json.dumps(figures, indent=2) + "\n")
    msg.good(f"{what} in {output}")
