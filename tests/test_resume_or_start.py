"""A run resumes from a complete checkpoint of the same model, or starts anew from the weights that fit, or says why."""

from pathlib import Path

import classic_runs
import pytest
import singan_runs
import stylegan2_runs
import torch
from mmengine.runner import Runner
from singan_runs import REPOSITORY, assert_same, checkpoint, run

from mmpe.apis import load, read_checkpoint, train
from mmpe.checkpoints import not_finite
from mmpe.engine.hooks import SameModelHook
from mmpe.errors import InputError

DCGAN = dict(
    type='DCGANModel',
    generator=dict(type='ConvGenerator', out_size=16, latent_channels=6, channels=8),
    discriminator=dict(type='ConvDiscriminator', in_size=16, channels=4),
    ema=dict(half_life=10),
)
PGGAN = dict(
    type='PGGANModel',
    generator=dict(type='GrowingGenerator', out_size=16, latent_channels=6, base_channels=32, max_channels=8),
    discriminator=dict(type='GrowingDiscriminator', in_size=16, base_channels=32, max_channels=8, group_size=2),
    kimgs_per_scale={'4': 0.004, '8': 0.1, '16': 0.1, '_delete_': True},
    lr_factors=dict(_delete_=True),
    transition_kimgs=0.008,
)
ITERATIONS = 3
CONFIGS = REPOSITORY / 'configs'


def singan(folder, **options):
    config = CONFIGS / 'singan/singan_quickstart.py'  # where each scale can begin as the one below
    return singan_runs.tiny_config(folder, config, iters_per_scale=2, **options)


def stylegan2(folder, **options):
    return stylegan2_runs.tiny_config(folder, iterations=ITERATIONS, **options)


def dcgan(folder, **options):
    return classic_runs.tiny_config(
        folder, REPOSITORY / 'configs/dcgan/dcgan_quickstart.py', DCGAN, ITERATIONS, **options
    )


def pggan(folder, **options):
    return classic_runs.tiny_config(
        folder, REPOSITORY / 'configs/pggan/pggan_quickstart.py', PGGAN, ITERATIONS, **options
    )


FAMILIES = dict(singan=singan, stylegan2=stylegan2, dcgan=dcgan, pggan=pggan)
NAMES = dict(singan='SinGAN', stylegan2='StyleGAN2', dcgan='DCGAN', pggan='Progressive GAN')


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """A checkpoint of each family, after three iterations."""
    folder = tmp_path_factory.mktemp('families')
    for name, config in FAMILIES.items():
        run(config(folder / name))
    return {name: folder / name / f'iter_{ITERATIONS}.pth' for name in FAMILIES}


@pytest.fixture(scope='module')
def runners(tmp_path_factory):
    """A function that gives a runner of a family that is about to resume, always the same one."""
    made = {}

    def runner_of(family):
        if family not in made:
            cfg = FAMILIES[family](tmp_path_factory.mktemp(family), resume=True, load_from='x.pth')
            cfg.experiment_name = f'resumes_{family}'
            runner = made[family] = Runner.from_cfg(cfg)
            runner._train_loop = runner.build_train_loop(runner._train_loop)
            runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        return made[family]

    return runner_of


def look(runner, made):
    next(hook for hook in runner.hooks if isinstance(hook, SameModelHook)).after_load_checkpoint(runner, made)


def refuse(runner, made):
    with pytest.raises(InputError) as error:
        look(runner, made)
    assert str(error.value).startswith('x.pth: ') and '\n' not in str(error.value)
    return str(error.value)


def without(*keys):
    def change(made):
        for key in keys[:-1]:
            made = made[key]
        del made[keys[-1]]

    return change


def with_value(*keys, value):
    def change(made):
        for key in keys[:-1]:
            made = made[key]
        made[keys[-1]] = value(made[keys[-1]]) if callable(value) else value

    return change


def any_state(made):
    return next(iter(made['optimizer']['discriminator']['state'].values()))


