"""mmpe's own earlier names: configs and checkpoints that have them go on working.

A renamed type is registered by both names. A renamed argument is translated before the part is built. That includes a
config that gives the earlier argument to a base which has the current one.
"""

from __future__ import annotations

from mmpe.models.padding import OversizedNoise, PadEachLayer, PadInputOnce
from mmpe.registry import MODELS, renamed_arguments

MODELS.register_module('HeadBorder', module=PadInputOnce)
MODELS.register_module('LayerBorder', module=PadEachLayer)
MODELS.register_module('DrawnBorder', module=OversizedNoise)


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


renamed_arguments.update(dict.fromkeys(('SinGANGenerator', 'SinGANPaletteGenerator'), border_is_padding))
