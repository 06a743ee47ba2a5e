"""Random images of a trained pyramid, and its reconstruction of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.grid import Grid
from mmpe.models.sampled import check_memory
from mmpe.numbers import as_size, is_whole, shown, size_text
from mmpe.random_numbers import check_draws, random_generator

from ..generator_inputs import GeneratorInputs, MovableInputs
from ..noise import Noise, SerialNoise
from ..sampled import SampledModel
from ..tensor_sampler import TensorSampler
from .generator import Size
from .pyramid_model import PyramidModel
from .tensor_sampler import SinGANTensorSampler
from .windows import memory_of_a_block

_SAMPLES_TO_SCORE = 32
_IMAGES_ALIVE = 6  # of the finest scale: weighted noise, its sum with the image, that padded; image, detail, their sum


class SinGANSampler(PyramidModel, SampledModel):
    """A pyramid that has been trained, as far as it has; what edits work with."""

    sample_options = ('size', 'start_scale')
    first_start_scale = 0
    """The first scale from which images may be drawn: above 0 where a given picture is shown to it."""

    def draw_noises(
        self, num: int, rng: torch.Generator | Noise, sizes: Sequence[Size], first_scale: int = 0
    ) -> list[Tensor]:
        """Draw normal noise maps (num, C, h, w), one per scale, for images of ``sizes`` from ``first_scale`` on."""
        shapes = [self.generator.noise_shape(scale, size) for scale, size in enumerate(sizes, start=first_scale)]
        noise = SerialNoise([rng], like=self.fixed_noise) if isinstance(rng, torch.Generator) else rng
        return [maps[0] for maps in noise.normal(*((num, *shape) for shape in shapes))]

    def _fixed_noise(self, stage: int) -> Tensor:
        if stage == 0:
            return self.fixed_noise
        return self.fixed_noise.new_zeros(1, *self.generator.noise_shape(stage, self.numbers('sizes')[stage]))

    def fixed_noises(self, num_scales: int | None = None) -> list[Tensor]:
        """The noises of the reconstruction: z* at scale 0, zeros above (SinGAN, sec. 2.3)."""
        return [self._fixed_noise(stage) for stage in range(self.trained_scales if num_scales is None else num_scales)]

    @torch.no_grad()
    def reconstruct(self, num_scales: int | None = None) -> Tensor:
        """The picture as the first ``num_scales`` (default: all trained) remember it, (1, 3, H, W)."""
        return self.generator(self.fixed_noises(num_scales), self.noise_weights)

    def forward(
        self, inputs: dict | None = None, data_samples: None = None, mode: str = 'tensor'
    ) -> Tensor | list[dict]:
        """Random images.

        Args:
            inputs: The arguments of :meth:`sample`; without effect in 'predict' mode.
            data_samples: Without effect.
            mode: 'tensor' for images (N, 3, H, W); 'predict', MMEngine's in validation and test, for what
                :class:`~mmpe.evaluation.SinglePictureScores` takes.
        """
        if mode == 'predict':
            samples, reconstruction = self.sample(_SAMPLES_TO_SCORE), self.reconstruct()
            return [dict(samples=samples, picture=self._picture_at(reconstruction), reconstruction=reconstruction)]
        return self.sample(**(inputs or {}))

    def _picture_at(self, image: Tensor) -> Tensor:
        """The picture at the size of an image: that of the finest trained scale, while there are more to train."""
        size = tuple(image.shape[-2:])
        if size == tuple(self.picture.shape[-2:]):
            return self.picture
        return F.interpolate(self.picture, size, mode='bicubic', antialias=True).clamp(-1, 1)

    @torch.no_grad()
    def sample(
        self,
        num: int = 1,
        size: Size | None = None,
        start_scale: int = 0,
        seed: int = 0,
        first: int = 0,
        coordinates: Tensor | None = None,
    ) -> Tensor:
        """Draw random images: the ``first``, ``first + 1``, ... of those that ``seed`` stands for.

        Args:
            num: How many.
            size: (H, W), any; None: the size of the finest trained scale.
            start_scale: The first scale with random noise; below it the image is the reconstruction.
            seed: Of the noise, at least 0.
            first: Number of the first image; drawing few at a time gives the same images as all at once.
            coordinates: (h, w, 2), see :meth:`SinGANGenerator.forward`.

        Returns:
            (num, 3, H, W), about [-1, 1].

        Raises:
            InputError: If the start scale does not exist, the size is too small for the pyramid, or memory cannot hold
                the images.
        """
        check_draws(num, seed)
        self.check_start_scale(start_scale)
        sizes = self.scaled_sizes(size)[start_scale:]
        check_memory(self, sizes[-1], num, batch=num)
        image = self.reconstruct(start_scale).expand(num, -1, -1, -1) if start_scale else None
        rngs = [random_generator('sampling', seed, i) for i in range(first, first + num)]
        # scale by scale: large maps are not held twice
        noises = [
            torch.cat([self.draw_noises(1, rng, [size], scale)[0] for rng in rngs])
            for scale, size in enumerate(sizes, start=start_scale)
        ]
        return self.generator(
            noises, self.noise_weights[start_scale:], coordinates, image=image, first_scale=start_scale
        )

    @property
    def sampled_generator(self) -> nn.Module:
        """The generator."""
        return self.generator

    def generator_inputs(self, size: Size | None = None) -> GeneratorInputs:
        """Noises and their weights; what moves is the coarsest scale, where the layout is decided."""
        sizes = self.scaled_sizes(size)
        coarsest = Grid(self.generator.noise_shape(0, sizes[0])[1:])

        def draw(num: int, rng: torch.Generator) -> tuple:
            return self.draw_noises(num, rng, sizes), self.noise_weights

        def draw_coarsest(num: int, rng: torch.Generator, coordinates: Tensor | None) -> tuple:
            return self.draw_noises(num, rng, sizes[:1]), self.noise_weights, coordinates

        movable = MovableInputs(draw_coarsest, self.generator.encoding, coarsest, place=2, scale=1.0)
        return GeneratorInputs(self.generator, draw, movable)

    def tensor_sampler(self) -> TensorSampler:
        """Noise maps to random images."""
        weights = self.noise_weights[: self.trained_scales].tolist()
        return SinGANTensorSampler(self.generator, weights, self.scaled_sizes()[-1])

    def check_trained(self) -> None:
        """Refuse a pyramid of which no scale has been trained."""
        if self.trained_scales == 0:
            raise InputError(f'this {type(self).__name__} has not been trained: there is nothing to sample')

    def describe_progress(self) -> str:
        """How many scales are still to be trained: the images so far are smaller, or coarser."""
        if self.trained_scales == self.num_scales:
            return ''
        return (
            f'only {self.trained_scales} of {self.num_scales} scales are trained: these are images of the last trained '
            'one'
        )

    def check_start_scale(self, start_scale: int) -> None:
        """Refuse a scale that is not there.

        Raises:
            InputError: If the start scale does not exist.
        """
        last = self.trained_scales - 1
        if start_scale == 0 < self.first_start_scale:
            raise InputError(
                'start scale 0 draws a layout, and cannot be shown a picture: choose one of '
                f'{self.first_start_scale} to {last}'
            )
        if not is_whole(start_scale, 0, last):
            raise InputError(f'start scale {shown(start_scale)} does not exist: the trained scales are 0 to {last}')

    def memory_of_an_image(self, size: Size) -> int:
        """Bytes that drawing one image of ``size`` (H, W) takes at most, about."""
        sizes = self.sizes[: self.trained_scales].prod(1).tolist()
        pixels = [round(n / sizes[-1] * size[0] * size[1]) for n in sizes]
        noises = sum(self.generator.noise_shape(scale, size)[0] * n for scale, n in enumerate(pixels))
        images = _IMAGES_ALIVE * self.generator.out_channels * pixels[-1]
        blocks = max(memory_of_a_block(block, n) for block, n in zip(self.generator.blocks, pixels))
        return self.fixed_noise.element_size() * (noises + images + blocks)

    def scaled_sizes(self, size: Size | None = None) -> list[Size]:
        """The trained scales' sizes, stretched so that the finest is ``size`` (H, W).

        Raises:
            InputError: If the coarsest would have fewer than 2 pixels on a side.
        """
        sizes = [tuple(size) for size in self.numbers('sizes')[: self.trained_scales]]
        if size is None:
            return sizes
        size = as_size(size)
        height, width = (n / m for n, m in zip(size, sizes[-1]))
        scaled = [(round(h * height), round(w * width)) for h, w in sizes[:-1]] + [size]
        if min(scaled[0]) < 2:
            raise InputError(
                f'a size of {size_text(size)} is too small: the coarsest of {len(scaled)} scales would be '
                f'{size_text(scaled[0])}'
            )
        return scaled
