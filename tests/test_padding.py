"""Padding layers and ``set_padding`` against numpy.pad, torch's own padding modes, and hand-made extensions."""

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope
from torch import nn

from mmpe.models import padding as P
from mmpe.models.padding import build_padding, mode_of, pad, remove_padding, set_padding
from mmpe.registry import MODELS

NUMPY_MODES = dict(zero='constant', reflect='reflect', replicate='edge', circular='wrap')
TORCH_MODES = dict(reflect='reflect', replicate='replicate', circular='circular')
TRANSPOSED = [  # kernel, stride, padding, output_padding, dilation
    (4, 2, 1, 0, 1),
    (3, 2, 1, 1, 1),
    (3, 2, 0, 0, 1),
    (3, 2, 0, 1, 1),
    (3, 1, 1, 0, 1),
    (4, 1, 0, 0, 1),
    (5, 3, 1, 2, 1),
    (3, 2, 1, 1, 2),
    (3, 2, 1, 2, 3),
    (2, 2, 0, 1, 1),
    ((4, 3), (2, 1), (1, 0), (1, 0), (1, 2)),
]


@pytest.fixture
def no_scope():
    """No default scope during a test, whatever another test left behind; the one before afterwards."""
    instances = DefaultScope._instance_dict
    before = instances.copy()
    instances.clear()
    yield
    instances.clear()
    instances.update(before)


def picture(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def numpy_pad(x, left, right, top, bottom, mode):
    lead = [(0, 0)] * (x.dim() - 2)
    return torch.from_numpy(np.pad(x.numpy(), [*lead, (top, bottom), (left, right)], mode=NUMPY_MODES[mode]))


def dcgan_like():
    """As a third party writes a generator: no mmcv, every way to pad."""
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding='same', bias=False),
        nn.BatchNorm2d(6),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(6, 6, 4, 2, 1),
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(6, 6, 3, padding=1, groups=2), nn.ReLU()),
        nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(6, 6, 5)),
        nn.Conv2d(6, 6, 1),
        nn.Sequential(nn.ZeroPad2d((1, 2, 0, 1)), nn.Conv2d(6, 3, (2, 4), padding='valid'), nn.Tanh()),
    ).double()


def padding_state(model):
    return [
        (name, m.padding, getattr(m, 'padding_mode', None), len(m._forward_pre_hooks))
        for name, m in model.named_modules()
        if hasattr(m, 'padding')
    ]


# ---------- the function and layers


@pytest.mark.parametrize('mode', NUMPY_MODES)
@pytest.mark.parametrize('shape', [(2, 3, 5, 7), (3, 5, 7)])
def test_pad_agrees_with_numpy(mode, shape):
    x = picture(*shape)
    assert torch.equal(pad(x, 2, mode), numpy_pad(x, 2, 2, 2, 2, mode))
    assert torch.equal(pad(x, (1, 3), mode), numpy_pad(x, 3, 3, 1, 1, mode)), 'a pair is (rows, columns)'
    assert torch.equal(pad(x, [1, 2, 3, 4], mode), numpy_pad(x, 1, 2, 3, 4, mode))
    assert torch.equal(build_padding(mode, (1, 2, 3, 4))(x), numpy_pad(x, 1, 2, 3, 4, mode))


def test_zero_is_the_default_mode():
    assert torch.equal(pad(picture(1, 1, 3, 3), 1), F.pad(picture(1, 1, 3, 3), (1, 1, 1, 1)))


def test_interp_samples_evenly_between_the_corners():
    x = picture(2, 3, 5, 7)
    out = pad(x, (1, 2, 0, 3), 'interp')
    assert out.shape == (2, 3, 8, 10)
    rows, columns = np.linspace(0, 4, 8), np.linspace(0, 6, 10)
    along_width = np.apply_along_axis(lambda v: np.interp(columns, np.arange(7), v), -1, x.numpy())
    expected = np.apply_along_axis(lambda v: np.interp(rows, np.arange(5), v), -2, along_width)
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-12)
    torch.testing.assert_close(pad(x[0], (1, 2, 0, 3), 'interp'), out[0])


