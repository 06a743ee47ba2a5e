"""Routes for sessions."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .bodies import read_body, read_json
from .model_routes import studio_of
from .sessions import MOST_BYTES, open_session, save_session

_MOST_PAGE = 2**24


async def save(request: Request) -> Response:
    """A session, as a file to keep."""
    studio, body = studio_of(request), await read_json(request, _MOST_PAGE)
    entry = studio.library.entry(str(body.get('model')))
    content = await studio.drawer.draw(partial(save_session, studio.library, entry, body.get('page')), request)
    headers = {'Content-Disposition': f'attachment; filename="{entry.id}.mmpe.zip"'}
    return Response(content, media_type='application/zip', headers=headers)


async def open_file(request: Request) -> JSONResponse:
    """Open a session from its file."""
    studio, content = studio_of(request), await read_body(request, MOST_BYTES)
    entry, page = await studio.drawer.draw(partial(open_session, studio.library, content), request)
    studio.events.publish('models')
    return JSONResponse(dict(model=entry.id, page=page))


ROUTES = [
    Route('/api/session/save', save, methods=['POST']),
    Route('/api/session/open', open_file, methods=['POST']),
]
