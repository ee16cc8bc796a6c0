"""The settings of a stored extractor: what it was stored with, and what a config gives it anew."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from math import isclose
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import load_config
from thinc.api import Config

from spacy_relext.errors import RelextError
from spacy_relext.notices import logger

# Where the settings that the factory gave are kept among all, and what the component learns by itself.
GIVEN, LEARNED = "given", ("labels", "other_labels", "mention_types")
# Names of settings in pipelines that were stored before 0.1.0. The factory takes them until 0.2.
RENAMED = {"consistency": "rdrop_weight"}


def given_settings(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """What of the settings came from the factory, as it came."""
    return {name: deepcopy(value) for name, value in cfg.items() if name not in (GIVEN, *LEARNED)}


def restored(
    name: str, cfg: Mapping[str, Any], given: Mapping[str, Any], beside: Mapping[str, Any] | None, make: Callable
) -> dict[str, Any]:
    """The settings of a component that was loaded: as stored, but for those that its config gives anew.

    cfg: As stored; a setting may have been changed on the component since its config was written, the threshold by `find-threshold`.
    given: What the factory gave this time. beside: What it gave when the component was stored; None: nobody knows.
    make: The factory, whose defaults are given where a config is silent. Where one differs from what was given before, nobody knows whether
        it is meant: a warning says which one is taken.
    RAISES: RelextError where the model cannot follow.
    """
    settings = {**cfg, GIVEN: deepcopy(dict(given))}
    parameters = inspect.signature(make).parameters
    for setting, value in given.items():
        if _same(value, cfg[setting]):
            settings[setting] = deepcopy(value)
        if beside is None or setting not in beside or setting not in parameters or _same(value, beside[setting]):
            continue
        if setting == "exclusive":
            raise RelextError(
                f"{name}: exclusive = {value} is given, and its model was trained with {beside[setting]}. Train it anew to change that."
            )
        default = parameters[setting].default
        taken = setting == "threshold" or not _same(value, default)
        if taken:
            settings[setting] = deepcopy(value)
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


def with_new_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without old names. One that is None was not given."""
    found = {name: value for name, value in settings.items() if name not in RENAMED}
    return found | {new: settings[old] for old, new in RENAMED.items() if settings.get(old) is not None}


def settle_names(nlp: Language, name: str) -> None:
    """Take old names out of the config of a component: what is stored from now on loads where they are gone."""
    if nlp.has_pipe(name):
        config = nlp.get_pipe_config(name)
        settled = with_new_names(config)
        config.clear()
        config.update(settled)


def settings_beside(path: Path) -> dict[str, Any] | None:
    """The settings of a component in the config of its pipeline, which stands beside its folder; None where there is no such config."""
    try:
        block = load_config(path.parent / "config.cfg", interpolate=True)["components"][path.name]
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
    """Whether two settings are the same. A list that is null in a config is empty here, and srsly reads 0.6 as 0.6000000000000001."""
    if isinstance(a, float) and isinstance(b, float):
        return isclose(a, b, rel_tol=1e-9)
    return (a or None) == (b or None)
