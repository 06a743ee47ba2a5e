"""Released weights for MMEngine's hub, which would load what fits of them as they are, and leave the rest at random."""

from __future__ import annotations

from functools import wraps

from mmengine.hub import hub
from torch import nn

from mmpe.checkpoints import local_checkpoint
from mmpe.engine.resuming import load_whole
from mmpe.errors import naming
from mmpe.models.resumable import ResumableModel

from .checkpoints import read_released
from .released_files import config_of


def connect() -> None:
    """Have ``mmengine.hub.get_model('mmpe::NAME', pretrained=True)`` convert released weights.

    Models of other packages are loaded as before.
    """
    if not hasattr(hub.load_checkpoint, '__wrapped__'):
        hub.load_checkpoint = _converting(hub.load_checkpoint)


def _converting(load_checkpoint):
    @wraps(load_checkpoint)
    def load(model: nn.Module, files: str | list[str], *args, **kwargs):
        if not isinstance(model, ResumableModel):
            return load_checkpoint(model, files, *args, **kwargs)
        return load_released(model, [files] if isinstance(files, str) else files)

    return load


def load_released(model: ResumableModel, files: list[str]) -> dict:
    """Give a model of a released config its released weights.

    Args:
        model (ResumableModel): Built from the config that the files were trained with.
        files (list[str]): Paths or URLs, as an index lists them: a ``.pth``, and for a SinGAN its pickle.

    Returns:
        dict: The converted ``state_dict``.

    Raises:
        InputError: If a file cannot be had or read, or does not fit the model; it names the file.
    """
    (source,) = (file for file in files if not file.endswith('.pkl'))
    pickled = next((file for file in files if file.endswith('.pkl')), None)
    with naming(source):
        converted, _ = read_released(local_checkpoint(source), pickled and local_checkpoint(pickled), config_of(source))
        checkpoint = dict(state_dict=converted.state_dict())
        load_whole(model, checkpoint)
    return checkpoint
