"""A run goes on with the model and the optimisers that it began with."""

from __future__ import annotations

from mmengine.hooks import Hook

from mmpe.errors import InputError
from mmpe.numbers import size_text
from mmpe.registry import HOOKS

from ..wrapper import unwrapped

_NONE = dict(param_groups=[{}])


@HOOKS.register_module()
class SameModelHook(Hook):
    """Refuses to resume from the checkpoint of another model, where MMEngine loads what fits and leaves out the rest.

    ``load_from`` without ``resume`` stays MMEngine's, for starting from the weights of a model that is alike.
    """

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare names and shapes, and optimisers' settings, before anything is loaded.

        Raises:
            InputError: If they differ; it names one entry, both shapes and the number of such entries.
        """
        if not runner._resume:
            return
        saved, own = (_shapes(state) for state in (checkpoint['state_dict'], unwrapped(runner.model).state_dict()))
        different = [name for name in {**own, **saved} if saved.get(name) != own.get(name)]
        if different:
            name = different[0]
            raise InputError(
                f'the checkpoint is of another model than the config: {name} is {saved.get(name, "not")} there and '
                f'{own.get(name, "not")} here ({len(different)} entries differ): resume with the config that it '
                'was trained with, or give it as load_from, without --resume, to start from its weights'
            )
        self._compare_optimisers(checkpoint.get('optimizer') or {}, runner.optim_wrapper.state_dict())

    def _compare_optimisers(self, saved: dict, own: dict) -> None:
        saved, own = (state if 'param_groups' not in state else dict(optimiser=state) for state in (saved, own))
        for network in own:
            kept, needed = (set(state.get(network, _NONE)['param_groups'][0]) for state in (saved, own))
            if not needed <= kept:
                raise InputError(
                    f'the checkpoint is of another optimiser than the config: that of {network} has no '
                    f'{", ".join(sorted(needed - kept))}; resume with the one that it was trained with'
                )


def _shapes(state: dict) -> dict[str, str]:
    return {name.removeprefix('module.'): size_text(tensor.shape) or '1' for name, tensor in state.items()}
