"""The settings of a stored extractor: what it was stored with, and what a config gives it anew."""

import inspect
import json
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import numpy
from spacy.language import Language
from spacy.util import load_config
from thinc.api import Config

from spacy_relext.errors import RelextError
from spacy_relext.notices import logger

# Where the settings that the factory gave are kept among all, and what the component learns by itself.
GIVEN, LEARNED = "given", ("labels", "other_labels", "mention_types", "seen", "calibration")
# Those that say which relations are written. What a config gives goes before what is stored, also where it is the default.
THRESHOLDS = ("threshold", "label_thresholds", "uncertain_below")
# A threshold that no score reaches: the next number of float32 after 1.
NEVER = 1.0000001
# Significant digits of a number that somebody wrote down.
SHORT = 9
# Thresholds that differ by no more are the same one: srsly has ten decimals, and does not read the last digit of others as it was written.
SAME = 2e-10
# A label that can be a key of a config, which would split "CPR:3" at its colon, and a key with a dot where one is given by its name.
KEY = re.compile(r"\w[\w+/-]*")
CONFIG = "config.cfg"
# Names of settings in pipelines that were stored before 0.1.0. The factory takes them until 0.2.
RENAMED = {"consistency": "rdrop_weight"}


def as_meant(value: Any) -> Any:
    """A float as it was written: srsly reads 0.6 as 0.6000000000000001, and 3 * 0.1 or float32's 0.3 are not 0.3. Others as they are.

    What no short number is near to stays what it is to the last bit: it may be the score of a relation, which has to reach it.
    """
    if not isinstance(value, float | numpy.floating):
        return value
    exact = float(str(value))
    short = float(f"{exact:.{SHORT}g}")
    return short if abs(short - exact) <= 4 * math.ulp(exact) else exact


def checked_threshold(name: str, threshold: Any, what: str = "threshold") -> float:
    """A threshold as it was meant. name: That of the component. RAISES: RelextError for what is no probability, nor `NEVER`."""
    # To Python, True is 1.
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | numpy.number) or not 0 <= threshold <= NEVER:
        raise RelextError(f"{name}: {what} is {threshold!r:.60}; it is a probability, between 0 and 1.")
    return float(as_meant(threshold))


def checked_label_thresholds(name: str, thresholds: Any, labels: Sequence[str] | None = None) -> dict[str, float]:
    """The thresholds of labels as they were meant, without those that are None. RAISES: RelextError for what are none.

    labels: Those that the component has. None: they are not known yet.
    """
    if thresholds is None:
        return {}
    if not isinstance(thresholds, Mapping) or not all(isinstance(label, str) for label in thresholds):
        raise RelextError(f'{name}: label_thresholds is {thresholds!r:.60}; expected a dict of numbers by label, as {{"ADVISE": 0.4}}.')
    if labels is not None:
        _require_known(name, "label_thresholds", thresholds, labels)
    given = {label: threshold for label, threshold in thresholds.items() if threshold is not None}
    return {label: checked_threshold(name, threshold, f"the threshold of {label!r:.40}") for label, threshold in given.items()}


def checked_uncertain(name: str, limit: Any) -> float | None:
    """A limit below which relations are uncertain, as it was meant. RAISES: RelextError for what is neither a probability nor None."""
    return None if limit is None else checked_threshold(name, limit, "uncertain_below")


