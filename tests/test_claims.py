"""The claims: whether the experiments' instruments say what is so, shown on generators whose behaviour is known."""

import json
import math
import runpy
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import ttest_ind
from singan_runs import REPOSITORY

from mmpe.analysis.figures import new_figure
from mmpe.apis import load, load_config
from mmpe.claims import CLAIMS, PROFILES, Check, Finding, Measure, add_run, claim
from mmpe.claims.experiments import encodings_behave_as_defined as claim_5
from mmpe.claims.experiments.zeros_are_unbalanced import UNEVEN
from mmpe.claims.faces import real_faces
from mmpe.claims.results import is_own, read, summary, write, write_page
from mmpe.claims.runs import Profile, Run
from mmpe.claims.training import run_config, train_all
from mmpe.datasets import SinGANDataset
from mmpe.errors import InputError
from mmpe.registry import MODELS

SMALL = Profile('small', {}, samples=8, faces=16, sizes=(32, 48), draws=16)


class Known(torch.nn.Module):
    """Samples are a picture, spoilt in a known way, at whatever size is asked for."""

    def __init__(self, pictures, spoil):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.picture, self.pictures, self.spoil = pictures[:1], pictures, spoil
        self.drawn = torch.nn.Identity()  # a layer, as any generator has

    def sample(self, num=1, size=None, seed=0, first=0):
        """Picture number i, at a size, spoilt."""
        size = size or self.picture.shape[-2:]
        numbers = torch.arange(first, first + num) % len(self.pictures)
        images = F.interpolate(self.pictures[numbers], tuple(size), mode='bicubic', antialias=True).clamp(-1, 1)
        rng = torch.Generator().manual_seed(seed + first)
        return self.drawn(self.spoil(images, rng))


def faithful(images, rng):
    """As it is, but for a little noise."""
    return images + 0.01 * torch.randn(images.shape, generator=rng)


def shuffled(images, rng):
    """All pixels elsewhere."""
    flat = images.flatten(2)
    return flat[..., torch.randperm(flat.shape[-1], generator=rng)].reshape(images.shape)


def known(pictures, spoilt):
    """The models of each run, trained once: samples are pictures, spoilt."""
    return {name: [Known(pictures, spoil)] for name, spoil in spoilt.items()}


@pytest.fixture(scope='module')
def photograph():
    return SinGANDataset('skimage://rocket', 18, 48)[0]['inputs']['real_scale3'][None]


@pytest.mark.parametrize('number', [1, 2])
def test_padding_claims_hold_where_zeros_alone_keep_the_picture(number, photograph):
    models = {'singan zero': faithful, 'singan reflect': shuffled, 'singan interp': shuffled}
    measure = CLAIMS[number].measure
    assert measure(known(photograph, models), SMALL).holds
    models['singan reflect'] = faithful
    found = measure(known(photograph, models), SMALL)
    assert [check.holds for check in found.checks] == [False, True]


def test_editing_claim_needs_the_layout_at_new_shapes(photograph):
    kept = photograph.shape[-2:]

    def only_at_own_size(images, rng):
        return (faithful if images.shape[-2:] == kept else shuffled)(images, rng)

    models = dict.fromkeys(CLAIMS[7].runs, faithful) | {'singan zero': only_at_own_size}
    assert CLAIMS[7].measure(known(photograph, models), SMALL).holds
    models['singan csg nopad'] = only_at_own_size
    found = CLAIMS[7].measure(known(photograph, models), SMALL)
    assert [check.holds for check in found.checks] == [True, True, False, False]


def test_claim_of_encodings_tells_stretched_from_extended(photograph, monkeypatch):
    """Behind a probe that knows every place."""
    probed = SimpleNamespace(layers=[SimpleNamespace(linear=SimpleNamespace(r2=0.9))])
    monkeypatch.setattr(claim_5, 'analysis_inputs', lambda model: SimpleNamespace(generator=model, sample_input=None))
    monkeypatch.setattr(claim_5, 'position_probe', lambda *_: probed)
    height, width = photograph.shape[-2:]

    def extending(images, rng):
        images = shuffled(images, rng)
        images[..., :height, :width] = photograph[..., : images.shape[-2], : images.shape[-1]]
        return faithful(images, rng)

    models = dict.fromkeys(('singan csg nopad', 'singan learned nopad'), faithful) | {'singan spe nopad': extending}
    assert CLAIMS[5].measure(known(photograph, models), SMALL).holds
    models = {**models, 'singan spe nopad': faithful, 'singan learned nopad': extending}
    found = CLAIMS[5].measure(known(photograph, models), SMALL)
    assert [check.holds for check in found.checks] == [True, True, True, True, False, False]


