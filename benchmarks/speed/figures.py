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

    def rate(self, contender: str, workload: str, unit: Literal["documents", "pairs"]) -> Spread | None:
        """How many a second of the processor. None where nothing was measured, or the contender scores no pairs."""
        n_documents = self.workloads[workload]["documents"]
        counted = [(n_documents if unit == "documents" else run["pairs"], run) for run in self._repeats(contender, workload).values()]
        return Spread.of([n / run["processor"] for n, run in counted if n])

    def ratio(self, slow: str, fast: str, workload: str, clock: Clock = "processor") -> Spread | None:
        """Time of one contender ÷ time of another, within each repeat that has both."""
        runs, basis = self._repeats(slow, workload), self._repeats(fast, workload)
        return Spread.of([run[clock] / basis[repeat][clock] for repeat, run in runs.items() if repeat in basis])

    def pairs(self, contender: str, workload: str) -> int | None:
        """What a contender scored in a run."""
        return max((run["pairs"] for run in self._repeats(contender, workload).values()), default=None)

    def _repeats(self, contender: str, workload: str) -> dict[int, Mapping[str, Any]]:
        """The runs of a contender, by the number of the repeat."""
        return {repeat: run for (name, of, repeat), run in self._runs.items() if (name, of) == (contender, workload)}