def plain(name: str, setting: str, value: Any) -> Any:
    """A copy of a setting, as JSON has it. RAISES: RelextError for what JSON cannot hold."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RelextError(f"{name}: {setting} cannot be stored: {error}. Give numbers, strings, lists and dicts.") from error


def told_threshold(threshold: float, digits: int = 6) -> str:
    """A threshold in so many significant digits, never rounded up: nothing is written below what is shown."""
    if threshold > 1:
        return "above 1"
    exact = Decimal(repr(float(threshold)))
    if len(exact.as_tuple().digits) > digits:
        exact = exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_FLOOR)
    return f"{float(exact):g}" if digits <= 6 else str(float(exact))


def told_thresholds(threshold: float, by_label: Mapping[str, float]) -> str:
    """Thresholds in words: 0.5, or 0.5 (ADVISE 0.4, EFFECT 0.62)."""
    named = ", ".join(f"{label} {told_threshold(value, 4)}" for label, value in by_label.items())
    return f"{told_threshold(threshold, 4)} ({named})" if named else told_threshold(threshold)


def check_settings(name: str, cfg: Mapping[str, Any], *, listens: bool) -> None:
    """Refuse settings that cannot be meant. listens: Whether the encoder is that of another component. RAISES: RelextError."""
    for label, types in cfg["type_rules"].items():
        if any(len(pair) != 2 for pair in types):
            raise RelextError(f"{name}: the type rule of {label!r} is {types!r}; it must be a list of [head type, tail type] pairs.")
    if cfg["max_pairs"] is not None and cfg["max_pairs"] < 1:
        raise RelextError(f"{name}: max_pairs is {cfg['max_pairs']}; it is a number of pairs, or null for all.")
    share, temperature = cfg["teacher_weight"], cfg["teacher_temperature"]
    if not 0 <= share <= 1:
        raise RelextError(f"{name}: teacher_weight is {share}; it is the teachers' share of the loss of a pair, between 0 and 1.")
    if not 0 < temperature < float("inf"):
        raise RelextError(f"{name}: teacher_temperature is {temperature}; logits are divided by it, so it is more than 0: 1, or some more.")
    weight = cfg["rdrop_weight"]
    if weight < 0:
        raise RelextError(f"{name}: rdrop_weight is {weight}; it is the weight of a loss, and cannot be negative.")
    if weight and listens:
        raise RelextError(
            f"{name}: rdrop_weight = {weight} runs the encoder twice per batch, and {name} listens to a component that runs once. Set it "
            "to 0, or give the model an encoder of its own, e.g. spacy-relext.Tok2VecTransformer.v1."
        )


def require_known_labels(name: str, cfg: Mapping[str, Any]) -> None:
    """Refuse settings of labels that the component does not have. RAISES: RelextError."""
    for setting in ("symmetric_labels", "type_rules", "label_thresholds"):
        _require_known(name, setting, cfg[setting], cfg["labels"])
    if cfg["calibration"] is not None:
        _require_known(name, "calibration", cfg["calibration"]["labels"], cfg["labels"])


def _require_known(name: str, setting: str, named: Iterable[str], labels: Sequence[str]) -> None:
    unknown = [label for label in named if label not in labels]
    if unknown:
        raise RelextError(f"{name}: {setting} names {unknown}, and the labels are {list(labels)}. Correct the name, or remove it.")


def given_settings(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """What of the settings came from the factory, as it came."""
    return {name: deepcopy(value) for name, value in cfg.items() if name not in (GIVEN, *LEARNED)}


def restored(
    name: str,
    cfg: Mapping[str, Any],
    given: Mapping[str, Any],
    beside: Mapping[str, Any] | None,
    make: Callable[..., Any],
    *,
    overrides: bool,
) -> dict[str, Any]:
    """The settings of a component that was loaded: as stored, but for those that its config gives anew.

    cfg: As stored; a setting may have been changed on the component since its config was written, the threshold by `find-threshold`.
    given: What the factory gave this time. beside: What it gave when the component was stored; None: nobody knows.
    make: The factory, whose defaults are given where a config is silent. Where one differs from what was given before, nobody knows whether
        it is meant: a warning says which one is taken.
    overrides: Whether a threshold that is the default may be an override, as `spacy.load(…, config=…)` gives it. Bytes are mostly loaded
        into a pipeline that was made with the defaults.
    RETURNS: The settings. Among what was given, of thresholds only those that differ are kept: they go before what is loaded later, too.
    RAISES: RelextError where the model cannot follow.
    """
    settings = {**cfg, GIVEN: {setting: deepcopy(value) for setting, value in given.items() if setting not in THRESHOLDS}}
    parameters = inspect.signature(make).parameters
    for setting, value in given.items():
        # Of thresholds, what is stored has all digits.
        if setting not in THRESHOLDS and _same(value, cfg[setting]):
            settings[setting] = deepcopy(value)
        if _same(value, _nameable(cfg[setting]) if setting == "label_thresholds" else cfg[setting]):
            continue
        if beside is None or setting not in beside or setting not in parameters or _same(value, beside[setting]):
            continue
        if setting == "exclusive":
            raise RelextError(
                f"{name}: exclusive = {value} is given, and its model was trained with {beside[setting]}. Train it anew to change that."
            )
        default = parameters[setting].default
        taken = (overrides and setting in THRESHOLDS) or not _same(value, default)
        if taken:
            settings[setting] = settings[GIVEN][setting] = deepcopy(value)
        if taken and setting == "label_thresholds":
            # Label by label: of others, and of those that no config can name, nothing was given anew.
            old = beside[setting]
            kept = {label: threshold for label, threshold in cfg[setting].items() if _same(value.get(label), old.get(label))}
            settings[setting] = kept | {label: threshold for label, threshold in value.items() if not _same(threshold, old.get(label))}
        if _same(value, default):
            logger.warning(
                "%s: %s is %r where the component is made, and %r where it is stored: %r is taken.",
                name,
                setting,
                value,
                cfg[setting],
                settings[setting],
            )
    return settings


def under_new_name(name: str, setting: str, value: Any, *, default: Any, **old: Any) -> Any:
    """The value of a setting that may be given under its old name. RAISES: RelextError where it is given under both.

    old: The value under the old name; None: not given.
    """
    [(old_name, old_value)] = old.items()
    if old_value is None:
        return value
    if value != default:
        raise RelextError(
            f"{name}: {old_name} = {old_value} is the old name of {setting}, and {setting} = {value} is given, too. Remove {old_name}."
        )
    warnings.warn(f"{name}: the setting {old_name} is now called {setting}; the old name goes with 0.2.", DeprecationWarning, stacklevel=3)
    return old_value


def settled(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without old names, and with floats as they were meant. One whose old name has None was not given."""
    found = {name: as_meant(value) for name, value in settings.items() if name not in RENAMED}
    if isinstance(own := found.get("label_thresholds"), Mapping):
        found["label_thresholds"] = {label: as_meant(threshold) for label, threshold in own.items() if threshold is not None}
    return found | {new: as_meant(settings[old]) for old, new in RENAMED.items() if settings.get(old) is not None}


