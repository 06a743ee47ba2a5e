"""What the training rules of generators that draw pictures from noise share."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import torch
from mmengine.dist import all_reduce_dict, get_rank, get_world_size
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.grid import Grid, Size
from mmpe.memory import check_room
from mmpe.numbers import size_text
from mmpe.random_numbers import check_draws, random_generator
from mmpe.registry import MODELS

from .average import RunningAverage
from .distributed import common_seed
from .fitting import resize
from .generator_inputs import GeneratorInputs, MovableInputs
from .gradients import accumulate_gradients, step
from .grid_tensor_sampler import GridTensorSampler
from .loss_model import LossModel
from .losses import DiscriminatorBatch
from .noise import Noise, SerialNoise, image_noise
from .resumable import State
from .sampled import SampledModel
from .tensor_sampler import TensorSampler

_SEED_OF_PREDICTIONS = 0
_OF_A_RANDOM_GENERATOR = 5_056  # bytes of its state


@dataclass
class Update:
    """What all batches of one update have in common, and what this process has propagated so far.

    Args:
        seed: Of the run.
        iteration: Of the update.
        size: (H, W) of the images that it trains.
        batches: Batches of real images so far.
        images: Real images so far.
        reals: These real images, if the generator's losses need them.
        notes: What the generator's losses have found so far, by the names of the losses.
    """

    seed: int
    iteration: int
    size: Size
    batches: int = 0
    images: int = 0
    reals: list[Tensor] = field(default_factory=list)
    notes: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))

    def random_generator(self, purpose: str) -> torch.Generator:
        """For what is the same in all images: without the rank, so all processes draw alike."""
        return random_generator(purpose, self.seed, self.iteration)

    def noise(self, like: Tensor, purpose: str, first: int, num: int) -> Noise:
        """Of each image by its number in the batch of all processes, which share it as samplers share data."""
        numbers = range(first * get_world_size() + get_rank(), (first + num) * get_world_size(), get_world_size())
        return image_noise(like, purpose, self.seed, self.iteration, numbers=numbers)


class AdversarialModel(LossModel, SampledModel):
    """A generator, its running average and a discriminator, which take turns.

    An iteration is one step of the discriminator, then one of the generator. All that training needs to go on is in
    the state dict: the running average, the iteration, the images seen and the seed. Whatever is random is drawn for
    (seed, iteration, number of the image in the batch of all processes), so a resumed run draws what the unbroken one
    would have, and several processes what one with their joined batch would.

    With ``accumulative_counts`` in the optim wrappers, each :meth:`train_step` propagates one batch of real images
    through the discriminator; the last one of an update then steps it, and trains the generator on as many batches as
    its own optim wrapper says. These are generated; losses that compare them with real images take those of the update.
    ``iteration``, ``images_seen`` and the running average count whole updates: a run resumed in the middle of one
    starts it again.

    Args:
        generator: Config of the generator.
        discriminator: Config of the discriminator; None to sample only.
        losses: What differs from ``default_losses``, see :class:`~mmpe.models.losses.Losses`.
        ema: ``half_life``, in images, and ``ramp_up``, see :class:`~mmpe.models.average.RunningAverage`;
            None: the generator itself is what gets sampled.
        resize: How real images become those of a size: ``fit``, which is ``stretch``, ``crop`` or ``letterbox`` for
            those of another shape, and options of :func:`torch.nn.functional.interpolate`; see
            :func:`~mmpe.models.fitting.resize`.
        data_preprocessor: MMEngine's; the default moves data to the device.
    """

    starts_anew = ('iteration', 'images_seen', 'seed')
    sample_options = ('size',)

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        losses: dict | None = None,
        ema: dict | None = None,
        resize: dict = dict(mode='bicubic', antialias=True),  # noqa: B006
        data_preprocessor: dict | None = None,
    ):
        super().__init__(data_preprocessor)
        self.generator = MODELS.build(generator)
        self.discriminator = MODELS.build(discriminator) if discriminator else None
        self.average = None if ema is None else RunningAverage(**ema)
        self.generator_ema = self.average and self.average.start(self.generator)
        self.resize = resize
        self._check_resize()
        for name in ('iteration', 'images_seen', 'seed'):
            self.register_buffer(name, torch.zeros((), dtype=torch.long))
        self.set_losses(losses)
        self._update = None

    def _check_resize(self) -> None:
        try:
            resize(torch.zeros(1, 3, 2, 2), (3, 3), **self.resize)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise InputError(f'resize={dict(self.resize)} is not what interpolate takes: {error}') from error

    @property
    def sizes(self) -> list[Size]:
        """(H, W) of the images that are trained, or of some that stand for very many."""
        return [self.generator.image_size()]

    @property
    def trained_sizes(self) -> list[Size]:
        """(H, W) that take part in training, each of which :meth:`train_at` takes."""
        return self.sizes

    def train_at(self, size: Size) -> None:
        """Train at one size (H, W) alone from now on.

        Raises:
            InputError: If the model cannot be trained at it.
        """
        if size not in self.trained_sizes:
            raise InputError(
                f'images of {size_text(size)} are not trained by this model: it trains '
                f'{", ".join(map(size_text, self.trained_sizes))}'
            )

    def train(self, mode: bool = True) -> AdversarialModel:
        """As any module's, but the running average stays in eval mode."""
        super().train(mode)
        if self.generator_ema is not None:
            self.generator_ema.eval()
        return self

    def _load_from_state_dict(self, *args) -> None:
        super()._load_from_state_dict(*args)
        if min(self.iteration, self.images_seen) < 0:
            raise InputError(f'it has seen {self.images_seen} images in {self.iteration} updates')
        self._update = None

    # ---------------------------------------------------------------- checkpoints

    def check_progress(self, state: State, iteration: int, batches: int = 1) -> None:
        """Refuse counters that are not those of an iteration; see :meth:`ResumableModel.check_progress`."""
        updates = int(state['iteration'])
        if not 0 <= updates <= iteration or (batches == 1 and updates != iteration):
            raise InputError(
                f'the checkpoint is at iteration {iteration}, but its model has seen {updates} updates: resume with '
                'the accumulative_counts that it was trained with, or give it as load_from, without --resume, to start '
                'from its weights'
            )
        if int(state['images_seen']) < updates:
            raise InputError(f'the checkpoint has seen {int(state["images_seen"])} images in {updates} updates')

    def trained_parameters(self, state: State) -> Collection[str]:
        """All of both networks, after the first update."""
        return self._trained_names(state) if int(state['iteration']) else ()

    def _trained_names(self, state: State) -> list[str]:
        networks = dict(generator=self.generator, discriminator=self.discriminator)
        return [f'{key}.{name}' for key, network in networks.items() for name, _ in network.named_parameters()]

    def take_weights(self, state: State) -> dict[str, Tensor]:
        """What fits; a running average that the checkpoint does not have starts as its generator."""
        state, average = self.own_state(state), 'generator_ema.'
        if not any(name.startswith(average) for name in state):
            start = 'generator.'
            state |= {average + name[len(start) :]: value for name, value in state.items() if name.startswith(start)}
        return super().take_weights(state)

    # ---------------------------------------------------------------- training

    @abstractmethod
    def _generate(self, update: Update, purpose: str, first: int, num: int) -> Tensor:
        """Images number ``first`` and on of what this process draws for a purpose, (num, C, H, W)."""

    def _critic(self, update: Update) -> Callable[[Tensor], Tensor]:
        """The discriminator as an update sees it."""
        return self.discriminator

    def _discriminator_batch(self, update: Update, reals: Tensor) -> DiscriminatorBatch:
        first, num = update.images, len(reals)

        def draw_shares() -> Tensor:
            return update.noise(reals, 'gradient penalty', first, num).uniform(1, 1, 1)

        return DiscriminatorBatch(
            critic=self._critic(update),
            reals=reals,
            draw_fakes=lambda: self._generate(update, 'discriminator', first, num),
            draw_shares=draw_shares,
        )

    def _seen_by_losses(self, update: Update, number: int, num: int) -> dict:
        """The arguments of the generator's batch of that number, with ``num`` random images."""
        first = number * num
        return dict(
            critic=self._critic(update),
            draw_fakes=lambda: self._generate(update, 'generator', first, num),
            memory=self.memory,
            reals=_cycled(update.reals, first, num) if self.losses.need_reals else None,
            notes=update.notes,
        )

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """One iteration, or one batch of its real images where gradients are accumulated.

        Args:
            data: ``inputs``: uint8 RGB images (3, S, S), a list or stacked; numbers of another type are in
                [-1, 1] already.
            optim_wrapper: With ``generator`` and ``discriminator``.

        Returns:
            The losses that were found, averaged over all processes, and ``scale``, the height of the
            images.

        Raises:
            InputError: If the model has no discriminator.
        """
        if self.discriminator is None:
            raise InputError('this model has no discriminator, so it can be sampled and not trained')
        pictures = self._pictures(self.data_preprocessor(data, True))
        update = self._update = self._update or self._begin_update(tuple(pictures.shape[-2:]))
        reals = resize(pictures, update.size, **self.resize)
        critic = self.discriminator.requires_grad_(True)
        terms = self.losses.of_discriminator(self._discriminator_batch(update, reals), update.iteration)
        update.batches += 1
        is_last = update.batches == optim_wrapper['discriminator']._accumulative_counts
        losses = accumulate_gradients(optim_wrapper['discriminator'], critic, terms, average=is_last)
        if self.losses.need_reals:
            update.reals.append(reals)
        update.images += len(pictures)
        if is_last:
            step(optim_wrapper['discriminator'])
            losses.update(self._train_generator(update, len(pictures), optim_wrapper['generator']))
            self._finish_update(update)
        all_reduce_dict(losses, 'mean')
        return dict(losses, scale=torch.tensor(float(update.size[0])))

    def _pictures(self, data: dict) -> Tensor:
        pictures = data['inputs']
        pictures = pictures if isinstance(pictures, Tensor) else torch.stack(list(pictures))
        numbers = pictures.to(self._like)
        return numbers if pictures.is_floating_point() else numbers / 127.5 - 1

    def _begin_update(self, pictures: Size | None = None) -> Update:
        if self.numbers('iteration') == 0:
            self.set_numbers('seed', common_seed())
        return self._new_update(self.numbers('seed'), self.numbers('iteration'), pictures)

    def _new_update(self, seed: int, iteration: int, pictures: Size | None) -> Update:
        """Begin an update; ``pictures`` is the (H, W) of its real images, before they are resized."""
        return Update(seed, iteration, self.generator.image_size())

    def _finish_update(self, update: Update) -> None:
        images = update.images * get_world_size()
        self.set_numbers('iteration', self.numbers('iteration') + 1)
        self.set_numbers('images_seen', self.numbers('images_seen') + images)
        if self.average is not None:
            self.average.update(self.generator_ema, self.generator, images, self.numbers('images_seen'))
        self._update = None

    def _train_generator(self, update: Update, num: int, optimizer: OptimWrapper) -> dict[str, Tensor]:
        """One step, by as many batches of ``num`` images as the optimizer accumulates."""
        self.discriminator.requires_grad_(False)
        losses = defaultdict(list)
        count = optimizer._accumulative_counts
        for number in range(count):
            batch = self.batch_type(**self._seen_by_losses(update, number, num))
            terms = self.losses.of_generator(batch, update.iteration)
            found = accumulate_gradients(optimizer, self.generator, terms, average=number == count - 1)
            for name, loss in found.items():
                losses[name].append(loss)
        step(optimizer)
        self.losses.remember(update.notes, self.memory)
        return {name: torch.stack(values).mean() for name, values in losses.items()}

    # ---------------------------------------------------------------- random images

    @property
    def _like(self) -> Tensor:
        """A tensor of the networks' dtype and device."""
        return next(self.generator.parameters())

    def _normal(self, rngs: Sequence[torch.Generator], *shape: int) -> Tensor:
        """Normal numbers (N, *shape), each of the N by a generator of its own."""
        return SerialNoise(rngs, self._like).normal(shape)[0]

    @property
    def sampled_generator(self) -> nn.Module:
        """The running average, where there is one."""
        return self.generator if self.generator_ema is None else self.generator_ema

    def generator_inputs(self, size: Size | None = None) -> GeneratorInputs:
        """Latents, and a base size; a picture moves where the head has an encoding."""
        generator, stage = self.sampled_generator, self.stage_arguments
        base = None if size is None else generator.base_size(size)

        def draw(num: int, rng: torch.Generator, coordinates: Tensor | None = None) -> tuple:
            return torch.randn(num, *generator.latent_shape(base), generator=rng), *stage, base, coordinates

        if generator.head.encoding is None:
            return GeneratorInputs(generator, draw)
        grid, scale = Grid(generator.head_size(base)), self.pixels_per_cell
        movable = MovableInputs(draw, generator.head.encoding, grid, place=2 + len(stage), scale=scale)
        return GeneratorInputs(generator, draw, movable)

    def tensor_sampler(self) -> TensorSampler:
        """Latents to images."""
        return GridTensorSampler(self.sampled_generator, self.stage_arguments)

    @property
    def stage_arguments(self) -> tuple:
        """What the generator is told, between latents and size, of how far training is."""
        return ()

    @property
    def pixels_per_cell(self) -> float:
        """Side of the image per cell of the base grid."""
        return 2.0**self.generator.num_upsamplings

    def forward(
        self, inputs: dict | list[dict] | None = None, data_samples: None = None, mode: str = 'tensor'
    ) -> Tensor | list[dict]:
        """Random images.

        Args:
            inputs: In 'tensor' mode the arguments of :meth:`sample`; in 'predict' mode what
                to draw, a ``number`` and ``sizes`` [(H, W), ...] each (None: those that are trained), see
                :class:`~mmpe.datasets.SampleNumbers`.
            data_samples: Without effect.
            mode: 'tensor' or 'predict', MMEngine's in validation and test.

        Returns:
            Images (N, 3, H, W); or for each number a dict of it and of ``images``, (H, W) to
            (3, H, W) in [-1, 1].
        """
        if mode != 'predict':
            return self.sample(**(inputs or {}))
        asked = [(item['number'], [tuple(size) for size in item['sizes'] or self.sizes]) for item in inputs]
        images = {number: {} for number, _ in asked}
        for size in dict.fromkeys(size for _, sizes in asked for size in sizes):
            numbers = [number for number, sizes in asked if size in sizes]
            for number, image in zip(numbers, self._sample(numbers, size, _SEED_OF_PREDICTIONS).clamp(-1, 1)):
                images[number][size] = image
        return [dict(number=number, images=images[number]) for number, _ in asked]

    def sample(self, num: int = 1, size: Size | None = None, seed: int = 0, first: int = 0) -> Tensor:
        """Draw random images: the ``first``, ``first + 1``, ... of those that ``seed`` stands for.

        Args:
            num: How many.
            size: (H, W); None: as trained.
            seed: Of the noise, at least 0.
            first: Number of the first image; drawing few at a time gives the same images as all at once.

        Returns:
            (num, 3, H, W), about [-1, 1].

        Raises:
            InputError: If the generator cannot give the size.
        """
        check_draws(num, seed)
        return self._sample(range(first, first + num), size, seed)

    @torch.no_grad()
    def _sample(self, numbers: Sequence[int], size: Size | None, seed: int, **options) -> Tensor:
        generator = self.sampled_generator
        base = None if size is None else generator.base_size(size)
        height, width = size or (1, 1)
        check_room(
            len(numbers) * (_OF_A_RANDOM_GENERATOR + 2 * 3 * 4 * height * width),
            next(generator.parameters()).device,
            f'{len(numbers)} images',
            'fewer at a time',
        )
        rngs = [random_generator('sampling', seed, number) for number in numbers]
        was_training = generator.training
        generator.eval()  # an image must not depend on those beside it, nor drawing it change the model
        try:
            return self._draw_images(generator, rngs, base, **options)
        finally:
            generator.train(was_training)

    @abstractmethod
    def _draw_images(self, generator: nn.Module, rngs: list[torch.Generator], base: Size | None, **options) -> Tensor:
        """Images (N, 3, H, W) of a base size, each by a generator of random numbers of its own."""


def _cycled(batches: Sequence[Tensor], first: int, num: int) -> Tensor:
    """Images number ``first`` and on of batches, from the beginning again where there are no more.

    >>> _cycled([torch.tensor([0, 1]), torch.tensor([2])], 2, 4)
    tensor([2, 0, 1, 2])
    """
    images = torch.cat(list(batches))
    return images[torch.arange(first, first + num, device=images.device) % len(images)]
