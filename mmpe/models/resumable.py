"""What a training run takes from a checkpoint: all of it to go on, or the weights that fit to start anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmpe.checkpoints import check_kinds
from mmpe.errors import InputError

from .counters import CountingModule

State = Mapping[str, Tensor]


class ResumableModel(CountingModule, BaseModel):
    """A model whose state dict, with its optimizers', is all that training needs to go on.

    So it counts in buffers. ``ResumableTrainLoop`` needs ``images_seen``: :meth:`train_step` adds the images of all
    processes, and a resumed run goes on with the next image.

    Attributes:
        family: What the user knows models of this kind as.
        starts_anew: Entries of the state dict that belong to a run, and not to the weights.
        optional_entries: Entries that only some checkpoints have.
        earlier_names: Entries that checkpoints of earlier versions name otherwise, with today's name.
    """

    family: str
    starts_anew: tuple[str, ...] = ()
    optional_entries: tuple[str, ...] = ()
    earlier_names: ClassVar[dict[str, str]] = {}

    def __init__(self, data_preprocessor: dict | nn.Module | None = None, init_cfg: dict | None = None):
        # the copy of a batch from pinned memory need not wait for the device
        super().__init__(data_preprocessor or dict(type='BaseDataPreprocessor', non_blocking=True), init_cfg)

    def own_state(self, state: State) -> dict[str, Tensor]:
        """A state dict under this model's names; released ones have others."""
        return self._renamed(state)

    def _renamed(self, state: State) -> dict[str, Tensor]:
        return {self.earlier_names.get(name, name): value for name, value in state.items()}

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        for earlier, name in self.earlier_names.items():
            if prefix + earlier in state_dict:
                state_dict[prefix + name] = state_dict.pop(prefix + earlier)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def check_state(self, state: State) -> None:
        """Refuse to go on from the state dict of another model.

        Raises:
            InputError: If names or shapes differ.
        """
        check_entries(self.state_dict(), self._renamed(state), self.optional_entries)

    def check_progress(self, state: State, iteration: int, batches: int = 1) -> None:
        """Refuse a state dict that is not of the iteration that a checkpoint says.

        Args:
            state: With this model's names and shapes.
            iteration: Of the run.
            batches: Batches per update, one per iteration.

        Raises:
            InputError: If it is not.
        """

    def trained_parameters(self, state: State) -> Collection[str]:
        """Names of the parameters that the last update has changed, or an earlier one whose memory is still needed."""
        return ()

    def take_weights(self, state: State) -> dict[str, Tensor]:
        """What a new run starts from: the entries of another checkpoint that fit and are not of its run.

        Raises:
            InputError: If it has fractions where this model counts.
        """
        own, saved = self.state_dict(), self.own_state(state)
        check_kinds(own, saved)
        names = [name for name in own if name not in self.starts_anew]
        return {name: saved[name] for name in names if name in saved and saved[name].shape == own[name].shape}

    def describe_start(self, taken: State) -> str:
        """What a log says of a new run that starts from these weights."""
        own = self.state_dict()
        fresh = sorted(own.keys() - taken.keys() - set(self.starts_anew))
        said = f'{len(taken)} of {len(own)} tensors are taken'
        return said + (f'; {len(fresh)} stay fresh: {_listed(fresh)}' if fresh else '')


def check_entries(own: State, saved: State, optional: Collection[str] = ()) -> None:
    """Refuse a state dict of other names, shapes or types than a model's.

    Raises:
        InputError: If it is; it names one entry, both shapes and the number of such entries.

    >>> check_entries(dict(weight=torch.zeros(2, 3)), dict(weight=torch.zeros(2, 4)))
    Traceback (most recent call last):
    mmpe.errors.InputError: the checkpoint is of another model than the config: weight is 2x4 there and 2x3 here ...
    """
    here, there = _shapes(own), _shapes(saved)
    different = [name for name in {**here, **there} if there.get(name) != here.get(name) and name not in optional]
    if different:
        name = different[0]
        raise InputError(
            f'the checkpoint is of another model than the config: {name} is {there.get(name, "not")} there and '
            f'{here.get(name, "not")} here ({len(different)} entries differ): resume with the config that it '
            'was trained with, or give it as load_from, without --resume, to start from its weights'
        )


def _listed(names: list[str]) -> str:
    return ', '.join(names[:5]) + (', ...' if len(names) > 5 else '')


def _shapes(state: State) -> dict[str, str]:
    return {name: _described(tensor) for name, tensor in state.items()}


def _described(tensor: Tensor) -> str:
    kind = '' if tensor.dtype == torch.float32 else f' {str(tensor.dtype).removeprefix("torch.")}'
    return f'{"x".join(map(str, tensor.shape)) or "1"}{kind}'
