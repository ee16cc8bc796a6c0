"""Configs as they will be trained: read, and refused where a setting would be passed over."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from spacy.schemas import ConfigSchemaInit, ConfigSchemaNlp, ConfigSchemaTraining
from spacy.util import load_config
from thinc.api import Config

from spacy_relext.errors import DataError

# Sections in which spaCy allows certain settings alone. It does not say so of others: a mistyped one has no effect.
_KNOWN: dict[str, Any] = {"nlp": ConfigSchemaNlp, "training": ConfigSchemaTraining, "initialize": ConfigSchemaInit}


def read_config(path: Path, overrides: Mapping[str, Any]) -> Config:
    """An interpolated config. RAISES: DataError where it cannot be read, or has a setting that nothing would read."""
    try:
        config = load_config(path, overrides=dict(overrides), interpolate=True)
    except OSError as error:
        raise DataError("there is no such config file.", path=path) from error
    except ValueError as error:
        raise DataError(f"the config cannot be read with {list(overrides) or 'no'} overrides: {error}", path=path) from error
    for section, schema in _KNOWN.items():
        for name in config.get(section, {}):
            if name not in schema.model_fields:
                like = get_close_matches(name, schema.model_fields, n=1)
                cure = f"Is it {like[0]}?" if like else f"There are {', '.join(schema.model_fields)}."
                raise DataError(f"[{section}] has no setting {name!r}, which would have no effect. {cure}", path=path)
    return config
