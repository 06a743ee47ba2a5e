"""The released DCGAN: its names, arguments and state dicts, on :mod:`mmpe.models.dcgan`.

The networks here have the released state dict; one of mmpe's own names loads as well. The released code reads pictures
as BGR; mmpe is RGB throughout, and so is what these classes learn here. :mod:`mmpe.compat.dcgan_checkpoints` converts
what they have learnt elsewhere. An argument that mmpe has no counterpart for may be given with its released default;
any other value raises :class:`~mmpe.errors.InputError`.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmpe.models.dcgan import ConvDiscriminator, ConvGenerator, DCGANModel
from mmpe.registry import MODELS

from .adversarial import ReleasedModel, preprocessor, running_average, with_noise_size
from .arguments import only_defaults
from .released_state import ConvertibleState
from .singan import BATCH_NORM, TANH

RELU = dict(type='ReLU')
TORCH_SLOPE = 0.01  # what mmcv's LeakyReLU has where none is named


def _renamed(names, blocks: str, first: int, parts: dict[str, str]) -> dict[str, str]:
    """Own names of entries with the released ones: ``blocks.i`` is ``<blocks>.<i + first>``, the rest as named."""
    released = {}
    for name in names:
        part, _, entry = name.partition('.')
        if part == 'blocks':
            number, _, entry = entry.partition('.')
            released[name] = f'{blocks}.{int(number) + first}.{entry}'.replace('.norm.', '.bn.')
        else:
            released[name] = f'{parts[part]}.{entry}'
    return released


@MODELS.register_module()
class DCGANGenerator(ConvertibleState, ConvGenerator):
    """The released DCGAN generator.

    Args:
        output_scale (int): Side of the image.
        out_channels (int): Channels of the image.
        base_channels (int): Width of the first map.
        input_scale (int): Side of the first map, 4.
        noise_size (int): Channels of a latent.
        **others: Arguments that may have their released default only.

    Attributes:
        arguments (dict): Those of the :class:`~mmpe.models.dcgan.ConvGenerator` that this is.

    Raises:
        InputError: If an argument has a value that cannot work, or that mmpe has no counterpart for.
    """

    colour_axes = {'last.weight': 1, 'last.bias': 0}

    def __init__(
        self,
        output_scale: int,
        out_channels: int = 3,
        base_channels: int = 1024,
        input_scale: int = 4,
        noise_size: int = 100,
        **others,
    ):
        activations = dict(default_act_cfg=RELU, out_act_cfg=TANH)
        defaults = dict(activations, input_scale=4, default_norm_cfg=BATCH_NORM, init_cfg=None, pretrained=None)
        only_defaults(dict(others, input_scale=input_scale), defaults)
        arguments = dict(
            out_size=output_scale, latent_channels=noise_size, channels=base_channels, out_channels=out_channels
        )
        super().__init__(**arguments)
        self.arguments = arguments
        parts = dict(norm='noise2feat.bn', last='output_layer.conv', head='noise2feat.conv')
        names = _renamed(nn.Module.state_dict(self), 'upsampling', 0, parts)
        self.released_names = names | {'head.linear.weight': 'noise2feat.conv.weight'}

    def to_released(self, own: str, value: Tensor) -> Tensor:
        """An entry in its released shape, sharing its memory."""
        return value.unflatten(0, (-1, 4, 4))[..., 0, 0].movedim(-1, 0) if own == 'head.linear.weight' else value

    def from_released(self, own: str, value: Tensor) -> Tensor:
        """An entry of the released shape in mmpe's."""
        if own == 'head.linear.weight' and value.ndim == 4 and value.shape[-2:] == (4, 4):
            return value.movedim(0, -1).flatten(0, 2)[..., None, None]
        return value


@MODELS.register_module()
class DCGANDiscriminator(ConvertibleState, ConvDiscriminator):
    """The released DCGAN discriminator.

    Args:
        input_scale (int): Side of the pictures.
        output_scale (int): Side of the last map, 4.
        out_channels (int): Numbers for each picture.
        in_channels (int): Channels of the pictures.
        base_channels (int): Width after the first convolution.
        default_act_cfg (dict): LeakyReLU.
        **others: Arguments that may have their released default only.

    Attributes:
        arguments (dict): Those of the :class:`~mmpe.models.dcgan.ConvDiscriminator` that this is.

    Raises:
        InputError: If an argument has a value that cannot work, or that mmpe has no counterpart for.
    """

    colour_axes = {'first.weight': 1}

    def __init__(
        self,
        input_scale: int,
        output_scale: int = 4,
        out_channels: int = 1,
        in_channels: int = 3,
        base_channels: int = 128,
        default_act_cfg: dict = dict(type='LeakyReLU'),  # noqa: B006
        **others,
    ):
        activation = dict(default_act_cfg)
        slope = activation.pop('negative_slope', TORCH_SLOPE)
        defaults = dict(default_norm_cfg=BATCH_NORM, out_act_cfg=None, init_cfg=None, pretrained=None, output_scale=4)
        only_defaults(dict(others, output_scale=output_scale), defaults)
        only_defaults(dict(default_act_cfg=activation), dict(default_act_cfg=dict(type='LeakyReLU')))
        arguments = dict(
            in_size=input_scale,
            channels=base_channels,
            in_channels=in_channels,
            out_channels=out_channels,
            slope=slope,
        )
        super().__init__(**arguments)
        self.arguments = arguments
        parts = dict(first='downsamples.0.conv', last='output_layer.conv')
        self.released_names = _renamed(nn.Module.state_dict(self), 'downsamples', 1, parts)


@MODELS.register_module()
class DCGAN(ReleasedModel, DCGANModel):
    """The released DCGAN.

    Args:
        generator (dict): The generator.
        discriminator (dict | None): The discriminator.
        data_preprocessor (dict | None): None: :class:`~mmpe.compat.datasets.DataPreprocessor`.
        noise_size (int | None): Channels of a latent; None: as the generator says.
        ema_config (dict | None): See :func:`~mmpe.compat.adversarial.running_average`.
        **others: Arguments that may have their released default only.

    Raises:
        InputError: If an argument has a value that mmpe has no counterpart for, or the two networks do not fit.
    """

    def __init__(
        self,
        generator: dict,
        discriminator: dict | None = None,
        data_preprocessor: dict | None = None,
        noise_size: int | None = None,
        ema_config: dict | None = None,
        **others,
    ):
        only_defaults(others, dict(generator_steps=1, discriminator_steps=1, loss_config=None))
        super().__init__(
            with_noise_size(generator, noise_size),
            discriminator,
            ema=running_average(ema_config),
            data_preprocessor=preprocessor(data_preprocessor),
        )
