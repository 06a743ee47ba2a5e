"""Starts and ends the server: the sources of the command line, the address and the token."""

from __future__ import annotations

import errno
import logging
import secrets
import socket
import threading
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from mmpe.datasets.picture_files import SKIMAGE, read_picture
from mmpe.errors import InputError, naming
from mmpe.files import check_writable
from mmpe.locks import Locked, ProcessLock
from mmpe.names import locate, printable
from mmpe.visualization import encode_picture, to_picture

from .app import create_app
from .guard import is_loopback
from .studio import Studio

USUAL_PORT = 8642
_ANY = ('0.0.0.0', '::')
_GRACE = 5  # seconds that open connections are given at the end


def add_sources(studio: Studio, sources: Iterable[str]) -> None:
    """Give a studio what a user names: pictures, which are trained, checkpoints, and folders of them.

    Raises:
        InputError: If a source does not exist, or can be none of these.
    """
    for source in sources:
        path = locate(source)
        if source.startswith(SKIMAGE):
            _add_picture(
                studio, source[len(SKIMAGE) :], encode_picture(to_picture(read_picture(source)), 'picture.png')
            )
        elif path.is_dir():
            _add_folder(studio, path)
        elif path.suffix == '.pth':
            studio.library.add_checkpoint(path)
        elif path.is_file():
            with naming(printable(source)):
                _add_picture(studio, path.stem, path.read_bytes())
        else:
            raise InputError(f'there is no picture, checkpoint or folder at {printable(source)}')


def _add_picture(studio: Studio, name: str, content: bytes) -> None:
    """Train on a picture, or go on with the training of the same one."""
    picture, _ = studio.library.uploads.add_picture(content)
    entry = next((e for e in studio.library.entries() if e.record.get('picture') == picture), None)
    if entry is None:
        studio.trainer.begin(picture, printable(name))
    elif not entry.is_finished:
        studio.trainer.resume(entry)


def _add_folder(studio: Studio, path: Path) -> None:
    if path.resolve() == studio.library.folder.resolve():
        return
    found, refused = studio.library.add_folder(path)
    for file, why in refused.items():
        logging.getLogger(__name__).warning('left out: %s (%s)', printable(file), why)
    if not found:
        raise InputError(f'there is no checkpoint of a SinGAN in {printable(path)} or below')


def serve(studio: Studio, host: str = '127.0.0.1', port: int | None = None, browser: bool = True) -> None:
    """Serve a studio until Ctrl-C or SIGTERM. Its address is printed.

    Args:
        studio: What to serve. It is closed at the end.
        host: The address to listen at. Beyond loopback, the printed address has a token, without which nobody gets in.
        port: None: ``USUAL_PORT``, or another one if that is taken.
        browser: Whether to open the page in a browser.

    Raises:
        InputError: If nothing can listen at the address.
    """
    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    listening = listen(host, port)
    name = socket.gethostname() if host in _ANY else f'[{host}]' if ':' in host else host
    address = f'http://{name}:{listening.getsockname()[1]}/' + (f'?token={token}' if token else '')
    config = uvicorn.Config(
        create_app(studio, host, token), log_level='warning', server_header=False, timeout_graceful_shutdown=_GRACE
    )
    print(f'mmpe studio: {address}\nit keeps everything in {studio.folder}; Ctrl-C ends it', flush=True)
    if browser:
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
    _Server(config, studio).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Lets pages and drawings go when it is asked to end: it would wait for pages, which listen for ever."""

    def __init__(self, config: uvicorn.Config, studio: Studio):
        super().__init__(config)
        self._studio = studio

    def handle_exit(self, number: int, frame: FrameType | None) -> None:
        self._studio.events.close()
        self._studio.drawer.drop_all()
        super().handle_exit(number, frame)


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens; arguments and errors are those of :func:`serve`.

    >>> with listen('127.0.0.1', 0) as listening:
    ...     listening.getsockname()[0]
    '127.0.0.1'
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        return socket.create_server((address[0], USUAL_PORT if port is None else port), family=family)
    except OSError as error:
        if port is None and error.errno == errno.EADDRINUSE:
            return listen(host, 0)
        raise InputError(
            f'nothing can listen at {host}, port {port}: {error.strerror or error}; choose another --port or --host'
        ) from error


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Within, no other studio uses the folder, which is made.

    Raises:
        InputError: If another one does, or the folder cannot be written.

    >>> with alone_in(Path('studio')):
    ...     Path('studio').is_dir()
    True
    """
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = ProcessLock(folder / '.studio.lock')
    try:
        lock.acquire()
    except Locked as holder:
        raise InputError(
            f'another studio is open in {folder} ({holder}): use that one, or give another --out'
        ) from None
    try:
        yield
    finally:
        lock.release()
