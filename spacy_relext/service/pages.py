"""The pages: what a browser shows of a service."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from spacy_relext.service import reference
from spacy_relext.service.service import Service


def make_router(service: Service) -> APIRouter:
    """The addresses of the pages of a service. They are none of the API's description."""
    router = APIRouter(include_in_schema=False)

    @router.get("/api")
    async def api(request: Request) -> HTMLResponse:
        """The API, to be read."""
        return HTMLResponse(reference.page(request.app.openapi()), headers={"content-security-policy": reference.POLICY})

    return router
