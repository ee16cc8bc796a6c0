"""`relext formats`: the formats, and what each cannot hold."""

from collections.abc import Iterable

import typer
from wasabi import msg

from spacy_relext.cli.errors import reported_errors
from spacy_relext.cli.tables import print_table
from spacy_relext.formats import catalogue
from spacy_relext.formats.catalogue import Format, get_format

HEADER = ("format", "what it is", "reads", "writes")


def formats(
    name: str = typer.Argument(None, help="A format, to see what it cannot hold; all, if left out."),
    markdown: bool = typer.Option(False, "--markdown", help="All, with what each cannot hold, as a table of Markdown."),
):
    """List the formats, those of other packages too: what is read and written, from and to which files; and what one cannot hold."""
    with reported_errors():
        if markdown:
            typer.echo(markdown_table(catalogue.formats()))
            return
        if name is None:
            print_table(HEADER, map(_row, catalogue.formats()))
            return
        found = get_format(name)
        print_table(HEADER, [_row(found)])
        if found.options:
            msg.text(f"Options: {_options(found)}.")
        if found.writes:
            msg.text("Not supported, and counted when it is written:" + (" nothing." if not found.lacks else ""))
            for what in found.lacks:
                msg.text(f"- {what}")


def markdown_table(some: Iterable[Format]) -> str:
    """A line per format: what it is, what is read and written, its options, what it cannot hold."""
    rows = [(*HEADER, "options", "cannot hold"), ("---",) * 6]
    for found in some:
        lacks = ", ".join(found.lacks) or "nothing is lost"
        rows.append((f"`{found.name}`", *_row(found)[1:], _options(found), lacks if found.writes else ""))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _options(found: Format) -> str:
    return ", ".join(sorted(f"--{option.replace('_', '-')}" for option in found.options))


def _row(found: Format) -> tuple[str, str, str, str]:
    written = (found.suffix or "a folder") if found.writes else ""
    return found.name, found.about, ", ".join(found.suffixes) if found.reads else "", written
