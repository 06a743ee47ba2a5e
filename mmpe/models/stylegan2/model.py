"""StyleGAN2's training rule, at one scale or several (MS-PIE)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from mmengine.dist import all_reduce
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import check_real, check_whole, size_text
from mmpe.random_numbers import check_draws
from mmpe.registry import MODELS

from ..adversarial import AdversarialModel, Loss, Size, Update
from ..losses import non_saturating, path_length_penalty, path_lengths, r1_penalty
from .scales import Scales

_PATH_LENGTH_DECAY = 0.01


@dataclass
class ScaleUpdate(Update):
    """An update of one scale.

    Args:
        base (tuple[int, int]): The scale's base grid.
        path_lengths (list[Tensor]): What this process has measured of them so far.
    """

    base: Size = (4, 4)
    path_lengths: list[Tensor] = field(default_factory=list)


@MODELS.register_module()
class StyleGAN2Model(AdversarialModel):
    """StyleGAN2 (CVPR 2020), and MS-PIE's multi-scale training of it (CVPR 2021, sec. 4.2).

    An iteration trains a scale drawn for it; see :class:`~mmpe.models.adversarial.AdversarialModel` for how. Several
    processes train as one does with their joined batch as long as minibatch statistics group the same images: where
    each process's batch is a multiple of the discriminator's ``group_size``. Scale and mixing are drawn once an update,
    and regularisation is due for all of an update or none.

    Args:
        generator (dict): Config of a :class:`StyleGenerator`.
        discriminator (dict | None): Config of a :class:`StyleDiscriminator`; None to sample only.
        scales (dict | None): ``offsets`` and ``probabilities``, see :class:`~mmpe.models.stylegan2.scales.Scales`;
            None: the generator's own scale.
        r1_weight (float): Weight of R1, gamma: the loss is half of it times |dD/dx|^2. 0: without.
        r1_interval (int): Iterations from one R1 to the next, which counts as many times.
        path_length_weight (float): Weight of the path length's regularisation. 0: without.
        path_length_interval (int): Iterations from one to the next, which counts as many times.
        path_length_shrink (int): By how much its batch is smaller.
        mixing_probability (float): How often two styles are mixed, in [0, 1].
        ema (dict | None): ``half_life``, in images, and ``ramp_up``, see
            :class:`~mmpe.models.average.RunningAverage`; None: the generator itself is what gets sampled.
        resize (dict): How real images become those of a scale, as :func:`torch.nn.functional.interpolate` takes it.
            The released code does ``dict(mode='bilinear', align_corners=True)``, without antialiasing.
        data_preprocessor (dict | None): MMEngine's; the default moves data to the device.

    Raises:
        InputError: If scales, probabilities, intervals or weights cannot be, or the discriminator cannot see a scale.
    """

    family = 'StyleGAN2'
    sample_options = ('size', 'truncation')

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        scales: dict | None = None,
        r1_weight: float = 10.0,
        r1_interval: int = 16,
        path_length_weight: float = 2.0,
        path_length_interval: int = 4,
        path_length_shrink: int = 2,
        mixing_probability: float = 0.9,
        ema: dict | None = dict(half_life=10_000),  # noqa: B006
        resize: dict = dict(mode='bicubic', antialias=True),  # noqa: B006
        data_preprocessor: dict | None = None,
    ):
        check_real(0, r1_weight=r1_weight, path_length_weight=path_length_weight)
        check_whole(1, r1_interval=r1_interval, path_length_interval=path_length_interval)
        check_whole(1, path_length_shrink=path_length_shrink)
        check_real(0, 1, mixing_probability=mixing_probability)
        super().__init__(generator, discriminator, ema, resize, data_preprocessor)
        self.scales = Scales(**(scales or {}), base=self.generator.base)
        self._check_discriminator()
        self.r1_weight = r1_weight
        self.r1_interval = r1_interval
        self.path_length_weight = path_length_weight
        self.path_length_interval = path_length_interval
        self.path_length_shrink = path_length_shrink
        self.mixing_probability = mixing_probability
        self.register_buffer('mean_path_length', torch.zeros(()))

    @property
    def sizes(self) -> list[Size]:
        """list[tuple[int, int]]: (H, W) of the images of every scale that is trained."""
        return [self.generator.image_size(base) for base in self.scales.bases]

    def _check_discriminator(self) -> None:
        critic = self.discriminator
        for height, width in self.sizes if critic is not None else ():
            only = (critic.in_size, critic.in_size) if critic.pool_size is None else None
            if min(height, width) < critic.smallest or only not in (None, (height, width)):
                raise InputError(
                    f'the generator is trained at {size_text((height, width))}, which a discriminator with '
                    f'in_size={critic.in_size} and pool_size={critic.pool_size} cannot see: its in_size is that of the '
                    'smallest images, and it needs a pool_size, such as 2, for others'
                )

    # ---------------------------------------------------------------- training

    def _new_update(self, seed: int, iteration: int) -> ScaleUpdate:
        base = self.scales.draw(seed, iteration)
        return ScaleUpdate(seed, iteration, self.generator.image_size(base), base=base)

    def _discriminator_losses(self, update: ScaleUpdate, reals: Tensor) -> list[Loss]:
        critic = self.discriminator

        def fake():
            with torch.no_grad():
                images = self._generate(update, 'discriminator', update.images, len(reals))
            return non_saturating(critic(images), real=False)

        losses = [('loss_fake', fake), ('loss_real', lambda: non_saturating(critic(reals), real=True))]
        if self.r1_weight and update.iteration % self.r1_interval == 0:
            weight = self.r1_weight / 2 * self.r1_interval
            losses.append(('loss_r1', lambda: weight * r1_penalty(critic, reals)))
        return losses

    def _generator_losses(self, update: ScaleUpdate, batch: int, num: int) -> list[Loss]:
        few = max(1, num // self.path_length_shrink)

        def fool():
            images = self._generate(update, 'generator', batch * num, num)
            return non_saturating(self.discriminator(images), real=True)

        def regularise():
            found = self._path_lengths(update, batch * few, few)
            update.path_lengths.append(found.detach())
            weight = self.path_length_weight * self.path_length_interval
            return weight * path_length_penalty(found, self.mean_path_length)

        losses = [('loss_generator', fool)]
        if self.path_length_weight and update.iteration % self.path_length_interval == 0:
            losses.append(('loss_path_length', regularise))
        return losses

    def _train_generator(self, update: ScaleUpdate, num: int, optimizer: OptimWrapper) -> dict[str, Tensor]:
        losses = super()._train_generator(update, num, optimizer)
        if update.path_lengths:
            self._track_path_length(torch.cat(update.path_lengths).mean())
        return losses

    def _track_path_length(self, length: Tensor) -> None:
        """Move the mean after the update and not before its loss, so that all parts of a batch see the same one."""
        all_reduce(length, 'mean')
        self.mean_path_length.lerp_(length, _PATH_LENGTH_DECAY)

    # ---------------------------------------------------------------- random images in training

    def _generate(self, update: ScaleUpdate, purpose: str, first: int, num: int) -> Tensor:
        """Images number ``first`` and on of what this process draws for a purpose."""
        inputs, noises = self._draw(update, purpose, first, num)
        return self.generator.synthesize(self.generator.styles(**inputs), update.base, injected_noise=noises)

    def _path_lengths(self, update: ScaleUpdate, first: int, num: int) -> Tensor:
        inputs, noises = self._draw(update, 'path length', first, num)
        size = self.generator.image_size(update.base)
        y = self._normal(update.random_generators('path length noise', first, num), 3, *size)
        styles = self.generator.styles(**inputs)
        return path_lengths(lambda s: self.generator.synthesize(s, update.base, injected_noise=noises), styles, y)

    def _draw(self, update: ScaleUpdate, purpose: str, first: int, num: int) -> tuple[dict, list[Tensor]]:
        """What ``styles`` takes, and injected noise."""
        rngs = update.random_generators(purpose, first, num)
        one, other = self._normal(rngs, 2, self.generator.style_channels).unbind(1)
        noises = self.generator.draw_noises(rngs, update.base)
        rng = update.random_generator(f'{purpose} mixing')
        if torch.rand((), generator=rng) >= self.mixing_probability:
            return dict(z=one), noises
        crossover = torch.randint(1, self.generator.num_latents, (), generator=rng)
        return dict(z=[one, other], crossover=int(crossover)), noises

    # ---------------------------------------------------------------- sampling

    def sample(
        self, num: int = 1, size: Size | None = None, seed: int = 0, first: int = 0, truncation: float = 1.0
    ) -> Tensor:
        """Draw random images: the ``first``, ``first + 1``, ... of those that ``seed`` stands for.

        Args:
            num (int): How many.
            size (tuple[int, int] | None): (H, W); None: of the generator's base size. An image has the same z at
                every size.
            seed (int): Of the noise, at least 0.
            first (int): Number of the first image; drawing few at a time gives the same images as all at once.
            truncation (float): How far styles are from the mean one, 1 as far as trained.

        Returns:
            Tensor: (num, 3, H, W), about [-1, 1].

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
