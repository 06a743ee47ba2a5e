"""What no run may be without, whatever its config says."""

from __future__ import annotations

from mmengine.runner import Runner

from .optimizer_settings_hook import OptimizerSettingsHook
from .same_model_hook import SameModelHook
from .work_dir_hook import WorkDirHook

_GUARDS = (WorkDirHook, SameModelHook, OptimizerSettingsHook)


def guard(runner: Runner) -> None:
    """Give a runner the hooks that stand between it and others' files, as far as its config lacks them.

    Configs that an earlier mmpe has dumped do, and those with ``default_hooks`` of their own.
    """
    for kind in _GUARDS:
        if not any(isinstance(hook, kind) for hook in runner.hooks):
            runner.register_hook(kind())
