"""mmpe benchmark schedule: which runs it asks for, and what its table makes of their results."""

import json

import pytest
from singan_runs import CSG, REPOSITORY

from mmpe.benchmarks import schedules
from mmpe.cli import benchmark

PLAIN = REPOSITORY / 'configs/singan/singan_fast.py'
SCORES = {
    ('singan_fast', 'coffee', 0): (0.9, 0.010, 0.03, 0.30),
    ('singan_fast', 'coffee', 1): (0.8, 0.014, 0.05, 0.40),
    ('singan_csg_quickstart', 'coffee', 0): (0.95, 0.008, 0.04, 0.2),
}
NAMES = ('structure', 'swd_7x7', 'reconstruction_rmse', 'diversity')


@pytest.fixture
def asked(monkeypatch):
    """The configs that are trained, in place of training: each writes a record as train_picture does."""
    asked = {}

    def train_many(configs, workers):
        asked.update(configs)
        failures = {}
        for name, config in configs.items():
            stem, _, picture, seed = name.split('/')
            scores = SCORES.get((stem, picture, int(seed)))
            if scores is None:
                failures[name] = 'it has failed'
                continue
            folder = schedules.Path(config.work_dir)
            (folder / 'result').mkdir(parents=True, exist_ok=True)
            (folder / 'iter_1.pth').touch()
            record = dict(checkpoint='iter_1.pth', scales=6, iterations=config.model.iters_per_scale)
            record |= dict(seconds=None if seed == '1' else 70.4, cpu_seconds=None if seed == '1' else 60.0)
            record['scores'] = dict(zip(NAMES, scores))
            (folder / 'result/result.json').write_text(json.dumps(record))
        return failures

    monkeypatch.setattr(schedules, 'train_many', train_many)
    return asked


def call(tmp_path, *arguments):
    try:
        benchmark.main(['schedule', *map(str, arguments), '--out', str(tmp_path / 'out')])
    except SystemExit as exit_:
        return exit_.code
    return 0


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_table_has_means_and_deviations_over_seeds(tmp_path, asked, capsys):
    options = ['--pictures', 'skimage://coffee', '--max-size', '48', '--seeds', '0', '1']
    assert call(tmp_path, PLAIN, CSG, *options, '--cfg-options', 'model.iters_per_scale=[400,300,200,100]') == 1
    output = capsys.readouterr()
    header, _, fast, csg = map(cells, output.out.splitlines()[-4:])
    assert header[1:] == [
        *('seeds', 'iterations', 'seconds', 'CPU seconds', 'structure', 'SWD 7x7', 'RMSE', 'diversity'),
    ]
    # the last number of the list counts for scales 4, 5 and 6; deviations are those of samples, with n - 1
    assert fast == [
        *('singan_fast/48/coffee', '2 of 2', '1200', '70', '60'),
        *('0.8500 ± 0.0707', '0.0120 ± 0.0028', '0.0400 ± 0.0141', '0.3500 ± 0.0707'),
    ]
    assert csg[:2] == ['singan_csg_quickstart/48/coffee', '1 of 2'] and csg[5:] == [
        '0.9500',
        '0.0080',
        '0.0400',
        '0.2000',
    ]
    assert '1 runs have failed' in output.err and 'singan_csg_quickstart/48/coffee/1: it has failed' in output.err


def test_runs_differ_in_config_picture_and_seed(tmp_path, asked):
    call(tmp_path, PLAIN, CSG, '--pictures', 'skimage://coffee', 'skimage://rocket', '--seeds', '3', '5', '3')
    assert len(asked) == 8
    for name, config in asked.items():
        stem, max_size, picture, seed = name.split('/')
        dataset = config.train_dataloader.dataset
        assert config.work_dir == str(tmp_path / 'out' / name) and config.randomness.seed == int(seed)
        assert (dataset.data_root, dataset.max_size) == (f'skimage://{picture}', int(max_size)) and max_size == '64'
        assert ('encoding' in config.model.generator) == ('csg' in stem)


@pytest.mark.parametrize(
    'arguments, message',
    [
        ([PLAIN, PLAIN], 'two configs have the name singan_fast'),
        ([REPOSITORY / 'configs/dcgan/dcgan_quickstart.py'], 'give a config of a SinGAN'),
        (['missing.py'], 'missing.py'),
        ([PLAIN, '--pictures', 'missing.png'], 'no picture and no folder of pictures at missing.png'),
        ([PLAIN, '--seeds', '-1'], '--seeds'),
        ([PLAIN, '--max-size', '0'], '--max-size'),
        ([], 'CONFIG'),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(tmp_path, asked, capsys, arguments, message):
    assert call(tmp_path, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ') and message in error and 'Traceback' not in error
    assert not asked and not (tmp_path / 'out').exists()
