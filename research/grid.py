"""A grid of experiments in a YAML file: corpus × encoding × summary × seed, in the order in which they are to be run.

| field | what |
|---|---|
| `output` | the folder for the runs |
| `settings` | of the config, for all groups; `paths.encoder` among them. Settings of the command line go before these |
| `encoders` | names of encoders in the report, by `paths.encoder`; others are called what the path says |
| `corpora` | by name: `train`, `dev` and `test`, or `folds`, a folder for a cross-validation |
| `summaries` | by name: a `[components.relation_extractor.model.summary]` section |
| `groups` | a list: `corpus`, `encoding` (its name in the report), `config`, `summaries`, `seeds`, `settings` |

Every group has a run for each of its seeds and summaries, first all summaries of its first seed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import srsly

from spacy_relext.errors import DataError
from spacy_relext.experiments.crossval import find_folds, fold_experiments
from spacy_relext.experiments.training import Experiment

# The section of a config that a summary of the grid fills.
SUMMARY = "components.relation_extractor.model.summary"

_FIELDS = {"output": str, "settings": dict, "encoders": dict, "corpora": dict, "summaries": dict, "groups": list}
_GROUP = {"corpus": str, "encoding": str, "config": str, "summaries": list, "seeds": list, "settings": dict}
_OPTIONAL = {"settings", "encoders"}


@dataclass(frozen=True)
class Planned:
    """A run that is to be there.

    labels, overrides: See `runs`. data: `train`, `dev` and `test`, or `folds`. output: The run, or of a cross-validation its folder.
    """

    config_path: Path
    labels: dict[str, str]
    seed: int
    overrides: dict[str, Any]
    data: dict[str, Path]
    output: Path

    @property
    def names(self) -> dict[str, str]:
        """What the run can be chosen by."""
        return {**self.labels, "seed": str(self.seed)}

    def experiment(self, *, gpu_id: int) -> Experiment | list[Experiment]:
        """The experiment, or one per fold. RAISES: RelextError where the folds are not there."""
        if "folds" in self.data:
            return fold_experiments(
                self.config_path,
                find_folds(self.data["folds"]),
                labels=self.labels,
                overrides=self.overrides,
                threshold=None,
                checkpoint="last",
                gpu_id=gpu_id,
            )
        return Experiment(
            config_path=self.config_path,
            train=(self.data["train"],),
            dev=self.data["dev"],
            test=self.data["test"],
            labels=self.labels,
            overrides=self.overrides,
            gpu_id=gpu_id,
        )


def read_grid(path: Path, overrides: Mapping[str, Any] | None = None) -> list[Planned]:
    """The runs of a grid, in order.

    overrides: Settings that go before those of the file. RAISES: DataError where the file is not what is described above.
    """
    try:
        content = srsly.read_yaml(path)
    except (OSError, ValueError, srsly.ruamel_yaml.error.YAMLError) as error:
        raise DataError(f"this is no grid that can be read ({type(error).__name__}: {error}).", path=path) from error
    _check(content, _FIELDS, "the file", path)
    runs = [run for number, group in enumerate(content["groups"], start=1) for run in _runs(group, number, content, overrides or {}, path)]
    seen: set[Path] = set()
    for run in runs:
        if run.output in seen:
            raise DataError(f"two of its runs are the same: {run.names}. Remove one, or name its encoding otherwise.", path=path)
        seen.add(run.output)
    return runs


def _runs(group: Any, number: int, content: dict[str, Any], overrides: Mapping[str, Any], path: Path) -> Iterator[Planned]:
    where = f"group {number}"
    _check(group, _GROUP, where, path)
    corpus = _named(content["corpora"], group["corpus"], "corpus", where, path)
    if not isinstance(corpus, dict) or set(corpus) not in ({"folds"}, {"train", "dev", "test"}):
        raise DataError(f"the corpus {group['corpus']!r} is {corpus!r}; expected train, dev and test, or folds.", path=path)
    for seed in group["seeds"]:
        for summary in group["summaries"]:
            section = _named(content["summaries"], summary, "summary", where, path)
            settings = {
                **content.get("settings", {}),
                **{f"{SUMMARY}.{name}": value for name, value in section.items()},
                **group.get("settings", {}),
                "system.seed": seed,
                **overrides,
            }
            encoder = str(settings.get("paths.encoder", "of the config"))
            labels = {
                "corpus": group["corpus"],
                "encoding": group["encoding"],
                "summary": summary,
                "encoder": content.get("encoders", {}).get(encoder, encoder),
            }
            name = "-".join(re.sub(r"\W+", "_", part).strip("_") for part in (*labels.values(), f"seed{seed}"))
            folder = Path(content["output"])
            yield Planned(
                config_path=Path(group["config"]),
                labels=labels,
                seed=seed,
                overrides=settings,
                data={part: Path(place) for part, place in corpus.items()},
                output=folder / (name if "folds" in corpus else f"{name}.json"),
            )


def _check(content: Any, kinds: Mapping[str, type], where: str, path: Path) -> None:
    found = set(content) if isinstance(content, dict) else set()
    missing, unknown = kinds.keys() - found - _OPTIONAL, found - kinds.keys()
    if missing or unknown:
        raise DataError(f"in {where}: missing {sorted(missing)}, unknown {sorted(unknown)}; expected {', '.join(kinds)}.", path=path)
    for name, kind in kinds.items():
        if name in content and not isinstance(content[name], kind):
            raise DataError(f"in {where}: {name} is {content[name]!r}; expected a {kind.__name__}.", path=path)


def _named(known: dict[str, Any], name: Any, what: str, where: str, path: Path) -> Any:
    if name not in known:
        raise DataError(f"in {where}: there is no {what} {name!r}; there are {', '.join(map(str, known))}.", path=path)
    return known[name]
