"""Edits of the layout from the command line."""

import argparse

import pytest
import torch
from PIL import Image, ImageDraw
from test_editing_inverse_maps import untrained

from mmpe.cli.edit_tasks.places import add_tasks
from mmpe.editing import move, retarget, warp


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


def edit(model, *arguments):
    p = argparse.ArgumentParser()
    add_tasks(p.add_subparsers())
    args = p.parse_args([arguments[0], 'CKPT', *map(str, arguments[1:])])
    return args.run(model, args)


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
        ('retarget --size 24x62 --mode shrink', "invalid choice: 'shrink'"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        edit(untrained(), *arguments.split())
    assert error.value.code == 2 and message in capsys.readouterr().err
