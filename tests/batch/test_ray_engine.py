"""Shards handed out to actors: in the place of Ray, actors of this process that die when they are told to; and Ray itself."""

import os
import random
import subprocess
import sys
from collections import Counter

import pytest

pytest.importorskip("ray")
from ray.exceptions import ActorDiedError, RayTaskError

import spacy_relext
from benchmarks.extraction import write_documents
from spacy_relext.batch import beginning, ray_engine
from spacy_relext.batch.asking import request
from spacy_relext.batch.ray_engine import Actor, Cluster, Reply
from spacy_relext.batch.working import MOST_BEGUN
from spacy_relext.errors import DataError, RelextError
from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.running import Runner, Settings
from spacy_relext.extraction.storage import Output
from spacy_relext.formats.reading import Options
from tests.cli.toy import relext
from tests.conftest import ROOT

N, SIZE = 30, 5


class FakeRay:
    """What is asked of Ray, in one process.

    dies: Given the number of a shard (None: it loads) and how often it was begun, whether the actor dies of it.
    """

    def __init__(self, dies=lambda number, n_begun: False, cpus=2.0):
        self.dies, self.cpus = dies, cpus
        self.begun, self.n_actors, self.order = Counter(), 0, random.Random(0)
        self.sizes = []

    def is_initialized(self):
        return True

    def cluster_resources(self):
        return {"CPU": self.cpus}

    def remote(self, actor):
        fake = self

        class Remote:
            def options(self, **options):
                assert options["max_restarts"] == 0
                return self

            def remote(self, *arguments, **settings):
                fake.n_actors += 1
                made = actor(*arguments, **settings)

                class Method:
                    def __init__(self, name):
                        self.name = name

                    def remote(self, number=None):
                        return (made, self.name, number, object())

                return type("Handle", (), {"load": Method("load"), "run": Method("run")})()

        return Remote()

    def wait(self, replies, timeout):
        self.sizes.append(len(replies))
        return [self.order.choice(replies)], []

    def get(self, reply):
        actor, name, number, _ = reply
        self.begun[number] += 1
        if self.dies(number, self.begun[number]):
            raise ActorDiedError
        return actor.load() if name == "load" else actor.run(number)

    def kill(self, handle):
        pass


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "in.jsonl"
    write_documents(path, N, random.Random(0))
    return path


@pytest.fixture(scope="module")
def expected(model, source, tmp_path_factory):
    output = tmp_path_factory.mktemp("expected") / "out.jsonl"
    spacy_relext.extract(source, str(model)).write(output)
    return output.read_bytes()


def planned(model, source, output):
    settings = Settings(str(model))
    asked = request(settings, [str(source)], Output(output), format=None, options=Options(), size=SIZE, threads=1)
    return beginning.begin(asked, Runner(settings), Inputs([str(source)]), Output(output), beat=0.01)


@pytest.fixture
def run(monkeypatch, model, source, tmp_path):
    """A run with a Ray of the test's. RETURNS: What was told, and the run's outcomes."""

    def run(ray, cluster=Cluster(), plan=None, actor=Actor, **settings):  # noqa: B008
        monkeypatch.setattr(ray_engine, "extra", lambda name: sys.modules[name] if name != "ray" else ray)
        told, outcomes = [], []
        plan = plan or planned(model, source, tmp_path / "out.jsonl")
        how = {"on_outcome": lambda outcome, n_finished: outcomes.append((outcome, n_finished)), "tell": told.append}
        report, _ = ray_engine.run(plan, cluster, actor=actor, **how, **settings)
        return report, outcomes, told

    return run


