"""The compilation of the networks that a run trains."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner

from mmpe.registry import HOOKS

from ..compilation import compilation_options, compile_network
from ..wrapper import unwrapped


@HOOKS.register_module()
class CompileHook(Hook):
    """Compiles each network that an optimizer trains, as the config's ``compile`` says. A run adds the hook by itself.

    MMEngine compiles the model's whole training step, in which mmpe's losses differentiate gradients again; this
    replaces it. What is saved, averaged and validated is the same as without compilation.

    >>> HOOKS.get('mmpe.CompileHook').__name__
    'CompileHook'
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Compile the networks; the work itself is done when they are first called."""
        vars(runner.model).pop('train_step', None)  # what MMEngine has compiled, and nobody has called yet
        model, wrappers = unwrapped(runner.model), runner.optim_wrapper
        named = isinstance(wrappers, OptimWrapperDict)
        networks = {name: getattr(model, name) for name in wrappers.optim_wrappers} if named else {'model': model}
        options = compilation_options(runner.cfg.get('compile'))
        for network in networks.values():
            compile_network(network, options)
        said = ', '.join(f'{name}={value!r}' for name, value in options.items()) or 'the default options'
        print_log(f'compiled when first called, by {said}: {" and ".join(networks)}', 'current')
