"""A SinGAN's sampler as a function of tensors."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.export import Dim

from mmpe.grid import Size

from ..tensor_sampler import BATCH, TensorInput, TensorSampler
from .generator import SinGANGenerator


class SinGANTensorSampler(TensorSampler):
    """A noise map per trained scale, coarse to fine, to random images. Their sizes are those of the scales' images.

    Args:
        generator: The generator.
        noise_weights: The amplitude of every scale's noise.
        size: (H, W) of the picture, at the finest trained scale.

    >>> from mmpe.editing.example import example_singan
    >>> sampler = example_singan().tensor_sampler()
    >>> [(input.name, input.shape_text) for input in sampler.inputs][:1]
    [('noise_0', ['batch', 2, 'height_0', 'width_0'])]
    """

    def __init__(self, generator: SinGANGenerator, noise_weights: Sequence[float], size: Size):
        self.size, self.scales = size, len(noise_weights)
        margin = 2 * generator.padding.margin
        super().__init__(generator, [_noise(generator, scale, margin) for scale in range(self.scales)])
        self.noise_weights = noise_weights
        last = [f'{name}_{self.scales - 1}' for name in ('height', 'width')]
        self.image_size = tuple(f'{name} - {margin}' if margin else name for name in last)

    def pick(self, arguments: tuple) -> tuple[Tensor, ...]:
        """The noise maps."""
        noises, _ = arguments
        return tuple(noises)

    def forward(self, *noises: Tensor) -> Tensor:
        """Images (N, 3, H, W), about [-1, 1]."""
        return self.generator(noises, self.noise_weights)

    def sizes_to_check(self) -> list[Size]:
        """The picture's, a wider one and a taller one."""
        height, width = self.size
        return [(height, width), (height, width * 3 // 2), (height * 5 // 4, width)]


def _noise(generator: SinGANGenerator, scale: int, margin: int) -> TensorInput:
    channels = generator.noise_shape(scale, (1, 1))[0]
    least = margin + generator.padding.radius + 1  # what mirrored and circular padding need
    cells = Dim(f'height_{scale}', min=least), Dim(f'width_{scale}', min=least)
    return TensorInput(f'noise_{scale}', (BATCH, channels, *cells))
