"""A writer of the tests' own words, and workers that answer at once."""

import json
import sys
from pathlib import Path

from benchmarks.speed.contenders import Contender
from benchmarks.speed.workloads import Writer
from tests.conftest import TRAIN_DATA

# Takes a tenth of a second per pair, by its own account; writes down whose turn it is.
FAKE = """
import json, sys
from pathlib import Path

name, log, fault = sys.argv[1:]
if fault == "loading":
    sys.exit("no such encoder")
print(json.dumps({"load_seconds": 1.0, "memory_mb": 10, "versions": {"fake": "1"}}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    workload = Path(request["path"]).stem
    with open(log, "a") as file:
        file.write(f"{name} {workload}\\n")
    if fault == workload:
        print(json.dumps({"error": "ValueError: too many"}), flush=True)
        continue
    mentions = [len(json.loads(document)["mentions"]) for document in open(request["path"])]
    pairs = sum(n * (n - 1) // 2 for n in mentions)
    figures = {"wall": 1.0, "processor": pairs / 10, "runs": 1, "pairs": pairs, "peak_mb": 20 + pairs}
    print(json.dumps(figures), flush=True)
"""


def make_writer(folder: Path, seed: int = 0) -> Writer:
    """A writer whose words the tiny BERT knows."""
    path = folder / "texts.jsonl"
    records = [{"text": text, "mentions": [{"text": name} for name, _ in mentions]} for text, mentions, _ in TRAIN_DATA]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    return Writer(path, seed)


def fake(name: str, folder: Path, fault: str = "") -> Contender:
    """A contender of made-up figures.

    fault: "loading", or the name of a workload at which it fails.
    """
    script = folder / "fake.py"
    script.write_text(FAKE, encoding="utf8")
    command = [sys.executable, "-I", str(script), name, str(folder / "turns.log"), fault]
    return Contender(name, "made-up figures", "none", "one", command)
