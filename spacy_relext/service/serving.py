"""The service on an address of this machine, until it is told to end."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from spacy_relext.errors import RelextError

# Connections that are open at a time; more are told to come back.
MOST_CONNECTIONS = 512
# Seconds until a connection has sent the first line and the headers of a request, and that it stays open without one.
HEADERS, KEEP_ALIVE = 10.0, 5
# Seconds that running requests have to be answered when the service ends.
ENDING = 60


def listen(host: str, port: int) -> socket.socket:
    """A socket on an address. port: 0: any that is free. RAISES: RelextError where there is none, or it is taken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise RelextError(f"the host {host!r:.80} is no address of a machine: {error.strerror or error}. 127.0.0.1 is this one.") from error
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise RelextError(f"port {port} of {host} is taken by another program. Take another one (--port), or 0 for any.") from error
        raise RelextError(f"port {port} of {host} cannot be used: {error.strerror}. Take another host or port.") from error
    return listening


def serve(app: FastAPI, listening: socket.socket, started: Callable[[], None] = lambda: None) -> None:
    """Answer requests until SIGTERM or Ctrl-C: then what is being computed is answered, and what waits is refused.

    started: Is called when the first request may come.
    """
    # uvicorn raises the signal again that has ended it, with the handlers from before.
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with suppress(KeyboardInterrupt, _EndError):
            Server(app, started).run([listening])
    finally:
        signal.signal(signal.SIGTERM, before)


class _EndError(Exception):
    """Somebody has ended the service."""


def _end(number: int, frame: Any) -> None:
    raise _EndError


class Server(uvicorn.Server):
    """uvicorn's, which tells the service of its end before it waits for the answers. `should_exit = True` ends it."""

    def __init__(self, app: FastAPI, started: Callable[[], None] = lambda: None):
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=ENDING,
        )
        super().__init__(config)
        self._service, self._tell = app.state.service, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse what waits, answer what is being computed, end."""
        self._service.refuse()
        await super().shutdown(sockets)


class Protocol(H11Protocol):
    """uvicorn's, which does not wait for ever for the headers of a request."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on; between two requests the time begins with the first byte of the next one."""
        n_before = self.server_state.total_requests
        cycle = self.cycle
        super().data_received(data)
        if self.cycle is not cycle or self.server_state.total_requests != n_before:
            self._stop()
        if self._waiting is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADERS, self._give_up)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
