"""A command line made of a function: what words become, what help says, and how a wrong word ends."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from cyclopts import Parameter
from singan_runs import REPOSITORY

from mmpe.arguments import Count, Seed, Side, Size, Text, read_numbers, real, whole
from mmpe.cli.from_signatures import command
from mmpe.cli.options import LocalRank, Overrides, Picture, Pictures

Point = Annotated[tuple[float, float], Text(lambda text: read_numbers(text, 2, float, 'a point is X,Y'), 'X,Y')]


def called(function, *arguments):
    """What a function gets of these words."""
    given = {}

    def main(*args, **kwargs):
        given.update(inspect.signature(function).bind(*args, **kwargs).arguments)

    main.__signature__, main.__annotations__ = inspect.signature(function), function.__annotations__
    command('')(main)([*arguments])
    return given


def refused(function, arguments, capsys):
    """The line that refuses these words."""
    with pytest.raises(SystemExit) as ended:
        called(function, *arguments)
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and out == '' and err.count('\n') == 1 and err.startswith('error: ')
    assert len(err) < 300 and err.endswith(' --help\n')
    return err


@pytest.mark.parametrize(
    ('kind', 'words', 'value'),
    [
        (Count, ['3'], 3),
        (Count | None, ['3'], 3),
        (Annotated[Count, Parameter(metavar='N')], ['3'], 3),
        (Annotated[int | None, whole(0)], ['0'], 0),
        (Seed, [str(2**64 - 1)], 2**64 - 1),
        (float, ['-1.5'], -1.5),
        (Annotated[float, real()], ['-1e3'], -1000.0),
        (Size, ['300x500'], (300, 500)),
        (list[Size], ['256', '300X500'], [(256, 256), (300, 500)]),
        (list[Size] | None, ['256'], [(256, 256)]),
        (Side, ['64x64'], 64),
        (list[Point], ['1,2', '3,-4'], [(1, 2), (3, -4)]),
        (Literal['a', 'b'], ['b'], 'b'),
        (list[Literal[1, 2]], ['2', '1'], [2, 1]),
        (Path, ['a, [b] #.png'], Path('a, [b] #.png')),
        (str, [''], ''),
        (list[str], ['x y', '1'], ['x y', '1']),
        (Overrides, ['a.b=[1,2]', 'c.data_root=my, file.png', 'd=a=b'],
         [('a.b', [1, 2]), ('c.data_root', 'my, file.png'), ('d', 'a=b')]),
        (LocalRank | None, ['2'], 2),
    ],
)  # fmt: skip
def test_words_become_values(kind, words, value):
    def tool(*, option: kind = None):
        pass

    assert called(tool, '--option' if kind != LocalRank | None else '--local_rank', *words) == dict(option=value)
    assert called(tool) == {}  # the function has its own default


@pytest.mark.parametrize(
    ('kind', 'text'),
    [(Count, t) for t in ('0', '-1', '1.5', 'nan', 'x', '9' * 5000, '')]
    + [(Annotated[int, whole(0, 5)], '6'), (Seed, '-1'), (Seed, str(2**64))]
    + [(Annotated[float, real()], t) for t in ('nan', 'inf', '1e999', 'x')]
    + [(Annotated[float, real(0, 1)], '1.1')]
    + [(Size, t) for t in ('0', '3x', '3x4x5', '-3x4', 'nan', '1e3x5', '9' * 50)]
    + [(Side, '3x4'), (Point, '1'), (Point, '1,x'), (Point, '1,nan'), (Literal['a', 'b'], 'c')]
    + [(Overrides, t) for t in ('a', '=1', 'a..b=1', 'a=' + '[' * 1500 + ']' * 1500)],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_option(kind, text, capsys):
    def tool(*, option: kind = None):
        pass

    assert '--option' in refused(tool, [f'--option={text}'], capsys)


def test_the_option_of_a_later_word_is_named(capsys):
    def tool(*, size: list[Size] | None = None):
        pass

    assert '--size: ' in refused(tool, ['--size', '64', 'x'], capsys)


def everything(
    config: str,
    /,
    *,
    work_dir: str | None = None,
    overwrite: bool = False,
    size: list[Size] | None = None,
    resume: Annotated[list[str] | None, Parameter(consume_multiple=(0, 1))] = None,
    picture: Picture | None = None,
    pictures: Pictures | None = None,
    cfg_options: Overrides | None = None,
) -> Any:
    pass


@pytest.mark.parametrize(
    ('words', 'value'),
    [
        (['--size', '3', '4', '--overwrite', 'x.py'], dict(size=[(3, 3), (4, 4)], overwrite=True)),
        (['x.py', '--resume'], dict(resume=[])),
        (['x.py', '--resume', '--overwrite'], dict(resume=[], overwrite=True)),
        (['x.py', '--resume', 'y.pth'], dict(resume=['y.pth'])),
        (['x.py', '--work-dir', 'a', '--work-dir', 'b'], dict(work_dir='b')),
        (['x.py', '--cfg-options', 'a=1', '--cfg-options', 'b=2'], dict(cfg_options=[('a', 1), ('b', 2)])),
        (['x.py', '--cfg-options', 'a=-1', 'b=c d'], dict(cfg_options=[('a', -1), ('b', 'c d')])),
        (['--', 'x.py'], {}),
    ],
)
def test_calls_as_they_are_typed(words, value):
    assert called(everything, *words) == dict(config='x.py', **value)


@pytest.mark.parametrize(
    ('words', 'named'),
    [
        ([], 'CONFIG'),
        (['a', 'b'], 'b'),
        (['a', '--nope'], '--nope'),
        (['a', '--overw'], '--overwrite'),  # argparse took it for the option; a typo must not mean anything
        (['a', '--p'], '--picture or --pictures'),
        (['a', '--no-overwrite'], '--no-overwrite'),
        (['a', '--overwrite=3'], '--overwrite'),
        (['a', '--size'], '--size'),
        (['a', '--size', '--overwrite'], '--size'),
        (['a', '--work-dir'], '--work-dir'),
        (['a', '--resume', 'b', 'c'], '--resume'),
        (['a', '--picture', 'b', '--pictures', 'c'], '--picture, --pictures'),
    ],
)
def test_wrong_calls(words, named, capsys):
    assert named in refused(everything, words, capsys)


def test_help_is_the_docstring_and_the_signature(monkeypatch, capsys):
    @command('MY.png --num 3')
    def main(picture: Annotated[str, Parameter(name='PICTURE')], /, *, num: Count = 16, plain: bool = False):
        """Draw a picture.

        A sentence that is
        broken [here], with `ticks` and *stars*.

        Args:
            picture: where it is
            num: how many
        """

    monkeypatch.setattr(sys, 'argv', ['mmpe draw'])
    monkeypatch.setenv('COLUMNS', '100')
    with pytest.raises(SystemExit) as ended:
        main(['-h'])
    page = capsys.readouterr().out
    assert ended.value.code == 0
    for text in (
        'mmpe draw [OPTIONS] PICTURE',
        'Draw a picture.',
        'A sentence that is broken [here], with `ticks` and *stars*.',
        'where it is [required]',
        '--num NUM',
        'how many [default: 16]',
        'example:\n  mmpe draw MY.png --num 3',
    ):
        assert text in page
    assert 'Args' not in page and 'False' not in page


def test_subcommands(monkeypatch, capsys):
    @command('CKPT --by 1,2')
    def move(checkpoint: str, /, *, by: Point):
        print('moved', checkpoint, by)

    @command('TASK --help', move_far=move)
    def main():
        """Edit."""

    monkeypatch.setattr(sys, 'argv', ['mmpe edit'])
    main(['move-far', 'x.pth', '--by=-8,0'])
    assert capsys.readouterr().out == 'moved x.pth (-8.0, 0.0)\n'
    for words in [], ['nope'], ['']:
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2 and 'choose from move-far; see mmpe edit --help\n' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['move-far', 'x.pth'])
    assert (
        capsys.readouterr().err == 'error: the following arguments are required: --by; see mmpe edit move-far --help\n'
    )
    with pytest.raises(SystemExit):
        main(['move-far', '--help'])
    assert 'example:\n  mmpe edit move-far CKPT --by 1,2' in capsys.readouterr().out


def test_a_fault_of_the_work_is_no_wrong_word():
    @command('')
    def main():
        raise ValueError('a fault')

    with pytest.raises(ValueError, match='^a fault$'):
        main([])


def test_python_without_docstrings(monkeypatch, capsys):
    def main(checkpoint: str, /, *, num: Count = 16):
        pass

    assert main.__doc__ is None  # as Python -OO leaves all of them
    with pytest.raises(SystemExit) as ended:
        command('x.pth')(main)(['--help'])
    assert ended.value.code == 0 and '[default: 16]' in capsys.readouterr().out


def test_the_overview_imports_no_command():
    code = """if True:
        import sys
        from mmpe.cli import main
        try:
            main(['--help'])
        except SystemExit:
            pass
        assert not {'mmpe.apis', 'mmpe.models', 'skimage'} & set(sys.modules)
    """
    environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'train-folder' in done.stdout
