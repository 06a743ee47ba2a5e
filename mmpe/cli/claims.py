"""Put the paper's claims to the test: train small models, measure, say which claims hold, and draw a figure of each.

Writes claims.md, claim_1.png, claim_1.json, ... Models are trained once, several at a time, and shared among claims.
What is trained or measured already is not done again, so a run can be interrupted at any time and continued by the same
command.
"""

from pathlib import Path

from tqdm import tqdm

from mmpe.apis import load
from mmpe.apis.checks import find_device
from mmpe.apis.command_line import command, count, parser
from mmpe.apis.results import ResultFolder, add_overwrite
from mmpe.claims import CLAIMS, PROFILES
from mmpe.claims.results import PATTERN, files_of, is_own, read, summary, write, write_page
from mmpe.claims.training import train_all


def parse_args():
    p = parser(__doc__, '--claim 1 2 7')
    p.add_argument(
        '--claim', type=int, nargs='+', choices=list(CLAIMS), default=list(CLAIMS), metavar='N', help='default: all'
    )
    p.add_argument(
        '--profile',
        choices=list(PROFILES),
        default='cpu',
        help='how much is trained, and on what; default: %(default)s',
    )
    p.add_argument('--out', type=Path, default=Path('work_dirs/claims'), metavar='DIR', help='default: %(default)s')
    add_overwrite(p)
    p.add_argument('--jobs', type=count, metavar='N', help='models trained at a time; default: one a core, or a GPU')
    p.add_argument('--device', default='cpu', help='to measure on, such as cuda; default: %(default)s')
    p.add_argument('--again', action='store_true', help='measure again what has been measured')
    return p.parse_args()


@command
def main():
    args = parse_args()
    device = find_device(args.device)
    profile = PROFILES[args.profile]
    out = args.out / profile.name
    files = ResultFolder('claims', out, PATTERN, overwrite=args.overwrite, is_own=is_own)
    claims = [CLAIMS[number] for number in sorted(set(args.claim))]
    results = {claim: None if args.again else read(claim, profile.name, out) for claim in claims}
    missing = [claim for claim in claims if results[claim] is None]
    written = {'claims.md', *(name for claim in missing for name in files_of(claim))}
    files.check(written.__contains__)
    names = list(dict.fromkeys(name for claim in missing for name in claim.runs))
    checkpoints = train_all({name: profile.runs[name] for name in names}, out / 'runs', args.jobs, profile.device)
    for claim in tqdm(missing, unit='claim', desc='measuring'):
        models = {name: load(checkpoints[name], device) for name in claim.runs}
        finding = claim.measure(models, profile)
        with files.writing(keep=True) as folder:
            results[claim] = write(claim, finding, profile.name, folder)
    print('\n'.join(summary(results)))
    known = {claim: results.get(claim) or read(claim, profile.name, out) for claim in CLAIMS.values()}
    with files.writing(keep=True) as folder:
        page = write_page({claim: result for claim, result in known.items() if result}, folder)
    print(f'wrote {out / page.name}')
