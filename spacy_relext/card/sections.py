"""What the card says, section by section, in words and rows; where nothing was measured, the command that does it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spacy.language import Language

from spacy_relext.calibration.figures import error_in_words
from spacy_relext.calibration.figures import in_words as calibration_in_words
from spacy_relext.calibration.fitting import NONE
from spacy_relext.card.about import About
from spacy_relext.card.metadata import MENTIONS, package_name
from spacy_relext.explaining.faithfulness import RANDOM, in_words
from spacy_relext.findings import kept
from spacy_relext.notices import counted
from spacy_relext.pipeline.checks import mention_finders
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.pipeline.settings import told_threshold
from spacy_relext.report.words import percent

Figures = dict[str, Any]


def extractor_section(nlp: Language, pipe: RelationExtractor, figures: Figures | None) -> dict[str, Any]:
    """What is known of one extractor. figures: Of `figures.measure`; None: not measured."""
    calibration, contrast, explanations = (kept(nlp, key, component=pipe.name) for key in ("calibration", "contrast", "explanations"))
    return {
        "name": pipe.name,
        "labels": [(label, _arguments(pipe, label)) for label in pipe.labels],
        "types": list(pipe.cfg["mention_types"]),
        "exclusive": pipe.cfg["exclusive"],
        "label_thresholds": dict(pipe.cfg["label_thresholds"]),
        "figures": figures,
        "calibration": calibration,
        "contrast": contrast,
        "explanations": explanations,
        "scores": [*threshold_told(pipe, kept(nlp, "threshold", component=pipe.name)), *calibration_told(calibration, figures)],
        "behaviour": contrast_told(contrast),
        "explained": explanations_told(explanations),
    }


def _unmeasured(words: str, name: str) -> list[str]:
    return [words, f"```bash\npython -m spacy {_MEASURED[name]}\n```"]


def threshold_told(pipe: RelationExtractor, chosen: Figures | None) -> list[str]:
    """The thresholds, and how they were chosen."""
    told = f"A relation is written when its score is at least {told_threshold(pipe.threshold)}"
    if pipe.cfg["label_thresholds"]:
        told += f"; of {', '.join(f'`{label}` {told_threshold(value)}' for label, value in pipe.cfg['label_thresholds'].items())}"
    if pipe.cfg["uncertain_below"] is not None:
        told += f". Below {told_threshold(pipe.cfg['uncertain_below'])} its `status` is *uncertain*"
    if chosen is None:
        return [f"{told}.", "How this was chosen is not stated; nothing is guaranteed by it."]
    documents = counted(chosen["documents"], "document", "documents")
    told += f". Chosen for {chosen['purpose']}, on {documents} with {chosen['mentions']} mentions."
    if not chosen["bounds"]:
        return [f"{told} That is no guarantee for other documents."]
    bounds = [f"{'all labels together' if name == 'micro' else f'`{name}`'} {percent(low)} %" for name, low in chosen["bounds"].items()]
    return [
        told,
        f"With that confidence, precision on documents of the same kind is at least the target. The lower bounds: {', '.join(bounds)}. "
        "Documents, not relations, are taken as independent.",
    ]


def calibration_told(found: Figures | None, figures: Figures | None) -> list[str]:
    """What a score means. figures: Those of the test documents; None: not measured."""
    told = []
    for key, mentions in MENTIONS.items():
        if figures is not None and (of_scores := (figures[key] or {}).get("calibration")):
            told.append(f"On the test documents, with {mentions}: {' '.join(calibration_in_words(of_scores))}")
    if found is None:
        told.append("The scores are not calibrated: take them as ranks.")
        return [*told, *_unmeasured("This makes them the probability of being right, where that helps:", "calibration")]
    used = set(found["methods"].values()) - {NONE}
    if not used:
        raw = found["before"]
        return [
            f"The scores are those of the model. Calibration was tried on {counted(found['documents'], 'document', 'documents')}, and no "
            f"map helped: {percent(raw['score'])} % on average, {percent(raw['right'])} % of {counted(raw['n'], 'relation', 'relations')} "
            f"are right there; calibration error {error_in_words(raw)}, NLL {raw['nll']:.4f}, Brier score {raw['brier']:.4f}.",
            *told,
        ]
    return [
        f"The scores are calibrated ({', '.join(sorted(used))}), on {counted(found['documents'], 'document', 'documents')}: one of 0.9 is "
        "meant to be right nine times in ten, on texts of the same kind. `raw_score` is the one of the model.",
        *told,
    ]


def contrast_told(found: Figures | None) -> list[str]:
    """How it behaves where sentences differ in little."""
    if found is None:
        return _unmeasured("How it behaves on denied, hedged and merely co-occurring pairs was not measured.", "contrast")
    # Who improves a model looks at the open one.
    halves = [(f"half *{name}*", shares) for name, shares in found["halves"].items()] if len(found["halves"]) > 1 else []
    rows = [
        (name, shares["consistent"]["n"], *(_share(shares[key]) for key in ("consistent", "false_positives", "failures")))
        for name, shares in (*found["phenomena"].items(), ("**all**", found["all"]), *halves)
    ]
    half = f", its half *{found['half']}*" if found["half"] else ""
    n = found["groups_not_asked"]
    not_asked = f" Of labels or types that it does not have, {counted(n, 'pair was', 'pairs were')} not asked." if n else ""
    return [
        f"Minimal pairs of sentences that differ in little, and mean something else: {found['sentences']:,} sentences of "
        f"{found['set'].replace('the package', 'spacy-relext')}{half}, with given mentions.{not_asked}",
        _table(("sentences", "pairs", "consistent, %", "not related, but found, %", "related, but missed, %"), rows),
        "*Consistent*: every sentence of the pair is judged rightly. *Missed*: not found, with another label, or in the other direction. "
        "In brackets, the interval of 95 %, over sentences and over their patterns.",
    ]


def _share(share: Mapping[str, Any]) -> str:
    """A share in per cent, with its interval."""
    if share["share"] is None:
        return "–"
    return f"{percent(share['share'])} ({percent(share['low'])}–{percent(share['high'])})"


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def explanations_told(found: Figures | None) -> list[str]:
    """Which explanations hold."""
    if found is None:
        return _unmeasured("Whether the words that an explanation points at are a reason was not measured.", "explanations")
    said = [f"- `{name}`: {in_words(of_method)}." for name, of_method in found["figures"].items() if name != RANDOM]
    left_out = [f"- `{name}`: not for this model." for name in found["left_out"]]
    n_relations = counted(found["relations"], "relation", "relations")
    return [
        "By how much the score falls when the words go that a method points at (AOPC comprehensiveness), beside random orders of the "
        f"same words, over {n_relations} of {counted(found['documents'], 'document', 'documents')}:",
        "\n".join([*said, *left_out]),
    ]


def _arguments(pipe: RelationExtractor, label: str) -> str:
    """The types of heads and tails that a label may have: "CHEMICAL → PROTEIN"."""
    between = "–" if label in pipe.cfg["symmetric_labels"] else "→"
    rules = pipe.cfg["type_rules"].get(label)
    if rules is None:
        return f"any {between} any"
    pairs: list[str] = []
    for head, tail in rules:
        if between == "→" or f"{tail} – {head}" not in pairs:
            pairs.append(f"{head} {between} {tail}")
    return ", ".join(pairs)


def not_tested(nlp: Language, extractors: Sequence[Mapping[str, Any]], said: Sequence[str]) -> list[str]:
    """What nobody has tested: what was said, and what follows from what was measured."""
    found = list(said)
    if any(extractor["figures"] is None for extractor in extractors):
        found.append("How many of its relations are right: see *Figures*.")
    else:
        found.append("Texts of another kind, style or year than the test documents, and other languages.")
    if not mention_finders(nlp):
        found.append("Relations from raw text: this pipeline finds no mentions by itself.")
    missing = [
        (name, words)
        for name, words in (
            ("calibration", "Whether a score is the share of right relations: see *Scores and threshold*."),
            ("contrast", "Negation, speculation and mere co-occurrence in sentences made for that: see *Behaviour*."),
            ("explanations", "Whether what an explanation points at is a reason: see *Explanations*."),
        )
        if any(extractor[name] is None for extractor in extractors)
    ]
    return [*found, *(words for _, words in missing)]


# What is not known without a person, and without which nobody should use a pipeline.
_STATED = {
    "license": "without one, others may not use it",
    "description": "what it finds, in what texts",
    "author": "whom to ask",
    "purpose": "what it is for",
    "not_for": "what it is not for",
    "labels": "what each label says",
    "data": "what it was trained on, and under which licences",
}
_MEASURED = {
    "figures": "relext card MODEL --test test.spacy",
    "calibration": "relext calibrate MODEL dev.spacy",
    "explanations": "relext explain MODEL test.spacy",
    "contrast": "relext contrast MODEL --store",
}


def missing(about: About, meta: Mapping[str, Any], extractors: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the card says is not stated or not measured, and what gives it."""
    # The labels of a meta.json are names without definitions.
    known = {**meta, "labels": about.labels}
    stated = [f"`{name}` is not stated: {why}." for name, why in _STATED.items() if not (known.get(name) or getattr(about, name))]
    # A card measures all extractors; other commands ask which one.
    which = {extractor["name"]: f" --component {extractor['name']}" if len(extractors) > 1 else "" for extractor in extractors}
    return stated + [
        f"{name} of {extractor['name']}: not measured. `{command}{which[extractor['name']] if name != 'figures' else ''}` does it."
        for extractor in extractors
        for name, command in _MEASURED.items()
        if extractor[name] is None
    ]


def made_of(nlp: Language, meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Components and sizes of a pipeline, by name. meta: As `metadata.filled` gives it."""
    n = sum(_weights(pipe) for _, pipe in nlp.pipeline)
    return [
        ("Package", f"`{package_name(meta)}` {meta['version']}"),
        ("Language", f"`{nlp.lang}`"),
        ("Components", ", ".join(f"`{name}`" for name in nlp.pipe_names)),
        ("Weights", f"{n / 1e6:.1f} million"),
    ]


def _weights(pipe: Any) -> int:
    """How many numbers a component has learned."""
    model = getattr(pipe, "model", None)
    total = 0
    for node in model.walk() if model is not None and hasattr(model, "walk") else ():
        total += sum(int(node.get_param(name).size) for name in node.param_names if node.has_param(name))
        for shim in node.shims:
            parameters = getattr(getattr(shim, "_model", None), "parameters", list)
            total += sum(int(parameter.numel()) for parameter in parameters())
    return total


def documents(figures: Figures) -> str:
    """How much was measured on."""
    return (
        f"{counted(figures['documents'], 'document', 'documents')}, "
        f"{counted(figures['gold_mentions']['micro']['annotated'], 'annotated relation', 'annotated relations')}"
    )
