"""A model's sampler as a function of tensors alone, which other runtimes can run: the contract of the export."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim

from mmpe.grid import Size

from .doubling_generator import DoublingGenerator
from .encodings import Encoding

BATCH = Dim('batch')


@dataclass(frozen=True)
class TensorInput:
    """One input of a :class:`TensorSampler`.

    Attributes:
        name: Its name in the exported file.
        shape: Whole numbers, and the dimensions that may have any length. Those follow from few: ``2 * height + 2``.
        drawn: What it holds.

    >>> TensorInput('noise', (BATCH, 1, 2 * Dim('height'), 64)).shape_text
    ['batch', 1, '2*height', 64]
    """

    name: str
    shape: tuple[int | Dim, ...]
    drawn: str = 'N(0, 1)'

    @property
    def shape_text(self) -> list[int | str]:
        """The shape, with the names of the dimensions that may have any length."""
        return [length if isinstance(length, int) else length.__name__ for length in self.shape]

    @property
    def dynamic_shape(self) -> dict[int, Dim]:
        """The dimensions that may have any length, as ``torch.export`` takes them."""
        return {i: length for i, length in enumerate(self.shape) if not isinstance(length, int)}


class TensorSampler(nn.Module, ABC):
    """Images as a function of latents, noise and nothing else.

    How many images, and of which size, follows from the shapes of its inputs. So ``forward`` reads sizes from shapes,
    and never makes them Python numbers: one graph then serves all sizes.

    Args:
        generator: The network that makes images. A copy of it is kept, whose encodings code sizes that are not known
            before the graph runs.
        inputs: The inputs, in the order in which ``forward`` takes them.

    Attributes:
        options: More arguments of the generator's own call for the same images.
        image_size: (H, W) of the images, in terms of the lengths in the inputs' shapes.
    """

    image_size: tuple[str, str]

    def __init__(self, generator: nn.Module, inputs: Sequence[TensorInput]):
        super().__init__()
        self.generator = _with_graph_encodings(copy.deepcopy(generator)).eval().requires_grad_(False)
        self.inputs = tuple(inputs)
        self.options: dict = {}

    def pick(self, arguments: tuple) -> tuple[Tensor, ...]:
        """The inputs, out of what :class:`~mmpe.models.generator_inputs.GeneratorInputs` draws for the generator."""
        return arguments[:1]

    def finish(self, images: Tensor) -> Tensor:
        """From what the generator makes to what the model samples."""
        return images

    @abstractmethod
    def forward(self, *inputs: Tensor) -> Tensor:
        """Images (N, 3, H, W), about [-1, 1], of :attr:`inputs`."""

    @abstractmethod
    def sizes_to_check(self) -> list[Size]:
        """Some (H, W) that it can give, different in shape where it can."""


class GraphEncoding(nn.Module):
    """An encoding of plain grids whose sizes are known only when the graph runs.

    Args:
        encoding: Any encoding.

    >>> from mmpe.models.encodings import CartesianGrid
    >>> torch.equal(GraphEncoding(CartesianGrid())((2, 3)), CartesianGrid()((2, 3)))
    True
    """

    def __init__(self, encoding: Encoding):
        super().__init__()
        self.encoding = encoding
        self.out_channels = encoding.out_channels

    def forward(self, size: Size) -> Tensor:
        """The code (1, C, *size) of a grid."""
        rows, columns = (self.encoding.axis(torch.arange(length, dtype=torch.float32), length) for length in size)
        y, x = torch.meshgrid(rows, columns, indexing='ij')
        return self.encode(torch.stack((x, y), -1))[None]

    def encode(self, coordinates: Tensor) -> Tensor:
        """The code (C, h, w) of coordinates (h, w, 2)."""
        return self.encoding.encode(coordinates)


def enlarged(generator: DoublingGenerator, eaten: int = 0) -> tuple[str, str]:
    """(H, W) of the images of a generator, by the height and width of a map.

    Args:
        generator: The generator.
        eaten: By how many cells the map is larger than the base size, both sides together.

    >>> from mmpe.registry import MODELS
    >>> enlarged(MODELS.build(dict(type='ConvGenerator', out_size=16, channels=8)), eaten=2)
    ('4*(height - 2)', '4*(width - 2)')
    """
    names = [f'({name} - {eaten})' if eaten else name for name in ('height', 'width')]
    return tuple(f'{2**generator.num_upsamplings}*{name}' for name in names)


def _with_graph_encodings(network: nn.Module) -> nn.Module:
    """A network all of whose encodings code sizes that are not known yet, in place."""
    for name, part in list(network.named_children()):
        if isinstance(part, Encoding):
            setattr(network, name, GraphEncoding(part))
        else:
            _with_graph_encodings(part)
    return network
