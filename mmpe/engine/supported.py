"""What MMEngine offers and the training rules of mmpe cannot serve."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner

from mmpe.errors import InputError

_GRADIENTS = 'their losses take gradients of gradients'
_UNSUPPORTED = dict(
    runner_type="MMEngine's Runner trains them",
    strategy='several GPUs train with --launcher',
    compile=_GRADIENTS,
    activation_checkpointing=_GRADIENTS,
    efficient_conv_bn_eval='normalisation that is in eval mode is trained on, too',
)
_OFF = (None, False, [], 'Runner')


def refuse_unsupported(config: Config) -> None:
    """Refuse, by name, what would be ignored or would break in the middle of training.

    Raises:
        InputError: If the config asks for it.
    """
    for name, reason in _UNSUPPORTED.items():
        if config.get(name) not in _OFF:
            raise InputError(f'{name}={config[name]!r} is not supported by the models of mmpe: {reason}; leave it out')


def check_runner(runner: Runner) -> None:
    """Refuse a runner, or features that its config asks for, see :func:`refuse_unsupported`.

    Raises:
        InputError: If there is one.
    """
    refuse_unsupported(runner.cfg)
    if isinstance(runner, FlexibleRunner):
        raise InputError("a FlexibleRunner cannot train the models of mmpe: use MMEngine's Runner")
