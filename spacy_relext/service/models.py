"""What requests and answers say: their fields, which the API checks, and its description tells."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

# One wrong entry is told; a list of a million of them would be a list of a million errors.
FIRST: Any = Field(fail_fast=True)
Offsets = Annotated[list[int], Field(min_length=2, max_length=2, description="First character, counted from 0, and exclusive end.")]
Scores = Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], Field(description="The probability of each label.")]
Name = Annotated[str | int, Field(description="An id; numbers are taken as they are written.")]


class Strict(BaseModel):
    """No unknown keys, and no string in the place of a number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Mention(Strict):
    """A mention: its first character, counted from 0, its exclusive end, and its type."""

    id: Name | None = None
    start: int
    end: int
    type: str
    text: str | None = Field(None, description="What stands at the offsets; checked if it is given.")
    kb_id: str | None = Field(None, description="The identifier of its concept.")
    long_form: str | None = Field(None, description="What it abbreviates.")


class Relation(Strict):
    """A relation between the mentions with the ids head and tail."""

    head: Name
    tail: Name
    label: str
    score: float | None = Field(None, ge=0, le=1, description="Its probability; 1, if left out.")
    raw_score: float | None = Field(None, ge=0, le=1, description="What the model says, where a calibrated pipeline has another score.")
    sources: Scores | None = Field(None, description="The components that found it, each with its score.")
    status: str | None = None
    attributes: list[str] | None = None


class Pair(Strict):
    """What the model says of a candidate pair."""

    head: str
    tail: str
    scores: Scores
    no_relation: float | None = Field(None, ge=0, le=1)
    source: str | None = Field(None, description="The extractor, where the pipeline has several.")


class Text(Strict):
    """A document: with mentions, they are kept, and those of the pipeline are not looked for; an empty list is none at all."""

    id: Name | None = Field(None, description='"document-0" and so on, if left out.')
    text: str
    sentences: Annotated[list[Offsets], FIRST] | None = None
    mentions: Annotated[list[Mention], FIRST] | None = None


class Record(Text):
    """A document with relations, as a line of `relext extract` says it."""

    relations: Annotated[list[Relation], FIRST] | None = None
    concept_relations: Annotated[list[Relation], FIRST] | None = None
    denied_relations: Annotated[list[Relation], FIRST] | None = None
    annotated_labels: list[str] | None = None
    pairs: Annotated[list[Pair], FIRST] | None = Field(
        None, description="The scores of all candidate pairs, where all_scores asks for them."
    )
    meta: dict[str, Any] | None = None


Threshold = Annotated[
    float | None,
    Field(None, ge=0, le=1, description="The score that a relation must have, in the place of the pipeline's thresholds."),
]
AllScores = Annotated[bool, Field(description="Also the scores of every candidate pair, as `pairs`.")]


class OneText(Text):
    """One document."""

    threshold: Threshold
    all_scores: AllScores = False


class Texts(Strict):
    """Several documents, whose ids differ."""

    documents: Annotated[list[Text], FIRST]
    threshold: Threshold
    all_scores: AllScores = False


def _kind(value: Any) -> str:
    return "several" if isinstance(value, dict) and "documents" in value else "one"


ExtractRequest = Annotated[Annotated[Texts, Tag("several")] | Annotated[OneText, Tag("one")], Discriminator(_kind)]


class RecordAnswer(BaseModel):
    """Documents in the order in which they were sent, as lines of `relext extract`."""

    documents: list[Record]


class RenderOptions(Strict):
    """How the picture is drawn: the options of `displacy.render` that need no Doc."""

    width: int | Annotated[list[int], Field(min_length=1, max_length=2)] | None = Field(
        None, description="In pixels: one, or two of which one is shown."
    )
    colors: dict[str, str] | None = None
    labels: list[str] | None = None
    compact: bool | None = None
    max_lanes: int | None = None
    min_score: float | None = None
    lang: str | None = None
    direction: str | None = None


class Read(Strict):
    """What was read for a pair of mentions, as `POST /attention` tells it: the weight of each token."""

    head: Name
    tail: Name
    words: Annotated[list[Annotated[tuple[int, int, Annotated[float, Field(ge=0, le=1)]], Field(strict=False)]], FIRST]


class RenderRequest(Strict):
    """A record, and how it is to be drawn."""

    document: Record
    threshold: Threshold
    attention: Annotated[list[Read], FIRST] | None = Field(None, description="Drawn below the words, where the two have a relation.")
    options: RenderOptions | None = None
    page: bool = Field(False, description="A whole page; otherwise the figure alone, for a page that has the style.")


class RenderAnswer(BaseModel):
    """html: The picture. document: The record, with the relations that are drawn."""

    html: str
    document: Record


class AttentionRequest(Strict):
    """A record with its mentions, and the ids of two of them."""

    document: Record
    head: Name
    tail: Name
    source: str | None = Field(None, description="The extractor, where the pipeline has several.")


class AttentionAnswer(BaseModel):
    """What was read for a pair: the weight of each token, which sum to 1 with what is no token; and the probabilities."""

    head: str
    tail: str
    source: str
    scores: Scores
    no_relation: float | None = None
    context: Offsets | None = Field(None, description="What was read: as a rule the sentence.")
    attention: list[tuple[int, int, float]]
    note: str | None = Field(None, description="Why there is no attention, where there is none.")


class Extractor(BaseModel):
    """A relation extractor of the pipeline."""

    name: str
    labels: list[str]
    symmetric_labels: list[str]
    mention_types: list[str]
    threshold: float
    label_thresholds: Scores = Field(description="Of labels that have a threshold of their own.")
    uncertain_below: float | None = Field(description='Relations with a lower score have the status "uncertain".')
    calibration: dict[str, Any] | None = Field(description="How scores are made of the raw ones of the model; null: they are the same.")
    exclusive: bool = Field(description="A pair has one label at most.")


class ModelAnswer(BaseModel):
    """The pipeline. performance: The figures of its meta.json. readme: Of its package, as Markdown that nobody has checked."""

    name: str
    lang: str
    direction: str
    version: str | None = None
    description: str | None = None
    author: str | None = None
    license: str | None = None
    url: str | None = None
    components: list[str]
    extractors: list[Extractor]
    performance: dict[str, Any]
    readme: str | None
    limits: dict[str, float]
    spacy_relext: str


class HealthAnswer(BaseModel):
    """status: "ok", or "ending". waiting: Documents that wait."""

    status: str
    waiting: int


class ErrorDetail(BaseModel):
    """What was wrong: where in the request, and under which id the log has more of it, where that says more."""

    status: int
    message: str
    where: str | None = None
    id: str | None = None


class ErrorAnswer(BaseModel):
    """The one form of all errors."""

    error: ErrorDetail
