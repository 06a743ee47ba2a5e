"""``mmpe audit``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mmpe.analysis import analysis_inputs, audit
from mmpe.analysis.inputs import check_audit
from mmpe.apis import load
from mmpe.apis.checks import find_device
from mmpe.apis.results import check_result, input_files, is_marked
from mmpe.arguments import Count, Seed, Size, whole

from .from_signatures import command
from .options import Checkpoint, Device, Overwrite

USUAL_LAYERS = 12


@command('work_dirs/singan_balloons/iter_16000.pth --out report.html')
def main(
    checkpoint: Checkpoint,
    /,
    *,
    out: Annotated[Path, Parameter(metavar='HTML')] = Path('audit.html'),
    overwrite: Overwrite = False,
    num: Annotated[int, whole(16)] = 128,
    layers: Annotated[list[str] | None, Parameter(metavar='NAME')] = None,
    size: Size | None = None,
    batch: Count = 8,
    seed: Seed = 0,
    device: Device = 'cpu',
) -> None:
    """Say what a generator knows about position: one page with figures, numbers and a verdict in words.

    Shows where the generator gets its position information from, how far from the border it reaches, how it is balanced
    between border and center, and what other padding would change. For your own model, call mmpe.analysis.audit from
    Python.

    Args:
        num: number of random images, at least 16
        layers: names in named_modules() of the generator, "output" for the image; default: 12 layers, evenly spaced
        size: size of the images, in pixels; default: the model's
        batch: images at a time
        seed: the same seed gives the same report
    """
    check_result(out, input_files(checkpoint), overwrite, partial(is_marked, tool='audit'), suffixes=('.html', '.htm'))
    model = load(checkpoint, find_device(device))
    inputs = analysis_inputs(model, size)
    check_audit(model, size, num, batch, len(layers or range(USUAL_LAYERS)))
    found = audit(
        inputs.generator,
        inputs.sample_input,
        out,
        layers,
        num,
        batch,
        seed,
        title=f'{type(inputs.generator).__name__}, {Path(checkpoint).name}',
        translation=inputs.translation,
    )
    print(found.verdict)
    print(f'wrote {out}')
