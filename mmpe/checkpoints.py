"""Checkpoints as data. They are found, downloaded, read and checked here, and nowhere else.

Nothing that a checkpoint holds is called or executed. Only tensors and plain data are read, in the form that MMEngine
writes them. Every tensor is finite, and its numbers are in the file.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import reprlib
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, is_main_process
from torch import Tensor

from ._mmengine import allow_checkpoint_types
from .errors import InputError, reason
from .names import locate
from .numbers import shown

_URL = ('http://', 'https://')
_SCHEME = re.compile(r'\w[\w.+:-]*://')
_MOST_ENTRIES = 200_000
_DEEPEST = 50
_DTYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)
_HUB_PARTS = ('log_scalars', 'runtime_info', 'resumed_keys')


def latest_checkpoint(work_dir: str | Path) -> str | None:
    """The checkpoint of the highest iteration in a work dir, or None if there is no checkpoint.

    Found by the names of the checkpoints, which are complete or not there. MMEngine's file ``last_checkpoint`` may have
    been cut short when the run ended.

    >>> latest_checkpoint('.') is None
    True
    """
    found = {int(path.stem[5:]): path for path in Path(work_dir).glob('iter_*.pth') if path.stem[5:].isdecimal()}
    return str(found[max(found)]) if found else None


def local_checkpoint(name: str | Path) -> str:
    """The local path of a checkpoint. An http(s) URL is downloaded once, and other names stay as they are.

    Raises:
        InputError: If the download fails, or the name has another scheme, such as ``s3://`` or ``torchvision://``.

    >>> local_checkpoint('work_dirs/mine/iter_16000.pth')
    'work_dirs/mine/iter_16000.pth'
    """
    name = str(name)
    name = str(locate(name)) if name.startswith('~') else name  # a path would lose a slash of a URL
    if name.lower().startswith(_URL):
        return _downloaded(name)
    if _SCHEME.match(name) and not Path(name).exists():
        raise InputError(
            f'{name} cannot be read as a checkpoint: give a file or a URL that starts with http:// or https://'
        )
    return name


def _downloaded(url: str) -> str:
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    number = hashlib.sha256(url.encode('utf-8', 'surrogateescape')).hexdigest()[:16]
    file = folder / f'mmpe-{number}.pth'  # by the whole URL: many checkpoints are called iter_1000.pth
    failure = None
    if is_main_process() and not file.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(file), progress=False)
        except (OSError, ValueError, RuntimeError) as error:
            failure = InputError(f'{url} cannot be downloaded: {" ".join(str(error).split())}')
    barrier()
    if failure:
        raise failure
    return str(file)


def read_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint onto the CPU. Only tensors and plain data are unpickled.

    ``meta['config']`` is left out: MMEngine's runner would execute it as a program.

    Returns:
        A dict with ``state_dict``, finite tensors by their names, and ``meta``, a dict of plain data. ``message_hub``,
        ``optimizer`` and ``param_schedulers`` are there if the file has them, as MMEngine saves them.

    Raises:
        InputError: If the file does not exist, is empty, cut short or not a checkpoint; if a part of it has another
            form; or if weights are not finite.

    >>> torch.save(dict(state_dict={'w': torch.ones(2)}, meta={}), 'iter_1.pth')
    >>> read_checkpoint('iter_1.pth')['state_dict']
    {'w': tensor([1., 1.])}
    """
    path = locate(path)
    _check_file(path)
    checkpoint = _unpickle(path)
    try:
        _check_form(checkpoint)
    except _NoCheckpoint as error:
        raise InputError(f'{path} is not a checkpoint: {error}') from None
    checkpoint['meta'] = {key: value for key, value in checkpoint.get('meta', {}).items() if key != 'config'}
    broken = list(not_finite(checkpoint['state_dict']))
    if broken:
        raise InputError(
            f'{path} holds weights that are not finite: {broken[0]} ({len(broken)} of '
            f'{len(checkpoint["state_dict"])} tensors); take a checkpoint from before training diverged'
        )
    return checkpoint


