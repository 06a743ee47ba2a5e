"""Whatever is in a checkpoint, nothing of it is executed, by any tool or API: it is one line and exit code 2."""

import copy
import io
import os
import pickle
import runpy
import shutil
import sys
import tarfile
import zipfile

import pytest
import torch
from mmengine.runner import Runner
from singan_runs import REPOSITORY, run, tiny_config

from mmpe import apis
from mmpe.errors import InputError


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A work dir with a finished SinGAN and its config."""
    folder = tmp_path_factory.mktemp('trained')
    cfg = tiny_config(folder / 'run', iters_per_scale=1)
    cfg.test_dataloader = cfg.train_dataloader
    cfg.test_evaluator, cfg.test_cfg = dict(type='SinglePictureScores'), {}
    runner = run(cfg)
    final = runner.iter
    os.rename(folder / f'run/iter_{final}.pth', folder / 'good.pth')
    cfg.work_dir = str(folder / 'out')
    cfg.dump(folder / 'config.py')
    return folder


class Calls:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


# -------------------------------------------------------------------- hostile files: (good checkpoint, marker) to bytes


def saved(change):
    """A hostile file made of a good checkpoint by ``change(good, touch)``, where ``touch`` is a shell command."""

    def make(good, marker):
        made = change(good, f'touch {marker}')
        made = good if made is None else made
        file = io.BytesIO()
        torch.save(made, file)
        return file.getvalue()

    return make


def put(*keys, value):
    """Replace one entry, whose value may be a function of the shell command."""

    def change(good, touch):
        inner = good
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value(touch) if callable(value) else value

    return saved(change)


def generator(**parts):
    return put('meta', 'model', 'generator', value=lambda touch: dict(type='SinGANGenerator', **parts))


def nested(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made


def repeated(times):
    made = [0] * 10
    for _ in range(times):
        made = [made] * 10
    return made


def deep_pickle(good, marker):
    return pickle.dumps(Calls(os.system, f'touch {marker}'))


def legacy(good, marker):
    file = io.BytesIO()
    torch.save(dict(good, more=Calls(os.system, f'touch {marker}')), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def tape(good, marker):
    file, content = io.BytesIO(), pickle.dumps(Calls(os.system, f'touch {marker}'))
    with tarfile.open(fileobj=file, mode='w') as archive:
        for name in ('storages', 'tensors', 'pickle'):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def packed(good, marker):
    """A checkpoint whose tensors, all zeros, are packed a thousandfold."""
    file, small = io.BytesIO(), io.BytesIO()
    torch.save(dict(good, zeros=torch.zeros(2**22)), file)
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(small, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name in whole.namelist():
            archive.writestr(name, whole.read(name))
    return small.getvalue()


def script(good, marker):
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file)
    return file.getvalue()


def hollow(good, touch):
    good['state_dict']['picture'] = torch.zeros(1).expand(2**20, 2**20)


def sparse(good, touch):
    good['state_dict']['picture'] = torch.sparse_coo_tensor(torch.zeros(2, 1), torch.ones(1), (2**30, 2**30))


def wrong_sizes(good, touch):
    good['state_dict']['sizes'] = good['state_dict']['sizes'] * 2**20


SYSTEM = put('meta', 'model', value=lambda touch: dict(type='os.system', command=touch))
HOSTILE = dict(
    pickled_call=deep_pickle,
    legacy_format=legacy,
    tape_archive=tape,
    packed_archive=packed,
    torchscript=script,
    call_beside_the_weights=saved(lambda good, touch: dict(good, more=Calls(os.system, touch))),
    call_in_the_weights=put(
        'state_dict', 'picture', value=lambda touch: Calls(exec, f'__import__("os").system({touch!r})')
    ),
    call_in_the_message_hub=put('message_hub', 'runtime_info', 'x', value=lambda touch: Calls(os.system, touch)),
    getattr_of_an_allowed_type=put(
        'message_hub', 'log_scalars', 'x', value=lambda touch: Calls(getattr, torch.Tensor, '__init__')
    ),
    model_is_a_function=SYSTEM,
    model_is_a_module=put('meta', 'model', value=dict(type='planted')),
    model_of_a_planted_scope=put('meta', 'model', value=dict(type='planted.SinGANModel')),
    scope_of_a_planted_package=put('meta', 'model', '_scope_', value='planted'),
    model_is_an_encoding=put('meta', 'model', value=dict(type='mmpe.CSG')),
    model_is_a_class_of_mmengine=put('meta', 'model', value=dict(type='mmengine.runner.Runner')),
    encoding_is_a_function=generator(encoding=dict(type='os.system', command='true')),
    function_deep_in_lists=put('meta', 'model', 'lr_milestones', value=[[dict(a=(dict(type='planted'),))]]),
    norm_is_a_module=put('meta', 'model', 'discriminator', 'norm_cfg', value=dict(type='planted')),
    preprocessor_is_a_function=put('meta', 'model', 'data_preprocessor', value=dict(type='subprocess.Popen')),
    pretrained_from_the_net=generator(init_cfg=dict(type='Pretrained', checkpoint='http://localhost:1/x.pth')),
    type_is_a_list=put('meta', 'model', 'type', value=['SinGANModel']),
    type_is_a_tensor=generator(encoding=dict(type=torch.ones(3))),
    model_is_a_list=put('meta', 'model', value=['SinGANModel']),
    meta_is_text=put('meta', value='text'),
    meta_is_none=put('meta', value=None),
    message_hub_is_a_list=put('message_hub', value=[1, 2]),
    message_hub_without_parts=put('message_hub', value={}),
    optimizer_is_text=put('optimizer', value='Adam'),
    schedulers_are_numbers=put('param_schedulers', value=[1]),
    weights_are_text=put('state_dict', value=dict(a='b')),
    weights_have_numbers_for_names=put('state_dict', value={1: torch.ones(1)}),
    weights_are_a_list=put('state_dict', value=[torch.ones(1)]),
    weights_alone=saved(lambda good, touch: good['state_dict']),
    one_tensor=saved(lambda good, touch: torch.ones(3)),
    iteration_is_text=put('meta', 'iter', value='2'),
    iteration_below_zero=put('meta', 'iter', value=-1),
    seed_is_a_list=put('meta', 'seed', value=[1]),
    nested_too_deep=put('meta', 'x', value=lambda touch: nested(200)),
    lists_of_lists_of_one=put('meta', 'model', 'lr_milestones', value=lambda touch: repeated(9)),
    number_of_many_digits=put('meta', 'model', 'iters_per_scale', value=10**5000),
    hollow_tensor=saved(hollow),
    sparse_tensor=saved(sparse),
    infinite_weights=put('state_dict', 'picture', value=torch.full((1, 3, 4, 4), torch.inf)),
)
# These are of no use to a run that goes on: only what builds a model from them refuses them.
UNBUILDABLE = dict(
    padding_is_a_function=put('meta', 'model', 'generator', 'padding', 'mode', value='os.system'),
    padding_is_a_module=put('meta', 'model', 'generator', 'padding', 'mode', value='planted.thing'),
    norm_of_another_registry=put('meta', 'model', 'discriminator', 'norm_cfg', value=dict(type='BN', num_features='x')),
    unknown_argument=put('meta', 'model', 'shell', value='true'),
    scales_without_end=generator(num_scales=10**9),
    width_without_end=generator(base_channels=2**40, num_scales=2),
    layers_without_end=generator(num_layers=10**9, num_scales=2),
    width_is_text=generator(base_channels='planted'),
    pyramid_without_end=saved(wrong_sizes),
    stage_past_the_last=put('state_dict', 'stage', value=torch.tensor(9)),
    stage_below_zero=put('state_dict', 'stage', value=torch.tensor(-1)),
    no_sizes=saved(lambda good, touch: good['state_dict'].pop('sizes') is None or good),
)
BUILDING = ('sample.py', 'audit.py', 'edit.py', 'evaluate_singan.py')


def commands(path, folder):
    """Every tool that reads a checkpoint, with its arguments."""
    config, out = folder / 'config.py', folder / 'out'
    return {
        'train.py': [config, '--work-dir', out, '--resume', path],
        'train.py load_from': [config, '--work-dir', out, '--cfg-options', f'load_from={path}'],
        'test.py': [config, path, '--work-dir', out],
        'sample.py': [path, '--num', 1, '--out', out],
        'audit.py': [path, '--out', out / 'audit.html'],
        'edit.py': ['retarget', path, '--size', '30x30', '--out', out],
        'evaluate_singan.py': [path],
        'convert_checkpoint.py': [path, '--out', out / 'x.pth'],
    }


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """A folder with the config, and with a module and a package on the path whose import leaves a marker."""
    shutil.copy(trained / 'config.py', tmp_path / 'config.py')
    (tmp_path / 'path/planted').mkdir(parents=True)
    for name in ('planted/__init__.py', 'planted/registry.py'):
        (tmp_path / 'path' / name).write_text(f'open({str(tmp_path / "MARKER")!r}, "w").close()\n')
    monkeypatch.syspath_prepend(str(tmp_path / 'path'))
    yield tmp_path
    for name in ('planted', 'planted.registry'):
        sys.modules.pop(name, None)


@pytest.fixture
def refused(monkeypatch, capsys):
    """A function that runs a tool in this process and returns the one line that it ends with."""

    def run_tool(name, arguments):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(REPOSITORY / 'tools' / name), run_name='__main__')
        err = capsys.readouterr().err
        assert ended.value.code == 2 and 'Traceback' not in err, (name, err)
        last = err.strip().splitlines()[-1]
        assert last.startswith('error: ') and len(last) < 1500, (name, last)
        return last

    return run_tool


def write(kind, place, trained):
    good = torch.load(trained / 'good.pth', weights_only=True)
    path = place / 'hostile.pth'
    path.write_bytes(kind(good, place / 'MARKER'))
    return path


@pytest.mark.parametrize('kind', HOSTILE)
def test_every_tool_refuses(kind, place, trained, refused):
    path = write(HOSTILE[kind], place, trained)
    for name, arguments in commands(path, place).items():
        refused(name.split()[0], arguments)
    with pytest.raises(InputError):
        apis.load(path)
    assert not (place / 'MARKER').exists()
    assert not (place / 'out').exists()


@pytest.mark.parametrize('kind', UNBUILDABLE)
def test_every_tool_that_builds_a_model_refuses(kind, place, trained, refused):
    path = write(UNBUILDABLE[kind], place, trained)
    for name in BUILDING if kind == 'padding_is_a_function' else BUILDING[:1]:
        refused(name, commands(path, place)[name])
    assert not (place / 'MARKER').exists()
    assert not (place / 'out').exists()


def test_the_markers_work(place):
    """What the hostile files would do is what these tests would see."""
    import planted  # noqa: F401

    assert (place / 'MARKER').exists()
    (place / 'MARKER').unlink()
    pickle.loads(deep_pickle(None, place / 'MARKER'))
    assert (place / 'MARKER').exists()


# -------------------------------------------------------------------- MMEngine's own runner


def runner_of(place, **settings):
    cfg = tiny_config(place / 'work', place / 'config.py', iters_per_scale=1)
    cfg.merge_from_dict(settings)
    cfg.experiment_name = f'{place.name}_{len(settings)}_{id(cfg)}'
    return Runner.from_cfg(cfg)


@pytest.mark.parametrize('settings', [dict(resume=True), dict(resume=False)])
@pytest.mark.parametrize('kind', ['call_beside_the_weights', 'legacy_format', 'model_is_a_function', 'meta_is_text'])
def test_a_plain_runner_refuses(kind, settings, place, trained):
    path = write(HOSTILE[kind], place, trained)
    with pytest.raises(InputError):
        runner_of(place, load_from=str(path), **settings).train()
    assert not (place / 'MARKER').exists()


def test_the_program_in_meta_does_not_reach_a_plain_runner(place, trained):
    program = f'import os\nos.system("touch {place / "MARKER"}")\n'
    os.makedirs(place / 'work')
    path = write(put('meta', 'config', value=program), place, trained)
    (place / 'work/last_checkpoint').write_text('/nowhere/at/all.pth')  # what MMEngine would ask
    shutil.copy(path, place / 'work/iter_2.pth')
    assert 'config' not in apis.read_checkpoint(path)['meta']
    for load_from in (str(path), None):
        runner = runner_of(place, load_from=load_from, resume=True)
        runner.train()
        assert runner.iter == int(runner.model.stage) * 1
    assert not (place / 'MARKER').exists()


def test_a_runner_whose_config_lacks_the_hook_is_as_safe(place, trained):
    path = write(HOSTILE['model_is_a_function'], place, trained)
    cfg = tiny_config(place / 'work', place / 'config.py', iters_per_scale=1)
    del cfg.default_hooks['same_model']
    cfg.update(load_from=str(path), resume=True, experiment_name=f'{place.name}_bare')
    with pytest.raises(InputError, match='os.system'):
        Runner.from_cfg(cfg).train()


@pytest.mark.parametrize('scheme', ['s3://bucket/x.pth', 'torchvision://resnet50', 'open-mmlab:s3://x', 'modelzoo://x'])
def test_other_schemes_are_refused_by_name(scheme, place, refused):
    assert scheme in refused('train.py', [place / 'config.py', '--work-dir', place / 'out', '--resume', scheme])
    with pytest.raises(InputError, match=scheme):
        runner_of(place, load_from=scheme).train()


def test_a_url_is_downloaded_and_read_as_data(place, trained, monkeypatch):
    """As MMEngine reads it, it would be unpickled without limits."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(place / 'hub'))
    files = {'http://host/a/iter_1.pth': 'call_beside_the_weights', 'http://host/b/iter_1.pth': None}

    def download(url, file, **options):
        kind = files[url]
        made = write(HOSTILE[kind], place, trained) if kind else trained / 'good.pth'
        shutil.copy(made, file)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    with pytest.raises(InputError, match='tensors and plain data'):
        runner_of(place, load_from='http://host/a/iter_1.pth').train()
    runner_of(place, load_from='http://host/b/iter_1.pth', resume=True).train()
    assert not (place / 'MARKER').exists()


