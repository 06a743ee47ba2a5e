"""The released weights: what the index lists of them, and that mim, MMEngine's hub and the converter go by it."""

import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
import torch
import yaml
from mmengine.hub import get_config, get_model
from mmengine.registry import DefaultScope
from mmengine.registry import init_default_scope as enter_scope
from new_process import run_python
from stand_in_weights import noise, state_dict
from tool_runs import run_tool
from torch import nn

from mmpe.apis import load
from mmpe.compat import released_files
from mmpe.compat.checkpoints import convert
from mmpe.compat.hub import load_released
from mmpe.errors import InputError
from mmpe.registry import MODELS
from mmpe.utils import register_all_modules

REPOSITORY = Path(__file__).resolve().parents[1]
MIM = REPOSITORY / 'mmpe' / '.mim'
TOOL = REPOSITORY / 'tools' / 'convert_checkpoint.py'
SHAPES = json.loads((Path(__file__).parent / 'data' / 'singan_state_dicts.json').read_text())
FAMILIES = sorted(path.parent.name for path in (REPOSITORY / 'configs').glob('*/metafile.yml'))

# FID, precision and recall of the paper's table 5 and of its higher resolutions.
PAPER = dict(
    a=(5.56, 75.92, 51.24),
    b=(4.91, 75.65, 54.58),
    c=(3.35, 73.84, 55.77),
    d=(3.50, 73.28, 56.16),
    e=(3.15, 74.13, 56.88),
    f=(2.93, 73.51, 57.32),
    g=(3.40, 73.05, 56.45),
    h=(4.01, 72.81, 54.35),
    i=(3.76, 73.26, 54.71),
    j=(4.23, 73.11, 54.63),
    k=(4.17, 73.05, 51.07),
    f896=(4.10, 72.21, 50.29),
    f1024=(6.24, 71.79, 49.92),
)


def metafile(family):
    return yaml.safe_load((REPOSITORY / 'configs' / family / 'metafile.yml').read_text())


def weights(model):
    return [model['Weights']] if isinstance(model['Weights'], str) else model['Weights']


MODELS_LISTED = {model['Name']: model for family in FAMILIES for model in metafile(family)['Models']}
MSPIE = [name for name, model in MODELS_LISTED.items() if model['In Collection'] == 'MS-PIE']

# -------------------------------------------------------------------- the index


def test_index_lists_every_family():
    index = yaml.safe_load((MIM / 'model-index.yml').read_text())
    assert index['Import'] == [f'configs/{family}/metafile.yml' for family in FAMILIES]
    assert all((MIM / path).is_file() for path in index['Import'])


def test_names_and_addresses_are_unique():
    models = [model for family in FAMILIES for model in metafile(family)['Models']]
    assert len({model['Name'] for model in models}) == len({model['Config'] for model in models}) == len(models)
    addresses = [address for model in models for address in weights(model)]
    assert len(set(addresses)) == len(addresses)


def test_mim_finds_each_config_by_the_end_of_its_path():
    """``mim train mmpe NAME.py`` refuses a name that two files have, base configs included."""
    files = [path.name for path in (REPOSITORY / 'configs').rglob('*.py')]
    ambiguous = {name for name in files if files.count(name) > 1}
    assert not ambiguous & {path.name for path in (REPOSITORY / 'configs').glob('[!_]*/*.py')}


@pytest.mark.parametrize('family', FAMILIES)
def test_collections_are_whole(family):
    content = metafile(family)
    names = {collection['Name'] for collection in content['Collections']}
    assert {model['In Collection'] for model in content['Models']} == names
    for collection in content['Collections']:
        assert (MIM / collection['README']).is_file()
        assert urlparse(collection['Paper']).scheme == 'https'


@pytest.mark.parametrize('name', MODELS_LISTED)
def test_hub_finds_the_config_and_its_weights(name):
    model = MODELS_LISTED[name]
    assert Path(model['Config']).stem == name  # mim names the file by it that it dumps
    config = get_config('mmpe::' + model['Config'].removeprefix('configs/'), pretrained=True)
    assert config.model_path == model['Weights'] and config.model.type in MODELS.module_dict


