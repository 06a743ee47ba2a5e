"""Editing the picture that a SinGAN was trained on."""

from .animation import Animation, animate
from .applications import edit, harmonise, paint_to_image
from .edited import Edited
from .injection import inject
from .layouts import transfer_layout
from .masks import blend, box_mask, dilate, fit, read_mask, soften
from .moves import duplicate, mirror, move, remove, scale
from .redrawing import redraw
from .retargeting import retarget
from .start_scales import choose_start_scale, compare_start_scales
from .superresolution import super_resolve
from .torus import tile
from .warps import warp

__all__ = [
    'Animation',
    'Edited',
    'animate',
    'blend',
    'box_mask',
    'choose_start_scale',
    'compare_start_scales',
    'dilate',
    'duplicate',
    'edit',
    'fit',
    'harmonise',
    'inject',
    'mirror',
    'move',
    'paint_to_image',
    'read_mask',
    'redraw',
    'remove',
    'retarget',
    'scale',
    'soften',
    'super_resolve',
    'tile',
    'transfer_layout',
    'warp',
]
