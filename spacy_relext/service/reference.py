"""A plain page of the API, made from its description: without a script, and nothing from elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
STYLE = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{border-bottom:1px solid color-mix(in srgb,currentColor 30%,transparent);padding:.25rem .5rem;text-align:left;vertical-align:top}
div.scroll{overflow-x:auto}
"""


def page(description: Mapping[str, Any]) -> str:
    """The page. description: What /openapi.json says."""
    info, schemas = description["info"], description.get("components", {}).get("schemas", {})
    parts = [f"<h1>{escape(info['title'])}</h1>", f"<p>{escape(info.get('description', ''))}</p>"]
    parts += ['<p>The same for programs: <a href="openapi.json">openapi.json</a>. <a href="./">To the page</a></p>', "<h2>Addresses</h2>"]
    for path, methods in description["paths"].items():
        for method, said in methods.items():
            parts += _address(path, method, said)
    parts.append("<h2>Objects</h2>")
    for name, schema in schemas.items():
        parts += _schema(name, schema)
    title = f"API of {escape(info['title'])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>"
    )


def _address(path: str, method: str, said: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{escape(said.get('description') or said.get('summary', ''))}</p>"
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        yield f"<p>Body, as <code>application/json</code>: {_type(body)}</p>"
    rows = []
    for status, answer in said.get("responses", {}).items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        rows.append((escape(status), escape(answer.get("description", "")), _type(schema) if schema else ""))
    yield _table(("status", "meaning", "answer"), rows)


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    required = set(schema.get("required", ()))
    rows = [
        (f"<code>{escape(key)}</code>{'' if key in required else ' (optional)'}", _type(field), escape(field.get("description", "")))
        for key, field in schema.get("properties", {}).items()
    ]
    if rows:
        yield _table(("key", "value", "meaning"), rows)


def _type(schema: Mapping[str, Any]) -> str:
    """What a value is, as markup."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for key in ("anyOf", "oneOf"):
        if key in schema:
            kinds = [_type(kind) for kind in schema[key] if kind.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    kind = schema.get("type", "any value")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return escape(str(kind))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    columns = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table></div>'
