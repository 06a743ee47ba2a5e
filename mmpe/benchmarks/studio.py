"""How long the studio's server takes to answer while a point of a picture is dragged."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

import torch
import uvicorn
from mmengine.config import Config

from mmpe.errors import as_input_error
from mmpe.grid import Size
from mmpe.models.singan import SinGANModel
from mmpe.numbers import size_text
from mmpe.registry import DATASETS, MODELS, plain_data
from mmpe.studio.app import create_app
from mmpe.studio.entries import Entry
from mmpe.studio.serve import listen
from mmpe.studio.studio import Studio

from .timing import check_trains, prepare_process, timing_table

_HOST = '127.0.0.1'
_POINTER_RATE = 60  # moves per second, as many as a screen shows
_IN_FLIGHT = 32


def time_studio(config: Config, picture: str, max_size: int, moves: int, device: torch.device) -> str:
    """Time previews and final images of a warp, over a real connection.

    Args:
        config: Of a SinGAN. Its weights do not matter for the time, and are not trained.
        picture: A file, or ``skimage://NAME``.
        max_size: Its long side, in pixels.
        moves: How often the pointer moves.
        device: To draw on.

    Returns:
        A Markdown table: per way of asking, how many requests were answered and how many were dropped for newer ones,
        and the median and the 95th percentile of the milliseconds from a request to the last byte of its answer.

    Raises:
        InputError: If the config is not a SinGAN's, or there is no such picture.
    """
    prepare_process()
    check_trains(config)
    config.train_dataloader.dataset.update(data_root=picture, max_size=max_size)
    with as_input_error('the config cannot be timed as a singan'), tempfile.TemporaryDirectory() as folder:
        studio = Studio(Path(folder), device=device)
        entry = studio.library.add_checkpoint(_untrained(config, Path(folder) / 'untrained.pth'))
        with _served(studio) as port:
            rows = _time_requests(port, entry, moves)
    header = ['requests', 'answered', 'dropped', 'median, ms', '95 %, ms']
    title = f'warp of {picture} at {size_text(entry.size)} in the studio'
    return timing_table(title, device, 'float32', header, rows)


def _time_requests(port: int, entry: Entry, moves: int) -> list[list[str]]:
    _ask(port, entry, 0, preview=True)  # loads the model
    _ask(port, entry, 0, preview=False)
    one_by_one = [_ask(port, entry, move, preview=True) for move in range(moves)]
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        asked = []
        for move in range(moves):
            asked.append(pool.submit(_ask, port, entry, move, True))
            time.sleep(1 / _POINTER_RATE)
        dragging = [request.result() for request in asked]
    released = [_ask(port, entry, move, preview=False) for move in range(1, moves + 1)]
    return [
        ['previews, one after the other', *_summary(one_by_one)],
        [f'previews, {_POINTER_RATE} moves per second', *_summary(dragging)],
        ['the image at release', *_summary(released)],
    ]


def _summary(answers: Sequence[float | None]) -> list[str]:
    seconds = sorted(answer for answer in answers if answer is not None)
    slow = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    counts = [str(len(seconds)), str(len(answers) - len(seconds))]
    return [*counts, f'{median(seconds) * 1e3:.0f}', f'{slow * 1e3:.0f}']


def _ask(port: int, entry: Entry, move: int, preview: bool) -> float | None:
    """Seconds until a warp is there; None, if it was dropped."""
    body = json.dumps(dict(task='warp', options=_options(entry.size, move), preview=preview))
    start = time.perf_counter()
    connection = HTTPConnection(_HOST, port)
    connection.request('POST', f'/api/models/{entry.id}/draw', body, {'X-Page': 'benchmark'})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    seconds = time.perf_counter() - start
    if answer.status not in (200, 409):
        raise RuntimeError(f'the studio answered {answer.status}: {content[:200]!r}')
    return seconds if answer.status == 200 else None


def _options(size: Size, move: int) -> dict:
    """A point in the middle, a little further to the right each time, and one that stays."""
    height, width = size
    x, y = width // 3, height // 2
    return dict(points=[f'{x},{y}:{x + move % (width // 3) + 1},{y - 2}', f'{width - 5},5:{width - 5},5'], num=1)


def _untrained(config: Config, path: Path) -> Path:
    """A checkpoint as if all scales were trained."""
    pyramid = DATASETS.build(config.train_dataloader.dataset)
    model: SinGANModel = MODELS.build(config.model)
    model.set_pyramid(pyramid.sizes)
    model.picture.copy_(pyramid.reals[-1])
    model.stage.fill_(model.num_scales)
    torch.save(dict(meta=dict(model=plain_data(config.model)), state_dict=model.state_dict()), path)
    return path


@contextmanager
def _served(studio: Studio) -> Iterator[int]:
    """Within, a server in a thread of this process, at a port."""
    with listen(_HOST, 0) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(studio), log_level='warning'))
        thread = threading.Thread(target=server.run, kwargs=dict(sockets=[listening]))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