@pytest.mark.parametrize('mode', ['bilinear', 'bicubic', 'nearest'])
@pytest.mark.parametrize('align_corners', [True, False])
def test_interp_options(mode, align_corners):
    x = picture(1, 2, 5, 6)
    cfg = dict(type='interp', mode=mode, align_corners=align_corners)
    expected = F.interpolate(x, (9, 8), mode=mode, align_corners=None if mode == 'nearest' else align_corners)
    for out in (pad(x, (2, 1), cfg), build_padding(cfg, (2, 1))(x), MODELS.build(dict(cfg, padding=(2, 1)))(x)):
        assert torch.equal(out, expected)
    assert cfg == dict(type='interp', mode=mode, align_corners=align_corners), 'the config is not consumed'


def test_interp_enlarges_a_single_pixel():
    assert torch.equal(pad(torch.full((1, 1, 1, 1), 3.0), 2, 'interp'), torch.full((1, 1, 5, 5), 3.0))


def test_nothing_to_pad_gives_the_map_itself():
    x = picture(1, 1, 2, 2)
    assert pad(x, 3, 'none') is x
    assert build_padding('none', 3)(x) is x
    assert all(pad(x, 0, mode) is x for mode in P.modes())


@pytest.mark.parametrize('mode', P.modes())
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_pad_keeps_dtype(mode, dtype):
    x = picture(1, 2, 4, 5).to(dtype)
    out = pad(x, 1, mode)
    assert out.dtype == dtype
    torch.testing.assert_close(out.double(), pad(x.double(), 1, mode), atol=2e-2, rtol=1e-2)


@pytest.mark.parametrize('mode', P.modes())
def test_pad_has_gradients_of_second_order(mode):
    torch.autograd.gradcheck(lambda x: pad(x, (1, 2, 2, 1), mode), picture(1, 1, 3, 4).requires_grad_())
    torch.autograd.gradgradcheck(lambda x: pad(x, (1, 2, 2, 1), mode) ** 2, picture(1, 1, 3, 4).requires_grad_())


@pytest.mark.parametrize('padding', [-1, (1, -2), (1, 1, -1, 1), (1,), (1, 2, 3), (), 1.5, 'same', None])
def test_bad_paddings_are_named(padding):
    for call in (lambda: pad(picture(1, 1, 8, 8), padding), lambda: build_padding('none', padding)):
        with pytest.raises(ValueError, match='padding must be') as error:
            call()
        assert repr(padding) in str(error.value)


@pytest.mark.parametrize('mode', ['mirror', 'zeros', None, 3, dict(mode='bilinear'), dict(type='Zero')])
def test_unknown_modes_are_named(mode):
    for call in (pad, lambda x, p, m: build_padding(m, p), lambda x, p, m: set_padding(nn.Conv2d(1, 1, 3), m)):
        with pytest.raises(ValueError, match='one of zero, reflect') as error:
            call(picture(1, 1, 4, 4), 1, mode)
        assert repr(mode) in str(error.value)


def test_a_new_mode_cannot_pass_for_the_one_that_it_is_made_from(monkeypatch):
    class Negated(P.ReflectPad):
        def extend(self, x):
            return -super().extend(x)

    monkeypatch.setitem(MODELS.module_dict, 'negated', Negated)
    with pytest.raises(TypeError, match="Negated is registered as 'negated', and its mode is 'reflect': make them the"):
        build_padding('negated', 1)
    Negated.mode = 'negated'
    assert build_padding('negated', 1).cfg == dict(type='negated')


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match="'area'.*bilinear, bicubic, nearest"):
        build_padding(dict(type='interp', mode='area'), 1)
    with pytest.raises(ValueError, match='value.*it takes type$'):
        build_padding(dict(type='zero', value=3), 1)


def test_maps_too_small_are_named_with_sizes():
    x = picture(1, 1, 2, 5)
    with pytest.raises(ValueError, match=r"'reflect'.*\(1, 1, 2, 2\).*at least 3x2, got 2x5"):
        pad(x, (2, 1), 'reflect')
    with pytest.raises(ValueError, match=r"'reflect'.*got 2x5"):
        pad(x, (0, 5, 0, 0), 'reflect')
    with pytest.raises(ValueError, match=r"'circular'.*got 2x5"):
        pad(x, (3, 0), 'circular')
    assert pad(x, (1, 4), 'reflect').shape == (1, 1, 4, 13)
    assert pad(x, (2, 5), 'circular').shape == (1, 1, 6, 15)
    assert pad(x, (9, 9), 'replicate').shape == (1, 1, 20, 23)


