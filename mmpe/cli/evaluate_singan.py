"""``mmpe evaluate-singan``."""

from __future__ import annotations

from json import dumps, loads
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import Parameter

from mmpe.apis import load_singan, sample
from mmpe.apis.results import check_result, input_files
from mmpe.arguments import Seed, Size, whole
from mmpe.evaluation import single_picture_scores
from mmpe.files import write_atomic
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANSampler
from mmpe.progress import tracked
from mmpe.visualization import markdown_table

from .from_signatures import command
from .options import Overwrite

COLUMNS = dict(
    structure='structure',
    diversity='diversity',
    swd_3x3='SWD 3x3',
    swd_7x7='SWD 7x7',
    swd_5x5_half='SWD 5x5/2',
    swd_5x5_quarter='SWD 5x5/4',
    reconstruction_rmse='reconstruction RMSE',
)


@command('work_dirs/*/iter_2000.pth --json scores.json')
def main(
    checkpoints: Annotated[list[str], Parameter(name='CKPT')],
    /,
    *,
    num: Annotated[int, whole(2)] = 32,
    seed: Seed = 0,
    size: Size | None = None,
    json: Annotated[Path | None, Parameter(metavar='OUT')] = None,
    overwrite: Overwrite = False,
) -> None:
    """Score the samples of SinGAN checkpoints, and print a Markdown table with one row per checkpoint.

    Higher is better for structure (at most 1) and diversity (0: all samples are the same). Lower is better for the
    sliced Wasserstein distances (SWD) between patches, at full, half and quarter size, and for the RMSE of the
    reconstruction.

    Args:
        checkpoints: written by mmpe train
        num: number of samples per checkpoint, at least 2
        seed: seed of the samples
        size: size of the samples; default: the training picture's
        json: write the scores to this file too
    """
    if json:
        check_result(json, input_files(checkpoints), overwrite, is_own)
    models = [load_singan(path) for path in checkpoints]
    results = [evaluate(model, num, size, seed) for model in models]
    numbers = [[path, *(f'{scores[name]:.4f}' for name in COLUMNS)] for path, scores in zip(checkpoints, results)]
    print('\n'.join(markdown_table([['checkpoint', *COLUMNS.values()], *numbers])))
    if json:
        write_atomic(json, dumps(dict(zip(checkpoints, results)), indent=2) + '\n')


def evaluate(model: SinGANSampler, num: int, size: tuple[int, int] | None, seed: int) -> dict[str, float]:
    """The scores of one model."""
    check_memory(model, size or model.scaled_sizes()[-1], num)
    drawn = tracked(sample(model, num, size, seed=seed), 'sample', num)
    return single_picture_scores(torch.stack(list(drawn)), model.picture, model.reconstruct())


def is_own(file: Path) -> bool:
    """Whether a file holds scores, as this tool writes them."""
    try:
        return all(set(COLUMNS) <= set(scores) for scores in loads(file.read_bytes()).values())
    except (ValueError, TypeError, AttributeError):
        return False
