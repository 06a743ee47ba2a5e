"""Released StyleGAN2 and MS-PIE checkpoints become mmpe's."""

import pytest
import torch

from mmpe.apis import load
from mmpe.compat.checkpoints import convert
from mmpe.errors import InputError
from mmpe.models.stylegan2 import StyleGAN2Model
from mmpe.registry import MODELS

SPE = dict(type='SPE', embedding_dim=4, padding_idx=0, init_size=256, center_shift=100)
BILINEAR = dict(scale_factor=2, mode='bilinear', align_corners=True)
AFTER = dict(deconv2conv=True, up_after_conv=True, up_config=BILINEAR)
UNPADDED = dict(deconv2conv=True, no_pad=True, interp_pad=4, up_config=BILINEAR, head_pos_size=(6, 6))
GENERATORS = dict(
    a=dict(),
    c=dict(AFTER, interp_head=True),
    d=dict(AFTER, head_pos_encoding=dict(type='CSG')),
    f=dict(AFTER, head_pos_encoding=SPE),
    e=dict(AFTER, head_pos_encoding=SPE, interp_head=True),
    h=dict(UNPADDED, interp_head=True),
    i=dict(UNPADDED, head_pos_encoding=dict(type='CSG')),
    k=dict(UNPADDED, head_pos_encoding=SPE),
)
SMALL = dict(out_size=16, style_channels=8, num_mlps=2, max_channels=8)


def generator(name, **changes):
    return dict(dict(type='MSStyleGANv2Generator', **SMALL, **GENERATORS[name]), **changes)


def critic(**changes):
    return dict(type='MSStyleGAN2Discriminator', in_size=16, max_channels=8, **changes)


class Released:
    """A released checkpoint and the networks that it is of."""

    def __init__(self, folder, name, average='generator_ema.module.', discriminator=True, original=True, **changes):
        self.folder, self.path = folder, folder / 'released.pth'
        torch.manual_seed(1)
        self.config = generator(name, **changes)
        self.generator, self.average = (MODELS.build(self.config) for _ in range(2))
        self.critic = MODELS.build(critic(with_adaptive_pool=True))
        for network in (self.generator, self.average, self.critic):
            for parameter in network.parameters():
                torch.nn.init.normal_(parameter)
        parts = {'generator.': self.generator} if original else {}
        parts |= {average: self.average} if average else {}
        parts |= {'discriminator.': self.critic} if discriminator else {}
        state = {prefix + key: value for prefix, part in parts.items() for key, value in part.state_dict().items()}
        if average == 'generator_ema.module.':
            state['generator_ema.steps'] = torch.tensor(3)
        torch.save(dict(meta={}, state_dict=state), self.path)

    def convert(self, config=False):
        written = self.folder / 'config.py'
        written.write_text(f'model = dict(type="MSPIEStyleGAN2", generator={self.config}, discriminator={critic()})')
        convert(self.path, self.folder / 'out.pth', config=written if config else None)
        return load(self.folder / 'out.pth')


def assert_same_in_rgb(own, released, base_size=4):
    z = torch.randn(2, 8)
    expected = released(z, base_size, injected_noise='fixed').flip(1)
    assert torch.allclose(own(z, base_size, injected_noise='fixed'), expected, atol=1e-4 * float(expected.std()))


@pytest.mark.parametrize('name', ['a', 'c', 'd', 'h', 'i'])
def test_weights_tell_the_config(tmp_path, name):
    released = Released(tmp_path, name)
    model = released.convert()
    assert type(model) is StyleGAN2Model
    for base_size in ((4, 4), (5, 7)):
        assert_same_in_rgb(model.generator, released.generator, base_size)
        assert_same_in_rgb(model.generator_ema, released.average, base_size)
    images = torch.randn(4, 3, 16, 16)
    assert torch.allclose(model.discriminator(images), released.critic(images.flip(1)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', ['e', 'f', 'k'])
def test_a_sinusoidal_encoding_needs_its_config(tmp_path, name):
    released = Released(tmp_path, name, discriminator=False)
    with pytest.raises(InputError, match='extends .* or is resized .* --config'):
        released.convert()
    assert_same_in_rgb(released.convert(config=True).generator, released.generator, (6, 8))


def test_names_of_mmgeneration(tmp_path):
    released = Released(tmp_path, 'c', average='generator_ema.')
    assert_same_in_rgb(released.convert().generator_ema, released.average)


def test_a_generator_alone_is_its_own_average(tmp_path):
    released = Released(tmp_path, 'c', average=None, discriminator=False)
    model = released.convert()
    assert model.discriminator is None
    assert_same_in_rgb(model.generator_ema, released.generator)


def test_an_average_alone_is_its_own_generator(tmp_path):
    released = Released(tmp_path, 'c', original=False, discriminator=False)
    assert_same_in_rgb(released.convert().generator, released.average)


def test_converted_checkpoints_are_not_converted_again(tmp_path):
    Released(tmp_path, 'c').convert()
    with pytest.raises(InputError, match='already'):
        convert(tmp_path / 'out.pth', tmp_path / 'again.pth')


def test_weights_of_another_width_are_refused(tmp_path):
    released = Released(tmp_path, 'c')
    released.config = generator('c', max_channels=4)
    with pytest.raises(InputError, match='the weights do not fit the config'):
        released.convert(config=True)


def test_stylegan2_has_no_pickle(tmp_path):
    Released(tmp_path, 'c')
    with pytest.raises(InputError, match='leave --pickle out'):
        convert(tmp_path / 'released.pth', tmp_path / 'out.pth', pickled=tmp_path / 'x.pkl')
