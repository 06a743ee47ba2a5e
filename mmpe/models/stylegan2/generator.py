"""StyleGAN2's generator, told where it is, at any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from mmpe.errors import InputError
from mmpe.grid import Grid, Size
from mmpe.numbers import check_above, check_real, check_whole
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS

from ..doubling_generator import BASE, BaseSize, DoublingGenerator, num_halvings
from ..encodings import encode
from ..layers import EnlargeImage, ModulatedConv, ProductMap, ScaledMap, StyledConv, ToRGB, float16
from ..padding import build_network_padding, mode_of
from .mapping import MappingNetwork
from .widths import widths

NUM_MEAN_STYLES = 4096


class StyleBlock(nn.Module):
    """Two styled convolutions, of which the first enlarges, and an image added to the one below (StyleGAN2, fig. 7).

    Args:
        enlarging: The first convolution.
        out_channels: Channels of the output.
        padding: What the second one pads its input by, 0 or 1.
        style_channels: Channels of the styles.
        inject_noise: Whether noise is added.
        clamp: Limit of activations; None: no limit.
        in_float16: Whether the block computes in float16, whatever the precision around it.
    """

    def __init__(
        self,
        enlarging: ModulatedConv,
        out_channels: int,
        padding: int,
        style_channels: int,
        inject_noise: bool = True,
        clamp: float | None = None,
        in_float16: bool = False,
    ):
        super().__init__()
        self.in_float16 = in_float16
        self.up = StyledConv(enlarging, style_channels, inject_noise, clamp)
        conv = ModulatedConv(out_channels, out_channels, padding)
        self.conv = StyledConv(conv, style_channels, inject_noise, clamp)
        self.to_rgb = ToRGB(out_channels, style_channels, clamp)
        self.enlarge_image = EnlargeImage()

    def forward(
        self, x: ScaledMap, image: Tensor, styles: Tensor, noises: Sequence[Tensor | None]
    ) -> tuple[ScaledMap, Tensor]:
        """From a map (N, C, h, w), an image (N, 3, h, w), three styles (N, 3, S) and two noises to twice the size."""
        with float16(image, self.in_float16):
            x = self.up(x, styles[:, 0], noises[0])
            x = self.conv(x, styles[:, 1], noises[1])
            return x, self.enlarge_image(image) + self.to_rgb(x, styles[:, 2])


@MODELS.register_module()
class StyleGenerator(DoublingGenerator):
    """The generator of "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020) with parts to choose.

    The head is an encoding of position, of any size, as in Xu et al., "Positional Encoding as Spatial Inductive Bias in
    GANs" (CVPR 2021): the size of its grid is that of the image. A size is an int or (height, width) everywhere.

    Args:
        out_size: Side of the image for the base size ``base``, a power of 2, at least twice ``base``.
        encoding: The head.
        upsampling: Order of convolving and enlarging (:mod:`~mmpe.models.stylegan2.upsampling`).
        padding: What convolutions see past the border: a mode or a part of :mod:`mmpe.models.padding`. With 'none' the
            head's grid is 2 larger than the base size, and the filter that enlarges images still sees zeros, as
            released.
        style_channels: Channels of z and of the styles.
        num_mapping_layers: Layers of the mapping network.
        mapping_lr: Factor of its learning rate.
        channel_multiplier: Factor of the channels, which are 16384 over the resolution.
        max_channels: Limit of the channels.
        base: Side of the first map that ``out_size`` belongs to, a power of 2, at least 4. With a larger one the
            encoding tells more places apart, and fewer layers enlarge.
        inject_noise: Whether each layer adds noise. Without it an image depends on z alone.
        num_fp16_res: How many of the largest resolutions are computed in float16, as in the official code, which has 4;
            the smallest stays in float32. Losses are then best scaled, see :class:`~mmpe.engine.Float16OptimWrapper`.
        conv_clamp: Limit of activations, in all resolutions if there are any in float16: others feed these.

    Attributes:
        num_upsamplings: How often the base size is doubled.
        num_latents: Number of styles that an image takes.
        style_mapping: Maps z (N, C) to styles (N, C).

    Raises:
        InputError: If an argument cannot work.

    >>> encoding = dict(type='SinusoidalEncoding', embedding_dim=8)
    >>> G = StyleGenerator(out_size=16, encoding=encoding, style_channels=8, num_mapping_layers=2, max_channels=8)
    >>> G(torch.randn(2, 8), base_size=(4, 6), truncation=0.7).shape
    torch.Size([2, 3, 16, 24])
    """

    def __init__(
        self,
        out_size: int = 256,
        encoding: dict = dict(type='mmpe.LearnableGrid', channels=512, size=4),  # noqa: B006
        upsampling: dict = dict(type='mmpe.TransposedConvBlur'),  # noqa: B006
        padding: str | dict = 'zero',
        style_channels: int = 512,
        num_mapping_layers: int = 8,
        mapping_lr: float = 0.01,
        channel_multiplier: float = 2,
        max_channels: int = 512,
        base: int = BASE,
        inject_noise: bool = True,
        num_fp16_res: int = 0,
        conv_clamp: float = 256.0,
    ):
        super().__init__()
        check_whole(1, style_channels=style_channels)
        self.out_size = out_size
        self.base = base
        self.style_channels = style_channels
        self.inject_noise = inject_noise
        below = num_halvings('base', base, least=BASE)
        depth = num_halvings('out_size', out_size, least=2 * base)
        self.num_upsamplings = depth - below
        check_whole(0, self.num_upsamplings, num_fp16_res=num_fp16_res)
        check_above(0, conv_clamp=conv_clamp)
        self.num_latents = 2 * self.num_upsamplings + 2
        channels = widths(depth, channel_multiplier, max_channels)[below:]
        self.padding = build_network_padding(padding, radius=1)
        conv_padding = self.padding.conv_padding(3)
        self.style_mapping = MappingNetwork(style_channels, num_mapping_layers, mapping_lr)
        self.encoding = MODELS.build(encoding)
        head = ModulatedConv(self.encoding.out_channels, channels[0], conv_padding)
        clamp = conv_clamp if num_fp16_res else None
        self.first = StyledConv(head, style_channels, inject_noise, clamp)
        self.first_to_rgb = ToRGB(channels[0], style_channels, clamp)
        self.blocks = nn.ModuleList(
            StyleBlock(
                MODELS.build(dict(upsampling, in_channels=below, out_channels=own, padding=conv_padding)),
                own,
                conv_padding,
                style_channels,
                inject_noise,
                clamp,
                in_float16=left <= num_fp16_res,
            )
            for below, own, left in zip(channels, channels[1:], range(self.num_upsamplings, 0, -1))
        )
        for layer, noise in enumerate(self._fixed_noises(self._base(None))):
            self.register_buffer(f'noise_{layer}', noise)
        self.padding.set_convolutions(self)
        self.to(memory_format=torch.channels_last)

    # ---------------------------------------------------------------- compilation

    _compiled_render: Callable[..., Tensor] | None = None

    def compile(self, **options) -> None:
        """Compile the mapping network, and the layers from the head's code to the image.

        Sizes and shapes are still checked by plain Python, so new sizes do not break a graph.

        Args:
            **options: As :func:`torch.compile` has them.
        """
        self.style_mapping.compile(**options)
        self._compiled_render = torch.compile(self.render, **options)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is compiled, as any module's: a copy would run this generator's weights."""
        return {**super().__getstate__(), '_compiled_render': None}

    # ---------------------------------------------------------------- noise

    def noise_shapes(self, base_size: BaseSize = None) -> list[Size]:
        """(h, w) of each layer's noise; none without ``inject_noise``."""
        if not self.inject_noise:
            return []
        margin = 2 * self.padding.eaten(3)  # every enlarging convolution delivers as much
        return layer_shapes(*self._base(base_size), self.num_upsamplings, margin)

    def draw_noises(self, generators: Sequence[torch.Generator], base_size: BaseSize = None) -> list[Tensor]:
        """Noise for images that depend on nothing but their own generators.

        Args:
            generators: One for each image, on the CPU.
            base_size: The base size; None is ``base``.

        Returns:
            (N, 1, h, w) for each layer.
        """
        shapes = self.noise_shapes(base_size)
        images = [[_draw(generator, 1, 1, *shape) for shape in shapes] for generator in generators]
        return [torch.cat(layer).to(self.first.bias) for layer in zip(*images)]

    def _fixed_noises(self, base: Size) -> list[Tensor]:
        shapes = self.noise_shapes(base)
        return [
            _draw(random_generator('fixed noise', layer, *shape), 1, 1, *shape) for layer, shape in enumerate(shapes)
        ]

    def _noises(self, injected: str | Sequence[Tensor], base: Size, batch: int) -> list[Tensor]:
        like, shapes = self.first.bias, self.noise_shapes(base)
        if isinstance(injected, str) and injected == 'random':
            return [torch.randn(batch, 1, *shape, dtype=like.dtype, device=like.device) for shape in shapes]
        if isinstance(injected, str) and injected == 'fixed':
            if base == self._base(None):
                return [getattr(self, f'noise_{layer}') for layer in range(len(shapes))]
            return [noise.to(like) for noise in self._fixed_noises(base)]
        if isinstance(injected, (list, tuple)):
            got = [tuple(noise.shape) for noise in injected]
            if len(got) == len(shapes) and all(g in ((batch, 1, *s), (1, 1, *s)) for g, s in zip(got, shapes)):
                return [noise.to(like.device) for noise in injected]
            raise InputError(
                f'injected_noise has shapes {got}: for {batch} images of base size {base} it must be '
                f'{[(batch, 1, *shape) for shape in shapes]}'
            )
        raise InputError(f"injected_noise={injected!r} cannot work: it is 'random', 'fixed' or a list of tensors")

    # ---------------------------------------------------------------- styles

    @torch.no_grad()
    def mean_style(self) -> Tensor:
        """(1, C): the mean of the styles of 4096 fixed z."""
        z = _draw(random_generator('mean style'), NUM_MEAN_STYLES, self.style_channels)
        return self.style_mapping(z.to(self.first.bias)).mean(0, keepdim=True)

    def styles(self, z: Tensor | Sequence[Tensor], truncation: float = 1.0, crossover: int | None = None) -> Tensor:
        """Styles for all layers.

        Args:
            z: (N, C), or two of them to mix.
            truncation: How far to go from the mean style to z's, 0 to 1 (StyleGAN, appendix B).
            crossover: The first layer that takes the second z's style, 1 to ``num_latents - 1``. None:
                drawn, the same for the whole batch, by torch's global generator.

        Returns:
            (N, num_latents, C).

        Raises:
            InputError: If z has another shape, or there are more than two.
        """
        check_real(truncation=truncation)
        parts = [z] if isinstance(z, Tensor) else list(z)
        if not 1 <= len(parts) <= 2:
            raise InputError(f'{len(parts)} z cannot be mixed: give one tensor, or two in a list')
        for part in parts:
            if part.ndim != 2 or part.shape[1] != self.style_channels or part.shape != parts[0].shape:
                raise InputError(
                    f'z of shape {[tuple(part.shape) for part in parts]} does not fit: it must be '
                    f'(N, {self.style_channels}), and two of them alike'
                )
        styles = [self.style_mapping(part) for part in parts]
        if truncation != 1:
            mean = self.mean_style()
            styles = [mean + truncation * (style - mean) for style in styles]
        first, second = styles[0], styles[-1]
        cut = self._crossover(crossover) if len(parts) == 2 else self.num_latents
        return torch.cat(
            (first[:, None].expand(-1, cut, -1), second[:, None].expand(-1, self.num_latents - cut, -1)), 1
        )

    def _crossover(self, crossover: int | None) -> int:
        if crossover is None:
            return int(torch.randint(1, self.num_latents, ()))
        check_whole(1, self.num_latents - 1, crossover=crossover)
        return crossover

    # ---------------------------------------------------------------- images

    def forward(
        self,
        z: Tensor | Sequence[Tensor],
        base_size: BaseSize = None,
        coordinates: Tensor | Grid | None = None,
        injected_noise: str | Sequence[Tensor] = 'random',
        truncation: float = 1.0,
    ) -> Tensor:
        """Images of z, see :meth:`styles` and :meth:`synthesize`."""
        return self.synthesize(self.styles(z, truncation), base_size, coordinates, injected_noise)

    def synthesize(
        self,
        styles: Tensor,
        base_size: BaseSize = None,
        coordinates: Tensor | Grid | None = None,
        injected_noise: str | Sequence[Tensor] = 'random',
    ) -> Tensor:
        """Images of styles.

        Args:
            styles: (N, num_latents, C).
            base_size: Size of the first map; the image is
                ``image_size(base_size)``. A grid also says what its cells are coded as. None: ``base``, or what the
                coordinates say.
            coordinates: (h, w, 2) in place of the encoding's own, or the head's grid, of the
                size that :meth:`head_size` has for the base size.
            injected_noise: 'random'; 'fixed', the same in every call; or a tensor (N, 1, h, w)
                for each layer, of :meth:`noise_shapes`.

        Returns:
            (N, 3, H, W), about [-1, 1], float32 also under autocast.

        Raises:
            InputError: If sizes or shapes do not fit.
        """
        if styles.ndim != 3 or styles.shape[1:] != (self.num_latents, self.style_channels):
            raise InputError(
                f'styles of shape {tuple(styles.shape)} do not fit: it must be '
                f'(N, {self.num_latents}, {self.style_channels})'
            )
        base, code = self._head(base_size, coordinates)
        return (self._compiled_render or self.render)(styles, code, self._noises(injected_noise, base, len(styles)))

    def render(self, styles: Tensor, code: Tensor | ProductMap, noises: Sequence[Tensor]) -> Tensor:
        """Images of what :meth:`synthesize` has found and checked: no size is read but from a shape.

        Args:
            styles: (N, num_latents, C).
            code: (1, C, h, w), what the first convolution sees, or the rows and columns of which it is made.
            noises: (N, 1, h, w) for each layer, or nothing without ``inject_noise``.

        Returns:
            (N, 3, H, W).
        """
        noises = noises or [None] * (2 * self.num_upsamplings + 1)
        x = self.first(self._first_map(code, styles), styles[:, 0], noises[0])
        image = self.first_to_rgb(x, styles[:, 1])
        # An image's style is also that of the next block's first convolution, as released.
        for i, block in enumerate(self.blocks):
            x, image = block(x, image, styles[:, 2 * i + 1 : 2 * i + 4], noises[2 * i + 1 : 2 * i + 3])
        return image.contiguous()

    def _head(self, base_size: BaseSize, coordinates: Tensor | Grid | None) -> tuple[Size, Tensor | ProductMap]:
        """The base size and the first convolution's input (1, C, h, w): the code of the head's grid."""
        base, where = self._where(base_size, coordinates)
        size = self.head_size(base)
        if self._takes_products and not isinstance(where, Tensor):
            products = self.encoding.products(size if where is None else where)
            if products is not None:
                return base, ProductMap(*products)
        return base, self.padding.join(encode(self.encoding, size, where))

    @property
    def _takes_products(self) -> bool:
        """Whether the first convolution may take rows and columns: in training, where no other padding was set."""
        return self.training and not self.padding.pads_input and mode_of(self.first.layer.conv) in ('zero', None)

    def _first_map(self, code: Tensor | ProductMap, styles: Tensor) -> ScaledMap:
        """What :meth:`render` is given, a map for each image of its own memory where it is a tensor."""
        if isinstance(code, ProductMap):
            return ScaledMap(code, styles.new_ones(1, code.num_channels))
        code = code.to(self.first.bias).contiguous(memory_format=torch.channels_last)
        return ScaledMap(code.repeat(styles.shape[0], 1, 1, 1), styles.new_ones(1, code.shape[1]))


def layer_shapes(height: int | Dim, width: int | Dim, num_upsamplings: int, margin: int) -> list[Size]:
    """(h, w) of the map that each convolution delivers, from a base size on that need not be known yet.

    Args:
        height: Of the base size.
        width: Of the base size.
        num_upsamplings: How often it is doubled.
        margin: By how many cells maps are larger that have just been enlarged, both sides together.

    >>> layer_shapes(4, 6, num_upsamplings=1, margin=2)
    [(4, 6), (10, 14), (8, 12)]
    """
    shapes = [(height, width)]
    for level in range(1, num_upsamplings + 1):
        rows, columns = height * 2**level, width * 2**level
        shapes += [(rows + margin, columns + margin), (rows, columns)]
    return shapes


def _draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, device='cpu')
