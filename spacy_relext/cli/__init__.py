"""`python -m spacy relext …`: the commands, thin over functions that Python has too; only here is anything printed.

spaCy imports this module through the entry point group `spacy_cli` whenever its command line starts, so a command is imported when it is
run, or when its help is shown.
"""

import inspect
import platform
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import spacy
import typer
from spacy.cli import app
from typer.core import TyperCommand, TyperGroup

import spacy_relext

# The commands in the order of work, and the modules here that have them; a module has a function of the command's name.
PANELS = {
    "Data": {"formats": "formats", "convert": "convert", "debug-data": "debug_data"},
    "Training": {"encoder": "encoder", "init-config": "init_config", "train": "train", "distill": "distill"},
    "Scores": {
        "evaluate": "evaluate",
        "crossval": "crossval",
        "calibrate": "calibrate",
        "threshold": "threshold",
        "contrast": "contrast",
        "explain": "explain",
        "card": "card",
    },
    "Relations of new texts": {"extract": "extract", "render": "render", "export": "convert", "serve": "serve"},
}
MODULES = {name: module for panel in PANELS.values() for name, module in panel.items()}
# Their other options are settings of the config, as in `spacy train`.
WITH_OVERRIDES = {"crossval", "debug-data", "distill", "train"}
# Those that do something without any argument.
WITHOUT_ARGUMENTS = {"formats"}


class _Command(TyperCommand):
    """Refuses empty arguments and paths: to Python, an empty path is the current folder, whose files would be read, and written over."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As click does it."""
        given, _, _ = self.make_parser(ctx).parse_args(list(args))
        parameters: Any = inspect.signature(self.callback or _set_up).parameters
        for param in self.params:
            name, value = param.name or "", given.get(param.name)
            is_argument = param.param_type_name == "argument"
            if (is_argument or parameters[name].annotation is Path) and "" in (value if isinstance(value, list | tuple) else [value]):
                shown = param.metavar or name.upper() if is_argument else param.opts[0]
                ctx.fail(f"{shown} is empty. If it comes from a variable of the shell, this is not set.")
        return super().parse_args(ctx, args)


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is asked for."""

    def __init__(self) -> None:
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
        made = typer.Typer(add_completion=False, rich_markup_mode=None)
        made.command(name, cls=_Command, no_args_is_help=name not in WITHOUT_ARGUMENTS, context_settings=settings)(function)
        return typer.main.get_command(made)


class _Group(TyperGroup):
    """Imports no command before it is needed."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.commands: Any = _Commands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section of the help for each panel."""
        for panel, names in PANELS.items():
            with formatter.section(panel):
                # A whole sentence each, on as many lines as it takes.
                formatter.write_dl([(name, self.commands[name].get_short_help_str(limit=400)) for name in names])


relext_cli = typer.Typer(
    name="relext",
    cls=_Group,
    help="Relation extraction: convert corpora, evaluate models, extract relations.",
    no_args_is_help=True,
    rich_markup_mode=None,  # as spaCy's command line has it
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spacy-relext {spacy_relext.__version__}, spaCy {spacy.__version__}, Python {platform.python_version()}")
        raise typer.Exit


@relext_cli.callback()
def _set_up(version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the versions.")) -> None:
    from spacy_relext.callbacks import keep_to_itself

    keep_to_itself()


app.add_typer(relext_cli)
