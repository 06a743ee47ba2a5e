"""Networks of mmpe's with a released state dict: one table of names, one pair of hooks, one swap of colors."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mmpe.errors import InputError

State = dict[str, Tensor]
Rearrange = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Entry:
    """What an entry of a network of mmpe's is in the released state dict.

    Attributes:
        name: Its released name.
        shape: Makes the released shape of it: a function of a module, as networks are pickled. It may move the numbers
            and nothing else: the way back follows from it.
        colors: The axis of colors, if it makes or sees an image.
    """

    name: str
    shape: Rearrange | None = None
    colors: int | None = None


Names = Mapping[str, str | Entry]
"""mmpe's names, of entries or of what entries begin with, with the released ones. The first that fits counts, and what
has no row keeps its name. ``{i}`` is any number, and the released name may have ``{i+1}``, ``{2i}``, ``{2i+1}`` or
``{2i+2}`` in its place."""


def as_released(
    network: nn.Module, names: Names, constants: State | None = None, factors: dict[str, float] | None = None
) -> nn.Module:
    """Give a network of mmpe's the released state dict, which it loads as well as one of mmpe's names.

    Args:
        network: The network; it is changed in place.
        names: What its entries are in the released state dict.
        constants: Released entries that hold no weights.
        factors: mmpe's name of each entry that mmpe's own network needs a multiple of.

    Returns:
        ``network``, with these as attributes; its released state dict shares its memory.

    >>> network = as_released(nn.Linear(2, 1), {'weight': Entry('w', shape=torch.t), 'bias': 'b'})
    >>> {name: tuple(value.shape) for name, value in network.state_dict().items()}
    {'w': (2, 1), 'b': (1,)}
    >>> network.load_state_dict({'w': torch.ones(2, 1), 'b': torch.ones(1)})
    <All keys matched successfully>
    """
    entries = {name: _find(names, name) for name in network.state_dict()}
    network.released_names = {name: entry.name for name, entry in entries.items()}
    network.released_shapes = {name: entry.shape for name, entry in entries.items() if entry.shape}
    network.released_constants, network.own_factors = constants or {}, factors or {}
    network.register_state_dict_post_hook(_to_released)
    network.register_load_state_dict_pre_hook(_from_released)
    return network


def is_released(network: nn.Module) -> bool:
    """Whether :func:`as_released` has given a network the released state dict.

    >>> is_released(nn.Linear(2, 1)), is_released(as_released(nn.Linear(2, 1), {'weight': 'w', 'bias': 'b'}))
    (False, True)
    """
    return 'released_names' in vars(network)


def part(own: str, released: str, names: Names) -> Names:
    """The names of a part's entries, where the part itself has a name.

    >>> part('blocks.{i}', 'convs.{2i+1}', {'weight': 'conv.weight_orig'})
    {'blocks.{i}.weight': Entry(name='convs.{2i+1}.conv.weight_orig', shape=None, colors=None)}
    """
    entries = {name: _entry(there) for name, there in names.items()}
    return {f'{own}.{name}': replace(entry, name=f'{released}.{entry.name}') for name, entry in entries.items()}


def own_entries(released: nn.Module, own: nn.Module) -> State:
    """What ``own``, a network of mmpe's, loads to do what ``released`` does.

    >>> released = as_released(nn.Linear(2, 1), {'weight': 'w', 'bias': 'b'}, factors={'bias': 2.0})
    >>> entries = own_entries(released, nn.Linear(2, 1))
    >>> torch.equal(entries['bias'], 2 * released.bias)
    True
    """
    entries = _entries(released)
    return {name: entries[name] * released.own_factors.get(name, 1) for name in own.state_dict()}


def load_strictly(network: nn.Module, state: State, told_by: str = 'the config') -> None:
    """Load a state dict; raises InputError, in one line, if it has other names or shapes.

    >>> load_strictly(nn.Linear(2, 1), {}, 'the model')
    Traceback (most recent call last):
    mmpe.errors.InputError: the weights do not fit the model: ...
    """
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f'the weights do not fit {told_by}: {textwrap.shorten(str(error), 400)}') from error


@torch.no_grad()
def swap_colors(network: nn.Module, names: Names) -> None:
    """Make RGB of BGR, or the other way round, in what makes or sees an image, in place.

    Args:
        network: The network, by mmpe's names.
        names: What its entries are, colors among them.

    >>> network = nn.Conv2d(1, 3, 1)
    >>> before = network.bias.tolist()
    >>> swap_colors(network, {'weight': Entry('w', colors=0), 'bias': Entry('b', colors=0)})
    >>> network.bias.tolist() == before[::-1]
    True
    """
    for name, parameter in network.named_parameters():
        axis = _find(names, name).colors
        if axis is not None:
            parameter.copy_(parameter.flip(axis))


def entries_below(state: State, prefix: str) -> State:
    """What a state dict holds under a prefix, without it.

    >>> entries_below({'generator.weight': 1, 'iteration': 2}, 'generator.')
    {'weight': 1}
    """
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def rename_below(state: State, prefix: str, new: str) -> None:
    """Give all entries under a prefix another one, in place.

    >>> state = {'module.weight': 1}
    >>> rename_below(state, 'module.', 'generator.')
    >>> state
    {'generator.weight': 1}
    """
    for name in [name for name in state if name.startswith(prefix)]:
        state[new + name[len(prefix) :]] = state.pop(name)


def count(state: State, prefix: str) -> int:
    """How many numbered parts there are under ``prefix``.

    >>> count({'blocks.0.weight': 1, 'blocks.0.bias': 2, 'blocks.1.weight': 3}, 'blocks.')
    2
    """
    return len({name[len(prefix) :].split('.')[0] for name in state if name.startswith(prefix)})


def _entry(released: str | Entry) -> Entry:
    return released if isinstance(released, Entry) else Entry(released)


def _find(names: Names, name: str) -> Entry:
    for own, released in names.items():
        pattern = re.escape(own).replace(r'\{i\}', r'(?P<i>\d+)')
        if match := re.fullmatch(rf'{pattern}(?P<rest>\..+)?', name):
            entry, i = _entry(released), int(match.groupdict().get('i', 0))
            numbers = {'i': i, 'i+1': i + 1, '2i': 2 * i, '2i+1': 2 * i + 1, '2i+2': 2 * i + 2}
            return replace(entry, name=entry.name.format(**numbers) + (match['rest'] or ''))
    return Entry(name)


def _entries(network: nn.Module) -> State:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _to_released(network: nn.Module, state: State, prefix: str, _) -> None:
    own = {name: state.pop(prefix + name) for name in network.released_names}
    for name, released in network.released_names.items():
        rearrange = network.released_shapes.get(name)
        state[prefix + released] = rearrange(own[name]) if rearrange else own[name]
    device = next(network.parameters()).device
    state.update({prefix + name: value.to(device) for name, value in network.released_constants.items()})


def _from_released(network: nn.Module, state: State, prefix: str, *_) -> None:
    entries, names = _entries(network), network.released_names
    found = {own: state.pop(prefix + released) for own, released in names.items() if prefix + released in state}
    for name, value in found.items():
        rearrange = network.released_shapes.get(name)
        state[prefix + name] = _arranged_back(value, rearrange, entries[name]) if rearrange else value
    for name in [name for name in state if name.startswith(prefix) and _is_constant(name)]:
        del state[name]


def _arranged_back(value: Tensor, rearrange: Rearrange, own: Tensor) -> Tensor:
    """What ``rearrange`` makes ``value`` of; of another size it stays as it is, for the strict check to refuse."""
    places = rearrange(torch.arange(own.numel(), device=value.device).view(own.shape))
    if places.shape != value.shape:
        return value
    back = torch.empty_like(value).flatten()
    back[places.flatten()] = value.flatten()
    return back.view(own.shape)


def _is_constant(released: str) -> bool:
    """Whether an entry holds no weights, but a fixed filter or what only remembered a dtype."""
    return released.endswith(('.kernel', '_float_tensor'))
