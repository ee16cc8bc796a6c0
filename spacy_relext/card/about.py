"""What only a person can say of a pipeline: whose it is, under which licence, what for. A YAML or JSON file, or a mapping."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import srsly

from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.files import read_errors


@dataclass(frozen=True)
class Source:
    """Data or an encoder that the pipeline was made of.

    use: What of it was used, and for what. hub: Its id on the Hugging Face hub.
    """

    name: str
    url: str = ""
    license: str = ""
    author: str = ""
    use: str = ""
    hub: str = ""


@dataclass(frozen=True)
class About:
    """What a person says of a pipeline; what is left out, the card calls not stated.

    name, version, description, author, email, url, license: As in meta.json, and in their place. name: Without the language, relext_demo.
    license: As SPDX calls it: MIT, CC-BY-NC-4.0. license_link: Of one that SPDX does not know.
    purpose, not_for: What it is for, and what it is not for.
    labels, mentions: Definitions of labels and of types of mentions. guideline: Where all of it stands.
    data: What it was trained, developed and tested on. test: What the documents are called that it is measured on.
    encoder: What it was trained from.
    not_tested: What nobody has tested, a sentence each. citation: BibTeX, or a sentence.
    example: A text that the pipeline is shown with. Never one that you have no right to publish.
    files_url: Where the files of the pipeline will be seen, for the picture: https://huggingface.co/ME/en_mine/resolve/main.
    """

    name: str = ""
    version: str = ""
    description: str = ""
    author: str = ""
    email: str = ""
    url: str = ""
    license: str = ""
    license_link: str = ""
    purpose: str = ""
    not_for: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    mentions: Mapping[str, str] = field(default_factory=dict)
    guideline: str = ""
    data: tuple[Source, ...] = ()
    test: str = ""
    encoder: Source | None = None
    not_tested: tuple[str, ...] = ()
    example: str = ""
    citation: str = ""
    files_url: str = ""


def read_about(given: str | Path | Mapping[str, Any] | About | None) -> About:
    """What a YAML or JSON file says, or a mapping. None: nothing.

    RAISES: RelextError, with the file where it is one, for what cannot be read, for unknown names, and for values of another kind.
    """
    if given is None or isinstance(given, About):
        return given or About()
    path = None if isinstance(given, Mapping) else Path(given)
    said = given if path is None else _read(path)
    try:
        return About(**_checked(said, About, ""))
    except RelextError as error:
        raise DataError(str(error), path=path) from None


def _read(path: Path) -> Any:
    with read_errors(path):
        text = path.read_text(encoding="utf8")
    kind = "JSON" if path.suffix.lower() == ".json" else "YAML"
    try:
        return srsly.json_loads(text) if kind == "JSON" else srsly.yaml_loads(text)
    except ValueError as error:
        raise DataError(f"it is no {kind}: {' '.join(str(error).split())}", path=path) from error


def _checked(said: Any, kind: type[Any], place: str) -> dict[str, Any]:
    if not isinstance(said, Mapping):
        raise RelextError(f"{place or 'it'} is {said!r:.60}; expected names and values, e.g. license: MIT.")
    known = {f.name: f for f in fields(kind)}
    unknown = [str(name) for name in said if name not in known]
    if unknown:
        raise RelextError(f"{place or 'it'} names {', '.join(unknown)}; known are {', '.join(known)}.")
    missing = [name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING and name not in said]
    if missing:
        raise RelextError(f"{place} has no {', '.join(missing)}.")
    values = {name: value for name, value in said.items() if value is not None}
    return {name: _check_of(name)(value, f"{place}.{name}" if place else name) for name, value in values.items()}


def _check_of(name: str) -> Callable[[Any, str], Any]:
    return _CHECKS.get(name, _text)


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise RelextError(f"{place} is {value!r:.60}; expected text. Put it into quotes.")
    return value.strip()


def _texts(value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise RelextError(f"{place} is {value!r:.60}; expected a list of sentences.")
    return tuple(_text(entry, f"{place}[{i}]") for i, entry in enumerate(value))


def _definitions(value: Any, place: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise RelextError(f"{place} is {value!r:.60}; expected a definition by name, e.g. INHIBITS: the head inhibits the tail.")
    return {str(name): _text(text, f"{place}.{name}") for name, text in value.items()}


def _source(value: Any, place: str) -> Source:
    return Source(**_checked(value, Source, place))


def _sources(value: Any, place: str) -> tuple[Source, ...]:
    if not isinstance(value, list | tuple):
        raise RelextError(f"{place} is {value!r:.60}; expected a list of sources, each with a name.")
    return tuple(_source(entry, f"{place}[{i}]") for i, entry in enumerate(value))


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "labels": _definitions,
    "mentions": _definitions,
    "data": _sources,
    "encoder": _source,
    "not_tested": _texts,
}
