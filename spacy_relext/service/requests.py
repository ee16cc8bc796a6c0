"""From the bytes of a request to checked values, and from what is wrong with them to a message."""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from spacy_relext.service.refusals import Refusal

JSON = "application/json"
# More keys than any object of a request has.
MOST_KEYS = 10_000
# What pydantic finds, as we say it.
EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "finite_number": "a number",
}


class JsonRequest(Request):
    """A request whose JSON is read as our files are: no key twice, no NaN."""

    async def json(self) -> Any:
        """The value. RAISES: Refusal."""
        return load(await self.body())


class JsonRoute(APIRoute):
    """Takes JSON alone: what pages of others may send without asking is something else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI has it."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            kind = request.headers.get("content-type", "")
            if request.method == "POST" and kind.partition(";")[0].strip().lower() != JSON:
                raise Refusal(415, f"the body is {kind or 'of no type'!r:.80}. Send JSON, with the header Content-Type: {JSON}.")
            return await handle(JsonRequest(request.scope, request.receive))

        return checked


def load(body: bytes) -> Any:
    """What JSON says. RAISES: Refusal with status 400."""
    try:
        return json.loads(body.decode("utf8"), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8 (byte {error.start}). Send JSON in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise Refusal(400, f"the body is not JSON ({error.msg}, line {error.lineno}, column {error.colno}).") from error
    except RecursionError:
        raise Refusal(400, "the body is JSON within JSON, more deeply than it is read. Send what /openapi.json says.") from None
    except ValueError as error:
        raise Refusal(400, f"the body is JSON that is not read: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(pairs) > MOST_KEYS:
        raise ValueError(f"an object has {len(pairs):,} keys; expected {MOST_KEYS:,} at the most.")
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.60} stands twice in one object. Expected it once: which of the two is right?")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON. Expected a number.")


def refusal_of(errors: Sequence[Mapping[str, Any]]) -> Refusal:
    """The first thing that is wrong with the fields of a request."""
    error = errors[0]
    return Refusal(422, _message(error), where=_place(error["loc"]) or None)


def _message(error: Mapping[str, Any]) -> str:
    kind, saw = error["type"], error.get("input")
    if kind == "missing":
        known = f", and saw {sorted(saw)!r:.120}" if isinstance(saw, dict) else ""
        return f"expected the key {error['loc'][-1]!r}{known}." if error["loc"] != ("body",) else "expected a JSON object, and saw no body."
    if kind == "extra_forbidden":
        return f"the key {error['loc'][-1]!r:.60} is unknown. See /api for those that are known."
    expected = EXPECTED.get(kind)
    if expected is None:
        message = error["msg"]
        expected = message.removeprefix("Input should be ") if message.startswith("Input should be ") else None
        if expected is None:
            return f"{message}. Saw {saw!r:.60}."
    return f"expected {expected}, and saw {saw!r:.60}."


def _place(loc: Sequence[str | int]) -> str:
    """As in documents[0].mentions[1].end."""
    place = ""
    for part in loc[1:]:
        if part in ("several", "one", "str", "int") or (isinstance(part, str) and not part.isidentifier() and "[" in part):
            continue  # which of several forms was checked
        place += f"[{part}]" if isinstance(part, int) else f"{'.' if place else ''}{part}"
    return place[:200]
