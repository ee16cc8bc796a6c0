"""The card for machines: the fields of `meta.json`, which `spacy package` reads, and the header of a README on the Hugging Face hub."""

import re
from collections.abc import Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from spacy_relext.card.about import About, Source
from spacy_relext.card.figures import performance_of

Figures = dict[str, Any]
# Licences that the hub knows; what else there is, it calls "other". See https://huggingface.co/docs/hub/repositories-licenses
_HUB_LICENSES = """
    afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0 bigscience-openrail-m bsd
    bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0
    cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0
    cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
    eupl-1.2 gfdl gpl gpl-2.0 gpl-3.0 isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail
    openrail++ osl-3.0 other pddl postgresql unknown unlicense wtfpl zlib
"""
HUB_LICENSES = frozenset(_HUB_LICENSES.split())
_NO_NAME = re.compile(r"[^a-z0-9.]+")
METRICS = {"p": ("precision", "Precision"), "r": ("recall", "Recall"), "f": ("f1", "F1")}
MENTIONS = {"gold_mentions": "annotated mentions", "predicted_mentions": "found mentions"}


def package_name(meta: Mapping[str, Any]) -> str:
    """What `spacy package` calls the pipeline of a meta.json."""
    name, lang = str(meta["name"]), str(meta["lang"])
    return name if name.startswith(f"{lang}_") else f"{lang}_{name}"


def filled(meta: Mapping[str, Any], about: About, figures: Mapping[str, Figures | None]) -> dict[str, Any]:
    """A meta.json with what was said and what was measured. figures: By extractor; None: not measured.

    The losses that `spacy train` leaves under `performance` go: they are no scores. What was measured takes the place of the scores of
    training, which have the threshold that was set then.
    """
    said = {key: getattr(about, key) for key in ("name", "version", "description", "author", "email", "url", "license")}
    sources = [_source(source) for source in (*about.data, *((about.encoder,) if about.encoder else ()))]
    measured = {name: found for name, found in figures.items() if found is not None}
    scores: dict[str, Any] = {key: score for key, score in meta.get("performance", {}).items() if not key.endswith("_loss")}
    if measured:
        with_mentions = any(found["mentions"] is not None for found in measured.values())
        old = ("rel_", *(("ents_",) if with_mentions else ()))
        scores = {key: score for key, score in scores.items() if not key.startswith(old)}
        for name, found in measured.items():
            scores |= performance_of(found, "rel" if len(figures) == 1 else f"rel_{name}")
    return {
        **meta,
        **{key: value for key, value in said.items() if value},
        **({"sources": sources} if sources else {}),
        "performance": scores,
    }


def _source(source: Source) -> dict[str, str]:
    named = {key: getattr(source, key) for key in ("name", "url", "author", "license")}
    return {key: value for key, value in named.items() if value}


def header(meta: Mapping[str, Any], about: About, figures: Mapping[str, Figures | None], test: str) -> str:
    """The YAML block of a README on the hub, without the lines around it.

    meta: As `filled` gives it. test: What the test data are called.
    """
    results = [result for name, found in figures.items() if found is not None for result in _results(name, found, test)]
    hubs = [source.hub for source in about.data if source.hub]
    named: dict[str, Any] = hub_license(meta.get("license") or "", about.license_link)
    data = ModelCardData(
        language=meta["lang"],
        **named,
        library_name="spacy",
        tags=["spacy", "relation-extraction", "information-extraction"],
        base_model=about.encoder.hub if about.encoder and about.encoder.hub else None,
        datasets=hubs or None,
        metrics=["precision", "recall", "f1"] if results else None,
        model_name=package_name(meta) if results else None,
        eval_results=results or None,
    )
    yaml: str = data.to_yaml()
    return yaml


def hub_license(name: str, link: str = "") -> dict[str, str]:
    """A licence, as SPDX calls it, in the fields that the hub has for it; none: no field."""
    if not name:
        return {}
    known = re.sub(r"-(only|or-later)$", "", name.strip().lower())
    if known in HUB_LICENSES:
        return {"license": known}
    named = {"license": "other", "license_name": _NO_NAME.sub("-", known).strip("-")}
    return named | ({"license_link": link} if link else {})


def _results(name: str, figures: Figures, test: str) -> list[EvalResult]:
    return [
        EvalResult(
            task_type="relation-extraction",
            task_name=f"Relation extraction ({name})",
            dataset_type=_NO_NAME.sub("-", test.lower()).strip("-") or "test",
            dataset_name=test,
            metric_type=kind,
            metric_name=f"{title}, {mentions}",
            metric_value=round(figures[key]["micro"][share]["value"], 4),
        )
        for key, mentions in MENTIONS.items()
        if figures[key] is not None
        for share, (kind, title) in METRICS.items()
    ]
