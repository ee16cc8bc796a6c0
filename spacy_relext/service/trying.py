"""The page on which a pipeline is tried: as a form, and with a script that asks the API."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment
from spacy.language import Language

from spacy_relext.calibration.maps import ScoreMaps
from spacy_relext.displacy.colors import LABEL_COLORS
from spacy_relext.formats.jsonl import PAIRS
from spacy_relext.pipeline.rescaling import moved
from spacy_relext.pipeline.settings import told_thresholds
from spacy_relext.service.refusals import Refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# Of the picture: one of them is shown.
WIDTHS = [900, 344]
# Files beside the template, each at an address of its name.
FILES = {"page.js": "text/javascript", "page.css": "text/css", "icon.svg": "image/svg+xml"}
# The meta.json of a pipeline may name texts under this; the most that are shown.
EXAMPLES, MOST_EXAMPLES = "examples", 8
FORM = "application/x-www-form-urlencoded"
# For pipelines of English whose mentions are called somehow like this.
OURS_ARE_OF = ("chem", "drug", "protein", "gene", "substance")
OURS = (
    "A 66-year-old woman on stable warfarin was given fluconazole for oral candidiasis. Five days later her INR was 7.1, and warfarin was "
    "stopped for two days. Fluconazole strongly inhibits CYP2C9, the enzyme that clears S-warfarin.",
    "Rifampicin, a potent activator of the pregnane X receptor, induces CYP3A4 and thereby lowers the exposure to midazolam. Midazolam is "
    "metabolised almost entirely by CYP3A4.",
    "Co-administration of simvastatin with clarithromycin is contraindicated. Azithromycin did not change the plasma concentration of "
    "simvastatin.",
    "The sedative effect of diazepam was potentiated by alcohol. Patients who take diazepam should be told not to drink alcohol.",
)


def resource(name: str) -> str:
    """The content of a file beside the template."""
    return (files("spacy_relext.service") / "page" / name).read_text(encoding="utf8")


def examples_of(nlp: Language, model: Mapping[str, Any]) -> list[str]:
    """Texts to try: those in the pipeline's meta, or ours where they can be of use to it. model: What `GET /model` answers."""
    named = nlp.meta.get(EXAMPLES)
    if isinstance(named, list):
        return [text for text in named if isinstance(text, str) and text.strip()][:MOST_EXAMPLES]
    types = [kind.casefold() for extractor in model["extractors"] for kind in extractor["mention_types"]]
    is_ours = nlp.lang == "en" and any(part in kind for kind in types for part in OURS_ARE_OF)
    return list(OURS) if is_ours else []


class Page:
    """The page of a pipeline. model: What `GET /model` answers. examples: Texts to try."""

    def __init__(self, model: Mapping[str, Any], examples: list[str]):
        self.model, self.examples = model, examples
        self.template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(resource("index.html"))
        thresholds = {extractor["name"]: extractor["threshold"] for extractor in model["extractors"]}
        labels = dict.fromkeys(label for extractor in model["extractors"] for label in extractor["labels"])
        # A label keeps its colour, whichever others reach the threshold.
        self.colors = {label: LABEL_COLORS[i % len(LABEL_COLORS)][0] for i, label in enumerate(labels)}
        told = {e["name"]: told_thresholds(e["threshold"], e["label_thresholds"]) for e in model["extractors"]}
        named = (f"{value} ({name})" if len(set(told.values())) > 1 else value for name, value in told.items())
        self.settings = {
            "thresholds": json.dumps({extractor["name"]: _raw(extractor) for extractor in model["extractors"]}),
            "colors": json.dumps(self.colors),
            "own": ", ".join(dict.fromkeys(named)),
            "slider": min(thresholds.values()),
            "types": sorted({kind for extractor in model["extractors"] for kind in extractor["mention_types"]}),
        }

    def html(self, *, text: str = "", threshold: str = "", figure: str = "", record: dict[str, Any] | None = None, error: str = "") -> str:
        """The page, with what was found in a text or what was wrong with it. figure: The picture, as markup of ours."""
        return self.template.render(
            **self.settings,
            model=self.model,
            examples=self.examples,
            text=text,
            threshold=threshold,
            error=error,
            figure=figure,
            said=_said(record) if record else "",
            json=json.dumps({key: value for key, value in record.items() if key != PAIRS}, ensure_ascii=False, indent=2) if record else "",
        )

    def form(self, body: bytes, content_type: str) -> tuple[str, str]:
        """The text and the threshold that the form gives; the latter may be empty. RAISES: Refusal for what is no such form."""
        if content_type.partition(";")[0].strip().lower() != FORM:
            raise Refusal(415, f"the form comes as {content_type!r:.60}; expected {FORM}.")
        try:
            given = parse_qs(body.decode("utf8"), keep_blank_values=True, errors="strict", max_num_fields=10)
        except ValueError:
            raise Refusal(400, "the form cannot be read: expected UTF-8, and few fields.") from None
        fields = {name: values[-1] for name, values in given.items()}
        number = fields.get("example", "")
        is_example = number.isdecimal() and number.isascii() and len(number) < 4 and int(number) < len(self.examples)
        # Forms end lines in another way than texts do.
        text = self.examples[int(number)] if is_example else fields.get("text", "").replace("\r\n", "\n")
        if not text:
            raise Refusal(422, "there is no text. Write one, or choose an example.", where="text")
        return text, fields.get("threshold", "").strip()


def threshold_of(given: str) -> float | None:
    """The threshold that a form gives, None for the pipeline's. RAISES: Refusal for what is no probability."""
    if not given:
        return None
    try:
        threshold = float(given)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise Refusal(422, f"the threshold is {given!r:.40}; it is a probability, between 0 and 1.", where="threshold")
    return threshold


def _raw(extractor: Mapping[str, Any]) -> dict[str, Any]:
    """Thresholds as raw scores, which the page has of pairs: those of the labels and, of calibrated ones, all that can be chosen."""
    maps = None if extractor["calibration"] is None else ScoreMaps.from_dict(extractor["calibration"])
    scales = {label: None if maps is None else maps.of(label) for label in extractor["labels"]}
    own = {label: extractor["label_thresholds"].get(label, extractor["threshold"]) for label in scales}
    return {
        "own": {label: moved(own[label], scale, None) for label, scale in scales.items()},
        "steps": {label: [moved(i / 100, scale, None) for i in range(101)] for label, scale in scales.items() if scale is not None},
    }


def _said(record: Mapping[str, Any]) -> str:
    counts = ((len(record["mentions"]), "mention"), (len(record["relations"]), "relation"))
    return ", ".join(f"{n:,} {name}{'s' * (n != 1)}" for n, name in counts) + "."
