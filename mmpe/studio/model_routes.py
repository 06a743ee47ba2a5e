"""Routes for models: the list, their pictures and their training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from torch import Tensor

import mmpe
from mmpe.datasets.image_pyramid import resize
from mmpe.datasets.picture_files import SKIMAGE, read_picture
from mmpe.numbers import is_whole, shown
from mmpe.visualization import encode_picture, to_picture

from .bodies import MOST_BYTES, read_body, read_json
from .entries import Entry
from .loaded import LoadedModel
from .refusals import NotThere
from .studio import Studio
from .uploads import MOST_PIXELS

EXAMPLES = ('rocket', 'coffee', 'chelsea', 'astronaut', 'hubble_deep_field', 'brick', 'grass', 'gravel')
"""Pictures that scikit-image comes with, without a download."""

_THUMBNAIL = 160
_LONGEST_NAME = 80


def studio_of(request: Request) -> Studio:
    """The studio that a request is about."""
    return request.app.state.studio


def entry_of(request: Request) -> Entry:
    """The model that a request is about.

    Raises:
        NotThere: If there is none of that id.
    """
    return studio_of(request).library.entry(request.path_params['id'])


# -------------------------------------------------------------------- what there is


async def state(request: Request) -> JSONResponse:
    """All that a page needs to begin."""
    studio = studio_of(request)
    return JSONResponse(
        dict(
            models=[describe(studio, entry) for entry in studio.library.entries()],
            limits=dict(bytes=MOST_BYTES, pixels=MOST_PIXELS),
            examples=list(EXAMPLES),
            max_size=studio.plan.max_size,
            version=mmpe.__version__,
        )
    )


def describe(studio: Studio, entry: Entry) -> dict[str, Any]:
    """A model, for a page."""
    return dict(
        id=entry.id,
        name=entry.name,
        size=entry.size,
        trained_size=entry.trained_size,
        scales=entry.num_scales,
        trained_scales=entry.trained_scales,
        has_encoding=entry.record['has_encoding'],
        training=studio.trainer.status(entry),
        trained_here=not entry.is_given,
        version=entry.version,
        thumbnail=f'/api/models/{entry.id}/original.png?v={entry.version}',
    )


async def open_model(request: Request) -> JSONResponse:
    """Load a model, which is then at hand."""
    studio, body = studio_of(request), await read_json(request)
    entry = studio.library.entry(str(body.get('id')))
    await studio.drawer.draw(partial(studio.library.load, entry), request)
    return JSONResponse(describe(studio, entry))


async def events(request: Request) -> StreamingResponse:
    """What changes, as server-sent events, until the page goes away."""
    studio, page = studio_of(request), request.query_params.get('page', '')

    async def stream():
        try:
            async for text in studio.events.stream():
                yield text
        finally:
            studio.drawer.drop(page, 'the browser has gone')

    return StreamingResponse(stream(), media_type='text/event-stream')


# -------------------------------------------------------------------- pictures to train on


async def add_picture(request: Request) -> JSONResponse:
    """Keep a picture that was dropped."""
    studio, content = studio_of(request), await read_body(request)
    name, size = await studio.drawer.draw(partial(studio.library.uploads.add_picture, content), request)
    return JSONResponse(dict(id=name, size=size))


async def add_example(request: Request) -> JSONResponse:
    """Keep a picture of scikit-image's."""
    studio, name = studio_of(request), _example(request)
    id, size = await run_in_threadpool(lambda: studio.library.uploads.add_picture(_example_png(name)))
    return JSONResponse(dict(id=id, size=size))


async def example(request: Request) -> Response:
    """A small picture of an example."""
    name = _example(request)
    return await _cached(request, name, partial(run_in_threadpool, _example_png, name, _THUMBNAIL))


def _example(request: Request) -> str:
    name = request.path_params['name']
    if name not in EXAMPLES:
        raise NotThere(f'there is no example {shown(name)}: choose from {", ".join(EXAMPLES)}')
    return name


def _example_png(name: str, side: int | None = None) -> bytes:
    picture = read_picture(SKIMAGE + name)
    if side is not None:
        height, width = picture.shape[-2:]
        picture = resize(picture, tuple(max(1, round(n * side / max(height, width))) for n in (height, width)))
    return _png(picture)