def test_repr_tells_what_it_does():
    assert repr(build_padding('reflect', 1)) == 'ReflectPad((1, 1, 1, 1))'
    assert repr(build_padding('interp', 1)) == "InterpPad((1, 1, 1, 1), mode='bilinear', align_corners=True)"


# ---------- by name, in ConvModule


@pytest.mark.parametrize('scope', [None, 'mmpe'])
@pytest.mark.parametrize(
    'mode', ['interp', 'mmpe.circular', 'mmpe.none', 'mmpe.reflect', 'zero', 'reflect', 'replicate']
)
def test_conv_module_by_name(no_scope, scope, mode):
    if scope:
        DefaultScope.get_instance('test_padding', scope_name=scope)
    layer = ConvModule(2, 3, 3, padding=1, padding_mode=mode, act_cfg=None).double()
    x = picture(1, 2, 6, 7)
    expected = F.conv2d(pad(x, 1, mode.removeprefix('mmpe.')), layer.conv.weight, layer.conv.bias)
    torch.testing.assert_close(layer(x), expected)
    assert layer(x).shape[-2:] == ((4, 5) if mode == 'mmpe.none' else (6, 7))


def test_registered_names():
    for mode in P.modes():
        assert MODELS.get(mode).mode == mode
    assert ROOT_MODELS.get('interp') is P.InterpPad
    assert ROOT_MODELS.get('zero') is nn.ZeroPad2d, "mmcv's own stay"
    assert not {'circular', 'none'} & ROOT_MODELS.module_dict.keys(), 'names that others may have uses for'
    assert isinstance(MODELS.build(dict(type='reflect', padding=(1, 2))), P.ReflectPad)


def test_registration_is_free_of_order_and_clobbers_nothing():
    check = (
        'import torch; from mmengine.registry import MODELS;'
        'MODELS.register_module("none", module=torch.nn.Identity);'
        'import mmpe.models.padding as P; import mmcv.cnn;'
        'assert MODELS.get("none") is torch.nn.Identity and MODELS.get("interp") is P.InterpPad;'
        'assert MODELS.get("reflect") is torch.nn.ReflectionPad2d'
    )
    subprocess.run([sys.executable, '-W', 'ignore', '-c', check], check=True)


# ---------- set_padding


@pytest.mark.parametrize('mode', TORCH_MODES)
@pytest.mark.parametrize('own', ['zeros', 'reflect', 'replicate', 'circular'])
@pytest.mark.parametrize(
    'options',
    [
        dict(kernel_size=3, padding=1),
        dict(kernel_size=(3, 5), padding=(1, 2), stride=(2, 1), bias=False),
        dict(kernel_size=3, padding=4, dilation=2, groups=2),
        dict(kernel_size=(2, 4), padding='same', dilation=(3, 1)),
        dict(kernel_size=3, padding='valid'),
        dict(kernel_size=1),
    ],
    ids=str,
)
def test_conv2d_as_built_with_the_mode(mode, own, options):
    conv = nn.Conv2d(4, 6, **options, padding_mode=own).double()
    native = nn.Conv2d(4, 6, **options, padding_mode=TORCH_MODES[mode]).double()
    native.load_state_dict(conv.state_dict())
    x = picture(2, 4, 8, 9)
    assert set_padding(conv, mode) is conv
    torch.testing.assert_close(conv(x), native(x))
    torch.testing.assert_close(conv(input=x[0]), native(x[0]))
    zero = nn.Conv2d(4, 6, **options).double()
    zero.load_state_dict(conv.state_dict())
    torch.testing.assert_close(set_padding(conv, 'zero')(x), zero(x))


def test_conv2d_interp_by_hand():
    conv = nn.Conv2d(2, 3, (3, 5), stride=2, padding=(1, 2)).double()
    x = picture(1, 2, 7, 8)
    expected = F.conv2d(F.interpolate(x, (9, 12), mode='bicubic'), conv.weight, conv.bias, stride=2)
    cfg = dict(type='interp', mode='bicubic', align_corners=False)
    torch.testing.assert_close(set_padding(conv, cfg)(x), expected)


