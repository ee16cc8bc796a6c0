"""Chromium, driven by playwright, and a page of it that notes what goes wrong.

Without playwright (extra `test`) or a chromium there is none; a test that wants one is skipped with the reason.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADDRESS = "http://pictures.test/"
# What pictures, reports and rendered files hold under.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class MissingError(Exception):
    """What a check in a browser needs, and is not here."""


def executable() -> str:
    """The chromium of the variable RELEXT_CHROMIUM, or of the path. RAISES: MissingError."""
    given = os.environ.get("RELEXT_CHROMIUM")
    found = given or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise MissingError(f"there is no {', '.join(NAMES)}, and RELEXT_CHROMIUM names none")
    return found


def axe_source() -> str:
    """axe-core's script, from the file that RELEXT_AXE names, or from node_modules. RAISES: MissingError."""
    path = Path(os.environ.get("RELEXT_AXE") or ROOT / "node_modules" / "axe-core" / "axe.min.js")
    if not path.is_file():
        raise MissingError(f"there is no axe-core in {path}: npm install axe-core, or name its axe.min.js in RELEXT_AXE")
    return path.read_text(encoding="utf8")


@contextmanager
def started() -> Iterator[Any]:
    """A browser of playwright's. RAISES: MissingError."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise MissingError("playwright is not installed") from None
    path = executable()
    # Chromium refuses to run as root with its sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Shown:
    """A page of HTML in a browser, as a server would give it, under a policy.

    page: playwright's. noted: What the browser's console, dialogs and requests for other files told; empty where all is well.
    """

    def __init__(self, browser: Any, html: str, *, width: int = 900, height: int = 800, policy: str = POLICY, **context: Any):
        self.noted: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": height}, **context)
        self.page.on("console", lambda message: self.noted.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.noted.append(f"error: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.route("**/*", lambda route: self._answer(route, html, policy))
        self.page.goto(ADDRESS)

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close()

    def run(self, name: str, *arguments: Any) -> Any:
        """What a function in a file beside this one gives, called with the arguments."""
        code = (Path(__file__).parent / name).read_text(encoding="utf8")
        return self.page.evaluate(f"given => ({code})(...given)", list(arguments))

    def _dismiss(self, dialog: Any) -> None:
        self.noted.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _answer(self, route: Any, html: str, policy: str) -> None:
        if route.request.url.partition("#")[0] == ADDRESS:
            headers = {"Content-Security-Policy": policy} if policy else {}
            route.fulfill(body=html, headers=headers, content_type="text/html; charset=utf-8")
        else:
            self.noted.append(f"request: {route.request.url}")
            route.abort()


def violations(shown: Shown) -> list[str]:
    """What axe-core finds against a page: rule, what it says, and the first places. RAISES: MissingError."""
    shown.page.evaluate(axe_source())
    found = shown.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']} ({', '.join(str(n['target']) for n in v['nodes'][:3])})" for v in found["violations"]]
