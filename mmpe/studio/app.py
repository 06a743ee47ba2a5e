"""The ASGI application: routes, middleware, and errors as JSON."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mmpe.datasets.picture_files import PictureError
from mmpe.errors import InputError, reason

from . import drawing_routes, model_routes, selection_routes, session_routes
from .guard import Guard
from .refusals import NotThere, TooLarge
from .studio import Studio

_log = logging.getLogger(__name__)
_REFUSALS = {PictureError: 415, TooLarge: 413, NotThere: 404, InputError: 400, OSError: 500}


def create_app(studio: Studio, host: str = '127.0.0.1', token: str | None = None) -> Starlette:
    """The application of a studio, for any ASGI server.

    Args:
        studio: It is closed when the server ends.
        host: The address that the server listens at: see :class:`~mmpe.studio.guard.Guard`.
        token: What a browser has to show; None: nothing.

    >>> from pathlib import Path
    >>> from starlette.testclient import TestClient
    >>> client = TestClient(create_app(Studio(Path('studio'))), base_url='http://127.0.0.1')
    >>> client.get('/api/state').json()['models']
    []
    """

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        studio.close()

    page = StaticFiles(directory=str(files('mmpe.studio') / 'page'), check_dir=False)

    async def index(request: Request) -> Response:
        return await page.get_response('index.html', request.scope)

    handlers = dict.fromkeys(_REFUSALS, _refuse)
    app = Starlette(
        routes=[
            Route('/', index),
            *model_routes.ROUTES,
            *drawing_routes.ROUTES,
            *selection_routes.ROUTES,
            *session_routes.ROUTES,
            Mount('/static', page),
        ],
        middleware=[Middleware(Guard, host=host, token=token)],
        exception_handlers={**handlers, HTTPException: _refuse_as_said, Exception: _fault},
        lifespan=life,
    )
    app.state.studio = studio
    return app


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    status = next(status for kind, status in _REFUSALS.items() if isinstance(error, kind))
    text = reason(error) if isinstance(error, OSError) else str(error)
    return JSONResponse(dict(error=request.app.state.studio.library.shown(text)), status)


async def _refuse_as_said(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse(dict(error=error.detail), error.status_code, headers=error.headers)


async def _fault(request: Request, error: Exception) -> JSONResponse:
    _log.exception('a fault of mmpe at %s', request.url.path, exc_info=error)
    return JSONResponse(dict(error='this is a fault of mmpe: the terminal of the studio says more'), 500)
