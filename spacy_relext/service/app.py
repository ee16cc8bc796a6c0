"""The service as an ASGI application, for any server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from spacy.language import Language
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

from spacy_relext import __version__
from spacy_relext.service import api, pages
from spacy_relext.service.guard import Guard
from spacy_relext.service.refusals import answer_of, error_answer
from spacy_relext.service.requests import refusal_of
from spacy_relext.service.service import Service
from spacy_relext.service.settings import Settings


def make_app(nlp: Language, settings: Settings | None = None) -> FastAPI:
    """A page and a JSON API over a pipeline.

        app = make_app(spacy.load("en_relext_demo"))

    nlp: Belongs to the application from the first request to its end: nobody else may call it meanwhile. One thread does, in batches; torch
        has the threads that it is told to have.
    settings: What is taken. None: the defaults, for the loopback address alone.
    RETURNS: The application. `app.state.service` is what it asks; `refuse` lets it answer nothing but what is being computed.
    RAISES: RelextError for a pipeline without a trained relation extractor.
    """
    settings = settings or Settings()
    service = Service(nlp, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await run_in_threadpool(service.stop)

    app = FastAPI(
        title=service.name,
        version=str(nlp.meta.get("version") or __version__),
        description="Relations of texts. Offsets count characters from 0, ends are exclusive.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.include_router(api.make_router(service))
    app.include_router(pages.make_router(service))
    app.add_middleware(Guard, settings=settings)

    @app.exception_handler(RequestValidationError)
    async def wrong_fields(request: Request, error: RequestValidationError) -> Response:
        return answer_of(refusal_of(error.errors()))

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return error_answer(404, "there is nothing at this address. See /api.")
        if error.status_code == 405:
            return error_answer(405, f"{request.method} is not for this address. See /api.", headers=error.headers)
        return answer_of(error)

    return app