INCOMPLETE = dict(
    no_optimizer=(without('optimizer'), 'no optimizer'),
    no_message_hub=(without('message_hub'), 'no message_hub'),
    no_iteration=(without('meta', 'iter'), 'no iter in its meta'),
    no_meta=(with_value('meta', value={}), 'no iter in its meta'),
    no_generators_optimizer=(without('optimizer', 'generator'), 'no optimizer of generator'),
    an_optimizer_too_many=(with_value('optimizer', value=lambda old: old | dict(other=old['generator'])), 'of other'),
    no_state=(with_value('optimizer', 'generator', 'state', value={}), 'knows nothing of generator.'),
    state_is_a_list=(with_value('optimizer', 'generator', 'state', value=[]), 'generator has other parts'),
    no_groups=(without('optimizer', 'discriminator', 'param_groups'), 'discriminator has other parts'),
    no_rate=(lambda made: made['optimizer']['generator']['param_groups'][0].pop('lr'), 'has no lr'),
    rate_is_text=(with_value('optimizer', 'generator', 'param_groups', 0, 'lr', value='abc'), 'lr=abc'),
    rate_is_nan=(with_value('optimizer', 'generator', 'param_groups', 0, 'lr', value=float('nan')), 'lr=nan'),
    one_beta=(with_value('optimizer', 'generator', 'param_groups', 0, 'betas', value=(0.5,)), 'betas='),
    fewer_parameters=(
        with_value('optimizer', 'generator', 'param_groups', 0, 'params', value=lambda old: old[:-1]),
        'parameters, not',
    ),
    no_moment=(lambda made: any_state(made).pop('exp_avg_sq'), 'has no exp_avg_sq of discriminator.'),
    moment_of_another_shape=(
        lambda made: any_state(made).update(exp_avg=torch.zeros(7, 7)),
        'has a exp_avg of discriminator.',
    ),
    moment_of_one_number=(
        lambda made: any_state(made).update(exp_avg=torch.zeros(1)),
        'has a exp_avg of discriminator.',
    ),
    moment_is_text=(lambda made: any_state(made).update(exp_avg='x'), 'has a exp_avg of discriminator.'),
    step_is_text=(lambda made: any_state(made).update(step='x'), 'has a step of discriminator.'),
    scaler_is_text=(with_value('optimizer', 'generator', 'loss_scaler', value='x'), 'another loss_scaler'),
    moment_is_nan=(lambda made: any_state(made)['exp_avg'].fill_(torch.nan), 'exp_avg has values that are not finite'),
    later_iteration=(with_value('meta', 'iter', value=2), 'is at iteration 2'),
    another_iteration=(with_value('meta', 'iter', value=10**6), 'is at iteration 1000000'),
)


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('what', INCOMPLETE)
def test_incomplete_checkpoints_are_refused(checkpoints, runners, family, what):
    change, message = INCOMPLETE[what]
    made = read_checkpoint(checkpoints[family])
    change(made)
    assert message in refuse(runners(family), made)


@pytest.mark.parametrize('family', FAMILIES)
def test_whole_checkpoints_are_not(checkpoints, runners, family):
    look(runners(family), read_checkpoint(checkpoints[family]))


@pytest.mark.parametrize('family', FAMILIES)
def test_every_tensor_and_every_state_is_needed(checkpoints, runners, family):
    """One after the other is left out, or has another shape."""
    whole = read_checkpoint(checkpoints[family])
    for name in whole['state_dict']:
        made = dict(whole, state_dict={key: value for key, value in whole['state_dict'].items() if key != name})
        assert name in refuse(runners(family), made)
        made['state_dict'][name] = torch.zeros(2, 3, 5, 7)
        refuse(runners(family), made)
    stepped = 0
    for network, saved in whole['optimizer'].items():
        for number in saved['state']:
            left = {key: value for key, value in saved['state'].items() if key != number}
            made = dict(whole, optimizer=dict(whole['optimizer'], **{network: dict(saved, state=left)}))
            try:
                refuse(runners(family), made)
                stepped += 1
            except pytest.fail.Exception:
                # What a Progressive GAN has faded out is of use to no later step.
                assert family == 'pggan'
    assert stepped >= 6


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('other', FAMILIES)
@pytest.mark.parametrize('resume', [True, False])
def test_another_family_is_refused_by_its_name(checkpoints, runners, family, other, resume):
    if family == other:
        return
    runner = runners(family)
    runner._resume = resume
    try:
        message = refuse(runner, read_checkpoint(checkpoints[other]))
    finally:
        runner._resume = True
    assert f'of a {NAMES[other]}' in message and f'of a {NAMES[family]}' in message


