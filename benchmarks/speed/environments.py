"""The environments of other libraries, whose dependencies do not fit this package's: venv and pip, from a file of requirements each."""

import os
import subprocess
import sys
from pathlib import Path

import typer

PEERS = Path(__file__).parent.parent / "peers"
ENVIRONMENTS = Path("build/peers")
NAMES = ("flair", "kindred")


def interpreter(folder: Path, name: str) -> Path:
    """The Python of an environment, whether it is there or not."""
    return folder / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def peers(
    names: list[str] = typer.Argument(None, help="Which, of flair and kindred; both, if left out."),
    environments: Path = typer.Option(ENVIRONMENTS, help="The folder of the environments."),
):
    """Make the environments of the libraries that `speed` measures beside this one. What is there already is brought up to date."""
    for name in names or NAMES:
        python = interpreter(environments, name)
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(environments / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(PEERS / f"{name}.txt")], check=True)
        print(f"{name}: {python}")