# -------------------------------------------------------------------- other files


@pytest.mark.parametrize('kind', ['folder', 'pipe', 'empty', 'text', 'picture', 'cut', 'numbers', 'missing'])
def test_what_is_no_checkpoint(kind, place, trained, refused):
    path = place / 'given'
    good = (trained / 'good.pth').read_bytes()
    contents = dict(
        empty=b'',
        text=b'hello\n' * 50,
        picture=b'\x89PNG' + b'\0' * 99,
        cut=good[: len(good) // 2],
        numbers=b'\x80\x02K\x01.',
    )
    if kind == 'folder':
        path.mkdir()
    elif kind == 'pipe':
        os.mkfifo(path)
    elif kind in contents:
        path.write_bytes(contents[kind])
    for name, arguments in commands(path, place).items():
        assert str(path) in refused(name.split()[0], arguments)


def test_the_pickle_beside_a_released_singan_is_data(place, trained, refused):
    state = {name: value for name, value in checkpoint_of(trained)['state_dict'].items() if '.blocks.' in name}
    torch.save(dict(state_dict=state), place / 'released.pth')
    (place / 'released.pkl').write_bytes(pickle.dumps(dict(fixed_noises=Calls(os.system, f'touch {place / "MARKER"}'))))
    arguments = [place / 'released.pth', '--pickle', place / 'released.pkl', '--out', place / 'x.pth']
    assert 'no plain data' in refused('convert_checkpoint.py', arguments)
    assert not (place / 'MARKER').exists()


def checkpoint_of(trained):
    return copy.deepcopy(torch.load(trained / 'good.pth', weights_only=True))
