"""`relext extract`: relations of new texts, as JSON lines."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import groupby
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from spacy.cli._util import setup_gpu
from spacy.language import Language
from spacy.tokens import Doc
from tqdm import tqdm

from spacy_relext.candidates import has_sentences
from spacy_relext.cli.errors import SkippedErrors, reported_errors, tell
from spacy_relext.errors import DataError
from spacy_relext.evaluation import extractor_of, load_pipeline, mention_finders
from spacy_relext.formats import jsonl
from spacy_relext.formats.document import AnnotatedDocument, from_doc, to_doc
from spacy_relext.relations import Relation, get_relations


def extract(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    input_path: Path = typer.Argument(..., help="A .txt or .jsonl file, a folder of them, or - for standard input."),
    output: Path = typer.Option(None, "--output", "-o", help="The .jsonl file to write; standard output if left out."),
    n_process: int = typer.Option(1, "--n-process", "-n", help="Processes."),
    batch_size: int = typer.Option(32, help="Documents a batch."),
    gpu_id: int = typer.Option(-1, help="GPU to use; -1 for the CPU."),
    table: bool = typer.Option(False, help="Also print the relations as a table."),
    skip_errors: bool = typer.Option(False, help="Report documents that cannot be read, leave them out, and go on."),
):
    """Extract relations: a text file is a document, a line of standard input is one, and JSONL may bring its own mentions."""
    with reported_errors():
        # Silent: spaCy prints which device it uses to standard output, among the relations.
        setup_gpu(gpu_id, silent=True)
        nlp = load_pipeline(model)
        extractor_of(nlp, model)
        errors = SkippedErrors(skip=skip_errors)
        documents = read_inputs(input_path, errors)
        docs = tqdm(run(nlp, documents, errors, batch_size=batch_size, n_process=n_process), desc="Extracting", unit=" documents")
        rows, n_docs, n_relations = [], 0, 0
        with nullcontext(sys.stdout) if output is None else jsonl.whole_file(output) as file:
            for doc in docs:
                jsonl.write_line(from_doc(doc), file)
                n_docs += 1
                relations = get_relations(doc)
                n_relations += len(relations)
                if table:
                    rows += [(r.head.text, r.label, r.tail.text, f"{r.score:.2f}", _context(r)) for r in relations]
        if table:
            _print_table(rows)
        where = f" in {output}" if output is not None else ""
        tell(f"{n_relations:,} relations in {n_docs:,} documents{where}")
        if errors.count:
            tell(f"{errors.count:,} documents had errors and were skipped.")


def read_inputs(path: Path, errors: SkippedErrors) -> Iterator[AnnotatedDocument]:
    """The documents of a file, a folder, or standard input (`-`)."""
    if str(path) == "-":
        # As bytes, so that a line that is not UTF-8 is an error in that line.
        for number, line in enumerate(sys.stdin.buffer, start=1):
            if line.strip():
                document = errors.guard(_parse_line, line, number)
                if isinstance(document, AnnotatedDocument):
                    yield document
        return
    if not path.exists():
        raise DataError("there is no such file or folder.", path=path)
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in (".txt", ".jsonl"))
        if not files:
            raise DataError("the folder holds no .txt or .jsonl file.", path=path)
    for file in files:
        if file.suffix == ".jsonl":
            yield from jsonl.read(file, errors)
        elif file.suffix == ".txt":
            document = errors.guard(_read_text, file)
            if isinstance(document, AnnotatedDocument):
                yield document
        else:
            errors(DataError(f"expected a .txt or .jsonl file, and saw {file.suffix or 'no suffix'}.", path=file))


def run(nlp: Language, documents: Iterable[AnnotatedDocument], errors: SkippedErrors, *, batch_size: int, n_process: int) -> Iterator[Doc]:
    """Run the pipeline. Documents that bring mentions keep exactly those: components that find entities rest meanwhile."""
    finders = mention_finders(nlp)
    for given, group in groupby(documents, key=lambda document: bool(document.mentions)):
        made = (errors.guard(_bare_doc, document, nlp) for document in group)
        with nlp.select_pipes(disable=finders if given else []):
            yield from nlp.pipe((doc for doc in made if isinstance(doc, Doc)), batch_size=batch_size, n_process=n_process)


def _bare_doc(document: AnnotatedDocument, nlp: Language) -> Doc:
    document.relations = None
    return to_doc(document, nlp)


def _parse_line(line: bytes, number: int) -> AnnotatedDocument:
    if line.lstrip().startswith(b"{"):
        return jsonl.parse(line, "<stdin>", number)
    try:
        return AnnotatedDocument(str(number), line.decode("utf8").rstrip("\r\n"), source="<stdin>", line=number)
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 (byte {error.start} of the line).", path="<stdin>", line=number) from error


def _read_text(file: Path) -> AnnotatedDocument:
    try:
        # Line ends stay as they are: offsets count in the file's own text.
        with file.open(encoding="utf8", newline="") as opened:
            return AnnotatedDocument(file.stem, opened.read(), source=file)
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 (byte {error.start}). Convert the file to UTF-8.", path=file) from error


def _context(relation: Relation) -> str:
    span = relation.head.sent if has_sentences(relation.head.doc) else relation.head.doc[:]
    return span.text.strip()


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    table = Table("head", "relation", "tail", "score", "sentence", title="Relations", show_lines=True)
    for row in rows:
        # Escaped: to rich, the brackets of "[3H]ketanserin" are markup.
        table.add_row(*(escape(cell) for cell in row))
    Console(stderr=True).print(table)
