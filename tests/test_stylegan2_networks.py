"""StyleGAN2's networks and their layers, against naive forms, closed forms and the properties they are there for."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from stand_in_weights import noise
from torch.autograd import gradcheck, gradgradcheck

from mmpe.errors import InputError
from mmpe.models.layers import (
    Blur,
    Conv2d,
    EnlargeImage,
    EqualizedConv2d,
    EqualizedLinear,
    ModulatedConv,
    ProductMap,
    ScaledMap,
    StyledConv,
    ToRGB,
    binomial_filter,
    convolution,
    convolve,
    convolve_products,
    minibatch_stddev,
    upfirdn2d,
)
from mmpe.models.layers.pooling import average_by_products
from mmpe.models.padding import set_padding
from mmpe.random_numbers import random_generator
from mmpe.registry import MODELS

PARTS = dict(
    plain=ModulatedConv,
    transposed=MODELS.get('TransposedConvBlur'),
    conv_first=MODELS.get('ConvThenBilinear'),
    up_first=MODELS.get('BilinearThenConv'),
)
WAVES = dict(type='SinusoidalEncoding', embedding_dim=4)
PADDINGS = ('zero', 'reflect', 'replicate', 'circular', 'interp')


def generator(seed=0, **changes):
    torch.manual_seed(seed)
    config = dict(type='StyleGenerator', encoding=WAVES, style_channels=8, num_mapping_layers=2)
    network = MODELS.build(config | dict(out_size=16, max_channels=8) | changes)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(('bias', 'noise_strength')):
                parameter += 0.3 * torch.randn_like(parameter)
    return network


def discriminator(**changes):
    torch.manual_seed(0)
    return MODELS.build(dict(dict(type='StyleDiscriminator', in_size=16, max_channels=8, pool_size=2), **changes))


def doubles(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# -------------------------------------------------------------------- filters


def test_upfirdn2d_by_its_definition():
    x, kernel = doubles(1, 2, 4, 5).numpy(), doubles(3, 2).numpy()
    up, down, (left, right, top, bottom) = 3, 2, (2, 0, 1, 3)
    canvas = np.zeros((2, 4 * up + top + bottom, 5 * up + left + right))
    canvas[:, top : top + 4 * up : up, left : left + 5 * up : up] = x[0]
    height, width = canvas.shape[1] - 2, canvas.shape[2] - 1
    full = np.zeros((2, height, width))
    for i in range(3):
        for j in range(2):
            full += kernel[2 - i, 1 - j] * canvas[:, i : i + height, j : j + width]
    got = upfirdn2d(torch.from_numpy(x), torch.from_numpy(kernel), up, down, (left, right, top, bottom))
    np.testing.assert_allclose(got[0].numpy(), full[:, ::down, ::down], atol=1e-12)


@pytest.mark.parametrize('size', [(4, 4), (5, 8)])
@pytest.mark.parametrize(
    'layer, factor, options',
    [
        (Blur(padding=2), 1, dict(padding=(2, 2, 2, 2))),
        (Blur(padding=1, gain=4), 4, dict(padding=(1, 1, 1, 1))),
        (Blur(padding=1, stride=2), 1, dict(padding=(1, 1, 1, 1), down=2)),
        (EnlargeImage(), 4, dict(padding=(2, 1, 2, 1), up=2)),
    ],
)
def test_filters_do_what_upfirdn2d_does(layer, factor, options, size):
    x = doubles(2, 3, *size)
    torch.testing.assert_close(layer.double()(x), upfirdn2d(x, factor * binomial_filter(), **options))


def test_filters_have_no_entry_in_the_state_dict():
    assert not Blur(padding=1).state_dict()
    assert not EnlargeImage().state_dict()


# -------------------------------------------------------------------- convolutions

CONVOLUTIONS = [
    dict(stride=(1, 1), padding=(1, 1)),
    dict(stride=(2, 2), padding=(0, 1)),
    dict(stride=(2, 2), padding=(1, 1), transposed=True),
    dict(stride=(1, 1), padding=(2, 2), groups=2),
]


@pytest.mark.parametrize('options', CONVOLUTIONS)
def test_convolutions_and_their_gradients_of_both_orders(options):
    x, weight, bias = doubles(2, 2, 5, 6), doubles(2, 2 // options.get('groups', 1), 3, 3, seed=1), doubles(2, seed=2)
    inputs = [value.requires_grad_() for value in (x, weight, bias)]
    plain = dict(options)
    operation = F.conv_transpose2d if plain.pop('transposed', False) else F.conv2d
    results = []
    for run in (lambda *args: convolve(*args, **options), lambda *args: operation(*args, **plain)):
        y = run(*inputs)
        gradients = torch.autograd.grad((y * doubles(*y.shape, seed=3)).sum(), inputs, create_graph=True)
        penalty = sum(gradient.square().sum() for gradient in gradients)
        results.append((y, *gradients, *torch.autograd.grad(penalty, inputs[:2])))
    torch.testing.assert_close(*results)
    assert gradgradcheck(lambda *args: convolve(*args, **options), inputs, fast_mode=True)


def test_only_gradients_that_are_asked_for_are_computed(monkeypatch):
    """Else R1 would pay for the weights' gradients twice, and for those of the filters, which never learn."""
    calls = []
    inner = convolution.convolution_gradient
    monkeypatch.setattr(
        convolution,
        'convolution_gradient',
        lambda *args, by_weight: [calls.append(by_weight), inner(*args, by_weight=by_weight)][1],
    )
    conv, blur = EqualizedConv2d(3, 5, 3), Blur(padding=1)
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(blur(conv(x)).sum(), x, create_graph=True)
    assert calls == [False, False]
    gradient.square().sum().backward()
    assert calls == [False, False, True]
    calls.clear()
    blur(conv(x)).sum().backward()
    assert sorted(calls) == [False, False, True]


