"""tools/train.py on what users get wrong: one clear line, exit code 2, and nothing lost."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from singan_runs import CSG, REPOSITORY, run, tiny_config
from tool_runs import run_tool

TOOL = REPOSITORY / 'tools/train.py'


@pytest.fixture
def train(monkeypatch, capsys, tmp_path):
    """Call the tool; returns (exit code, stderr)."""
    spec = importlib.util.spec_from_file_location('train_tool', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    config = tmp_path / 'config.py'
    tiny_config(tmp_path / 'work', iters_per_scale=1).dump(config)

    def train(*arguments, config=config):
        monkeypatch.setattr(sys, 'argv', ['train.py', str(config), '--work-dir', str(tmp_path / 'work'), *arguments])
        try:
            tool.main()
            code = 0
        except SystemExit as error:
            code = error.code
        return code, capsys.readouterr().err

    return train


def dataset(**options):
    return ['--cfg-options', *[f'train_dataloader.dataset.{key}={value}' for key, value in options.items()]]


def check(result, message):
    code, err = result
    line = err.strip().splitlines()[-1]
    assert code == 2, err
    assert line.startswith('error: ') and message in line, err
    assert 'Traceback' not in err


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(data_root='nowhere.jpg'), 'there is no picture at nowhere.jpg'),
        (dict(min_size=500, max_size=600), 'smaller than min_size=500'),
        (dict(min_size=30, max_size=20), 'max_size=20 cannot work: it must be at least 30'),
        (dict(data_rot='x.jpg'), "unexpected keyword argument 'data_rot'"),
        (dict(type='SinGANDatset'), 'SinGANDatset is not in the'),
        (dict(scale_factor_init=2), 'between 0 and 1, got 2'),
    ],
)
def test_wrong_data_settings(train, options, message):
    check(train(*dataset(**options)), message)


@pytest.mark.parametrize(
    'name, content, message',
    [
        ('text.png', b'no picture at all', 'text.png cannot be read as a picture'),
        ('empty.png', b'', 'empty.png cannot be read as a picture'),
    ],
)
def test_what_is_no_picture(train, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    check(train(*dataset(data_root=tmp_path / name)), message)


def test_three_pixels(train, tmp_path):
    Image.new('RGB', (3, 3)).save(tmp_path / 'tiny.png')
    check(train(*dataset(data_root=tmp_path / 'tiny.png')), 'tiny.png: the picture is 3x3 pixels, smaller than')


@pytest.mark.parametrize('mode', ['L', 'RGBA'])
def test_grey_and_transparent_pictures_train(train, tmp_path, mode):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(tmp_path / 'picture.png')
    assert train(*dataset(data_root=tmp_path / 'picture.png'))[0] == 0
    assert (tmp_path / 'work/pictures/samples_32x24.png').exists()


def test_wrong_number_of_scales(train):
    message = 'the config asks for 9 scales (num_scales=8 where that is counted from zero)'
    check(train('--cfg-options', 'model.generator.num_scales=9'), message)


@pytest.mark.parametrize(
    'option, message',
    [
        ('model.iters_per_scale=0', 'iters_per_scale=0 cannot work: it must be at least 1'),
        ('model.generatr.x=1', "unexpected keyword argument 'generatr'"),
        ('model.generator.encoding.type=CSGG', 'CSGG is not in the'),
        ('optim_wrapper.generatr.optimizer.type=Adam', "optim_wrapper names a network 'generatr'"),
        ('optim_wrapper.generator.optimizer.type=Adm', 'there is no optimizer Adm'),
    ],
)
def test_wrong_model_settings(train, option, message):
    check(train('--cfg-options', option), message)


def test_missing_config(train, tmp_path):
    check(train(config=tmp_path / 'nothing.py'), 'there is no config at')


def test_config_with_a_syntax_error(train, tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(type=\n')
    check(train(config=tmp_path / 'broken.py'), 'cannot be read as a config')


def test_work_dir_below_a_file(train, tmp_path):
    (tmp_path / 'work').write_text('a file')
    check(train(), 'cannot be written')


@pytest.mark.parametrize('content', [None, b'', b'no checkpoint', 'half'])
def test_bad_checkpoints_cost_nothing(train, tmp_path, content):
    run(tiny_config(tmp_path / 'work', iters_per_scale=1))
    saved = sorted((tmp_path / 'work').glob('*.pth'))
    bad = tmp_path / 'bad.pth'
    if content is not None:
        whole = saved[-1].read_bytes()
        bad.write_bytes(whole[: len(whole) // 2] if content == 'half' else content)
    before = {path: path.read_bytes() for path in saved}
    messages = {None: 'there is no checkpoint at', b'': 'is empty'}
    check(train('--resume', str(bad)), messages.get(content, 'cannot be read as a checkpoint'))
    assert {path: path.read_bytes() for path in sorted((tmp_path / 'work').glob('*.pth'))} == before


def test_resuming_with_another_picture(train, tmp_path):
    run(tiny_config(tmp_path / 'other', iters_per_scale=1, train_dataloader__dataset__max_size=40))
    message = 'give the picture, min_size and max_size that it was trained with'
    check(train('--resume', str(tmp_path / 'other/iter_1.pth')), message)


def test_resuming_with_another_picture_of_the_same_size(train, tmp_path):
    run(tiny_config(tmp_path / 'rocket', iters_per_scale=1))
    Image.fromarray(np.full((427, 640, 3), 9, dtype=np.uint8)).save(tmp_path / 'flat.png')
    arguments = ['--resume', str(tmp_path / 'rocket/iter_1.pth'), *dataset(data_root=tmp_path / 'flat.png')]
    check(train(*arguments), 'the checkpoint was trained on another picture')


def test_resume_without_a_checkpoint_starts_from_the_beginning(train, tmp_path):
    assert train('--resume')[0] == 0
    assert (tmp_path / 'work/iter_3.pth').exists()


def test_mixed_precision_trains(train, tmp_path):
    from mmpe.apis import load

    assert train('--amp', '--cfg-options', 'model.iters_per_scale=2')[0] == 0
    assert load(tmp_path / 'work/iter_6.pth').sample(1).isfinite().all()


def test_tensorboard_by_config(train, tmp_path):
    pytest.importorskip('tensorboard')
    assert train('--cfg-options', 'visualizer.vis_backends.0.type=TensorboardVisBackend')[0] == 0
    assert list((tmp_path / 'work').rglob('events.out.tfevents*'))


TOOLS = sorted(path.name for path in (REPOSITORY / 'tools').glob('*.py'))
# mmpe is imported for one tool at a time, as where people call it; PyTorch, which takes longer, for all together.
ASK_FOR_HELP = """
import json, os, runpy, sys

