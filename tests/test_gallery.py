"""tools/gallery.py: the frame, on a tiny recipe of one photograph."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from singan_runs import CSG

from mmpe.apis.many_pictures import find_config
from mmpe.apis.workers import Workers
from mmpe.cli.edit import program
from mmpe.cli.gallery import main
from mmpe.editing.tasks import TASKS
from mmpe.gallery import drawings, making, recipe
from mmpe.visualization.sheets import below_each_other, in_rows

TINY = [
    'model.iters_per_scale=2',
    'model.generator.base_channels=4',
    'model.discriminator.base_channels=4',
    'train_dataloader.dataset.min_size=22',
    'train_dataloader.dataset.max_size=36',
]


@pytest.fixture
def photograph():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_trains_once_edits_once_and_reports_what_fails(tmp_path, monkeypatch, capsys):
    edits = [
        recipe.Edit('samples', '--num 2 --size {1x2}', {'photograph copy.png': lambda photograph: photograph}, show=2),
        recipe.Edit('samples', '--start-scale 77'),
    ]
    monkeypatch.setitem(recipe.RECIPE, 'rocket', recipe.Photograph(str(CSG), edits))
    monkeypatch.setattr(making, 'plan_workers', lambda *_: Workers(['cpu'], 1))

    def call():
        monkeypatch.setattr(
            sys, 'argv', ['gallery.py', '--only', 'rocket', '--out', str(tmp_path), '--cfg-options', *TINY]
        )
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code
        return code, capsys.readouterr().err

    code, err = call()
    assert (
        code == 1 and '  rocket samples: error: start scale 77 does not exist: the trained scales are 0 to 2\n' in err
    )
    with Image.open(tmp_path / 'rocket/0_samples/edited_001.png') as sample:
        assert sample.size == (72, 24)
    with Image.open(tmp_path / 'rocket.png') as sheet, Image.open(tmp_path / 'gallery.png') as all_sheets:
        assert sheet.height > 256 and all_sheets.size == sheet.size
    table = (tmp_path / 'gallery.md').read_text()
    assert '| rocket     | 24x36 |      3 |                    2 |' in table
    assert table.count('mmpe edit samples ') == 1 and '--size 24x72' in table

    before = (tmp_path / 'trained/rocket/result/result.json').stat().st_mtime_ns
    runs = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(making.subprocess, 'run', lambda line, **_: runs.append(line) or done)
    assert call()[0] == 0
    assert len(runs) == 1 and '77' in runs[0]  # what has failed is tried again, and that alone
    assert (tmp_path / 'trained/rocket/result/result.json').stat().st_mtime_ns == before


def test_shares_of_a_picture_become_pixels(tmp_path):
    edit = recipe.Edit('move', '--box {.5,.25,.1,.5} --by={-.2,0} --size {1x2} --to {.1,.2}:{.3,.4} --mask @mask.png')
    folder = tmp_path / 'a folder'
    assert edit.command(tmp_path / 'x.pth', folder, (40, 100))[1:] == (
        ['move', str(tmp_path / 'x.pth'), '--box', '50,10,10,20', '--by=-20,0', '--size', '40x200']
        + ['--to', '10,8:30,16', '--mask', str(folder / 'mask.png'), '--out', str(folder)]
    )


def test_the_recipe_is_of_configs_and_tasks_that_are_there(tmp_path):
    assert list(recipe.RECIPE) == ['rocket', 'coffee', 'chelsea', 'brick', 'gravel', 'hubble_deep_field']
    for entry in recipe.RECIPE.values():
        find_config(entry.config)
        for edit in entry.edits:
            _, task, *words = edit.command(tmp_path / 'x.pth', tmp_path, (64, 96))
            _, given, _ = program(TASKS[task]).app(task).parse_args(words, exit_on_error=False, print_error=False)
            assert given.kwargs['out'] == tmp_path / edit.out and given.args == (str(tmp_path / 'x.pth'),)


def test_a_part_of_a_photograph_is_cut_out_once(tmp_path):
    assert recipe.Photograph('', []).picture('rocket', tmp_path) == 'skimage://rocket'
    entry = recipe.Photograph('', [], part=(0.25, 0, 0.75, 0.5))
    file = Path(entry.picture('rocket', tmp_path))
    whole = skimage.data.rocket()
    height, width = whole.shape[:2]
    with Image.open(file) as part:
        assert (np.asarray(part) == whole[: round(height / 2), round(width / 4) : round(width * 3 / 4)]).all()
    before = file.stat().st_mtime_ns
    assert entry.picture('rocket', tmp_path) == str(file) and file.stat().st_mtime_ns == before


def test_what_is_pasted_is_masked(photograph):
    drawing = drawings.pasted(None, (0, 0, 0.25, 0.5), (0.5, 0.25))
    old, new = np.asarray(photograph), np.asarray(drawing(photograph))
    assert (new[5:15, 20:30] == old[:10, :10]).all()
    mask = np.asarray(drawings.changed_by(drawing)(photograph))
    expected = np.zeros((20, 40))
    expected[5:15, 20:30] = 255
    assert (mask == expected).all()


def test_a_painting_has_the_colors_of_the_photograph(photograph):
    picture = np.asarray(drawings.painting((0.9, 0.9), (0.25, 0, 0.75, 1, 0.1, 0.1))(photograph))
    pixels = np.asarray(photograph)
    assert (picture[0, 0] == pixels[18, 36]).all() and (picture[10, 20] == pixels[2, 4]).all()
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2


def test_rows_are_of_one_height_and_wrap(photograph):
    wide = photograph.resize((60, 10))
    sheet = np.asarray(in_rows([('a', photograph), ('b', wide), ('c', photograph)], height=20, width=120))
    assert sheet.shape == (3 * (20 + 16 + 8) + 8, 8 + 120 + 8, 3)
    assert (sheet[8:28, 8:48] == np.asarray(photograph)).all()
    column = below_each_other([photograph, wide])
    assert column.size == (60, 30)
