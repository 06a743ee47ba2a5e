"""tools/sample.py and tools/evaluate_singan.py on a small trained SinGAN, and on what is none."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from PIL import Image
from tool_runs import run_tool

from mmpe import memory
from mmpe.apis import load
from mmpe.apis.checks import find_device
from mmpe.apis.sampling import sample
from mmpe.cli import sample as sample_command
from mmpe.errors import InputError
from mmpe.evaluation import single_picture_scores
from mmpe.registry import MODELS

TOOLS = Path(__file__).parents[1] / 'tools'
SIZES = [(12, 18), (17, 25), (24, 36)]
CONFIG = dict(
    type='SinGANModel',
    generator=dict(
        type='SinGANGenerator', base_channels=4, encoding=dict(type='CartesianGrid'), padding=dict(type='PadEachLayer')
    ),
    discriminator=dict(type='SinGANDiscriminator', base_channels=4),
    iters_per_scale=1,
)


class Family(BaseModel):
    """A model of another family: images are grey, brighter by 1/64 each."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 16, 1)
        self.drawn = []

    def forward(self, inputs=None, data_samples=None, mode='tensor'):
        return self.layer(inputs)


@MODELS.register_module()
class SampledFamily(Family):
    def sample(self, num=1, seed=0, first=0):
        self.drawn.append(num)
        return torch.arange(first, first + num).div(64)[:, None, None, None].expand(num, 3, 8, 8)


@MODELS.register_module()
class SizedFamily(Family):
    def sample(self, num=1, size=None, seed=0, first=0):
        """16 channels at half the size are the largest map; images of another size are not worked out."""
        self.drawn.append(num)
        if size is None:
            self(torch.zeros(num, 3, 4, 4))
        return torch.zeros(num, 3, 8, 8)


@MODELS.register_module()
class SilentFamily(Family):
    pass