def test_claim_of_many_pictures():
    faces = real_faces(16, 32)
    models = known(faces, {name: shuffled if name.endswith('none') else faithful for name in CLAIMS[3].runs})
    assert CLAIMS[3].measure(models, SMALL).holds
    models['pggan zero'] = [Known(faces, shuffled)]
    found = CLAIMS[3].measure(models, SMALL)
    assert [check.holds for check in found.checks] == [True, True, False, False]


def test_claim_of_sizes():
    faces = real_faces(16, 64)
    models = known(faces, {'single 32': shuffled, 'single 48': shuffled, 'mspie': faithful})
    assert CLAIMS[6].measure(models, SMALL).holds
    models['single 48'] = [Known(faces, faithful)]
    assert [check.holds for check in CLAIMS[6].measure(models, SMALL).checks] == [True, False]


def test_over_seeds_the_error_is_that_of_trainings(photograph):
    """One of three trainings failed: its images agree among themselves, and yet the claim does not hold."""
    runs = {'singan zero': faithful, 'singan reflect': shuffled, 'singan interp': shuffled}
    once = CLAIMS[1].measure(known(photograph, runs), SMALL)
    models = {name: 3 * each for name, each in known(photograph, runs).items()}
    same = CLAIMS[1].measure(models, SMALL)
    assert once.holds and same.holds
    assert '±' in once.rows[1][1] and '±' not in same.rows[1][1]  # three times the same training
    models['singan zero'] = [Known(photograph, spoil) for spoil in (faithful, faithful, shuffled)]
    found = CLAIMS[1].measure(models, SMALL)
    assert not any(check.holds for check in found.checks)
    failed = CLAIMS[1].measure(known(photograph, dict.fromkeys(runs, shuffled)), SMALL)
    kept, lost = (float(finding.rows[1][1].split()[0]) for finding in (once, failed))
    value, error = map(float, found.rows[1][1].split(' ± '))
    assert value == pytest.approx((2 * kept + lost) / 3, abs=0.01)
    assert error == pytest.approx((kept - lost) / 3, abs=0.01)


def test_every_seed_is_trained_once(monkeypatch, tmp_path):
    """All models with one seed come first; what was trained with fewer seeds is not trained again."""
    asked = []

    def run_jobs(configs, *_):
        asked.append({name: config.get('randomness') for name, config in configs.items()})
        return {}

    monkeypatch.setattr('mmpe.claims.training.run_jobs', run_jobs)
    monkeypatch.setattr('mmpe.claims.training.latest_checkpoint', lambda work_dir: work_dir)
    runs = {name: PROFILES['cpu'].runs[name] for name in ('singan zero', 'mspie')}
    once = train_all(runs, tmp_path)
    found = train_all(runs, tmp_path, seeds=3)
    assert [paths[:1] for paths in found.values()] == list(once.values())
    assert len({path for paths in found.values() for path in paths}) == 6
    assert list(asked[1])[:2] == list(asked[0]) == ['singan zero', 'mspie']
    assert [randomness['seed'] for randomness in asked[1].values()] == [0, 0, 1, 1, 2, 2]


def test_more_seeds_are_measured_anew_and_fewer_are_not(tmp_path):
    finding = Finding([['a', 'b'], ['1', '2']], [Check('x', True)], new_figure(2, 2))
    write(CLAIMS[4], finding, 'cpu', tmp_path, seeds=2)
    assert read(CLAIMS[4], 'cpu', tmp_path, seeds=3) is None
    assert read(CLAIMS[4], 'cpu', tmp_path, seeds=1).seeds == 2
    assert 'Means of 2 trainings' in write_page({CLAIMS[4]: read(CLAIMS[4], 'cpu', tmp_path)}, tmp_path).read_text()
    file = tmp_path / 'claim_4.json'
    without = {key: value for key, value in json.loads(file.read_text()).items() if key != 'seeds'}
    file.write_text(json.dumps(without))  # as versions before this one wrote it
    assert read(CLAIMS[4], 'cpu', tmp_path).seeds == 1 and is_own(file)


