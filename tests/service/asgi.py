"""A client that asks an application without a network, so that tests see and send every message of ASGI."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode("utf8")

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Sends requests as a browser or a program would."""

    def __init__(self, app: Any, host: str = "127.0.0.1:8000"):
        self.app, self.host = app, host

    def get(self, path: str, **settings: Any) -> Answer:
        return self.request("GET", path, **settings)

    def post(self, path: str, said: Any, **settings: Any) -> Answer:
        return self.request("POST", path, json.dumps(said).encode(), **settings)

    def request(self, method: str, path: str, body: bytes = b"", **settings: Any) -> Answer:
        return asyncio.run(self.ask(method, path, body, **settings))

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] = b"",
        headers: dict[str, str] | None = None,
        gone_after: float | None = None,
        stalls: bool = False,
    ) -> Answer:
        """body: In one message or several. gone_after: Seconds after which the client hangs up. stalls: The last message never comes."""
        chunks = [body] if isinstance(body, bytes) else list(body)
        given = {"host": self.host, **({"content-type": "application/json"} if method == "POST" else {})}
        given |= {"content-length": str(len(body))} if isinstance(body, bytes) else {}
        given |= headers or {}
        messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        if not stalls:
            messages[-1]["more_body"] = False
        answer, is_over = Answer(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), gone_after)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in given.items() if value is not None],
        }
        await self.app(scope, receive, send)
        is_over.set()
        return answer