def test_convolution_under_autocast():
    conv, x = Conv2d(3, 5, 3), torch.randn(2, 3, 8, 8, requires_grad=True)
    with torch.autocast('cpu', torch.bfloat16):
        y = conv(x)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    half = x.grad.clone(), conv.weight.grad.clone(), conv.bias.grad.clone()
    x.grad = None
    conv.zero_grad()
    conv(x).square().sum().backward()
    for rounded, exact in zip(half, (x.grad, conv.weight.grad, conv.bias.grad)):
        assert rounded.dtype == torch.float32
        assert (rounded - exact).abs().mean() < 0.01 * exact.abs().mean()


# -------------------------------------------------------------------- equalised learning rate


@pytest.mark.parametrize('lr_mul', [1, 0.01])
def test_linear(lr_mul):
    layer = EqualizedLinear(64, 512, lr_mul, bias_init=1).double()
    x = doubles(100, 64)
    torch.testing.assert_close(
        layer(x), lr_mul * (x @ layer.weight.T / math.sqrt(64)) + lr_mul * torch.ones(512, dtype=x.dtype)
    )
    assert (layer(x) - lr_mul).std().item() == pytest.approx(1, abs=0.05)


def test_activation_of_linear():
    layer = EqualizedLinear(4, 4, activation=True).double()
    plain = EqualizedLinear(4, 4).double()
    plain.load_state_dict(layer.state_dict())
    y = plain(doubles(9, 4))
    torch.testing.assert_close(layer(doubles(9, 4)), math.sqrt(2) * torch.where(y > 0, y, 0.2 * y))


