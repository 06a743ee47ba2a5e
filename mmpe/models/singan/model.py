"""SinGAN's training rule: the pyramid is trained scale by scale, coarse to fine, and remembers where it stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmpe.errors import InputError
from mmpe.numbers import check_real, check_whole, size_text
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS
from mmpe.second_derivatives import uncompiled

from ..distributed import broadcast_state, common_seed
from ..gradients import accumulate_gradients, step
from ..loss_model import LossModel
from ..losses import DiscriminatorBatch, PictureBatch, Term
from ..noise import Noise, image_noise
from ..resumable import State
from .generator import Size, copy_block
from .given_blocks import block_of, scale_of, whole_blocks
from .iterations import (
    IterationsPerScale,
    check_iterations,
    check_milestones,
    first_iteration,
    iterations_of,
    milestone_iteration,
)
from .sampler import SinGANSampler

_MOST_STEPS = 1000
_STATISTICS_INTERVAL = 10
_IMAGES_FOR_STATISTICS = 8
_LOGGED_AS = dict(
    loss_fake='loss_critic_fake',
    loss_real='loss_critic_real',
    loss_generator='loss_adversarial',
    loss_gradient_penalty='loss_penalty',
)


def run_steps(
    phase: Hashable, kind: Hashable, steps: Callable[..., dict[str, Tensor]], *inputs: Tensor | int | None
) -> dict[str, Tensor]:
    """Call the steps of an iteration. :class:`~mmpe.engine.cuda_graphs.GraphedSteps` can take this function's place.

    Args:
        phase: What steps depend on beside inputs and weights; once it has changed, it does not come back.
        kind: What they depend on as well, and what comes back.
        steps: From the inputs to losses, by their names.
        *inputs: All that differs from one iteration to the next.

    >>> run_steps('scale 0', 'all losses', lambda number: {'loss': torch.tensor(2.0) * number}, 3)
    {'loss': tensor(6.)}
    """
    return steps(*inputs)


@MODELS.register_module()
class SinGANModel(LossModel, SinGANSampler):
    """SinGAN (ICCV 2019) and its variants with explicit positional encodings (CVPR 2021, sec. 4.1).

    One :meth:`train_step` is one iteration: ``discriminator_steps`` steps of the scale's discriminator, then
    ``generator_steps`` of its generator. All that training needs to go on, and all that sampling needs, is in the state
    dict: the pyramid's sizes, the scale and the step in it, z*, the noise amplitudes, the picture and the seed.

    What is sampled normalizes by stored statistics, and so it does in training: finished scales always, and the current
    one once its normalization is frozen, its statistics being taken anew every ten iterations. Batch statistics up to
    the end would fit a network that nobody samples; the released code's artifacts come from there. From then on the
    colors of random images are held to the picture's: see
    :class:`~mmpe.models.losses.color_statistics.ColorStatisticsLoss`.

    Args:
        generator: Config of a :class:`SinGANGenerator`.
        discriminator: Config of a :class:`SinGANDiscriminator`; None to sample only.
        losses: What differs from ``default_losses``: ``adversarial``, ``gradient_penalty``,
            ``reconstruction`` and ``color_statistics``.
        iters_per_scale: Iterations per scale: one number, or a list from the coarsest scale on, whose last number
            counts for all further scales.
        discriminator_steps: Discriminator steps per iteration.
        generator_steps: Generator steps per iteration.
        noise_weight: Noise amplitude, in units of the error between enlarged reconstruction and picture.
        lr_milestones: Iterations of a scale at which its learning rate is multiplied by ``lr_gamma``. Fractions are
            shares of the scale's iterations.
        lr_gamma: See there.
        freeze_norm_at: Share of a scale's iterations after which its generator normalizes by stored statistics.
        widen: Whether the scales whose networks become wider, every fourth, start from the scale below, as the others
            do: see :meth:`~mmpe.models.singan.blocks.ConvChain.widen`. False: from fresh weights, as released.
        data_preprocessor: MMEngine's; the default moves data to the device.

    >>> model = MODELS.build(dict(type='SinGANModel', generator=dict(type='SinGANGenerator')))
    >>> list(model.losses)
    ['adversarial', 'color_statistics', 'gradient_penalty', 'reconstruction']
    """

    starts_anew = (
        *('stage', 'step', 'seed', 'running_color_stats', 'sizes', 'noise_weights', 'fixed_noise', 'picture'),
        'given_blocks',
    )
    optional_entries = ('given_blocks',)
    default_losses = dict(
        adversarial=dict(type='mmpe.WassersteinLoss'),
        gradient_penalty=dict(type='mmpe.PixelGradientPenalty', weight=0.1),
        reconstruction=dict(type='mmpe.ReconstructionLoss', weight=10.0),
        color_statistics=dict(type='mmpe.ColorStatisticsLoss', weight=3.0),
    )
    batch_type = PictureBatch
    run_steps = staticmethod(run_steps)
    map_in_cache = 2**20  # numbers; on a CPU a batch whose maps are larger is slower than its images one by one

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        losses: dict | None = None,
        iters_per_scale: IterationsPerScale = 2000,
        discriminator_steps: int = 3,
        generator_steps: int = 3,
        noise_weight: float = 0.1,
        lr_milestones: Sequence[float] = (1600,),
        lr_gamma: float = 0.1,
        freeze_norm_at: float = 0.4,
        widen: bool = False,
        data_preprocessor: dict | None = None,
    ):
        check_iterations(iters_per_scale)
        check_whole(0, _MOST_STEPS, discriminator_steps=discriminator_steps, generator_steps=generator_steps)
        check_real(0, noise_weight=noise_weight, lr_gamma=lr_gamma)
        check_real(0, 1, freeze_norm_at=freeze_norm_at)
        check_milestones(lr_milestones)
        super().__init__(generator, discriminator, data_preprocessor)
        self.iters_per_scale = iters_per_scale
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.noise_weight = noise_weight
        self.lr_milestones = tuple(lr_milestones)
        self.lr_gamma = lr_gamma
        self.freeze_norm_at = freeze_norm_at
        self.widen = widen
        self.set_losses(losses)
        # (2, scales), the generator's and the discriminator's blocks that begin as they are; only where there are some
        self.register_buffer('given_blocks', None)

    # ---------------------------------------------------------------- the pyramid

    def _allocate(self, sizes: Sequence[Size]) -> None:
        super()._allocate(sizes)
        self._reconstructed = None

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        given, sizes = state_dict.get(prefix + 'given_blocks'), state_dict.get(prefix + 'sizes', self.sizes)
        if given is not None and given.shape != (2, *sizes.shape[:1]):
            raise InputError(f'given_blocks has the shape {tuple(given.shape)}, not {(2, *sizes.shape[:1])}')
        self.given_blocks = None if given is None else torch.zeros_like(given, device=self.stage.device)
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._reconstructed = None
        self.train(self.training)

    def check_trainable(self) -> None:
        """Refuse a pyramid that cannot be trained.

        Raises:
            InputError: If its coarsest scale is smaller than what the discriminator judges.
        """
        patch = 1 if self.discriminator is None else self.discriminator.patch
        if min(self.sizes[0]) < patch:
            raise InputError(
                f'the coarsest scale has {size_text(self.sizes[0])} pixels, and the discriminator judges patches of '
                f'{size_text((patch, patch))}: set min_size, the short side of the coarsest scale, to at least {patch}'
            )

    # ---------------------------------------------------------------- checkpoints

    def check_progress(self, state: State, iteration: int, batches: int = 1) -> None:
        """Refuse a stage and a step that an iteration is not at; see :meth:`ResumableModel.check_progress`."""
        stage, step = int(state['stage']), int(state['step'])
        fits = min(stage, step) >= 0 and step < iterations_of(self.iters_per_scale, stage)
        if not fits or iteration != first_iteration(self.iters_per_scale, stage) + step:
            raise InputError(
                f'the checkpoint is at iteration {iteration}, which is not {step} of scale {stage} at '
                f'iters_per_scale={self.iters_per_scale}: resume with the iters_per_scale that it was trained with'
            )

    def trained_parameters(self, state: State) -> Collection[str]:
        """Those of the scales that have begun, and of what all scales share."""
        trained = int(state['stage']) + (int(state['step']) > 0)
        names = [name for name, _ in self.named_parameters()]
        return [name for name in names if trained > (scale_of(name) or 0)]

    def take_weights(self, state: State) -> dict[str, Tensor]:
        """The blocks that fit as a whole, of scales that were trained, from the coarsest on, and what they share.

        They begin as they are: the weights of the scale below, from which blocks begin otherwise, do not replace them.
        """
        taken = whole_blocks(self.state_dict(), super().take_weights(state), state)
        self.given_blocks = torch.zeros(2, self.num_scales, dtype=torch.bool, device=self.sizes.device)
        for name in taken:
            if block_of(name) is not None:
                self.given_blocks[int(name.startswith('discriminator.')), scale_of(name)] = True
        return taken if self.given_blocks.any() else {}

    def describe_start(self, taken: State) -> str:
        """Which blocks of which network."""
        counts = [', '.join(str(i) for i in range(self.num_scales) if given[i]) for given in self.given_blocks]
        return (
            f'of {self.num_scales} scales, counted from 0, the generator takes the blocks {counts[0] or "of none"} and '
            f'the discriminator {counts[1] or "of none"}; other blocks begin as those of the scale below, and sizes, '
            'noise, picture and seed are those of the new run'
        )

    def train(self, mode: bool = True) -> SinGANModel:
        """As any module's, but finished scales are frozen, and scales with frozen normalization stay in eval mode."""
        super().train(mode)
        for block in self.generator.blocks[: self.numbers('stage')]:
            block.eval().requires_grad_(False)
        if self._steps_frozen >= 0 and self.numbers('stage') < self.num_scales:
            self.generator.blocks[self.numbers('stage')].eval()
        return self

    @property
    def _steps_frozen(self) -> int:
        """Iterations since the current scale has been normalizing by stored statistics; negative before."""
        return self.numbers('step') - int(self.freeze_norm_at * self._iterations)

    @property
    def _images_since_frozen(self) -> int | None:
        """How many images the generator has been trained on since then; None before."""
        return self._steps_frozen * self.generator_steps if self._steps_frozen >= 0 else None

    # ---------------------------------------------------------------- training

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """One iteration of the current scale.

        Args:
            data: ``inputs`` holds ``real_scale0`` ... as :class:`~mmpe.datasets.SinGANDataset` gives them,
                (1, 3, H, W) in [-1, 1].
            optim_wrapper: With ``generator`` and ``discriminator``.

        Returns:
            The losses of the last steps.
        """
        reals = self.data_preprocessor(data, True)['inputs']
        if self.num_scales == 0:
            count = sum(name.startswith('real_scale') for name in reals)
            self.set_pyramid([reals[f'real_scale{i}'].shape[-2:] for i in range(count)])
            broadcast_state(self)
        stage = self.numbers('stage')
        if stage == self.num_scales:
            raise InputError(f'all {stage} scales are trained: there is nothing left to do')
        real = reals[f'real_scale{stage}'].contiguous(memory_format=torch.channels_last)
        if self.numbers('step') == 0:
            self._begin_stage(stage, reals)
        self._set_learning_rate(optim_wrapper)
        if self._steps_frozen >= 0 and self._steps_frozen % _STATISTICS_INTERVAL == 0:
            self._store_statistics(stage)

        noise = self._noise()
        noises = self.draw_noises(self._steps_per_iteration, noise, self.numbers('sizes')[: stage + 1])
        losses = self.run_steps(
            (stage, self._steps_frozen >= 0),
            tuple(loss.is_due(self._iteration) for loss in self.losses.values()),
            partial(self._steps, optim_wrapper),
            real,
            noise.uniform(self.discriminator_steps, 1, 1, 1)[0],
            self._below(stage),
            self._images_since_frozen,
            *noises,
        )

        self.set_numbers('step', self.numbers('step') + 1)
        if self.numbers('step') == self._iterations:
            self._finish_stage(stage, reals)
        return losses

    @property
    def _steps_per_iteration(self) -> int:
        return self.discriminator_steps + self.generator_steps

    def _steps(
        self,
        optim_wrapper: OptimWrapperDict,
        real: Tensor,
        shares: Tensor,
        below: Tensor | None,
        images_since_frozen: int | Tensor | None,
        *noises: Tensor,
    ) -> dict[str, Tensor]:
        """All steps of both networks in an iteration; see :func:`run_steps` for what else they may depend on.

        Args:
            optim_wrapper: With ``generator`` and ``discriminator``.
            real: (1, 3, H, W), the picture at the current scale.
            shares: (discriminator steps, 1, 1, 1), uniform numbers.
            below: (1, 3, H, W), the enlarged reconstruction of the scales below.
            images_since_frozen: See :class:`~mmpe.models.losses.PictureBatch`.
            *noises: (steps, C, h, w), one noise map per scale.
        """
        stage = self.numbers('stage')
        with optim_wrapper['generator'].optim_context(self.generator.blocks[stage]):
            drawn = self._with_images_below(stage, noises)
        losses = {}
        for fake_inputs, share in zip(drawn, shares.split(1)):
            losses.update(self._discriminator_step(stage, real, fake_inputs, share, optim_wrapper['discriminator']))
        for fake_inputs in drawn[self.discriminator_steps :]:
            optimizer = optim_wrapper['generator']
            losses.update(self._generator_step(stage, real, fake_inputs, below, images_since_frozen, optimizer))
        return losses

    def _discriminator_step(
        self, stage: int, real: Tensor, fake_inputs: tuple, share: Tensor, optimizer: OptimWrapper
    ) -> dict[str, Tensor]:
        batch = DiscriminatorBatch(
            critic=self.discriminator.blocks[stage].requires_grad_(True),
            reals=real,
            draw_fakes=lambda: self._generate(stage, *fake_inputs).float(),
            draw_shares=lambda: share,
        )
        return _train(batch.critic, self.losses.of_discriminator(batch, self._iteration), optimizer)

    def _generator_step(
        self,
        stage: int,
        real: Tensor,
        fake_inputs: tuple,
        below: Tensor | None,
        images_since_frozen: int | Tensor | None,
        optimizer: OptimWrapper,
    ) -> dict[str, Tensor]:
        batch = PictureBatch(
            critic=self.discriminator.blocks[stage].requires_grad_(False),
            reals=real,
            draw_fakes=lambda: self._generate(stage, *fake_inputs),
            memory=self.memory,
            reconstruct=lambda: self._generate(stage, self._fixed_noise(stage), below),
            images_since_frozen=images_since_frozen,
        )
        found = _train(self.generator.blocks[stage], self.losses.of_generator(batch, self._iteration), optimizer)
        self.losses.remember(batch.notes, batch.memory)
        return found

    @property
    def _iteration(self) -> int:
        return first_iteration(self.iters_per_scale, self.numbers('stage')) + self.numbers('step')

    @property
    def _iterations(self) -> int:
        """Those of the current scale."""
        return iterations_of(self.iters_per_scale, self.numbers('stage'))

    def _begin_stage(self, stage: int, reals: dict[str, Tensor]) -> None:
        if stage == 0:
            self.check_trainable()
            self.set_numbers('seed', common_seed())
            rng = random_generator('reconstruction', self.numbers('seed'))
            self.fixed_noise.copy_(torch.randn(self.fixed_noise.shape, generator=rng))
            self.picture.copy_(reals[f'real_scale{self.num_scales - 1}'])
            if self.palette is not None:
                self.palette.learn(reals[f'real_scale{self.palette.scale}'])
        starts = ' and '.join(dict.fromkeys(self._begin_block(number, stage) for number in range(2)))
        print_log(
            f'scale {stage + 1}/{self.num_scales}, {size_text(self.sizes[stage])}, starts from {starts}', 'current'
        )

    def _begin_block(self, number: int, stage: int) -> str:
        """Start the block of network 0, the generator, or 1, the discriminator; says from what."""
        if self.given_blocks is not None and self.given_blocks[number, stage]:
            return 'given weights'
        blocks = (self.generator, self.discriminator)[number].blocks
        if copy_block(blocks, stage):
            return 'the weights of the scale below'
        if self.widen and stage and blocks[stage].is_wider(blocks[stage - 1]):
            blocks[stage].widen(blocks[stage - 1], random_generator('widening', self.numbers('seed'), stage, number))
            return 'the widened weights of the scale below'
        return 'fresh weights'

    def _finish_stage(self, stage: int, reals: dict[str, Tensor]) -> None:
        """Freeze the scale, and set the next one's noise amplitude (SinGAN, sec. 2.3: .1 of the RMSE left)."""
        self.set_numbers('stage', stage + 1)
        self.set_numbers('step', 0)
        self.train(self.training)
        if stage + 1 < self.num_scales:
            left = F.mse_loss(self._below(stage + 1), reals[f'real_scale{stage + 1}']).sqrt()
            self.noise_weights[stage + 1] = self.noise_weight * left

    @torch.no_grad()
    def _store_statistics(self, stage: int) -> None:
        """Store the statistics of random images, averaged over a few: those that will be sampled."""
        block = self.generator.blocks[stage].train()
        norms = [m for m in block.modules() if isinstance(m, _BatchNorm)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
        step = self.numbers('step')  # without the rank: all processes must store the same
        noise = image_noise(self.fixed_noise, 'statistics', self.numbers('seed'), stage, numbers=range(step, step + 1))
        with uncompiled():  # few images, and a momentum that changes from one to the next
            for number, fake_inputs in enumerate(self._draw(stage, _IMAGES_FOR_STATISTICS, noise), start=1):
                for norm in norms:
                    norm.momentum = 1 / number  # a plain mean
                self._generate(stage, *fake_inputs)
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
        block.eval()

    def _set_learning_rate(self, optim_wrapper: OptimWrapperDict) -> None:
        milestones = [milestone_iteration(milestone, self._iterations) for milestone in self.lr_milestones]
        factor = self.lr_gamma ** sum(self.numbers('step') >= milestone for milestone in milestones)
        for optimizer in optim_wrapper.values():
            for group in optimizer.param_groups:
                group['lr'] = group.setdefault('initial_lr', group['lr']) * factor

    # ---------------------------------------------------------------- noise

    def _noise(self) -> Noise:
        """Drawn for where training stands, so that a resumed run draws what an unbroken one would have."""
        place = (self.numbers(name) for name in ('seed', 'stage', 'step'))
        return image_noise(self.fixed_noise, 'training', *place, numbers=range(get_rank(), get_rank() + 1))

    def _draw(self, stage: int, num: int, rng: torch.Generator | Noise) -> list[tuple[Tensor, Tensor | None]]:
        """``num`` pairs of the current scale's noise and the enlarged random image below it."""
        return self._with_images_below(stage, self.draw_noises(num, rng, self.numbers('sizes')[: stage + 1]))

    def _with_images_below(self, stage: int, noises: Sequence[Tensor]) -> list[tuple[Tensor, Tensor | None]]:
        """Pairs as :meth:`_draw` has them, from noise maps (N, C, h, w) of all scales up to the current one."""
        *below, noise = noises
        images = [None] * len(noise)
        if stage:
            few = len(noise)
            if noise.device.type == 'cpu':
                few = max(1, self.map_in_cache // (noise[0, 0].numel() * self.generator.blocks[stage - 1].width))
            drawn = zip(*(maps.split(few) for maps in below))
            with torch.no_grad():
                image = torch.cat([self.generator(maps, self.noise_weights) for maps in drawn]).float()
                images = self.generator.enlarge(image, self.generator.image_size(noise)).split(1)
        return list(zip(noise.split(1), images))

    # ---------------------------------------------------------------- pictures

    def _generate(self, stage: int, noise: Tensor, below: Tensor | None) -> Tensor:
        return self.generator.refine(stage, noise, self.noise_weights[stage], below)

    @torch.no_grad()
    def _below(self, stage: int) -> Tensor | None:
        """The reconstruction of the scales below ``stage``, enlarged to it; it is constant, so found once a stage.

        In full precision: who asks first, within autocast or without, must not decide what a stage is trained on.
        """
        if stage == 0:
            return None
        if self._reconstructed is None or self._reconstructed[0] != stage:
            with torch.autocast(self.fixed_noise.device.type, enabled=False):
                image = self.generator(self.fixed_noises(stage), self.noise_weights)
                image = self.generator.enlarge(image, self.numbers('sizes')[stage])
                if self.palette is not None and self.palette.scale == stage:
                    image = self.palette(image)
            self._reconstructed = stage, image
        return self._reconstructed[1]


def _train(block: nn.Module, terms: Sequence[Term], optimizer: OptimWrapper) -> dict[str, Tensor]:
    found = accumulate_gradients(optimizer, block, terms, average=True)
    step(optimizer)
    return {_LOGGED_AS.get(name, name): value for name, value in found.items()}