def test_each_shard_once(run, expected, tmp_path):
    ray = FakeRay()
    report, outcomes, told = run(ray)
    assert (tmp_path / "out.jsonl").read_bytes() == expected
    assert report.documents == N
    assert sorted(outcome.number for outcome, _ in outcomes) == list(range(N // SIZE))
    assert [n_finished for _, n_finished in outcomes] == list(range(1, N // SIZE + 1))
    assert (ray.n_actors, max(ray.sizes), told) == (2, 2, [])


def test_actors_that_die_are_made_anew(run, expected, tmp_path):
    ray = FakeRay(lambda number, n_begun: n_begun <= (3 if number is None else number % 3))
    run(ray, Cluster(actors=2))
    assert (tmp_path / "out.jsonl").read_bytes() == expected
    assert [ray.begun[number] for number in range(N // SIZE)] == [1 + number % 3 for number in range(N // SIZE)]


def test_a_shard_that_ends_its_actors_fails_alone(run, model, source, tmp_path):
    plan = planned(model, source, tmp_path / "out.jsonl")
    ray = FakeRay(lambda number, n_begun: number == 2)
    with pytest.raises(DataError, match=f"shard 2 was begun {MOST_BEGUN} times and never ended"):
        run(ray, plan=plan)
    assert ray.begun[2] == MOST_BEGUN
    # It is not tried again, and the others are finished.
    ray = FakeRay()
    with pytest.raises(DataError, match="shard 2 was begun"):
        run(ray, plan=plan)
    assert not ray.begun


def test_actors_that_cannot_load(run):
    with pytest.raises(RelextError, match="actors die while they load the pipeline, 20 times by now"):
        run(FakeRay(lambda number, n_begun: number is None))


def test_what_actors_refuse_ends_the_run(run, model, source, tmp_path):
    plan = planned(model, source, tmp_path / "out.jsonl")
    with pytest.raises(RelextError, match=r"on \S+: the pipeline 'none' cannot be loaded"):
        run(FakeRay(), plan=plan, model="none")

    class Full(Actor):
        def run(self, number):
            return Reply(error="on here: the disk is full")

    with pytest.raises(RelextError, match="on here: the disk is full"):
        run(FakeRay(), plan=plan, actor=Full)

    class Broken(Actor):
        def run(self, number):
            raise RayTaskError("run", "a trace", ValueError("a bug"))

    with pytest.raises(RayTaskError):
        run(FakeRay(), plan=plan, actor=Broken)
    run(FakeRay(), plan=plan)


def test_documents_with_errors(run, model, tmp_path):
    source = tmp_path / "in.jsonl"
    write_documents(source, 100, random.Random(0))  # the 97th is cut off
    plan = planned(model, source, tmp_path / "out.jsonl")
    with pytest.raises(DataError, match=r"no result(.*\n)+.*in.jsonl:97: not JSON"):
        run(FakeRay(), plan=plan)
    ray = FakeRay()
    report, outcomes, _ = run(ray, plan=plan, skip_errors=True, on_error=lambda error: None)
    assert (report.documents, report.errors) == (99, 1)
    # Only the shard that failed.
    assert [outcome.number for outcome, _ in outcomes] == [96 // SIZE]
    assert ray.n_actors == 1


def test_more_actors_than_fit_are_told(run):
    ray = FakeRay()
    *_, told = run(ray, Cluster(actors=3))
    assert told == ["3 actors, with 1 CPU and 0 GPU each, are more than fit: 2 of them run, the others wait for room."]
    assert ray.n_actors == 3


def test_gpus_are_those_of_the_plan(run):
    with pytest.raises(RelextError, match=r"planned for the CPU\. Leave --gpus-per-actor out"):
        run(FakeRay(), Cluster(gpus=1))


def test_options(model, source, tmp_path):
    whole = ("extract", model, source, "--output", tmp_path / "out.jsonl")
    for options, message in (
        (("--actors", "2"), "--actors: of --engine ray. Add it"),
        (("--worker", "--address", "auto"), "--address: of --engine ray"),
        (("--engine", "ray", "--worker"), "--worker and --engine: one at a time"),
        (("--engine", "ray", "-n", "2"), "--n-process: --engine ray has --actors"),
        (("--engine", "dask"), "'dask'"),
    ):
        result = relext(*whole, *options)
        assert result.exit_code != 0
        assert message in " ".join(result.output.split())
    assert relext("extract", model, source, "--engine", "ray").exit_code == 1


def test_on_this_machine(model, source, expected, tmp_path):
    """With Ray itself, in a process of its own."""
    output = tmp_path / "out.jsonl"
    words = f"-m spacy relext extract {model} {source} --output {output} --engine ray --actors 1 --shard-size {SIZE}".split()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run([sys.executable, *words], capture_output=True, encoding="utf8", timeout=300, env=environment, check=False)
    if "timed out during startup" in done.stderr:
        pytest.skip("Ray did not start in its time: this machine is too busy")
    assert done.returncode == 0, done.stderr[-3000:]
    assert output.read_bytes() == expected
    assert done.stdout == ""
    n = expected.count(b'"head"')
    # Nothing of Ray's. On a busy machine the actor is not there at once, which we tell.
    told = [line for line in done.stderr.replace("\r", "\n").splitlines() if not line.startswith(("Planning:", "Extracting:"))]
    told = [line for line in told if line.strip() and "are not there yet" not in line]
    assert told == [f"{n} relations in {N} documents in {output}"]


def test_a_cluster_that_is_not_there(monkeypatch):
    import ray

    asked = []

    def init(address, **settings):
        asked.append((address, settings, os.environ["RAY_USAGE_STATS_ENABLED"]))
        raise (Exception if address == "local" else ConnectionError)("nobody answers")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    quiet = {"log_to_driver": False, "logging_level": "error"}
    for address, expected in (("head:6379", quiet), (None, {**quiet, "include_dashboard": False})):
        with pytest.raises(RelextError, match="cannot be reached: nobody answers"), ray_engine.connected(Cluster(address)):
            pass
        assert asked.pop() == (address or "local", expected, "0")
    assert "RAY_USAGE_STATS_ENABLED" not in os.environ
