"""Networks whose state dict is a released one."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor


def is_constant(released: str) -> bool:
    """Whether an entry holds no weights, but a fixed filter or what only remembered a dtype."""
    return released.endswith(('.kernel', '_float_tensor'))


def entries_below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """What a state dict holds under a prefix, without it."""
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


class ReleasedState:
    """A network whose state dict is the released one; it loads that, and one of mmpe's names.

    Attributes:
        released_names (dict[str, str]): mmpe's name of each entry, with the released one.
    """

    released_names: dict[str, str]

    def constants(self) -> dict[str, Tensor]:
        """Released entries that hold no weights."""
        return {}

    def to_released(self, own: str, value: Tensor) -> Tensor:
        """An entry in its released shape, sharing its memory."""
        return value

    def from_released(self, own: str, value: Tensor) -> Tensor:
        """An entry of the released shape in mmpe's."""
        return value

    def state_dict(self, *, destination=None, prefix: str = '', keep_vars: bool = False):
        """The released state dict; its weights share their memory with the network's."""
        own = super().state_dict(prefix=prefix, keep_vars=keep_vars)
        out = OrderedDict() if destination is None else destination
        if not hasattr(out, '_metadata'):
            out._metadata = OrderedDict()
        out._metadata.update(own._metadata)
        for name, released in self.released_names.items():
            out[prefix + released] = self.to_released(name, own[prefix + name])
        device = next(self.parameters()).device
        out.update({prefix + released: value.to(device) for released, value in self.constants().items()})
        return out

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name, released in self.released_names.items():
            if prefix + released in state_dict:
                state_dict[prefix + name] = self.from_released(name, state_dict.pop(prefix + released))
        for name in [name for name in state_dict if name.startswith(prefix) and is_constant(name)]:
            del state_dict[name]
        super()._load_from_state_dict(state_dict, prefix, *args)


class ConvertibleState(ReleasedState):
    """A network with a released state dict that mmpe's own network of its arguments can take over.

    Attributes:
        arguments (dict): Those of the network of mmpe's.
        colour_axes (dict[str, int]): mmpe's name of each entry that makes or sees an image, with the axis of colours.
    """

    arguments: dict
    colour_axes: dict[str, int]

    def own_state_dict(self) -> dict[str, Tensor]:
        """What mmpe's network loads to do in RGB what this one does in BGR."""
        own = super(ReleasedState, self).state_dict()
        return {
            name: value.flip(self.colour_axes[name]) if name in self.colour_axes else value
            for name, value in own.items()
        }
