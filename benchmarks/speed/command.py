"""`python -m benchmarks speed`, and the page of its figures."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import spacy
import typer

from benchmarks.speed.contenders import Contender, all_contenders
from benchmarks.speed.environments import ENVIRONMENTS
from benchmarks.speed.figures import Figures
from benchmarks.speed.measuring import measure
from benchmarks.speed.plots import plot_all
from benchmarks.speed.report import BEGIN, END, make_section
from benchmarks.speed.workloads import Workload, Writer, by_density, by_length, by_mentions, from_docs
from research.report import write_section
from spacy_relext.corpus import read_docs
from spacy_relext.formats.files import whole_file
from spacy_relext.ml.precision import computes_in_bfloat16
from spacy_relext.relations import register_extensions

# What each process reads first: one document of 3,000 tokens, in which every sentence has 4 mentions.
WARM_UP = "mentions-400"


def speed(
    data: Path = typer.Option(None, help="A .spacy file with mentions to measure on too, e.g. corpus/ddi/test.spacy."),
    documents: int = typer.Option(24, help="So many of its documents."),
    only: list[str] = typer.Option(None, help="Contenders; all, if left out."),
    series: list[str] = typer.Option(["density", "mentions", "length"], help="Kinds of synthetic documents."),
    density: str = typer.Option("2,4,7,10,20,29", help="Mentions of a sentence, in the series density."),
    mentions: str = typer.Option("2,20,100,400", help="Mentions of a document, in the series mentions."),
    length: str = typer.Option("1,10,100", help="Sentences of a document, in the series length."),
    encoder: Path = typer.Option(Path("assets/encoder"), help="The encoder; heads are untrained."),
    texts: Path = typer.Option(Path("assets/demo/train.jsonl"), help="JSONL documents whose words and names are used."),
    environments: Path = typer.Option(ENVIRONMENTS, help="Where `peers` made the environments of other libraries."),
    repeats: int = typer.Option(3, help="How often everything is run."),
    seconds: float = typer.Option(0.3, help="Least time of a measurement, of the processor."),
    limit: float = typer.Option(10.0, help="What would take a contender more seconds of the processor is left out."),
    threads: int = typer.Option(1, help="Threads of torch."),
    seed: int = typer.Option(0, help="Of the documents."),
    output: Path = typer.Option(Path("metrics/benchmarks.json"), help="JSON of all figures, written after each repeat."),
    page: Path = typer.Option(None, help="A Markdown file for tables and plots, e.g. docs/results/benchmarks.md."),
):
    """Documents and pairs a second, and memory, of ways to find relations: this package's, spaCy's tutorial's, flair's and Kindred's."""
    writer = Writer(texts, seed)
    workloads: list[Workload] = []
    if "density" in series:
        workloads += by_density(writer, _numbers(density))
    by_mention = by_mentions(writer, sorted({*(_numbers(mentions) if "mentions" in series else ()), 400}))
    warm_up = next(workload for workload in by_mention if workload.name == WARM_UP)
    if "mentions" in series:
        workloads += by_mention
    if "length" in series:
        workloads += by_length(writer, _numbers(length))
    if data is not None:
        register_extensions()
        workloads.append(from_docs(list(read_docs(data, spacy.blank("en"))), documents))
    arguments = "" if data is None else f" --data {data} --documents {documents}"
    circumstances = {
        "command": f"python -m benchmarks speed{arguments} --repeats {repeats} --seconds {seconds:g} --limit {limit:g} --threads {threads}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "auto": "bfloat16" if computes_in_bfloat16("auto") else "float32",
        "threads": threads,
        "repeats": repeats,
        "seconds": seconds,
        "warm_up": WARM_UP,
        "load": [os.getloadavg()[0]],
    }
    record: dict[str, Any] = {"circumstances": circumstances, "workloads": [workload.sizes() for workload in workloads]}
    with TemporaryDirectory() as folder:
        training = by_length(writer, [10], total=20)[0].write(Path(folder))
        contenders = _chosen(all_contenders(encoder, environments, training, threads), only)
        measured = measure(contenders, workloads, warm_up=warm_up, repeats=repeats, seconds=seconds, limit=limit, threads=threads)
        for n_repeats, figures in enumerate(measured):
            circumstances |= {"repeats": n_repeats, "load": [circumstances["load"][0], os.getloadavg()[0]]}
            with whole_file(output) as file:
                file.write(_compact(record | figures))
            print(f"{n_repeats} of {repeats} repeats: {output}", flush=True)
    if page is not None:
        speed_page(output, page)


def speed_page(
    figures: Path = typer.Argument(..., help="JSON that `speed` wrote."),
    page: Path = typer.Argument(..., help="The Markdown file; what is outside its markers stays. Plots are put beside it."),
):
    """Make tables and plots of figures again."""
    found = Figures(json.loads(figures.read_text(encoding="utf8")))
    write_section(make_section(found, plot_all(found, page)), page, begin=BEGIN, end=END)
    print(page)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _chosen(contenders: Sequence[Contender], only: Sequence[str] | None) -> list[Contender]:
    unknown = set(only or ()) - {contender.name for contender in contenders}
    if unknown:
        raise SystemExit(f"there is no contender {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in contenders)}.")
    return [contender for contender in contenders if not only or contender.name in only]


def _processor() -> str:
    """The model of the processor, and its instructions for bfloat16."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    flags = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine())} ({', '.join(flags) or 'no instructions for bfloat16'})"


def _compact(record: dict[str, Any]) -> str:
    """JSON with a line for each figure: small, and its changes can be read."""
    lines = []
    for key, value in record.items():
        if isinstance(value, list):
            items = ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
            lines.append(f' "{key}": [\n{items}\n ]' if items else f' "{key}": []')
        else:
            lines.append(f' "{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"
