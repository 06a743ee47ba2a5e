"""Pictures that edits need, drawn from the photograph; places are shares of its width and height."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

from mmpe.datasets import read_picture
from mmpe.visualization import to_picture, write_picture

Drawing = Callable[[Image.Image], Image.Image]


def painting(ground, *shapes) -> Drawing:
    """A crude painting in colors of the photograph.

    Args:
        ground (tuple[float, float]): Where the photograph has the color of the ground, as shares of (width, height).
        *shapes (tuple): Ellipses (left, top, right, bottom, x, y), in the photograph's color at (x, y).
    """

    def draw(photograph):
        def color(x, y):
            return photograph.getpixel((int(x * photograph.width), int(y * photograph.height)))

        picture = Image.new('RGB', photograph.size, color(*ground))
        for *box, x, y in shapes:
            ImageDraw.Draw(picture).ellipse(pixels_of(box, picture.size), fill=color(x, y))
        return picture

    return draw


def flat(*boxes) -> Drawing:
    """White rectangles (left, top, right, bottom), as shares of the photograph's width and height, on black."""

    def draw(photograph):
        picture = Image.new('RGB', photograph.size)
        for box in boxes:
            picture.paste('white', pixels_of(box, picture.size))
        return picture

    return draw


def pasted(source, box, left_top) -> Drawing:
    """The photograph with a part of another one, or of itself, pasted into it.

    Args:
        source (str | None): ``skimage://NAME``; None: the photograph.
        box (tuple[float, ...]): Which part, (left, top, right, bottom) as shares of its width and height.
        left_top (tuple[float, float]): Where to, as shares of the photograph's width and height.
    """

    def draw(photograph):
        other = photograph
        if source:
            other = to_picture(read_picture(source))
            other.thumbnail(photograph.size, Image.Resampling.LANCZOS)
        picture = photograph.copy()
        picture.paste(other.crop(pixels_of(box, other.size)), pixels_of(left_top, picture.size))
        return picture

    return draw


def changed_by(drawing: Drawing) -> Drawing:
    """The mask of a drawing: white in the smallest rectangle around all that differs from the photograph."""

    def draw(photograph):
        left, top, right, bottom = ImageChops.difference(drawing(photograph), photograph).getbbox()
        mask = Image.new('L', photograph.size)
        mask.paste(255, (left, top, right, bottom))
        return mask

    return draw


def pixels_of(shares: Sequence[float], size: tuple[int, int]) -> tuple[int, ...]:
    """Shares of (width, height) in turn, in pixels.

    >>> pixels_of((0.5, 0.25), (100, 40))
    (50, 10)
    """
    return tuple(round(share * size[i % 2]) for i, share in enumerate(shares))


def write_if_changed(picture: Image.Image, file: Path) -> bool:
    """Write a PNG, unless it is there as it is; returns whether it was written."""
    if file.exists():
        with suppress(OSError), Image.open(file) as there:
            if there.mode == picture.mode and there.size == picture.size and there.tobytes() == picture.tobytes():
                return False
    write_picture(picture, file)
    return True
