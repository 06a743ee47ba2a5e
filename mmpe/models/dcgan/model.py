"""DCGAN's training rule."""

from __future__ import annotations

from itertools import chain

import torch
from mmengine.dist import all_reduce_params, get_world_size
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.registry import MODELS

from ..adversarial import AdversarialModel, Size, Update

_LUMA = (0.299, 0.587, 0.114)


@MODELS.register_module()
class DCGANModel(AdversarialModel):
    """Radford et al., "Unsupervised Representation Learning with DCGANs", ICLR 2016: the non-saturating logistic loss.

    See :class:`~mmpe.models.adversarial.AdversarialModel` for the order of things. Batch normalization sees the batch
    of its own process, and generated and real pictures apart; its running statistics, by which images are sampled, are
    averaged over processes after every iteration. A generator of one channel is trained on gray pictures, and what is
    sampled of it has three equal channels.

    Args:
        generator: Config of a :class:`ConvGenerator`.
        discriminator: Config of a :class:`ConvDiscriminator`; None to sample only.
        **settings: ``losses``, ``ema``, ``resize`` and ``data_preprocessor``, see
            :class:`~mmpe.models.adversarial.AdversarialModel`.

    Raises:
        InputError: If the discriminator cannot see what the generator makes.

    >>> generator = dict(type='ConvGenerator', out_size=16, channels=8, head=dict(type='DenseHead'))
    >>> MODELS.build(dict(type='DCGANModel', generator=generator)).sample(2).shape
    torch.Size([2, 3, 16, 16])
    """

    family = 'DCGAN'
    default_losses = dict(adversarial=dict(type='mmpe.NonSaturatingLoss'))

    def __init__(self, generator: dict, discriminator: dict | None = None, **settings):
        super().__init__(generator, discriminator, **settings)
        self.register_buffer('luma', torch.tensor(_LUMA), persistent=False)
        critic = self.discriminator
        made = (self.generator.out_channels, self.generator.out_size)
        if critic is not None and made != (critic.in_channels, critic.in_size):
            raise InputError(
                f'the generator makes images of {made[0]} channels and {made[1]} pixels, but the discriminator sees '
                f'{critic.in_channels} channels and {critic.in_size} pixels: make them the same'
            )

    def _pictures(self, data: dict) -> Tensor:
        pictures = super()._pictures(data)
        if self.generator.out_channels == 1:
            return (pictures * self.luma[:, None, None]).sum(1, keepdim=True)
        return pictures

    def _generate(self, update: Update, purpose: str, first: int, num: int) -> Tensor:
        (z,) = update.noise(self._like, purpose, first, num).normal(self.generator.latent_shape())
        return self.generator(z)

    def _finish_update(self, update: Update) -> None:
        if get_world_size() > 1:
            buffers = chain(self.generator.buffers(), self.discriminator.buffers())
            all_reduce_params([buffer for buffer in buffers if buffer.is_floating_point()], op='mean')
        super()._finish_update(update)

    def _draw_images(self, generator: nn.Module, rngs: list[torch.Generator], base: Size | None) -> Tensor:
        z = self._normal(rngs, *generator.latent_shape(base))
        return generator(z, base).expand(-1, 3, -1, -1)
