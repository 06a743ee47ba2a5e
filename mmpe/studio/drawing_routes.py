"""Routes for drawing: previews and images of operations, start scales, exports and recipes."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from mmpe.editing import Animation
from mmpe.editing.task_options import task_options
from mmpe.errors import InputError
from mmpe.numbers import is_whole, shown, size_text

from .bodies import read_body, read_json
from .drawing import Made, images_of, png
from .entries import Entry
from .model_routes import entry_of, studio_of
from .operations import Operation, describe_tasks, read_file
from .recipes import Step, write_recipe
from .studio import Studio

_MOST_FILE_BYTES = 2**25
_MOST_STEPS = 500
_MEDIA = dict(png='image/png', gif='image/gif', webp='image/webp', mp4='video/mp4')


async def tasks(request: Request) -> JSONResponse:
    """All tasks and their options."""
    return JSONResponse(describe_tasks())


async def add_file(request: Request) -> JSONResponse:
    """Keep a mask, or another picture that operations need."""
    studio, content = studio_of(request), await read_body(request, _MOST_FILE_BYTES)
    name = await studio.drawer.draw(partial(studio.library.uploads.add_file, content), request)
    return JSONResponse(dict(file=name))


async def file(request: Request) -> FileResponse:
    """A file that was added."""
    return FileResponse(studio_of(request).library.uploads.file(request.path_params['name']), media_type='image/png')


async def draw(request: Request) -> Response:
    """An image of an operation; an animation as a whole. What the page asked to be drawn before is dropped."""
    studio, entry, body = studio_of(request), entry_of(request), await read_json(request)
    operation, number = Operation.read(body, studio.library), _image(body)
    preview = body.get('preview') is True

    def work() -> tuple[bytes, str, Made]:
        made = find_or_make(studio, entry, operation, preview)
        if isinstance(made, Animation):
            return _animation(made, 'webp'), 'image/webp', made
        return png(made, number, quick=preview), 'image/png', made

    content, media, made = await studio.drawer.draw(work, request, request.headers.get('x-page', ''), preview)
    headers = {'X-Images': str(len(images_of(made)))}
    if made.report:
        headers['X-Report'] = ' '.join(made.report.encode('ascii', 'replace').decode().split())
    if made.psnr_outside is not None:
        headers['X-PSNR-Outside'] = f'{made.psnr_outside:.1f}'
    return Response(content, media_type=media, headers=headers)


def find_or_make(studio: Studio, entry: Entry, operation: Operation, preview: bool = False) -> Made:
    """What an operation makes of a model; the last results are kept.

    Args:
        studio: With the model.
        entry: The model.
        operation: What to do with it.
        preview: Draw one image quickly, in coarse scales.
    """
    loaded = studio.library.load(entry)
    if preview:
        return operation.as_preview(loaded.quick).run(loaded.quick)
    key = loaded, operation.key
    made = studio.results.get(key)
    if made is None:
        made = operation.run(loaded.model)
        studio.results.keep(key, made)
    return made


async def starts(request: Request) -> JSONResponse:
    """One picture per start scale, to choose from."""
    studio, entry, body = studio_of(request), entry_of(request), await read_json(request)
    operation = Operation.read(body, studio.library)
    if 'start_scale' not in {option.name for option in task_options(operation.task)}:
        raise HTTPException(400, f'{operation.task.name} has no start scale')

    def work() -> dict[str, Any]:
        pictures, refused = [], []
        for scale in range(studio.library.load(entry).model.num_scales):
            try:
                made = find_or_make(studio, entry, operation.with_options(start_scale=scale, num=1, frames=1))
            except InputError as error:
                refused.append(dict(scale=scale, error=studio.library.shown(str(error))))
                continue
            content = base64.b64encode(png(made, 0)).decode()
            pictures.append(dict(scale=scale, url=f'data:image/png;base64,{content}'))
        return dict(pictures=pictures, refused=refused)

    page = request.headers.get('x-page', '')
    return JSONResponse(await studio.drawer.draw(work, request, page and f'{page} starts'))


async def export(request: Request) -> Response:
    """The file that ``mmpe edit`` writes."""
    studio, entry, body = studio_of(request), entry_of(request), await read_json(request)
    operation, number = Operation.read(body, studio.library), _image(body)
    kind = str(body.get('format') or ('gif' if operation.task.file else 'png'))
    accepted = ('gif', 'webp', 'mp4') if operation.task.file else ('png',)
    if kind not in accepted:
        raise HTTPException(400, f'{operation.task.name} is taken away as {", ".join(accepted)}, not {shown(kind)}')
    if body.get('size') is not None:
        if 'size' not in {option.name for option in task_options(operation.task)}:
            raise HTTPException(400, f'{operation.task.name} has the size of the picture: leave size out')
        operation = operation.with_options(size=body['size'])

    def work() -> bytes:
        if operation.task.file:
            return _animation(find_or_make(studio, entry, operation), kind)
        made = studio.results.get((studio.library.load(entry), operation.key))
        # an image is the same, however many are drawn
        return png(made or find_or_make(studio, entry, operation.with_options(num=number + 1)), number)

    def progress(stage: str, done: int, total: int | None) -> None:
        studio.events.publish('progress', page=request.headers.get('x-page', ''), stage=stage, done=done, total=total)

    content = await studio.drawer.draw(work, request, progress=progress)
    name = f'{entry.id}_{operation.task.name}.{kind}'
    headers = {'Content-Disposition': f'attachment; filename="{name}"'}
    return Response(content, media_type=_MEDIA[kind], headers=headers)


async def keep(request: Request) -> JSONResponse:
    """Keep an image of an operation as a file, which later operations start from."""
    studio, entry, body = studio_of(request), entry_of(request), await read_json(request)
    operation, number = Operation.read(body, studio.library), _image(body)

    def work() -> str:
        made = find_or_make(studio, entry, operation)
        size, wanted = tuple(images_of(made).shape[-2:]), studio.library.load(entry).size
        if isinstance(made, Animation) or size != wanted:
            raise HTTPException(400, f'only an image of the size of the picture, {size_text(wanted)}, can be edited on')
        return studio.library.uploads.add_file(png(made, number))

    return JSONResponse(dict(file=await studio.drawer.draw(work, request)))


async def recipe(request: Request) -> JSONResponse:
    """The command lines and the Python that make the same files, in the folder of the studio."""
    studio, entry, body = studio_of(request), entry_of(request), await read_json(request)
    earlier = body.get('steps') or []
    if not isinstance(earlier, list) or len(earlier) > _MOST_STEPS or not all(isinstance(one, dict) for one in earlier):
        raise HTTPException(400, f'steps must be a list of up to {_MOST_STEPS} operations')
    steps = [_step(one, studio) for one in (*earlier, body)]
    path = await studio.drawer.draw(partial(studio.library.finished_checkpoint, entry), request)
    checkpoint = path.relative_to(studio.library.folder).as_posix()
    return JSONResponse(asdict(write_recipe(steps, checkpoint)))


def _step(body: dict[str, Any], studio: Studio) -> Step:
    file = read_file(body['file'], studio.library) if body.get('file') is not None else ''
    return Step(Operation.read(body, studio.library), _image(body), file)


def _animation(made: Animation, kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        (path,) = made.save(Path(folder) / f'animation.{kind}')
        return path.read_bytes()


def _image(body: dict[str, Any]) -> int:
    number = body.get('image', 0)
    if not is_whole(number, 0, 999):
        raise HTTPException(400, f'image={shown(number)} cannot work: it is the number of an image, from 0')
    return number


ROUTES = [
    Route('/api/tasks', tasks),
    Route('/api/files', add_file, methods=['POST']),
    Route('/api/files/{name}', file),
    Route('/api/models/{id}/draw', draw, methods=['POST']),
    Route('/api/models/{id}/starts', starts, methods=['POST']),
    Route('/api/models/{id}/export', export, methods=['POST']),
    Route('/api/models/{id}/keep', keep, methods=['POST']),
    Route('/api/models/{id}/recipe', recipe, methods=['POST']),
]
