"""Every number among the options of the tools that take a trained model: what cannot be is one line and exit code 2."""

import importlib.util
from pathlib import Path

import pytest
import torch

from mmpe.registry import MODELS
from mmpe.visualization import save_picture

TOOLS = Path(__file__).parents[1] / 'tools'
MODEL = dict(
    type='SinGANModel',
    generator=dict(type='SinGANGenerator', encoding=dict(type='CartesianGrid'), base_channels=4),
)
ABSURD = ('nan', 'inf', '-inf', '-1', '1e308', str(10**30), 'abc', '')
COUNTS = (*ABSURD, '1.5', str(2**63), '999999999')
MASKED = ['--picture', 'p.png', '--mask', 'm.png', '--start-scale', '1']
BOX = ['--box', '2,2,5,5']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A trained SinGAN's checkpoint, a picture and a mask; no training is needed for what is refused."""
    folder = tmp_path_factory.mktemp('numbers')
    model = MODELS.build(MODEL)
    model.set_pyramid([(12, 16), (16, 21), (24, 32)])
    model.stage.fill_(3)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(model=MODEL)), folder / 's.pth')
    save_picture(torch.zeros(1, 3, 24, 32), folder / 'p.png')
    mask = -torch.ones(1, 3, 24, 32)
    mask[..., 5:10, 5:12] = 1
    save_picture(mask, folder / 'm.png')
    return folder


def load_tool(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


@pytest.mark.parametrize(
    ('tool', 'arguments', 'option', 'values'),
    [
        ('sample', ['s.pth'], '--num', COUNTS),
        ('sample', ['s.pth'], '--size', COUNTS),
        ('sample', ['s.pth'], '--seed', (*ABSURD, '1.5')),
        ('sample', ['s.pth'], '--start-scale', COUNTS),
        ('sample', ['s.pth'], '--truncation', ABSURD),
        ('audit', ['s.pth'], '--num', (*COUNTS, '15')),
        ('audit', ['s.pth'], '--size', COUNTS),
        ('audit', ['s.pth', '--num', '999999999'], '--batch', COUNTS),
        ('evaluate_singan', ['s.pth'], '--num', (*COUNTS, '1')),
        ('evaluate_singan', ['s.pth'], '--size', COUNTS),
        ('benchmark', ['singan'], '--max-size', (*ABSURD, '20')),
        ('benchmark', ['singan'], '--device', ('cuda:99', 'abc', '')),
        ('edit', ['animate', 's.pth'], '--frames', COUNTS),
        ('edit', ['animate', 's.pth'], '--fps', (*ABSURD, '0')),
        ('edit', ['animate', 's.pth'], '--alpha', (*ABSURD, '1.5')),
        ('edit', ['animate', 's.pth'], '--beta', (*ABSURD, '1.5')),
        ('edit', ['tile', 's.pth'], '--repeat', COUNTS),
        ('edit', ['tile', 's.pth'], '--size', COUNTS),
        ('edit', ['superres', 's.pth'], '--factor', (*ABSURD, '1')),
        ('edit', ['superres', 's.pth'], '--noise', ABSURD),
        ('edit', ['superres', 's.pth'], '--strength', ABSURD),
        ('edit', ['harmonise', 's.pth', *MASKED], '--dilation', (*COUNTS, '99999999')),
        ('edit', ['harmonise', 's.pth', *MASKED], '--softness', (*ABSURD, '99999999')),
        ('edit', ['harmonise', 's.pth', *MASKED], '--noise', ABSURD),
        ('edit', ['move', 's.pth', *BOX], '--by', ('nan,0', '0,inf', '1', '1,2,3', 'a,b', '')),
        ('edit', ['move', 's.pth', *BOX, '--by', '3,0'], '--seam', ABSURD),
        ('edit', ['move', 's.pth', *BOX, '--by', '3,0'], '--vary-from', COUNTS),
        ('edit', ['scale', 's.pth', *BOX], '--factor', (*ABSURD, '0')),
        ('edit', ['remove', 's.pth'], '--box', ('1.5,2,3,4', '0,0,0,0', '0,0,99,99', 'nan,1,1,1', '1,1,1')),
        ('edit', ['warp', 's.pth'], '--points', ('nan,1:2,3', '1,1:99,99', '1,1', 'inf,0:0,0')),
        ('edit', ['samples', 's.pth'], '--num', COUNTS),
    ],
)
def test_absurd_numbers_are_refused(folder, tool, arguments, option, values, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    main = load_tool(tool).main
    before = sorted(folder.iterdir())
    for value in values:
        monkeypatch.setattr('sys.argv', [tool, *arguments, f'{option}={value}'])
        with pytest.raises(SystemExit) as ended:
            main()
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
        assert ended.value.code == 2 and len(errors) == 1, value
        assert len(errors[0]) < 400
    assert sorted(folder.iterdir()) == before