def test_linear_stays_in_full_precision():
    layer = EqualizedLinear(16, 16)
    x = torch.randn(4, 16)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(layer(x), layer(x.float()))
        assert layer(x.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(layer(x), layer.double()(x.double()).float())


@pytest.mark.parametrize('size', [1, 20])  # fewer and more numbers than there are weights
def test_convolution(size):
    layer = EqualizedConv2d(3, 5, 3, gain=2.0, stride=2, padding=1).double()
    torch.nn.init.normal_(layer.bias)
    x = doubles(2, 3, size, size)
    expected = 2 * F.conv2d(x, layer.weight / math.sqrt(27), layer.bias, stride=2, padding=1)
    torch.testing.assert_close(layer(x), expected)


# -------------------------------------------------------------------- modulation


def naive_conv(part, weight, x):
    """The linear part of one picture with its own weights (1, O, I, 3, 3)."""
    if part == 'transposed':
        wide = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return upfirdn2d(wide, 4 * binomial_filter(), padding=(1, 1, 1, 1))
    size = [2 * length for length in x.shape[-2:]]
    enlarge = dict(size=size, mode='bilinear', align_corners=True)
    if part == 'up_first':
        x = F.interpolate(x, **enlarge)
    y = F.conv2d(x, weight, padding=1)
    return F.interpolate(y, **enlarge) if part == 'conv_first' else y


def naive_styled_conv(layer, part, x, style, noise_maps):
    """StyleGAN2's formulas with weights scaled for every picture (equations 1 to 3)."""
    images = []
    for image, scale, noise_map in zip(x, layer.modulation(style), noise_maps):
        weight = layer.layer.kernel / math.sqrt(layer.layer.kernel[0].numel()) * scale[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        y = naive_conv(part, weight, image[None])[0]
        y = y + layer.noise_strength * noise_map + layer.bias[:, None, None]
        images.append(math.sqrt(2) * torch.where(y > 0, y, 0.2 * y))
    return torch.stack(images)


def styled_conv(part, in_channels=3, out_channels=5):
    torch.manual_seed(1)
    layer = StyledConv(PARTS[part](in_channels, out_channels), 6).double()
    torch.nn.init.normal_(layer.noise_strength)
    torch.nn.init.normal_(layer.bias)
    return layer


@pytest.mark.parametrize('with_gradients', [True, False])
@pytest.mark.parametrize('part', PARTS)
def test_styled_convolution_scales_weights_as_it_were(part, with_gradients):
    first, second = styled_conv(part), styled_conv('plain', 5, 4)
    to_rgb = ToRGB(4, 6).double()
    x, styles = doubles(3, 3, 4, 5), doubles(3, 6, seed=1)
    factor = doubles(3, 3, seed=2).exp()
    size = (4, 5) if part == 'plain' else (8, 10)
    noises = doubles(3, 1, *size, seed=3)
    expected = naive_styled_conv(first, part, x * factor[:, :, None, None], styles, noises)
    channels_last = x.contiguous(memory_format=torch.channels_last)
    with torch.set_grad_enabled(with_gradients):
        middle = first(ScaledMap(channels_last.clone(), factor), styles, noises)
        torch.testing.assert_close(middle.unscaled(), expected)
        assert middle.values.is_contiguous(memory_format=torch.channels_last)
        result = second(ScaledMap(middle.values.clone(), middle.factor), styles, noises[:1])
        expected = naive_styled_conv(second, 'plain', expected, styles, noises[:1].expand(3, -1, -1, -1))
        torch.testing.assert_close(result.unscaled(), expected)
        weights = to_rgb.weight * to_rgb.modulation(styles)[:, None] / 2
        rgb = torch.einsum('nchw,noc->nohw', expected, weights) + to_rgb.bias[:, None, None]
        torch.testing.assert_close(to_rgb(result, styles), rgb)


def test_a_map_that_is_not_channels_last_gives_the_same():
    layer = styled_conv('plain')
    x, styles, noises, factor = doubles(2, 3, 4, 5), doubles(2, 6), doubles(2, 1, 4, 5), doubles(2, 3).exp()
    other = layer(ScaledMap(x.contiguous(memory_format=torch.channels_last), factor), styles, noises)
    layer.layer.conv.weight.data = layer.layer.conv.weight.data.contiguous()
    torch.testing.assert_close(layer(ScaledMap(x, factor), styles, noises).unscaled(), other.unscaled())


@pytest.mark.parametrize('part', PARTS)
def test_gradients_of_both_orders(part):
    layer = styled_conv(part, 2, 3)
    to_rgb = ToRGB(3, 6).double()
    size = (2, 3) if part == 'plain' else (4, 6)
    parameters = [*layer.parameters(), *to_rgb.parameters()]

    def run(x, factor, style, noises, *_):
        y = layer(ScaledMap(x.contiguous(memory_format=torch.channels_last), factor), style, noises)
        return y.unscaled(), to_rgb(y, style)

    inputs = [doubles(2, 2, 2, 3), doubles(2, 2, seed=1).exp(), doubles(2, 6, seed=2), doubles(2, 1, *size, seed=3)]
    inputs = [value.requires_grad_() for value in inputs]
    assert gradcheck(run, (*inputs, *parameters), fast_mode=True)
    assert gradgradcheck(run, (*inputs, *parameters), fast_mode=True)


@pytest.mark.parametrize(
    'layer, shape',
    [
        (EqualizedConv2d(2, 3, 3, padding=1), (2, 2, 4, 5)),
        (EqualizedConv2d(2, 3, 3, padding=1), (1, 2, 2, 2)),
        (Blur(padding=1, stride=2), (2, 2, 4, 5)),
        (EnlargeImage(), (1, 3, 2, 3)),
        (minibatch_stddev, (4, 2, 2, 2)),
    ],
)
def test_gradients_of_both_orders_of_the_other_layers(layer, shape):
    x = doubles(*shape).requires_grad_()
    run = layer.double() if isinstance(layer, torch.nn.Module) else layer
    assert gradcheck(run, (x,))
    assert gradgradcheck(run, (x,))


@pytest.mark.parametrize('weights, styles', [(1, 1), (30, 1e3), (0.1, 0.1), (1, 1e6)])
def test_nothing_in_between_leaves_the_range_of_half_precision(weights, styles):
    layer = StyledConv(ModulatedConv(256, 32), 16)
    with torch.no_grad():
        layer.layer.conv.weight *= weights
        layer.modulation.weight *= styles
        layer.modulation.bias *= styles
    seen = []
    layer.layer.register_forward_hook(lambda module, args, out: seen.extend([args[0], out]))
    x = ScaledMap(torch.randn(2, 256, 8, 8), torch.full((2, 256), 0.5))
    y = layer(x, torch.randn(2, 16), torch.zeros(2, 1, 8, 8))
    assert all(value.std() > 1e-4 and value.abs().max() < 1e3 for value in seen)
    assert 0.5 < y.unscaled().square().mean().sqrt() / 0.5 < 2  # demodulated: of the map's own size


def test_demodulation_is_in_full_precision_under_autocast():
    layer = StyledConv(ModulatedConv(64, 32), 16)
    x, style, noises = torch.randn(2, 64, 8, 8), torch.randn(2, 16), torch.randn(2, 1, 8, 8)
    plain = layer(ScaledMap(x, torch.ones(2, 64)), style, noises)
    with torch.autocast('cpu', torch.bfloat16):
        half = layer(ScaledMap(x, torch.ones(2, 64)), style, noises)
    assert half.values.dtype == torch.bfloat16
    assert half.factor.dtype == torch.float32
    assert torch.equal(half.factor, plain.factor)
    assert (half.values.float() - plain.values).abs().mean() < 0.01 * plain.values.std()


# -------------------------------------------------------------------- minibatch standard deviation


@pytest.mark.parametrize('batch, group_size, size', [(8, 4, 4), (4, 4, 4), (3, 4, 3), (6, 4, 3), (5, 4, 1), (8, 2, 2)])
def test_minibatch_stddev(batch, group_size, size):
    x = noise('x', (batch, 3, 2, 5))
    y = minibatch_stddev(x, group_size)
    assert y.shape == (batch, 4, 2, 5)
    assert torch.equal(y[:, :3], x)
    num_groups = batch // size
    for i in range(batch):
        group = x.numpy()[i % num_groups :: num_groups]
        assert len(group) == size
        np.testing.assert_allclose(y[i, 3], np.sqrt(group.var(0) + 1e-8).mean(), rtol=1e-5)


# -------------------------------------------------------------------- up-sampling parts


@pytest.mark.parametrize('part', ['conv_first', 'up_first'])
def test_parts_without_padding_leave_room_for_the_next(part):
    assert PARTS[part](2, 3, padding=0)(torch.randn(1, 2, 5, 7)).shape == (1, 3, 12, 16)


def test_a_part_that_cannot_work_without_padding():
    with pytest.raises(InputError, match="'TransposedConvBlur'.*cannot work with padding='none'"):
        generator(padding='none')


# -------------------------------------------------------------------- generator: sizes


@pytest.mark.parametrize('out_size', [8, 64, 256])
@pytest.mark.parametrize('base', [4, 6, (5, 9), 16])
def test_base_size_is_the_inverse_of_image_size(out_size, base):
    network = generator(out_size=out_size)
    pair = base if isinstance(base, tuple) else (base, base)
    assert network.image_size(base) == tuple(length * out_size // 4 for length in pair)
    assert network.base_size(network.image_size(base)) == pair
    assert network.image_size() == (out_size, out_size)


def test_sizes_that_cannot_be_made_are_refused_with_the_nearest():
    network = generator(out_size=256)
    with pytest.raises(InputError, match='an image of 300x500 .* multiples of 64; take 320x512 or 256x512'):
        network.base_size((300, 500))
    with pytest.raises(InputError, match='take 64x64'):
        network.base_size(20)
    with pytest.raises(InputError, match="size='big'"):
        network.base_size('big')


@pytest.mark.parametrize('base', [None, 4, 5, (3, 6)])
@pytest.mark.parametrize(
    'parts',
    [
        *(dict(padding=padding) for padding in PADDINGS),
        dict(padding='interp', upsampling=dict(type='BilinearThenConv')),
        dict(padding='none', upsampling=dict(type='ConvThenBilinear')),
        dict(padding='none', upsampling=dict(type='BilinearThenConv')),
    ],
)
def test_shapes(parts, base):
    network = generator(**parts)
    images = network(torch.randn(2, 8), base)
    assert images.shape == (2, 3, *network.image_size(base))
    assert images.is_contiguous()
    assert images.isfinite().all()
    seen = []
    for layer in network.modules():
        if isinstance(layer, StyledConv):
            layer.register_forward_hook(lambda module, args, out: seen.append(tuple(out.values.shape[-2:])))
    network(torch.randn(1, 8), base)
    assert seen == network.noise_shapes(base)


# -------------------------------------------------------------------- generator: head


@pytest.mark.parametrize(
    'encoding',
    [
        WAVES,
        dict(type='CartesianGrid'),
        dict(type='LearnableGrid', channels=5),
        dict(type='ResizedEncoding', encoding=WAVES),
        dict(type='RandomFourierFeatures', num_features=4),
        dict(type='CosineBasis', num_frequencies=3),
    ],
)
@pytest.mark.parametrize('padding', ['zero', 'none'])
def test_own_coordinates_change_nothing(encoding, padding):
    network = generator(encoding=encoding, upsampling=dict(type='BilinearThenConv'), padding=padding).eval()
    z = torch.randn(2, 8)
    for base in (4, (5, 7)):
        coordinates = network.encoding.coordinates(network.head_size(base))
        plain = network(z, base, injected_noise='fixed')
        given = network(z, coordinates=coordinates, injected_noise='fixed')
        if 'channels' in encoding or 'encoding' in encoding:  # look-ups at coordinates round otherwise than resizing
            torch.testing.assert_close(plain, given, rtol=1e-4, atol=1e-5)
        else:
            assert torch.equal(plain, given)
        assert torch.equal(given, network(z, base, coordinates, injected_noise='fixed'))
    assert (network(z, coordinates=coordinates + 0.1, injected_noise='fixed') - plain).abs().max() > 1e-3


def test_generating_leaves_the_learned_constant_alone():
    network = generator(encoding=dict(type='LearnableGrid', channels=5))
    before = network.encoding.constant.detach().clone()
    with torch.no_grad():
        first = network(torch.ones(2, 8), injected_noise='fixed')
        assert torch.equal(network(torch.ones(2, 8), injected_noise='fixed'), first)
    assert torch.equal(network.encoding.constant, before)
    torch.testing.assert_close(network(torch.ones(2, 8), injected_noise='fixed').detach(), first)


def test_resized_encoding():
    encoding = MODELS.build(dict(type='ResizedEncoding', encoding=WAVES, size=(4, 6)))
    inner = MODELS.build(WAVES)
    assert encoding.out_channels == 8
    assert torch.equal(encoding((4, 6)), inner((4, 6)))
    expected = F.interpolate(inner((4, 6)), (9, 7), mode='bilinear', align_corners=True)
    assert torch.equal(encoding((9, 7)), expected)
    torch.testing.assert_close(encoding.encode(encoding.coordinates((9, 7)))[None], expected, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match='size=0 cannot work: it must be a positive integer'):
        MODELS.build(dict(type='ResizedEncoding', encoding=WAVES, size=0))


COSINES = dict(type='CosineBasis', num_frequencies=3)


@pytest.mark.parametrize('side, padding', [(3, 1), (3, 0), (1, 0), (5, 1)])
def test_a_convolution_of_products_is_one_of_their_map(side, padding):
    x = ProductMap(doubles(2, 5), doubles(3, 7, seed=1))
    weight, scale = doubles(4, 6, side, side, seed=2), doubles(3, 6, seed=3)

    def convolved(rows, columns, weight, scale):
        return convolve_products(ProductMap(rows, columns), weight, scale, padding)

    whole = torch.einsum('ky,lx->klyx', *x).flatten(0, 1) * scale[:, :, None, None]
    found = convolved(*x, weight, scale)
    torch.testing.assert_close(found, F.conv2d(whole, weight, padding=padding))
    assert found.is_contiguous(memory_format=torch.channels_last)
    inputs = [part.requires_grad_() for part in (*x, weight, scale)]
    assert gradcheck(convolved, inputs, fast_mode=True) and gradgradcheck(convolved, inputs, fast_mode=True)


@pytest.mark.parametrize('padding', [*PADDINGS, 'none', dict(type='PadInputOnce')])
@pytest.mark.parametrize('base', [4, (5, 7)])
def test_training_by_products_is_training_by_their_map(padding, base, monkeypatch):
    network = generator(encoding=COSINES, upsampling=dict(type='BilinearThenConv'), padding=padding).double()
    z = doubles(3, 8)

    def trained():
        network.zero_grad()
        images = network.train()(z, base, injected_noise='fixed')
        images.square().sum().backward()
        return images.detach(), [parameter.grad for parameter in network.parameters()]

    images, gradients = trained()
    torch.testing.assert_close(images, network.eval()(z, base, injected_noise='fixed').detach())
    monkeypatch.setattr(type(network.encoding), 'products', lambda self, grid: None)
    torch.testing.assert_close((images, gradients), trained())


@pytest.mark.parametrize('padding', PADDINGS)
def test_padding_of_a_finished_generator_counts_in_training(padding):
    network = generator(encoding=COSINES)
    zero = network.eval()(torch.ones(1, 8), injected_noise='fixed')
    set_padding(network, padding)
    expected = network.eval()(torch.ones(1, 8), injected_noise='fixed')
    torch.testing.assert_close(network.train()(torch.ones(1, 8), injected_noise='fixed'), expected)
    assert torch.equal(expected, zero) == (padding == 'zero')


# -------------------------------------------------------------------- generator: padding


@pytest.mark.parametrize('padding', PADDINGS)
def test_padding_of_a_finished_generator(padding):
    built = generator(padding=padding)
    changed = generator()
    state = copy.deepcopy(changed.state_dict())
    zero = changed(torch.ones(1, 8), injected_noise='fixed')
    set_padding(changed, padding)
    assert all(torch.equal(value, state[name]) for name, value in changed.state_dict().items())
    images = changed(torch.ones(1, 8), injected_noise='fixed')
    assert torch.equal(images, built(torch.ones(1, 8), injected_noise='fixed'))
    assert images.shape == zero.shape
    assert torch.equal(images, zero) == (padding == 'zero')


def test_a_circular_generator_has_no_origin():
    """Every padding is reached, or the border would show."""
    network = generator(padding='circular', encoding=dict(type='CartesianGrid')).eval()
    coordinates = network.encoding.coordinates((5, 6))
    noises = network.draw_noises([torch.Generator().manual_seed(0)], (5, 6))
    rolled = [maps.roll((2 * maps.shape[2] // 5, maps.shape[3] // 6), (2, 3)) for maps in noises]
    with torch.no_grad():
        image = network(torch.ones(1, 8), coordinates=coordinates, injected_noise=noises)
        moved = network(torch.ones(1, 8), coordinates=coordinates.roll((2, 1), (0, 1)), injected_noise=rolled)
    torch.testing.assert_close(moved, image.roll((8, 4), (2, 3)), rtol=1e-4, atol=1e-5)


def test_without_padding_and_noise_a_constant_stays_constant():
    """Nothing but the filter that enlarges images sees the border, 1 pixel of it at each step."""
    network = generator(padding='none', upsampling=dict(type='BilinearThenConv')).eval()
    noises = [torch.zeros(1, 1, *shape) for shape in network.noise_shapes(8)]
    with torch.no_grad():
        image = network(torch.ones(1, 8), coordinates=torch.ones(10, 10, 2), injected_noise=noises)
    inside = image[:, :, 4:-4, 4:-4]
    torch.testing.assert_close(inside, inside[:, :, :1, :1].expand_as(inside), rtol=1e-4, atol=1e-5)


# -------------------------------------------------------------------- generator: noise and styles


def test_fixed_noise_is_the_same_every_time():
    network, other = generator(), generator(seed=0)
    z = torch.randn(2, 8)
    for base in (4, (5, 7)):
        image = network(z, base, injected_noise='fixed')
        assert torch.equal(image, network(z, base, injected_noise='fixed'))
        assert torch.equal(image, other(z, base, injected_noise='fixed'))
        assert not torch.equal(image, network(z, base))
    network.noise_3.zero_()
    assert not torch.equal(network(z, injected_noise='fixed'), other(z, injected_noise='fixed'))
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(z, injected_noise='fixed'), other(z, injected_noise='fixed'))


def test_noise_of_an_image_depends_on_its_own_generator():
    network = generator()
    together = network.draw_noises([random_generator('test', i) for i in range(3)], (5, 7))
    alone = network.draw_noises([random_generator('test', 1)], (5, 7))
    assert [tuple(maps.shape) for maps in together] == [(3, 1, *shape) for shape in network.noise_shapes((5, 7))]
    assert all(torch.equal(maps[1:2], single) for maps, single in zip(together, alone))
    z = torch.randn(3, 8)
    images = network(z, (5, 7), injected_noise=together)
    torch.testing.assert_close(images[1:2], network(z[1:2], (5, 7), injected_noise=alone), rtol=1e-4, atol=1e-5)


def test_mixed_styles():
    network = generator()
    first, second = torch.randn(2, 3, 8)
    one, two = network.styles(first), network.styles(second)
    assert one.shape == (3, network.num_latents, 8)
    assert torch.equal(one, network.style_mapping(first)[:, None].expand_as(one))
    mixed = network.styles([first, second], crossover=2)
    assert torch.equal(mixed, torch.cat((one[:, :2], two[:, 2:]), 1))
    cuts = {int((network.styles([first, second]) == one).all(2).all(0).sum()) for _ in range(60)}
    assert cuts == set(range(1, network.num_latents))


def test_truncation():
    network = generator()
    z = torch.randn(3, 8)
    mean = network.mean_style()
    assert torch.equal(mean, network.mean_style())
    torch.testing.assert_close(mean, network.style_mapping(torch.randn(100_000, 8)).mean(0, True), rtol=0, atol=0.06)
    styles = network.style_mapping(z)
    torch.testing.assert_close(network.styles(z, truncation=0.7)[:, 0], mean + 0.7 * (styles - mean))
    torch.testing.assert_close(network.styles([z, z], truncation=0.0)[:, -1], mean.expand(3, -1))


def test_images_under_autocast():
    network = generator(upsampling=dict(type='ConvThenBilinear'), out_size=32).eval()
    z = torch.randn(4, 8)
    plain = network(z, injected_noise='fixed')
    with torch.autocast('cpu', torch.bfloat16):
        half = network(z, injected_noise='fixed')
        half.square().mean().backward()
        with torch.no_grad():
            torch.testing.assert_close(network(z, injected_noise='fixed'), half.detach())
    assert half.dtype == torch.float32
    assert (half - plain).abs().mean() < 0.02 * plain.std()
    assert all(p.grad is not None and p.grad.dtype == p.dtype for p in network.parameters())


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(out_size=100), 'out_size=100 cannot work: it must be a power of 2'),
        (dict(out_size=4), 'out_size=4'),
        (dict(channel_multiplier=-0.5), 'channel_multiplier=-0.5 cannot work'),
        (dict(base=6), 'base=6 cannot work: it must be a power of 2'),
        (dict(base=16), 'out_size=16 cannot work: it must be a power of 2, at least 32'),
        (dict(padding='mirror'), "padding='mirror' cannot work: unknown padding"),
    ],
)
def test_arguments_that_cannot_work(changes, message):
    with pytest.raises(InputError, match=message):
        generator(**changes)


@pytest.mark.parametrize(
    'inputs, message',
    [
        (dict(z=[torch.ones(1, 8)] * 3), '3 z cannot be mixed'),
        (dict(z=[]), '0 z cannot be mixed'),
        (dict(z=torch.ones(1, 9)), r'z of shape \[\(1, 9\)\] does not fit: it must be \(N, 8\)'),
        (dict(z=[torch.ones(1, 8), torch.ones(2, 8)]), 'two of them alike'),
        (dict(base_size=0), 'base_size=0'),
        (dict(base_size=(4, 5, 6)), r'base_size=\(4, 5, 6\)'),
        (dict(coordinates=torch.ones(4, 4)), r'coordinates of shape \(4, 4\)'),
        (dict(coordinates=torch.ones(4, 5, 2), base_size=4), r'they must be \(4, 4, 2\)'),
        (dict(injected_noise='none'), "injected_noise='none' cannot work"),
        (dict(injected_noise=[torch.ones(1, 1, 4, 4)]), 'injected_noise has shapes'),
    ],
)
def test_inputs_that_cannot_work(inputs, message):
    with pytest.raises(InputError, match=message):
        generator()(**dict(dict(z=torch.ones(1, 8)), **inputs))


def test_other_inputs_that_cannot_work():
    network = generator()
    with pytest.raises(InputError, match='crossover=0'):
        network.styles([torch.ones(1, 8)] * 2, crossover=0)
    with pytest.raises(InputError, match='styles of shape'):
        network.synthesize(torch.ones(1, 3, 8))
    with pytest.raises(InputError, match='the encoding ScaleConsistentGrid cannot be used here'):
        generator(encoding=dict(type='ScaleConsistentGrid', pad=3))(torch.ones(1, 8))


# -------------------------------------------------------------------- discriminator


@pytest.mark.parametrize('size', [(16, 16), (17, 23), (4, 40)])
def test_a_pool_takes_any_size(size):
    scores = discriminator()(torch.randn(3, 3, *size))
    assert scores.shape == (3, 1)
    assert scores.dtype == torch.float32


def test_scores_are_of_the_picture_whatever_its_memory():
    network, x = discriminator(), torch.randn(4, 3, 16, 16)
    assert torch.equal(network(x), network(x.contiguous(memory_format=torch.channels_last)))


def test_scores_under_autocast():
    network, x = discriminator(in_size=32), torch.randn(4, 3, 32, 32)
    with torch.autocast('cpu', torch.bfloat16):
        half = network(x)
    assert half.dtype == torch.float32
    assert (half - network(x)).abs().max() < 0.02


@pytest.mark.parametrize(
    'changes, shape, message',
    [
        (dict(), (1, 3, 3, 16), 'pictures of 3x16 are too small.*at least 4'),
        (dict(pool_size=None), (1, 3, 32, 32), 'sees only pictures of 16x16, got 32x32'),
        (dict(), (3, 16, 16), r'must have shape \(N, 3, H, W\)'),
        (dict(in_size=24), (1, 3, 24, 24), 'in_size=24 cannot work'),
        (dict(pool_size=0), (1, 3, 16, 16), 'pool_size=0 cannot work'),
        (dict(group_size=0), (1, 3, 16, 16), 'group_size=0 cannot work'),
        (dict(channel_multiplier=0), (1, 3, 16, 16), 'channel_multiplier=0 cannot work'),
    ],
)
def test_pictures_and_arguments_that_cannot_work(changes, shape, message):
    with pytest.raises(InputError, match=message):
        discriminator(**changes)(torch.ones(shape))


@pytest.mark.parametrize('network', [generator, discriminator])
def test_everything_learns_and_weights_are_channels_last(network):
    network = network()
    out = network(torch.randn(2, 8)) if hasattr(network, 'encoding') else network(torch.randn(4, 3, 16, 16))
    (out * torch.randn_like(out)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
        assert parameter.ndim != 4 or parameter.is_contiguous(memory_format=torch.channels_last), name


def test_a_larger_base_is_the_upper_part_of_a_deeper_generator():
    """From 16 cells on, layers, widths and images are those that a base of 4 would have there."""
    wide = dict(max_channels=32, channel_multiplier=1 / 16)
    deep, upper = generator(out_size=64, **wide), generator(out_size=64, base=16, **wide)
    assert upper.num_upsamplings == deep.num_upsamplings - 2
    assert [tuple(block.to_rgb.weight.shape) for block in upper.blocks] == [(3, 32), (3, 16)]
    assert [tuple(block.to_rgb.weight.shape) for block in deep.blocks[2:]] == [(3, 32), (3, 16)]
    assert upper(torch.ones(1, 8)).shape == (1, 3, 64, 64)
    assert upper.base_size((32, 96)) == (8, 24)


def test_an_image_without_injected_noise_depends_on_z_alone():
    network = generator(inject_noise=False)
    assert not [name for name in network.state_dict() if 'noise' in name]
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    once, again = network(z, (4, 5)), network(z, (4, 5), injected_noise='fixed')
    assert torch.equal(once, again)
    network(z).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.first.parameters())


def test_without_injected_noise_is_noise_of_strength_zero():
    plain, noisy = generator(inject_noise=False), generator()
    silent = {name: value * 0 if 'noise_strength' in name else value for name, value in noisy.state_dict().items()}
    noisy.load_state_dict(silent)
    plain.load_state_dict({name: value for name, value in silent.items() if 'noise' not in name})
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain(z), noisy(z))


@pytest.mark.parametrize('shape', [(4, 4), (6, 8), (5, 7), (9, 2)])
@pytest.mark.parametrize('size', [(2, 2), (4, 4), (1, 3)])
def test_pooling_by_products_is_adaptive_pooling(shape, size):
    x = torch.randn(2, 3, *shape, dtype=torch.float64)
    torch.testing.assert_close(average_by_products(x, size), torch.nn.functional.adaptive_avg_pool2d(x, size))
