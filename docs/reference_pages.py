"""The reference, made of what the code says of itself: Markdown in the place of `<!-- generated: NAME -->` in a page.

Sphinx calls it for every page (`source-read`). The tests call it too, so that a docstring that cannot be shown fails there.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import typer

import spacy_relext
from spacy_relext import displacy
from spacy_relext.cli import relext_cli
from spacy_relext.formats.catalogue import OURS, BuiltIn
from spacy_relext.pipeline.relation_extractor import RelationExtractor

MARK = re.compile(r"^<!-- generated: ([a-z-]+) -->$", flags=re.MULTILINE)
# What stands before the colon of a line of a docstring that describes arguments: `name (Type)`, `first, second (int)`, `name`.
NAMED = re.compile(r"([a-z_]\w*|nO|RETURNS|RAISES)( \(.*\))?")
# The groups in the order of the page: heading, and where a name of the group stands in a config.
GROUPS = {
    "spacy_factories": ("Components", "factory"),
    "spacy_architectures": ("Architectures", "@architectures"),
    "spacy_relext_summaries": ("Summaries", "@relext_summaries"),
    "spacy_misc": ("Candidates and marking", "@misc"),
    "spacy_span_getters": ("Windows of the transformer", "@span_getters"),
    "spacy_readers": ("Readers", "@readers"),
    "spacy_callbacks": ("Callbacks", "@callbacks"),
    "spacy_scorers": ("Scorers", "@scorers"),
    "spacy_tokenizers": ("Tokenizers", "@tokenizers"),
}
# The factory is light, so the settings are described where they are used.
DESCRIBED_AT = {"relation_extractor": "spacy_relext.pipeline.relation_extractor:RelationExtractor"}
# What the pages of formats refer to by the names of their files.
RULES = {
    "roles": "Head and tail",
    "concepts": "Relations between concepts",
    "denials": "Denied relations",
    "identifiers": "Identifiers of concepts",
    "offsets": "Offsets",
    "standoff": "Lines of brat and of the BioNLP shared tasks",
    "biocmodel": "Documents of BioC",
    "triples": "Triples",
    "projects": "Exported projects of INCEpTION",
}
# Of the component: what is public beyond that of every component of spaCy.
METHODS = ("threshold", "label_thresholds", "uncertain_below", "calibration", "labels", "add_label", "score_pairs", "attention", "explain")
# spaCy passes these itself.
GIVEN = {"self", "nlp", "name", "nO"}


def resolve(source: str) -> str:
    """The text of a page with what is generated in it."""
    return MARK.sub(lambda mark: PAGES[mark[1]](), source)


def registered_names() -> str:
    """Every entry point of this package, with its arguments."""
    return "\n".join(_registered_names())


def _registered_names() -> Iterator[str]:
    for group, (heading, key) in GROUPS.items():
        yield f"## {heading}\n"
        for entry in sorted(own_entry_points(group), key=lambda entry: entry.name):
            found = entry.load()
            yield f'### `{entry.name}`\n\n```ini\n{key} = "{entry.name}"\n```\n'
            yield _described(_docstring(entry), _parameters(found, skip=GIVEN if group == "spacy_factories" else GIVEN - {"name"}))


def described_arguments(entry: Any) -> set[str]:
    """The arguments that the docstring of an entry point describes."""
    return {name for line in _docstring(entry).splitlines()[1:] for name in _argument_of(line)[0]}


def _docstring(entry: Any) -> str:
    own = inspect.getdoc(entry.load()) or ""
    if entry.name not in DESCRIBED_AT:
        return own
    arguments = [line for line in own.splitlines()[1:] if _argument_of(line)[0]]
    return "\n".join([inspect.getdoc(_load(DESCRIBED_AT[entry.name])) or "", *arguments])


def own_entry_points(group: str) -> list[Any]:
    """Those of this package in a group."""
    return [entry for entry in entry_points(group=group) if entry.value.startswith("spacy_relext")]


def python_names() -> str:
    """What `spacy_relext` itself offers."""
    return "\n".join(_python_name(name, getattr(spacy_relext, name)) for name in sorted(spacy_relext.__all__, key=str.lower))


def _python_name(name: str, found: Any) -> str:
    if not isinstance(found, type):
        return _python_object("function", name, found)
    kind = "exception" if issubclass(found, BaseException) else "class"
    # The component's are in a section of their own.
    return _python_object(kind, name, found, "" if found is RelationExtractor else "\n".join(_members(found)))


def pictures() -> str:
    """What `spacy_relext.displacy` offers, and the options of a picture."""
    return "\n".join(_python_name(f"displacy.{name}", getattr(displacy, name)) for name in displacy.__all__)


def component() -> str:
    """Methods and properties of the component beyond those of every component."""
    return "\n".join(_members(RelationExtractor, METHODS))


def _members(found: type, names: Iterable[str] | None = None) -> Iterator[str]:
    for member in vars(found) if names is None else names:
        value = inspect.getattr_static(found, member)
        if member.startswith("_") or not inspect.getdoc(value) or isinstance(value, type):
            continue
        if inspect.isfunction(value) or isinstance(value, classmethod | staticmethod):
            yield _python_object("method", member, getattr(found, member))
        elif isinstance(value, property):
            yield _python_object("property", member, value)


def _python_object(kind: str, name: str, found: Any, members: str = "") -> str:
    fence = "::::::" if members else ":::::"
    signature = "" if kind == "property" else _signature(found, name)
    return f"{fence}{{py:{kind}}} {name}{signature}\n\n{_described(inspect.getdoc(found) or '', {})}\n{members}\n{fence}\n"


def _signature(found: Any, name: str) -> str:
    try:
        signature = inspect.signature(found)
    except ValueError:
        return ""
    kept = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    text = str(signature.replace(parameters=[p.replace(annotation=p.empty, default=_shown_default(p)) for p in kept]))
    return text.split(" -> ")[0]


class _Shown:
    """A default whose repr is what stands in the page."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _shown_default(parameter: inspect.Parameter) -> Any:
    default = parameter.default
    return default if default is parameter.empty or isinstance(default, str | int | float | tuple | None) else _Shown("...")


