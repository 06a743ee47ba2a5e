"""Edits as tasks of the command line, and the options that several tasks share.

A task is a function of a trained SinGAN, ``model``, and of options. Its docstring says what it does and what the
options are for; annotations say how they are read (:mod:`mmpe.arguments`). A dataclass stands for its fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from torch import Tensor

from mmpe.arguments import Count, Seed, Text, read_numbers, real, whole
from mmpe.datasets.picture_files import read_picture
from mmpe.errors import InputError
from mmpe.grid import Box
from mmpe.models.singan import SinGANSampler

from .animation import Animation
from .edited import Edited
from .masks import box_mask, read_mask
from .start_scales import compare_start_scales

TASKS: dict[str, Task] = {}
"""By name; the modules of :mod:`mmpe.editing.edits` fill it."""

Scale = Annotated[int, whole(0, metavar='K')]
Pixels = Annotated[float, real(0, metavar='PIXELS')]
Factor = Annotated[float, real(0, metavar='FACTOR')]
FILE = Text(str, 'FILE')
"""How the name of a file is read, by which an option is known to be one."""

File = Annotated[str, FILE]


def read_point(text: str) -> tuple[float, float]:
    """Read a point or a distance.

    >>> read_point('14,0')
    (14.0, 0.0)
    """
    return read_numbers(text, 2, float, 'a pair of numbers is such as 14,0')


Distance = Annotated[tuple[float, float], Text(read_point, 'RIGHT,DOWN')]
BoxText = Annotated[
    Box,
    Text(
        partial(read_numbers, count=4, kind=int, what='a box is LEFT,TOP,WIDTH,HEIGHT in pixels, such as 27,10,10,33'),
        'LEFT,TOP,WIDTH,HEIGHT',
    ),
]


@dataclass(frozen=True)
class Task:
    """An edit as a task of ``mmpe edit``.

    Attributes:
        name: Of the task.
        function: Takes the model, and options by name.
        example: Arguments of a call, after the checkpoint.
        file: The usual name of the one file that it writes; None: it writes a folder.
        chooses_start_scale: Whether it draws at every start scale to choose one, if none is given.
        takes_picture: Whether an option of its own names the picture that it starts from. All others start from the
            trained picture, or from that of ``--onto``.
    """

    name: str
    function: Callable[..., Edited | Animation]
    example: str
    file: str | None = None
    chooses_start_scale: bool = False
    takes_picture: bool = False


def task(name: str, example: str, **settings: Any) -> Callable[[Callable], Callable]:
    """Make a function a task; ``settings`` are further attributes of :class:`Task`.

    Raises:
        ValueError: If another task has the name.

    >>> @task('nothing', example='--num 2')
    ... def nothing(model: SinGANSampler, *, num: Count = 1) -> Edited:
    ...     return Edited(model.reconstruct().expand(num, -1, -1, -1))
    >>> TASKS.pop('nothing').example
    '--num 2'
    """

    def register(function: Callable) -> Callable:
        if name in TASKS:
            raise ValueError(
                f'two tasks are called {name!r}, in {TASKS[name].function.__module__} and in {function.__module__}: '
                'rename one of them'
            )
        TASKS[name] = Task(name, function, example, **settings)
        return function

    return register


# -------------------------------------------------------------------- options of several tasks


@dataclass
class Draws:
    """Random images.

    Args:
        num: number of images
        seed: the same seed gives the same images
    """

    num: Count = 4
    seed: Seed = 0


@dataclass
class Drawing(Draws):
    """How a layout is drawn, see :func:`~mmpe.editing.redraw`.

    Args:
        num: number of images
        seed: the same seed gives the same images
        start_scale: 0: tell the encoding of the new layout; above: show this scale a picture of it
        vary_from: first scale with random noise in all images but the first; default: the start scale
        no_blend: leave the picture as it was drawn where the edit does not reach, too
    """

    start_scale: Scale = 1
    vary_from: Scale | None = None
    no_blend: bool = False

    def options(self) -> dict[str, Any]:
        """Arguments of :func:`~mmpe.editing.redraw`."""
        return dict(
            num=self.num,
            seed=self.seed,
            start_scale=self.start_scale,
            vary_from=self.vary_from,
            blending=not self.no_blend,
        )


@dataclass
class Part:
    """A part of the picture.

    Args:
        box: which part, in pixels
        mask: which part: a picture that is white there
    """

    box: BoxText | None = None
    mask: File | None = None

    def __post_init__(self):
        if self.box is not None and self.mask is not None:
            raise InputError('argument --mask: not allowed with argument --box')
        if self.box is None and self.mask is None:
            raise InputError('one of the arguments --box --mask is required')

    def of(self, model: SinGANSampler) -> Tensor:
        """As a mask (1, 1, H, W) of the model's picture."""
        size = model.scaled_sizes()[-1]
        return box_mask(self.box, size) if self.box is not None else read_mask(self.mask, size)


@dataclass
class Masked:
    """A picture that the user has changed, and where.

    Args:
        picture: the changed picture
        mask: white where that is; beyond it, and --dilation, all stays as it is
        dilation: by how much the mask is extended
        softness: how wide the way is from what is made to what stays, inside the extended mask; default: the dilation
    """

    picture: File
    mask: File
    dilation: Annotated[int | None, whole(0, metavar='PIXELS')] = None
    softness: Pixels | None = None

    def read(self, model: SinGANSampler) -> dict[str, Any]:
        """Arguments of :func:`~mmpe.editing.harmonise` and :func:`~mmpe.editing.edit`."""
        mask = read_mask(self.mask, model.scaled_sizes()[-1])
        return dict(picture=read_picture(self.picture), mask=mask, dilation=self.dilation, softness=self.softness)


@dataclass
class Injection(Draws):
    """How a picture is injected, see :func:`~mmpe.editing.inject`.

    Args:
        num: number of images
        seed: the same seed gives the same images
        start_scale: first scale that refines the picture, from 1, which makes most of it anew; default: the one whose
            result looks most like the photograph and like what was given
        sheet: one image of each start scale instead, to choose from
        noise: 0: none, all are the same
    """

    start_scale: Scale | None = None
    sheet: bool = False
    noise: Factor = 1.0

    def run(self, model: SinGANSampler, application: Callable[..., Edited]) -> Edited:
        """Apply, once or at every start scale; ``application`` takes start_scale, num, seed and noise."""
        application = partial(application, seed=self.seed, noise=self.noise)
        if self.sheet:
            return compare_start_scales(model, lambda start_scale: application(start_scale=start_scale, num=1))
        return application(start_scale=self.start_scale, num=self.num)