import cyclopts, matplotlib.figure, mmcv.cnn, mmengine.runner, scipy.cluster, scipy.ndimage, skimage.filters

codes = []
for name in sys.argv[2:]:
    child = os.fork()
    if not child:
        sys.argv = [f'{sys.argv[1]}/{name}', '--help']
        code = 0
        with open(f'{name}.txt', 'w') as sys.stdout:
            try:
                runpy.run_path(sys.argv[0], run_name='__main__')
            except SystemExit as end:
                code = end.code or 0
        os._exit(code)  # without a second for the end of all that was imported
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert 'mmpe' not in sys.modules
print(json.dumps(codes))
"""


@pytest.fixture(scope='module')
def help_pages(tmp_path_factory):
    """Of each tool, the exit code and what it wrote."""
    folder = tmp_path_factory.mktemp('help')
    command = [sys.executable, '-c', ASK_FOR_HELP, str(REPOSITORY / 'tools'), *TOOLS]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return {tool: (code, (folder / f'{tool}.txt').read_text()) for tool, code in zip(TOOLS, json.loads(done.stdout))}


@pytest.mark.parametrize('tool', TOOLS)
def test_every_tool_has_help_with_an_example(tool, help_pages):
    code, page = help_pages[tool]
    assert code == 0 and f'example:\n  python tools/{tool} ' in page


def test_a_wrong_argument_is_exit_code_2():
    done = run_tool(TOOL, CSG, '--launcher', 'x')
    assert done.returncode == 2 and done.stderr.startswith('error: ')