def test_conv2d_reflect_by_naive_loops():
    conv = set_padding(nn.Conv2d(1, 1, 3, padding=1, bias=False).double(), 'reflect')
    x, w = picture(1, 1, 4, 5), conv.weight[0, 0].detach()
    expected = torch.zeros(4, 5, dtype=x.dtype)
    for i in range(4):
        for j in range(5):
            for a in (-1, 0, 1):
                for b in (-1, 0, 1):
                    row, column = abs(i + a), abs(j + b)  # past the first line: the mirror image
                    row, column = min(row, 6 - row), min(column, 8 - column)  # past the last
                    expected[i, j] += w[a + 1, b + 1] * x[0, 0, row, column]
    torch.testing.assert_close(conv(x)[0, 0].detach(), expected)


@pytest.mark.parametrize(
    'mode', ['zero', 'reflect', 'replicate', 'circular', 'interp', dict(type='interp', mode='nearest')]
)
def test_generator_keeps_size_and_weights(mode):
    model = dcgan_like().eval()
    x, before = picture(2, 2, 9, 8), copy.deepcopy(model.state_dict())
    size = model(x).shape
    assert set_padding(model, mode) is model
    assert model(x).shape == size
    after = model.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize('mode', ['reflect', 'replicate', 'circular'])
def test_generator_changes_at_the_border_only(mode):
    model = dcgan_like().eval()
    x = picture(1, 2, 24, 24)
    before, after = model(x), set_padding(model, mode)(x)
    assert torch.equal(before[..., 24:-24, 24:-24], after[..., 24:-24, 24:-24])
    for border in (np.s_[..., :2, :], np.s_[..., -2:, :], np.s_[..., :2], np.s_[..., -2:]):
        assert (before[border] - after[border]).abs().max() > 1e-3


def test_circular_generator_has_no_origin():
    model = set_padding(dcgan_like().eval(), 'circular')
    x = picture(1, 2, 8, 10)
    shifted = model(x.roll((3, 4), (2, 3)))
    torch.testing.assert_close(shifted[..., 12:, 16:], model(x)[..., :-12, :-16])


def test_replicate_generator_keeps_a_constant_constant():
    model = dcgan_like().eval()
    del model[3]  # a transposed convolution makes a texture of a constant
    out = set_padding(model, 'replicate')(torch.full((1, 2, 6, 6), 0.7, dtype=torch.float64))
    torch.testing.assert_close(out, out[..., :1, :1].expand_as(out))


def test_last_call_counts_and_back_to_zero_is_as_it_was():
    model = dcgan_like().eval()
    model[5][0] = nn.ZeroPad2d(2)
    x, fresh = picture(1, 2, 8, 8), padding_state(model)
    before = model(x)
    for mode in ('circular', 'interp', 'reflect'):
        set_padding(model, mode)
        assert all(len(m._forward_pre_hooks) <= 1 for m in model.modules())
    assert torch.equal(model(x), set_padding(copy.deepcopy(model), 'reflect')(x))
    set_padding(model, 'zero')
    assert padding_state(model) == fresh
    assert all(not m._forward_pre_hooks and not m._forward_pre_hooks_with_kwargs for m in model.modules())
    assert torch.equal(model(x), before)


def test_a_module_of_that_mode_needs_no_hook():
    modules = [
        nn.Conv2d(1, 1, 3, padding=1, padding_mode='circular'),
        nn.CircularPad2d(1),
        P.CircularPad(1),
        nn.Conv2d(1, 1, 3),
        nn.ConvTranspose2d(1, 1, 2, 2),
        nn.AvgPool2d(3, padding=1),
        nn.ZeroPad2d(-1),
        P.NoPad(1),
    ]
    for module in modules:
        assert not set_padding(module, 'circular')._forward_pre_hooks
    for module in modules[:3]:
        fresh = padding_state(module)
        assert len(set_padding(module, 'zero')._forward_pre_hooks) == 1
        assert torch.equal(
            set_padding(nn.Sequential(module), 'interp')(torch.ones(1, 1, 3, 3)), module(torch.ones(1, 1, 3, 3))
        )
        assert padding_state(set_padding(module, 'circular')) == fresh


@pytest.mark.parametrize(
    'layer',
    [
        nn.ZeroPad2d((1, 2, 3, 0)),
        nn.ConstantPad2d((1, 2, 3, 0), 3.5),
        nn.ReflectionPad2d((1, 2, 3, 0)),
        nn.ReplicationPad2d((1, 2, 3, 0)),
        nn.CircularPad2d((1, 2, 3, 0)),
        build_padding('zero', (1, 2, 3, 0)),
        build_padding('reflect', (1, 2, 3, 0)),
        build_padding(dict(type='interp', mode='bicubic'), (1, 2, 3, 0)),
    ],
    ids=repr,
)
def test_stand_alone_pad_layers(layer):
    x, model = picture(1, 2, 6, 7), nn.Sequential(layer)
    before = layer(x)
    for mode in ('circular', 'zero', 'replicate', 'interp', 'reflect', 'zero'):
        assert torch.equal(set_padding(model, mode)(x), pad(x, (1, 2, 3, 0), mode))
    if isinstance(layer, nn.ZeroPad2d):
        assert torch.equal(layer(x), before) and not layer._forward_pre_hooks


