"""Score the samples of SinGAN checkpoints, and print a Markdown table of one row each.

Higher is better for structure (at most 1) and diversity (0: all samples are the same); lower is better for the sliced
Wasserstein distances (SWD) between patches, at full, half and quarter size, and for the RMSE of the reconstruction.
"""

import json
from pathlib import Path

import torch
from tqdm import tqdm

from mmpe.apis import load_singan, sample
from mmpe.apis.command_line import command, parser, seed, size, whole
from mmpe.apis.results import add_overwrite, check_result, inputs_of
from mmpe.evaluation import single_picture_scores
from mmpe.files import write_atomic
from mmpe.models.sampled import check_memory
from mmpe.visualization import markdown_table

COLUMNS = dict(
    structure='structure',
    diversity='diversity',
    swd_3x3='SWD 3x3',
    swd_7x7='SWD 7x7',
    swd_5x5_half='SWD 5x5/2',
    swd_5x5_quarter='SWD 5x5/4',
    reconstruction_rmse='reconstruction RMSE',
)


def parse_args():
    p = parser(
        __doc__,
        'work_dirs/*/iter_2000.pth --json scores.json',
    )
    p.add_argument('checkpoints', nargs='+', metavar='CKPT', help='written by mmpe train')
    p.add_argument(
        '--num',
        type=whole(2),
        default=32,
        help='samples of each, at least 2; default: %(default)s',
    )
    p.add_argument('--seed', type=seed, default=0, help='of the samples; default: %(default)s')
    p.add_argument('--size', type=size, metavar='HEIGHTxWIDTH', help="of the samples; default: the training picture's")
    p.add_argument('--json', type=Path, metavar='OUT', help='write the scores to this file too')
    add_overwrite(p)
    return p.parse_args()


def evaluate(model, num, size, seed):
    """The scores of one model."""
    check_memory(model, size or model.scaled_sizes()[-1], num)
    drawn = tqdm(sample(model, num, size, seed=seed), total=num, unit='sample', leave=False)
    return single_picture_scores(torch.stack(list(drawn)), model.picture, model.reconstruct())


def is_own(file):
    """Whether a file holds scores, as this tool writes them."""
    try:
        return all(set(COLUMNS) <= set(scores) for scores in json.loads(file.read_bytes()).values())
    except (ValueError, TypeError, AttributeError):
        return False


@command
def main():
    args = parse_args()
    if args.json:
        check_result(args.json, inputs_of(args, 'json'), args.overwrite, is_own)
    models = [load_singan(path) for path in args.checkpoints]
    results = [evaluate(model, args.num, args.size, args.seed) for model in models]
    numbers = [[path, *(f'{scores[name]:.4f}' for name in COLUMNS)] for path, scores in zip(args.checkpoints, results)]
    print('\n'.join(markdown_table([['checkpoint', *COLUMNS.values()], *numbers])))
    if args.json:
        write_atomic(args.json, json.dumps(dict(zip(args.checkpoints, results)), indent=2) + '\n')
