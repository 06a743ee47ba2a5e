"""Draw the pictures that edits need from the photograph. Places are fractions of its width and height."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

from mmpe.datasets import read_picture
from mmpe.visualization import to_picture, write_picture

Drawing = Callable[[Image.Image], Image.Image]


def painting(ground: tuple[float, float], *shapes: tuple[float, ...]) -> Drawing:
    """A simple painting in colors of the photograph.

    Args:
        ground: The point (x, y) where the photograph has the color of the background.
        *shapes: Ellipses (left, top, right, bottom, x, y), in the photograph's color at (x, y).
    """

    def draw(photograph: Image.Image) -> Image.Image:
        def color(x: float, y: float) -> tuple[int, ...]:
            return photograph.getpixel((int(x * photograph.width), int(y * photograph.height)))

        picture = Image.new('RGB', photograph.size, color(*ground))
        for *box, x, y in shapes:
            ImageDraw.Draw(picture).ellipse(pixels_of(box, picture.size), fill=color(x, y))
        return picture

    return draw


def flat(*boxes: tuple[float, ...]) -> Drawing:
    """White rectangles (left, top, right, bottom) on black."""

    def draw(photograph: Image.Image) -> Image.Image:
        picture = Image.new('RGB', photograph.size)
        for box in boxes:
            picture.paste('white', pixels_of(box, picture.size))
        return picture

    return draw


def pasted(source: str | None, box: tuple[float, ...], left_top: tuple[float, float]) -> Drawing:
    """The photograph with a part of another photograph, or of itself, pasted into it.

    Args:
        source: ``skimage://NAME``. None: the photograph itself.
        box: The part of the source, (left, top, right, bottom).
        left_top: The place where it is pasted.
    """

    def draw(photograph: Image.Image) -> Image.Image:
        other = photograph
        if source:
            other = to_picture(read_picture(source))
            other.thumbnail(photograph.size, Image.Resampling.LANCZOS)
        picture = photograph.copy()
        picture.paste(other.crop(pixels_of(box, other.size)), pixels_of(left_top, picture.size))
        return picture

    return draw


def changed_by(drawing: Drawing) -> Drawing:
    """The mask of a drawing: white in the smallest rectangle around all differences from the photograph."""

    def draw(photograph: Image.Image) -> Image.Image:
        left, top, right, bottom = ImageChops.difference(drawing(photograph), photograph).getbbox()
        mask = Image.new('L', photograph.size)
        mask.paste(255, (left, top, right, bottom))
        return mask

    return draw


def pixels_of(shares: Sequence[float], size: tuple[int, int]) -> tuple[int, ...]:
    """Convert fractions of width and height, in turn, to pixels.

    >>> pixels_of((0.5, 0.25), (100, 40))
    (50, 10)
    """
    return tuple(round(share * size[i % 2]) for i, share in enumerate(shares))


def write_if_changed(picture: Image.Image, file: Path) -> bool:
    """Write a PNG, unless the file holds the same picture already. Returns whether it was written."""
    if file.exists():
        with suppress(OSError), Image.open(file) as there:
            if there.mode == picture.mode and there.size == picture.size and there.tobytes() == picture.tobytes():
                return False
    write_picture(picture, file)
    return True