@pytest.mark.parametrize(('family', 'value'), zip(FAMILIES, [torch.nan, torch.inf, -torch.inf, torch.nan]))
def test_weights_that_are_not_finite_are_named(checkpoints, tmp_path, family, value):
    made = torch.load(checkpoints[family], weights_only=True)
    name = [name for name, tensor in made['state_dict'].items() if tensor.is_floating_point() and tensor.ndim][-1]
    made['state_dict'][name].view(-1)[0] = value
    torch.save(made, tmp_path / 'broken.pth')
    assert list(not_finite(made['state_dict'])) == [name]
    for resume in (True, False):
        cfg = FAMILIES[family](tmp_path / 'run', resume=resume, load_from=str(tmp_path / 'broken.pth'))
        with pytest.raises(InputError, match=name.replace('.', r'\.')):
            train(cfg)
    with pytest.raises(InputError, match=name.replace('.', r'\.')):
        load(tmp_path / 'broken.pth')
    assert not (tmp_path / 'run').exists()


def test_only_files_of_the_own_work_dir_are_removed_for_a_better_one(checkpoints, runners, tmp_path):
    """MMEngine deletes what the checkpoint says was the best one."""
    runner, made = runners('dcgan'), read_checkpoint(checkpoints['dcgan'])
    own = str(Path(runner.work_dir) / 'best_x_iter_2.pth')
    made['message_hub']['runtime_info'].update(
        best_ckpt='/etc/passwd',
        best_ckpt_x=f'{runner.work_dir}/../other/best.pth',
        best_ckpt_y=own,
        last_ckpt=[1],
        keep_ckpt_ids='x',
    )
    look(runner, made)
    info = made['message_hub']['runtime_info']
    assert {name: info[name] for name in info if 'ckpt' in name} == dict(best_ckpt_y=own)


# -------------------------------------------------------------------- load_from: a new run


def start(config, folder, source, caplog=None, **options):
    cfg = config(folder, load_from=str(source), log_level='INFO', **options)
    runner = run(cfg)
    return runner, '\n'.join(Path(file).read_text() for file in Path(folder).glob('*/*.log'))


@pytest.mark.parametrize('family', ['stylegan2', 'dcgan', 'pggan'])
def test_a_new_run_starts_from_weights(checkpoints, tmp_path, family):
    """With a rate of nothing the weights stay; what the run counts starts anew, but for how far a PGGAN has grown."""
    still = {f'optim_wrapper__{name}__optimizer__lr': 1e-30 for name in ('generator', 'discriminator')}
    _, log = start(FAMILIES[family], tmp_path / 'run', checkpoints[family], **still)
    before, after = read_checkpoint(checkpoints[family]), checkpoint(tmp_path / 'run', ITERATIONS)
    for name in [name for name in before['state_dict'] if name.startswith(('generator.', 'discriminator.'))]:
        if 'running_' not in name and 'num_batches' not in name:
            torch.testing.assert_close(after['state_dict'][name], before['state_dict'][name])
    once = int(before['state_dict']['images_seen'])
    assert after['meta']['iter'] == int(after['state_dict']['iteration']) == ITERATIONS
    assert int(after['state_dict']['images_seen']) == once * (2 if family == 'pggan' else 1)
    assert 'a new run starts from weights' in log and 'tensors are taken' in log
    assert ('growth goes on at 8 pixels' in log) == (family == 'pggan')


def test_what_does_not_fit_stays_fresh_and_is_named(checkpoints, tmp_path):
    _, log = start(stylegan2, tmp_path / 'run', checkpoints['stylegan2'], model__discriminator__pool_size=3)
    assert 'stay fresh: discriminator.' in log


