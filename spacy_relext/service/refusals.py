"""Requests that are not answered: one form of error for all of them."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException, Response


class Refusal(HTTPException):
    """A status, and a message that says what was seen, what is expected, and the cure.

    where: What of the request it is about, as in "documents[0].text". number: Under which the log has more of it.
    retry_after: Seconds after which the same request may be answered.
    """

    def __init__(self, status: int, message: str, *, where: str | None = None, number: str | None = None, retry_after: int | None = None):
        self.message, self.where, self.number = message, where, number
        super().__init__(status, message, {} if retry_after is None else {"Retry-After": str(retry_after)})


class Answer(Response):
    """JSON in UTF-8, as our JSONL has it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of it."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def answer_of(error: HTTPException) -> Response:
    """The answer that says what is wrong."""
    return error_answer(error.status_code, str(error.detail), getattr(error, "where", None), getattr(error, "number", None), error.headers)


def error_answer(
    status: int, message: str, where: str | None = None, number: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The one form of all errors. where, number: Are left out where there are none."""
    said = {"status": status, "message": message, "where": where, "id": number}
    return Answer({"error": {key: value for key, value in said.items() if value is not None}}, status, headers)
