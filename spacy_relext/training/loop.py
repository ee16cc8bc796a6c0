"""The loop of `spacy train`, step by step the same, that can begin behind a step.

spaCy's own (`spacy.training.loop.train`) can only begin at the first. What it is made of is taken from there.
"""

import shutil
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.loop import (
    DIR_MODEL_BEST,
    DIR_MODEL_LAST,
    create_before_to_disk_callback,
    create_evaluation_callback,
    create_train_batches,
    subdivide_batch,
    update_meta,
)
from spacy.util import registry, resolve_dot_names
from thinc.api import fix_random_seed, set_gpu_allocator

from spacy_relext.formats.files import TEMPORARY, put_in_place
from spacy_relext.training.batches import Batches
from spacy_relext.training.state import plain, restore, settings_of, state_of, trained, unplain

# The name of a pipeline while another one takes its place.
BEFORE = "-before"
# What a checkpoint has in it.
PARTS = ("position", "kept", "layers", "settings", "optimizer", "strings", "performance", "random")


@dataclass
class Position:
    """How far a training is.

    step (int): The last step that is done, counted from 0. results (List): Score and step of each evaluation. losses (Dict): Since the last
    evaluation. words (int): That were learned from. wall, processor (float): Seconds that it took, in all runs.
    """

    step: int = -1
    results: list[tuple[float, int]] = field(default_factory=list)
    losses: dict[str, Any] = field(default_factory=dict)
    words: int = 0
    wall: float = 0.0
    processor: float = 0.0


class Loop:
    """A training of an initialised pipeline, into a folder.

    position (Position): Where it is. stdout (IO[str]): Of the logger.
    since: `time.perf_counter` and `time.process_time` when it began.
    """

    def __init__(self, nlp: Language, output: Path, *, gpu_id: int, since: tuple[float, float], stdout: IO[str], stderr: IO[str]):
        config = nlp.config.interpolate()
        if config["training"]["seed"] is not None:
            fix_random_seed(config["training"]["seed"])
        if gpu_id >= 0 and config["training"]["gpu_allocator"]:
            set_gpu_allocator(config["training"]["gpu_allocator"])
        self._settings: dict[str, Any] = registry.resolve(config["training"], schema=ConfigSchemaTraining)
        settings = self._settings
        train_corpus, dev_corpus = resolve_dot_names(config, [settings["train_corpus"], settings["dev_corpus"]])
        self.nlp, self.output, self.position = nlp, output, Position()
        self.stdout, self._stderr = stdout, stderr
        self._optimizer, self._frozen = settings["optimizer"], settings["frozen_components"]
        self._batches = Batches(create_train_batches(nlp, train_corpus, settings["batcher"], settings["max_epochs"]))
        self._evaluate = create_evaluation_callback(nlp, dev_corpus, settings["score_weights"])
        self._before_to_disk = create_before_to_disk_callback(settings["before_to_disk"])
        self._unchanged = settings_of(nlp, self._frozen)
        self._clocks = since

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, as plain values and tensors."""
        self._count_time()
        position = asdict(self.position)
        return {
            "position": {**position, "results": plain(position["results"]), "losses": plain(position["losses"])},
            "kept": self._batches.kept,
            **state_of(self.nlp, self._optimizer, self._frozen, self._unchanged),
        }

    def go_on(self, state: dict[str, Any]) -> None:
        """Go to where a training was."""
        position = Position(**state["position"])
        results = [(score, step) for score, step in unplain(position.results)]
        self.position = Position(**{**vars(position), "results": results, "losses": unplain(position.losses)})
        n_steps = position.step + 1
        self._batches.skip(n_steps, state["kept"])
        restore(self.nlp, self._optimizer, self._frozen, state, n_steps=n_steps)

    def run(self) -> Generator[None, None, None]:
        """Train to the end, and store the pipelines. YIELDS: after each step but the last one."""
        settings = self._settings
        with self.nlp.select_pipes(disable=self._frozen):
            log_step, finalize_logger = settings["logger"](self.nlp, self.stdout, self._stderr)
        try:
            for epoch, batch in self._batches:
                is_best, info = self._step(epoch, batch)
                if is_best is not None:
                    with self.nlp.select_pipes(disable=self._frozen):
                        update_meta(settings, self.nlp, info)
                    self._store(best=is_best)
                    info["output_path"] = str(self.output / DIR_MODEL_LAST)
                    self.position.losses = {}
                log_step(info if is_best is not None else None)
                if self._is_over():
                    break
                yield
        finally:
            finalize_logger()
        self._store(best=False)
        self._count_time()

    def _step(self, epoch: int, batch: list[Any]) -> tuple[bool | None, dict[str, Any]]:
        settings, nlp, position, optimizer = self._settings, self.nlp, self.position, self._optimizer
        step = position.step + 1
        if settings["before_update"]:
            settings["before_update"](nlp, {"step": step, "epoch": epoch})
        for part in subdivide_batch(batch, settings["accumulate_gradient"]):
            nlp.update(
                part,
                drop=settings["dropout"],
                losses=position.losses,
                sgd=False,
                exclude=self._frozen,
                annotates=settings["annotating_components"],
            )
        for _, pipe in trained(nlp, self._frozen):
            pipe.finish_update(optimizer)
        optimizer.step_schedules()
        score = other_scores = is_best = None
        if step % settings["eval_frequency"] == 0:
            with nlp.use_params(optimizer.averages):
                score, other_scores = self._evaluate()
            position.results.append((score, step))
            is_best = score == max(position.results)[0]
        position.words += sum(len(example) for example in batch)
        position.step = step
        info = {
            "epoch": epoch,
            "step": step,
            "score": score,
            "other_scores": other_scores,
            "losses": position.losses,
            "checkpoints": position.results,
            "seconds": int(position.wall + time.perf_counter() - self._clocks[0]),
            "words": position.words,
        }
        return is_best, info

    def _is_over(self) -> bool:
        settings, step = self._settings, self.position.step
        # Of equal scores the first one counts.
        best_step = -max((score, -at) for score, at in self.position.results)[1]
        patience, max_steps = settings["patience"], settings["max_steps"]
        return bool((patience and step - best_step >= patience) or (max_steps and step >= max_steps))

    def _store(self, *, best: bool) -> None:
        """Store the pipeline, whole or not at all."""
        with TemporaryDirectory(dir=self.output, prefix=TEMPORARY) as name:
            made = Path(name) / DIR_MODEL_LAST
            with self.nlp.use_params(self._optimizer.averages):
                self._before_to_disk(self.nlp).to_disk(made)
            if best:
                shutil.copytree(made, Path(name) / DIR_MODEL_BEST)
            for place in (DIR_MODEL_BEST, DIR_MODEL_LAST) if best else (DIR_MODEL_LAST,):
                if (self.output / place).exists():
                    (self.output / place).rename(Path(name) / f"{place}{BEFORE}")
                put_in_place(Path(name) / place, self.output / place)

    def _count_time(self) -> None:
        now = time.perf_counter(), time.process_time()
        self.position.wall += now[0] - self._clocks[0]
        self.position.processor += now[1] - self._clocks[1]
        self._clocks = now
