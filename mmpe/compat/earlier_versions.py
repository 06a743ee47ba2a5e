"""Types, arguments and entries of checkpoints that earlier versions of mmpe named otherwise: each with today's name.

Renamed arguments are accepted by the class itself, so that a class that inherits from it accepts them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps

from mmpe.models.padding import OversizedNoise, PadEachLayer, PadInputOnce
from mmpe.models.pggan import PGGANModel
from mmpe.models.singan import SinGANGenerator, SinGANModel
from mmpe.models.singan.palette import Palette
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.registry import MODELS

Translate = Callable[[dict, object], dict]


def _border_over_padding(arguments: dict, border: object) -> dict:
    """What a border says is merged into the padding of a base config, as it was into the border of one."""
    padding = arguments.get('padding', {})
    if isinstance(border, Mapping):
        border = dict(border)
        if not border.pop('_delete_', False) and isinstance(padding, Mapping):
            border = {**padding, **border}
    return dict(arguments, padding=border)


TYPES = dict(HeadBorder=PadInputOnce, LayerBorder=PadEachLayer, DrawnBorder=OversizedNoise)
# Dots lead into dicts.
ARGUMENTS: dict[type, dict[str, str | Translate]] = {
    StyleGAN2Model: dict(
        r1_weight='losses.r1.weight',
        r1_interval='losses.r1.interval',
        path_length_weight='losses.path_length.weight',
        path_length_interval='losses.path_length.interval',
        path_length_shrink='losses.path_length.shrink',
    ),
    PGGANModel: dict(
        gradient_penalty_weight='losses.gradient_penalty.weight',
        drift_weight='losses.adversarial.drift_weight',
    ),
    SinGANModel: dict(
        reconstruction_weight='losses.reconstruction.weight',
        penalty_weight='losses.gradient_penalty.weight',
        colour_weight='losses.color_statistics.weight',
        settle_at='freeze_norm_at',
    ),
    SinGANGenerator: dict(border=_border_over_padding),
    Palette: dict(num_colours='num_colors'),
}
ENTRIES = {
    SinGANModel: {
        'usual_colours': 'running_color_stats',
        'generator.palette.colours': 'generator.palette.colors',
    },
}


def renamed(names: Mapping[str, str | Translate], arguments: dict) -> dict:
    """Arguments by today's names.

    Args:
        names: Each earlier argument, with today's, or with what puts its value into today's arguments.
        arguments: By either name. An earlier one wins: in a config that inherits, it is what the user has written.

    >>> renamed(dict(r1_weight='losses.r1.weight'), dict(r1_weight=1, losses=dict(r1=dict(weight=10, interval=16))))
    {'losses': {'r1': {'weight': 1, 'interval': 16}}}
    """
    found = {name: value for name, value in arguments.items() if name not in names}
    for name in [name for name in names if name in arguments]:
        today, value = names[name], arguments[name]
        found = _with(found, today, value) if isinstance(today, str) else today(found, value)
    return found


def _with(arguments: Mapping | None, path: str, value: object) -> dict:
    """A copy with another value at the end of a path."""
    name, _, rest = path.partition('.')
    arguments = dict(arguments or {})
    return {**arguments, name: _with(arguments.get(name), rest, value) if rest else value}


def _accepting(init: Callable, names: Mapping[str, str | Translate]) -> Callable:
    @wraps(init)
    def renaming(self, *args, **arguments):
        init(self, *args, **renamed(names, arguments))

    return renaming


def connect() -> None:
    """Have mmpe's own types take the names, the arguments and the checkpoints of earlier versions."""
    for name, kind in TYPES.items():
        MODELS.register_module(name, module=kind)
    for kind, names in ARGUMENTS.items():
        kind.__init__ = _accepting(kind.__init__, names)
    for kind, names in ENTRIES.items():
        kind.earlier_names = names
