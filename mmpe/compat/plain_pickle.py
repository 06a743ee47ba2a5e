"""Pickles of plain data and NumPy arrays, read without running what they hold."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np

from mmpe.errors import InputError


def read_pickle(path: str | Path) -> object:
    """Read a pickle of plain data and NumPy arrays; anything else in it is refused, not run.

    Raises:
        InputError: If there is no such file, it is cut short, or it holds anything else.

    >>> _ = Path('noises.pkl').write_bytes(pickle.dumps(dict(curr_stage=8)))
    >>> read_pickle('noises.pkl')
    {'curr_stage': 8}
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'there is no pickle at {path}')
    try:
        return _PlainUnpickler(io.BytesIO(path.read_bytes())).load()
    except Exception as error:  # a broken pickle is a broken program, and can fail in any way
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(f'{path} cannot be read as a pickle of plain data: {reason}') from error


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for ``codecs.encode``, as which old protocols spell bytes."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'it encodes as {encoding!r}')
    return text.encode('latin1')


class _PlainUnpickler(pickle.Unpickler):
    """Knows what NumPy's arrays, scalars and dtypes are pickled as, by any version of it, and nothing else."""

    known = {
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
        'numpy.core.multiarray._reconstruct': np.zeros(1).__reduce__()[0],
        'numpy.core.multiarray.scalar': np.float64(0).__reduce__()[0],
        'numpy.core.numeric._frombuffer': np.zeros(1).__reduce_ex__(5)[0],
        '_codecs.encode': _latin1,
    }

    def find_class(self, module: str, name: str) -> object:
        try:
            return self.known[f'{module}.{name}'.replace('numpy._core.', 'numpy.core.')]
        except KeyError:
            raise pickle.UnpicklingError(f'it holds {module}.{name}, which is no plain data') from None
