"""Pictures of real documents in a real browser, at several widths: overlapping labels, arcs through text, copied text, and more.

    python -m tests.stress.pictures ddi=DDICorpus/Test chemprot=chemprot_test_gs pubtator=CDR_TestSet.PubTator.txt jsonl=assets/demo

What is checked is in tests/browser/checks.js. Prints the faults of each width, and ends with an error where there is one.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from benchmarks.pictures import CORPORA, DOCUMENTS, SEED, choose
from tests.browser.checking import CHECKS, check, page_of
from tests.browser.chromium import started

WIDTHS = [360, 900, 1600]
# Pictures of a page: its style has rules for each relation of the fullest.
BATCH = 20


def command(
    corpora: list[str] = CORPORA,
    n_documents: int = DOCUMENTS,
    seed: int = SEED,
    widths: list[int] = typer.Option(WIDTHS, "--width", help="Of the window, in pixels."),
    compact: bool = typer.Option(False, help="Fold sentences without a relation."),
    style: str = typer.Option("", help="More rules of style, such as another font."),
    keep: Path = typer.Option(None, help="A folder for the pages in which something was found."),
):
    """Check pictures of documents in chromium."""
    chosen = choose(corpora, n_documents, seed)
    figures: dict[str, Any] = {"documents": dict(Counter(name for name, _ in chosen)), "relations": sum(len(p["rels"]) for _, p in chosen)}
    with started() as browser:
        figures["chromium"] = browser.version
        for width in widths:
            start = time.perf_counter()
            figures[f"{width} px"] = check_all(browser, chosen, width, compact=compact, style=style, keep=keep)
            figures[f"{width} px"]["seconds"] = round(time.perf_counter() - start, 1)
    print(json.dumps(figures, indent=2))
    if any(figures[f"{width} px"][check] for width in widths for check in CHECKS):
        raise SystemExit(1)


def check_all(
    browser: Any, chosen: list[tuple[str, dict[str, Any]]], width: int, *, compact: bool = False, style: str = "", keep: Path | None = None
) -> dict[str, Any]:
    """How many faults of each kind there are in pictures of documents; each is printed to the standard error."""
    counts: Counter[str] = Counter(dict.fromkeys(CHECKS, 0))
    looked: Counter[str] = Counter()
    for at in range(0, len(chosen), BATCH):
        batch = [picture for _, picture in chosen[at : at + BATCH]]
        html = page_of(batch, compact=compact)
        checked = check(browser, batch, html, width=width, style=style)
        counts.update(checked.counts)
        looked.update(checked.looked)
        for kind, number, what in checked.found:
            print(f"{width} px, document {at + number} ({chosen[at + number][0]}): {kind}: {what}", file=sys.stderr)
        if keep and checked.found:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{width}-{at}.html").write_text(html, encoding="utf8")
    return {**counts, "looked at": dict(looked)}


if __name__ == "__main__":
    typer.run(command)
