"""One SinGAN per picture, for many pictures, in child processes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config

from mmpe.compat.datasets import name_picture
from mmpe.datasets.picture_files import SKIMAGE, read_picture
from mmpe.datasets.picture_sources import FolderOfFiles
from mmpe.errors import InputError, as_input_error
from mmpe.models.singan import SinGANModel
from mmpe.names import locate, printable
from mmpe.registry import MODELS, plain_data

from .config import load_config
from .one_picture import is_done
from .subprocesses import Job, run_jobs
from .workers import Workers

_RESULTS = re.compile(r'(index\.html|contact_sheet(_\d+)?\.png)(/|$)')


def find_pictures(sources: Sequence[str], out: str | Path) -> dict[str, str]:
    """Find pictures, by their names, which are also the paths of their work dirs in ``out``.

    The name of a picture in a folder is its path in that folder, with its extension. So all names differ, and they do
    not change when pictures are added. The name of a single file is its file name, and ``skimage://rocket`` is
    ``rocket``.

    Args:
        sources: Folders (which may be nested, and are not ``out`` itself), files, or ``skimage://NAME``.
        out: The folder in which the work dirs will be.

    Raises:
        InputError: If a source does not exist or has no pictures, two pictures have the same name, or a picture has the
            name of a result in ``out``.

    >>> find_pictures(['skimage://rocket', 'skimage://coffee'], out='results')
    {'rocket': 'skimage://rocket', 'coffee': 'skimage://coffee'}
    """
    found = [pair for source in sources for pair in _pictures_of(source, Path(out).resolve())]
    name, times = Counter(name for name, _ in found).most_common(1)[0]
    if times > 1:
        paths = ' and '.join(printable(path) for other, path in found if other == name)
        raise InputError(
            f'{paths} would share the folder {printable(name)}: give the folder above them, or train them apart'
        )
    taken = [path for name, path in found if _RESULTS.match(name)]
    if taken:
        raise InputError(f'{printable(taken[0])} has the name of a file that is written to {printable(out)}: rename it')
    return dict(found)


def _pictures_of(source: str, out: Path) -> list[tuple[str, str]]:
    if source.startswith(SKIMAGE):
        read_picture(source)
        return [(source[len(SKIMAGE) :], source)]
    root = locate(source).resolve()
    if root.is_file():
        return [(root.name, str(root))]
    if not root.is_dir():
        raise InputError(f'there is no picture and no folder of pictures at {printable(source)}')
    if root == out:
        raise InputError(
            f'{printable(source)} is the folder of the pictures: results must go to another one, see --out'
        )
    names = [name for name in FolderOfFiles(root).names if out not in (root / name).parents]
    if not names:
        raise InputError(
            f'all pictures below {printable(source)} are below {printable(out)}, where results are written'
        )
    return [(name, str(root / name)) for name in names]


def find_config(name: str, options: dict | None = None) -> Config:
    """Read the config of a SinGAN: see :func:`~mmpe.apis.load_config`.

    Raises:
        InputError: If the config does not exist, cannot be read, or is not that of a SinGAN.

    >>> find_config('mmpe::singan/singan_quickstart.py').model.type
    'SinGANModel'
    """
    config = load_config(name, options)
    with as_input_error('the config cannot be built'):
        model = MODELS.build(config.model)
    if not isinstance(model, SinGANModel) or not (config.get('train_dataloader') or {}).get('dataset'):
        raise InputError(f'{name} is a config of {type(model).__name__}: give a config of a SinGAN with a data set')
    return config


def picture_config(config: Config, picture: str, work_dir: str | Path) -> Config:
    """A copy of a SinGAN's config, for one process, with another picture and work dir.

    >>> config = find_config('mmpe::singan/singan_quickstart.py')
    >>> picture_config(config, 'skimage://coffee', 'results/coffee').train_dataloader.dataset.data_root
    'skimage://coffee'
    """
    # classes, which pure-Python configs have for types, by their names: the process reads a text
    config = Config(plain_data(config._cfg_dict), filename=config.filename)
    name_picture(config.train_dataloader.dataset, picture)
    config.work_dir, config.launcher = str(work_dir), 'none'
    return config


def train_many(configs: Mapping[str, Config], workers: Workers) -> dict[str, str]:
    """Train one SinGAN per picture, in child processes: see :func:`~mmpe.apis.subprocesses.run_jobs`.

    Args:
        configs: A config per picture, by the picture's name: see :func:`picture_config`.
        workers: How many processes run at a time, and where: see :func:`~mmpe.apis.workers.plan_workers`.

    Returns:
        The reasons of failures, by the names of the pictures.

    >>> from mmpe.apis.workers import find_devices, plan_workers
    >>> config = find_config('mmpe::singan/singan_quickstart.py')
    >>> pictures = find_pictures(['skimage://rocket', 'skimage://coffee'], out='results')
    >>> configs = {name: picture_config(config, path, f'results/{name}') for name, path in pictures.items()}
    >>> train_many(configs, plan_workers(len(configs), find_devices(), cores=2))  # doctest: +SKIP
    {}
    """
    return run_jobs(configs, workers, Job('mmpe.apis.one_picture', is_done, 'pictures'))
