"""What an output was made with: the pipeline and the hash of its files, settings, and versions of packages.

    {"pipeline": {"name": "en_relext_demo", "version": "0.1.0", "sha256": "9f2c…", "components": ["transformer", "relation_extractor"]},
     "packages": {"python": "3.11.2", "spacy-relext": "0.1.0", "spacy": "3.8.18", …},
     "settings": {"threshold": 0.5, …},
     "computed": {"precision": "bfloat16", …}}

No time and no name of a machine is among it: the same documents, run in the same way, give the same bytes. A manifest says beside this what
came of the run, and the SHA-256 of each file of the output.
"""

import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spacy.language import Language

from spacy_relext import __version__
from spacy_relext.formats.files import sha256, whole_file

# What relations and scores depend on, beside the packages that a pipeline names itself.
PACKAGES = ("spacy", "spacy-transformers", "thinc", "torch", "transformers", "tokenizers", "numpy")
# What `asked` says of the pipeline and this package, which stands elsewhere here.
ELSEWHERE = {"pipeline", "checksum of the pipeline", "version of spacy-relext"}
SUFFIX = ".manifest.json"


def pipeline_of(nlp: Language) -> dict[str, Any]:
    """Name, version, components, and the SHA-256 of the files of a pipeline; None where it is of no folder."""
    return {
        "name": name_of(nlp),
        "version": nlp.meta["version"],
        "sha256": None if nlp.path is None else sha256(Path(nlp.path)),
        "components": nlp.pipe_names,
    }


def name_of(nlp: Language) -> str:
    """The name of a pipeline as that of its package: en_relext_demo."""
    return f"{nlp.meta['lang']}_{nlp.meta['name']}"


def packages(nlp: Language | None = None) -> dict[str, str]:
    """The versions of Python, of this package, and of those that results depend on; also of those that a pipeline requires."""
    requirements = nlp.meta.get("requirements") or () if nlp is not None else ()
    required = (match[0] for text in requirements if (match := re.match(r"[\w.-]+", text)))
    versions = {"python": platform.python_version(), "spacy-relext": __version__}
    for name in (*PACKAGES, *required):
        try:
            versions.setdefault(name, version(name))
        except PackageNotFoundError:  # or a requirement that is given otherwise: the pipeline runs
            continue
    return versions


def provenance(nlp: Language, asked: Mapping[str, Any], computed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an output of a pipeline is made with.

    asked: What its results depend on, but for the documents, as `resuming` has it. computed: How they are computed, where that is planned.
    """
    return {
        "pipeline": pipeline_of(nlp),
        "packages": packages(nlp),
        "settings": {name: value for name, value in asked.items() if name not in ELSEWHERE},
        "computed": dict(computed or {}),
    }


def manifest_path(output: Path) -> Path:
    """Where the manifest of an output is: beside it."""
    return Path(f"{output}{SUFFIX}")


def is_manifest(path: Path) -> bool:
    """Whether a file is the manifest of an output."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and {"pipeline", "packages", "counts", "outputs"} <= record.keys()


def manifest(provenance: Mapping[str, Any], counts: Mapping[str, Any], output: Path, *, name: str | None = None) -> dict[str, Any]:
    """What a manifest says.

    counts: What came of it: documents, relations, errors, `lost`. output: A file, or a folder with all files in it. name: What it is called
    when it is in its place.
    """
    files = _files(output, name or output.name)
    listed = {name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for name, file in files.items()}
    return {**provenance, "counts": dict(counts), "outputs": listed}


def sizes_of(output: Path) -> dict[str, int]:
    """The bytes of the files of an output, by the names that its manifest has."""
    return {name: file.stat().st_size for name, file in _files(output, output.name).items()}


def _files(output: Path, name: str) -> dict[str, Path]:
    files = sorted(file for file in output.rglob("*") if file.is_file()) if output.is_dir() else [output]
    return {name if file == output else f"{name}/{file.relative_to(output).as_posix()}": file for file in files}


def write_manifest(record: Mapping[str, Any], output: Path, *, within: Path | None = None) -> Path:
    """Write a manifest beside an output, whole or not at all. within: See `whole_path`. RETURNS: Its path."""
    path = manifest_path(output)
    with whole_file(path, within=within) as file:
        file.write(json.dumps(record, indent=1) + "\n")
    return path
