"""StyleGAN2's training rule, at one scale or several (MS-PIE)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from mmengine.dist import all_reduce, all_reduce_dict, broadcast, get_rank, get_world_size
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.registry import MODELS

from ..distributed import average_gradients
from ..losses import non_saturating, path_length_penalty, path_lengths, r1_penalty
from ..random import random_generator
from .average import RunningAverage
from .scales import Scales, resize

Size = tuple[int, int]
Loss = tuple[str, Callable[[], Tensor]]

_PATH_LENGTH_DECAY = 0.01
_SEED_OF_PREDICTIONS = 0


@dataclass
class _Update:
    """What all batches of one update have in common, and how many this process has followed back so far."""

    seed: int
    iteration: int
    base: Size
    batches: int = 0
    images: int = 0

    def random_generator(self, purpose: str) -> torch.Generator:
        """For what is the same in all images: without the rank, so all processes draw alike."""
        return random_generator(purpose, self.seed, self.iteration)

    def random_generators(self, purpose: str, first: int, num: int) -> list[torch.Generator]:
        """One for each image, by its number in the batch of all processes, which share it as samplers share data."""
        numbers = range(first * get_world_size() + get_rank(), (first + num) * get_world_size(), get_world_size())
        return [random_generator(purpose, self.seed, self.iteration, number) for number in numbers]


@MODELS.register_module()
class StyleGAN2Model(BaseModel):
    """StyleGAN2 (CVPR 2020), and MS-PIE's multi-scale training of it (CVPR 2021, sec. 4.2).

    An iteration is one step of the discriminator, then one of the generator, on a scale drawn for it. All that training
    needs to go on is in the state dict: the running average, the iteration, the images seen, the mean path length and
    the seed. Whatever is random is drawn for (seed, iteration, number of the image in the batch of all processes), so a
    resumed run draws what the unbroken one would have, and several processes what one with their joined batch would.
    Those are the same training as long as minibatch statistics group the same images: where each process's batch is a
    multiple of the discriminator's ``group_size``.

    With ``accumulative_counts`` in the optim wrappers, each :meth:`train_step` follows one batch of real images back
    through the discriminator; the last one of an update then steps it, and trains the generator on as many batches as
    its own optim wrapper says, which are all generated and so need no more real ones. Scale and mixing are drawn once
    an update, regularisation is due for all of an update or none, and ``iteration``, ``images_seen`` and the running
    average count whole updates: a run resumed in the middle of one starts it again.

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
            :class:`~mmpe.models.stylegan2.average.RunningAverage`; None: the generator itself is what gets sampled.
        resize (dict): How real images become those of a scale, as :func:`torch.nn.functional.interpolate` takes it.
            The released code does ``dict(mode='bilinear', align_corners=True)``, without antialiasing.
        data_preprocessor (dict | None): MMEngine's; the default moves data to the device.

    Raises:
        InputError: If scales, probabilities, intervals or weights cannot be, or the discriminator cannot see a scale.
    """

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
        super().__init__(data_preprocessor)
        _check_at_least(0, r1_weight=r1_weight, path_length_weight=path_length_weight)
        _check_at_least(1, r1_interval=r1_interval, path_length_interval=path_length_interval)
        _check_at_least(1, path_length_shrink=path_length_shrink)
        if not 0 <= mixing_probability <= 1:
            raise InputError(f'mixing_probability must lie between 0 and 1, got {mixing_probability}')
        self.scales = Scales(**(scales or {}))
        self.generator = MODELS.build(generator)
        self.discriminator = MODELS.build(discriminator) if discriminator else None
        self._check_discriminator()
        self.average = None if ema is None else RunningAverage(**ema)
        self.generator_ema = self.average and self.average.start(self.generator)
        self.r1_weight = r1_weight
        self.r1_interval = r1_interval
        self.path_length_weight = path_length_weight
        self.path_length_interval = path_length_interval
        self.path_length_shrink = path_length_shrink
        self.mixing_probability = mixing_probability
        self.resize = resize
        for name in ('iteration', 'images_seen', 'seed'):
            self.register_buffer(name, torch.zeros((), dtype=torch.long))
        self.register_buffer('mean_path_length', torch.zeros(()))
        self._update = None

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
                    f'the generator is trained at {height}x{width}, which a discriminator with '
                    f'in_size={critic.in_size} and pool_size={critic.pool_size} cannot see: its in_size is that of the '
                    'smallest images, and it needs a pool_size, such as 2, for others'
                )

    def train(self, mode: bool = True) -> StyleGAN2Model:
        """As any module's, but the running average stays in eval mode."""
        super().train(mode)
        if self.generator_ema is not None:
            self.generator_ema.eval()
        return self

    def _load_from_state_dict(self, *args):
        super()._load_from_state_dict(*args)
        self._update = None

    # ---------------------------------------------------------------- training

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """One iteration, or one batch of its real images where gradients are accumulated.

        Args:
            data (dict): ``inputs``: uint8 RGB images (3, S, S), a list or stacked; numbers of another type are in
                [-1, 1] already.
            optim_wrapper (OptimWrapperDict): With ``generator`` and ``discriminator``.

        Returns:
            dict[str, Tensor]: The losses that were found, averaged over all processes, and ``scale``, the height of the
            images.

        Raises:
            InputError: If the model has no discriminator.
        """
        if self.discriminator is None:
            raise InputError('this model has no discriminator, so it can be sampled and not trained')
        pictures = self._pictures(self.data_preprocessor(data, True))
        update = self._update = self._update or self._begin_update()
        size = self.generator.image_size(update.base)
        losses = self._accumulate_discriminator(update, resize(pictures, size, **self.resize), optim_wrapper)
        update.batches += 1
        update.images += len(pictures)
        if update.batches == optim_wrapper['discriminator']._accumulative_counts:
            _step(optim_wrapper['discriminator'], self.discriminator)
            losses.update(self._train_generator(update, len(pictures), optim_wrapper['generator']))
            self._finish_update(update)
        all_reduce_dict(losses, 'mean')
        return dict(losses, scale=torch.tensor(float(size[0])))

    def _pictures(self, data: dict) -> Tensor:
        pictures = data['inputs']
        pictures = pictures if isinstance(pictures, Tensor) else torch.stack(list(pictures))
        numbers = pictures.to(self.mean_path_length)
        return numbers if pictures.is_floating_point() else numbers / 127.5 - 1

    def _begin_update(self) -> _Update:
        if self.iteration == 0:
            seed = torch.tensor(torch.initial_seed() % 2**63)
            broadcast(seed)
            self.seed.copy_(seed)
        seed, iteration = int(self.seed), int(self.iteration)
        return _Update(seed, iteration, self.scales.draw(seed, iteration))

    def _finish_update(self, update: _Update) -> None:
        images = update.images * get_world_size()
        self.iteration += 1
        self.images_seen += images
        if self.average is not None:
            self.average.update(self.generator_ema, self.generator, images, int(self.images_seen))
        self._update = None

    def _accumulate_discriminator(self, update, reals, optim_wrapper) -> dict[str, Tensor]:
        critic = self.discriminator.requires_grad_(True)

        def fake():
            with torch.no_grad():
                images = self._generate(update, 'discriminator', update.images, len(reals))
            return non_saturating(critic(images), real=False)

        losses = [('loss_fake', fake), ('loss_real', lambda: non_saturating(critic(reals), real=True))]
        if self.r1_weight and update.iteration % self.r1_interval == 0:
            weight = self.r1_weight / 2 * self.r1_interval
            losses.append(('loss_r1', lambda: weight * r1_penalty(critic, reals)))
        return _follow_back(optim_wrapper['discriminator'], critic, losses)

    def _train_generator(self, update, num, optimizer) -> dict[str, Tensor]:
        """One step, by as many batches of ``num`` images as the optimiser accumulates."""
        critic = self.discriminator.requires_grad_(False)
        regularised = self.path_length_weight and update.iteration % self.path_length_interval == 0
        few = max(1, num // self.path_length_shrink)
        lengths, losses = [], defaultdict(list)

        def fool(first):
            return non_saturating(critic(self._generate(update, 'generator', first, num)), real=True)

        def regularise(first):
            found = self._path_lengths(update, first, few)
            lengths.append(found.detach())
            weight = self.path_length_weight * self.path_length_interval
            return weight * path_length_penalty(found, self.mean_path_length)

        for i in range(optimizer._accumulative_counts):
            due = [('loss_generator', lambda first=i * num: fool(first))]
            if regularised:
                due.append(('loss_path_length', lambda first=i * few: regularise(first)))
            for name, loss in _follow_back(optimizer, self.generator, due).items():
                losses[name].append(loss)
        _step(optimizer, self.generator)
        if regularised:
            self._track_path_length(torch.cat(lengths).mean())
        return {name: torch.stack(values).mean() for name, values in losses.items()}

    def _track_path_length(self, length: Tensor) -> None:
        """Move the mean after the update and not before its loss, so that all parts of a batch see the same one."""
        all_reduce(length, 'mean')
        self.mean_path_length.lerp_(length, _PATH_LENGTH_DECAY)

    # ---------------------------------------------------------------- random images in training

    def _generate(self, update: _Update, purpose: str, first: int, num: int) -> Tensor:
        """Images number ``first`` and on of what this process draws for a purpose."""
        inputs, noises = self._draw(update, purpose, first, num)
        return self.generator.synthesize(self.generator.styles(**inputs), update.base, injected_noise=noises)

    def _path_lengths(self, update: _Update, first: int, num: int) -> Tensor:
        inputs, noises = self._draw(update, 'path length', first, num)
        size = self.generator.image_size(update.base)
        y = self._normal(update.random_generators('path length noise', first, num), 3, *size)
        styles = self.generator.styles(**inputs)
        return path_lengths(lambda s: self.generator.synthesize(s, update.base, injected_noise=noises), styles, y)

    def _draw(self, update: _Update, purpose: str, first: int, num: int) -> tuple[dict, list[Tensor]]:
        """What ``styles`` takes, and injected noise."""
        rngs = update.random_generators(purpose, first, num)
        one, other = self._normal(rngs, 2, self.generator.style_channels).unbind(1)
        noises = self.generator.draw_noises(rngs, update.base)
        rng = update.random_generator(f'{purpose} mixing')
        if torch.rand((), generator=rng) >= self.mixing_probability:
            return dict(z=one), noises
        crossover = torch.randint(1, self.generator.num_latents, (), generator=rng)
        return dict(z=[one, other], crossover=int(crossover)), noises

    def _normal(self, rngs: Iterable[torch.Generator], *shape: int) -> Tensor:
        """Normal numbers (N, *shape), each of the N by a generator of its own."""
        drawn = [torch.randn(*shape, generator=rng, device='cpu') for rng in rngs]
        return torch.stack(drawn).to(self.mean_path_length)

    # ---------------------------------------------------------------- sampling

    def forward(self, inputs=None, data_samples=None, mode: str = 'tensor') -> Tensor | list[dict]:
        """Random images.

        Args:
            inputs (dict | list[dict] | None): In 'tensor' mode the arguments of :meth:`sample`; in 'predict' mode what
                to draw, a ``number`` and ``sizes`` [(H, W), ...] each, see :class:`~mmpe.datasets.SampleNumbers`.
            data_samples (None): Without effect.
            mode (str): 'tensor' or 'predict', MMEngine's in validation and test.

        Returns:
            Tensor | list[dict]: Images (N, 3, H, W); or for each number a dict of it and of ``images``, (H, W) to
            (3, H, W) in [-1, 1].
        """
        if mode != 'predict':
            return self.sample(**(inputs or {}))
        asked = [(item['number'], [tuple(size) for size in item['sizes']]) for item in inputs]
        images = {number: {} for number, _ in asked}
        for size in dict.fromkeys(size for _, sizes in asked for size in sizes):
            numbers = [number for number, sizes in asked if size in sizes]
            for number, image in zip(numbers, self._sample(numbers, size, _SEED_OF_PREDICTIONS).clamp(-1, 1)):
                images[number][size] = image
        return [dict(number=number, images=images[number]) for number, _ in asked]

    def sample(
        self, num: int = 1, size: Size | None = None, seed: int = 0, first: int = 0, truncation: float = 1.0
    ) -> Tensor:
        """Draw random images: the ``first``, ``first + 1``, ... of those that ``seed`` stands for.

        Args:
            num (int): How many.
            size (tuple[int, int] | None): (H, W); None: of the 4x4 grid. An image has the same z at every size.
            seed (int): Of the noise, at least 0.
            first (int): Number of the first image; drawing few at a time gives the same images as all at once.
            truncation (float): How far styles are from the mean one, 1 as far as trained.

        Returns:
            Tensor: (num, 3, H, W), about [-1, 1].

        Raises:
            InputError: If the generator cannot give the size.
        """
        return self._sample(range(first, first + num), size, seed, truncation)

    @torch.no_grad()
    def _sample(self, numbers: Iterable[int], size: Size | None, seed: int, truncation: float = 1.0) -> Tensor:
        generator = self.generator if self.generator_ema is None else self.generator_ema
        base = None if size is None else generator.base_size(size)
        rngs = [random_generator('sampling', seed, number) for number in numbers]
        z = self._normal(rngs, generator.style_channels)
        noises = generator.draw_noises(rngs, base)
        return generator(z, base, injected_noise=noises, truncation=truncation)


def _follow_back(optimizer: OptimWrapper, network: nn.Module, losses: Sequence[Loss]) -> dict[str, Tensor]:
    """Accumulate the gradients of losses, each followed back before the next is found: less memory to pass over."""
    found = {}
    for name, loss in losses:
        with optimizer.optim_context(network):
            value = loss()
        optimizer.backward(optimizer.scale_loss(value))
        found[name] = value.detach()
    return found


def _step(optimizer: OptimWrapper, network: nn.Module) -> None:
    average_gradients(network.parameters())
    optimizer.step()
    optimizer.zero_grad()


def _check_at_least(least: float, **numbers: float) -> None:
    for name, number in numbers.items():
        if number < least:
            raise InputError(f'{name} must be at least {least}, got {number}')
