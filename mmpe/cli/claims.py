"""``mmpe claims``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mmpe.apis import load
from mmpe.apis.checks import find_device
from mmpe.apis.results import ResultFolder
from mmpe.arguments import Count
from mmpe.claims import CLAIMS, PROFILES
from mmpe.claims.results import PATTERN, files_of, is_own, read, summary, write, write_page
from mmpe.claims.training import train_all
from mmpe.progress import tracked

from .from_signatures import command
from .options import Device, Folder, Jobs, Overwrite


@command('--claim 1 2 7')
def main(
    *,
    claim: Annotated[list[Literal[tuple(CLAIMS)]] | None, Parameter(metavar='N')] = None,
    profile: Literal[tuple(PROFILES)] = 'cpu',
    out: Folder = Path('work_dirs/claims'),
    overwrite: Overwrite = False,
    seeds: Annotated[Count, Parameter(metavar='N')] = 1,
    jobs: Jobs | None = None,
    device: Device = 'cpu',
    again: bool = False,
) -> None:
    """Put the paper's claims to the test: train small models, measure, say which hold, and draw a figure of each.

    Writes claims.md, claim_1.png, claim_1.json, ... Models are trained once, several at a time, and shared among
    claims. Finished models and measurements are kept, so a run can be interrupted at any time and continued by the same
    command.

    Args:
        claim: numbers of claims; default: all
        profile: size of the models, for a CPU or for a GPU
        seeds: trainings per model, with the seeds 0, 1, ...; errors are then over trainings
        jobs: models trained at a time; default: one per core, or per GPU
        device: device of the measurements, such as cuda
        again: measure again what has been measured
    """
    measured_on = find_device(device)
    plan = PROFILES[profile]
    folder = out / plan.name
    files = ResultFolder('claims', folder, PATTERN, overwrite=overwrite, is_own=is_own)
    claims = [CLAIMS[number] for number in sorted(set(claim or CLAIMS))]
    results = {one: None if again else read(one, plan.name, folder, seeds) for one in claims}
    missing = [one for one in claims if results[one] is None]
    written = {'claims.md', *(name for one in missing for name in files_of(one))}
    files.check(written.__contains__)
    names = list(dict.fromkeys(name for one in missing for name in one.runs))
    checkpoints = train_all({name: plan.runs[name] for name in names}, folder / 'runs', jobs, plan.device, seeds)
    for one in tracked(missing, 'measuring claims'):
        models = {name: [load(path, measured_on) for path in checkpoints[name]] for name in one.runs}
        finding = one.measure(models, plan)
        with files.writing(keep=True) as staging:
            results[one] = write(one, finding, plan.name, staging, seeds)
    print('\n'.join(summary(results)))
    known = {one: results.get(one) or read(one, plan.name, folder) for one in CLAIMS.values()}
    with files.writing(keep=True) as staging:
        page = write_page({one: result for one, result in known.items() if result}, staging)
    print(f'wrote {folder / page.name}')
