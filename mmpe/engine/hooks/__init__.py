"""Hooks, one a file."""

from .checkpoint_hook import CompleteCheckpointHook
from .interrupt_hook import InterruptHook
from .pyramid_picture_hook import PyramidPictureHook
from .pyramid_timer_hook import PyramidTimerHook

__all__ = ['CompleteCheckpointHook', 'InterruptHook', 'PyramidPictureHook', 'PyramidTimerHook']
