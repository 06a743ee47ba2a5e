"""Compare the schedules of SinGAN configs: how good the images are, and how long training takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from mmengine.config import Config

from mmpe.apis.many_pictures import find_config, find_pictures, picture_config, train_many
from mmpe.apis.one_picture import read_result
from mmpe.apis.workers import find_devices, plan_workers
from mmpe.errors import InputError
from mmpe.models.singan.iterations import first_iteration
from mmpe.visualization import markdown_table

_SCORES = {
    'structure': 'structure',
    'swd_7x7': 'SWD 7x7',
    'reconstruction_rmse': 'RMSE',
    'diversity': 'diversity',
}
_HEADER = ['schedule', 'seeds', 'iterations', 'seconds', 'CPU seconds', *_SCORES.values()]
_TIMES = ('seconds', 'cpu_seconds')
_UNKNOWN = '-'


def compare_schedules(
    configs: Sequence[str],
    pictures: Sequence[str],
    max_size: int,
    seeds: Sequence[int],
    out: Path,
    cores: int,
    threads: int = 1,
    options: Mapping | None = None,
) -> tuple[str, dict[str, str]]:
    """Train each config on each picture with each seed, and tabulate scores and times.

    The work dir of a run is ``out/CONFIG/MAX_SIZE/PICTURE/SEED``. Finished runs are kept, and others are resumed.

    Args:
        configs: Configs of a SinGAN: files, or ``mmpe::NAME``.
        pictures: Files, folders, or ``skimage://NAME``.
        max_size: The long side of the pictures, in pixels.
        seeds: The seeds of the runs.
        out: The folder of the work dirs.
        cores: CPU cores for all runs together.
        threads: CPU threads per run. Another number of them gives other bits.
        options: Overrides for all runs, by dotted keys.

    Returns:
        A Markdown table with one row per picture and config, and the reasons of failures, by the names of the runs.
        Times and scores are means over the seeds that are finished, scores with their standard deviation. Times leave
        runs out that were interrupted.

    Raises:
        InputError: If a config or a picture cannot be used, or two configs have the same name.

    >>> configs = ['mmpe::singan/singan_fast.py', 'mmpe::singan/singan_balloons.py']
    >>> table, failures = compare_schedules(
    ...     configs, ['skimage://coffee'], max_size=64, seeds=[0, 1, 2], out=Path('runs'), cores=2
    ... )  # doctest: +SKIP
    """
    found = find_pictures(pictures, out)
    groups = {
        f'{name}/{max_size}/{picture}': picture_config(config, path, out)
        for picture, path in found.items()
        for name, config in _read(configs, {'train_dataloader.dataset.max_size': max_size, **(options or {})}).items()
    }
    seeds = list(dict.fromkeys(seeds))
    runs = {
        f'{group}/{seed}': _seeded(config, seed, out / group / str(seed))
        for seed in seeds
        for group, config in groups.items()
    }
    failures = train_many(runs, plan_workers(len(runs), find_devices(), cores, threads=threads))
    rows = [_row(group, [read_result(out / group / str(seed)) for seed in seeds]) for group in groups]
    return '\n'.join(markdown_table([_HEADER, *rows])), failures


def _read(configs: Sequence[str], options: Mapping) -> dict[str, Config]:
    read = {}
    for path in configs:
        name = Path(path.rpartition('::')[2]).stem
        if name in read:
            raise InputError(f'two configs have the name {name}, and their runs would share a folder: rename one')
        read[name] = find_config(path, dict(options))
    return read


def _seeded(config: Config, seed: int, work_dir: Path) -> Config:
    config = Config(config._cfg_dict.to_dict(), filename=config.filename)
    config.merge_from_dict({'randomness.seed': seed, 'work_dir': str(work_dir)})
    return config


def _row(group: str, results: Sequence[dict | None]) -> list[str]:
    """A line of the table, from the results of the seeds, which are None where a run is not finished."""
    done = [result for result in results if result is not None]
    iterations = first_iteration(done[0]['iterations'], done[0]['scales']) if done else _UNKNOWN
    times = [_mean([result[name] for result in done if result.get(name) is not None]) for name in _TIMES]
    scores = [_spread([result['scores'][name] for result in done if name in result['scores']]) for name in _SCORES]
    return [group, f'{len(done)} of {len(results)}', str(iterations), *times, *scores]


def _mean(seconds: Sequence[float]) -> str:
    return f'{mean(seconds):.0f}' if seconds else _UNKNOWN


def _spread(scores: Sequence[float]) -> str:
    if len(scores) < 2:
        return f'{scores[0]:.4f}' if scores else _UNKNOWN
    return f'{mean(scores):.4f} ± {stdev(scores):.4f}'
