"""The parent, with workers that make up their figures."""

from benchmarks.speed.contenders import Contender, all_contenders
from benchmarks.speed.measuring import measure
from benchmarks.speed.workloads import by_density
from tests.benchmarks.toy import fake, make_writer


def last(contenders, workloads, **settings):
    settings = {"repeats": 1, "seconds": 0.0, "limit": 100.0, "threads": 1, **settings}
    return list(measure(contenders, workloads, warm_up=workloads[0], **settings))[-1]


def test_contenders_take_turns(tmp_path):
    workloads = by_density(make_writer(tmp_path), [2, 4], n_documents=1, length=30)
    found = list(
        measure(
            [fake("a", tmp_path), fake("b", tmp_path)],
            workloads,
            warm_up=workloads[1],
            repeats=2,
            seconds=0.0,
            limit=100.0,
            threads=1,
        )
    )
    assert len(found) == 3
    turns = (tmp_path / "turns.log").read_text().splitlines()
    assert turns[:2] == ["a density-4", "b density-4"]
    assert turns[2:6] == ["a density-2", "b density-2", "a density-4", "b density-4"]
    # In the second repeat the other one begins.
    assert turns[6:] == ["b density-2", "a density-2", "b density-4", "a density-4"]
    runs = {(run["contender"], run["workload"], run["repeat"]): run for run in found[-1]["runs"]}
    assert len(runs) == 8
    assert runs["b", "density-4", 1] == {
        "contender": "b",
        "workload": "density-4",
        "repeat": 1,
        "wall": 1.0,
        "processor": 0.6,
        "runs": 1,
        "pairs": 6,
    }
    record = found[-1]["contenders"][0]
    assert (record["versions"], record["memory_mb"], record["first_peak_mb"], record["peak_mb"]) == ({"fake": "1"}, 10, 26, 26)
    assert found[-1]["left_out"] == []


def test_what_would_take_too_long_is_left_out(tmp_path):
    # 1, 6, 190 and 406 pairs, a tenth of a second each.
    workloads = by_density(make_writer(tmp_path), [2, 4, 20, 29], n_documents=1, length=30)
    found = last([fake("a", tmp_path)], workloads, limit=30.0, repeats=2)
    assert {run["workload"] for run in found["runs"]} == {"density-2", "density-4", "density-20"}
    reason = "would take about 41 s of the processor; the limit is 30 s"
    assert found["left_out"] == [{"contender": "a", "workload": "density-29", "reason": reason}]


def test_faults_are_told_and_the_others_go_on(tmp_path):
    workloads = by_density(make_writer(tmp_path), [2, 4], n_documents=1, length=30)
    absent = Contender("absent", "", "", "", missing="there is no environment")
    contenders = [fake("broken", tmp_path, "loading"), absent, fake("half", tmp_path, "density-4"), fake("whole", tmp_path)]
    found = last(contenders, workloads)
    missing = {record["name"]: record["missing"] for record in found["contenders"]}
    assert missing == {"broken": "ended with status 1: no such encoder", "absent": "there is no environment", "half": "", "whole": ""}
    assert found["left_out"] == [{"contender": "half", "workload": "density-4", "reason": "ValueError: too many"}]
    assert sorted((run["contender"], run["workload"]) for run in found["runs"]) == [
        ("half", "density-2"),
        ("whole", "density-2"),
        ("whole", "density-4"),
    ]


def test_an_environment_that_is_not_there(tmp_path):
    missing = {contender.name: contender.missing for contender in all_contenders(tmp_path, tmp_path, tmp_path, 1)}
    assert missing["Kindred"] == "there is no environment: `python -m benchmarks peers kindred`"
    assert not any(missing[name] for name in ("encoder", "shared", "own", "per-pair", "tutorial"))
