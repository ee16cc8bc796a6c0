"""The engines of `docs/scale.md` run what stands there, each in a process of its own; its other files are what they should be."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys

import pytest
import srsly

from tests.conftest import ROOT
from tests.docs.blocks import blocks
from tests.docs.test_pages import COMMANDS, check_command
from tests.extraction.toy import TEXTS

PAGE = ROOT / "docs" / "scale.md"
# Every fourth has no text.
N = 40
# Processes that want to run, for each processor: with more, Ray Data did not come to its end within ten minutes.
BUSY = 4


@pytest.mark.parametrize(("engine", "sign"), [("ray", "ray.data"), ("datasets", "from datasets"), ("pyspark", "mapInPandas")])
def test_engines_find_the_relations(engine, sign, model, tmp_path):
    for name in (engine, "pandas", "pyarrow"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        pytest.skip("this machine is too busy for an engine, which starts a dozen processes that wait for each other")
    if engine == "pyspark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none")
    import pandas

    frame = pandas.DataFrame({"pmid": range(N), "abstract": [TEXTS[i % 4] for i in range(N)]})
    frame.to_parquet(tmp_path / "abstracts.parquet")
    [code] = [block.code.replace("en_relext_demo", str(model)) for block in blocks(PAGE, "py") if sign in block.code]
    if engine == "ray":
        # However few processors this machine has; not the cluster that somebody started on it last, of which Ray keeps the address.
        code = code.replace("ray.init()", 'ray.init("local", num_cpus=3, include_dashboard=False)')
    (tmp_path / "script.py").write_text(code, encoding="utf8")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "huggingface"), "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, encoding="utf8", timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    written = tmp_path / "relations"
    files = sorted(written.glob("*.parquet")) if written.is_dir() else [f"{written}.parquet"]
    found = pandas.concat(map(pandas.read_parquet, files))
    labels = found.set_index("document").sort_index(key=lambda ids: ids.astype(int))["label"]
    assert labels.dropna().to_dict() == {str(i): ("MECHANISM", "ADVISE")[i % 4] for i in range(N) if i % 4 < 2}
    failed = found[found["error"].notna()]
    assert set(failed["document"]) == {str(i) for i in range(N) if i % 4 == 3}
    assert len(failed) == N // 4
    # The script prints them.
    assert done.stdout.count("expected 'text' to be a string, and saw None") == N // 4


def test_the_job_of_kubernetes_runs_a_command():
    [block] = blocks(PAGE, "yaml")
    job = srsly.yaml_loads(block.code)
    [container] = job["spec"]["template"]["spec"]["containers"]
    [command] = container["args"]
    assert f"/{job['spec']['completions']}" in command
    words = shlex.split(command.replace("$((JOB_COMPLETION_INDEX + 1))", "64"))
    assert words[:4] == ["python", "-m", "spacy", "relext"]
    check_command(COMMANDS["spacy relext"], words[4:], block.place, True)