def test_claim_of_shapes():
    faces = real_faces(16, (32, 64))

    class Stretched(Known):
        def sample(self, num=1, size=None, seed=0, first=0):
            return F.interpolate(super().sample(num, (32, 32), seed, first), size or (32, 64), mode='bilinear')

    class Shaped(Known):
        def sample(self, num=1, size=None, seed=0, first=0):
            self.pictures = real_faces(16, size or (32, 64))
            return super().sample(num, size, seed, first)

    shaped, stretched = Shaped(faces, faithful), Stretched(real_faces(16, 32), faithful)
    assert CLAIMS[8].measure({'mspie shapes': [shaped], 'mspie': [stretched]}, SMALL).holds
    found = CLAIMS[8].measure({'mspie shapes': [stretched], 'mspie': [shaped]}, SMALL)
    assert not any(check.holds for check in found.checks)


def test_measure_is_mean_and_standard_error():
    measure = Measure.of([1.0, 2.0, 3.0, 6.0])
    assert measure.value == 3
    assert measure.error == pytest.approx(math.sqrt(14 / 3 / 4))


@pytest.mark.parametrize('gap, above', [(0.9, False), (1.1, True)])
def test_above_asks_for_two_standard_errors_that_are_known(gap, above):
    # each off by .3 and .4, so that the difference is off by .5
    assert Measure(1.0 + gap, 0.3).above(Measure(1.0, 0.4)) is above


@pytest.mark.parametrize('num', [2, 3, 4, 32])
def test_above_is_welchs_test(num):
    rng = np.random.default_rng(num)
    found = []
    for gap in np.linspace(0, 6, 40):
        a, b = gap + rng.normal(size=num), rng.normal(scale=2, size=num + 1)
        above = Measure.of(a.tolist()).above(Measure.of(b.tolist()))
        assert above == (ttest_ind(a, b, equal_var=False, alternative='greater').pvalue < 0.025)
        found.append(above)
    assert True in found
    assert False in found


def test_every_profile_has_what_claims_take():
    for profile in PROFILES.values():
        assert {name for claim in CLAIMS.values() for name in claim.runs} == set(profile.runs)


@pytest.mark.parametrize('profile, name', [(p, n) for p in PROFILES for n in PROFILES[p].runs])
def test_what_is_trained_can_be_built(profile, name):
    run = PROFILES[profile].runs[name]
    config = load_config(REPOSITORY / 'configs' / run.config, run.options)
    generator = MODELS.build(config.model).generator
    encoding = getattr(generator, 'encoding', None) or getattr(getattr(generator, 'head', None), 'encoding', None)
    assert (encoding is not None) == any(word in name for word in ('csg', 'spe', 'learned', 'mspie', 'single'))


@pytest.mark.parametrize('profile', PROFILES)
@pytest.mark.parametrize('name', ['singan csg', 'dcgan zero', 'pggan zero', 'mspie'])
def test_what_a_child_reads_can_be_built(profile, name, tmp_path):
    config = run_config(PROFILES[profile].runs[name], tmp_path)
    config.dump(tmp_path / 'config.py')
    with torch.device('meta'):
        assert isinstance(MODELS.build(load_config(tmp_path / 'config.py').model), torch.nn.Module)


