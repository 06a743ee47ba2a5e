"""Make the gallery: train a SinGAN on each of a few photographs of scikit-image, and edit each.

Writes OUT/NAME.png, a sheet of each photograph, OUT/gallery.png, all of them, and OUT/gallery.md: the schedule, the
time that it took and the commands of all edits. Called again it goes on where it was stopped, and leaves alone what is
done.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import torch
from PIL import Image, ImageChops, ImageDraw, ImageSequence
from tqdm import tqdm

from mmpe.apis.cfg_options import ConfigOptions
from mmpe.apis.command_line import command, count, parser
from mmpe.apis.launchers import Rank
from mmpe.apis.many import find_config, picture_config, train_many
from mmpe.apis.one_picture import RESULT, read_result
from mmpe.apis.results import ResultFolder, add_overwrite
from mmpe.apis.workers import find_devices, plan_workers
from mmpe.datasets import read_picture
from mmpe.files import write_atomic
from mmpe.numbers import size_text
from mmpe.visualization import maker, markdown_table, to_picture, write_picture
from mmpe.visualization.rows import below_each_other, in_rows

Size = tuple[int, int]
Drawing = Callable[[Image.Image], Image.Image]

PROFILES = dict(
    quick=dict(max_size=80, iterations=400),  # for a CPU
    full=dict(max_size=250, iterations=2000),  # for a GPU
)


# -------------------------------------------------------------------- the recipe


def painting(ground, *shapes) -> Drawing:
    """A crude painting in colours of the photograph.

    Args:
        ground (tuple[float, float]): Where the photograph has the colour of the ground, as shares of (width, height).
        *shapes (tuple): Ellipses (left, top, right, bottom, x, y), in the photograph's colour at (x, y).
    """

    def draw(photograph):
        def colour(x, y):
            return photograph.getpixel((int(x * photograph.width), int(y * photograph.height)))

        picture = Image.new('RGB', photograph.size, colour(*ground))
        for *box, x, y in shapes:
            ImageDraw.Draw(picture).ellipse(_pixels(box, picture.size), fill=colour(x, y))
        return picture

    return draw


def flat(*boxes) -> Drawing:
    """White rectangles (left, top, right, bottom), as shares of the photograph's width and height, on black."""

    def draw(photograph):
        picture = Image.new('RGB', photograph.size)
        for box in boxes:
            picture.paste('white', _pixels(box, picture.size))
        return picture

    return draw


def pasted(source, box, left_top) -> Drawing:
    """The photograph with a part of another one, or of itself, pasted into it.

    Args:
        source (str | None): ``skimage://NAME``; None: the photograph.
        box (tuple[float, ...]): Which part, (left, top, right, bottom) as shares of its width and height.
        left_top (tuple[float, float]): Where to, as shares of the photograph's width and height.
    """

    def draw(photograph):
        other = photograph
        if source:
            other = to_picture(read_picture(source))
            other.thumbnail(photograph.size, Image.Resampling.LANCZOS)
        picture = photograph.copy()
        picture.paste(other.crop(_pixels(box, other.size)), _pixels(left_top, picture.size))
        return picture

    return draw


def changed_by(drawing: Drawing) -> Drawing:
    """The mask of a drawing: white in the smallest rectangle around all that differs from the photograph."""

    def draw(photograph):
        left, top, right, bottom = ImageChops.difference(drawing(photograph), photograph).getbbox()
        mask = Image.new('L', photograph.size)
        mask.paste(255, (left, top, right, bottom))
        return mask

    return draw


