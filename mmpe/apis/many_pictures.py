"""Many pictures: a SinGAN each, in child processes, some at a time."""

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
    """Pictures by name, which are the paths of their work dirs in ``out``.

    A picture of a folder has its path in there for a name, with its extension: names are all different, and stay as
    they are when others come. A file alone has its file name, and ``skimage://rocket`` is ``rocket``.

    Args:
        sources: Folders (nested ones too, and not ``out`` itself), files, ``skimage://NAME``.
        out: Where the work dirs will be.

    Raises:
        InputError: If there is no such source, it has no pictures, two of the pictures have one name, or one has the
            name of a file in ``out`` that shows them all.
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
    """Read a SinGAN's config, as :func:`~mmpe.apis.load_config` does any.

    Raises:
        InputError: If there is none, it cannot be read, or it is not a SinGAN's.
    """
    config = load_config(name, options)
    with as_input_error('the config cannot be built'):
        model = MODELS.build(config.model)
    if not isinstance(model, SinGANModel) or not (config.get('train_dataloader') or {}).get('dataset'):
        raise InputError(f"{name} is a config of {type(model).__name__}; what is wanted is a SinGAN's, with a data set")
    return config


def picture_config(config: Config, picture: str, work_dir: str | Path) -> Config:
    """A copy of a SinGAN's config for another picture and work dir, for one process."""
    # classes, which pure-Python configs have for types, by their names: the process reads a text
    config = Config(plain_data(config._cfg_dict), filename=config.filename)
    name_picture(config.train_dataloader.dataset, picture)
    config.work_dir, config.launcher = str(work_dir), 'none'
    return config


def train_many(configs: Mapping[str, Config], workers: Workers) -> dict[str, str]:
    """Train pictures in child processes, see :func:`~mmpe.apis.subprocesses.run_jobs`.

    Args:
        configs: By name, see :func:`picture_config`.
        workers: See :func:`~mmpe.apis.workers.plan_workers`.

    Returns:
        Why pictures have failed, by name.
    """
    return run_jobs(configs, workers, Job('mmpe.apis.one_picture', is_done, 'pictures'))
