"""A SinGAN to try the edits on, without training one."""

from __future__ import annotations

import torch

from mmpe.grid import Size
from mmpe.models.singan import SinGANModel

_SIZES = ((12, 16), (17, 23), (24, 32))


def example_singan(sizes: tuple[Size, ...] = _SIZES) -> SinGANModel:
    """A SinGAN of random weights on a picture of noise, made in a moment.

    What an edit makes of it is noise, too. For one that is worth a look, load a SinGAN that you have trained, with
    ``mmpe.apis.load_singan``.

    Args:
        sizes: (height, width) per scale, coarse to fine.

    >>> example_singan().sample(2).shape
    torch.Size([2, 3, 24, 32])
    """
    rng = torch.Generator().manual_seed(0)
    encoding = dict(type='mmpe.CartesianGrid')
    model = SinGANModel(dict(type='mmpe.SinGANGenerator', base_channels=4, encoding=encoding))
    model.set_pyramid(sizes)
    for parameter in model.generator.parameters():
        parameter.data = 0.1 * torch.randn(parameter.shape, generator=rng)
    model.picture.uniform_(-1, 1, generator=rng)
    model.fixed_noise.normal_(generator=rng)
    model.noise_weights[1:] = 0.1
    model.stage.fill_(len(sizes))
    return model.eval()