def not_finite(data: Any, name: str = '') -> Iterator[str]:
    """The names of all tensors, at any depth of dicts and lists, that hold infinities or NaNs.

    >>> list(not_finite({'G': {'w': torch.tensor([1, float('nan')]), 'b': torch.zeros(1)}}))
    ['G.w']
    """
    if isinstance(data, Tensor):
        if not torch.isfinite(data).all():
            yield name
    elif isinstance(data, (dict, list, tuple)):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from not_finite(value, f'{name}.{key}' if name else str(key))


def check_kinds(own: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
    """Refuse a state dict whose tensors are of another kind than a model's.

    The kinds are fractions (of any precision), whole numbers and flags, and single numbers. Loading would round
    fractions, or take the first of several numbers, without a warning.

    Args:
        own: The model's state dict.
        saved: The state dict to load.

    Raises:
        InputError: For the first tensor of another kind.

    >>> check_kinds({'stage': torch.tensor(0)}, {'stage': torch.tensor(3)})
    """
    for name in own.keys() & saved.keys():
        needed, found = _numbers_of(own[name]), _numbers_of(saved[name])
        if needed != found:
            raise InputError(f'its {name} holds {found}, and {needed} belong there')
        if own[name].ndim == 0 and saved[name].numel() != 1:
            raise InputError(f'its {name} holds {saved[name].numel()} numbers, and must hold one')


def count_of(state: dict[str, Tensor], name: str) -> int:
    """A counter in a state dict, such as ``stage``.

    Raises:
        InputError: If it is not one whole number, at least 0.

    >>> count_of({'stage': torch.tensor(3)}, 'stage')
    3
    """
    value = state[name]
    if value.numel() != 1 or _numbers_of(value) != 'whole numbers' or value < 0:
        raise InputError(f'its {name} is {shown(value.tolist())}, and must be a whole number, at least 0')
    return int(value)


def _numbers_of(tensor: Tensor) -> str:
    if tensor.is_floating_point() or tensor.is_complex():
        return 'fractions'
    return 'flags' if tensor.dtype == torch.bool else 'whole numbers'


# -------------------------------------------------------------------- the file


def _check_file(path: Path) -> None:
    if _SCHEME.match(str(path)) or re.match('https?:/', str(path)):
        raise InputError(f'{path} is not a file: download the checkpoint first')
    if path.is_dir():
        raise InputError(f'there is no checkpoint at {path}, which is a folder')
    if not path.exists():
        raise InputError(f'there is no checkpoint at {path}')
    if not path.is_file():  # opening a pipe would wait for ever
        raise InputError(f'{path} is not a regular file')
    if path.stat().st_size == 0:
        raise InputError(f'{path} is empty')


def _unpickle(path: Path) -> Any:
    unreadable = f'{path} cannot be read as a checkpoint'
    try:
        if _unpacked_size(path) > path.stat().st_size:
            raise InputError(f'{unreadable}: it is an archive that unpacks to more than its own size')
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            allow_checkpoint_types()
            return torch.load(path, map_location='cpu', weights_only=True)
    except InputError:
        raise
    except pickle.UnpicklingError as error:  # PyTorch's advice is to unpickle anything
        raise InputError(f'{unreadable}: it holds more than tensors and plain data, or no tensors at all') from error
    except Exception as error:  # a broken pickle is a broken program, and can fail in any way
        raise InputError(f'{unreadable}, it may have been cut short: {reason(error)}') from error


def _unpacked_size(path: Path) -> int:
    """Bytes that reading the file takes at most; PyTorch itself packs nothing."""
    with open(path, 'rb') as file:
        if file.read(2) == b'PK':
            try:
                return sum(entry.file_size for entry in zipfile.ZipFile(file).infolist())
            except zipfile.BadZipFile:
                return 0  # PyTorch will say what is wrong
    return 0


# -------------------------------------------------------------------- its form


class _NoCheckpoint(Exception):
    """Says what a checkpoint has that it should not have."""


def _check_form(checkpoint: Any) -> None:
    _check_size(checkpoint)
    if not isinstance(checkpoint, dict):
        raise _NoCheckpoint(f'it is {_kind(checkpoint)}')
    if 'state_dict' not in checkpoint:
        alone = checkpoint and all(isinstance(value, Tensor) for value in checkpoint.values())
        raise _NoCheckpoint(
            'it has no state_dict' + (', it may be one itself: save it under that name' if alone else '')
        )
    _check_dict(checkpoint['state_dict'], 'its state_dict', Tensor)
    for name in checkpoint.keys() & {'meta', 'optimizer', 'message_hub'}:
        _check_dict(checkpoint[name], f'its {name}')
    _check_meta(checkpoint.get('meta', {}))
    for name in _HUB_PARTS if 'message_hub' in checkpoint else ():
        _check_dict(checkpoint['message_hub'].get(name), f"its message_hub's {name}")
    schedulers = checkpoint.get('param_schedulers', [])
    for listed in schedulers.values() if isinstance(schedulers, dict) else [schedulers]:
        if not isinstance(listed, list) or not all(isinstance(state, dict) for state in listed):
            raise _NoCheckpoint(f'its param_schedulers are {_kind(listed)}, not a list of dicts')


def _check_dict(data: Any, what: str, values: type = object) -> None:
    if not isinstance(data, dict):
        raise _NoCheckpoint(f'{what} is {_kind(data)}, not a dict')
    for name, value in data.items():
        if not isinstance(name, str):
            raise _NoCheckpoint(f'{what} has the key {_kind(name)}, and keys are names')
        if not isinstance(value, values):
            raise _NoCheckpoint(f'{what} has {reprlib.repr(name)}, which is {_kind(value)} and no {values.__name__}')


def _check_meta(meta: dict) -> None:
    for name, most in dict(iter=2**63, epoch=2**63, seed=2**32).items():
        number = meta.get(name)
        if number is not None and (type(number) is not int or not 0 <= number < most):
            raise _NoCheckpoint(f"its meta's {name} is {_kind(number)}, not a whole number from 0 to {most - 1}")
    if meta.get('model') is not None:
        _check_dict(meta['model'], "its meta's model")


def _check_size(data: Any) -> None:
    """Refuse what would take more than the file's own size to look at: parts that hold each other, hollow tensors."""
    left, entries = [(data, 0)], 0
    while left:
        part, depth = left.pop()
        entries += 1
        if entries > _MOST_ENTRIES or depth > _DEEPEST:
            raise _NoCheckpoint(f'it has more than {_MOST_ENTRIES} entries, or nests them deeper than {_DEEPEST}')
        if isinstance(part, Tensor):
            _check_tensor(part)
        elif isinstance(part, int) and part.bit_length() > 64:
            raise _NoCheckpoint(f'it has a whole number of {part.bit_length()} bits')
        elif isinstance(part, dict):
            left += [(value, depth + 1) for pair in part.items() for value in pair]
        elif isinstance(part, (list, tuple, set, frozenset)):
            left += [(value, depth + 1) for value in part]


def _check_tensor(tensor: Tensor) -> None:
    plain = tensor.layout == torch.strided and tensor.device.type == 'cpu' and tensor.dtype in _DTYPES
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise _NoCheckpoint(
            f'it has a tensor of shape {tuple(tensor.shape)}, {tensor.dtype} and {tensor.layout}, whose numbers are '
            'not all in the file'
        )


def _kind(data: Any) -> str:
    """A value as an error shows it: never longer than a line."""
    if isinstance(data, Tensor):
        return f'a tensor of shape {tuple(data.shape)}'
    return ' '.join(f'{type(data).__name__} {reprlib.repr(data)}'.split())
