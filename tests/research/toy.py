"""The commands of `python -m research`, run in this process."""

from typer.testing import Result

from research.__main__ import app
from tests.cli.toy import run_command


def research(*args, **kwargs) -> Result:
    """Run `python -m research` with some arguments; an exception that is a bug is raised."""
    return run_command(app, args, **kwargs)
