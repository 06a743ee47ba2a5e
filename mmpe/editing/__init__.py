"""Editing the picture that a SinGAN was trained on.

Convention:
    Points (x, y) and distances (right, down) are in pixels of the picture, and the center of its first pixel is (0, 0).
    Sizes are (height, width), a box is (left, top, width, height), and pictures are (1, 3, H, W) in [-1, 1].
"""

from .animation import Animation
from .edited import Edited
from .edits.animate import animate
from .edits.duplicate import duplicate
from .edits.edit import edit
from .edits.harmonise import harmonise
from .edits.mirror import mirror
from .edits.move import move
from .edits.paint_to_image import paint_to_image
from .edits.remove import remove
from .edits.resize_region import resize_region
from .edits.retarget import retarget
from .edits.super_resolve import super_resolve
from .edits.tile import tile
from .edits.transfer_layout import transfer_layout
from .edits.warp import warp
from .injection import inject
from .masks import blend, box_mask, dilate, fit, read_mask, soften
from .onto import onto
from .redrawing import redraw
from .start_scales import choose_start_scale, compare_start_scales
from .task_options import run_task

scale = resize_region  # the earlier name, which an import finds here before anything has imported mmpe.compat

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
    'onto',
    'paint_to_image',
    'read_mask',
    'redraw',
    'remove',
    'resize_region',
    'retarget',
    'run_task',
    'scale',
    'soften',
    'super_resolve',
    'tile',
    'transfer_layout',
    'warp',
]
