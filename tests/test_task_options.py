"""The options of edits as texts and numbers, against what the command line makes of the same words."""

import re
import shlex
from dataclasses import replace
from functools import wraps

import pytest
import torch

from mmpe.cli.edit import program
from mmpe.editing import move, run_task
from mmpe.editing.example import example_singan
from mmpe.editing.task_options import command_words, fill_in, find_task, read_options, task_options
from mmpe.editing.tasks import TASKS
from mmpe.errors import InputError

# By task: options as a page has them, every kind of option among them, and values that begin with a minus.
GIVEN = [
    ('samples', dict(size='30x40', num=3, start_scale=1)),
    ('retarget', dict(size='24x64', mode=['stretch', 'extend'], anchor='topleft', beyond='mirror', vary_from=2)),
    ('move', dict(box='4,6,8,10', by='-3.5,0', seam=2.5, no_blend=True, seed=7)),
    ('scale', dict(box='4,6,8,10', factor=1.5)),
    ('warp', dict(points=['-0.4,12:3,12', '20,5:21,5'], no_pin=True, num=1)),
    ('tile', dict(axes='x', repeat=3)),
    ('mirror', dict(mask='where is it.png', axis='y')),
    ('layout', dict(sketch='a.png', labels='b.png', start_scale=0)),
    ('harmonise', dict(picture='a.png', mask='b.png', softness=1, noise=0.5, sheet=True)),
    ('superres', dict(factor=2, no_back_projection=True)),
    ('animate', dict(frames=5, fps=12.5, alpha=0)),
]


class _Seen(Exception):
    """What a task was called with."""


def read_by_the_command_line(name: str, words: list[str]) -> dict:
    task = TASKS[name]

    @wraps(task.function)
    def seen(model, **arguments):
        raise _Seen(arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(_Seen) as found:
        for name in ('load_singan', 'start_from'):
            patch.setattr(f'mmpe.cli.edit.{name}', lambda *_: None)
        program(replace(task, function=seen))(['CKPT', *words])
    return found.value.args[0]


@pytest.mark.parametrize('name, given', GIVEN, ids=[name for name, _ in GIVEN])
def test_a_command_line_of_the_same_words_reads_the_same(name, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = find_task(name)
    assert read_by_the_command_line(name, command_words(task, given)) == fill_in(task, read_options(task, given))


@pytest.mark.parametrize('name', sorted(TASKS))
def test_the_example_of_every_task_is_read_as_texts_too(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = TASKS[name]
    given, key = {}, ''
    for word in shlex.split(task.example):
        if word.startswith('--'):
            key, _, value = word.removeprefix('--').partition('=')
            key = key.replace('-', '_')
            given[key] = [value] if value else []
        else:
            given[key].append(word)
    given.pop('out', None)
    several = {option.name: option for option in task_options(task)}
    given = {k: v if several[k].is_list else v[0] if v else True for k, v in given.items()}
    found = fill_in(task, read_options(task, given))
    words = shlex.split(task.example)
    assert read_by_the_command_line(name, words) == found


def test_a_task_by_its_name_is_what_its_function_gives():
    model = example_singan()
    by_name = run_task(model, 'move', box='4,6,8,10', by='14,0', num=2)
    assert torch.equal(by_name.images, move(model, (4, 6, 8, 10), (14, 0), num=2).images)


@pytest.mark.parametrize(
    'name, given, said',
    [
        ('nothing', {}, "there is no task 'nothing': choose from animate"),
        ('warp', {}, 'warp needs the option points'),
        ('warp', dict(point=['1,2:3,4']), "warp has no option 'point': it has points, no_pin"),
        (
            'warp',
            dict(points=['1,2']),
            "points: a point and where it is to be is X,Y:X,Y, such as 31,13:36,8, not '1,2'",
        ),
        ('tile', dict(axes='z'), "axes: it is one of both, x, y, not 'z'"),
        ('tile', dict(num=1.5), 'num: '),
        ('tile', dict(num=True), 'num: it is a value, not True'),
        ('tile', dict(num={}), 'num: it is a text or a number, not {}'),
        ('move', dict(box='1,2,3,4', by='1,0', no_blend='yes'), "no_blend: it is true or false, not 'yes'"),
        ('move', dict(by='1,0'), 'one of the arguments --box --mask is required'),
    ],
)
def test_what_cannot_be_read_is_named(name, given, said):
    with pytest.raises(InputError, match=re.escape(said)):
        run_task(None, name, **given)