def words(text):
    """What a released file and its config both say: not the schedule, which each writes in its own way."""
    text = re.sub(r'_\d+xb\d+-[^_]*', '', text)
    text = re.sub(r'(\d+)x\1', r'\1', text)
    return {'fish' if word == 'fis' else word for word in re.split('[_-]', text)}


@pytest.mark.parametrize('name', MODELS_LISTED)
def test_weights_are_those_of_the_config(name):
    addresses = weights(MODELS_LISTED[name])
    for address in addresses:
        url = urlparse(address)
        assert (url.scheme, url.netloc) == ('https', 'download.openmmlab.com')
        assert re.search(r'_2021\d{4}_\d{6}-[0-9a-f]{8}$', Path(url.path).stem)
        assert words(name) <= words(Path(url.path).stem)
    is_singan = 'SinGAN' in MODELS_LISTED[name]['In Collection']
    assert [Path(address).suffix for address in addresses] == (['.pkl', '.pth'] if is_singan else ['.pth'])
    assert len({Path(address).stem for address in addresses}) == 1


@pytest.mark.parametrize('family', FAMILIES)
def test_readme_links_the_same_weights(family):
    linked = re.findall(
        r'\((https://download\S+\.(?:pth|pkl))\)', (REPOSITORY / f'configs/{family}/README.md').read_text()
    )
    assert sorted(linked) == sorted(address for model in metafile(family)['Models'] for address in weights(model))


# -------------------------------------------------------------------- figures


@pytest.mark.parametrize('letter, name', zip(PAPER, MSPIE))
def test_figures_are_the_papers(letter, name):
    assert letter in 'ab' or f'config-{letter[0]}_' in name and (len(letter) == 1 or name.endswith(f'-{letter[1:]}'))
    (result,) = MODELS_LISTED[name]['Results']
    expected = zip(('FID50k in paper', 'Precision10k in paper', 'Recall10k in paper'), PAPER[letter])
    assert result['Dataset'] == 'FFHQ' and result['Metrics'] == dict(expected)


def test_every_figure_says_whose_it_is():
    assert len(MSPIE) == len(PAPER)
    results = [result for model in MODELS_LISTED.values() for result in model.get('Results', [])]
    kinds = {metric for result in results for metric in result['Metrics']}
    assert {kind.rpartition(' in ')[2] for kind in kinds} == {'paper', 'mmgeneration'}


# -------------------------------------------------------------------- the converter


RECIPES = dict(  # shapes of the generator's weights, and noise channels above scale 0; one at scale 0
    singan_fish=('singan', 3),
    **{'singan_spe-dim4_fish': ('spe4', 1)},  # its config draws eight at scale 0
)


def released_singan(folder, name='singan_fish'):
    """Both files of a released SinGAN, as its code saves them."""
    recipe, channels = RECIPES[name]
    shapes = dict(generator=f'singan-generator-{recipe}', discriminator='singan-discriminator-bn')
    state = {
        f'{network}.{key}': value
        for network, shape in shapes.items()
        for key, value in state_dict(SHAPES[shape], network, gain=0.05).items()
    }
    scales = len({key.split('.')[2] for key in state if key.startswith('generator.blocks.')})
    sizes = [(13 + 3 * i, 17 + 4 * i) for i in range(scales)]
    noises = [np.zeros((1, channels, *size), np.float32) for size in sizes]
    noises[0] = noise('first', (1, 1, *sizes[0])).numpy()
    content = dict(noise_weights=[0.1] * scales, fixed_noises=noises, curr_stage=scales - 1)
    pickled, path = (folder / Path(address).name for address in weights(MODELS_LISTED[name]))
    torch.save(dict(meta={}, state_dict=state), path)
    pickled.write_bytes(pickle.dumps(content))
    return path


def test_every_released_file_is_known_by_its_name():
    for model in MODELS_LISTED.values():
        for address in weights(model):
            config = 'mmpe::' + model['Config'].removeprefix('configs/')
            assert released_files.config_of(address) == config
            assert released_files.config_of(Path('some folder') / Path(address).name) == config
    assert released_files.config_of('iter_1000.pth') is None


