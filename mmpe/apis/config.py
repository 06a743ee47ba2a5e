"""Reading configs, and telling a config's mistakes from the program's."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from mmpe.config_files import read_config
from mmpe.errors import InputError, as_input_error
from mmpe.evaluation.training_pictures import compare_with_training_pictures
from mmpe.numbers import check_finite

from .picture_options import name_pictures


def load_config(
    path: str | Path, options: dict | None = None, picture: str | None = None, pictures: str | None = None
) -> Config:
    """Read a config, change options in it, and name the picture or pictures that it trains on.

    A config names its pictures once: metrics without real pictures of their own compare with those of
    ``train_dataloader``, not mirrored.

    Args:
        path: A file, or ``PACKAGE::NAME`` for a config of an installed package.
        options: Values by their dotted keys in the config.
        picture: The picture that a SinGAN is trained on: a file, or ``skimage://NAME``.
        pictures: The pictures that another model is trained on: a folder or an LMDB.

    Raises:
        InputError: If the config does not exist or cannot be read, an option does not fit it, a number is not finite,
            or ``pictures`` are given for a SinGAN, or ``picture`` for another model.

    >>> config = load_config('mmpe::singan/singan_fish.py', {'model.iters_per_scale': 500}, picture='my.jpg')
    >>> config.model.iters_per_scale, config.train_dataloader.dataset.data_root
    (500, 'my.jpg')
    """
    config = read_config(path)
    with as_input_error('--cfg-options'):
        for key in options or {}:
            _check_lists(config, key)
        config.merge_from_dict(options or {})
    if any(name.partition('.')[0] == 'custom_imports' for name in options or {}):
        with as_input_error('--cfg-options custom_imports'):  # those of the file were imported when it was read
            import_modules_from_strings(**config.custom_imports)
    # what a config imports is imported when it is looked at
    with as_input_error(f'{config.filename} cannot be read as a config'):
        check_finite(config._cfg_dict)
    _paths_as_text(config._cfg_dict)
    name_pictures(config, picture, pictures)
    with as_input_error('the evaluators'):
        compare_with_training_pictures(config)
    return config


def _check_lists(config: Config, key: str) -> None:
    """Refuse a dotted key that names something within a list without saying in which of its entries."""
    node, parts = config, key.split('.')
    for i, part in enumerate(parts):
        if isinstance(node, (list, tuple)) and not part.isdigit():
            above = '.'.join(parts[:i])
            raise InputError(
                f'--cfg-options: {key} cannot be set, as {above} is a list of {len(node)}: give the number of an '
                f'entry, such as {above}.0.{".".join(parts[i:])}'
            )
        if isinstance(node, (list, tuple)):
            node = node[int(part)] if int(part) < len(node) else None
        else:
            node = node.get(part) if isinstance(node, dict | Config) else None


def _paths_as_text(node: Any) -> None:
    """Replace every ``pathlib.Path``, at any depth, by text. Otherwise the config's dump could not be read again."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, PurePath):
            node[key] = str(value)
        elif isinstance(value, (dict, list)):
            _paths_as_text(value)
