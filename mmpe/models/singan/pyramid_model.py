"""What is known of a picture: at which sizes, with which noise, and how far it has been learnt."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpe.errors import InputError
from mmpe.numbers import size_text
from mmpe.registry import MODELS

from ..resumable import ResumableModel, State
from .generator import Size
from .palette import Palette, SinGANPaletteGenerator


class PyramidModel(ResumableModel):
    """Both networks of a SinGAN, a block per scale, and the picture that they are about.

    The state dict has all of it: the sizes, the scale and the step in it, z*, the noise amplitudes, the picture and the
    seed. A state dict of other sizes gives the networks as many blocks as it has.

    Args:
        generator: Config of a :class:`SinGANGenerator`.
        discriminator: Config of a :class:`SinGANDiscriminator`; None to sample only.
        data_preprocessor: MMEngine's; the default moves data to the device.
    """

    family = 'SinGAN'

    def __init__(self, generator: dict, discriminator: dict | None = None, data_preprocessor: dict | None = None):
        super().__init__(data_preprocessor)
        self.generator = MODELS.build(generator)
        self.discriminator = MODELS.build(discriminator) if discriminator else None
        for name in ('stage', 'step', 'seed'):
            self.register_buffer(name, torch.zeros((), dtype=torch.long))
        self._allocate([])

    @property
    def num_scales(self) -> int:
        """Scales of the pyramid, 0 while the picture is unknown."""
        return len(self.sizes)

    @property
    def trained_scales(self) -> int:
        """Scales that have seen at least one training step, and so can be sampled."""
        return self.numbers('stage') + (self.numbers('step') > 0)

    @property
    def palette(self) -> Palette | None:
        """The colors that one scale of the generator sees, where it has such a scale."""
        return self.generator.palette if isinstance(self.generator, SinGANPaletteGenerator) else None

    def set_pyramid(self, sizes: Sequence[Size]) -> None:
        """Give both networks a block for every (H, W) of ``sizes``, coarse to fine.

        Raises:
            InputError: If the networks were configured for another number of scales.
        """
        sizes = [tuple(int(n) for n in size) for size in sizes]
        for network in filter(None, (self.generator, self.discriminator)):
            configured = len(network.blocks)
            if configured not in (0, len(sizes)):
                raise InputError(
                    f'the config asks for {configured} scales (num_scales={configured - 1} where that is counted from '
                    f'zero), but this picture with its min_size, max_size and factor gives {len(sizes)}, '
                    f'{size_text(sizes[0])} to {size_text(sizes[-1])}: leave num_scales out, it follows from the '
                    'picture'
                )
            network.grow(len(sizes))
            # oneDNN and cuDNN run convolutions of this layout without reordering
            network.to(memory_format=torch.channels_last)
        self._allocate(sizes)
        self.to(self.stage.device)

    def _allocate(self, sizes: Sequence[Size]) -> None:
        self.register_buffer('sizes', torch.tensor(sizes, dtype=torch.long).reshape(-1, 2))
        self.register_buffer('noise_weights', torch.ones(len(sizes)))
        coarsest, finest = (sizes[0], sizes[-1]) if sizes else ((0, 0), (0, 0))
        self.register_buffer('fixed_noise', torch.zeros(1, *self.generator.noise_shape(0, coarsest)))
        self.register_buffer('picture', torch.zeros(1, 3, *finest))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        sizes = state_dict.get(prefix + 'sizes')
        if sizes is not None and sizes.tolist() != self.sizes.tolist():
            self._check_same_pyramid(sizes)
            self._check_own_pyramid({name.removeprefix(prefix): value for name, value in state_dict.items()})
            self.set_pyramid(sizes.tolist())
        super()._load_from_state_dict(state_dict, prefix, *args)
        if min(self.stage, self.step) < 0 or self.trained_scales > self.num_scales:
            raise InputError(f'it is at step {self.step} of scale {self.stage}, and has {self.num_scales} scales')

    def _check_same_pyramid(self, sizes: Tensor) -> None:
        if self.num_scales and sizes.tolist() != self.sizes.tolist():
            finest = size_text(sizes[-1:].flatten())
            raise InputError(
                f'the checkpoint was trained on a pyramid of {len(sizes)} scales up to {finest}, the '
                f'picture of this config has {self.num_scales} up to {size_text(self.sizes[-1])}: give the picture, '
                'min_size and max_size that it was trained with, or give it as load_from, without --resume, to start '
                'from its weights'
            )

    def _check_own_pyramid(self, state: State) -> None:
        """Refuse sizes that the rest of a state dict does not have, before memory is asked for by them."""
        sizes = state['sizes']
        fits = sizes.ndim == 2 and sizes.shape[1] == 2 and not sizes.is_floating_point() and bool((sizes > 0).all())
        if fits and len(sizes):
            blocks = {name.split('.')[2] for name in state if name.startswith('generator.blocks.')}
            coarsest, finest = sizes[0].tolist(), sizes[-1].tolist()
            shapes = dict(picture=(1, 3, *finest), fixed_noise=(1, *self.generator.noise_shape(0, coarsest)))
            fits = len(sizes) == len(blocks) and all(
                name in state and tuple(state[name].shape) == shape for name, shape in shapes.items()
            )
        if not fits:
            raise InputError('the sizes of its pyramid are not those of its blocks, its picture and its noise')

    def check_state(self, state: State) -> None:
        """Refuse another pyramid by its sizes, and another model; see :meth:`ResumableModel.check_state`."""
        sizes = state.get('sizes')
        if sizes is not None and sizes.ndim == 2 and len(sizes):
            self._check_same_pyramid(sizes)
        super().check_state(state)