def save(model, config, path):
    torch.save(dict(meta=dict(model=config), state_dict=model.state_dict()), path)
    return path


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """One SinGAN after 0, 2 and 3 of its 3 scales."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp('checkpoints')
    y, x = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 36), indexing='ij')
    picture = torch.stack([x * y, torch.sin(4 * x), y])[None]
    reals = {f'real_scale{i}': F.interpolate(picture, size, mode='area') for i, size in enumerate(SIZES)}
    model = MODELS.build(CONFIG)
    model.set_pyramid(SIZES)
    optimizers = OptimWrapperDict(
        **{
            name: OptimWrapper(torch.optim.Adam(getattr(model, name).parameters(), lr=1e-3))
            for name in ('generator', 'discriminator')
        }
    )
    paths = dict(untrained=save(model, CONFIG, folder / 'untrained.pth'))
    for name, steps in (('half', 2), ('finished', 1)):
        for _ in range(steps):
            model.train_step(dict(inputs=reals), optimizers)
        paths[name] = save(model, CONFIG, folder / f'{name}.pth')
    return paths


@pytest.fixture
def tool(monkeypatch):
    """Run a tool in this process, as the shell would."""

    def run(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        runpy.run_path(str(TOOLS / name), run_name='__main__')

    return run


@pytest.fixture
def refused(tool, capsys):
    """Run a tool that must exit with 2; returns its one line."""

    def run(*args):
        with pytest.raises(SystemExit) as exit_:
            tool(*args)
        streams = capsys.readouterr()
        lines = [line for line in streams.err.splitlines() if 'error: ' in line]
        assert exit_.value.code == 2
        assert len(lines) == 1
        assert streams.err.endswith(lines[0] + '\n')
        assert streams.out == ''
        assert 'Traceback' not in streams.err
        return lines[0]

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def as_pixels(image):
    return ((image.clamp(-1, 1).double() + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


class TestSampleTool:
    def test_files_of_any_size(self, tool, checkpoints, tmp_path, capsys):
        tool('sample.py', checkpoints['finished'], '--num', 3, '--size', '30x95', '--seed', 7, '--out', tmp_path / 'o')
        model = load(checkpoints['finished'])
        assert names(tmp_path / 'o') == ['sample_000.png', 'sample_001.png', 'sample_002.png', 'samples.png']
        for i in range(3):
            expected = as_pixels(model.sample(1, (30, 95), seed=7, first=i)[0])
            assert expected.shape == (30, 95, 3)
            assert np.abs(pixels(tmp_path / f'o/sample_{i:03}.png').astype(int) - expected).max() <= 1
        sheet = pixels(tmp_path / 'o/samples.png')
        assert sheet.shape[0] > 3 * 30 or sheet.shape[1] > 3 * 95
        streams = capsys.readouterr()
        assert 'wrote 3 images of 30x95' in streams.out
        assert '3/3' in streams.err

    def test_default_size_is_the_pictures(self, tool, checkpoints, tmp_path):
        tool('sample.py', checkpoints['finished'], '--num', 1, '--out', tmp_path)
        assert pixels(tmp_path / 'sample_000.png').shape == (24, 36, 3)

    def test_fewer_are_the_first_of_more_and_seeds_differ(self, tool, checkpoints, tmp_path):
        for folder, num, seed in (('five', 5, 0), ('again', 5, 0), ('three', 3, 0), ('other', 3, 1)):
            options = '--num', num, '--seed', seed, '--size', '40x33', '--out', tmp_path / folder
            tool('sample.py', checkpoints['finished'], *options)
        written = {
            folder: [(tmp_path / folder / f'sample_{i:03}.png').read_bytes() for i in range(3)]
            for folder in ('five', 'again', 'three', 'other')
        }
        assert names(tmp_path / 'five') == names(tmp_path / 'again')
        assert written['five'] == written['again'] == written['three']
        assert len({*written['five'], *written['other']}) == 6

    def test_start_scale(self, tool, checkpoints, tmp_path):
        tool('sample.py', checkpoints['finished'], '--num', 1, '--start-scale', 2, '--out', tmp_path)
        expected = load(checkpoints['finished']).sample(1, start_scale=2)[0]
        assert np.abs(pixels(tmp_path / 'sample_000.png').astype(int) - as_pixels(expected)).max() <= 1

    def test_reconstruction(self, tool, checkpoints, tmp_path):
        tool('sample.py', checkpoints['finished'], '--num', 1, '--reconstruction', '--out', tmp_path)
        model = load(checkpoints['finished'])
        assert np.array_equal(pixels(tmp_path / 'reconstruction.png'), as_pixels(model.reconstruct()[0]))
        sheet = pixels(tmp_path / 'original_and_reconstruction.png')
        times = 6  # small pictures are shown in larger pixels
        original = as_pixels(model.picture[0]).repeat(times, 0).repeat(times, 1)
        rows, columns = original.shape[:2]
        assert sheet.shape[1] > 2 * columns
        assert np.array_equal(sheet[6 : 6 + rows, 6 : 6 + columns], original)

    def test_half_trained(self, tool, checkpoints, tmp_path, capsys):
        tool('sample.py', checkpoints['half'], '--num', 1, '--out', tmp_path)
        assert pixels(tmp_path / 'sample_000.png').shape == (17, 25, 3)
        assert 'only 2 of 3 scales are trained' in capsys.readouterr().out

    def test_finished_says_nothing_of_scales(self, tool, checkpoints, tmp_path, capsys):
        tool('sample.py', checkpoints['finished'], '--num', 1, '--out', tmp_path)
        assert 'scales' not in capsys.readouterr().out

    def test_sheet_holds_no_more_than_can_be_looked_at(self, checkpoints, tmp_path, monkeypatch):
        monkeypatch.setattr(sample_command, 'PIXELS_ON_A_SHEET', 2 * 24 * 36)
        for num in (2, 6):
            sample_command.write_samples(zip(sample(load(checkpoints['finished']), num)), num, tmp_path / str(num))
        assert np.array_equal(pixels(tmp_path / '2/samples.png'), pixels(tmp_path / '6/samples.png'))
        assert len(names(tmp_path / '6')) == 7

    def test_another_family(self, tool, tmp_path):
        path = save(SampledFamily(), dict(type='SampledFamily'), tmp_path / 'x.pth')
        tool('sample.py', path, '--num', 6, '--out', tmp_path / 'o')
        grey = [pixels(tmp_path / f'o/sample_{i:03}.png')[0, 0, 0] for i in range(6)]
        assert grey == [round((i / 64 + 1) * 127.5) for i in range(6)]

    @pytest.mark.parametrize(
        ('options', 'message'),
        [
            (['--size', '0'], 'HEIGHTxWIDTH'),
            (['--size', '30x0'], 'HEIGHTxWIDTH'),
            (['--size', '30xx40'], 'HEIGHTxWIDTH'),
            (['--size', '2x100'], 'too small'),
            (['--size', '100000x100000'], 'GiB are available'),
            (['--size', '1x100000000000'], 'GiB are available'),
            (['--num', '0'], 'at least 1'),
            (['--seed', '-1'], '--seed: -1 cannot work: it must be at least 0'),
            (['--seed', 'x'], "'x' cannot work: it must be a whole number"),
            (['--start-scale', '3'], 'the trained scales are 0 to 2'),
            (['--start-scale', '-1'], 'it must be at least 0'),
            (['--device', 'abacus'], "no device 'abacus'"),
            (['--device', 'meta'], "no device 'meta'"),
        ],
    )
    def test_wrong_options_write_nothing(self, options, message, refused, checkpoints, tmp_path):
        assert message in refused('sample.py', checkpoints['finished'], '--out', tmp_path / 'o', *options)
        assert names(tmp_path) == []

    def test_wrong_checkpoints_write_nothing(self, refused, checkpoints, tmp_path):
        whole = checkpoints['finished'].read_bytes()
        (tmp_path / 'empty.pth').touch()
        (tmp_path / 'cut.pth').write_bytes(whole[: len(whole) // 2])
        save(SilentFamily(), dict(type='SilentFamily'), tmp_path / 'silent.pth')
        before = names(tmp_path)
        out = '--out', tmp_path / 'o'
        assert 'there is no checkpoint' in refused('sample.py', tmp_path / 'none.pth', *out)
        assert 'there is no checkpoint' in refused('sample.py', tmp_path, *out)
        assert 'is empty' in refused('sample.py', tmp_path / 'empty.pth', *out)
        assert 'cut short' in refused('sample.py', tmp_path / 'cut.pth', *out)
        assert 'a SilentFamily cannot be sampled' in refused('sample.py', tmp_path / 'silent.pth', *out)
        assert 'has not been trained' in refused('sample.py', checkpoints['untrained'], *out)
        assert names(tmp_path) == before

    def test_options_that_a_family_lacks(self, refused, tmp_path):
        path = save(SampledFamily(), dict(type='SampledFamily'), tmp_path / 'x.pth')
        out = '--out', tmp_path / 'o'
        assert 'without a size' in refused('sample.py', path, '--size', 9, *out)
        assert 'without a start scale' in refused('sample.py', path, '--start-scale', 1, *out)
        assert 'no reconstruction' in refused('sample.py', path, '--reconstruction', *out)
        assert names(tmp_path) == ['x.pth']

    def test_folder_that_cannot_be_written(self, refused, checkpoints, tmp_path):
        (tmp_path / 'file').touch()
        for out in (tmp_path / 'file', tmp_path / 'file/below/it'):
            assert f'{tmp_path / "file"} is a file' in refused('sample.py', checkpoints['finished'], '--out', out)

    def test_from_the_shell(self, checkpoints, tmp_path):
        done = run_tool(TOOLS / 'sample.py', checkpoints['finished'], '--num', 2, '--out', 'o', cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert '2/2' in done.stderr
        assert names(tmp_path / 'o') == ['sample_000.png', 'sample_001.png', 'samples.png']


class TestSample:
    def test_batches_do_not_matter(self, checkpoints):
        model = load(checkpoints['finished'])
        drawn = [torch.stack(list(sample(model, 5, (30, 41), seed=2, batch=batch))) for batch in (1, 2, 5)]
        assert drawn[0].shape == (5, 3, 30, 41)
        for other in drawn[1:]:
            assert torch.allclose(drawn[0], other, atol=1e-5)

    def test_no_more_than_asked_for(self):
        model = SampledFamily()
        assert [image[0, 0, 0].item() * 64 for image in sample(model, 7, batch=3)] == list(range(7))
        assert model.drawn == [3, 3, 1]

    def test_refuses_before_it_is_iterated(self, checkpoints):
        with pytest.raises(InputError, match='too small'):
            sample(load(checkpoints['finished']), 1, (2, 2))

    def test_memory(self, monkeypatch):
        """16 channels at half the size are 4 numbers a pixel; five such maps of 8192x16384 float32 are 10 GiB."""
        monkeypatch.setattr(memory, 'available_memory', lambda device: 10 * 2**30 - 1)
        with pytest.raises(InputError, match=r'8192x16384 would take about 10.0 GiB of memory, and 10.0 GiB are'):
            sample(SizedFamily(), 1, (8192, 16384))
        monkeypatch.setattr(memory, 'available_memory', lambda device: 10 * 2**30)
        assert len(list(sample(SizedFamily(), 2, (8192, 16384)))) == 2

    @pytest.mark.parametrize(('size', 'batches'), [((256, 256), [4, 4, 2]), ((2048, 2048), [3, 3, 3, 1])])
    def test_large_images_come_in_smaller_batches(self, size, batches):
        """2048x2048 at 80 bytes a pixel: three fit into a GiB."""
        model = SizedFamily()
        assert len(list(sample(model, 10, size))) == 10
        assert model.drawn == [1, *batches]  # one to measure

    def test_available_memory(self):
        """Between 1 MiB and 1 PiB on any machine, known or assumed."""
        assert 2**20 < memory.available_memory(torch.device('cpu')) < 2**50

    def test_device(self):
        assert find_device('cpu') == torch.device('cpu')
        with pytest.raises(InputError, match="no device 'cuda:99'"):
            find_device('cuda:99')


class TestEvaluateTool:
    def test_table_and_json(self, tool, checkpoints, tmp_path, capsys):
        other = tmp_path / 'a_rather_longer_name.pth'
        other.write_bytes(checkpoints['finished'].read_bytes())
        out = tmp_path / 'scores/all.json'
        tool('evaluate_singan.py', checkpoints['finished'], other, '--num', 4, '--seed', 3, '--json', out)
        lines = capsys.readouterr().out.splitlines()
        header, rule, *rows = ([cell.strip() for cell in line.strip('|').split('|')] for line in lines)
        assert len(rows) == 2
        assert len({len(line) for line in lines}) == 1
        assert header[1:] == [
            *('structure', 'diversity', 'SWD 3x3', 'SWD 7x7', 'SWD 5x5/2', 'SWD 5x5/4', 'reconstruction RMSE')
        ]
        assert set(''.join(rule)) == set('-:')
        assert [row[0] for row in rows] == [str(checkpoints['finished']), str(other)]
        assert rows[0][1:] == rows[1][1:]

        model = load(checkpoints['finished'])
        expected = single_picture_scores(model.sample(4, seed=3), model.picture, model.reconstruct())
        saved = json.loads(out.read_text())
        assert list(saved) == [row[0] for row in rows]
        assert saved[str(other)] == pytest.approx(expected, abs=1e-5)
        assert [float(cell) for cell in rows[0][1:]] == pytest.approx(list(expected.values()), abs=1e-4)

    def test_other_sizes(self, tool, checkpoints, capsys):
        tool('evaluate_singan.py', checkpoints['finished'], '--num', 2, '--size', '24x72')
        scores = [float(cell) for cell in capsys.readouterr().out.splitlines()[2].split('|')[2:-1]]
        model = load(checkpoints['finished'])
        expected = single_picture_scores(model.sample(2, (24, 72)), model.picture, model.reconstruct())
        assert scores == pytest.approx(list(expected.values()), abs=1e-4)

    def test_refusals(self, refused, checkpoints, tmp_path):
        finished = checkpoints['finished']
        family = save(SampledFamily(), dict(type='SampledFamily'), tmp_path / 'family.pth')
        (tmp_path / 'empty.pth').touch()
        tool = 'evaluate_singan.py'
        assert f'{family} is a checkpoint of SampledFamily: give a checkpoint of a SinGAN' in refused(tool, family)
        assert 'is not finished: 2 of 3 scales' in refused(tool, finished, checkpoints['half'])
        assert 'is not finished: 0 of 3 scales' in refused(tool, checkpoints['untrained'])
        assert 'there is no checkpoint' in refused(tool, finished, tmp_path / 'none.pth')
        assert 'is empty' in refused(tool, tmp_path / 'empty.pth')
        assert '--num: 1 cannot work: it must be at least 2' in refused(tool, finished, '--num', 1)
        assert '--seed: -1 cannot work: it must be at least 0' in refused(tool, finished, '--seed', '-1')
        assert '20 pixels' in refused(tool, finished, '--size', '19x40', '--num', 2)
        assert 'GiB are available' in refused(tool, finished, '--size', '100000x100000')
        assert 'is a file' in refused(tool, finished, '--json', tmp_path / 'empty.pth/scores.json')

    def test_from_the_shell(self, tmp_path):
        done = run_tool(TOOLS / 'evaluate_singan.py', 'none.pth', cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, '')
        assert done.stderr == 'error: there is no checkpoint at none.pth\n'


@pytest.mark.parametrize('name', ['sample.py', 'evaluate_singan.py'])
def test_help_ends_with_an_example(name, tool, capsys):
    with pytest.raises(SystemExit) as exit_:
        tool(name, '--help')
    assert exit_.value.code == 0
    assert f'example:\n  python tools/{name} ' in capsys.readouterr().out


class TestSeveralSizes:
    def test_each_image_at_each_size_side_by_side(self, tool, checkpoints, tmp_path):
        tool('sample.py', checkpoints['finished'], '--num', 2, '--size', '24x36', '24x72', '--out', tmp_path / 'both')
        tool('sample.py', checkpoints['finished'], '--num', 2, '--size', '24x72', '--out', tmp_path / 'wide')
        both, wide = tmp_path / 'both', tmp_path / 'wide'
        assert np.array_equal(pixels(both / 'sample_001_24x72.png'), pixels(wide / 'sample_001.png'))
        assert pixels(both / 'sample_001_24x36.png').shape == (24, 36, 3)
        assert len(names(both)) == 5

    def test_truncation_needs_styles(self, tool, checkpoints, tmp_path, capsys):
        with pytest.raises(SystemExit, match='2'):
            tool('sample.py', checkpoints['finished'], '--truncation', '0.7', '--out', tmp_path)
        assert 'without a truncation' in capsys.readouterr().err
