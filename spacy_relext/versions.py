"""What a result was made with: versions of packages, and the commit of this one."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

PACKAGES = ("spacy-relext", "spacy", "spacy-transformers", "thinc", "torch", "transformers", "numpy")


def versions(*more: str) -> dict[str, str]:
    """The versions of Python and of the packages that matter. more: Further packages."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in (*PACKAGES, *more)}}


def source_commit() -> dict[str, str]:
    """The commit that this package is at, where it runs from a clone; with `+` where files differ. Nothing of a wheel."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return {}
    try:
        told = [
            subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=True).stdout.strip()
            for command in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.CalledProcessError):  # no git, or a folder that it does not trust
        return {}
    return {"commit": told[0] + "+" * bool(told[1])}
