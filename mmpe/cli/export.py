"""``mmpe export``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from mmpe.apis import export, load
from mmpe.apis.export import FORMATS, Exported, check_format
from mmpe.apis.results import check_result, contains
from mmpe.arguments import real
from mmpe.models.sampled import as_sampled
from mmpe.numbers import size_text

from .from_signatures import command
from .options import Checkpoint, Overwrite


@command('work_dirs/singan_balloons/iter_16000.pth --format onnx --out balloons.onnx')
def main(
    checkpoint: Checkpoint,
    /,
    *,
    format: Literal[tuple(FORMATS)] = 'onnx',
    out: Path | None = None,
    truncation: Annotated[float | None, real(metavar='PSI')] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a model's sampler as one file that runs without mmpe, in ONNX runtimes or in PyTorch.

    Noise and z are its inputs, and images are its output. How many images, and of which size, follows from the inputs'
    shapes, which the file describes in its metadata. Before the file is kept, its images are compared with PyTorch's at
    several sizes.

    Args:
        format: onnx needs `pip install 'mmpe[export]'`; torch is a .pt2 for torch.export.load
        out: what to write; default: the checkpoint's name with .onnx or .pt2, in the current folder
        truncation: how far styles may be from the mean one, 0 to 1, in models that have styles; default: 1
    """
    out = out or Path(Path(checkpoint).stem + FORMATS[format].suffix)
    inputs = [checkpoint]
    check_format(format, out, inputs=inputs)
    check_result(out, inputs, overwrite, partial(contains, text='export", "model": '))
    model = as_sampled(load(checkpoint))
    if model.describe_progress():
        print(model.describe_progress())
    print(told(export(model, out, format, truncation)))


def told(exported: Exported) -> str:
    """What was written, for people: a line per input."""
    output = exported.description['output']
    size = size_text(exported.description['own_size'])
    lines = [f'wrote {exported.path}, with {_shape(output)}: {output["values"]}; its own size is {size}']
    lines += [f'  {_shape(taken)}: {taken["values"]}' for taken in exported.description['inputs']]
    compared = ', '.join(map(size_text, exported.sizes))
    lines.append(f'compared with PyTorch at {compared}: the largest difference is {exported.difference:.1g}')
    return '\n'.join(lines)


def _shape(tensor: dict) -> str:
    return f'{tensor["name"]} ({", ".join(map(str, tensor["shape"]))})'
