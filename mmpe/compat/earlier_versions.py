"""Types, arguments and entries of checkpoints that earlier versions of mmpe named otherwise.

A renamed type is registered by both names. A renamed argument of a model is accepted by the model, so that a class that
inherits from it accepts the argument, too. SinGAN's ``border`` is translated in the config, where it is merged with the
``padding`` of a base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps

from mmpe.models.padding import OversizedNoise, PadEachLayer, PadInputOnce
from mmpe.models.pggan import PGGANModel
from mmpe.models.singan import SinGANModel
from mmpe.models.singan.palette import Palette
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.registry import MODELS, renamed_arguments

_TYPES = dict(HeadBorder=PadInputOnce, LayerBorder=PadEachLayer, DrawnBorder=OversizedNoise)
# Each earlier argument, with today's: dots lead into dicts.
_ARGUMENTS = {
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
    Palette: dict(num_colours='num_colors'),
}


def renamed(names: Mapping[str, str], arguments: dict) -> dict:
    """Arguments by today's names.

    Args:
        names: Each earlier argument, with today's.
        arguments: By either name. An earlier one wins: in a config that inherits, it is what the user has written.

    >>> renamed(dict(r1_weight='losses.r1.weight'), dict(r1_weight=1, losses=dict(r1=dict(weight=10, interval=16))))
    {'losses': {'r1': {'weight': 1, 'interval': 16}}}
    """
    found = {name: value for name, value in arguments.items() if name not in names}
    for name, path in names.items():
        if name in arguments:
            found = _with(found, path, arguments[name])
    return found


def _with(arguments: Mapping | None, path: str, value: object) -> dict:
    """A copy with another value at the end of a path."""
    name, _, rest = path.partition('.')
    arguments = dict(arguments or {})
    return {**arguments, name: _with(arguments.get(name), rest, value) if rest else value}


def _accepting(init: Callable, names: Mapping[str, str]) -> Callable:
    @wraps(init)
    def renaming(self, *args, **arguments):
        init(self, *args, **renamed(names, arguments))

    return renaming


def border_is_padding(config: dict) -> dict:
    """A SinGAN generator's config with ``padding`` in place of ``border``, which overrides what is there, as it did.

    >>> border_is_padding(dict(border=dict(mode='reflect'), padding=dict(type='PadInputOnce', mode='zero')))
    {'padding': {'type': 'PadInputOnce', 'mode': 'reflect'}}
    """
    if 'border' in config:
        border, padding = dict(config.pop('border')), config.pop('padding', {})
        replaces = border.pop('_delete_', False) or not isinstance(padding, dict)
        config['padding'] = border if replaces else {**padding, **border}
    return config


def connect() -> None:
    """Have mmpe's own types take the names, the arguments and the checkpoints of earlier versions."""
    for name, kind in _TYPES.items():
        MODELS.register_module(name, module=kind)
    renamed_arguments.update(dict.fromkeys(('SinGANGenerator', 'SinGANPaletteGenerator'), border_is_padding))
    for kind, names in _ARGUMENTS.items():
        kind.__init__ = _accepting(kind.__init__, names)
    SinGANModel.earlier_names = {
        'usual_colours': 'running_color_stats',
        'generator.palette.colours': 'generator.palette.colors',
    }
