"""What a config in configs/ says otherwise than the template of `relext init-config` for its kind of model, as a comment at its begin."""

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy.util import load_config

from spacy_relext.quickstart.config import LARGE, SMALL, template_config

BEGIN = "# Differences from the template {} of `relext init-config`, by `python -m research config-comments`:"
WIDTH = 140

Section = dict[str, Any]


def commented(path: Path) -> str:
    """A config's text, its comment of differences made anew below what its first comment says besides."""
    text = path.read_text(encoding="utf8")
    head, _, rest = text.partition("\n\n")
    ours = re.escape(BEGIN).replace(r"\{\}", r"\w+")
    description = re.sub(rf"\n#\n{ours}.*", "", head, flags=re.DOTALL)
    return f"{description}\n#\n{comment(path)}\n\n{rest}"


def comment(path: Path) -> str:
    """A line for each section that has something else: its settings, and those of the template that it has not."""
    config = load_config(path)
    name = _template_of(config)
    template = template_config(name)
    # The rate and the batches that init-config would take: the paper's where it trains as the paper does.
    recipe = (LARGE if name == "per_pair" else SMALL)[name]
    template["training"]["optimizer"]["learn_rate"]["initial_rate"] = recipe.learn_rate
    template["training"]["batcher"]["size"] = recipe.batch
    return "\n".join([BEGIN.format(name), *(line for section in _differences(config, template) for line in _wrapped(section))])


def _template_of(config: Section) -> str:
    if "transformer" in config["components"]:
        return "joint"
    # A trained extractor that goes on has no model in its config: those that we have are of this kind.
    model = config["components"]["relation_extractor"].get("model", {})
    return "per_pair" if model.get("@architectures") == "spacy-relext.MarkedPairClassifier.v1" else "single_pass"


def _differences(config: Section, template: Section, path: str = "") -> Iterator[str]:
    settings = {name: value for name, value in config.items() if not isinstance(value, dict)}
    changed = [f"{name} = {_value(value)}" for name, value in settings.items() if name not in template or template[name] != value]
    missing = [name for name, value in template.items() if name not in config and not isinstance(value, dict)]
    parts = [*changed, *([f"without {', '.join(missing)}"] if missing else [])]
    if parts:
        yield f"[{path}] {', '.join(parts)}"
    for name, section in config.items():
        if isinstance(section, dict):
            yield from _differences(section, template.get(name, {}), f"{path}.{name}" if path else name)
    for name, section in template.items():
        if isinstance(section, dict) and name not in config:
            yield f"without [{f'{path}.{name}' if path else name}]"


def _value(value: Any) -> str:
    """As it stands in the file."""
    return value if isinstance(value, str) and value.startswith("${") else json.dumps(value, ensure_ascii=False)


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent="#   ", subsequent_indent="#     ", break_long_words=False, break_on_hyphens=False)
