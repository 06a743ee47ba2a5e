"""Say what a generator knows about position: one page with figures, numbers and a verdict in words.

Shows where the generator gets its sense of place, how far it goes in from the border, how it is balanced between border
and center, and what other padding would change. For a model of your own call mmpe.analysis.audit from Python.
"""

from functools import partial
from pathlib import Path

from mmpe.analysis import analysis_inputs, audit
from mmpe.analysis.inputs import check_audit
from mmpe.apis import load
from mmpe.apis.checks import find_device
from mmpe.apis.command_line import command, parser, seed, size, whole
from mmpe.apis.results import add_overwrite, check_result, inputs_of, is_marked

USUAL_LAYERS = 12


def parse_args():
    p = parser(__doc__, 'work_dirs/singan_balloons/iter_16000.pth --out report.html')
    p.add_argument('checkpoint', help='written by mmpe train or mmpe convert')
    p.add_argument('--out', type=Path, default=Path('audit.html'), metavar='HTML', help='default: %(default)s')
    add_overwrite(p)
    p.add_argument(
        '--num', type=whole(16), default=128, help='number of random images, at least 16; default: %(default)s'
    )
    p.add_argument(
        '--layers',
        nargs='+',
        metavar='NAME',
        help='as in named_modules() of the generator, "output" for the image; default: 12 of all, evenly spaced',
    )
    p.add_argument('--size', type=size, metavar='HEIGHTxWIDTH', help="of the images, in pixels; default: the model's")
    p.add_argument('--batch', type=whole(1), default=8, help='images at a time; default: %(default)s')
    p.add_argument('--seed', type=seed, default=0, help='the same seed gives the same report; default: %(default)s')
    p.add_argument('--device', default='cpu', help='such as cuda; default: %(default)s')
    return p.parse_args()


@command
def main():
    args = parse_args()
    own = partial(is_marked, tool='audit')
    check_result(args.out, inputs_of(args, 'out'), args.overwrite, own, suffixes=('.html', '.htm'))
    model = load(args.checkpoint, find_device(args.device))
    inputs = analysis_inputs(model, args.size)
    check_audit(model, args.size, args.num, args.batch, len(args.layers or range(USUAL_LAYERS)))
    found = audit(
        inputs.generator,
        inputs.sample_input,
        args.out,
        args.layers,
        args.num,
        args.batch,
        args.seed,
        title=f'{type(inputs.generator).__name__}, {Path(args.checkpoint).name}',
        translation=inputs.translation,
    )
    print(found.verdict)
    print(f'wrote {args.out}')
