"""What every request passes first: who asks, by which name, and how much; and what every answer carries."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders

from spacy_relext.notices import logger
from spacy_relext.service.refusals import Refusal, answer_of
from spacy_relext.service.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Unless an answer says otherwise. Nothing is to be loaded or shown within other pages, and nothing is kept.
HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
# Of a body that is too large, so much is read and forgotten, so that whoever sends it comes to read the answer; and for so many seconds.
DRAINED, DRAINING = 64 * 2**20, 5.0


class Guard:
    """Middleware that refuses what it should not answer, reads the body within its limits, and tells errors without what is inside."""

    def __init__(self, app: App, settings: Settings):
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        answer = _Answer(send, self.settings.timeout)
        try:
            headers = Headers(scope=scope)
            self._check(scope, headers)
            body = await self._body(headers, receive)
            if body is not None:
                await self.app(scope, _replayed(body, receive), answer.send)
        except Refusal as refusal:
            await self._refuse(refusal, scope, receive, answer)
        except TimeoutError:  # nobody reads the answer
            return
        except Exception as error:
            number = uuid4().hex[:12]
            logger.error("%s: %s %s fails", number, scope["method"], scope["path"], exc_info=error)
            failure = Refusal(500, "the service fails, and its log says why.", number=number)
            await self._refuse(failure, scope, receive, answer)

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if not answer.is_begun:
            await answer_of(refusal)(scope, receive, answer.send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Refuse what a page of somebody else has its reader send, and bodies that would have to be unpacked."""
        host = headers.get("host", "")
        if not self.settings.is_allowed(host):
            raise Refusal(
                403,
                f"the service is asked for as {host!r:.80}, and it answers to {', '.join(self.settings.hosts)} alone. Ask for it by one of "
                "these, or start it with --allow-host.",
            )
        if scope["method"] not in ("GET", "HEAD") and _is_of_another(headers, host):
            raise Refusal(403, "a page of another address asks. Only pages of this service may.")
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Refusal(415, f"the body is packed ({headers['content-encoding']!r:.60}). Send it as it is.")

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None where whoever sends it is gone."""
        most = self.settings.max_body
        said = headers.get("content-length", "")
        n_said = int(said) if said.isdecimal() else 0
        body, size = bytearray(), 0
        try:
            async with asyncio.timeout(self.settings.body_timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > most or n_said > most:
                        await _drain(message, size, receive)
                        saw = f"{n_said:,}" if n_said > most else f"more than {most:,}"
                        raise Refusal(413, f"the body has {saw} bytes, and {most:,} are read at the most. Send several requests.")
                    body += chunk
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise Refusal(408, f"the body is not there after {self.settings.body_timeout:g} seconds.") from None


async def _drain(message: Message, size: int, receive: Receive) -> None:
    try:
        async with asyncio.timeout(DRAINING):
            while message["type"] != "http.disconnect" and message.get("more_body", False) and size < DRAINED:
                message = await receive()
                size += len(message.get("body", b""))
    except TimeoutError:
        return


def _is_of_another(headers: Headers, host: str) -> bool:
    """Whether a browser says that a page of another address sends it. Others than browsers say nothing of this."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body in one message, and then what else comes: that whoever asked is gone."""
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


class _Answer:
    """The way of an answer to whoever asked."""

    def __init__(self, send: Send, timeout: float):
        self._send, self._timeout = send, timeout
        self.is_begun = False

    async def send(self, message: Message) -> None:
        """Send, with our headers. RAISES: TimeoutError where it is not taken."""
        if message["type"] == "http.response.start":
            self.is_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if message["status"] in (408, 413):
                # What is left of the body would be taken for the next request.
                headers["connection"] = "close"
        async with asyncio.timeout(self._timeout):
            await self._send(message)
