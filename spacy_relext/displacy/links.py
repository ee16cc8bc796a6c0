"""The addresses of concepts: what may stand in a link."""

from typing import Any
from urllib.parse import quote, urlsplit

from spacy_relext.errors import RelextError

# What displaCy gives for a concept without an address.
NONE = "#"


def checked_template(template: str) -> str:
    """A template of addresses. RAISES: RelextError where an identifier has no place in it, and for one that is no address of the web."""
    try:
        made = [template.format(name) for name in ("D1", "D2")]
    except (IndexError, KeyError, ValueError, AttributeError) as error:
        raise RelextError(f"kb_url_template is {template!r:.80} ({error}); expected a place for the identifier, {{}}.") from error
    if made[0] == made[1]:
        raise RelextError(f"kb_url_template is {template!r:.80}, without a place for the identifier, {{}}.")
    checked_url(made[0], "kb_url_template")
    return template


def url_of(template: str | None, kb_id: str) -> str:
    """The address of a concept. What is no part of an address in its identifier is quoted."""
    return template.format(quote(kb_id, safe="/:@!$&'()*+,;=-._~")) if template and kb_id else NONE


def checked_url(url: Any, what: str) -> str:
    """An address that a link may have: nothing that runs or is read from the disk. RAISES: RelextError for another one."""
    scheme: str | None = None
    if isinstance(url, str) and not any(character.isspace() or not character.isprintable() for character in url):
        try:
            scheme = urlsplit(url).scheme.lower()
        except ValueError:
            scheme = None
    if scheme not in ("", "http", "https"):
        raise RelextError(f'{what} is {url!r:.80}; expected an address of the web, which begins with https://, or "#" for none.')
    return str(url)
