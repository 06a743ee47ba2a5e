"""``mmpe gpu-report``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mmpe.apis.checks import find_device
from mmpe.apis.results import check_result, contains
from mmpe.benchmarks.gpu_report import gpu_report
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
    tests: Path = Path('tests'),
    overwrite: Overwrite = False,
) -> None:
    """Check and time all that only a GPU can show, and write it to one Markdown file.

    It runs the GPU tests, compares samples with the CPU's, trains in float32, TF32, bfloat16 and float16, times the
    parts of training with and without compilation and CUDA graphs, and compares the memory that training takes with the
    estimate of mmpe memory. A section that fails says why, and the others are still made; the exit code is then 1.

    Args:
        out: what to write
        quick: do little, to see that the report works, as on a CPU
        tests: the folder of mmpe's tests
    """
    found = find_device(device)
    check_result(out, [], overwrite, partial(contains, text=MARK), suffixes=['.md'])
    text, failed = gpu_report(found, quick, tests)
    write_atomic(out, f'{MARK}\n\n{text}')
    print(f'wrote {out}' + (f'; {failed} of its sections failed' if failed else ''))
    if failed:
        raise SystemExit(1)