@pytest.mark.parametrize('own', ['zeros', 'zero', 'reflect', 'interp', 'circular', 'mmpe.circular'])
@pytest.mark.parametrize('order', [('conv', 'norm', 'act'), ('norm', 'act', 'conv')])
@pytest.mark.parametrize('norm', [None, dict(type='BN')])
def test_conv_module(own, order, norm):
    layer = ConvModule(3, 3, 3, padding=1, padding_mode=own, order=order, norm_cfg=norm, with_spectral_norm=True).eval()
    reference = ConvModule(
        3, 3, 3, padding=1, padding_mode='replicate', order=order, norm_cfg=norm, with_spectral_norm=True
    )
    reference.eval().load_state_dict(layer.state_dict())
    x = picture(1, 3, 6, 6, dtype=torch.float32)
    torch.testing.assert_close(set_padding(layer, 'replicate')(x), reference(x))


def test_conv_module_without_padding_stays():
    layer = ConvModule(3, 3, 3, padding=1, padding_mode='mmpe.none')
    assert set_padding(layer, 'reflect')(torch.ones(1, 3, 6, 6)).shape[-1] == 4


def test_fused_conv_module_and_mmcv_wrappers():
    layer = ConvModule(
        2, 3, 3, padding=1, conv_cfg=dict(type='Conv'), norm_cfg=dict(type='BN'), efficient_conv_bn_eval=True
    ).eval()
    x = picture(1, 2, 6, 6, dtype=torch.float32)
    expected = F.relu(layer.norm(F.conv2d(pad(x, 1, 'reflect'), layer.conv.weight)))
    torch.testing.assert_close(set_padding(layer, 'reflect')(x), expected)


def test_a_shared_convolution_is_treated_once():
    conv = nn.Conv2d(2, 2, 3, padding=1).double()
    model = set_padding(nn.ModuleDict(dict(a=nn.Sequential(conv, nn.ReLU()), b=conv)), 'reflect')
    x = picture(1, 2, 5, 5)
    torch.testing.assert_close(model['b'](x), F.conv2d(pad(x, 1, 'reflect'), conv.weight, conv.bias))
    assert len(conv._forward_pre_hooks) == 1


def save_and_load(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), save_and_load])
def test_hooks_survive_copies(duplicate):
    model, x = dcgan_like().eval(), picture(1, 2, 6, 6)
    zero = model(x)
    reflect = set_padding(model, 'reflect')(x)
    twin = duplicate(model)
    assert torch.equal(twin(x), reflect)
    assert torch.equal(set_padding(twin, 'zero')(x), duplicate(twin)(x))
    assert torch.equal(model(x), reflect), 'the original is not changed with its copy'
    twin[5][0] = nn.ReflectionPad2d(2)
    assert torch.equal(twin(x), zero)


def test_hooks_and_other_hooks():
    conv, seen = nn.Conv2d(1, 1, 3, padding=1), []
    handle = conv.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape))
    set_padding(conv, 'reflect')(torch.ones(1, 1, 4, 4))
    assert seen == [(1, 1, 4, 4)]
    set_padding(conv, 'zero')
    assert list(conv._forward_pre_hooks) == [handle.id]


def test_pickle_of_a_hook_in_another_process(tmp_path):
    conv = nn.Conv2d(1, 1, 3, padding=1)
    conv.weight.data.normal_()
    expected = set_padding(conv, 'reflect')(torch.ones(1, 1, 4, 4))
    torch.save(dict(conv=conv, expected=expected), tmp_path / 'conv.pth')
    check = (
        'import sys, torch; saved = torch.load(sys.argv[1], weights_only=False); conv = saved["conv"];'
        'conv.register_forward_pre_hook(lambda m, a: None);'  # torch numbers its hooks from 0 in each process
        'assert len(conv._forward_pre_hooks) == 2;'
        'assert torch.allclose(conv(torch.ones(1, 1, 4, 4)), saved["expected"])'
    )
    subprocess.run([sys.executable, '-W', 'ignore', '-c', check, str(tmp_path / 'conv.pth')], check=True)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize('mode', ['reflect', 'replicate', 'circular', 'interp'])
