"""Reading configs, and telling a config's mistakes from the program's."""

from __future__ import annotations

from pathlib import Path, PurePath

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
    """Read a config, merge ``options`` (dotted keys) into it, and name the picture or pictures to train on.

    Metrics that compare with real pictures, and say not with which, get those of ``train_dataloader``, not mirrored: a
    config names its pictures once.

    Args:
        path (str | Path): A file, or ``PACKAGE::NAME`` for a config of an installed package, such as
            ``mmpe::singan/singan_fish.py``.
        options (dict | None): Dotted keys to values.
        picture (str | None): What a SinGAN is trained on: a file, or ``skimage://NAME``.
        pictures (str | None): What another model is trained on: a folder or an LMDB.

    Raises:
        InputError: If there is no such config, it cannot be read, an option does not fit it, a number is not finite, or
            it trains on one picture where ``pictures`` are given, or the other way round.
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


def _paths_as_text(node) -> None:
    """Write ``pathlib.Path`` as text, through any nesting: a dumped config could not be read again."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, PurePath):
            node[key] = str(value)
        elif isinstance(value, (dict, list)):
            _paths_as_text(value)
