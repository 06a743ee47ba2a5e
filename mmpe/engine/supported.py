"""Features of MMEngine that mmpe's training rules do not support."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner

from mmpe.errors import InputError

from .compilation import compilation_options
from .cuda_graphs import graphs_wanted

_UNSUPPORTED = dict(
    runner_type="MMEngine's Runner trains them",
    strategy='several GPUs train with --launcher',
    activation_checkpointing='their losses take gradients of gradients',
    efficient_conv_bn_eval='normalization that is in eval mode is trained on, too',
)
_OFF = (None, False, [], 'Runner')
_FLAGS = (
    *('resume', 'randomness.deterministic', 'randomness.diff_rank_seed', 'env_cfg.cudnn_benchmark'),
    *('train_dataloader.pin_memory', 'train_dataloader.persistent_workers', 'train_dataloader.drop_last'),
)


def refuse_unsupported(config: Config) -> None:
    """Refuse a config that asks for a feature which would be ignored, or would break in the middle of training.

    Raises:
        InputError: If the config asks for one, a flag is neither True nor False, ``compile`` is not valid, or
            ``cuda_graphs`` is given beside it.

    >>> refuse_unsupported(Config(dict(efficient_conv_bn_eval=True)))
    Traceback (most recent call last):
    mmpe.errors.InputError: efficient_conv_bn_eval=True is not supported by the models of mmpe: normalization that ...
    """
    for name, reason in _UNSUPPORTED.items():
        if config.get(name) not in _OFF:
            raise InputError(f'{name}={config[name]!r} is not supported by the models of mmpe: {reason}; leave it out')
    for name in _FLAGS:
        flag = _value(config, name)
        if flag not in (None, True, False):
            raise InputError(f'{name}={flag!r} cannot work: it must be True or False')
    compiled = compilation_options(config.get('compile')) is not None
    if graphs_wanted(config.get('cuda_graphs')) and compiled:
        raise InputError('cuda_graphs=True does not go with compile: leave one of them out')


def _value(config: Config, name: str) -> Any:
    for key in name.split('.'):
        config = config.get(key) if isinstance(config, dict | Config) else None
    return config


def check_runner(runner: Runner) -> None:
    """Refuse a runner that cannot train mmpe's models, or whose config is refused by :func:`refuse_unsupported`.

    Raises:
        InputError: If the runner or its config is not supported.
    """
    refuse_unsupported(runner.cfg)
    if isinstance(runner, FlexibleRunner):
        raise InputError("a FlexibleRunner cannot train the models of mmpe: use MMEngine's Runner")
