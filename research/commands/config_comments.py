"""`research config-comments`: what each config says otherwise than its template, written at its begin."""

from pathlib import Path

import typer
from wasabi import msg

from research.config_comments import commented
from spacy_relext.cli.errors import reported_errors
from spacy_relext.formats.files import whole_file


def config_comments(paths: list[Path] = typer.Argument(None, help="Configs; all of configs/ if left out.")):
    """Write into each config, as a comment, in what it differs from the template of `relext init-config`."""
    with reported_errors():
        for path in paths or sorted(Path("configs").glob("*.cfg")):
            text = commented(path)
            if text != path.read_text(encoding="utf8"):
                with whole_file(path) as file:
                    file.write(text)
                msg.good(f"{path}")
