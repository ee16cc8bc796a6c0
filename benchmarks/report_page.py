"""What a report costs whoever reads it: bytes, and time in a real browser until it is seen, is loaded, and answers the pointer."""

import json
import os
import random
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

# From the pointer's event until the frame after the next is begun: what it lights up has been painted then.
WATCH = """() => {
  window.answered = [];
  document.addEventListener('mouseover', event => {
    requestAnimationFrame(() => requestAnimationFrame(() => window.answered.push(performance.now() - event.timeStamp)));
  }, true);
}"""
# What lights something up: the way of a relation, and the words of a mention.
PLACES = "() => [...document.querySelectorAll('article')].filter(a => a.getClientRects().length).map(a => a.id)"
POINT = """id => {
  const words = document.querySelector(`#${id} .T b[class^=n], #${id} .T b[class*=' n']`);
  if (!words) return null;
  words.scrollIntoView({block: 'center'});
  const box = words.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
}"""


def report_page(
    page: Path = typer.Argument(..., help="A report that `relext evaluate --report` wrote."),
    n_hovers: int = typer.Option(40, help="Over so many pictures, drawn by chance, the pointer is moved."),
    repeats: int = typer.Option(3, help="The page is opened as often; medians count."),
    seed: int = typer.Option(0, help="Of the pictures."),
):
    """Bytes of a report, milliseconds until first paint and load, and from the pointer over a mention to what it lights up."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("RELEXT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        opened = [_open(browser, page) for _ in range(repeats)]
        shown = browser.new_page(viewport={"width": 1280, "height": 900})
        shown.goto(page.resolve().as_uri())
        # All pictures are there to be pointed at, as after a reader opened every group.
        shown.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = true })")
        session = shown.context.new_cdp_session(shown)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        hovers, busy = zip(*_hover(shown, session, n_hovers, seed), strict=True)
        browser.close()
    figures: dict[str, Any] = {"MB": round(page.stat().st_size / 1e6, 2)}
    figures |= {f"ms, {name}": round(statistics.median(times[name] for times in opened)) for name in opened[0]}
    figures |= {
        "hovers": len(hovers),
        "ms, hover, median": round(statistics.median(hovers)),
        "ms, hover, 95 %": round(statistics.quantiles(hovers, n=20)[-1]),
    }
    figures |= {"ms, hover, slowest": round(max(hovers))}
    # Of the page's thread alone: what it would be on a machine that does nothing else.
    figures |= {"processor's ms, hover, median": round(statistics.median(busy)), "processor's ms, hover, slowest": round(max(busy))}
    print(json.dumps(figures, indent=2))


def _open(browser: Any, page: Path) -> dict[str, float]:
    shown = browser.new_page(viewport={"width": 1280, "height": 900})
    shown.goto(page.resolve().as_uri(), wait_until="load")
    shown.wait_for_timeout(200)
    paint = shown.evaluate("() => performance.getEntriesByType('paint').find(e => e.name === 'first-contentful-paint').startTime")
    load = shown.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd")
    shown.close()
    return {"first paint": paint, "loaded": load}


def _hover(shown: Any, session: Any, n: int, seed: int) -> Iterator[tuple[float, float]]:
    """For each picture, milliseconds from the pointer to what it lights up, and those of the processor until all is done."""
    places = shown.evaluate(PLACES)
    shown.evaluate(WATCH)
    for place in random.Random(seed).sample(places, min(n, len(places))):
        at = shown.evaluate(POINT, place)
        if at is not None:
            shown.mouse.move(1, 1)
            shown.wait_for_timeout(200)
            shown.evaluate("() => { window.answered = [] }")
            before = _busy(session)
            shown.mouse.move(*at)
            shown.wait_for_function("() => window.answered.length")
            shown.wait_for_timeout(200)
            yield shown.evaluate("() => window.answered[0]"), _busy(session) - before


def _busy(session: Any) -> float:
    """Milliseconds of the processor that the page's thread took so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")
