"""Train, edit and show the photographs of the recipe."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import torch
from mmengine.config import Config
from PIL import Image, ImageSequence

from mmpe.apis.launchers import Rank
from mmpe.apis.many_pictures import find_config, picture_config, train_many
from mmpe.apis.one_picture import RESULT, read_result
from mmpe.apis.results import ResultFolder
from mmpe.apis.workers import find_devices, plan_workers
from mmpe.datasets import read_picture
from mmpe.files import write_atomic
from mmpe.numbers import size_text
from mmpe.progress import tracked
from mmpe.visualization import maker, markdown_table, write_picture
from mmpe.visualization.sheets import below_each_other, in_rows

from .drawings import write_if_changed
from .recipe import PATTERN, PROFILES, RECIPE, Edit


def make_gallery(
    names: Sequence[str],
    out: Path,
    profile: str = 'quick',
    jobs: int | None = None,
    options: dict | None = None,
    overwrite: bool = False,
) -> dict[str, str]:
    """Train a SinGAN on each photograph, edit the photographs, and write a sheet of each and a page about all.

    Finished trainings and edits are not repeated.

    Args:
        names: Names of photographs in ``RECIPE``.
        out: The folder to write to.
        profile: How long SinGANs are trained, and at which size: a name in ``PROFILES``.
        jobs: Photographs at a time. None: one per GPU, or one per CPU core.
        options: Values by dotted keys of the configs.
        overwrite: Whether files that the gallery did not write are replaced as well.

    Returns:
        The reasons of failures, by the names of photographs and edits.

    Raises:
        InputError: If an option does not fit the configs, or a file cannot be written.
    """
    results = ResultFolder('gallery', out, PATTERN, overwrite=overwrite)
    results.check({'gallery.png', 'gallery.md', *(f'{name}.png' for name in names)}.__contains__)
    for name in names:
        read_picture(f'skimage://{name}')
    configs = configs_of(names, PROFILES[profile], options or {}, out)
    failures = train_many(configs, plan_workers(len(names), find_devices(), Rank().cores, jobs))
    trained = {
        name: record for name in names if name not in failures and (record := read_result(configs[name].work_dir))
    }
    made = {name: make_sheet(name, out, failures) for name in trained}
    if made:
        with results.writing(keep=True) as folder:
            for name, (sheet, _) in made.items():
                write_picture(sheet, folder / f'{name}.png')
            write_picture(below_each_other([sheet for sheet, _ in made.values()]), folder / 'gallery.png')
            commands = [line for _, lines in made.values() for line in lines]
            write_atomic(folder / 'gallery.md', describe(trained, commands))
    return failures


def configs_of(names: Sequence[str], profile: Mapping[str, int], options: dict, out: Path) -> dict[str, Config]:
    """The config of each photograph, by name."""

    def config_of(name: str) -> Config:
        iterations = round(profile['iterations'] * RECIPE[name].longer)
        schedule = {
            'train_dataloader.dataset.max_size': profile['max_size'],
            'model.iters_per_scale': iterations,
            'model.lr_milestones': (iterations * 4 // 5,),
            'default_hooks.checkpoint.interval': iterations,
        }
        config = find_config(RECIPE[name].config, {**schedule, **options})
        return picture_config(config, RECIPE[name].picture(name, out), out / 'trained' / name)

    return {name: config_of(name) for name in names}


def run_edit(edit: Edit, folder: Path, work_dir: Path, record: dict) -> str:
    """Run an edit, unless its result exists already. Returns the command, as one would type it.

    Raises:
        RuntimeError: If the edit fails. The message is its line of error.
    """
    checkpoint = work_dir / record['checkpoint']
    command_line = edit.command(checkpoint, folder, tuple(record['size']))
    text, done = shlex.join(['mmpe', *command_line]), folder / 'command.txt'
    drawn = draw_files(edit, folder, work_dir)
    if not drawn and done.exists() and done.read_text() == text and done.stat().st_mtime >= checkpoint.stat().st_mtime:
        return text
    done.unlink(missing_ok=True)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    result = subprocess.run(
        [sys.executable, '-m', 'mmpe', *command_line, '--device', device],
        capture_output=True,
        text=True,
        errors='replace',
    )
    if result.returncode:
        raise RuntimeError((result.stderr.strip() or f'exit code {result.returncode}').splitlines()[-1])
    write_atomic(done, text)
    return text


def draw_files(edit: Edit, folder: Path, work_dir: Path) -> bool:
    """Draw the pictures that an edit needs. Returns whether one of them is new or has changed."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(work_dir / RESULT / 'original.png') as opened:
        photograph = opened.convert('RGB')
    written = [write_if_changed(draw(photograph), folder / name) for name, draw in edit.files.items()]
    return any(written)


def images_of(edit: Edit, folder: Path) -> list[tuple[str, Image.Image]]:
    """The pictures that an edit was given and those that it made, with captions."""
    given = [(f'for {edit.task}', Image.open(folder / name)) for name in list(edit.files)[:1]]
    if edit.out:
        frames = [frame.convert('RGB') for frame in ImageSequence.Iterator(Image.open(folder / edit.out))]
        made = frames[:: max(1, len(frames) // edit.show)][: edit.show]
    else:
        made = [Image.open(file) for file in sorted(folder.glob('edited_*.png'))[: edit.show]]
    return given + [(edit.task, repeated(image, edit.repeat)) for image in made]


def repeated(image: Image.Image, times: int) -> Image.Image:
    """Tile a picture ``times`` x ``times``."""
    sheet = Image.new('RGB', (image.width * times, image.height * times))
    for i in range(times * times):
        sheet.paste(image, (i % times * image.width, i // times * image.height))
    return sheet


def make_sheet(name: str, out: Path, failures: dict[str, str]) -> tuple[Image.Image, list[str]]:
    """Edit a photograph and draw its sheet. Returns the sheet and the commands, and adds to ``failures``."""
    work_dir = out / 'trained' / name
    record = read_result(work_dir)
    pictures = [(name, Image.open(work_dir / RESULT / 'original.png'))]
    pictures.append(('reconstruction', Image.open(work_dir / RESULT / 'reconstruction.png')))
    commands = []
    for number, edit in enumerate(tracked(RECIPE[name].edits, f'edits of {name}')):
        folder = out / name / f'{number}_{edit.task}'
        try:
            commands.append(run_edit(edit, folder, work_dir, record))
            pictures += images_of(edit, folder)
        except RuntimeError as error:
            failures[f'{name} {edit.task}'] = str(error)
    return in_rows(pictures), commands


def describe(records: Mapping[str, dict], commands: Sequence[str]) -> str:
    """The page as Markdown: schedules, times and commands."""
    rows = [['photograph', 'size', 'scales', 'iterations per scale', 'training']]
    for name, record in records.items():
        seconds = record['seconds']
        time = 'in parts' if seconds is None else str(timedelta(seconds=round(seconds)))
        rows.append([name, size_text(record['size']), str(record['scales']), str(record['iterations']), time])
    return '\n'.join([f'<!-- {maker()} -->', '', *markdown_table(rows), '', '```bash', *commands, '```', ''])
