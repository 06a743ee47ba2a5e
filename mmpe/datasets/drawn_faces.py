"""A data set that needs no download: drawn faces, aligned as those of FFHQ are."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from PIL import Image, ImageDraw

from mmpe.grid import Size
from mmpe.numbers import as_size, check_whole
from mmpe.registry import DATASETS

from .buckets import BucketedDataset, check_sizes

MOST_DRAWN = 10**7
"""Items of a data set that is made up: samplers keep a list of their numbers, and nobody waits for more."""

_LARGEST = 2**13  # pixels a side
_DETAIL = 4  # drawn larger by this and then reduced, for smooth edges
_SKIN = [(255, 224, 196), (241, 194, 150), (224, 172, 120), (198, 134, 88), (141, 85, 50), (92, 56, 34)]
_DARK_SKIN = _SKIN[3:]
_HAIR = [(32, 24, 20), (74, 46, 28), (124, 80, 40), (206, 164, 88), (168, 62, 34), (150, 150, 156)]
_IRIS = [(84, 56, 36), (64, 110, 70), (60, 110, 170), (90, 90, 100)]


@DATASETS.register_module()
class DrawnFaces(BucketedDataset):
    """Faces in front of a plain background, each of its own skin, hair, eyes, mouth, glasses and clothes.

    Eyes and mouths are always about the same places, so what a generator knows about position can be seen. Face number
    i is the same at every size and in every data set. On a picture that is no square the face has the middle of it, as
    large as on a square of the shorter side; background and clothes go on to the edges.

    Args:
        num: How many.
        size: Side of the pictures, in pixels.
        flip: Whether mirror images follow, as further ``num`` items.
        sizes: In place of ``size``, sizes (H, W) of different shapes; each face has one of them, by its number. Batches
            of one shape are made by :class:`~mmpe.datasets.BucketBatchSampler`.

    Raises:
        InputError: If one of the numbers is out of its range.

    >>> DrawnFaces(num=10, size=32)[3]['inputs'].shape
    torch.Size([3, 32, 32])
    """

    def __init__(
        self, num: int, size: int | None = None, flip: bool = False, sizes: Sequence[int | Size] | None = None
    ):
        check_whole(1, MOST_DRAWN, num=num)
        self.sizes = check_sizes(size, sizes, _LARGEST)
        self.num, self.flip = num, flip
        self.size = size if sizes is None else list(self.sizes)

    @cached_property
    def buckets(self) -> list[int]:
        """list[int]: The number in ``sizes`` of every item's size."""
        shapes = np.random.default_rng(zlib.crc32(b'shape')).integers(len(self.sizes), size=self.num)
        return shapes.tolist() * (1 + self.flip)

    @property
    def metainfo(self) -> dict:
        """dict: What MMEngine keeps of a data set in its checkpoints."""
        return dict(num=self.num, size=self.size)

    def __len__(self) -> int:
        return self.num * (2 if self.flip else 1)

    def __getitem__(self, index: int) -> dict:
        """``inputs``: (3, H, W) RGB, uint8."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        pixels = np.asarray(draw_face(index % self.num, self.sizes[self.buckets[index]]))
        picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        return dict(inputs=picture.flip(-1) if index >= self.num else picture.contiguous())


def draw_face(number: int, size: int | Size) -> Image.Image:
    """Draw face ``number``, ``size`` pixels a side, or (height, width).

    >>> draw_face(3, (32, 64)).size
    (64, 32)
    """
    height, width = as_size(size)
    return _drawn(number, (height, width)).image.resize((width, height), Image.Resampling.BOX)


ATTRIBUTES = dict(skin=6, hair=7, iris=4, long_hair=2, glasses=2, teeth=2, shirt=6, background=6)
"""How many values each attribute of :func:`face_attributes` has."""


def face_attributes(number: int) -> dict[str, int]:
    """What face ``number`` has: for each of :data:`ATTRIBUTES` the number of its value.

    ``hair`` is 6 for bald heads; ``shirt`` and ``background`` are sixths of the color circle, from red on.

    >>> face_attributes(4)['glasses']
    1
    """
    face = _drawn(number, (1, 1))
    return dict(
        skin=_SKIN.index(face.skin),
        hair=len(_HAIR) if face.bald else _HAIR.index(face.hair_color),
        iris=_IRIS.index(face.iris),
        long_hair=int(face.long_hair and not face.bald),
        glasses=int(face.has_glasses),
        teeth=int(face.has_teeth),
        shirt=_sixth(face.shirt),
        background=_sixth(face.background),
    )


def _sixth(color: tuple) -> int:
    return int(colorsys.rgb_to_hsv(*color)[0] * 6)


def _drawn(number: int, size: Size) -> _Face:
    face = _Face(number, (size[0] * _DETAIL, size[1] * _DETAIL))
    for part in (face.hair_behind, face.body, face.head, face.hair, face.eyes, face.nose, face.mouth, face.glasses):
        part()
    return face


class _Face:
    """Draws in units of the shorter side, from (0, 0) at the top left to (1, 1) of the square in the middle."""

    def __init__(self, number: int, size: Size):
        self.side, (height, width) = min(size), size
        self.left, self.top = (width - self.side) / 2, (height - self.side) / 2
        self.random = np.random.default_rng((zlib.crc32(b'face'), number))
        self.skin, self.hair_color, self.iris = (self.choose(c) for c in (_SKIN, _HAIR, _IRIS))
        self.background, self.shirt = self.color(0.25, 0.9), self.color(0.6, 0.7)
        self.width, self.height = self.between(0.22, 0.26), self.between(0.29, 0.33)
        self.long_hair, self.bald = self.chance(0.4), self.chance(0.08)
        self.image = Image.new('RGB', (width, height), self.background)
        self.pen = ImageDraw.Draw(self.image)

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return bool(self.random.uniform() < probability)

    def choose(self, options: list):
        return options[self.random.integers(len(options))]

    def color(self, saturation: float, brightness: float) -> tuple:
        return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(self.between(0, 1), saturation, brightness))

    def shade(self, color: tuple, factor: float = 0.8) -> tuple:
        return tuple(round(factor * c) for c in color)

    def points(self, *coordinates: float) -> list:
        """Pixels of x, y, x, y, ..."""
        origin = (self.left, self.top) * (len(coordinates) // 2)
        return [self.side * n + start for n, start in zip(coordinates, origin)]

    def box(self, x: float, y: float, width: float, height: float) -> list:
        return self.points(x - width, y - height, x + width, y + height)

    def ellipse(self, x, y, width, height, **how):
        self.pen.ellipse(self.box(x, y, width, height), **how)

    def line(self, width: float) -> int:
        return max(1, round(self.side * width))

    def hair_behind(self):
        if self.long_hair and not self.bald:
            length = self.between(0.36, 0.5)
            box = self.box(0.5, 0.42 + length / 4, self.width + 0.07, length)
            self.pen.rounded_rectangle(box, self.side * 0.2, fill=self.shade(self.hair_color))

    def body(self):
        self.ellipse(0.5, 1.06, 0.42, 0.26, fill=self.shirt)
        if self.top:
            self.pen.rectangle(self.points(0.08, 1.06, 0.92, 1.06 + self.top / self.side), fill=self.shirt)
        self.pen.rectangle(self.box(0.5, 0.8, 0.09, 0.1), fill=self.shade(self.skin, 0.88))

    def head(self):
        for side in (-1, 1):
            self.ellipse(0.5 + side * self.width, 0.52, 0.035, 0.06, fill=self.shade(self.skin, 0.92))
        self.ellipse(0.5, 0.5, self.width, self.height, fill=self.skin)

    def hair(self):
        if self.bald:
            return
        fringe = self.between(0.22, 0.29)
        top = self.points(0.5 - self.width - 0.03, 0.13, 0.5 + self.width + 0.03, 0.13 + 2 * fringe)
        self.pen.chord(top, 180 - self.between(0, 25), 360 + self.between(0, 25), fill=self.hair_color)

    def eyes(self):
        apart, size = self.between(0.095, 0.11), self.between(0.032, 0.042)
        look, tilt = self.between(-0.01, 0.01), self.between(-0.012, 0.012)
        for side in (-1, 1):
            x = 0.5 + side * apart
            self.ellipse(x, 0.48, size * 1.25, size, fill='white')
            self.ellipse(x + look, 0.48, size * 0.62, size * 0.7, fill=self.iris)
            self.ellipse(x + look, 0.48, size * 0.3, size * 0.35, fill=(16, 16, 20))
            brow = self.points(x - 0.05, 0.415 - side * tilt, x + 0.05, 0.415 + side * tilt)
            self.pen.line(brow, fill=self.shade(self.hair_color, 0.7), width=self.line(0.018))

    def nose(self):
        length = self.between(0.09, 0.12)
        box = self.box(0.5, 0.5 + length / 2, 0.03, length / 2)
        self.pen.arc(box, 20, 160, fill=self.shade(self.skin, 0.65), width=self.line(0.014))

    def mouth(self):
        smile, wide, lips = (
            self.between(0.01, 0.06),
            self.between(0.06, 0.1),
            self.choose([(176, 60, 66), (150, 70, 60)]),
        )
        if self.skin in _DARK_SKIN:
            lips = self.shade(lips, 1.3)  # or they could hardly be seen
        box = self.box(0.5, 0.68 - smile / 2, wide, smile + 0.03)
        self.has_teeth = self.chance(0.4)
        if self.has_teeth:
            self.pen.chord(box, 0, 180, fill='white', outline=lips, width=self.line(0.022))
        else:
            self.pen.arc(box, 10, 170, fill=lips, width=self.line(0.034))

    def glasses(self):
        self.has_glasses = self.chance(0.25)
        if not self.has_glasses:
            return
        color, width = self.choose([(24, 24, 28), (120, 40, 40), (40, 60, 120)]), self.line(0.012)
        for side in (-1, 1):
            self.pen.rounded_rectangle(
                self.box(0.5 + side * 0.105, 0.48, 0.08, 0.06), self.side * 0.03, outline=color, width=width
            )
        self.pen.line(self.points(0.475, 0.47, 0.525, 0.47), fill=color, width=width)
