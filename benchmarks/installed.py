"""What this package costs a program that does not use it: spaCy imports the factories of all packages with the first pipeline."""

import json
import statistics
import subprocess
import sys

import typer

# Processor time: the clock tells more of what else runs. In one process: that of spacy_transformers differs by more from run to run.
FIRST_PIPELINE = """
import json, time
from importlib.metadata import EntryPoint, entry_points
load = EntryPoint.load
EntryPoint.load = lambda point: None if point.value.startswith("spacy_relext") else load(point)
import spacy
start = time.process_time()
spacy.blank("en")
without = time.process_time() - start
start = time.process_time()
for point in entry_points(group="spacy_factories"):
    if point.value.startswith("spacy_relext"):
        load(point)
print(json.dumps([without, time.process_time() - start]))
"""


def installed(repeats: int = typer.Option(5, help="Processes.")):
    """Processor milliseconds of the first `spacy.blank("en")` without this package, and of what is imported of it where it is installed."""
    runs = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", FIRST_PIPELINE], check=True, capture_output=True, text=True)
        runs.append([1000 * seconds for seconds in json.loads(done.stdout)])
    for name, values in zip(("spaCy's", "ours"), zip(*runs, strict=True), strict=True):
        print(f"{name:8}{statistics.median(values):8,.1f} ms ({min(values):,.1f} to {max(values):,.1f})")
