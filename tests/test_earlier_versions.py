"""Configs and checkpoints of earlier versions of mmpe, which named some things otherwise."""

import pytest
import torch
from singan_runs import CSG, REPOSITORY, assert_same, checkpoint, run, tiny_config
from stylegan2_models import SCALES, batch, optimisers

from mmpe.apis import load, load_config
from mmpe.registry import MODELS

STYLEGAN2 = dict(
    type='StyleGAN2Model',
    generator=dict(
        type='StyleGenerator',
        out_size=16,
        encoding=dict(type='SinusoidalEncoding', embedding_dim=4),
        upsampling=dict(type='ConvThenBilinear'),
        style_channels=8,
        num_mapping_layers=2,
        max_channels=8,
    ),
    discriminator=dict(type='StyleDiscriminator', in_size=16, max_channels=8, pool_size=2, group_size=2),
    scales=SCALES,
)
PGGAN = dict(
    type='PGGANModel',
    generator=dict(type='GrowingGenerator', out_size=16, latent_channels=8, base_channels=64, max_channels=8),
    discriminator=dict(type='GrowingDiscriminator', in_size=16, base_channels=64, max_channels=8),
    kimgs_per_scale={'8': 0.008, '16': 0.016},
    transition_kimgs=0.008,
)
SINGAN = dict(
    type='SinGANModel',
    generator=dict(type='SinGANGenerator', base_channels=4, border=dict(type='HeadBorder', mode='zero')),
    discriminator=dict(type='SinGANDiscriminator', base_channels=4, norm_cfg=dict(type='BN')),
    iters_per_scale=4,
    lr_milestones=(3,),
)
# By name: a model, its earlier arguments, today's, and the sums of its losses as an earlier version found them.
RUNS = dict(
    stylegan2=(
        STYLEGAN2,
        dict(r1_weight=0.7, r1_interval=2, path_length_weight=0.3, path_length_interval=3, path_length_shrink=3),
        dict(losses=dict(r1=dict(weight=0.7, interval=2), path_length=dict(weight=0.3, interval=3, shrink=3))),
        {
            'loss_fake': 3.070764,
            'loss_real': 2.728748,
            'loss_r1': 0.0006162179,
            'loss_generator': 2.597268,
            'loss_path_length': 2.522335,
        },
    ),
    pggan=(
        PGGAN,
        dict(gradient_penalty_weight=0, drift_weight=0.5),
        dict(losses=dict(gradient_penalty=None, adversarial=dict(drift_weight=0.5))),
        dict(loss_fake=-0.3272555, loss_real=0.0816482, loss_generator=0.1467353),
    ),
    singan=(
        SINGAN,
        dict(penalty_weight=0.3, reconstruction_weight=100.0, colour_weight=1.5, settle_at=0.4),
        dict(
            losses=dict(
                gradient_penalty=dict(weight=0.3),
                reconstruction=dict(weight=100.0),
                color_statistics=dict(weight=1.5),
            ),
            freeze_norm_at=0.4,
        ),
        {
            'loss_critic_fake': -0.7632494,
            'loss_critic_real': -0.4018486,
            'loss_penalty': 1.154701,
            'loss_adversarial': -1.898736,
            'loss_reconstruction': 190.7301,
        },
    ),
)


def batches(name):
    if name != 'singan':
        return [batch(i, side=dict(stylegan2=40, pggan=16)[name]) for i in range(dict(stylegan2=4, pggan=3)[name])]
    rng = torch.Generator().manual_seed(1)
    reals = {f'real_scale{i}': torch.rand(1, 3, *size, generator=rng) * 2 - 1 for i, size in enumerate(SIZES)}
    return [dict(inputs=reals)] * 6


SIZES = [(14, 16), (20, 24)]


@pytest.mark.parametrize('arguments', ['earlier', 'new', 'both'])
@pytest.mark.parametrize('name', RUNS)
def test_losses_are_as_an_earlier_version_found_them(name, arguments):
    """With both, the earlier arguments win: they are what a user's config or command line adds to today's config."""
    config, earlier, new, expected = RUNS[name]
    wrong = dict(losses={loss: dict.fromkeys(entry or ['weight'], 7) for loss, entry in new['losses'].items()})
    torch.manual_seed(5 if name == 'singan' else 3)
    model = MODELS.build(config | dict(earlier=earlier, new=new, both=wrong | earlier)[arguments])
    if name == 'singan':
        model.set_pyramid(SIZES)
    optim_wrapper = optimisers(model.train())
    logged = [model.train_step(data, optim_wrapper) for data in batches(name)]
    found = {loss: sum(float(step.get(loss, 0)) for step in logged) for loss in expected}
    # Of SinGAN, processors differ by .3 %: biases before a normalization have no gradient but rounding errors, of which
    # Adam makes whole steps. A lost argument changes a loss by 60 % at least.
    assert found == pytest.approx(expected, rel=1e-2 if name == 'singan' else 1e-4)
    assert {loss for step in logged for loss in step if loss.startswith('loss')} == set(expected)


def test_earlier_arguments_on_the_command_line():
    config = REPOSITORY / 'configs/positional_encoding_in_gans/mspie-stylegan2_quickstart_sinusoidal.py'
    small = {'model.generator.max_channels': 8, 'model.discriminator.max_channels': 8}
    model = MODELS.build(load_config(config, small | {'model.r1_weight': 3, 'model.path_length_weight': 1}).model)
    assert (model.losses['r1'].weight, model.losses['r1'].interval) == (3, 8)
    assert (model.losses['path_length'].weight, model.losses['path_length'].interval) == (1, 4)


def as_earlier(folder, config, names):
    """Give the checkpoints of a run the entries that an earlier version would have written."""
    for path in folder.glob('iter_*.pth'):
        saved = torch.load(path, weights_only=True)
        saved['state_dict'] = {names.get(name, name): value for name, value in saved['state_dict'].items()}
        saved['meta']['model'] |= config
        torch.save(saved, path)


PALETTE = REPOSITORY / 'configs/singan/singan_palette_quickstart.py'


@pytest.mark.parametrize('config', [CSG, PALETTE])
def test_checkpoints_of_an_earlier_version_go_on_to_the_bit(tmp_path, config):
    run(tiny_config(tmp_path / 'whole', config, iters_per_scale=2))
    last = max(int(path.stem[5:]) for path in (tmp_path / 'whole').glob('iter_*.pth'))
    expected = checkpoint(tmp_path / 'whole', last)
    images = load(tmp_path / f'whole/iter_{last}.pth').sample(2)
    names = {'running_color_stats': 'usual_colours', 'generator.palette.colors': 'generator.palette.colours'}
    as_earlier(tmp_path / 'whole', dict(settle_at=0.4, colour_weight=3.0), names)
    assert torch.equal(load(tmp_path / f'whole/iter_{last}.pth').sample(2), images)
    halfway = str(tmp_path / f'whole/iter_{last - 1}.pth')
    run(tiny_config(tmp_path / 'resumed', config, iters_per_scale=2, resume=True, load_from=halfway))
    for key in ('state_dict', 'optimizer'):
        assert_same(checkpoint(tmp_path / 'resumed', last)[key], expected[key])
    run(tiny_config(tmp_path / 'anew', config, iters_per_scale=1, load_from=halfway))
