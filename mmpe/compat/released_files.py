"""Released files by their names: the index that mim reads says of which config each is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mmengine.fileio import load

import mmpe

INDEX = Path(mmpe.__file__).parent / '.mim' / 'model-index.yml'


def config_of(file: str | Path) -> str | None:
    """The config that a released file was trained with.

    Args:
        file: A path or URL; its last part counts, as mim and browsers keep it.

    Returns:
        As :func:`mmpe.apis.load_config` takes it; None for a file that the index does not list.

    >>> config_of('downloads/singan_fis_20210406_201006-860d91b6.pth')
    'mmpe::singan/singan_fish.py'
    """
    return _configs().get(Path(file).name)


def pickle_beside(file: str | Path) -> Path | None:
    """A released file's pickle, where mim downloads it to; None if it is not there, or the file is not a released one.

    >>> pickle_beside('no_such_folder/singan_fis_20210406_201006-860d91b6.pth') is None
    True
    """
    path = Path(file).with_suffix('.pkl')
    return path if config_of(file) and path.is_file() else None


@cache
def _configs() -> dict[str, str]:
    return {
        Path(url).name: f'mmpe::{model["Config"].removeprefix("configs/")}'
        for metafile in load(INDEX)['Import']
        for model in load(INDEX.parent / metafile)['Models']
        for url in weights_of(model)
    }


def weights_of(model: dict) -> list[str]:
    """The addresses of a metafile's model, which has one or, a SinGAN, two.

    >>> weights_of({'Weights': 'https://host/a.pth'})
    ['https://host/a.pth']
    """
    weights = model['Weights']
    return [weights] if isinstance(weights, str) else list(weights)
