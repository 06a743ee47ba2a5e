"""Recipes: what makes a picture of the studio again, as command lines and as Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .operations import Operation


@dataclass(frozen=True)
class Step:
    """An operation of which an image was taken.

    Attributes:
        operation: What was done.
        image: The number of the image.
        file: The file that the image was kept in, as the options of later operations name it; empty for the last step.
    """

    operation: Operation
    image: int
    file: str = ''


@dataclass(frozen=True)
class Recipe:
    """What makes a picture again, in the folder of the studio.

    Attributes:
        command: One command line per step.
        python: A program that does the same.
        file: Where both write the picture.
    """

    command: str
    python: str
    file: str


def write_recipe(steps: Sequence[Step], checkpoint: str) -> Recipe:
    """Write the recipe of the last of several steps, each of which starts from the image of the one before.

    Args:
        steps: At least one.
        checkpoint: Of the model, in the folder of the studio.

    >>> from pathlib import Path
    >>> from mmpe.editing.task_options import find_task
    >>> move = Operation(find_task('move'), dict(box='4,6,8,10', by='3,0'), Path('studio'))
    >>> warp = Operation(find_task('warp'), dict(points=['4,6:5,6'], onto='files/1f.png'), Path('studio'))
    >>> recipe = write_recipe([Step(move, 2, 'files/1f.png'), Step(warp, 0)], 'x.pth')
    >>> print(recipe.command)
    mmpe edit move x.pth --box=4,6,8,10 --by=3,0 --out step_1
    mmpe edit warp x.pth --points=4,6:5,6 --onto=step_1/edited_002.png --out edited_warp
    """
    commands, lines = [], []
    kept: dict[str, str] = {}
    for number, step in enumerate(steps, 1):
        operation = step.operation
        for old, new in kept.items():
            operation = operation.with_file(old, new)
        usual = operation.task.file or f'edited_{operation.task.name}'
        out = f'step_{number}' if number < len(steps) else usual
        commands.append(operation.command(checkpoint, out))
        lines.append(operation.python(out))
        written = operation.written(out, step.image)
        kept[step.file] = written
    python = ['from mmpe.apis import load_singan, run_task', '', f'model = load_singan({checkpoint!r})', *lines, '']
    return Recipe('\n'.join(commands), '\n'.join(python), written)
