"""mmpe's parts inside a released mmagic, which needs none of mmagic's own dependencies."""

import pytest
import torch
from mmengine.registry import DefaultScope
from stylegan2_models import batch, optimisers

import mmpe.registry

mmagic_registry = pytest.importorskip('mmagic.registry')


@pytest.fixture(autouse=True)
def registries_only(monkeypatch):
    """Stop mmagic from importing its models, which a look-up does first and which needs mmcv's compiled operators."""
    monkeypatch.setattr(mmagic_registry.MODELS, '_imported', True)


@pytest.fixture
def mmagic_layer():
    """The name of a module registered with mmagic, as a project built on it registers its own."""
    name = 'LayerOfMMagic'
    mmagic_registry.MODELS.register_module(name=name, module=torch.nn.Identity)
    yield name
    mmagic_registry.MODELS.module_dict.pop(name)


@pytest.mark.parametrize(
    'encoding, channels',
    [(dict(type='mmpe.CartesianGrid'), 2), (dict(type='mmpe.SPE', embedding_dim=4, padding_idx=0), 8)],
)
def test_mmagic_builds_an_encoding_of_mmpe(encoding, channels):
    assert mmagic_registry.MODELS.build(encoding)((5, 7)).shape == (1, channels, 5, 7)


@pytest.mark.parametrize('default_scope', ['mmagic', 'mmpe'])
@pytest.mark.parametrize(
    'config',
    [
        dict(type='mmpe.SinGANGenerator'),
        dict(type='mmpe.SinGANGenerator', padding=dict(type='mmpe.PadEachLayer'), encoding=dict(type='mmpe.CSG')),
        dict(type='SinGANGenerator', encoding=dict(type='CSG'), _scope_='mmpe'),  # as `_base_ = 'mmpe::...'` gives it
    ],
)
def test_mmagic_builds_a_generator_of_mmpe(config, default_scope):
    with DefaultScope.overwrite_default_scope(default_scope):
        generator = mmagic_registry.MODELS.build(dict(config, num_scales=2))
    noises = [torch.randn(1, *generator.noise_shape(scale, (9, 12))) for scale in range(2)]
    assert generator(noises, [1.0, 0.1]).shape == (1, 3, 9, 12)


@pytest.mark.parametrize('default_scope', ['mmagic', 'mmpe'])
def test_mmagic_trains_a_model_of_mmpe(default_scope):
    generator = dict(
        type='mmpe.StyleGenerator',
        out_size=8,
        encoding=dict(type='mmpe.ResizedEncoding', encoding=dict(type='mmpe.SPE', embedding_dim=4, padding_idx=0)),
        style_channels=4,
        num_mapping_layers=1,
        max_channels=4,
    )
    critic = dict(type='mmpe.StyleDiscriminator', in_size=8, max_channels=4, pool_size=2)
    with DefaultScope.overwrite_default_scope(default_scope):
        model = mmagic_registry.MODELS.build(
            dict(type='mmpe.StyleGAN2Model', generator=generator, discriminator=critic)
        )
        losses = model.train_step(batch(0, side=16), optimisers(model))
    assert all(loss.isfinite() for loss in losses.values())


def test_mmpe_builds_a_module_of_mmagic(mmagic_layer):
    module = mmpe.registry.MODELS.build(dict(type=f'mmagic.{mmagic_layer}'))
    assert isinstance(module, torch.nn.Identity)


def test_same_name_in_both_is_no_clash():
    assert mmpe.registry.MODELS.scope != mmagic_registry.MODELS.scope
    assert mmpe.registry.MODELS.parent is mmagic_registry.MODELS.parent
