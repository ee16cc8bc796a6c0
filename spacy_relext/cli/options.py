"""Options that several commands have: each letter and each name is one option, and as in spaCy's own commands where those have it."""

import typer
from spacy.cli._util import setup_gpu as spacy_setup_gpu

from spacy_relext.devices import use_gpu
from spacy_relext.errors import RelextError
from spacy_relext.formats.limits import MEGABYTE, Limits

_DEFAULT = Limits()
MAX_CHARACTERS: int = typer.Option(
    None, min=1, help=f"The most characters of a text; {_DEFAULT.characters:,}, or what the pipeline says, if left out."
)
MAX_RECORD: float = typer.Option(
    _DEFAULT.record / MEGABYTE, min=0, help="The most megabytes that are read at once: a line, or a file that is not read line by line."
)
MAX_UNPACKED: float = typer.Option(_DEFAULT.unpacked / MEGABYTE, min=0, help="The most megabytes that a packed file may unpack to.")
OVERWRITE: bool = typer.Option(False, "--overwrite", "--force", "-F", help="Replace the output if it is there.")
GPU_ID: int = typer.Option(-1, "--gpu-id", "-g", min=-1, help="GPU to use; -1 for the CPU.")
LANG: str = typer.Option(None, "--lang", "-l", help="A language code, in the place of --tokenizer: spaCy's tokenizer of this language.")
THRESHOLD: float = typer.Option(None, min=0.0, max=1.0, help="Probability that a relation must have, in the place of the pipeline's.")
SPREADSHEET_SAFE: bool = typer.Option(
    False, "--spreadsheet-safe", help="csv: put ' before fields that spreadsheets take for formulas (=, +, -, @, tab, line end)."
)

META_COLUMNS: str = typer.Option(None, help="Tables: columns that are kept as metadata of the documents: year,journal.")
PARTITION_BY: str = typer.Option(None, help="Parquet: write a folder, with a folder in it per value of these: label,year.")
DOCUMENTS_TABLE: bool = typer.Option(False, "--documents-table", help="Parquet: write a folder, with a table of all documents too.")


def setup_gpu(gpu_id: int) -> None:
    """Compute on a GPU, or with -1 on the CPU, and say so. RAISES: RelextError for a GPU that cannot be used."""
    if gpu_id < 0:
        spacy_setup_gpu(gpu_id)
    use_gpu(gpu_id, spacy_setup_gpu)


def names_of(option: str, given: str | None) -> tuple[str, ...]:
    """The names that an option lists. RAISES: RelextError for an empty one."""
    names = () if given is None else tuple(name.strip() for name in given.split(","))
    if "" in names:
        raise RelextError(f"{option} is {given!r}; expected names with a comma between them: A,B.")
    return names


def chosen_limits(max_characters: int | None, max_record: float, max_unpacked: float) -> Limits:
    """The limits of some options."""
    return Limits(int(max_record * MEGABYTE), int(max_unpacked * MEGABYTE), max_characters or _DEFAULT.characters)


def tokenizer_of(tokenizer: str | None, lang: str | None) -> str:
    """The tokenizer that one of two options names, English if none does."""
    if tokenizer is not None and lang is not None:
        raise RelextError(f"--tokenizer {tokenizer} and --lang {lang} both name a tokenizer. Leave one out.")
    return tokenizer or lang or "en"
