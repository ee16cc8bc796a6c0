"""A config against the data: what would make its training fail, and what its extractor cannot learn or find."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import load_model_from_config, registry
from thinc.api import Config

from spacy_relext.corpus import n_cross_sentence, predicted_doc
from spacy_relext.diagnosis.data import Data, Finding, found, percent
from spacy_relext.diagnosis.lengths import Windows
from spacy_relext.diagnosis.suggestions import Suggestions
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import extractor_of, extractors_of
from spacy_relext.pipeline.preparing import Extractor, annotated_pairs


@dataclass(frozen=True)
class Settings:
    """A config, the pipeline that it describes, and its extractor, whose model has no weights yet.

    corpus (Dict[str, Any]): The settings of the training reader. given (Dict[str, Any]): What [initialize] gives the extractor.
    annotating (List[str]): Components that run in training.
    encoder (str | None): The Hugging Face name or folder of a transformer that reads windows. get_windows: These windows.
    others (Dict[str, List[str] | None]): The other extractors of the pipeline, and the labels that [initialize] gives each. None: all.
    """

    nlp: Language
    pipe: Extractor
    corpus: dict[str, Any]
    given: dict[str, Any]
    annotating: list[str]
    encoder: str | None
    get_windows: Windows | None
    others: dict[str, list[str] | None]


def read_settings(config: Config, name: str, component: str | None = None) -> Settings:
    """Make the pipeline of an interpolated config.

    component: The extractor, if there are several. RAISES: RelextError where there is no such one, or the pipeline cannot be made.
    """
    try:
        # Without the corpora, whose paths may be given in training only.
        nlp = load_model_from_config(Config({"nlp": config["nlp"], "components": config["components"]}), auto_fill=True)
    except (KeyError, ValueError, OSError) as error:
        raise RelextError(f"the pipeline of {name} cannot be made: {error}") from error
    pipe = extractor_of(nlp, name, component)
    training = config.get("training", {})
    corpus: Any = config
    for key in training.get("train_corpus", "corpora.train").split("."):
        corpus = corpus.get(key, {})
    initialize = config.get("initialize", {}).get("components", {})
    names = [extractor.name for extractor in extractors_of(nlp, name)]
    given = {other: registry.resolve({"given": initialize.get(other, {})})["given"] for other in names}
    others = {other: given[other].get("labels") for other in names if other != pipe.name}
    block = _transformer(config.get("components", {})) or {}
    get_windows = registry.resolve({"get_spans": block["get_spans"]})["get_spans"] if block else None
    annotating = training.get("annotating_components", [])
    return Settings(nlp, pipe, corpus, given[pipe.name], annotating, block.get("name"), get_windows, others)


def _transformer(block: Any) -> dict[str, Any] | None:
    """The block of the first transformer that reads windows; with per-pair encoding, texts are cut around the pair instead."""
    if not isinstance(block, dict):
        return None
    if "get_spans" in block and "name" in block:
        return block
    return next((found for value in block.values() if (found := _transformer(value)) is not None), None)


def check_settings(data: Data, settings: Settings, suggested: Suggestions) -> Iterator[Finding]:
    """What the config says of labels, types, sentences and candidates, beside what is in the data and what that suggests."""
    pipe = settings.pipe
    labels = settings.given.get("labels") or suggested.labels
    elsewhere = {label for given in settings.others.values() for label in (suggested.labels if given is None else given)}
    missing = [label for label in suggested.labels if label not in labels and label not in elsewhere]
    message = (
        f"labels of the training data that [initialize.components.{pipe.name}] leaves out: {{n}}. Training stops at the first of them."
    )
    yield from found("error", "unlisted-labels", message, missing)
    kinds = settings.given.get("mention_types")
    message = f"types of mentions that [initialize.components.{pipe.name}] leaves out: {{n}}. They are told apart from none."
    yield from found("warning", "unlisted-types", message, [kind for kind in suggested.mention_types if kind not in (kinds or [kind])])
    named = {label: setting for setting in ("type_rules", "symmetric_labels") for label in pipe.cfg[setting]}
    strange = [f"{label} in {setting}" for label, setting in named.items() if label not in labels]
    yield from found("error", "unknown-labels", "settings name labels that there are not: {n}. Training stops.", strange)
    types = {kind for rule in pipe.cfg["type_rules"].values() for pair in rule for kind in pair}
    strange = sorted(types - {span.label_ for text in data.texts for span in text.mentions})
    yield from found("warning", "unknown-types", "type_rules name types of mentions that there are not: {n}.", strange)
    symmetric = [label for label in suggested.symmetric_labels if label not in pipe.cfg["symmetric_labels"]]
    message = "labels that seem to have no direction, and are not among symmetric_labels: {n}."
    yield from found("warning", "not-symmetric", message, symmetric)
    if settings.corpus.get("unit", "document") != "document" and settings.corpus.get("cross_sentence", "error") == "error":
        across = [text.where() for text in data.train if n_cross_sentence(text.doc)]
        message = (
            f'documents with relations across sentences: {{n}}. The reader with unit = "{settings.corpus["unit"]}" stops at the first. Set '
            'cross_sentence = "drop", or unit = "document".'
        )
        yield from found("error", "relations-across-sentences", message, across)
    if not missing and not [label for label in named if label not in labels]:
        found_labels = {r.label for text in data.texts for r in text.relations if not settings.others}
        yield from _check_reach(data, settings, sorted(found_labels | set(labels)))


def _check_reach(data: Data, settings: Settings, labels: list[str]) -> Iterator[Finding]:
    pipe = settings.pipe
    pipe.cfg["labels"] = labels
    setters = [settings.nlp.get_pipe(name) for name in settings.annotating if settings.nlp.get_pipe_meta(name).factory == "sentencizer"]
    missed, n_missed, n_gold = [], 0, 0
    for text in data.texts:
        predicted = predicted_doc(settings.nlp, text.doc, gold_tokens=True)
        for setter in setters:
            predicted = setter(predicted)
        try:
            pairs = annotated_pairs(pipe, Example(predicted, text.doc), scoring=True)
        except RelextError as error:
            yield Finding("error", "no-candidates", str(error), (text.where(),))
            return
        n_gold += pairs.n_gold
        n_missed += pairs.n_missed
        if pairs.n_missed:
            missed.append(text.where(f"{pairs.n_missed} of {pairs.n_gold}"))
    message = (
        f"relations between no candidate pair of {pipe.name}: {n_missed:,} of {n_gold:,} ({percent(n_missed, n_gold)}), in so many "
        "documents: {n}. They cannot be learned or found, and count as misses."
    )
    yield from found("error" if n_missed == n_gold else "warning", "unreachable", message, missed)
