"""Every config builds, trains, saves, resumes and samples, at reduced width on a small picture."""

import pytest
from mmengine.config import Config
from singan_runs import REPOSITORY, assert_same, checkpoint, run, tiny_config

from mmpe.apis import load

SINGAN = sorted(path for path in (REPOSITORY / 'configs').glob('*/singan*.py'))


@pytest.mark.parametrize('config', SINGAN, ids=lambda path: path.stem)
def test_singan_config_trains_resumes_and_samples(config, tmp_path):
    runner = run(tiny_config(tmp_path, config, iters_per_scale=1))
    last = runner.max_iters
    assert last == runner.model.num_scales == 3
    run(
        tiny_config(
            tmp_path / 'resumed', config, iters_per_scale=1, resume=True, load_from=str(tmp_path / 'iter_1.pth')
        )
    )
    for key in ('state_dict', 'optimizer'):
        assert_same(checkpoint(tmp_path / 'resumed', last)[key], checkpoint(tmp_path, last)[key])
    model = load(tmp_path / f'iter_{last}.pth')
    assert model.sample(2, (26, 40)).shape == (2, 3, 26, 40)


RELEASED = [
    'singan/singan_balloons',
    'singan/singan_fish',
    'singan/singan_bohemian',
    'positional_encoding_in_gans/singan-csg_fish',
    'positional_encoding_in_gans/singan-csg_bohemian',
    'positional_encoding_in_gans/singan_spe-dim4_fish',
    'positional_encoding_in_gans/singan_spe-dim4_bohemian',
    'positional_encoding_in_gans/singan_spe-dim8_bohemian',
    'positional_encoding_in_gans/singan_interp-pad_balloons',
    'positional_encoding_in_gans/singan_interp-pad_disc-nobn_balloons',
    'positional_encoding_in_gans/singan_interp-pad_disc-nobn_fish',
]


@pytest.mark.parametrize('name', RELEASED)
def test_released_names_are_here_with_the_released_schedule(name):
    cfg = Config.fromfile(REPOSITORY / 'configs' / f'{name}.py')
    picture = name.split('_')[-1]
    dataset = cfg.train_dataloader.dataset
    assert (dataset.min_size, dataset.scale_factor_init) == (25, 0.75)
    assert dataset.max_size == dict(balloons=250, fish=300, bohemian=500)[picture]
    assert (cfg.model.iters_per_scale, cfg.model.lr_milestones) == (2000, (1600,))
    for network in ('generator', 'discriminator'):
        assert cfg.optim_wrapper[network].optimizer == dict(type='Adam', lr=5e-4, betas=(0.5, 0.999))


def test_explicit_encodings_without_zero_padding_are_offered():
    """Released fault 6.9: the CSG and SPE configs keep padding=1."""
    for path in (REPOSITORY / 'configs').glob('*/singan*nopad*.py'):
        generator = Config.fromfile(path).model.generator
        assert generator.padding.type == 'OversizedNoise' and 'mode' not in generator.padding
        assert generator.encoding.type in ('CartesianGrid', 'SinusoidalEncoding')


def test_centered_config_grows_on_all_sides():
    """Released fault 6.12."""
    from mmpe.registry import MODELS

    path = REPOSITORY / 'configs/positional_encoding_in_gans/singan_spe-dim4_fish_nopad_centered.py'
    encoding = MODELS.build(Config.fromfile(path).model.generator.encoding)
    small, large = encoding.coordinates((35, 45)), encoding.coordinates((45, 61))
    assert small[17, 22].tolist() == [200, 200] and (large[5:40, 8:53] == small).all()


STUDIES = [
    path
    for family in ('dcgan', 'pggan', 'positional_encoding_in_gans')
    for path in sorted((REPOSITORY / 'configs' / family).glob('*.py'))
    if not path.name.startswith(('stylegan2', 'mspie', 'singan_interp-pad'))  # these say it otherwise
]


@pytest.mark.parametrize('path', STUDIES, ids=lambda path: path.stem)
def test_the_name_says_whether_there_is_no_padding(path):
    if path.read_text().startswith('"""The earlier name of '):
        inherited = Config.fromfile(path)
        current = Config.fromfile(path.with_name(f'{path.stem}_nopad.py'))
        assert inherited._cfg_dict == current._cfg_dict
        return
    padding = Config.fromfile(path).model.generator.padding
    pads_nothing = padding == 'none' or isinstance(padding, dict) and padding['type'] == 'OversizedNoise'
    assert ('nopad' in path.stem) == pads_nothing
