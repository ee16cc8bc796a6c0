"""What was measured of a pipeline, kept in its `meta.json` for the card and for `explain`: nlp.meta["relext"][key][component].

A finding holds for the weights and the settings that it was measured with. It is told by their checksums, so that whoever trains a pipeline
further, with whatever tool, cannot show figures of what it was before.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from spacy.language import Language
from thinc.api import Model

from spacy_relext.errors import RelextError

META = "relext"
Key = Literal["calibration", "threshold", "contrast", "explanations", "figures"]

_DECIDING = ("calibration", "threshold", "label_thresholds")
# The settings of the component that a finding depends on; all of them depend on the weights.
_SETTINGS: dict[str, tuple[str, ...]] = {
    "calibration": ("calibration",),
    "threshold": (*_DECIDING, "uncertain_below"),
    "contrast": _DECIDING,
    "explanations": (),
    "figures": _DECIDING,
}


def keep(nlp: Language, key: Key, value: Mapping[str, Any], *, component: str | None = None) -> None:
    """Keep what was measured of a pipeline as it is now; `nlp.to_disk` and `spacy package` store it. What no longer holds is removed.

    value: Plain values, as JSON has them; what was kept under the key before goes. component: The extractor, where there are several.
    RAISES: RelextError for an unknown key, and for what JSON cannot hold.
    """
    name = _extractor(nlp, _known(key), component)
    try:
        plain = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RelextError(
            f"what was measured as {key!r} cannot be stored as JSON: {error}. Give numbers, strings, lists and dicts."
        ) from error
    weights = weights_checksum(nlp)
    findings = {old: _holding(nlp, old, weights) for old in nlp.meta.get(META, {}) if old in _SETTINGS}
    nlp.meta[META] = {old: values for old, values in findings.items() if values}
    nlp.meta[META].setdefault(key, {})[name] = {"weights": weights, "settings": _settings(nlp, key, name), "value": plain}


def kept(nlp: Language, key: Key, *, component: str | None = None) -> dict[str, Any] | None:
    """What was measured of a pipeline. None: nothing, or with other weights or settings than those that it has now.

    component: The extractor, where there are several.
    """
    name = _extractor(nlp, _known(key), component)
    finding = nlp.meta.get(META, {}).get(key, {}).get(name)
    if finding is None or not _holds(nlp, key, name, weights_checksum(nlp)):
        return None
    value: dict[str, Any] = finding["value"]
    return value


def _known(key: str) -> str:
    if key not in _SETTINGS:
        raise RelextError(f"there is no finding {key!r}. There are: {', '.join(get_args(Key))}.")
    return key


def _extractor(nlp: Language, key: str, component: str | None) -> str:
    names = [name for name in nlp.component_names if nlp.get_pipe_meta(name).factory == "relation_extractor"]
    if component is None and len(names) == 1:
        return names[0]
    if component not in names:
        saw = "none was named" if component is None else f"{component!r} is none of them"
        raise RelextError(f"{key}: the relation extractors of this pipeline are {', '.join(names) or 'none'}, and {saw}. Name one.")
    return component


def _holding(nlp: Language, key: str, weights: str) -> dict[str, Any]:
    """What is kept under a key, by extractor, as far as it holds."""
    return {name: value for name, value in nlp.meta[META][key].items() if name in nlp.component_names and _holds(nlp, key, name, weights)}


def _holds(nlp: Language, key: str, name: str, weights: str) -> bool:
    finding = nlp.meta[META][key][name]
    return bool(finding["weights"] == weights and finding["settings"] == _settings(nlp, key, name))


def _settings(nlp: Language, key: str, name: str) -> str:
    """The checksum of the settings that the finding depends on."""
    pipe: Any = dict(nlp.components)[name]
    cfg = pipe.cfg
    chosen = {setting: cfg[setting] for setting in _SETTINGS[key] if cfg.get(setting)}
    return hashlib.sha256(json.dumps(_rounded(chosen), sort_keys=True).encode("utf8")).hexdigest()


def _rounded(value: Any) -> Any:
    """Numbers as text of nine digits: the last digit of one that is stored and loaded may be another one."""
    if isinstance(value, Mapping):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_rounded(entry) for entry in value]
    return value if value is None or isinstance(value, (bool, str)) else f"{float(value):.9g}"


def weights_checksum(nlp: Language) -> str:
    """The checksum of all weights of a pipeline: 0.1 s per 100 MB."""
    digest = hashlib.sha256()
    for name, pipe in nlp.components:
        digest.update(name.encode("utf8"))
        model = getattr(pipe, "model", None)
        if isinstance(model, Model):
            for part in _arrays(model):
                digest.update(part)
    return digest.hexdigest()


def _arrays(model: Model[Any, Any]) -> Iterator[Any]:
    """The weights of a model, those of torch's modules included, as bytes."""
    for node in model.walk():
        for name in sorted(node.param_names):
            if node.has_param(name):
                yield node.ops.to_numpy(node.get_param(name)).tobytes()
        for shim in node.shims:
            state = getattr(getattr(shim, "_model", None), "state_dict", dict)
            yield from (_bytes(tensor) for tensor in state().values())


def _bytes(tensor: Any) -> Any:
    import torch

    # numpy has no bfloat16.
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy() if hasattr(tensor, "detach") else repr(tensor).encode()
