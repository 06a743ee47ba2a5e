"""The photographs of the gallery, and the edits of each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmpe.datasets import read_picture
from mmpe.numbers import size_text
from mmpe.visualization import to_picture

from .drawings import Drawing, changed_by, flat, painting, pasted, pixels_of, write_if_changed

PROFILES = dict(
    quick=dict(max_size=80, iterations=400),  # for a CPU
    full=dict(max_size=250, iterations=2000),  # for a GPU
)


@dataclass
class Edit:
    """A call of ``mmpe edit``.

    Attributes:
        task: The name of the task.
        arguments: Its arguments. Fractions in braces are converted to pixels: ``{.4,.2}`` are fractions of the
            picture's width and height in turn, and ``{1x2}`` of its height and width. ``@FILE`` is one of ``files``.
        files: The pictures that it needs, drawn from the photograph, by file name.
        out: The file that the task writes, if it writes only one.
        show: Number of images on the sheet.
        repeat: How often the sheet tiles each image, in both directions.

    >>> Edit('retarget', '--size {1x2} --num 1').command(Path('singan.pth'), Path('out'), size=(48, 64))
    ['edit', 'retarget', 'singan.pth', '--size', '48x128', '--num', '1', '--out', 'out']
    """

    task: str
    arguments: str = ''
    files: Mapping[str, Drawing] = field(default_factory=dict)
    out: str = ''
    show: int = 1
    repeat: int = 1

    def command(self, checkpoint: Path, folder: Path, size: tuple[int, int]) -> list[str]:
        """The words of the command line after ``mmpe``, for a picture of ``size`` (H, W)."""
        arguments = re.sub(r'\{([^}]*)\}', lambda found: _in_pixels(found[1], size), self.arguments)
        arguments = re.sub(r'@(\S+)', lambda found: shlex.quote(str(folder / found[1])), arguments)
        where = ['--out', str(folder / self.out)]
        return ['edit', self.task, str(checkpoint), *shlex.split(arguments), *where]


@dataclass
class Photograph:
    """A photograph of ``skimage.data``, on which a SinGAN is trained, and its edits.

    Attributes:
        config: The config of the SinGAN.
        edits: The edits, in the order in which they are shown.
        longer: A factor on the profile's number of iterations.
        part: The part that is used, (left, top, right, bottom) in fractions of width and height. None: the whole
            photograph. A part is used where the details of the whole would be too fine for so few pixels.
    """

    config: str
    edits: Sequence[Edit]
    longer: float = 1.0
    part: tuple[float, ...] | None = None

    def picture(self, name: str, out: Path) -> str:
        """The picture called ``name``, as a config names it. A part is written to OUT/photographs first."""
        whole = f'skimage://{name}'
        if self.part is None:
            return whole
        file = out / 'photographs' / f'{name}.png'
        picture = to_picture(read_picture(whole))
        write_if_changed(picture.crop(pixels_of(self.part, picture.size)), file)
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
    # few scales, trained long, as super-resolution only uses the last one
    chelsea=Photograph(SUPER_RESOLUTION, [Edit('superres', '--factor 4')], longer=2.5),
    brick=Photograph(CSG, [Edit('samples', '--num 1 --size {1x2}'), Edit('tile', '--start-scale 1 --num 1')], longer=2),
    # parts of photographs, so that stones and galaxies are larger than a pixel
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


def _in_pixels(shares: str, size: tuple[int, int]) -> str:
    if 'x' in shares:
        return size_text([round(float(share) * side) for share, side in zip(shares.split('x'), size)])
    return ','.join(map(str, pixels_of([float(share) for share in shares.split(',')], size[::-1])))