def test_a_running_average_starts_as_the_generator_that_is_taken(checkpoints, tmp_path):
    source = torch.load(checkpoints['dcgan'], weights_only=True)
    state = source['state_dict']
    source['state_dict'] = {name: value for name, value in state.items() if not name.startswith('generator_ema.')}
    torch.save(source, tmp_path / 'plain.pth')
    cfg = dcgan(tmp_path / 'run', load_from=str(tmp_path / 'plain.pth'))
    runner = Runner.from_cfg(cfg)
    taken = runner.model.take_weights(read_checkpoint(tmp_path / 'plain.pth')['state_dict'])
    averages = {name for name in taken if name.startswith('generator_ema.')}
    assert len(averages) == sum(name.startswith('generator.') for name in taken)
    for name in averages:
        assert torch.equal(taken[name], state[name.replace('generator_ema.', 'generator.')])


OTHER = dict(train_dataloader__dataset__data_root='skimage://coffee')


def test_a_singan_of_another_picture_keeps_the_blocks_that_fit(checkpoints, tmp_path):
    """More scales than before, of other sizes; the blocks of trained scales are taken and not begun anew."""
    source = read_checkpoint(checkpoints['singan'])['state_dict']
    assert int(source['stage']) == 1 and int(source['step']) == 1  # scales 0 and 1 have been trained
    still = {f'optim_wrapper__{name}__optimizer__lr': 1e-30 for name in ('generator', 'discriminator')}
    more = dict(train_dataloader__dataset__max_size=48, randomness__seed=5, **OTHER)
    runner, log = start(singan, tmp_path / 'run', checkpoints['singan'], **more, **still)
    model = runner.model
    assert model.num_scales > len(source['sizes']) and model.sizes.tolist() != source['sizes'].tolist()
    for scale, kept in enumerate([True, True, False]):
        name = f'generator.blocks.{scale}.tail.conv.weight'
        assert torch.allclose(model.state_dict()[name], source[name]) == kept
    below, own = (model.state_dict()[f'generator.blocks.{i}.body.block1.conv.weight'] for i in (1, 2))
    assert torch.allclose(below, own)  # begun as the scale below, as always
    assert int(model.seed) == 5 != int(source['seed'])
    assert not torch.equal(model.fixed_noise[..., :3, :3], source['fixed_noise'][..., :3, :3])
    assert (
        'the generator takes the blocks 0, 1 and the discriminator 0, 1' in log and 'starts from given weights' in log
    )
    assert load(tmp_path / f'run/iter_{runner.iter}.pth').sample().isfinite().all()


def test_given_blocks_outlive_a_kill(checkpoints, tmp_path):
    """Resumed at an earlier scale, the later ones still begin as given: bit for bit the unbroken run."""
    last = run(singan(tmp_path / 'whole', load_from=str(checkpoints['singan']), **OTHER)).iter
    assert checkpoint(tmp_path / 'whole', 1)['state_dict']['given_blocks'].any()
    run(singan(tmp_path / 'again', resume=True, load_from=str(tmp_path / 'whole/iter_1.pth'), **OTHER))
    for key in ('state_dict', 'optimizer'):
        assert_same(checkpoint(tmp_path / 'again', last)[key], checkpoint(tmp_path / 'whole', last)[key])


def test_a_run_that_is_given_nothing_has_the_entries_that_it_always_had(checkpoints):
    """Older checkpoints load, and older mmpe loads these."""
    assert 'given_blocks' not in read_checkpoint(checkpoints['singan'])['state_dict']


def test_wider_blocks_do_not_fit(checkpoints, tmp_path):
    wide = {f'model__{name}__base_channels': 6 for name in ('generator', 'discriminator')}
    with pytest.raises(InputError, match='nothing of the checkpoint fits'):
        run(singan(tmp_path / 'run', load_from=str(checkpoints['singan']), **wide))


def test_weights_are_all_that_a_new_run_needs(checkpoints, tmp_path):
    state = read_checkpoint(checkpoints['singan'])['state_dict']
    torch.save(dict(state_dict=state), tmp_path / 'weights.pth')
    run(singan(tmp_path / 'run', load_from=str(tmp_path / 'weights.pth')))


def test_auto_resume_without_a_checkpoint_starts_from_the_beginning(tmp_path):
    """Whatever MMEngine's last_checkpoint says."""
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/last_checkpoint').write_text('/nowhere.pth')
    assert run(dcgan(tmp_path / 'run', resume=True)).iter == ITERATIONS
