"""Hooks, one per module: a new hook is a new module here."""

from mmpe.discovery import import_modules

from .checkpoint_hook import CompleteCheckpointHook
from .compile_hook import CompileHook
from .cuda_graphs_hook import CudaGraphsHook
from .finite_loss_hook import FiniteLossHook
from .guards import guard
from .interrupt_hook import InterruptHook
from .optimizer_settings_hook import OptimizerSettingsHook
from .pyramid_picture_hook import PyramidPictureHook
from .pyramid_timer_hook import PyramidTimerHook
from .same_model_hook import SameModelHook
from .schedule_hook import ScheduleHook
from .sizes_picture_hook import SizesPictureHook
from .timed_logger_hook import TimedLoggerHook
from .work_dir_hook import WorkDirHook

import_modules(__name__)

__all__ = [
    'CompileHook',
    'CompleteCheckpointHook',
    'CudaGraphsHook',
    'FiniteLossHook',
    'InterruptHook',
    'OptimizerSettingsHook',
    'PyramidPictureHook',
    'PyramidTimerHook',
    'SameModelHook',
    'ScheduleHook',
    'SizesPictureHook',
    'TimedLoggerHook',
    'WorkDirHook',
    'guard',
]

import_modules(__name__)
