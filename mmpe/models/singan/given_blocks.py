"""The blocks of a SinGAN by their names in a state dict, and which of another one's a new run starts from."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from mmpe.checkpoints import count_of

from ..resumable import State


def whole_blocks(names: Iterable[str], fitting: State, state: State) -> dict[str, Tensor]:
    """Of the entries that fit, those of blocks that fit as a whole and were trained, and what all blocks share.

    Args:
        names: All entries of the new run's model.
        fitting: The other checkpoint's entries that have the shapes of the model's.
        state: All entries of the other checkpoint.

    Raises:
        InputError: If it does not say how far it was trained, but something else in its place.
    """
    counted = {'stage', 'step'} <= state.keys()
    trained = count_of(state, 'stage') + (count_of(state, 'step') > 0) if counted else None
    own: dict[str | None, set] = {}
    for name in names:
        own.setdefault(block_of(name), set()).add(name)
    whole = {block for block, parts in own.items() if block is None or parts <= fitting.keys()}
    return {
        name: value
        for name, value in fitting.items()
        if block_of(name) in whole and (trained is None or (scale_of(name) or 0) < trained)
    }


def block_of(name: str) -> str | None:
    """``generator.blocks.3`` of an entry below it, None of an entry that is not in a block.

    >>> block_of('generator.blocks.3.head.conv.weight')
    'generator.blocks.3'
    """
    network, _, rest = name.partition('.blocks.')
    return f'{network}.blocks.{rest.split(".")[0]}' if rest and '.' not in network else None


def scale_of(name: str) -> int | None:
    """The scale of an entry, None of an entry that is not in a block.

    >>> scale_of('generator.blocks.3.head.conv.weight')
    3
    """
    block = block_of(name)
    return None if block is None else int(block.rpartition('.')[2])
