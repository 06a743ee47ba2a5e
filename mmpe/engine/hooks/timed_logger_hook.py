"""Lines of the log that come even where iterations are slow."""

from __future__ import annotations

from time import perf_counter

from mmengine.hooks import LoggerHook

from mmpe.numbers import check_above
from mmpe.registry import HOOKS


@HOOKS.register_module()
class TimedLoggerHook(LoggerHook):
    """MMEngine's logger, which also writes a line when there was none for some time.

    Iterations of large images take seconds to minutes, and a hundred of them would be a long silence.

    Args:
        seconds: How long the log may be silent, where iterations are no longer than that.
        **settings: MMEngine's own, such as ``interval``, in iterations.

    Raises:
        InputError: If ``seconds`` is not a finite number above 0.

    In a config:

    >>> default_hooks = dict(logger=dict(type='mmpe.TimedLoggerHook', interval=100, seconds=60))
    >>> HOOKS.build(default_hooks['logger']).seconds
    60
    """

    def __init__(self, seconds: float = 60, **settings):
        super().__init__(**settings)
        check_above(0, seconds=seconds)
        self.seconds = seconds
        self._written = perf_counter()

    def before_run(self, runner) -> None:
        """Count the time from here."""
        super().before_run(runner)
        self._written = perf_counter()

    def every_n_inner_iters(self, batch_idx: int, n: int) -> bool:
        """Whether a line is due: by the number of iterations, or by the time."""
        due = super().every_n_inner_iters(batch_idx, n) or perf_counter() - self._written >= self.seconds
        if due:
            self._written = perf_counter()
        return due
