"""Buffers of whole numbers that a training rule reads in every step, without waiting for the device."""

from __future__ import annotations

from typing import Any

from torch import nn


class CountingModule(nn.Module):
    """A module that knows the numbers in its buffers.

    Reading a number from a GPU waits for all that the GPU still has to do. So the numbers that were read or written
    last are remembered, with the buffer's version. Whoever changes the buffer itself, as ``load_state_dict`` does,
    changes its version: then it is read again.

    >>> import torch
    >>> model = CountingModule()
    >>> model.register_buffer('step', torch.tensor(3))
    >>> model.set_numbers('step', model.numbers('step') + 1)
    >>> model.step, model.numbers('step')
    (tensor(4), 4)
    """

    def numbers(self, name: str) -> Any:
        """The numbers in the buffer of a name: an int, or nested lists of them, which must not be changed."""
        buffer = getattr(self, name)
        if buffer.is_inference():  # has no version
            return buffer.tolist()
        known = self._known.get(name)
        if known is None or known[0] is not buffer or known[1] != buffer._version:
            known = self._known[name] = buffer, buffer._version, buffer.tolist()
        return known[2]

    def set_numbers(self, name: str, number: int) -> None:
        """Write a number into the buffer of a name."""
        buffer = getattr(self, name)
        buffer.fill_(number)
        if not buffer.is_inference():
            self._known[name] = buffer, buffer._version, number

    @property
    def _known(self) -> dict:
        return self.__dict__.setdefault('_numbers_known', {})
