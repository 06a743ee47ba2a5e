"""How a generator makes up for the cells that its convolutions remove.

A chain of valid convolutions makes a map smaller: five 3x3 convolutions eat five cells on each side. Each part here is
one way to make up for that. It says by how much every convolution pads its input, and how much larger the first map is
drawn. It also joins the noise and the image that enter a network. A generator only asks its part.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import check_whole
from mmpe.registry import MODELS, registered, registered_name

from .layer import Mode, build_padding, modes
from .replacing import set_padding


class NetworkPadding(nn.Module):
    """The base class of parts, for convolutions that see nothing past the border.

    Args:
        radius: How many cells the convolutions of a network, or of one of its blocks, would eat on each side without
            padding. The generator gives it; a config does not.

    Attributes:
        margin: The number of cells on each side by which the first map is drawn larger than its result.
        conv_mode: The padding mode of convolutions, if :meth:`conv_padding` is not 0.
        pads_input: Whether :meth:`join` pads what enters a network.

    >>> NetworkPadding(radius=5).eaten(kernel_size=3)
    1
    """

    margin = 0
    conv_mode: Mode = 'zero'
    pads_input = False

    def __init__(self, radius: int):
        super().__init__()
        check_whole(0, radius=radius)
        self.radius = radius

    def conv_padding(self, kernel_size: int) -> int:
        """The padding on each side of a convolution whose kernel has the odd side ``kernel_size``."""
        return 0

    def eaten(self, kernel_size: int) -> int:
        """The number of cells that such a convolution removes on each side."""
        return kernel_size // 2 - self.conv_padding(kernel_size)

    def join(self, noise: Tensor, image: Tensor | None = None) -> Tensor:
        """Make a network's input.

        Args:
            noise: (N, C, h, w), drawn larger than the image by :attr:`margin`, or any other first map.
            image: (N, C, H, W), to which the noise is added. None: the noise alone.
        """
        return noise if image is None else noise + image

    def set_convolutions(self, network: nn.Module) -> None:
        """Change the padding mode of a network that was built with zero padding, in place."""


@MODELS.register_module()
class PadEachLayer(NetworkPadding):
    """Every convolution pads its own input, as most networks do.

    Args:
        radius: See :class:`NetworkPadding`.
        mode: What it pads with, see :func:`~mmpe.models.padding.modes`.

    Raises:
        InputError: If the mode is unknown or adds nothing.

    >>> PadEachLayer(radius=5, mode='reflect').conv_padding(3)
    1
    """

    def __init__(self, radius: int, mode: Mode = 'zero'):
        super().__init__(radius)
        if not build_padding(mode, 1).extends:
            raise InputError(f'mode={mode!r} adds nothing to a map: take OversizedNoise in place of PadEachLayer')
        self.conv_mode = mode

    def conv_padding(self, kernel_size: int) -> int:
        """As much as a convolution eats."""
        return kernel_size // 2

    def set_convolutions(self, network: nn.Module) -> None:
        """Replace zeros by the mode, see :func:`~mmpe.models.padding.set_padding`."""
        set_padding(network, self.conv_mode)


@MODELS.register_module()
class PadInputOnce(NetworkPadding):
    """A network's input is padded once, by all cells that its convolutions will remove.

    With ``mode='zero'``, SinGAN as released.

    Args:
        radius: See :class:`NetworkPadding`.
        mode: What it pads with, see :func:`~mmpe.models.padding.modes`.

    >>> import torch
    >>> PadInputOnce(radius=5).join(torch.zeros(1, 3, 20, 30)).shape
    torch.Size([1, 3, 30, 40])
    """

    pads_input = True

    def __init__(self, radius: int, mode: Mode = 'zero'):
        super().__init__(radius)
        self.pad = build_padding(mode, radius)

    def join(self, noise: Tensor, image: Tensor | None = None) -> Tensor:
        """Pad the sum."""
        return self.pad(super().join(noise, image))


@MODELS.register_module()
class OversizedNoise(NetworkPadding):
    """Noise, or another first map, is drawn larger by the cells that convolutions remove. Nothing is padded.

    The paper's form without zero padding (Xu et al., CVPR 2021, section 4.1): nothing tells noise from border.

    Args:
        radius: See :class:`NetworkPadding`.
        mode: How an image that is added to the noise is enlarged to its size, see :func:`~mmpe.models.padding.modes`.
            It has no effect in networks that begin with noise alone. None: bicubic interpolation.

    >>> OversizedNoise(radius=5).margin
    5
    """

    def __init__(self, radius: int, mode: Mode | None = None):
        super().__init__(radius)
        self.margin = radius
        self.pad = build_padding(mode or dict(type='interp', mode='bicubic'), radius)

    def join(self, noise: Tensor, image: Tensor | None = None) -> Tensor:
        """Add the enlarged image."""
        return super().join(noise, None if image is None else self.pad(image))


def build_network_padding(padding: Mode, radius: int) -> NetworkPadding:
    """Build the padding of a generator.

    Args:
        padding: A part, such as ``dict(type='PadInputOnce', mode='reflect')``, or a mode, such as 'reflect' or
            ``dict(type='interp', mode='bicubic')``. With a mode, each layer pads. 'none' is :class:`OversizedNoise`.
        radius: See :class:`NetworkPadding`.

    Raises:
        InputError: If there is no such part or mode, or it cannot be built.

    >>> build_network_padding('reflect', radius=1)
    PadEachLayer()
    """
    try:
        return MODELS.build(dict(_part(padding), radius=radius))
    except ValueError as error:
        raise InputError(f'padding={padding!r} cannot work: {error}') from None


def _part(padding: Mode) -> dict:
    kind = padding.get('type') if isinstance(padding, dict) else padding
    name = kind.removeprefix('mmpe.') if isinstance(kind, str) else None
    parts = registered(NetworkPadding)
    if name in parts or kind in parts.values():
        return padding if isinstance(padding, dict) else dict(type=padding)
    if name in modes():
        is_seen = build_padding(padding, 1).extends
        return dict(type='mmpe.PadEachLayer', mode=padding) if is_seen else dict(type='mmpe.OversizedNoise')
    named = dict.fromkeys(map(registered_name, parts.values()))
    raise InputError(f'unknown padding: it is one of {", ".join(modes())}, or a dict of type {", ".join(named)}')
