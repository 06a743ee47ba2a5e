"""The pictures that a config trains on: ``--picture`` and ``--pictures`` of the tools."""

from __future__ import annotations

from mmengine.config import Config

from mmpe import datasets
from mmpe.compat.datasets import name_picture
from mmpe.errors import InputError
from mmpe.registry import DATASETS


def name_pictures(config: Config, picture: str | None, pictures: str | None) -> None:
    """Give a config other training pictures. Metrics that compare with the training pictures follow.

    Args:
        config: A config with ``train_dataloader.dataset``. Drawn faces are replaced by the pictures, at the same size.
        picture: A file, for a SinGAN.
        pictures: A folder or an LMDB, for any other model.

    Raises:
        InputError: If the config takes ``pictures`` where ``picture`` is given or the other way round, or has no data
            set that reads files.

    >>> from mmpe.apis import load_config
    >>> config = load_config('mmpe::singan/singan_quickstart.py')
    >>> name_pictures(config, 'my.jpg', None)
    >>> config.train_dataloader.dataset.data_root
    'my.jpg'
    """
    if picture is None and pictures is None:
        return
    option = '--pictures' if picture is None else '--picture'
    dataset = _training_set(config, option)
    kind = _dataset_class(dataset.get('type'))
    of_one = isinstance(kind, type) and issubclass(kind, datasets.SinGANDataset)
    if of_one and picture is None:
        raise InputError(
            f'--pictures {pictures}: this config trains on one picture: give it by --picture FILE, or train a model of '
            'each picture of a folder with mmpe train-folder'
        )
    if picture is not None and not of_one:
        raise InputError(f'--picture {picture}: this config trains on many pictures: give a folder by --pictures DIR')
    if isinstance(kind, type) and issubclass(kind, datasets.DrawnFaces):
        dataset.pop('num')
        dataset['type'] = 'mmpe.PictureFolder'
    elif kind is not None and not _reads_files(kind, dataset):
        raise InputError(f'{option}: the data set {dataset.get("type")} has no data_root')
    name_picture(dataset, picture if pictures is None else pictures)


def _training_set(config: Config, option: str) -> dict:
    """The innermost data set, within wrappers such as ``RepeatDataset``."""
    dataset = (config.get('train_dataloader') or {}).get('dataset')
    while isinstance(dataset, dict) and isinstance(dataset.get('dataset'), dict):
        dataset = dataset['dataset']
    if not isinstance(dataset, dict):
        raise InputError(f'{option}: the config has no train_dataloader.dataset')
    return dataset


def _reads_files(kind: str | type, dataset: dict) -> bool:
    """Whether a data set reads picture files: mmpe's own do, and others name files in their config."""
    own = isinstance(kind, type) and issubclass(kind, (datasets.PictureFolder, datasets.SinGANDataset))
    return own or 'data_root' in dataset or 'img_path' in dataset


def _dataset_class(kind: str | type) -> type | None:
    return DATASETS.get(kind) if isinstance(kind, str) else kind
