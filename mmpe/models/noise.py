"""The random numbers of images in training: each image's own, whatever the batch that it is in.

On the CPU each image has a generator, see :func:`~mmpe.random_numbers.random_generator`. A GPU would wait while the CPU
draws and copies. So there the numbers are computed on the GPU, for all images at once, by Philox: it turns a key and a
counter into random bits. The key says what is drawn and when; the counter says for which image.
"""

from __future__ import annotations

import math
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmpe.random_numbers import random_generator

Shape = tuple[int, ...]

_WORD = 2**32 - 1
_ROUNDS = 7  # the fewest that pass all of TestU01's BigCrush
_FACTORS = 0xD2511F53, 0xCD9E8D57
_KEY_STEPS = 0x9E3779B9, 0xBB67AE85


class Noise(ABC):
    """Draws numbers for N images. What has been drawn is not drawn again."""

    @abstractmethod
    def normal(self, *shapes: Shape) -> list[Tensor]:
        """Normal numbers, (N, \\*shape) for each shape."""

    @abstractmethod
    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers (N, \\*shape) in [0, 1]."""


def image_noise(like: Tensor, purpose: str, *place: int, numbers: range) -> Noise:
    """The noise of images.

    Args:
        like: Has the type and the device that the numbers are to have.
        purpose: What is drawn, see :func:`~mmpe.random_numbers.random_generator`.
        *place: Whole numbers, such as (seed, iteration).
        numbers: Those of the images, below 2^32.

    >>> noise = image_noise(torch.empty(0), 'generator', 2021, 5, numbers=range(3))
    >>> [drawn.shape for drawn in noise.normal((512,), (1, 4, 4))]
    [torch.Size([3, 512]), torch.Size([3, 1, 4, 4])]
    """
    if like.device.type == 'cpu':
        return SerialNoise([random_generator(purpose, *place, number) for number in numbers], like)
    return CountedNoise(like, purpose, *place, numbers=numbers)


class SerialNoise(Noise):
    """Noise by generators on the CPU, one for each image.

    >>> rngs = [torch.Generator().manual_seed(number) for number in range(3)]
    >>> SerialNoise(rngs, like=torch.empty(0)).uniform(1, 1, 1).shape
    torch.Size([3, 1, 1, 1])
    """

    def __init__(self, rngs: Sequence[torch.Generator], like: Tensor):
        self.rngs, self.like = rngs, like

    def normal(self, *shapes: Shape) -> list[Tensor]:
        drawn = [[torch.randn(*shape, generator=rng, device='cpu') for shape in shapes] for rng in self.rngs]
        return [torch.stack(images).to(self.like) for images in zip(*drawn)]

    def uniform(self, *shape: int) -> Tensor:
        drawn = [torch.rand(*shape, generator=rng, device='cpu') for rng in self.rngs]
        return torch.stack(drawn).to(self.like)


class CountedNoise(Noise):
    """Noise that is computed on the device of ``like`` from where it belongs; see :func:`image_noise`.

    >>> all_of_them = CountedNoise(torch.empty(0), 'generator', 2021, 5, numbers=range(4)).uniform(2)
    >>> every_other = CountedNoise(torch.empty(0), 'generator', 2021, 5, numbers=range(1, 4, 2)).uniform(2)
    >>> torch.equal(every_other, all_of_them[1::2])
    True
    """

    def __init__(self, like: Tensor, purpose: str, *place: int, numbers: range):
        self.like = like
        entropy = np.random.SeedSequence((zlib.crc32(purpose.encode()), len(place), *place))
        self.key = tuple(map(int, entropy.generate_state(2, np.uint32)))
        self.images = torch.arange(numbers.start, numbers.stop, numbers.step, device=like.device)
        self.drawn = 0  # blocks of four numbers, for each image

    def normal(self, *shapes: Shape) -> list[Tensor]:
        lengths = [math.prod(shape) for shape in shapes]
        words = self._words(sum(lengths))
        # Box and Muller: from uniform radii and angles to pairs of normal numbers
        radii = ((words[:2] + 0.5) * 2**-32).log_().mul_(-2).sqrt_()
        angles = words[2:] * (2 * math.pi * 2**-32)
        numbers = self._in_order(torch.cat((radii * angles.cos(), radii * angles.sin())))
        parts = numbers[:, : sum(lengths)].split(lengths, 1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, shapes)]

    def uniform(self, *shape: int) -> Tensor:
        words = self._words(math.prod(shape))
        return self._in_order(words * 2**-32)[:, : math.prod(shape)].unflatten(1, shape)

    def _words(self, numbers: int) -> Tensor:
        """(4, N, blocks) random words of 32 bits, as floating-point numbers: four for each block of numbers."""
        first, self.drawn = self.drawn, self.drawn + -(-numbers // 4)
        blocks = torch.arange(first, self.drawn, device=self.like.device)
        return torch.stack(philox((blocks, 0, self.images[:, None], 0), self.key)).float()

    def _in_order(self, numbers: Tensor) -> Tensor:
        """(N, 4 blocks) of (4, N, blocks)."""
        return numbers.movedim(0, -1).flatten(1).to(self.like)


def philox(counter: Sequence[Tensor | int], key: tuple[int, int], rounds: int = _ROUNDS) -> list[Tensor]:
    """Random bits by Philox4x32 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011, section 3.3).

    Args:
        counter: Four words of 32 bits, as numbers or as int64 tensors of shapes that broadcast, one of them a tensor at
            least of the first and third.
        key: Two words of 32 bits.
        rounds: Rounds of mixing.

    Returns:
        Four random words of 32 bits, as int64 tensors.

    >>> [hex(int(word)) for word in philox([torch.tensor(0)] * 4, key=(0, 0), rounds=10)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    a, b, c, d = counter
    key_a, key_c = key
    for _ in range(rounds):
        from_a, from_c = (word * factor for word, factor in zip((a, c), _FACTORS))
        a, b = ((from_c >> 32) ^ b ^ key_a) & _WORD, from_c & _WORD
        c, d = ((from_a >> 32) ^ d ^ key_c) & _WORD, from_a & _WORD
        key_a, key_c = ((word + step) & _WORD for word, step in zip((key_a, key_c), _KEY_STEPS))
    return list(torch.broadcast_tensors(a, b, c, d))
