"""The pages: what a browser shows of a service."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from spacy_relext.service import reference, trying
from spacy_relext.service.refusals import Refusal
from spacy_relext.service.service import Service


def make_router(service: Service) -> APIRouter:
    """The addresses of the pages of a service. They are none of the API's description."""
    router = APIRouter(include_in_schema=False)
    model = service.model()
    page = trying.Page(model, trying.examples_of(service.nlp, model))

    def shown(status: int = 200, **content: Any) -> HTMLResponse:
        return HTMLResponse(page.html(**content), status, headers={"content-security-policy": trying.POLICY})

    @router.get("/")
    async def empty() -> HTMLResponse:
        """The page on which the pipeline is tried."""
        return shown()

    @router.post("/")
    async def filled(request: Request) -> HTMLResponse:
        """The same after its form was sent, for browsers that run no script."""
        given: dict[str, Any] = {}
        try:
            given["text"], given["threshold"] = page.form(await request.body(), request.headers.get("content-type", ""))
            threshold = trying.threshold_of(given["threshold"])
            (record,) = await service.extract([{"text": given["text"]}], threshold=threshold, receive=request.receive, name="document")
            figure, record = await service.render(record, options={"width": trying.WIDTHS, "colors": page.colors})
            return shown(**given, figure=figure, record=record)
        except Refusal as refusal:
            return shown(refusal.status_code, **given, error=refusal.message)

    for name, kind in trying.FILES.items():
        router.add_api_route(f"/{name}", _file(trying.resource(name), kind))

    @router.get("/api")
    async def api(request: Request) -> HTMLResponse:
        """The API, to be read."""
        return HTMLResponse(reference.page(request.app.openapi()), headers={"content-security-policy": reference.POLICY})

    return router


def _file(content: str, kind: str) -> Any:
    async def file() -> Response:
        return Response(content, media_type=kind)

    return file