def test_set_padding_in_other_dtypes(dtype, mode):
    model = set_padding(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ConvTranspose2d(2, 2, 4, 2, 1)), mode)
    x = picture(1, 2, 4, 4)
    expected = model.double()(x)
    out = model.to(dtype)(x.to(dtype))
    assert out.dtype == dtype
    torch.testing.assert_close(out.double(), expected, atol=5e-2, rtol=5e-2)


def test_training_goes_through():
    model = set_padding(dcgan_like(), 'interp')
    model(picture(2, 2, 4, 4)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# ---------- transposed convolutions


def transposed(kernel, stride, padding, output_padding, dilation):
    return nn.ConvTranspose2d(2, 3, kernel, stride, padding, output_padding=output_padding, dilation=dilation).double()


def rows_columns(value):
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize('options', TRANSPOSED, ids=str)
@pytest.mark.parametrize('mode', ['reflect', 'replicate', 'circular'])
def test_transposed_as_on_a_far_extension(mode, options):
    conv, x, far = transposed(*options), picture(1, 2, 9, 10), 8
    plain, (top, left) = conv(x), (far * s for s in conv.stride)
    rows, columns = plain.shape[-2:]
    expected = conv(numpy_pad(x, far, far, far, far, mode))[..., top : top + rows, left : left + columns]
    own = {name: getattr(conv, name) for name in ('stride', 'output_padding', 'dilation', 'kernel_size')}
    out = set_padding(conv, mode)(x)
    assert out.shape == plain.shape
    torch.testing.assert_close(out, expected)
    assert own == {name: getattr(conv, name) for name in own}
    assert torch.equal(set_padding(conv, 'zero')(x), plain)
    assert conv.padding == rows_columns(options[2]) and not conv._forward_pre_hooks


@pytest.mark.parametrize('options', TRANSPOSED, ids=str)
def test_transposed_circular_commutes_with_shifts(options):
    conv, x = set_padding(transposed(*options), 'circular'), picture(1, 2, 6, 7)
    top, left = (2 * s for s in conv.stride)
    shifted = conv(x.roll((2, 2), (2, 3)))
    torch.testing.assert_close(shifted[..., top:, left:], conv(x)[..., :-top, :-left])


@pytest.mark.parametrize('options', TRANSPOSED, ids=str)
def test_transposed_replicate_of_a_constant_is_periodic(options):
    conv = set_padding(transposed(*options), 'replicate')
    out = conv(torch.full((1, 2, 5, 4), 1.3, dtype=torch.float64))
    top, left = conv.stride
    torch.testing.assert_close(out[..., top:, :], out[..., :-top, :])
    torch.testing.assert_close(out[..., left:], out[..., :-left])


def test_transposed_interp_by_hand():
    conv, x = transposed(4, 2, 1, 0, 1), picture(1, 2, 5, 6)
    expected = conv(F.interpolate(x, (7, 8), mode='bilinear', align_corners=True))[..., 2:-2, 2:-2]
    torch.testing.assert_close(set_padding(conv, 'interp')(x), expected)


def test_transposed_of_one_pixel():
    """A generator's first layer: each output sees all taps, once each."""
    conv, z = transposed(4, 1, 0, 0, 1), picture(1, 2, 1, 1)
    sums = torch.einsum('nchw,cdkl->nd', z, conv.weight) + conv.bias
    torch.testing.assert_close(set_padding(conv, 'replicate')(z), sums[..., None, None].expand(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"'reflect'.*4x4, got 1x1"):
        set_padding(conv, 'reflect')(z)


def test_transposed_with_output_size_is_refused():
    conv = set_padding(transposed(3, 2, 1, 0, 1), 'reflect')
    set_padding(hooked := transposed(4, 2, 1, 0, 1), 'reflect')
    assert conv(picture(1, 2, 4, 4), output_size=(8, 8)).shape[-1] == 8, 'it sees nothing beyond: torch as ever'
    for call in (lambda x: hooked(x, (8, 8)), lambda x: hooked(x, output_size=(8, 8))):
        with pytest.raises(ValueError, match='output_size'):
            call(picture(1, 2, 4, 4))
    assert hooked(picture(1, 2, 4, 4), None).shape[-1] == 8


# ---------- refusals


class Modulated(nn.Module):
    """A convolution as StyleGAN2 code writes it."""

    def __init__(self):
        super().__init__()
        self.weight, self.padding = nn.Parameter(torch.ones(1, 2, 2, 3, 3)), 1


@pytest.mark.parametrize(
    'odd',
    [
        nn.Conv1d(1, 1, 3, padding=1),
        nn.Conv3d(1, 1, 3, padding='same'),
        nn.ConvTranspose3d(1, 1, 4),
        nn.ReflectionPad1d(1),
        nn.ZeroPad3d(1),
        Modulated(),
    ],
    ids=lambda m: type(m).__name__,
)
def test_other_kinds_are_named_and_nothing_is_changed(odd):
    first = nn.Conv2d(1, 1, 3, padding=1)
    with pytest.raises(TypeError, match=rf"'blocks\.1' \({type(odd).__name__}\).*build_padding"):
        set_padding(nn.ModuleDict(dict(blocks=nn.Sequential(first, odd))), 'reflect')
    with pytest.raises(TypeError, match=rf'the module itself \({type(odd).__name__}\)'):
        set_padding(odd, 'reflect')
    assert first.padding == (1, 1) and not first._forward_pre_hooks


def test_other_kinds_that_do_not_pad_are_left_alone():
    set_padding(nn.Sequential(nn.Conv1d(1, 1, 3), nn.Conv3d(1, 1, 3, padding='valid'), nn.LazyLinear(2)), 'reflect')


def test_none_is_refused_where_the_output_would_shrink():
    model = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 3, padding=1))
    with pytest.raises(ValueError, match=r"'1' \(Conv2d\) to 'none': its output would shrink"):
        set_padding(model, 'none')
    set_padding(model, 'reflect')
    with pytest.raises(ValueError, match='would shrink'):
        set_padding(model, 'none')
    assert len(model[1]._forward_pre_hooks) == 1, 'still reflect'
    assert not set_padding(nn.Conv2d(1, 1, 3), 'none')._forward_pre_hooks


