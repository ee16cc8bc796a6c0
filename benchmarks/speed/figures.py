"""Medians and ratios of what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Clock = Literal["processor", "wall"]


@dataclass(frozen=True)
class Spread:
    """A median, and the least and the largest value."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread | None":
        """None where there are none."""
        return cls(median(values), min(values), max(values)) if values else None


class Figures:
    """The figures of a run of the benchmark, as its JSON has them."""

    def __init__(self, record: Mapping[str, Any]):
        self.record = record
        self.contenders = [contender["name"] for contender in record["contenders"]]
        self.workloads = {workload["name"]: workload for workload in record["workloads"]}
        self._runs = {(run["contender"], run["workload"], run["repeat"]): run for run in record["runs"]}

    def series(self, name: str) -> list[Mapping[str, Any]]:
        """The workloads of a series."""
        return [workload for workload in self.workloads.values() if workload["series"] == name]

    def seconds(self, contender: str, workload: str, clock: Clock = "processor") -> list[float]:
        """Of a run, in each repeat that has one."""
        return [run[clock] for (name, of, _), run in self._runs.items() if (name, of) == (contender, workload)]

    def rate(self, contender: str, workload: str, unit: Literal["documents", "pairs"]) -> Spread | None:
        """How many a second of the processor. None where nothing was measured, or the contender scores no pairs."""
        runs = [run for (name, of, _), run in self._runs.items() if (name, of) == (contender, workload)]
        n_units = [self.workloads[workload]["documents"] if unit == "documents" else run["pairs"] for run in runs]
        return Spread.of([n / run["processor"] for n, run in zip(n_units, runs, strict=True) if n])

    def ratio(self, slow: str, fast: str, workload: str, clock: Clock = "processor") -> Spread | None:
        """Time of one contender ÷ time of another, within each repeat that has both."""
        ratios = [
            run[clock] / self._runs[fast, workload, repeat][clock]
            for (name, of, repeat), run in self._runs.items()
            if (name, of) == (slow, workload) and (fast, workload, repeat) in self._runs
        ]
        return Spread.of(ratios)

    def pairs(self, contender: str, workload: str) -> int | None:
        """What a contender scored in a run."""
        found = {run["pairs"] for (name, of, _), run in self._runs.items() if (name, of) == (contender, workload)}
        return max(found, default=None)
