"""`python -m spacy relext …`: the commands, thin over functions that Python has too; only here is anything printed.

spaCy imports this module through the entry point group `spacy_cli` whenever its command line starts, so a command is imported when it is
run, or when its help is shown.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from spacy.cli._util import app
from typer.core import TyperGroup

# The commands in the order of the help, and the modules here that have them; a module has a function of the command's name.
MODULES = {
    "convert": "convert",
    "export": "convert",
    "init-config": "init_config",
    "evaluate": "evaluate",
    "extract": "extract",
    "encoder": "encoder",
    "formats": "formats",
    "crossval": "crossval",
    "debug-data": "debug_data",
}
# Their other options are settings of the config, as in `spacy train`.
WITH_OVERRIDES = {"crossval", "debug-data"}
# Those that do something without any argument.
WITHOUT_ARGUMENTS = {"formats"}


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is asked for. markup: How their help is shown, as typer's groups have it."""

    def __init__(self, markup: Any):
        self._markup = markup
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)

    def _make(self, name: str) -> Any:
        function = getattr(import_module(f"{__name__}.{MODULES[name]}"), name.replace("-", "_"))
        settings = {"allow_extra_args": True, "ignore_unknown_options": True} if name in WITH_OVERRIDES else None
        made = typer.Typer(add_completion=False, rich_markup_mode=self._markup)
        made.command(name, no_args_is_help=name not in WITHOUT_ARGUMENTS, context_settings=settings)(function)
        return typer.main.get_command(made)


class _Group(TyperGroup):
    """Imports no command before it is needed."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.commands: Any = _Commands(self.rich_markup_mode)


relext_cli = typer.Typer(
    name="relext", cls=_Group, help="Relation extraction: convert corpora, evaluate models, extract relations.", no_args_is_help=True
)


@relext_cli.callback()
def _set_up() -> None:
    from spacy_relext.callbacks import keep_to_itself

    keep_to_itself()


app.add_typer(relext_cli)
