"""StyleGAN2's training rule, at one scale or several (MS-PIE)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.grid import Grid
from mmpe.numbers import check_real, size_text
from mmpe.random_numbers import check_draws
from mmpe.registry import MODELS

from ..adversarial import AdversarialModel, Size, Update
from ..generator_inputs import GeneratorInputs, MovableInputs
from ..losses import StyleBatch
from ..tensor_sampler import TensorSampler
from .scales import Scales
from .tensor_sampler import StyleTensorSampler

Synthesize = Callable[..., Tensor]  # from styles, and perhaps a base grid, to images


@dataclass
class ScaleUpdate(Update):
    """An update of one scale.

    Args:
        base: The scale's base grid (h, w).
    """

    base: Size = (4, 4)


@MODELS.register_module()
class StyleGAN2Model(AdversarialModel):
    """StyleGAN2 (CVPR 2020), and MS-PIE's multi-scale training of it (CVPR 2021, sec. 4.2).

    An iteration trains a scale drawn for it; see :class:`~mmpe.models.adversarial.AdversarialModel` for how. Several
    processes train as one does with their joined batch as long as minibatch statistics group the same images: where
    each process's batch is a multiple of the discriminator's ``group_size``. Scale and mixing are drawn once an update,
    and regularisation is due for all of an update or none.

    Args:
        generator: Config of a :class:`StyleGenerator`.
        discriminator: Config of a :class:`StyleDiscriminator`; None to sample only.
        losses: What differs from ``default_losses``: ``adversarial``, ``r1`` and ``path_length``.
        scales: ``offsets``, ``probabilities`` and ``by_aspect``, see :class:`~mmpe.models.stylegan2.scales.Scales`;
            None: the generator's own scale.
        mixing_probability: How often two styles are mixed, in [0, 1].
        ema: ``half_life``, in images, and ``ramp_up``, see
            :class:`~mmpe.models.average.RunningAverage`; None: the generator itself is what gets sampled.
        resize: How real images become those of a scale, see :func:`~mmpe.models.fitting.resize`. The released code does
            ``dict(mode='bilinear', align_corners=True)``, without antialiasing.
        data_preprocessor: MMEngine's; the default moves data to the device.

    Raises:
        InputError: If scales, probabilities or losses cannot be used, or the discriminator cannot see a scale.

    >>> generator = dict(type='StyleGenerator', out_size=8, style_channels=4, max_channels=4)
    >>> model = MODELS.build(dict(type='StyleGAN2Model', generator=generator, losses=dict(path_length=None)))
    >>> list(model.losses), model.sample(2).shape
    (['adversarial', 'r1'], torch.Size([2, 3, 8, 8]))
    """

    family = 'StyleGAN2'
    default_losses = dict(
        adversarial=dict(type='mmpe.NonSaturatingLoss'),
        r1=dict(type='mmpe.R1Penalty', weight=10.0, interval=16),
        path_length=dict(type='mmpe.PathLengthPenalty', weight=2.0, interval=4),
    )
    batch_type = StyleBatch
    sample_options = ('size', 'truncation')

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        losses: dict | None = None,
        scales: dict | None = None,
        mixing_probability: float = 0.9,
        ema: dict | None = dict(half_life=10_000),  # noqa: B006
        resize: dict = dict(mode='bicubic', antialias=True),  # noqa: B006
        data_preprocessor: dict | None = None,
    ):
        check_real(0, 1, mixing_probability=mixing_probability)
        super().__init__(generator, discriminator, losses, ema, resize, data_preprocessor)
        self.scales = Scales(**(scales or {}), base=self.generator.base)
        self._check_discriminator()
        self.mixing_probability = mixing_probability

    @property
    def sizes(self) -> list[Size]:
        """(H, W) of the images that are trained, of a range of scales those at its ends."""
        return [self.generator.image_size(base) for base in self.scales.shown]

    def _check_discriminator(self) -> None:
        critic = self.discriminator
        for height, width in map(self.generator.image_size, self.scales.bases if critic is not None else ()):
            only = (critic.in_size, critic.in_size) if critic.pool_size is None else None
            if min(height, width) < critic.smallest or only not in (None, (height, width)):
                raise InputError(
                    f'the generator is trained at {size_text((height, width))}, which a discriminator with '
                    f'in_size={critic.in_size} and pool_size={critic.pool_size} cannot see: its in_size is that of the '
                    'smallest images, and it needs a pool_size, such as 2, for others'
                )

    # ---------------------------------------------------------------- training

    def train_at(self, size: Size) -> None:
        """Train at one size (H, W) alone from now on, which need not be one of the scales."""
        offset = tuple(length - self.generator.base for length in self.generator.base_size(size))
        self.scales = Scales([offset], base=self.generator.base)
        self._check_discriminator()

    def _new_update(self, seed: int, iteration: int, pictures: Size | None) -> ScaleUpdate:
        base = self.scales.draw(seed, iteration, pictures)
        return ScaleUpdate(seed, iteration, self.generator.image_size(base), base=base)

    def _seen_by_losses(self, update: ScaleUpdate, number: int, num: int) -> dict:
        def draw_styles(purpose: str, count: int) -> tuple[Tensor, Synthesize]:
            return self._draw_styles(update, purpose, number * count, count)

        def normal(purpose: str, count: int, *shape: int) -> Tensor:
            return update.noise(self._like, purpose, number * count, count).normal(shape)[0]

        seen = super()._seen_by_losses(update, number, num)
        return dict(seen, num=num, base=update.base, size=update.size, draw_styles=draw_styles, normal=normal)

    # ---------------------------------------------------------------- random images in training

    def _generate(self, update: ScaleUpdate, purpose: str, first: int, num: int) -> Tensor:
        styles, synthesize = self._draw_styles(update, purpose, first, num)
        return synthesize(styles)

    def _draw_styles(self, update: ScaleUpdate, purpose: str, first: int, num: int) -> tuple[Tensor, Synthesize]:
        """Styles number ``first`` and on of a purpose, and what makes images of them; see :class:`StyleBatch`."""
        inputs, noises = self._draw(update, purpose, first, num)

        def synthesize(styles: Tensor, base: Size | None = None) -> Tensor:
            if base is None:
                return self.generator.synthesize(styles, update.base, injected_noise=noises)
            noise = update.noise(self._like, f'{purpose} {size_text(base)}', first, num)
            return self.generator.synthesize(styles, base, injected_noise=noise.normal(*self._noise_shapes(base)))

        return self.generator.styles(**inputs), synthesize

    def _draw(self, update: ScaleUpdate, purpose: str, first: int, num: int) -> tuple[dict, list[Tensor]]:
        """What ``styles`` takes, and injected noise."""
        noise = update.noise(self._like, purpose, first, num)
        latents, *noises = noise.normal((2, self.generator.style_channels), *self._noise_shapes(update.base))
        one, other = latents.unbind(1)
        rng = update.random_generator(f'{purpose} mixing')
        if torch.rand((), generator=rng) >= self.mixing_probability:
            return dict(z=one), noises
        crossover = torch.randint(1, self.generator.num_latents, (), generator=rng)
        return dict(z=[one, other], crossover=int(crossover)), noises

    def _noise_shapes(self, base: Size) -> list[tuple[int, int, int]]:
        """(1, h, w) of each layer's noise."""
        return [(1, *shape) for shape in self.generator.noise_shapes(base)]

    # ---------------------------------------------------------------- sampling

    def generator_inputs(self, size: Size | None = None) -> GeneratorInputs:
        """z, a base size and noise; what moves has no noise."""
        generator = self.sampled_generator
        base = None if size is None else generator.base_size(size)

        def arguments(num: int, rng: torch.Generator, noise: Callable, coordinates: Tensor | None) -> tuple:
            z = torch.randn(num, generator.style_channels, generator=rng)
            return z, base, coordinates, [noise(num, 1, *shape) for shape in generator.noise_shapes(base)]

        def draw(num: int, rng: torch.Generator) -> tuple:
            return arguments(num, rng, partial(torch.randn, generator=rng), None)

        def draw_still(num: int, rng: torch.Generator, coordinates: Tensor | None) -> tuple:
            return arguments(num, rng, torch.zeros, coordinates)

        grid = Grid(generator.head_size(base))
        movable = MovableInputs(draw_still, generator.encoding, grid, place=2, scale=self.pixels_per_cell)
        return GeneratorInputs(generator, draw, movable)

    def tensor_sampler(self, truncation: float = 1.0) -> TensorSampler:
        """z and noise to images, of styles that are as far from the mean one as ``truncation`` says."""
        return StyleTensorSampler(self.sampled_generator, truncation)

    def sample(
        self, num: int = 1, size: Size | None = None, seed: int = 0, first: int = 0, truncation: float = 1.0
    ) -> Tensor:
        """Draw random images: the ``first``, ``first + 1``, ... of those that ``seed`` stands for.

        Args:
            num: How many.
            size: (H, W); None: of the generator's base size. An image has the same z at every size.
            seed: Of the noise, at least 0.
            first: Number of the first image; drawing few at a time gives the same images as all at once.
            truncation: How far styles are from the mean one, 1 as far as trained.

        Returns:
            (num, 3, H, W), about [-1, 1].

        Raises:
            InputError: If the generator cannot give the size.
        """
        check_draws(num, seed)
        return self._sample(range(first, first + num), size, seed, truncation=truncation)

    def _draw_images(
        self, generator: nn.Module, rngs: list[torch.Generator], base: Size | None, truncation: float = 1.0
    ) -> Tensor:
        z = self._normal(rngs, generator.style_channels)
        noises = generator.draw_noises(rngs, base)
        return generator(z, base, injected_noise=noises, truncation=truncation)
