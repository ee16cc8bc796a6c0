"""The JSON API: its addresses, and what each answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel
from starlette.responses import Response

from spacy_relext.service.models import (
    AttentionAnswer,
    AttentionRequest,
    ErrorAnswer,
    ExtractRequest,
    HealthAnswer,
    ModelAnswer,
    RecordAnswer,
    RenderAnswer,
    RenderRequest,
    Texts,
)
from spacy_relext.service.refusals import Answer
from spacy_relext.service.requests import JsonRoute
from spacy_relext.service.service import Service

# What any request may be answered with, and why.
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "The body is no JSON in UTF-8."},
    413: {"model": ErrorAnswer, "description": "Too much: bytes, characters of a text, or documents."},
    415: {"model": ErrorAnswer, "description": "The body is of another type than application/json, or packed."},
    422: {"model": ErrorAnswer, "description": "A field is not as it should be, or a document cannot be right."},
    500: {"model": ErrorAnswer, "description": "The service fails; its log has more under the id."},
    503: {"model": ErrorAnswer, "description": "Too many documents wait, or the service is ending. Retry-After says when to try again."},
    504: {"model": ErrorAnswer, "description": "There is no answer within the time that a request may take."},
}


def make_router(service: Service) -> APIRouter:
    """The addresses of the API of a service."""
    router = APIRouter(route_class=JsonRoute)

    @router.post("/extract", response_model=RecordAnswer, responses=ERRORS, summary="Extract relations")
    async def extract(body: Annotated[ExtractRequest, Body()], request: Request) -> Response:
        """The relations of one document or several, each as a line of `relext extract`."""
        said = plain(body)
        documents, name = (said["documents"], "documents[{}]") if isinstance(body, Texts) else ([document_of(said)], "document")
        records = await service.extract(documents, threshold=body.threshold, all_scores=body.all_scores, receive=request.receive, name=name)
        return Answer({"documents": records})

    @router.post("/render", response_model=RenderAnswer, responses=ERRORS, summary="Draw relations")
    async def render(body: RenderRequest) -> Response:
        """The picture of a record. With a threshold, relations are chosen anew by the scores of all pairs; the pipeline rests."""
        html, record = await service.render(
            plain(body.document),
            threshold=body.threshold,
            options=plain(body.options) if body.options else {},
            attention=[plain(read) for read in body.attention or []],
            page=body.page,
        )
        return Answer({"html": html, "document": record})

    @router.post("/attention", response_model=AttentionAnswer, responses=ERRORS, summary="See what was read for a pair")
    async def attention(body: AttentionRequest, request: Request) -> Response:
        """What the model read for a pair of mentions, and the probabilities of all labels."""
        record = document_of(plain(body.document))
        return Answer(await service.attention(record, str(body.head), str(body.tail), source=body.source, receive=request.receive))

    @router.get("/model", response_model=ModelAnswer, summary="Describe the pipeline")
    async def model() -> Response:
        """Name, labels, types of mentions, thresholds, figures and README of the pipeline, and the limits of the service."""
        return Answer(service.model())

    @router.get("/health", response_model=HealthAnswer, responses={503: {"model": HealthAnswer}}, summary="Ask whether it answers")
    async def health() -> Response:
        """Whether the service takes requests. It is answered at once, whatever waits."""
        return Answer(service.health(), 200 if service.is_open else 503)

    return router


def plain(model: BaseModel) -> dict[str, Any]:
    """What a request says, without what it leaves out."""
    return model.model_dump(exclude_unset=True, exclude_none=True)


def document_of(said: dict[str, Any]) -> dict[str, Any]:
    """What a document brings, without what was found in it, and without what is asked about it."""
    return {key: said[key] for key in ("id", "text", "sentences", "mentions") if key in said}
