"""Train the network whose features compare drawn faces, in about a minute; mmpe comes with one."""

from pathlib import Path

from mmpe.apis.command_line import command, parser
from mmpe.apis.features import train_face_features
from mmpe.apis.results import add_overwrite, check_result
from mmpe.errors import InputError
from mmpe.evaluation import FaceFeatures


def parse_args():
    p = parser(__doc__, 'face_features.pth')
    p.add_argument('out', type=Path, help='the file to write')
    p.add_argument('--iterations', type=int, default=600, help='batches of 64 faces (default: %(default)s)')
    p.add_argument('--seed', type=int, default=0, help='of the initial weights (default: %(default)s)')
    add_overwrite(p)
    return p.parse_args()


def is_own(file):
    """Whether a file holds such a network."""
    try:
        FaceFeatures(file)
    except InputError:
        return False
    return True


@command
def main():
    args = parse_args()
    check_result(args.out, (), args.overwrite, is_own)
    accuracy = train_face_features(args.out, args.iterations, args.seed)
    print('\n'.join(f'{name:12} {share:7.1%} right' for name, share in accuracy.items()))
    print(f'wrote {args.out}')