@dataclass
class Edit:
    """A task of mmpe edit.

    Attributes:
        task (str): Its name.
        arguments (str): ``{.4,.2}`` is shares of the picture's width and height in turn, ``{1x2}`` of its height and
            width, in pixels; ``@FILE`` is one of ``files``.
        files (dict[str, Callable]): Pictures that it needs, drawn from the photograph.
        out (str): The file that the task writes, if it writes only one.
        show (int): Images on the sheet.
        repeat (int): How often the sheet shows each beside and below itself.
    """

    task: str
    arguments: str = ''
    files: Mapping[str, Drawing] = field(default_factory=dict)
    out: str = ''
    show: int = 1
    repeat: int = 1

    def command(self, checkpoint: Path, folder: Path, size: Size) -> list[str]:
        """Its command line, after ``python``, for a picture of ``size`` (H, W)."""
        arguments = re.sub(r'\{([^}]*)\}', lambda found: _in_pixels(found[1], size), self.arguments)
        arguments = re.sub(r'@(\S+)', lambda found: shlex.quote(str(folder / found[1])), arguments)
        where = ['--out', str(folder / self.out)]
        return ['edit', self.task, str(checkpoint), *shlex.split(arguments), *where]


@dataclass
class Photograph:
    """A photograph of ``skimage.data``, trained once, and what is made of it.

    Attributes:
        config (str): Of a SinGAN.
        edits (Sequence[Edit]): Tasks of mmpe edit.
        longer (float): How many times the profile's iterations it takes.
        part (tuple[float, ...] | None): The part that is used, (left, top, right, bottom) as shares of its width and
            height, where all of it would be too fine for so few pixels.
    """

    config: str
    edits: Sequence[Edit]
    longer: float = 1.0
    part: tuple[float, ...] | None = None

    def picture(self, name: str, out: Path) -> str:
        """The picture called ``name`` as a config has it; a part is written to OUT/photographs."""
        whole = f'skimage://{name}'
        if self.part is None:
            return whole
        file = out / 'photographs' / f'{name}.png'
        picture = to_picture(read_picture(whole))
        write_if_other(picture.crop(_pixels(self.part, picture.size)), file)
        return str(file)


CSG = 'mmpe::positional_encoding_in_gans/singan-csg_fish.py'
PALETTE = 'mmpe::singan/singan_palette_balloons.py'
SUPER_RESOLUTION = 'mmpe::singan/singan_superresolution_balloons.py'
ROCKET = '.45,.28,.1,.72'
COIN = pasted('skimage://coins', (0.03, 0.13, 0.17, 0.32), (0.05, 0.6))
SECOND_GALAXY = pasted(None, (0.26, 0.06, 0.58, 0.42), (0.04, 0.6))
CUP = painting(
    (0.85, 0.4),
    (0.13, 0.3, 0.8, 0.97, 0.2, 0.62),  # saucer
    (0.35, 0.5, 0.6, 0.8, 0.45, 0.85),  # shadow
    (0.29, 0.05, 0.68, 0.6, 0.3, 0.25),  # cup
    (0.34, 0.25, 0.63, 0.53, 0.48, 0.42),  # coffee
)