def test_what_mim_brings_is_converted(tmp_path):
    """As it lies in mim's folder: no --pickle and no --config."""
    path = released_singan(tmp_path)
    done = run_tool(TOOL, path, '--out', tmp_path / 'own.pth')
    assert done.returncode == 0, done.stderr
    assert f'{path.name} is a released file: its config is mmpe::singan/singan_fish.py' in done.stdout
    assert f'{path.with_suffix(".pkl")}, beside it' in done.stdout
    assert load(tmp_path / 'own.pth').sample(1, (30, 40)).shape == (1, 3, 30, 40)


def test_a_pickle_that_is_not_beside_is_asked_for(tmp_path):
    path = released_singan(tmp_path)
    path.with_suffix('.pkl').unlink()
    with pytest.raises(InputError, match='two files.*--pickle'):
        convert(path, tmp_path / 'own.pth')


def test_the_pickle_beside_is_not_written_over(tmp_path):
    path = released_singan(tmp_path)
    before = path.with_suffix('.pkl').read_bytes()
    with pytest.raises(InputError):
        convert(path, path.with_suffix('.pkl'))
    assert path.with_suffix('.pkl').read_bytes() == before


SPE = dict(type='SPE', embedding_dim=4, padding_idx=0, init_size=256, center_shift=100)
SMALL = dict(
    type='MSStyleGANv2Generator',
    **dict(out_size=16, style_channels=8, num_mlps=2, max_channels=8, head_pos_encoding=SPE),
    **dict(deconv2conv=True, up_after_conv=True, up_config=dict(scale_factor=2, mode='bilinear', align_corners=True)),
)


@pytest.fixture
def small_mspie(tmp_path, monkeypatch):
    """A small released MS-PIE, whose name and config the index lists; extended, or resized with ``interp_head``."""

    def make(**changes):
        generator = MODELS.build(dict(SMALL, **changes))
        for parameter in generator.requires_grad_(False).parameters():
            nn.init.normal_(parameter)
        state = {f'generator_ema.{key}': value for key, value in generator.state_dict().items()}
        path, config = tmp_path / 'mspie_20210406.pth', tmp_path / 'small.py'
        torch.save(dict(meta={}, state_dict=state), path)
        config.write_text(f'model = dict(type="MSPIEStyleGAN2", generator={dict(SMALL, **changes)})')
        monkeypatch.setattr(released_files, '_configs', lambda: {path.name: str(config)})
        return path, generator

    return make


@pytest.mark.parametrize('resized', [False, True])
def test_a_name_tells_what_weights_do_not(tmp_path, small_mspie, resized):
    path, generator = small_mspie(**dict(interp_head=True) if resized else {})
    own = convert(path, tmp_path / 'own.pth').generator_ema
    z = torch.randn(2, 8)
    expected = generator(z, (6, 9), injected_noise='fixed').flip(1)
    assert torch.allclose(own(z, (6, 9), injected_noise='fixed'), expected, atol=1e-4 * float(expected.std()))


# -------------------------------------------------------------------- MMEngine's hub


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """The network: downloads come from the returned folder."""
    served = tmp_path / 'served'
    served.mkdir()
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    monkeypatch.setattr(
        torch.hub,
        'download_url_to_file',
        lambda url, file, **_: shutil.copy(served / url.rpartition('/')[2], file),
    )
    return served


@pytest.mark.parametrize('name', RECIPES)
def test_hub_converts_a_singan(tmp_path, downloads, name):
    expected = convert(released_singan(downloads, name), tmp_path / 'own.pth')
    model = get_model('mmpe::' + MODELS_LISTED[name]['Config'].removeprefix('configs/'), pretrained=True)
    for key, value in expected.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key
    assert torch.equal(model.eval().sample(2, (20, 30), seed=1), expected.sample(2, (20, 30), seed=1))
    assert DefaultScope.get_current_instance() is None  # the hub's scope ends with its call


def test_hub_converts_one_file(tmp_path, small_mspie):
    path, generator = small_mspie()
    model = MODELS.build(dict(type='StyleGAN2Model', generator=convert_config(path, tmp_path)))
    load_released(model, [str(path)])
    z = torch.randn(2, 8)
    expected = generator(z, (5, 7), injected_noise='fixed').flip(1)
    assert torch.allclose(model.generator_ema(z, (5, 7), injected_noise='fixed'), expected, rtol=1e-3, atol=1e-3)