def command_line() -> str:
    """The commands, with their arguments and options."""
    group: Any = typer.main.get_command(relext_cli)
    return "\n".join(_command(name, command) for name, command in group.commands.items())


def _command(name: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    usage = " ".join([f"python -m spacy relext {name}", *(_argument(param) for param in arguments), *(["[OPTIONS]"] if options else [])])
    rows = [f"- `{_argument(param)}`: {param.help or ''}" for param in arguments]
    rows += [f"- {_option(param)}{_default(param)}: {param.help or ''}" for param in options]
    return f"## `relext {name}`\n\n```\n{usage}\n```\n\n{_prose(command.help or '')}\n\n" + "\n".join(_prose(row) for row in rows) + "\n"


def _argument(param: Any) -> str:
    name = param.name.upper() + ("…" if param.nargs != 1 else "")
    return name if param.required else f"[{name}]"


def _option(param: Any) -> str:
    return ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))


def _default(param: Any) -> str:
    if param.default in (None, False, (), []) or callable(param.default):
        return ""
    return f" (default `{getattr(param.default, 'value', param.default)}`)"


def formats() -> str:
    """A section for every format of this package, and for the rules that several share; the page has the table of `relext formats`."""
    return "\n".join([*map(_format, OURS.values()), *(_rule(name, heading) for name, heading in RULES.items())])


def _rule(name: str, heading: str) -> str:
    described = inspect.getdoc(importlib.import_module(f"spacy_relext.formats.{name}")) or ""
    return f"(rule-{name})=\n## {heading} ({name}.py)\n\n{_prose(described)}\n"


def _format(one: BuiltIn) -> str:
    lines = [f"(format-{one.name})=\n## `{one.name}`: {one.about}\n"]
    if one.labels:
        lines.append(f"Annotated for the labels {', '.join(f'`{label}`' for label in one.labels)}.\n")
    describing = getattr(one.code, one.function) if one.module == "texts" else one.code
    return "\n".join([*lines, "", _prose(inspect.getdoc(describing) or ""), ""])


def _parameters(found: Any, skip: set[str]) -> dict[str, inspect.Parameter]:
    return {name: parameter for name, parameter in inspect.signature(found).parameters.items() if name not in skip}


def _described(docstring: str, parameters: dict[str, inspect.Parameter]) -> str:
    """A docstring as Markdown: its prose, and a list of its arguments, with the defaults of `parameters`."""
    lines: list[str] = []
    left_out = False
    for line in docstring.splitlines():
        names, text = _argument_of(line) if lines else ([], "")
        if not names:
            if left_out and line.startswith("    "):
                continue
            if line.strip() and not line.startswith("    ") and lines and lines[-1].startswith(("- ", "    ")):
                lines.append("")
            lines.append(line)
            continue
        left_out = bool(parameters) and names[0] not in ("RETURNS", "RAISES") and not set(names) & set(parameters)
        if left_out:
            continue
        if lines[-1].strip() and not lines[-1].startswith(("- ", "    ")):
            lines.append("")
        defaults = [parameters[name].default for name in names if name in parameters]
        shown = ", ".join(f"`{default!r}`" for default in defaults if default is not inspect.Parameter.empty)
        lines.append(f"- **{line[: -len(text) - 2]}**{', default ' if shown else ''}{shown}: {text}")
    return _prose("\n".join(lines)) + "\n"


def _argument_of(line: str) -> tuple[list[str], str]:
    """The arguments that a line describes, and what it says of them; none, if it is prose."""
    depth, first, heads = 0, 0, []
    for i, letter in enumerate(line):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and line[i : i + 2] in (", ", ": "):
            heads.append(line[first:i])
            first = i + 2
            if letter == ":":
                named = [NAMED.fullmatch(head) for head in heads]
                return ([match[1] for match in named if match] if all(named) else []), line[first:]
    return [], ""


def _prose(text: str) -> str:
    """Docstring text as Markdown: what would be taken for a link or for HTML is not."""
    return re.sub(r"<(?=[A-Za-z/])", r"\\<", text)


def _load(place: str) -> Any:
    name, attribute = place.split(":")
    return getattr(importlib.import_module(name), attribute)


PAGES: dict[str, Callable[[], str]] = {
    "registered-names": registered_names,
    "python": python_names,
    "component": component,
    "pictures": pictures,
    "command-line": command_line,
    "formats": formats,
}


def all_marks(folder: Path) -> set[str]:
    """The names that pages ask for."""
    return {mark for page in folder.rglob("*.md") for mark in MARK.findall(page.read_text(encoding="utf8"))}
