"""An iteration of training: its losses are read from the device once, and processes agree once, for all hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.runner import IterBasedTrainLoop
from torch import Tensor

from .hooks.agreeing_hook import agree


class TrainLoop(IterBasedTrainLoop):
    """MMEngine's loop by iterations; its hooks see what ``train_step`` returns on the CPU.

    MMEngine's hooks read every loss by itself, and a GPU has to finish all that it has been given before each of them.
    """

    def run_iter(self, data_batch: Any) -> None:
        """Train on a batch."""
        place = dict(batch_idx=self._iter, data_batch=data_batch)
        self.runner.call_hook('before_train_iter', **place)
        outputs = on_cpu(self.runner.model.train_step(data_batch, optim_wrapper=self.runner.optim_wrapper))
        agree(self.runner.hooks, outputs)
        self.runner.call_hook('after_train_iter', **place, outputs=outputs)
        self._iter += 1


def on_cpu(outputs: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a step returns, with all tensors on the CPU, by one copy from the device.

    >>> on_cpu(dict(loss=torch.tensor(0.5), note='as it is'))
    {'loss': tensor(0.5000), 'note': 'as it is'}
    """
    there = {name: value for name, value in (outputs or {}).items() if _is_elsewhere(value)}
    if not there:
        return outputs
    numbers = torch.cat([value.detach().flatten() for value in there.values()]).cpu()
    parts = numbers.split([value.numel() for value in there.values()])
    return {**outputs, **{name: part.view(value.shape) for (name, value), part in zip(there.items(), parts)}}


def _is_elsewhere(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device.type != 'cpu'
