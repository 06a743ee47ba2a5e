"""Progressive GAN's training rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from mmengine.optim import OptimWrapperDict
from torch import Tensor, nn
from torch.nn import functional as F

from mmpe.errors import InputError
from mmpe.numbers import check_above, size_text
from mmpe.registry import MODELS

from ..adversarial import AdversarialModel, Size, Update
from ..doubling_generator import BASE
from ..grid_tensor_sampler import GridTensorSampler
from ..resumable import State
from ..tensor_sampler import TensorSampler
from .growth import Growth, as_side
from .sides import level


@dataclass
class GrowingUpdate(Update):
    """An update at some point of the growth.

    Args:
        transition_weight: Share of the newest layers.
    """

    transition_weight: float = 1.0

    @property
    def growth(self) -> dict:
        """As arguments of both networks."""
        return dict(curr_scale=self.size[0], transition_weight=self.transition_weight)


@MODELS.register_module()
class PGGANModel(AdversarialModel):
    """Karras et al., "Progressive Growing of GANs", ICLR 2018: WGAN-GP on images that grow.

    Side and transition weight follow from the images seen alone, so they are never out of step with the data or after
    a resume. See :class:`~mmpe.models.adversarial.AdversarialModel` for the order of things. With each new side the
    optimizers start anew, as released, at a learning rate of its own. Several processes train as one does with their
    joined batch as long as minibatch statistics group the same images.

    While it grows, what is sampled has the full size: images of the current side, each pixel enlarged to a square.

    Args:
        generator: Config of a :class:`GrowingGenerator`.
        discriminator: Config of a :class:`GrowingDiscriminator`; None to sample only.
        losses: What differs from ``default_losses``: ``adversarial`` and ``gradient_penalty``.
        kimgs_per_scale: Side to thousands of images, up to the generator's ``out_size``, see
            :class:`~mmpe.models.pggan.growth.Growth`; None: the full size from the start.
        transition_kimgs: Thousands of images in which a new side's layers fade in.
        lr_factors: Side to the factor of both learning rates, 1 for sides that are not named.
        ema: ``half_life``, in images, and ``ramp_up``, see :class:`~mmpe.models.average.RunningAverage`;
            None: the generator itself is what gets sampled.
        resize: How real images become those of a side, as :func:`torch.nn.functional.interpolate` takes it. The
            released code does ``dict(mode='bilinear', align_corners=True)``, without antialiasing.
        data_preprocessor: MMEngine's; the default moves data to the device.

    Raises:
        InputError: If sides, weights or factors cannot be used, or the two networks do not fit each other.

    >>> generator = dict(type='GrowingGenerator', out_size=8, base_channels=16, latent_channels=4)
    >>> MODELS.build(dict(type='PGGANModel', generator=generator)).sample(2).shape
    torch.Size([2, 3, 8, 8])
    """

    family = 'Progressive GAN'
    default_losses = dict(
        adversarial=dict(type='mmpe.WassersteinLoss', drift_weight=0.001),
        gradient_penalty=dict(type='mmpe.ImageGradientPenalty', weight=10.0),
    )
    starts_anew = ('iteration', 'seed')  # where it stands in its growth belongs to the weights

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        losses: dict | None = None,
        kimgs_per_scale: Mapping | None = None,
        transition_kimgs: float = 600,
        lr_factors: Mapping | None = None,
        ema: dict | None = dict(half_life=10_000),  # noqa: B006
        resize: dict = dict(mode='area'),  # noqa: B006
        data_preprocessor: dict | None = None,
    ):
        super().__init__(generator, discriminator, losses, ema, resize, data_preprocessor)
        out_size = self.generator.out_size
        self.growth = Growth(kimgs_per_scale or {out_size: 1}, transition_kimgs)
        self.lr_factors = {as_side(side, 'lr_factors'): factor for side, factor in (lr_factors or {}).items()}
        self._check_sizes(out_size)
        self.register_buffer('stage', torch.zeros((), dtype=torch.long))

    def _check_sizes(self, out_size: int) -> None:
        if self.growth.scales[-1] != out_size:
            raise InputError(
                f'kimgs_per_scale ends at {self.growth.scales[-1]} pixels and the generator at {out_size}: '
                'make them the same'
            )
        if self.discriminator is not None and self.discriminator.in_size != out_size:
            raise InputError(
                f'the generator ends at {out_size} pixels and the discriminator at {self.discriminator.in_size}: '
                'make them the same'
            )
        for side, factor in self.lr_factors.items():
            if side not in self.growth.scales:
                raise InputError(f'lr_factors has the side {side}: it must be one of {self.growth.scales}')
            check_above(0, **{f'lr_factors[{side}]': factor})

    # ---------------------------------------------------------------- checkpoints

    def check_progress(self, state: State, iteration: int, batches: int = 1) -> None:
        """Refuse a stage that the schedule does not have, too; see :meth:`ResumableModel.check_progress`."""
        super().check_progress(state, iteration, batches)
        if not 0 <= int(state['stage']) < len(self.growth.scales):
            raise InputError(
                f'the checkpoint is at stage {int(state["stage"])}, and kimgs_per_scale has the sides '
                f'{self.growth.scales}: resume with the schedule that it was trained with'
            )

    def _trained_names(self, state: State) -> list[str]:
        """Without the layers of other sides, which the optimizers have forgotten or do not know yet."""
        last = level(self.growth.scales[int(state['stage'])], self.generator.num_upsamplings)
        return [name for name in super()._trained_names(state) if _is_trained_at(name, last)]

    def describe_start(self, taken: State) -> str:
        """What fits, and the side at which growth goes on."""
        side = self.growth.scale(int(taken.get('images_seen', self.images_seen)))
        return (
            f'{super().describe_start(taken)}; growth goes on at {side} pixels, which is where kimgs_per_scale has a '
            'model that has seen as many images'
        )

    # ---------------------------------------------------------------- training

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """As :meth:`AdversarialModel.train_step`; ``transition_weight`` is there too."""
        if self._update is None:
            self._prepare(optim_wrapper)
        weight = self.growth.transition_weight(self.numbers('images_seen'))
        return dict(super().train_step(data, optim_wrapper), transition_weight=torch.tensor(weight))

    def _prepare(self, optim_wrapper: OptimWrapperDict) -> None:
        """Forget what optimizers remember of another stage, and set the learning rates of this one."""
        stage = self.growth.stage(self.numbers('images_seen'))
        factor = self.lr_factors.get(self.growth.scales[stage], 1)
        for name in ('generator', 'discriminator'):
            optimizer = optim_wrapper[name].optimizer
            if stage != self.numbers('stage'):
                optimizer.state.clear()
            for group in optimizer.param_groups:
                self._change_rate(group, factor)
        self.set_numbers('stage', stage)

    def _change_rate(self, group: dict, factor: float) -> None:
        """Multiply a learning rate, which may follow a schedule too, by another factor than so far."""
        initial = group.setdefault('initial_lr', group['lr'])
        if 'lr_factor' not in group:  # a new run, or a checkpoint from before there were schedules
            group['lr_factor'] = 1 if self.numbers('images_seen') == 0 or not initial else group['lr'] / initial
        on_schedule = group['lr'] != group['lr_factor'] * initial
        group['lr'] = group['lr'] * (factor / group['lr_factor']) if on_schedule else factor * initial
        group['lr_factor'] = factor

    def _new_update(self, seed: int, iteration: int, pictures: Size | None) -> GrowingUpdate:
        seen = self.numbers('images_seen')
        side = self.growth.scale(seen)
        return GrowingUpdate(seed, iteration, (side, side), transition_weight=self.growth.transition_weight(seen))

    @property
    def trained_sizes(self) -> list[Size]:
        """Those of all sides."""
        return [(side, side) for side in self.growth.scales]

    def train_at(self, size: Size) -> None:
        """Train at one size (H, W) alone from now on, one of the generator's sides."""
        if size[0] != size[1]:
            raise InputError(f'images of {size_text(size)} are not trained by a Progressive GAN: they must be squares')
        level(size[0], self.generator.num_upsamplings)
        self.growth = Growth({size[0]: 1})

    def _critic(self, update: GrowingUpdate) -> Callable[[Tensor], Tensor]:
        return partial(self.discriminator, **update.growth)

    def _generate(self, update: GrowingUpdate, purpose: str, first: int, num: int) -> Tensor:
        (z,) = update.noise(self._like, purpose, first, num).normal(self.generator.latent_shape())
        return self.generator(z, **update.growth)

    # ---------------------------------------------------------------- sampling

    @property
    def stage_arguments(self) -> tuple[int, float]:
        """The side that is grown to, and how far its layers are faded in."""
        seen = self.numbers('images_seen')
        return self.growth.scale(seen), self.growth.transition_weight(seen)

    @property
    def pixels_per_cell(self) -> float:
        """Side of the image that is grown to, per cell of the base grid."""
        return self.stage_arguments[0] / BASE

    def tensor_sampler(self) -> TensorSampler:
        """Latents to images of the full size."""
        side, _ = self.stage_arguments
        generator = self.sampled_generator
        return GridTensorSampler(generator, self.stage_arguments, repeats=generator.out_size // side)

    def _draw_images(self, generator: nn.Module, rngs: list[torch.Generator], base: Size | None) -> Tensor:
        z = self._normal(rngs, *generator.latent_shape(base))
        images = generator(z, *self.stage_arguments, base_size=base)
        return F.interpolate(images, generator.image_size(base), mode='nearest')


def _is_trained_at(name: str, last: int) -> bool:
    """Whether a parameter is trained at every moment of the side of a level."""
    _, layers, number = f'{name}.'.split('.')[:3]
    if layers in ('to_rgb', 'from_rgb'):
        return int(number) == last
    return layers != 'blocks' or int(number) < last