RECIPE = dict(
    rocket=Photograph(
        CSG,
        [
            Edit('samples', '--num 2', show=2),
            Edit('retarget', '--size {1x2} --num 1'),
            Edit('move', f'--box {{{ROCKET}}} --by={{.22,0}} --start-scale 2 --num 1'),
            Edit('duplicate', f'--box {{{ROCKET}}} --by={{-.2,0}} --num 1'),
            Edit('remove', f'--box {{{ROCKET}}} --num 1'),
            Edit('scale', f'--box {{{ROCKET}}} --factor 1.4 --num 1'),
            Edit(
                'layout',
                '--sketch @sketch.png --labels @labels.png --start-scale 3 --num 1',
                {
                    'sketch.png': flat((0.2, 0.28, 0.3, 1), (0.7, 0.28, 0.8, 1)),
                    'labels.png': flat((0.45, 0.28, 0.55, 1)),
                },
            ),
        ],
        longer=2,
    ),
    coffee=Photograph(
        PALETTE,
        [
            Edit('samples', '--start-scale 1 --num 1'),
            Edit('warp', '--points {.49,.23}:{.49,.15} {.49,.1}:{.49,.04} {.49,.51}:{.49,.62} --start-scale 2 --num 1'),
            Edit('mirror', '--box {.1,0,.72,1} --axis x --start-scale 3 --num 1'),
            Edit('paint', '--painting @painting.png --start-scale 2 --num 1', {'painting.png': CUP}),
        ],
        longer=2,
    ),
    # few scales, trained long: the last one does all the work
    chelsea=Photograph(SUPER_RESOLUTION, [Edit('superres', '--factor 4')], longer=2.5),
    brick=Photograph(CSG, [Edit('samples', '--num 1 --size {1x2}'), Edit('tile', '--start-scale 1 --num 1')], longer=2),
    # parts, whose stones and galaxies have more than a pixel each
    gravel=Photograph(
        CSG,
        [Edit('samples', '--num 1 --size {1x2}'), Edit('tile', '--num 1 --size {1x1}', repeat=2)],
        part=(0.25, 0.25, 0.66, 0.66),
    ),
    hubble_deep_field=Photograph(
        CSG,
        [
            Edit('samples', '--num 1 --size {1x2}'),
            Edit(
                'harmonise',
                '--picture @pasted.png --mask @mask.png --num 1',
                {'pasted.png': COIN, 'mask.png': changed_by(COIN)},
            ),
            Edit(
                'edit',
                '--picture @copied.png --mask @mask.png --num 1',
                {'copied.png': SECOND_GALAXY, 'mask.png': changed_by(SECOND_GALAXY)},
            ),
            Edit('animate', out='walk.gif', show=2),
        ],
        part=(0.62, 0.48, 0.87, 0.75),
    ),
)
PATTERN = rf'gallery\.md|(?:gallery|{"|".join(RECIPE)})\.png'


def _in_pixels(shares: str, size: Size) -> str:
    if 'x' in shares:
        return size_text([round(float(share) * side) for share, side in zip(shares.split('x'), size)])
    return ','.join(map(str, _pixels([float(share) for share in shares.split(',')], size[::-1])))


def _pixels(shares: Sequence[float], size: Size) -> tuple[int, ...]:
    return tuple(round(share * size[i % 2]) for i, share in enumerate(shares))


# -------------------------------------------------------------------- making it


def parse_args():
    p = parser(__doc__, '--only rocket gravel')
    p.add_argument('--out', type=Path, default=Path('gallery'), metavar='DIR', help='default: %(default)s')
    add_overwrite(p)
    p.add_argument(
        '--only', nargs='+', choices=RECIPE, default=list(RECIPE), metavar='NAME', help='of ' + ', '.join(RECIPE)
    )
    p.add_argument('--jobs', type=count, metavar='N', help='photographs at a time; default: one a GPU, or one a core')
    p.add_argument(
        '--profile',
        choices=PROFILES,
        default='quick',
        help='quick: 80 pixels, 400 iterations a scale; full: 250 and 2000, for a GPU; default: %(default)s',
    )
    p.add_argument('--cfg-options', nargs='+', action=ConfigOptions, default={}, metavar='KEY=VALUE', help='for all')
    return p.parse_args()


def configs_of(names, profile, options, out):
    """The config of each photograph, by name."""

    def config_of(name):
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
    """Run an edit, unless it has been; returns the command, for people.

    Raises:
        RuntimeError: With its line of error, if it fails.
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
    """Draw the pictures that an edit needs; returns whether one is new or another than before."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(work_dir / RESULT / 'original.png') as opened:
        photograph = opened.convert('RGB')
    written = [write_if_other(draw(photograph), folder / name) for name, draw in edit.files.items()]
    return any(written)


def write_if_other(picture: Image.Image, file: Path) -> bool:
    """Write a PNG, unless it is there as it is; returns whether it was written."""
    if file.exists():
        with suppress(OSError), Image.open(file) as there:
            if there.mode == picture.mode and there.size == picture.size and there.tobytes() == picture.tobytes():
                return False
    write_picture(picture, file)
    return True


