"""SinGAN's networks and penalty against numbers from the released implementation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from stand_in_weights import fill, noise

from mmpe.models.losses import gradient_penalty
from mmpe.models.losses.chain_penalty import is_plain_chain
from mmpe.models.losses.wgan_gp import autograd_penalty
from mmpe.registry import MODELS

DATA = Path(__file__).parent / 'data'
GOLDENS = {**np.load(DATA / 'singan.npz'), **np.load(DATA / 'singan_variants.npz')}
SIZES = [(25, 34), (30, 41), (37, 50), (45, 61), (55, 74), (67, 90)]
AMPLITUDES = [1, 0.1, 0.09, 0.08, 0.07, 0.06]
TOLERANCE = 1e-5

# Of the noise: channels at scale 0 and above, and how many pixels larger than the image it is drawn.
NOISES = dict(singan=(1, 3, 0), csg=(2, 1, 0), spe4=(1, 1, 0), interp=(1, 1, 10))
OURS = dict(
    singan=dict(),
    csg=dict(encoding=dict(type='CartesianGrid'), padding=dict(type='PadEachLayer')),
    spe4=dict(encoding=dict(type='SinusoidalEncoding', embedding_dim=4), padding=dict(type='PadEachLayer')),
    interp=dict(padding=dict(type='OversizedNoise')),
)
IN_LAYERS = dict(type='SinGANMSGeneratorPE', padding=1, pad_at_head=False)
RELEASED = dict(
    singan=dict(type='SinGANMultiScaleGenerator'),
    csg=dict(IN_LAYERS, first_stage_in_channels=2, positional_encoding=dict(type='CSG')),
    spe4=dict(
        IN_LAYERS,
        first_stage_in_channels=8,
        positional_encoding=dict(type='SPE', embedding_dim=4, padding_idx=0, init_size=512, center_shift=200),
    ),
    interp=dict(type='SinGANMSGeneratorPE', interp_pad=True, noise_with_pad=True),
)
GENERATORS = {
    **{f'{name}-ours': dict(type='SinGANGenerator', num_scales=6, **config) for name, config in OURS.items()},
    **{f'{name}-released': dict(in_channels=3, out_channels=3, num_scales=5, **c) for name, c in RELEASED.items()},
}
DISCRIMINATORS = dict(
    ours=dict(type='SinGANDiscriminator', num_scales=6),
    released=dict(type='SinGANMultiScaleDiscriminator', in_channels=3, num_scales=5),
)


def golden(name):
    return torch.from_numpy(GOLDENS[name])


def assert_near(actual, expected):
    assert actual.shape == expected.shape
    assert (actual.detach() - expected).abs().max() < TOLERANCE * expected.std()


@pytest.mark.parametrize('which', GENERATORS)
def test_reconstruction_at_every_scale(which):
    name = which.partition('-')[0]
    first, above, margin = NOISES[name]
    generator = fill(MODELS.build(GENERATORS[which]), f'singan.{name}', gain=0.05).eval()
    noises = [
        noise(f'fixed{i}', (1, above if i else first, height + margin, width + margin))
        for i, (height, width) in enumerate(SIZES)
    ]
    with torch.no_grad():
        images = generator(noises, AMPLITUDES, return_all=True)
    assert [tuple(image.shape) for image in images] == [(1, 3, *size) for size in SIZES]
    stages = [key for key in GOLDENS if key.startswith(f'{name}.')]
    assert len(stages) >= 2
    for key in stages:
        assert_near(images[int(key[-1])], golden(key))


@pytest.fixture(params=DISCRIMINATORS)
def discriminator(request):
    return fill(MODELS.build(DISCRIMINATORS[request.param]), 'singan.disc.bn', gain=0.05).train()


@pytest.fixture
def mixture():
    real = noise('real5', (1, 3, 67, 90)).clamp(-1, 1)
    return 0.3 * real + 0.7 * golden('singan.stage5')


def test_prediction(discriminator, mixture):
    assert_near(discriminator(mixture, 5), golden('disc.bn.pred'))


@pytest.mark.parametrize('penalty', [gradient_penalty, autograd_penalty])
def test_gradient_penalty_and_its_gradients(discriminator, mixture, penalty):
    assert is_plain_chain(discriminator.blocks[5])  # or both would be by autograd
    loss = 0.1 * penalty(discriminator.blocks[5], mixture)
    loss.backward()
    np.testing.assert_allclose(loss.item(), GOLDENS['disc.bn.gp'], rtol=TOLERANCE)
    named = sorted(discriminator.named_parameters())
    norms = [0.0 if parameter.grad is None else parameter.grad.norm().item() for _, parameter in named]
    np.testing.assert_allclose(norms, GOLDENS['disc.bn.gp_grad_norms'], rtol=2e-5, atol=1e-7)
