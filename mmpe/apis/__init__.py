"""The Python face of mmpe; what tools/ call."""

from .checkpoint import load, read_checkpoint
from .config import load_config, one_clear_line
from .sampling import sample
from .singan import load_singan
from .test import score_table, test
from .train import train

__all__ = [
    'load',
    'load_config',
    'load_singan',
    'one_clear_line',
    'read_checkpoint',
    'sample',
    'score_table',
    'test',
    'train',
]
