"""``mmpe gpu-report``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mmpe.apis.checks import find_device
from mmpe.apis.results import check_result, contains
from mmpe.arguments import Count
from mmpe.benchmarks.gpu_report import Plan, gpu_report
from mmpe.files import write_atomic

from .from_signatures import command
from .options import Device, Overwrite

MARK = '<!-- written by mmpe gpu-report -->'


@command('--out gpu_report.md')
def main(
    *,
    out: Path = Path('gpu_report.md'),
    device: Device = 'cuda',
    quick: bool = False,
    steps: Count | None = None,
    tests: Path = Path('tests'),
    overwrite: Overwrite = False,
) -> None:
    """Check and time all that only a GPU can show, and write it to one Markdown file.

    It runs the GPU tests, compares samples with the CPU's, trains in float32, TF32, bfloat16 and float16, times the
    parts of training with and without compilation and CUDA graphs, and compares the memory that training takes with the
    estimate of mmpe memory. The file is written after each section, so a report that is stopped keeps them. A section
    that fails says why, and the others are still made; the exit code is then 1.

    Args:
        out: what to write
        quick: do little, to see that the report works, as on a CPU
        steps: steps of training in each precision; default: 500, or 2 if quick
        tests: the folder of mmpe's tests
    """
    found = find_device(device)
    check_result(out, [], overwrite, partial(contains, text=MARK), suffixes=['.md'])
    plan = Plan(found, quick, steps or (2 if quick else Plan.steps))
    failed = gpu_report(plan, lambda text: write_atomic(out, f'{MARK}\n\n{text}'), tests)
    print(f'wrote {out}' + (f'; {failed} of its sections failed' if failed else ''))
    if failed:
        raise SystemExit(1)
