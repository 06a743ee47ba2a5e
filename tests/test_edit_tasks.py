"""The tasks of mmpe edit, from their command lines."""

import re
from dataclasses import replace
from functools import wraps

import pytest
import torch
from PIL import Image, ImageDraw
from singan_runs import REPOSITORY
from test_editing_inverse_maps import untrained

from mmpe.arguments import Count
from mmpe.cli.edit import program
from mmpe.editing import Edited, move, retarget, warp
from mmpe.editing.tasks import TASKS, Drawing, task


@pytest.fixture
def pictures(tmp_path):
    for name, left in (('labels', 4), ('sketch', 18)):
        image = Image.new('RGB', (62, 48), 'navy')
        ImageDraw.Draw(image).rectangle((left * 2, 10, left * 2 + 15, 40), 'white')
        image.save(tmp_path / f'{name}.png')
    mask = Image.new('L', (31, 24))
    mask.paste(255, (3, 4, 9, 10))
    mask.save(tmp_path / 'mask.png')
    return tmp_path


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def edit(model, name, *arguments):
    """What a task of ``mmpe edit`` makes of a model, by its command line."""
    task, made = TASKS[name], []

    @wraps(task.function)
    def recorded(*args, **options):
        made.append(task.function(*args, **options))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmpe.cli.edit.load_singan', lambda *_: model)
        program(replace(task, function=recorded))(['CKPT', *map(str, arguments)])
    return made[0]


@pytest.fixture
def new_task():
    """A task as somebody would add one: a function that says what it takes."""

    @task('darken', example='--times 2')
    def darken(model, *, times: Count = 2, deep: bool = False, drawing: Drawing) -> Edited:
        """Make the picture darker.

        Args:
            times: how often it is
                halved
            deep: once more
        """
        images = model.reconstruct().expand(drawing.num, -1, -1, -1)
        return Edited(images / 2 ** (times + deep), report=f'from scale {drawing.start_scale}')

    yield 'darken'
    del TASKS['darken']


def test_a_function_is_a_task_with_its_own_options_and_those_that_it_shares(new_task, capsys):
    model = untrained()
    edited = edit(model, new_task, '--times', 3, '--deep', '--num', 2, '--out', 'dark')
    assert torch.equal(edited.images, (model.reconstruct() / 16).expand(2, -1, -1, -1))
    assert 'from scale 1\nwrote 2 images and dark' in capsys.readouterr().out
    edit(model, new_task, '--start-scale', 0)
    assert 'from scale 0\nwrote 4 images and edited_darken' in capsys.readouterr().out


def test_two_tasks_of_one_name_are_refused(new_task):
    tasks = dict(TASKS)
    with pytest.raises(ValueError, match='two tasks are called .darken., in .*: rename one'):
        task(new_task, example='')(lambda model: Edited(model.picture))
    assert tasks == TASKS


def test_the_help_of_a_task_is_its_docstring(new_task, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '120')
    with pytest.raises(SystemExit) as ended:
        program(TASKS[new_task])(['--help'])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    for text in (
        'Make the picture darker.',
        'how often it is halved [default: 2]',
        'number of images [default: 4]',
        '--deep',
        '[default: edited_darken]',
        'work_dirs/mine/iter_2000.pth --times 2',
    ):
        assert text in shown, text


def test_a_task_shows_its_progress_and_the_library_does_not(capsys):
    model = untrained()
    edit(model, 'move', '--box', '3,4,6,6', '--by=8,-2', '--num', 3)
    assert 'image' in capsys.readouterr().err
    move(model, (3, 4, 6, 6), (8, -2), num=3)
    assert capsys.readouterr().err == ''


def test_the_readme_names_tasks_that_are_there():
    table = (REPOSITORY / 'README.md').read_text().partition('| task | what it does |')[2].partition('```')[0]
    named = {task for cell in re.findall(r'^\| (`.*?`) \|', table, re.M) for task in re.findall(r'\w+', cell)}
    assert len(named) > 10 and named <= set(TASKS)


@pytest.mark.parametrize(
    'arguments',
    [
        'retarget --size 24x62 --mode stretch extend --anchor topleft --beyond mirror',
        'move --box 3,4,6,6 --by=8,-2 --seam 2',
        'duplicate --box 3,4,6,6 --by=8,-2 --start-scale 0',
        'scale --box 3,4,6,6 --factor 1.5 --anchor center',
        'mirror --box 3,4,6,6 --axis y --no-blend',
        'remove --box 3,4,6,6 --vary-from 2',
        'warp --points 10,10:12,10 3,20:3,18 --no-pin',
    ],
)
def test_every_task_runs(arguments, tmp_path):
    edited = edit(untrained(), *arguments.split(), '--num', 2, '--seed', 3)
    assert edited.images.shape[:2] == (2, 3) and torch.isfinite(edited.images).all()
    assert list(edited.before)[:3] == ['picture', 'reconstruction', 'copied']
    assert edited.save(tmp_path)[-1].is_file()


def test_tasks_say_what_the_functions_do(pictures):
    model = untrained()
    box = (3, 4, 6, 6)
    expected = move(model, box, (8, -2), seam=1, num=2, seed=3, start_scale=2).images
    options = '--by=8,-2', '--seam', 1, '--num', 2, '--seed', 3, '--start-scale', 2
    assert torch.equal(edit(model, 'move', '--box', '3,4,6,6', *options).images, expected)
    assert torch.equal(edit(model, 'move', '--mask', pictures / 'mask.png', *options).images, expected)
    expected = retarget(model, (30, 40), 'extend', num=1).images
    assert torch.equal(edit(model, 'retarget', '--size', '30x40', '--mode', 'extend', '--num', 1).images, expected)
    expected = warp(model, [(10, 10)], [(12, 10)], num=1).images
    assert torch.equal(edit(model, 'warp', '--points', '10,10:12,10', '--num', 1).images, expected)


def test_layout_moves_the_white_thing(pictures):
    model = untrained()
    model.picture.fill_(-1)
    model.picture[..., 5:20, 4:12] = 1
    edited = edit(model, 'layout', '--sketch', pictures / 'sketch.png', '--labels', pictures / 'labels.png')
    expected = torch.full_like(model.picture, -1)
    expected[..., 5:20, 18:26] = 1
    torch.testing.assert_close(edited.before['copied'], expected)
    assert list(edited.before)[3:] == ['labels', 'sketch']


@pytest.mark.parametrize(
    'arguments, message',
    [
        ('move --box 3,4,6 --by=8,-2', 'a box is LEFT,TOP,WIDTH,HEIGHT'),
        ('move --box 3,4,6,6 --by=8', 'a pair of numbers'),
        ('move --box 3,4,6,6 --by=nan,0', 'a pair of numbers'),
        ('move --by=8,-2', 'one of the arguments --box --mask is required'),
        ('warp --points 10,10', 'X,Y:X,Y'),
        ('move --box 3,4,6,6 --mask mask.png --by=8,-2', '--mask: not allowed with argument --box'),
        ('tile --repeat 0', 'it must be from 1 to 1000'),
        ('retarget --size 24x62 --mode shrink', 'Choose from: "stretch", "extend"'),
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        edit(untrained(), *arguments.split())
    assert error.value.code == 2 and message in capsys.readouterr().err
