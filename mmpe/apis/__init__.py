"""The Python API of mmpe, which the command line calls as well."""

from mmpe.checkpoints import read_checkpoint
from mmpe.editing import (
    Animation,
    Edited,
    animate,
    compare_start_scales,
    duplicate,
    edit,
    harmonise,
    mirror,
    move,
    onto,
    paint_to_image,
    remove,
    resize_region,
    retarget,
    run_task,
    scale,
    super_resolve,
    tile,
    transfer_layout,
    warp,
)
from mmpe.errors import as_input_error

from .checkpoint import load
from .config import load_config
from .export import export
from .many_pictures import train_many
from .memory import estimate_memory
from .sampling import sample
from .singan import load_singan
from .test import score_table, test
from .train import train

__all__ = [
    'Animation',
    'Edited',
    'animate',
    'compare_start_scales',
    'duplicate',
    'edit',
    'estimate_memory',
    'export',
    'harmonise',
    'load',
    'load_config',
    'load_singan',
    'mirror',
    'move',
    'onto',
    'as_input_error',
    'paint_to_image',
    'read_checkpoint',
    'remove',
    'resize_region',
    'retarget',
    'run_task',
    'sample',
    'scale',
    'score_table',
    'super_resolve',
    'test',
    'tile',
    'train',
    'train_many',
    'transfer_layout',
    'warp',
]