def convert_config(path, folder):
    convert(path, folder / 'other.pth')
    return torch.load(folder / 'other.pth', weights_only=True)['meta']['model']['generator']


def test_hub_refuses_weights_of_another_model(tmp_path, small_mspie):
    path, _ = small_mspie()
    model = MODELS.build(dict(type='StyleGAN2Model', generator=dict(convert_config(path, tmp_path), max_channels=4)))
    with pytest.raises(InputError, match=rf'{path.name}: it does not fit the model of the config'):
        load_released(model, [str(path)])


def test_hub_loads_other_packages_models_as_before(tmp_path):
    from mmengine.hub import hub

    register_all_modules(init_default_scope=False)
    torch.save(nn.Linear(2, 1).state_dict(), tmp_path / 'linear.pth')
    model = nn.Linear(2, 1)
    hub.load_checkpoint(model, str(tmp_path / 'linear.pth'))
    assert torch.equal(model.weight, torch.load(tmp_path / 'linear.pth')['weight'])


def test_modules_are_registered_at_once():
    code = (
        'from mmpe.utils import register_all_modules; register_all_modules(); '
        'from mmengine.registry import DefaultScope; print(DefaultScope.get_current_instance().scope_name); '
        'from mmpe.registry import HOOKS, MODELS; '
        'print("InterruptHook" in HOOKS.module_dict, "PESinGAN" in MODELS.module_dict)'
    )
    assert run_python(code).split() == ['mmpe', 'True', 'True']


def test_another_default_scope_may_stay():
    enter_scope('mmengine')
    register_all_modules(init_default_scope=False)
    assert DefaultScope.get_current_instance().scope_name == 'mmengine'


# -------------------------------------------------------------------- mim


@pytest.fixture
def mim(wheel_site):
    """mim's command, on the wheel."""
    pytest.importorskip('mim', reason='openmim is not installed, or setuptools>=81 has taken its pkg_resources away')

    def run(*arguments, served=None):
        code = 'import shutil, sys, mim.utils; from mim.cli import cli\n'
        if served:  # the network
            code += (
                'mim.utils.download_from_file = lambda url, path, **_: '
                f'shutil.copy({str(served)!r} + "/" + url.rpartition("/")[2], path)\n'
            )
        code += 'cli(sys.argv[1:])'
        command = [sys.executable, '-W', 'ignore', '-c', code, *map(str, arguments)]
        env = dict(PYTHONPATH=str(wheel_site), PATH='', HOME=str(wheel_site.parent), PAGER='cat')
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=wheel_site.parent)

    return run


@pytest.mark.parametrize(
    'arguments, names',
    [
        ((), list(MODELS_LISTED)),
        (('--model', 'MS-PIE'), MSPIE),
        (('--model', 'singan', 'PESinGAN'), [name for name in MODELS_LISTED if 'singan' in name]),
        (('--dataset', 'ffhq', '--condition', 'fid50k<3.2'), [n for n in MSPIE if re.search('config-[ef]_.*-512$', n)]),
    ],
)
def test_mim_searches(mim, arguments, names):
    done = mim('search', 'mmpe', *arguments)
    assert done.returncode == 0, done.stderr
    found = re.findall('config id: (.*)', re.sub('\x1b.*?m', '', done.stdout))
    assert sorted(found) == sorted(names)


def test_mim_downloads_what_is_converted(mim, tmp_path):
    served, folder = tmp_path / 'served', tmp_path / 'to'
    served.mkdir()
    path = released_singan(served)
    done = mim('download', 'mmpe', '--config', 'singan_fish', '--dest', folder, served=served)
    assert done.returncode == 0, done.stderr
    assert {file.name for file in folder.iterdir()} == {path.name, path.with_suffix('.pkl').name, 'singan_fish.py'}
    model = convert(folder / path.name, tmp_path / 'own.pth')
    again = convert(folder / path.name, tmp_path / 'again.pth', config=folder / 'singan_fish.py')
    assert model.sizes.tolist() == again.sizes.tolist()
