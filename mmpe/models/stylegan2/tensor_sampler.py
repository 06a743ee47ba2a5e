"""A StyleGAN2's sampler as a function of tensors."""

from __future__ import annotations

from torch import Tensor
from torch.export import Dim

from mmpe.grid import Size

from ..tensor_sampler import BATCH, TensorInput, TensorSampler, enlarged
from .generator import StyleGenerator, layer_shapes


class StyleTensorSampler(TensorSampler):
    """z and a noise map per layer to images; without noise, z and the coordinates of the head's cells.

    The first noise map has the base size, from which the size of the images follows.

    Args:
        generator: The generator.
        truncation: How far styles are from the mean one, 1 as far as trained.

    >>> from mmpe.registry import MODELS
    >>> generator = dict(type='StyleGenerator', out_size=8, style_channels=4, max_channels=4)
    >>> sampler = MODELS.build(dict(type='StyleGAN2Model', generator=generator)).tensor_sampler()
    >>> [(input.name, input.shape_text) for input in sampler.inputs][:2]
    [('z', ['batch', 4]), ('noise_0', ['batch', 1, 'height', 'width'])]
    """

    def __init__(self, generator: StyleGenerator, truncation: float = 1.0):
        least = 1 if generator.inject_noise else generator.head_margin + 2
        cells = Dim('height', min=least), Dim('width', min=least)
        z = TensorInput('z', (BATCH, generator.style_channels))
        super().__init__(generator, [z, *(_noise_maps if generator.inject_noise else _cells)(generator, *cells)])
        self.options = dict(truncation=truncation)
        self.register_buffer('mean_style', generator.mean_style())  # once, and not in every call
        eaten = 0 if generator.inject_noise else generator.head_margin
        self.image_size = enlarged(generator, eaten)

    def pick(self, arguments: tuple) -> tuple[Tensor, ...]:
        """z, and noise maps or coordinates."""
        z, base, _, noises = arguments
        if self.generator.inject_noise:
            return z, *noises
        return z, self.generator.encoding.encoding.coordinates(self.generator.head_size(base))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Images (N, 3, H, W), about [-1, 1]."""
        generator, (z, *where) = self.generator, inputs
        styles = self.mean_style + self.options['truncation'] * (generator.styles(z) - self.mean_style)
        if generator.inject_noise:
            head = [length + generator.head_margin for length in where[0].shape[-2:]]
            return generator.render(styles, generator.padding.join(generator.encoding(head)), where)
        (coordinates,) = where
        return generator.render(styles, generator.padding.join(generator.encoding.encode(coordinates)[None]), ())

    def sizes_to_check(self) -> list[Size]:
        """The generator's own, a wider one and a taller one."""
        base = self.generator.base
        return [self.generator.image_size(size) for size in ((base, base), (base, base + 2), (base + 1, base - 1))]


def _noise_maps(generator: StyleGenerator, height: Dim, width: Dim) -> list[TensorInput]:
    shapes = layer_shapes(height, width, generator.num_upsamplings, margin=2 * generator.padding.eaten(3))
    return [TensorInput(f'noise_{layer}', (BATCH, 1, *shape)) for layer, shape in enumerate(shapes)]


def _cells(generator: StyleGenerator, height: Dim, width: Dim) -> list[TensorInput]:
    kind = type(generator.encoding).__name__
    return [
        TensorInput('coordinates', (height, width, 2), f"(x, y) of the cells of the head's grid, as {kind} has them")
    ]
