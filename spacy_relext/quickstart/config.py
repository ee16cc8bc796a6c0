"""A filled config from annotated data and a choice of what training is to be like."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import CONFIG_SECTION_ORDER, load_config_from_str, load_model_from_config, registry
from thinc.api import Config, fix_random_seed

from spacy_relext.biomed import SPLITTERS, TOKENIZER
from spacy_relext.candidates import has_sentences
from spacy_relext.corpus import n_cross_sentence
from spacy_relext.diagnosis.data import Data, percent
from spacy_relext.diagnosis.lengths import POSITIONS
from spacy_relext.diagnosis.suggestions import Suggestions, possible_pairs
from spacy_relext.encoders import require_encoder
from spacy_relext.errors import RelextError
from spacy_relext.ml.limits import UNLIMITED
from spacy_relext.notices import counted


class Optimize(StrEnum):
    """What training is to be like."""

    cpu = "cpu"
    gpu = "gpu"
    accuracy = "accuracy"


# What is trained where the user names no encoder. The first is the one whose figures are in docs/results.md, the second the paper's.
ENCODERS = {
    "cpu": "sentence-transformers/all-MiniLM-L6-v2",
    "gpu": "dmis-lab/biobert-base-cased-v1.1",
    "accuracy": "dmis-lab/biobert-base-cased-v1.1",
}
# Wider encoders are trained like BERT-base, with 768 dimensions, the others like all-MiniLM-L6-v2, with 384.
SMALL_WIDTH = 512
# A batch of a small corpus is half as large: few steps are too few, whatever is in them.
FEW_BATCHES = 20


@dataclass(frozen=True)
class Recipe:
    """How one of the templates is trained.

    epochs (int): Over the training data. learn_rate (float): The encoder's, at its highest. batch (int): As the template's batcher counts.
    min_steps (int): A few dozen sentences are read often enough to be learned. head_scale (float | None): The extractor's
        `learn_rate_scale`; None: the template's.
    """

    epochs: int
    learn_rate: float
    batch: int
    min_steps: int = 300
    head_scale: float | None = None


# For small encoders: chosen on development parts, of DDI for `single_pass`, of the demonstration for the rate of `joint`, and not tuned
# for `per_pair` (docs/results.md).
SMALL = {"single_pass": Recipe(12, 1e-4, 600), "per_pair": Recipe(4, 1e-4, 32), "joint": Recipe(5, 2e-4, 600, min_steps=600)}
# For those like BERT-base: `per_pair` has epochs, rate and batch of Su & Vijay-Shanker (arXiv:2011.00398). `single_pass` has the rates with
# which all-mpnet-base-v2 learned DDI and ChemProt (docs/results.md). `joint`, where
# `ner` starts from nothing, was not tried.
LARGE = {"single_pass": Recipe(10, 5e-5, 600, head_scale=20.0), "per_pair": Recipe(10, 2e-5, 16), "joint": Recipe(10, 5e-5, 600)}


@dataclass(frozen=True)
class Size:
    """Of an encoder: the dimensions of its output, and how many word pieces it reads."""

    width: int
    positions: int


@dataclass(frozen=True)
class Choice:
    """What the user wants.

    optimize (Optimize): cpu: a small encoder; gpu: a larger one; accuracy: such a one, and per-pair encoding.
    ner (bool): Train an entity recogniser too, which shares the encoder. False: mentions are given, or found by something else.
    encoder (str | None): Hugging Face name or folder. None: that of `ENCODERS`.
    lang (str): The language. tokenizer (str | None): "scispacy", or a pipeline whose tokenizer is copied. None: the language's.
    sentences (str): "sentencizer" or "scispacy".
    """

    optimize: Optimize = Optimize.cpu
    ner: bool = False
    encoder: str | None = None
    lang: str = "en"
    tokenizer: str | None = None
    sentences: str = "sentencizer"


@dataclass(frozen=True)
class Start:
    """A config to start from. reasons (List[str]): Why it is as it is, for people."""

    config: Config
    reasons: list[str]


def make_config(data: Data, suggested: Suggestions, choice: Choice, *, train: Path, dev: Path | None) -> Start:
    """A config for `spacy train`, filled. The training data must have relations. RAISES: RelextError where the choice does not go."""
    in_sentences = all(has_sentences(text.doc) for text in data.train)
    within = suggested.candidates["@misc"] == "spacy-relext.sentence_pairs.v1"
    template = "joint" if choice.ner else "per_pair" if choice.optimize == "accuracy" and within else "single_pass"
    if choice.ner and choice.optimize == "accuracy":
        raise RelextError(
            "--optimize accuracy encodes a text anew for each pair, which no entity recogniser can share. Use --optimize gpu with --ner, "
            "or leave --ner out and source a recogniser that is trained apart (docs/how-to/mentions.md)."
        )
    encoder = choice.encoder or _default_encoder(choice)
    size = encoder_size(encoder)
    recipe = (SMALL if size.width <= SMALL_WIDTH else LARGE)[template]
    reasons = [_what_is_read(template, choice, within), _how_large(encoder, size)]
    config = template_config(template).merge(suggested.to_config()).merge(_pipeline(template, choice, in_sentences))
    config = config.merge(_data(data, suggested, template, within)).merge(_reading(template, size))
    config["paths"] = {"train": str(train), "dev": dev and str(dev), "encoder": encoder}
    config["system"]["gpu_allocator"] = None if choice.optimize == "cpu" else "pytorch"
    config["training"]["optimizer"]["learn_rate"]["initial_rate"] = recipe.learn_rate
    config["training"]["batcher"]["size"] = recipe.batch
    if recipe.head_scale is not None:
        config["components"]["relation_extractor"]["model"]["learn_rate_scale"] = recipe.head_scale
    if template == "single_pass" and suggested.candidates["ordered"]:
        # As in configs/chemprot.cfg: 2 to 3 points of development F (docs/results.md).
        model = config["components"]["relation_extractor"]["model"]
        model["text_order"] = True
        model["summary"] = {"@relext_summaries": "spacy-relext.between.v1"}
        reasons.append(
            "Relations have a direction. The two mentions are read as head and tail, and in the order of the text as well; beside them, "
            "what stands between them."
        )
    reasons += _across(data, suggested)
    if config["corpora"]["train"].get("cross_sentence") == "drop":
        reasons.append("Some relations run across sentences: they are not trained on, and count as missed in every score.")
    try:
        nlp = load_model_from_config(config, auto_fill=True)
    except (ImportError, OSError, ValueError) as error:
        raise RelextError(f"the config that fits the data makes no pipeline: {error}") from error
    filled = nlp.config
    units = read_units(nlp, filled)
    n_batches = count_batches(units, filled)
    if n_batches < FEW_BATCHES and template != "per_pair":
        filled["training"]["batcher"]["size"] = recipe.batch // 2
        n_batches = count_batches(units, filled)
    steps = max(recipe.min_steps, recipe.epochs * n_batches)
    filled["training"]["optimizer"]["learn_rate"] |= {"total_steps": steps, "warmup_steps": max(1, steps // 10)}
    filled["variables"]["eval_frequency"] = max(1, steps // recipe.epochs)
    batches = counted(n_batches, "batch", "batches")
    reasons.append(f"An epoch has {batches}. Training takes {steps:,} of them, {steps / n_batches:.1f} epochs.")
    return Start(filled, reasons)


def template_config(name: str) -> Config:
    """What a config says whatever the data is: what all share, and what its kind of model needs."""
    folder = resources.files(__package__)
    shared, own = (load_config_from_str((folder / f"{part}.cfg").read_text(encoding="utf8")) for part in ("training", name))
    return shared.merge(own)


def encoder_size(name: str) -> Size:
    """The size of an encoder. RAISES: RelextError where there is none of this name, or its config cannot be read."""
    if name in ENCODERS.values():
        # Known without asking for it.
        return Size(384 if name == ENCODERS["cpu"] else 768, 512)
    require_encoder(name)
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise RelextError(f"the config of the encoder {name!r} cannot be read: {error}") from error
    return Size(config.hidden_size, getattr(config, "max_position_embeddings", None) or UNLIMITED)


def read_units(nlp: Language, config: Config) -> list[Example]:
    """What training makes batches of."""
    # Batches of shuffled units are not always as many.
    fix_random_seed(0)
    return list(registry.resolve({"corpus": config.interpolate()["corpora"]["train"]})["corpus"](nlp))


def count_batches(units: list[Example], config: Config) -> int:
    """The batches of an epoch, as training makes them."""
    batcher = registry.resolve({"batcher": config.interpolate()["training"]["batcher"]})["batcher"]
    return sum(1 for _ in batcher(units))


def _default_encoder(choice: Choice) -> str:
    if choice.lang != "en":
        raise RelextError(
            f"the encoder {ENCODERS[choice.optimize]} reads English, and the language is {choice.lang!r}. Give one with --encoder, e.g. "
            "--encoder bert-base-multilingual-cased."
        )
    return ENCODERS[choice.optimize]


def _pipeline(template: str, choice: Choice, in_sentences: bool) -> dict[str, Any]:
    """Language, tokenizer, sentences and the order of components."""
    if choice.sentences not in SPLITTERS:
        raise RelextError(
            f"--sentences is {choice.sentences!r}; it can be {' or '.join(SPLITTERS)}. The parser of another pipeline can be sourced into "
            "the config that is written: https://spacy.io/usage/processing-pipelines#sourced-components"
        )
    # Where the annotated texts have no sentences, the pipeline shall not set any either: it would read other contexts than in training.
    names = [SPLITTERS[choice.sentences]] if in_sentences else []
    block: dict[str, Any] = {"components": {name: {"factory": name} for name in names}}
    names = [*names, *(["transformer", "ner"] if template == "joint" else []), "relation_extractor"]
    block["nlp"] = {"lang": choice.lang, "pipeline": names}
    if choice.tokenizer == "scispacy":
        block["nlp"]["tokenizer"] = {"@tokenizers": TOKENIZER}
    elif choice.tokenizer is not None:
        copy = {"@callbacks": "spacy.copy_from_base_model.v1", "tokenizer": choice.tokenizer}
        block["initialize"] = {"before_init": {"then": copy}}
    return block


def _data(data: Data, suggested: Suggestions, template: str, within: bool) -> dict[str, Any]:
    """How the training data is read, and what initialisation is told of it."""
    reader: dict[str, Any] = {"spans_key": data.spans_key}
    if not within:
        reader["unit"] = "document"
    elif any(n_cross_sentence(text.doc) for text in data.train):
        reader["cross_sentence"] = "drop"
    block: dict[str, Any] = {"corpora": {"train": reader}}
    if template != "single_pass":
        # A corpus that is read anew every epoch shows only its first 100 units to initialisation.
        block["initialize"] = {"components": {"relation_extractor": {"labels": suggested.labels, "mention_types": suggested.mention_types}}}
    if template == "joint":
        types = {"@readers": "spacy-relext.entity_labels.v1", "types": suggested.mention_types}
        block["initialize"]["components"]["ner"] = {"labels": types}
    return block


def _what_is_read(template: str, choice: Choice, within: bool) -> str:
    if template == "joint":
        return "One transformer that an entity recogniser and the relation extractor share, trained together: from raw text to relations."
    if template == "per_pair":
        return "Mentions are given. The encoder reads a text per pair, in which both mentions are blinded: accurate, and slow."
    reason = "Mentions are given. The encoder reads a sentence once, in which all mentions are blinded: a tag stands for each."
    if choice.optimize == "accuracy":
        reason += " One encoder pass per pair is for relations within sentences, and too many are not."
    return reason


def _across(data: Data, suggested: Suggestions) -> list[str]:
    """What pairs across sentences cost, and what they are worth."""
    chosen = suggested.candidates
    first, within = suggested.tried[0]
    if first == chosen or "max_sentences" not in chosen:
        return []
    across = next(r for block, r in suggested.tried if block == chosen)
    few, many = (possible_pairs(data.train, replace(suggested, candidates=block)) for block in (first, chosen))
    return [
        f"Pairs within sentences reach {percent(within.reached, within.relations)} of the relations, with {few:,} pairs of types that may "
        f"have one. Candidates are pairs with up to {chosen['max_sentences']} sentence boundaries between them: "
        f"{percent(across.reached, across.relations)}, with {many:,} pairs, {many / max(1, few):.1f} times as many. max_sentences sets it; "
        "`relext debug-data` has the figures of others."
    ]


def _how_large(encoder: str, size: Size) -> str:
    like = "all-MiniLM-L6-v2" if size.width <= SMALL_WIDTH else "BERT-base"
    return f"{encoder} has {size.width} dimensions: trained like {like}."


def _reading(template: str, size: Size) -> dict[str, Any]:
    """How much the encoder reads at once, where that is less than the template says."""
    if size.positions >= POSITIONS:
        return {}
    # As many word pieces per token as the template allows for.
    windows = {"max_tokens": max(1, 128 * size.positions // POSITIONS)}
    if template == "per_pair":
        return {"components": {"relation_extractor": {"model": {"max_length": min(128, size.positions)}}}}
    if template == "joint":
        return {"components": {"transformer": {"model": {"get_spans": windows}}}}
    return {"components": {"relation_extractor": {"model": {"tok2vec": {"get_spans": windows}}}}}


def depth_first(config: Config) -> str:
    """A config as text, each component with all that belongs to it: confection writes all sections of one depth, then those of the next."""
    blocks = {block[1 : block.index("]")]: block for block in config.to_str().split("\n\n") if block}
    top = [key for key in CONFIG_SECTION_ORDER if key in config] + [key for key in config if key not in CONFIG_SECTION_ORDER]

    def sections(node: dict[str, Any], path: str) -> Iterator[str]:
        for key in top if node is config else node:
            if isinstance(node[key], dict):
                yield f"{path}{key}"
                yield from sections(node[key], f"{path}{key}.")

    return "\n\n".join(blocks[name] for name in sections(config, "")) + "\n"
