"""Padding: what a convolution sees past the border, and how a network makes up for the cells that convolutions remove.

Zero padding shows a generator where the border is. This is an implicit encoding of position, which is exact at the
corners and vague in the middle ("Positional Encoding as Spatial Inductive Bias in GANs", CVPR 2021, section 3). The
paper replaces it (section 4) by enlarging the map with an interpolation, here ``interp``. The other modes are for
comparison.

A *mode* is a registered :class:`Pad` layer, such as ``zero`` or ``interp``: what lies past the border of one map. Any
mmcv ``ConvModule(padding_mode='interp', padding=1)`` finds it by name. Outside the scope ``mmpe``, the other modes are
called ``mmpe.reflect``, ``mmpe.circular``, ... A *part* is a registered :class:`NetworkPadding`, such as
:class:`PadEachLayer`: how a whole generator pads. :func:`set_padding` changes the padding of a finished model. A new
mode or part is a new module in this package.
"""

from mmpe.discovery import import_modules

from .extending import CircularPad, ReflectPad, ReplicatePad, ZeroPad
from .interp import InterpPad
from .layer import Pad, build_padding, modes, pad
from .network import NetworkPadding, OversizedNoise, PadEachLayer, PadInputOnce, build_network_padding
from .none import NoPad
from .replacing import mode_of, remove_padding, set_padding

import_modules(__name__)

MODES = tuple(modes())
"""The names of mmpe's own modes; :func:`modes` also knows those of others."""

__all__ = [
    'MODES',
    'CircularPad',
    'InterpPad',
    'NetworkPadding',
    'NoPad',
    'OversizedNoise',
    'Pad',
    'PadEachLayer',
    'PadInputOnce',
    'ReflectPad',
    'ReplicatePad',
    'ZeroPad',
    'build_network_padding',
    'build_padding',
    'mode_of',
    'modes',
    'pad',
    'remove_padding',
    'set_padding',
]