TINY = {
    'model.iters_per_scale': 2,
    'model.generator.base_channels': 4,
    'model.discriminator.base_channels': 4,
    'train_dataloader.dataset.min_size': 18,
    'train_dataloader.dataset.max_size': 32,
}


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Tiny models of claim 4, trained in child processes; (runs, folder, checkpoints)."""
    folder = tmp_path_factory.mktemp('claims')
    runs = PROFILES['cpu'].runs
    runs = {name: Run(runs[name].config, {**runs[name].options, **TINY}) for name in CLAIMS[4].runs}
    return runs, folder, train_all(runs, folder, jobs=1)


def test_what_is_trained_is_not_trained_again(trained, monkeypatch):
    runs, folder, checkpoints = trained
    monkeypatch.setattr('subprocess.Popen', None)
    assert train_all(runs, folder) == checkpoints
    name, run = next(iter(runs.items()))
    with pytest.raises(InputError, match='holds a model trained otherwise: give another --out'):
        train_all({name: Run(run.config, {**run.options, 'model.iters_per_scale': 3})}, folder)
    (folder / name.replace(' ', '_') / 'trained').unlink()  # as if it had been interrupted
    with pytest.raises(InputError, match='holds a model trained otherwise: give another --out'):
        train_all({name: Run(run.config, {**run.options, 'model.iters_per_scale': 3})}, folder)


def test_a_gpu_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr('mmpe.claims.training.find_devices', lambda: ['cpu'])
    with pytest.raises(InputError, match='there is none: choose --profile cpu'):
        train_all(PROFILES['gpu'].runs, tmp_path, device=PROFILES['gpu'].device)


def test_the_page_has_all_that_was_found_and_not_only_this_calls(monkeypatch, tmp_path, capsys):
    (tmp_path / 'cpu').mkdir()
    for number in (2, 4):
        finding = Finding([['a', 'b'], ['1', '2']], [Check('x', True)], new_figure(2, 2))
        write(CLAIMS[number], finding, 'cpu', tmp_path / 'cpu')
    monkeypatch.setattr(sys, 'argv', ['claims.py', '--claim', '4', '--out', str(tmp_path)])
    runpy.run_path(str(REPOSITORY / 'tools/claims.py'), run_name='__main__')
    assert '| 4. ' in capsys.readouterr().out
    page = (tmp_path / 'cpu/claims.md').read_text()
    assert '## 2. ' in page and '## 4. ' in page and '## 1. ' not in page


def test_a_model_that_cannot_be_trained_is_named(tmp_path):
    run = Run(PROFILES['cpu'].runs['singan zero'].config, {'train_dataloader.dataset.data_root': 'none.png'})
    with pytest.raises(InputError, match='singan zero could not be trained: there is no picture at none.png'):
        train_all({'singan zero': run}, tmp_path)


def test_a_cartesian_grid_is_read_evenly_and_zeros_are_not(trained):
    models = {name: [load(path) for path in paths] for name, paths in trained[2].items()}
    found = CLAIMS[4].measure(models, SMALL)
    assert [row[0] for row in found.rows] == ['generator', *UNEVEN]
    middle_to_border = [float(row[4]) for row in found.rows[1:]]
    assert middle_to_border[0] < middle_to_border[1]


def test_equal_cost():
    cells = {32: 16, 48: 36, 64: 64}
    for profile in PROFILES.values():
        iterations = {name: profile.runs[name].options['train_cfg.max_iters'] for name in CLAIMS[6].runs}
        cost = iterations['mspie'] * (0.5 * 16 + 0.25 * 36 + 0.25 * 64)
        singles = [iterations[f'single {side}'] * n for side, n in cells.items()]
        assert sum(singles) == pytest.approx(cost, rel=0.01)
        assert max(singles) == pytest.approx(min(singles), rel=0.01)


def test_report(tmp_path):
    from matplotlib.figure import Figure

    checks = [Check('a 2 > b 1', True), Check('c 1 > d 2', False)]
    finding = Finding([['generator', 'number'], ['a', '2']], checks, Figure())
    assert not finding.holds
    claim = CLAIMS[4]
    assert read(claim, 'small', tmp_path) is None
    result = write(claim, finding, 'small', tmp_path)
    assert result.verdict == 'does not hold: 1 of 2 checks do'
    assert read(claim, 'small', tmp_path) == result
    assert read(claim, 'other', tmp_path) is None
    text = write_page({claim: result}, tmp_path).read_text()
    assert '| a         |      2 |' in text
    assert 'claim_4.png' in text and '- does not hold: c 1 > d 2' in text
    assert 'a 2 > b 1; c 1 > d 2' in summary({claim: result})[-1]
    saved = tmp_path / 'claim_4.json'
    saved.write_text(json.dumps(json.loads(saved.read_text()))[:-20])
    assert read(claim, 'small', tmp_path) is None


def test_numbers_and_names_are_taken_once():
    with pytest.raises(ValueError, match='claim 4 is .*unbalanced'):
        claim(4, 'something else', expected='', runs=())
    run = PROFILES['cpu'].runs['singan zero']
    with pytest.raises(ValueError, match='there is a model singan zero already'):
        add_run('singan zero', cpu=Run(run.config, {'seed': 1}), gpu=run)
    with pytest.raises(ValueError, match='in the profiles cpu, gpu, not cpu'):
        add_run('another', cpu=run)
    assert 'another' not in PROFILES['cpu'].runs
    assert PROFILES['cpu'].runs['singan zero'] is run
