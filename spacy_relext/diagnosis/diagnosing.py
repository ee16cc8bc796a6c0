"""What is to be known of annotated data before training, for Python and for `relext debug-data`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.configs import read_config
from spacy_relext.conversion.sentences import make_tokenizer
from spacy_relext.corpus import read_docs
from spacy_relext.diagnosis.checks import run_checks
from spacy_relext.diagnosis.data import Data, Finding, find_spans_key, make_data
from spacy_relext.diagnosis.lengths import load_encoder
from spacy_relext.diagnosis.settings import Settings, read_settings
from spacy_relext.diagnosis.suggestions import Suggestions, suggest
from spacy_relext.diagnosis.summary import Cells, candidate_table, gap_table, label_table, part_table, type_table
from spacy_relext.errors import RelextError
from spacy_relext.experiments.crossval import find_folds
from spacy_relext.relations import register_extensions

# A .spacy file, a folder of them, or Docs.
Part = str | Path | Iterable[Doc]


@dataclass(frozen=True)
class Diagnosis:
    """What was found in annotated data.

    findings: Errors first, each with `severity` ("error", "warning", "info"), `name`, `message` and `examples`.
    suggestions: Settings that fit, which `to_config` gives as a part of a config; None where no relation is annotated.
    tables: By title; the first row of each is its header.
    """

    findings: list[Finding]
    suggestions: Suggestions | None
    tables: dict[str, Cells]

    @property
    def has_errors(self) -> bool:
        """Whether training would fail, or its figures be wrong."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "suggestions": self.suggestions and asdict(self.suggestions),
            "tables": self.tables,
        }


def diagnose(
    train: Part,
    dev: Part | None = None,
    test: Part | None = None,
    *,
    config: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    component: str | None = None,
    encoder: str | None = None,
    spans_key: str | None = None,
    tokenizer: str | Language = "en",
) -> Diagnosis:
    """Look annotated data over before training: counts, faults, leaks between parts, settings that fit.

        for finding in diagnose("train.spacy", "dev.spacy").findings:
            print(finding.severity, finding.name, finding.message)

    train, dev, test: A .spacy file or a folder of them, or Docs; a folder of folds (fold-0.spacy …) as `train` is checked fold by fold.
    config: A config whose relation extractor the data is held against. overrides: Of its settings, "section.name" by "section.name".
    component: Which extractor of it, where there are several.
    encoder: Hugging Face name or folder of the encoder whose word pieces are counted; None: that of the config, or an estimate.
    spans_key: Mentions are `doc.spans` of this key, or `doc.ents` for "ents". None: as the config says, or where they are.
    tokenizer: A language code, "scispacy", the name of a pipeline, or one, whose tokenizer predicts; a config has its own.
    RAISES: RelextError for what does not fit together.
    """
    register_extensions()
    settings = _settings(config, overrides or {}, component)
    if settings is not None and spans_key is None:
        spans_key = settings.pipe.cfg["spans_key"] or "ents"
    data = load_data(train, dev, test, spans_key)
    nlp = settings.nlp if settings is not None else tokenizer if isinstance(tokenizer, Language) else make_tokenizer(tokenizer)
    name = encoder or (settings.encoder if settings is not None else None)
    suggested = suggest(data) if any(text.relations for text in data.train) else None
    findings = run_checks(data, nlp, encoder=load_encoder(name) if name else None, settings=settings, suggested=suggested)
    return Diagnosis(findings, suggested, _tables(data, suggested))


def load_data(train: Part, dev: Part | None, test: Part | None, spans_key: str | None) -> Data:
    """The parts of a corpus; those of a folder of folds are all trained on."""
    nlp = spacy.blank("xx")
    folds = find_folds(Path(train)) if isinstance(train, (str, Path)) and (Path(train) / "fold-0.spacy").is_file() else []
    if folds and (dev is not None or test is not None):
        raise RelextError(f"{train} is a folder of folds, which are test data in turn. Leave `dev` and `test` out.")
    parts: dict[str, Part] = {fold.stem: fold for fold in folds} or {
        name: part for name, part in (("train", train), ("dev", dev), ("test", test)) if part is not None
    }
    docs = {name: list(read_docs(Path(part), nlp) if isinstance(part, (str, Path)) else part) for name, part in parts.items()}
    detected = find_spans_key(doc for part in docs.values() for doc in part)
    return make_data(docs, list(parts) if folds else ["train"], spans_key={None: detected, "ents": None}.get(spans_key, spans_key))


def _settings(config: str | Path | None, overrides: Mapping[str, Any], component: str | None) -> Settings | None:
    if config is None:
        if component is not None:
            raise RelextError(f"`component={component}`: an extractor of a config, and there is none. Give it with `config`.")
        if overrides:
            raise RelextError(f"{', '.join(overrides)}: settings of a config, and there is none. Give it with `config`.")
        return None
    return read_settings(read_config(Path(config), dict(overrides)), str(config), component)


def _tables(data: Data, suggested: Suggestions | None) -> dict[str, Cells]:
    tables = {"Parts": part_table(data)}
    if suggested is not None:
        pairs = {"Pairs in a sentence, by types": type_table(data.train), "Pairs in a sentence, by distance": gap_table(data.train)}
        tables |= {"Relations": label_table(data), **pairs, "Candidates": candidate_table(data, suggested)}
    return tables
