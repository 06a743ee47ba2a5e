"""Score a checkpoint as its config says: print a table of sizes and scores, and write them as JSON."""

import json
from pathlib import Path

from mmengine.dist import is_main_process

from mmpe.apis import score_table, test
from mmpe.apis.command_line import add_picture_options, add_run_options, command, parser, read_run_config
from mmpe.apis.results import add_overwrite, check_result, input_files
from mmpe.files import write_atomic


def parse_args():
    p = parser(
        __doc__,
        'CONFIG.py work_dirs/CONFIG/iter_1100000.pth --cfg-options test_evaluator.0.network=inception-2015-12-05.pt',
    )
    p.add_argument('config', help='the config file')
    p.add_argument('checkpoint', help='written by mmpe train or mmpe convert')
    p.add_argument('--work-dir', help='where to write; default: work_dirs/CONFIG_NAME/test')
    p.add_argument(
        '--out', type=Path, metavar='JSON', help='the file to write; default: CHECKPOINT_NAME.json in the work dir'
    )
    add_overwrite(p)
    add_picture_options(p, 'the real pictures for metrics that do not name their own')
    add_run_options(p, 'test_dataloader.dataset.num=1000')
    return p.parse_args()


def is_own(file):
    """Whether a file holds scores, as this tool writes them."""
    try:
        return all(isinstance(score, (int, float)) for score in json.loads(file.read_bytes()).values())
    except (ValueError, TypeError, AttributeError):
        return False


@command
def main():
    args = parse_args()
    config = read_run_config(args)
    # a folder of its own: MMEngine would overwrite the config that training has left
    config.work_dir = args.work_dir or str(Path(config.work_dir) / 'test')
    out = args.out or Path(config.work_dir) / f'{Path(args.checkpoint).stem}.json'
    check_result(out, input_files(args.config, args.checkpoint, config.to_dict()), args.overwrite, is_own)
    scores = test(config, args.checkpoint)
    if is_main_process():
        write_atomic(out, json.dumps(scores, indent=2) + '\n')
        print('\n'.join(score_table(scores)))
        print(f'wrote {out}')
