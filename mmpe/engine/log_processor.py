"""The lines that training logs."""

from __future__ import annotations

from mmengine.logging import HistoryBuffer
from mmengine.runner import LogProcessor, Runner

from mmpe.errors import InputError
from mmpe.models.singan.iterations import iterations_of, place_of
from mmpe.numbers import check_whole, is_whole
from mmpe.registry import LOG_PROCESSORS

from .wrapper import unwrapped


@LOG_PROCESSORS.register_module()
class PyramidLogProcessor(LogProcessor):
    """MMEngine's log lines by iteration, beginning with "scale k of n".

    In a config:

    >>> log_processor = dict(type='mmpe.PyramidLogProcessor', window_size=20)
    >>> LOG_PROCESSORS.build(log_processor).window_size
    20
    """

    def __init__(self, window_size: int = 10, by_epoch: bool = False, **settings):
        check_whole(1, window_size=window_size)
        super().__init__(window_size, by_epoch, **settings)

    def get_log_after_iter(self, runner: Runner, batch_idx: int, mode: str) -> tuple[dict, str]:
        """MMEngine's scalars and line, with ``scale``, ``num_scales``, ``max_iters``, ``scale_step`` and
        ``scale_iters``; scales and steps are counted from 1.

        ``seconds_left`` is added if a timer hook estimates it.
        """
        tag, line = super().get_log_after_iter(runner, batch_idx, mode)
        if mode != 'train':
            return tag, line
        model = unwrapped(runner.model)
        scale, step = place_of(model.iters_per_scale, runner.iter)
        iterations = iterations_of(model.iters_per_scale, scale)
        tag |= dict(scale=scale + 1, num_scales=model.num_scales, max_iters=runner.max_iters)
        tag |= dict(scale_step=step + 1, scale_iters=iterations)
        if (left := runner.message_hub.get_info('eta')) is not None:
            tag['seconds_left'] = left
        return tag, f'scale {scale + 1} of {model.num_scales} [{step + 1}/{iterations}]  {line}'


_MOST_DIGITS = 100
_LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')


def check_log_level(level: str) -> None:
    """Refuse a ``log_level`` that Python's logging does not know.

    Raises:
        InputError: If the level is neither a whole number nor one of Python's names.

    >>> check_log_level('INFO')
    """
    if level not in _LEVELS and not is_whole(level):
        raise InputError(f'log_level={level!r} cannot work: it must be one of {", ".join(_LEVELS)}')


def check_log_processor(processor: LogProcessor) -> None:
    """Refuse settings of a log processor whose error would come only with the first line of the log.

    Raises:
        InputError: If ``num_digits`` or ``window_size`` is not a valid number, or ``custom_cfg`` asks for a statistic
            that MMEngine does not have.

    >>> check_log_processor(LogProcessor(window_size=10))
    """
    check_whole(0, _MOST_DIGITS, **{'log_processor.num_digits': processor.num_digits})
    check_whole(1, **{'log_processor.window_size': processor.window_size})
    for number, entry in enumerate(processor.custom_cfg):
        where = f'log_processor.custom_cfg.{number}'
        window, method = entry.get('window_size', 1), entry.get('method_name')
        if window not in ('epoch', 'global'):
            check_whole(1, **{f'{where}.window_size': window})
        if not (isinstance(method, str) and method in HistoryBuffer._statistics_methods):
            raise InputError(
                f'{where}.method_name={method!r} cannot work: it must be one of '
                f'{", ".join(sorted(HistoryBuffer._statistics_methods))}'
            )