def settle_config(nlp: Language, name: str) -> None:
    """Settle the config of a component: what is stored from now on loads where old names are gone."""
    if nlp.has_pipe(name):
        config = nlp.get_pipe_config(name)
        block = settled(config)
        config.clear()
        config.update(block)


def give_thresholds(nlp: Language, name: str, cfg: Mapping[str, Any]) -> None:
    """Put the thresholds of a component into the config of its pipeline, so that it gives what is so."""
    if nlp.has_pipe(name):
        nlp.get_pipe_config(name).update(_thresholds_of_config(cfg))


def _thresholds_of_config(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The thresholds of a component, as a config has them.

    `label_thresholds` gets all labels there, with null for those that have none: spaCy can override by a config, and find by
    `find-threshold`, what is named there alone.
    """
    given = {setting: cfg[setting] for setting in THRESHOLDS}
    return given | {"label_thresholds": _nameable({**dict.fromkeys(cfg["labels"]), **cfg["label_thresholds"]})}


def _nameable(by_label: Mapping[str, Any]) -> dict[str, Any]:
    return {label: value for label, value in by_label.items() if KEY.fullmatch(label)}


def to_json(cfg: Mapping[str, Any]) -> str:
    """Settings as they are stored: srsly would round to ten decimals, and a relation could miss a threshold that it reached."""
    return json.dumps(cfg, separators=(",", ":"))


def with_given(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The settings to store: the config that is stored with them gives the thresholds that they have."""
    return {**cfg, GIVEN: cfg[GIVEN] | settled(_thresholds_of_config(cfg))}


def given_beside(cfg: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The settings to store in a folder while the config beside it still gives others."""
    beside = settled(settings_beside(path) or {})
    return {**cfg, GIVEN: cfg[GIVEN] | {name: beside[name] for name in THRESHOLDS if name in beside}}


def correct_beside(cfg: Mapping[str, Any], path: Path) -> None:
    """Put the thresholds of a component that is stored into the config beside its folder.

    It may say others: of two pipelines that share the component, after one took it from another, only the first can be told of a change.
    """
    block, thresholds = settings_beside(path), _thresholds_of_config(cfg)
    if block is None or all(_same(settled(block).get(name), value) for name, value in settled(thresholds).items()):
        return
    file = path.parent / CONFIG
    config = load_config(file)
    config["components"][path.name].update(thresholds)
    config.to_disk(file)


def settings_beside(path: Path) -> dict[str, Any] | None:
    """The settings of a component in the config of its pipeline, which stands beside its folder; None where there is no such config."""
    try:
        block = load_config(path.parent / CONFIG, interpolate=True)["components"][path.name]
    except (OSError, ValueError, KeyError):
        return None
    return dict(block)


def settle_optimizer(nlp: Language) -> None:
    """Fill in the variables of [training.optimizer] in the config of a pipeline that was loaded.

    spaCy keeps variables in such a config, and makes the optimizer of `nlp.resume_training()` of this section without filling them in.
    """
    optimizer = filled_config(nlp).get("training", {}).get("optimizer")
    config = nlp.config
    if optimizer is not None and optimizer != config["training"]["optimizer"]:
        config["training"]["optimizer"] = optimizer
        nlp.config = config


def filled_config(nlp: Language) -> Config:
    """The config of a pipeline with its variables filled in; empty where it names some that it does not have."""
    try:
        return Config(nlp.config).interpolate()
    except ValueError:
        return Config()


def _same(a: Any, b: Any) -> bool:
    """Whether two settings are the same. A list that is null in a config is empty here."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= SAME
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(value, b[key]) for key, value in a.items())
    return (a or None) == (b or None)
