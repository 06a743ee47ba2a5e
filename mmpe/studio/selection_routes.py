"""Routes for selections and audits."""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from mmpe.editing.task_options import start_from
from mmpe.visualization import encode_picture, to_picture

from .audits import with_other_padding
from .bodies import read_json
from .model_routes import drawn, entry_of, studio_of
from .operations import read_file
from .selecting import box_of, outline, select

_AUDIT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"


async def select_region(request: Request) -> JSONResponse:
    """The mask of what somebody has pointed at, as a file, with its box and outlines."""
    studio, entry, body = studio_of(request), entry_of(request), await read_json(request)
    given = body.get('onto')
    edited = None if given is None else studio.library.folder / read_file(given, studio.library)

    def work() -> dict:
        model = start_from(studio.library.load(entry).model, dict(onto=edited))
        picture = np.asarray(to_picture(model.picture))
        mask = select(picture, body, str(body.get('how') or 'grabcut'))
        file = studio.library.uploads.add_file(encode_picture(Image.fromarray(mask), 'mask.png'))
        return dict(file=file, box=box_of(mask), contours=outline(mask))

    page = request.headers.get('x-page', '')
    return JSONResponse(await studio.drawer.draw(work, request, page and f'{page} select'))


async def begin_audit(request: Request) -> JSONResponse:
    """Audit a model; an event says when it is done."""
    studio, entry = studio_of(request), entry_of(request)
    await studio.drawer.draw(partial(studio.auditor.begin, entry), request)
    return JSONResponse(dict(job=entry.id))


async def audit_page(request: Request) -> FileResponse:
    """The page of an audit."""
    page = studio_of(request).auditor.page(entry_of(request))
    return FileResponse(page, media_type='text/html', headers={'Content-Security-Policy': _AUDIT_POLICY})


async def audit_maps(request: Request) -> FileResponse:
    """What an audit has found, as JSON."""
    return FileResponse(studio_of(request).auditor.maps(entry_of(request)), media_type='application/json')


async def other_padding(request: Request) -> Response:
    """The reconstruction with other padding, or random image ``?number=``."""
    mode = request.path_params['mode']
    number = request.query_params.get('number', '')
    return await drawn(
        request, lambda loaded: with_other_padding(loaded, mode, int(number) if number.isdecimal() else None)
    )


ROUTES = [
    Route('/api/models/{id}/select', select_region, methods=['POST']),
    Route('/api/models/{id}/audit', begin_audit, methods=['POST']),
    Route('/api/models/{id}/audit.html', audit_page),
    Route('/api/models/{id}/audit.json', audit_maps),
    Route('/api/models/{id}/padding/{mode}.png', other_padding),
]
