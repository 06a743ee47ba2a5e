"""``mmpe test``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from mmengine.dist import is_main_process

from mmpe.apis import score_table, test
from mmpe.apis.results import check_result, input_files
from mmpe.files import write_atomic

from .from_signatures import command
from .options import Checkpoint, ConfigFile, Launcher, LocalRank, Overrides, Overwrite, Picture, Pictures
from .run_config import read_run_config


@command('CONFIG.py work_dirs/CONFIG/iter_1100000.pth --cfg-options test_evaluator.0.network=inception-2015-12-05.pt')
def main(
    config: ConfigFile,
    checkpoint: Checkpoint,
    /,
    *,
    work_dir: str | None = None,
    out: Annotated[Path | None, Parameter(metavar='JSON')] = None,
    overwrite: Overwrite = False,
    compile: bool = False,
    picture: Picture | None = None,
    pictures: Pictures | None = None,
    cfg_options: Overrides | None = None,
    launcher: Launcher = 'none',
    local_rank: LocalRank | None = None,
) -> None:
    """Score a checkpoint as its config says: print a table of sizes and scores, and write them as JSON.

    Args:
        work_dir: where to write; default: work_dirs/CONFIG_NAME/test
        out: the file to write; default: CHECKPOINT_NAME.json in the work dir
        compile: torch.compile the generator, which pays for many images
        picture: the real picture for metrics that do not name their own, a SinGAN's: a file or skimage://NAME, exactly
            as typed
        pictures: the real pictures for them, another model's: a folder or an LMDB, exactly as typed
        cfg_options: overrides, such as test_dataloader.dataset.num=1000
    """
    run = read_run_config(config, cfg_options, launcher, local_rank, picture, pictures)
    # a folder of its own: MMEngine would overwrite the config that training has left
    run.work_dir = work_dir or str(Path(run.work_dir) / 'test')
    out = out or Path(run.work_dir) / f'{Path(checkpoint).stem}.json'
    check_result(out, input_files(config, checkpoint, run.to_dict()), overwrite, is_own)
    scores = test(run, checkpoint, compile)
    if is_main_process():
        write_atomic(out, json.dumps(scores, indent=2) + '\n')
        print('\n'.join(score_table(scores)))
        print(f'wrote {out}')


def is_own(file: Path) -> bool:
    """Whether a file holds scores, as this tool writes them."""
    try:
        return all(isinstance(score, (int, float)) for score in json.loads(file.read_bytes()).values())
    except (ValueError, TypeError, AttributeError):
        return False
