"""Released weights for MMEngine's hub, which would load what fits of them as they are, and leave the rest at random."""

from __future__ import annotations

from functools import cache, singledispatch

from mmengine.hub import hub

from mmpe.checkpoints import local_checkpoint
from mmpe.engine.resuming import load_whole
from mmpe.errors import naming
from mmpe.models.resumable import ResumableModel
from mmpe.models.singan import SinGANGenerator, SinGANModel

from .checkpoints import read_released
from .released_files import config_of


@cache
def connect() -> None:
    """Have ``mmengine.hub.get_model('mmpe::NAME', pretrained=True)`` convert released weights.

    Models of other packages are loaded as before.
    """
    hub.load_checkpoint = singledispatch(hub.load_checkpoint)
    hub.load_checkpoint.register(ResumableModel, load_released)


def load_released(model: ResumableModel, files: str | list[str]) -> dict:
    """Give a model of a released config its released weights.

    Args:
        model: Built from the config that the files were trained with.
        files: Paths or URLs, as an index lists them: a ``.pth``, and for a SinGAN its pickle.

    Returns:
        The converted ``state_dict``.

    Raises:
        InputError: If a file cannot be had or read, or does not fit the model; it names the file.
    """
    *pickles, source = [files] if isinstance(files, str) else sorted(files)  # .pkl, .pth
    with naming(source):
        pickled = local_checkpoint(pickles[0]) if pickles else None
        config = None if pickles else config_of(source)  # the name of a download is another
        converted, _ = read_released(local_checkpoint(source), pickled, config)
        checkpoint = dict(state_dict=converted.state_dict())
        if isinstance(converted, SinGANModel) and isinstance(model, SinGANModel):
            _draw_noise_alike(model.generator, converted.generator)
        load_whole(model, checkpoint)
    return checkpoint


def _draw_noise_alike(generator: SinGANGenerator, released: SinGANGenerator) -> None:
    """Noise is no weight, and some released SinGANs have one channel of it where their config has eight."""
    generator.first_channels, generator.noise_channels = released.first_channels, released.noise_channels
