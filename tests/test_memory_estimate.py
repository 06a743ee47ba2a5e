"""What ``mmpe memory`` estimates, against what PyTorch's allocator hands out in the same steps."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmpe import cli
from mmpe.apis import load_config
from mmpe.apis.memory import estimate_memory
from mmpe.datasets import pyramid_sizes
from mmpe.errors import InputError
from mmpe.registry import MODELS

ADAM = dict(optimizer=dict(type='Adam', lr=1e-3))
TRAINED = dict(
    optim_wrapper=dict(constructor='mmpe.PerNetworkOptimWrapperConstructor', generator=ADAM, discriminator=ADAM)
)
SPE = dict(type='SinusoidalEncoding', embedding_dim=4)
STYLEGAN2 = dict(
    type='StyleGAN2Model',
    generator=dict(
        type='StyleGenerator', out_size=32, encoding=SPE, style_channels=16, num_mapping_layers=2, max_channels=32
    ),
    discriminator=dict(type='StyleDiscriminator', in_size=32, max_channels=32, pool_size=2),
    scales=dict(offsets=(0, 2), probabilities=(0.5, 0.5)),
)
DCGAN = dict(
    type='DCGANModel',
    generator=dict(type='ConvGenerator', out_size=32, channels=64),
    discriminator=dict(type='ConvDiscriminator', in_size=32, channels=16),
)
PGGAN = dict(
    type='PGGANModel',
    generator=dict(type='GrowingGenerator', out_size=32, base_channels=256, max_channels=32),
    discriminator=dict(type='GrowingDiscriminator', in_size=32, base_channels=256, max_channels=32),
)
SINGAN = dict(
    type='SinGANModel',
    generator=dict(type='SinGANGenerator', base_channels=16, encoding=dict(type='CartesianGrid')),
    discriminator=dict(type='SinGANDiscriminator', base_channels=16),
)


def config_of(model, batch=4, **dataset):
    return Config(copy.deepcopy(dict(TRAINED, model=model, train_dataloader=dict(batch_size=batch, dataset=dataset))))


def handed_out(work):
    """The most bytes at once that PyTorch's own allocator has handed out, beside those that are there before."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        work()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == '[memory]']
    live = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        most = max(most, live)
    return most


def real_steps(config, size):
    """A step of training at a size, after one by which the optimizers remember what they will."""
    model = MODELS.build(config.model).train()
    optimizers = build_optim_wrapper(model, config.optim_wrapper)
    for loss in model.losses.values():
        loss.interval = 1
    model.train_at(size)
    pictures = torch.randint(0, 256, (config.train_dataloader.batch_size, 3, *size), dtype=torch.uint8)
    model.train_step(dict(inputs=pictures), optimizers)
    return model, optimizers, lambda: model.train_step(dict(inputs=pictures), optimizers)


def remembered(optimizers):
    states = [state for wrapper in optimizers.values() for state in wrapper.optimizer.state.values()]
    return sum(value.numel() * value.element_size() for state in states for value in state.values())


@pytest.mark.parametrize(
    'model, sizes',
    [(STYLEGAN2, [(32, 32), (48, 48)]), (DCGAN, [(32, 32)]), (PGGAN, [(32, 32)])],
    ids=lambda x: str(x)[:22],
)
def test_the_peak_is_what_the_allocator_hands_out(model, sizes):
    config = config_of(model)
    estimate = estimate_memory(copy.deepcopy(config), sizes=sizes)
    for size in sizes:
        _, _, step = real_steps(config, size)
        assert max(estimate.peaks[size].values()) == pytest.approx(handed_out(step), rel=0.05)


def test_weights_and_optimizers_are_those_of_the_model():
    config = config_of(DCGAN)
    estimate = estimate_memory(copy.deepcopy(config))
    model, optimizers, _ = real_steps(config, (32, 32))
    networks = [model.generator, model.discriminator]
    trained = sum(p.numel() for network in networks for p in network.parameters())
    steps = sum(1 for network in networks for _ in network.parameters())
    assert estimate.optimizer == 4 * (2 * trained + steps)  # two moments per weight, and a count per tensor
    kept = [*model.parameters(), *model.buffers()]
    assert estimate.weights == sum(t.numel() * t.element_size() for t in kept)


@pytest.mark.slow
def test_a_singan_is_estimated_scale_by_scale_without_its_picture():
    config = config_of(SINGAN, type='SinGANDataset', data_root='missing.png', min_size=25, max_size=250)
    estimate = estimate_memory(config, sizes=[(48, 72)])
    assert list(estimate.peaks) == pyramid_sizes((48, 72), 25, 72, 0.75)
    peaks = [max(kinds.values()) for kinds in estimate.peaks.values()]
    assert peaks == sorted(peaks)

    model = MODELS.build(config.model)
    sizes = list(estimate.peaks)
    model.set_pyramid(sizes)
    model.iters_per_scale, model.freeze_norm_at = 2, 0.5
    model.map_in_cache = float('inf')
    optimizers = build_optim_wrapper(model.train(), config.optim_wrapper)
    reals = {f'real_scale{i}': torch.rand(1, 3, *size) for i, size in enumerate(sizes)}
    for _ in range(2 * len(sizes) - 2):
        model.train_step(dict(inputs=reals), optimizers)

    def step():
        """Without what the optimizers begin to remember of the scale."""
        before = remembered(optimizers)
        return handed_out(lambda: model.train_step(dict(inputs=reals), optimizers)) - remembered(optimizers) + before

    assert peaks[-1] == pytest.approx(max(step(), step()), rel=0.1)


def test_mixed_precision_and_batches_change_what_is_estimated():
    plain = estimate_memory(config_of(STYLEGAN2), sizes=[(32, 32)])
    half = estimate_memory(config_of(STYLEGAN2), sizes=[(32, 32)], amp_dtype='bfloat16')
    assert half.weights == plain.weights
    assert half.peaks[32, 32]['D'] < 0.8 * plain.peaks[32, 32]['D']
    small, large = estimate_memory(config_of(DCGAN)), estimate_memory(config_of(DCGAN), batch=64)
    assert large.peaks[32, 32]['G'] > 4 * small.peaks[32, 32]['G']


@pytest.mark.slow
def test_a_large_config_is_estimated_without_its_memory(capsys):
    name = 'mmpe::positional_encoding_in_gans/mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-896.py'
    taken = handed_out(lambda: cli.main(['memory', name, '--size', '896', '--batch', '3']))
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith('| 896x896'))
    assert taken < 2**26 and float(row.split('|')[-2]) == pytest.approx(18.9, abs=0.5)


@pytest.mark.parametrize(
    'model, options, said',
    [
        (STYLEGAN2, dict(sizes=[(100, 100)]), 'take 96x96'),
        (DCGAN, dict(sizes=[(64, 64)]), 'it trains 32x32'),
        (PGGAN, dict(sizes=[(32, 64)]), 'must be squares'),
        (SINGAN, dict(batch=2), 'one picture'),
        (SINGAN, {}, 'missing.png'),
        (dict(type='SinGANGenerator'), {}, 'cannot be estimated'),
    ],
)
def test_what_cannot_be_estimated_is_one_line(model, options, said):
    with pytest.raises(InputError, match=said):
        estimate_memory(config_of(model, type='SinGANDataset', data_root='missing.png'), **options)


def test_a_config_without_training_is_refused():
    config = load_config('mmpe::dcgan/dcgan_quickstart.py')
    config.pop('optim_wrapper')
    with pytest.raises(InputError, match='optim_wrapper'):
        estimate_memory(config)