def images_of(edit: Edit, folder: Path) -> list[tuple[str, Image.Image]]:
    """What an edit has made, and the files that it was given, with captions."""
    given = [(f'for {edit.task}', Image.open(folder / name)) for name in list(edit.files)[:1]]
    if edit.out:
        frames = [frame.convert('RGB') for frame in ImageSequence.Iterator(Image.open(folder / edit.out))]
        made = frames[:: max(1, len(frames) // edit.show)][: edit.show]
    else:
        made = [Image.open(file) for file in sorted(folder.glob('edited_*.png'))[: edit.show]]
    return given + [(edit.task, repeated(image, edit.repeat)) for image in made]


def repeated(image: Image.Image, times: int) -> Image.Image:
    """A picture beside and below itself."""
    sheet = Image.new('RGB', (image.width * times, image.height * times))
    for i in range(times * times):
        sheet.paste(image, (i % times * image.width, i // times * image.height))
    return sheet


def make_sheet(name: str, out: Path, failures: dict[str, str]) -> tuple[Image.Image, list[str]]:
    """Edit a photograph and draw its sheet; returns it and the commands. What fails is noted in ``failures``."""
    work_dir = out / 'trained' / name
    record = read_result(work_dir)
    pictures = [(name, Image.open(work_dir / RESULT / 'original.png'))]
    pictures.append(('reconstruction', Image.open(work_dir / RESULT / 'reconstruction.png')))
    commands = []
    for number, edit in enumerate(tqdm(RECIPE[name].edits, desc=name, unit='edit')):
        folder = out / name / f'{number}_{edit.task}'
        try:
            commands.append(run_edit(edit, folder, work_dir, record))
            pictures += images_of(edit, folder)
        except RuntimeError as error:
            failures[f'{name} {edit.task}'] = str(error)
    return in_rows(pictures), commands


def describe(records: Mapping[str, dict], commands: Sequence[str]) -> str:
    """Schedules, times and commands, as Markdown."""
    rows = [['photograph', 'size', 'scales', 'iterations a scale', 'training']]
    for name, record in records.items():
        seconds = record['seconds']
        time = 'in parts' if seconds is None else str(timedelta(seconds=round(seconds)))
        rows.append([name, size_text(record['size']), str(record['scales']), str(record['iterations']), time])
    return '\n'.join([f'<!-- {maker()} -->', '', *markdown_table(rows), '', '```bash', *commands, '```', ''])


@command
def main():
    args = parse_args()
    names = list(dict.fromkeys(args.only))
    results = ResultFolder('gallery', args.out, PATTERN, overwrite=args.overwrite)
    results.check({'gallery.png', 'gallery.md', *(f'{name}.png' for name in names)}.__contains__)
    for name in names:
        read_picture(f'skimage://{name}')
    configs = configs_of(names, PROFILES[args.profile], args.cfg_options, args.out)
    failures = train_many(configs, plan_workers(len(names), find_devices(), Rank().cores, args.jobs))
    trained = {
        name: record for name in names if name not in failures and (record := read_result(configs[name].work_dir))
    }
    made = {name: make_sheet(name, args.out, failures) for name in trained}
    if made:
        with results.writing(keep=True) as folder:
            for name, (sheet, _) in made.items():
                write_picture(sheet, folder / f'{name}.png')
            write_picture(below_each_other([sheet for sheet, _ in made.values()]), folder / 'gallery.png')
            commands = [line for _, lines in made.values() for line in lines]
            write_atomic(folder / 'gallery.md', describe(trained, commands))
        print(f'wrote {args.out / "gallery.png"} and {args.out / "gallery.md"}')
    if failures:
        print('\n'.join(['failed:', *(f'  {name}: {why}' for name, why in failures.items())]), file=sys.stderr)
        raise SystemExit(1)