def test_pad_and_crop_at_once_is_refused():
    with pytest.raises(ValueError, match=r"'0' \(ZeroPad2d\): \(-1, 1, 0, 0\) pads and crops"):
        set_padding(nn.Sequential(nn.ZeroPad2d((-1, 1, 0, 0))), 'reflect')


# ------------------------------------------------------------------------------------------------- modes, and none


@pytest.mark.parametrize(
    'layer, expected',
    [
        (nn.ConvTranspose2d(2, 2, 4, 2, 1), 'zero'),
        (nn.ConvTranspose2d(2, 2, 4, 2, 2), None),
        (nn.ConvTranspose2d(2, 2, 2, 2), None),
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode='reflect'), 'reflect'),
        (nn.Conv2d(2, 2, 3, padding='same'), 'zero'),
        (nn.Conv2d(2, 2, 3, padding='valid'), None),
        (nn.ReplicationPad2d(1), 'replicate'),
        (nn.ConstantPad2d(1, 0.5), 'constant'),
        (set_padding(nn.Conv2d(2, 2, 3, padding=1), 'circular'), 'circular'),
        (nn.ReLU(), None),
    ],
    ids=str,
)
def test_mode_of_a_layer(layer, expected):
    assert mode_of(layer) == expected


@pytest.mark.parametrize('kernel, stride, padding', [(4, 2, 1), (4, 2, 2), (3, 1, 0), (3, 2, 1), (5, 2, 1), (2, 2, 0)])
@pytest.mark.parametrize('swap', [None, 'reflect'])
def test_without_padding_a_transposed_convolution_gives_a_part_of_a_larger_picture(kernel, stride, padding, swap):
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(2, 3, kernel, stride, padding).double()
    large = torch.randn(1, 2, 16, 16).double()
    whole = layer(large)
    if swap:
        set_padding(layer, swap)
    part = remove_padding(layer)(large[..., 5:11, 5:11])
    found = [
        (whole[..., y : y + part.shape[-2], y : y + part.shape[-1]] - part).abs().max() < 1e-12
        for y in range(whole.shape[-1] - part.shape[-1] + 1)
    ]
    assert part.numel() > 0 and any(found)
