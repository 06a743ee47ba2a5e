"""The samplers of DCGAN and Progressive GAN as functions of tensors."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torch.export import Dim

from mmpe.grid import Size

from .grid_generator import GridGenerator
from .tensor_sampler import BATCH, TensorInput, TensorSampler, enlarged


class GridTensorSampler(TensorSampler):
    """Latents to images: one per image, or one for every cell of the head's grid, whose size they say then.

    Args:
        generator: The generator.
        stage: What it is told, after the latents, of how far training is.
        repeats: Pixels on a side of the sampled image per pixel of the generator's.

    >>> from mmpe.registry import MODELS
    >>> generator = dict(type='ConvGenerator', out_size=8, channels=8, head=dict(type='PointwiseHead'))
    >>> sampler = MODELS.build(dict(type='DCGANModel', generator=generator)).tensor_sampler()
    >>> [(input.name, input.shape_text) for input in sampler.inputs], sampler.image_size
    ([('z', ['batch', 100, 'height', 'width'])], ('2*height', '2*width'))
    """

    def __init__(self, generator: GridGenerator, stage: tuple = (), repeats: int = 1):
        super().__init__(generator, [_latents(generator)])
        self.stage, self.repeats = stage, repeats
        only = tuple(map(str, generator.image_size()))
        self.image_size = only if generator.head.has_one_size else enlarged(generator, generator.head_margin)

    def pick(self, arguments: tuple) -> tuple[Tensor, ...]:
        """Latents; one that all cells share is repeated for each."""
        z, base = arguments[0], arguments[1 + len(self.stage)]
        if self.generator.head.has_one_size or z.ndim == 4:
            return (z,)
        return (z[..., None, None].expand(-1, -1, *self.generator.head_size(base)),)

    def finish(self, images: Tensor) -> Tensor:
        """Three channels, and the full size of a generator that is still growing."""
        if self.repeats > 1:
            images = F.interpolate(images, scale_factor=self.repeats, mode='nearest')
        return images.expand(-1, 3, -1, -1)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Images (N, 3, H, W), about [-1, 1]."""
        (z,) = inputs
        return self.finish(self.generator(z, *self.stage))

    def sizes_to_check(self) -> list[Size]:
        """The generator's own, and where it can give others, a wider one and a taller one."""
        base = self.generator.base
        bases = [(base, base), (base, base + 2), (base + 1, base - 1)]
        return [self.generator.image_size(size) for size in bases[: 1 if self.generator.head.has_one_size else None]]


def _latents(generator: GridGenerator) -> TensorInput:
    if generator.head.has_one_size:
        return TensorInput('z', (BATCH, generator.latent_channels))
    least = generator.head_margin + 2  # the latents of one cell are those of all
    cells = Dim('height', min=least), Dim('width', min=least)
    shared = len(generator.latent_shape()) == 1
    drawn = 'N(0, 1), one per image, repeated for every cell' if shared else 'N(0, 1), one for every cell'
    return TensorInput('z', (BATCH, generator.latent_channels, *cells), drawn)