# -------------------------------------------------------------------- training


async def train(request: Request) -> JSONResponse:
    """Train on a picture."""
    studio, body = studio_of(request), await read_json(request)
    max_size = body.get('max_size')
    if max_size is not None and not is_whole(max_size, 1, 2**14):
        raise HTTPException(400, f'max_size={shown(max_size)} cannot work: it is the long side in pixels, such as 128')
    name = str(body.get('name') or 'picture')[:_LONGEST_NAME]
    begin = partial(studio.trainer.begin, str(body.get('picture')), name, max_size, str(body.get('schedule') or 'fast'))
    entry = await studio.drawer.draw(begin, request)
    return JSONResponse(dict(id=entry.id))


async def stop(request: Request) -> JSONResponse:
    """Let a training save and end."""
    studio_of(request).trainer.stop(entry_of(request))
    return JSONResponse({})


async def resume(request: Request) -> JSONResponse:
    """Go on with a training that was stopped."""
    studio_of(request).trainer.resume(entry_of(request))
    return JSONResponse({})


async def go_on_longer(request: Request) -> JSONResponse:
    """Train a finished model on, as a new one."""
    studio = studio_of(request)
    entry = await studio.drawer.draw(partial(studio.trainer.go_on_longer, entry_of(request)), request)
    return JSONResponse(dict(id=entry.id))


# -------------------------------------------------------------------- pictures of a model


async def original(request: Request) -> Response:
    """The picture, as large as the finest scale that is trained; before there is one, as large as it will be."""
    entry = entry_of(request)
    if not entry.trained_scales:
        return await _cached(
            request, f'{entry.id} {entry.version}', partial(run_in_threadpool, entry.original.read_bytes)
        )
    return await drawn(request, lambda loaded: loaded.model.picture)


async def reconstruction(request: Request) -> Response:
    """What the model, or its scales up to ``?scale=K``, remembers of the picture."""
    scale = _number(request, 'scale', None)
    return await drawn(request, lambda loaded: loaded.model.reconstruct(*([] if scale is None else [scale + 1])))


async def sample(request: Request) -> Response:
    """Random image number N of ``?seed=``, random from ``?scale=K`` on."""
    seed, scale, number = _number(request, 'seed', 0), _number(request, 'scale', 0), request.path_params['number']
    return await drawn(request, lambda loaded: loaded.model.sample(1, start_scale=scale, seed=seed, first=number))


async def drawn(request: Request, draw: Callable[[LoadedModel], Tensor]) -> Response:
    """A picture that is drawn with the finished scales of the model that a request is about."""
    studio, entry = studio_of(request), entry_of(request)

    def work() -> bytes:
        return _png(draw(studio.library.load(entry)))

    key = f'{entry.id} {entry.version} {request.url.path} {sorted(request.query_params.items())}'
    return await _cached(request, key, lambda: studio.drawer.draw(work, request))


async def _cached(request: Request, key: str, make: Callable) -> Response:
    """A PNG that a browser keeps as long as what it is made of is the same."""
    tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    headers = dict(ETag=tag)
    if request.headers.get('if-none-match') == tag:
        return Response(status_code=304, headers=headers)
    return Response(await make(), media_type='image/png', headers=headers)


def _png(image: Tensor) -> bytes:
    return encode_picture(to_picture(image), 'image.png')


def _number(request: Request, name: str, default: int | None) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 18:
        raise HTTPException(400, f'{name}={shown(text)} cannot work: it is a whole number')
    return int(text)


ROUTES = [
    Route('/api/state', state),
    Route('/api/events', events),
    Route('/api/pictures', add_picture, methods=['POST']),
    Route('/api/examples/{name}.png', example),
    Route('/api/examples/{name}', add_example, methods=['POST']),
    Route('/api/trainings', train, methods=['POST']),
    Route('/api/models/open', open_model, methods=['POST']),
    Route('/api/models/{id}/stop', stop, methods=['POST']),
    Route('/api/models/{id}/resume', resume, methods=['POST']),
    Route('/api/models/{id}/longer', go_on_longer, methods=['POST']),
    Route('/api/models/{id}/original.png', original),
    Route('/api/models/{id}/reconstruction.png', reconstruction),
    Route('/api/models/{id}/samples/{number:int}.png', sample),
]
