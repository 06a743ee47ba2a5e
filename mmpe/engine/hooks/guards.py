"""The hooks that every run has, whatever its config says."""

from __future__ import annotations

from mmengine.runner import Runner

from .optimizer_settings_hook import OptimizerSettingsHook
from .same_model_hook import SameModelHook
from .work_dir_hook import WorkDirHook

_GUARDS = (WorkDirHook, SameModelHook, OptimizerSettingsHook)


def guard(runner: Runner) -> None:
    """Add the hooks that protect the files of other runs to a runner, where its config has left them out.

    Configs that an earlier mmpe has written leave them out, and so do those with ``default_hooks`` of their own.

    >>> from types import SimpleNamespace
    >>> hooks = []
    >>> guard(SimpleNamespace(hooks=hooks, register_hook=hooks.append))  # in place of a Runner
    >>> [type(hook).__name__ for hook in hooks]
    ['WorkDirHook', 'SameModelHook', 'OptimizerSettingsHook']
    """
    for kind in _GUARDS:
        if not any(isinstance(hook, kind) for hook in runner.hooks):
            runner.register_hook(kind())
