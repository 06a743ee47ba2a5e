"""Faster algorithms for convolutions on a CPU, against PyTorch's own in double precision."""

import os
import platform
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from copy import deepcopy
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from recorded_calls import record
from stylegan2_models import optimisers, small_model, train
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from mmpe.models.layers import (
    Conv2d,
    ConvTranspose2d,
    EqualizedConv2d,
    FastConv2d,
    convolve,
    fast_convolution,
    faster_on_cpu,
    narrow_convolution,
    numba_loops,
    pytorch_layers,
    strided_convolution,
    tile_convolution,
)
from mmpe.models.losses.chain_penalty import chain_penalty
from mmpe.models.padding import set_padding
from mmpe.models.singan.blocks import ConvChain
from mmpe.registry import MODELS

SHAPES = [  # of inputs, and paddings: whole tiles, rest of tiles, sides apart, no padding, more than the kernel sees
    ((2, 3, 8, 12), (1, 1)),
    ((3, 2, 9, 7), (1, 1)),
    ((1, 5, 10, 6), (0, 0)),
    ((2, 3, 3, 30), (2, 0)),
    ((1, 1, 5, 6), (3, 4)),
]


def normal(*shape, seed=0):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return values.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else values


ALWAYS = {  # what has each algorithm compute all that it can
    'tile': dict(_FEW=0, _LEAST_CHANNELS=1, _LEAST_PIXELS=1, _LEAST_WORK=1, _LEAST_CHANNELS_FOR_STRIDES=1),
    'narrow': dict(_FEW=10**6, _MANY=1, _LEAST_FOR_FEW=1),
}
MODULES = dict(tile=tile_convolution, strided=strided_convolution, narrow=narrow_convolution)
FUNCTIONS = ('convolve', 'input_gradient', 'weight_gradient')
COMPUTED = {name: {f'{name}.{function}' for function in FUNCTIONS} for name in ALWAYS}


@pytest.fixture(params=ALWAYS)
def algorithm(request, monkeypatch):
    """Its name; it computes all that it can, be it as small as it may."""
    for name, value in ALWAYS[request.param].items():
        monkeypatch.setattr(fast_convolution, name, value)
    return request.param


only_tiles = pytest.mark.parametrize('algorithm', ['tile'], indirect=True)


@pytest.fixture
def calls(monkeypatch):
    """The names of the functions that were called, and their modules' without the end."""
    functions = ((short, module, name) for short, module in MODULES.items() for name in FUNCTIONS)
    found = {f'{short}.{name}': (module, name) for short, module, name in functions if hasattr(module, name)}
    return record(monkeypatch, found)


def gradients(run, x, weight, bias):
    """What ``run`` gives, its gradients, and the gradients of these."""
    inputs = [value.requires_grad_() for value in (x, weight, bias)]
    y = run(*inputs)
    first = torch.autograd.grad((y * normal(*y.shape, seed=3).to(y)).sum(), inputs, create_graph=True)
    penalty = sum(gradient.square().mean() for gradient in first)
    return y, *first, *torch.autograd.grad(penalty, inputs[:2])


@pytest.mark.parametrize('tiles_at_once', [1, 1000])
@pytest.mark.parametrize('shape, padding', SHAPES)
def test_convolutions_and_their_gradients_of_both_orders(algorithm, calls, monkeypatch, shape, padding, tiles_at_once):
    monkeypatch.setattr(tile_convolution, '_TILES', tiles_at_once)
    values = normal(*shape), normal(4, shape[1], 3, 3, seed=1), normal(4, seed=2)
    got = gradients(lambda *args: convolve(*args, padding=padding), *values)
    assert set(calls) == COMPUTED[algorithm]
    wanted = gradients(lambda *args: F.conv2d(*args, padding=padding), *(value.detach().double() for value in values))
    for one, other in zip(got, wanted):
        torch.testing.assert_close(one.double(), other, rtol=0, atol=5e-5 * float(other.detach().std() + 1))


def test_what_is_computed_can_be_written_to(algorithm, calls):
    inputs = [value.requires_grad_() for value in (normal(1, 4, 9, 12), normal(4, 4, 3, 3, seed=1), normal(4, seed=2))]

    def computed():
        y = convolve(*inputs, padding=(1, 1))
        return y, *torch.autograd.grad(y, inputs, normal(*y.shape, seed=3), create_graph=True)

    plain, written = computed(), computed()
    for value, before in zip(written, plain):
        assert torch.equal(value.add_(1), before + 1)
    assert set(calls) == COMPUTED[algorithm]
    for one, other in zip(*(torch.autograd.grad(sum(map(torch.sum, values)), inputs) for values in (written, plain))):
        torch.testing.assert_close(one, other)


@only_tiles
@pytest.mark.parametrize('threads', [1, 3, 40])
@pytest.mark.parametrize('inputs, outputs', [(16, 64), (64, 16), (80, 48), (33, 70), (64, 128)])
def test_channels_of_whole_registers_and_of_parts(algorithm, calls, inputs, outputs, threads):
    values = normal(2, inputs, 13, 18), normal(outputs, inputs, 3, 3, seed=1), normal(outputs, seed=2)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        got = gradients(lambda *args: convolve(*args, padding=(1, 1)), *values)
    finally:
        torch.set_num_threads(before)
    assert set(calls) == COMPUTED[algorithm]
    wanted = gradients(lambda *args: F.conv2d(*args, padding=1), *(value.detach().double() for value in values))
    for one, other in zip(got, wanted):
        torch.testing.assert_close(one.double(), other, rtol=0, atol=3e-5 * float(other.detach().std()))


def channels_first(weight):
    return weight.contiguous()


def turned_around(weight):
    return weight.flip(2).transpose(0, 1).contiguous().transpose(0, 1)


def with_gaps(weight):
    return torch.stack([weight, weight + 1], dim=-1)[..., 0]


def from_the_middle(weight):
    return torch.cat([weight + 1, weight.contiguous(), weight])[len(weight) : 2 * len(weight)]


@pytest.mark.parametrize('order', [channels_first, turned_around, with_gaps, from_the_middle])
def test_numbers_in_any_order_in_memory(algorithm, calls, order):
    x, weight = order(normal(2, 4, 9, 12)), order(normal(5, 4, 3, 3, seed=1))
    got = gradients(lambda *args: convolve(*args, padding=(1, 0)), x, weight, normal(10, seed=2)[::2])
    assert set(calls) == COMPUTED[algorithm]
    exact = (value.detach().double().contiguous() for value in (x, weight, normal(10, seed=2)[::2]))
    wanted = gradients(lambda *args: F.conv2d(*args, padding=(1, 0)), *exact)
    for one, other in zip(got, wanted):
        torch.testing.assert_close(one.double(), other, rtol=0, atol=5e-5 * float(other.detach().std() + 1))


@only_tiles
@pytest.mark.parametrize('images_at_once', [1, 1000])
@pytest.mark.parametrize('stride', [(2, 2), (2, 1), (3, 2)])
@pytest.mark.parametrize('size', [(9, 13), (8, 6)])
def test_strided_convolutions(algorithm, calls, monkeypatch, size, stride, images_at_once):
    monkeypatch.setattr(strided_convolution, '_AT_ONCE', images_at_once * size[0] * size[1])
    values = normal(3, 2, *size), normal(4, 2, 3, 3, seed=1), normal(4, seed=2)
    got = gradients(lambda *args: convolve(*args, stride=stride), *values)
    assert set(calls) == {'strided.weight_gradient'}
    wanted = gradients(lambda *args: F.conv2d(*args, stride=stride), *(value.detach().double() for value in values))
    for one, other in zip(got, wanted):
        torch.testing.assert_close(one.double(), other, rtol=0, atol=5e-5 * float(other.detach().std() + 1))


def error(values, exact):
    return float((values.detach() - exact).square().mean().sqrt() / exact.square().mean().sqrt())


@pytest.mark.parametrize(
    'outputs, inputs, size, function',
    [
        (256, 256, (32, 32), 'tile.convolve'),
        (128, 128, (40, 50), 'tile.convolve'),
        (32, 32, (64, 64), 'tile.convolve'),
        (64, 300, (32, 32), 'tile.convolve'),
        (3, 64, (64, 64), 'narrow.convolve'),
    ],
)
def test_rounding_errors_are_at_most_twice_those_of_a_direct_convolution(calls, outputs, inputs, size, function):
    x, weight = normal(1, inputs, *size), normal(outputs, inputs, 3, 3, seed=1)
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    assert error(convolve(x, weight, padding=(1, 1)), exact) < 2 * error(F.conv2d(x, weight, padding=1), exact)
    assert calls == [function]


@pytest.mark.parametrize('outputs, inputs, function', [(1, 64, 'narrow.convolve'), (64, 64, None), (256, 256, None)])
def test_bfloat16(calls, outputs, inputs, function):
    x, layer = normal(1, inputs, 64, 128), FastConv2d(inputs, outputs, 3, padding=1)
    exact = F.conv2d(x.double(), layer.weight.double(), layer.bias.double(), padding=1).detach()
    with torch.autocast('cpu', torch.bfloat16):
        y = layer(x)
        plain = F.conv2d(x, layer.weight, layer.bias, padding=1)
    assert calls == ([function] if function else []) and y.dtype == torch.bfloat16
    assert error(y, exact) < 2.5 * error(plain, exact)
    y.float().square().sum().backward()
    assert layer.weight.grad.dtype == layer.bias.grad.dtype == torch.float32
    assert layer.weight.grad.isfinite().all()


def test_an_image_does_not_depend_on_its_batch(algorithm, calls):
    x, weight = normal(4, 8, 12, 16), normal(8, 8, 3, 3, seed=1)
    alone = convolve(x[2:3], weight)
    allowed = 0 if algorithm == 'tile' else 1e-6 * float(alone.std())  # BLAS rounds a product of more rows otherwise
    torch.testing.assert_close(convolve(x, weight)[2:3], alone, rtol=0, atol=allowed)
    assert len(calls) == 2


@pytest.mark.parametrize(
    'channels, size, options',
    [
        (128, (31, 33), {}),
        (64, (31, 33), {}),
        (32, (63, 64), {}),
        (31, (64, 128), {}),
        (128, (32, 32), dict(groups=2)),
        (128, (32, 32), dict(transposed=True)),
    ],
)
def test_other_convolutions_are_pytorchs_to_the_bit(calls, channels, size, options):
    x, weight = normal(1, channels, *size), normal(channels, channels // options.get('groups', 1), 3, 3, seed=1)
    plain = F.conv_transpose2d if options.get('transposed') else F.conv2d
    assert torch.equal(convolve(x, weight, **options), plain(x, weight, groups=options.get('groups', 1)))
    assert not calls


OTHERS = [(name, dtype) for name in ALWAYS for dtype in (torch.bfloat16, torch.float16, torch.float64)]
OTHERS.remove(('narrow', torch.bfloat16))


@pytest.mark.parametrize('algorithm, dtype', OTHERS, indirect=['algorithm'])
def test_other_precisions_are_pytorchs_to_the_bit(algorithm, calls, dtype):
    x, weight = normal(1, 2, 8, 8), normal(4, 2, 3, 3, seed=1)
    assert torch.equal(convolve(x.to(dtype), weight.to(dtype)), F.conv2d(x.to(dtype), weight.to(dtype)))
    if dtype != torch.float64:
        with torch.autocast('cpu', dtype):
            assert torch.equal(convolve(x, weight), F.conv2d(x, weight))
    assert not calls


@pytest.mark.parametrize('shape', [(0, 2, 8, 8), (2, 8, 8)])
def test_empty_batches_and_single_images(algorithm, shape):
    x, weight = torch.ones(shape), normal(4, 2, 3, 3)
    assert torch.equal(convolve(x, weight), F.conv2d(x, weight))


@pytest.mark.parametrize('shape', [(1, 3, 8, 8), (1, 2, 512, 2)])
def test_pytorch_says_what_it_refuses(algorithm, shape):
    x, weight = torch.ones(shape), normal(4, 2, 3, 3)
    with pytest.raises(RuntimeError) as refused:
        F.conv2d(x, weight)
    with pytest.raises(RuntimeError, match=re.escape(str(refused.value))):
        convolve(x, weight)


def test_pytorch_layers_are_pytorchs_to_the_bit(algorithm, calls):
    x, weight = normal(1, 2, 8, 8), normal(4, 2, 3, 3, seed=1)
    with pytorch_layers():
        assert torch.equal(convolve(x, weight), F.conv2d(x, weight))
    assert not calls
    convolve(x, weight)
    assert calls


def test_another_thread_goes_on_as_it_was(algorithm, calls):
    x, weight = normal(1, 2, 8, 8), normal(4, 2, 3, 3, seed=1)
    with pytorch_layers(), ThreadPoolExecutor() as threads:
        threads.submit(convolve, x, weight).result()
    assert calls


@only_tiles
@pytest.mark.parametrize('mode', [FlopCounterMode(display=False), FakeTensorMode(allow_non_fake_inputs=True)])
def test_who_sees_all_operators_sees_a_convolution(algorithm, calls, mode):
    x, weight = normal(1, 2, 8, 8), normal(4, 2, 3, 3, seed=1)
    with mode:
        assert convolve(x, weight, padding=(1, 1)).shape == (1, 4, 8, 8)
    assert not calls
    if isinstance(mode, FlopCounterMode):
        assert mode.get_total_flops() == 2 * 9 * 2 * 4 * 8 * 8


@only_tiles
def test_a_traced_layer_convolves_what_it_is_given(algorithm, calls):
    layer = FastConv2d(2, 4, 3, padding=1)
    with warnings.catch_warnings():
        warnings.simplefilter('error', torch.jit.TracerWarning)
        traced = torch.jit.trace(layer, normal(1, 2, 8, 8))
    x = normal(1, 2, 8, 8, seed=1)
    torch.testing.assert_close(traced(x), layer(x), rtol=0, atol=1e-5)


@only_tiles
def test_several_threads_at_once_and_each_with_its_own(algorithm, calls):
    x, weight = normal(3, 8, 30, 21), normal(8, 8, 3, 3, seed=1)

    def run(count):
        torch.set_num_threads(count)
        return convolve(x, weight, padding=(1, 1))

    before = torch.get_num_threads()
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(run, [1, 2, 3, 1, 2, 3]))
    torch.set_num_threads(before)
    assert len(calls) == 6
    torch.testing.assert_close(results[0], F.conv2d(x, weight, padding=1), rtol=0, atol=1e-4)
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize('default', ['device', 'dtype'])
def test_defaults_for_new_tensors_do_not_matter(algorithm, calls, default):
    inputs = [value.requires_grad_() for value in (normal(1, 2, 9, 12), normal(4, 2, 3, 3, seed=1), normal(4, seed=2))]
    direction = normal(1, 4, 9, 12, seed=3)

    def run():
        y = convolve(*inputs, padding=(1, 1))
        first = torch.autograd.grad(y, inputs, direction, create_graph=True)
        return y, *first, *torch.autograd.grad(first[0].square().sum() + first[1].square().sum(), inputs[:2])

    wanted = run()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if default == 'dtype' else before)
    try:
        with torch.device('meta') if default == 'device' else nullcontext():
            got = run()
    finally:
        torch.set_default_dtype(before)
    assert set(calls) == COMPUTED[algorithm]
    for one, other in zip(got, wanted):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize('kind', [Conv2d, EqualizedConv2d, FastConv2d])
def test_functions_of_torch_func(algorithm, calls, kind):
    layer, x = kind(2, 4, 3, padding=1), normal(3, 2, 9, 12)

    def loss(image):
        return layer(image[None]).square().sum()

    got = torch.func.vmap(torch.func.grad(loss))(x)
    assert not calls
    (wanted,) = torch.autograd.grad(sum(map(loss, x.requires_grad_())), x)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-4)


SCRIPT = """
import os
import torch
from mmpe.models.layers import convolve

torch.set_num_threads(1)
x, weight = torch.ones(1, 32, 64, 64), torch.ones(32, 32, 3, 3)
print(convolve(x, weight).round().unique().tolist(), torch.get_num_threads())
child = os.fork()
if child == 0:
    print(convolve(x, weight).unique().tolist())  # PyTorch's own
else:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_threads_stay_as_many_and_a_forked_process_convolves():
    """Numba sets the number of PyTorch's threads, and ends a process that is forked from one with threads."""
    done = subprocess.run([sys.executable, '-Wignore', '-uc', SCRIPT], capture_output=True, text=True)
    assert done.stdout.splitlines() == ['[288.0] 1', '[288.0]', '0'], done.stderr


def test_where_numba_is_not_to_compile_convolutions_are_pytorchs_and_that_is_said():
    script = """
import torch
from mmpe.models.layers import convolve

print(convolve(torch.ones(1, 32, 64, 64), torch.ones(32, 32, 3, 3)).unique().tolist())
"""
    environment = dict(os.environ, NUMBA_DISABLE_JIT='1')
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, env=environment)
    assert done.stdout == '[288.0]\n' and 'NUMBA_DISABLE_JIT is set' in done.stderr


OTHER_CPU = """
import sys
import llvmlite.binding

features = llvmlite.binding.get_host_cpu_features()
for name in features:
    features[name] = features[name] and not name.startswith(tuple(sys.argv[1].split()))
llvmlite.binding.get_host_cpu_features = lambda: features

import torch
import torch.nn.functional as F
from mmpe.models.layers import tile_convolution, tile_loops

x, weight = torch.randn(1, 80, 13, 18), torch.randn(33, 80, 3, 3)
y = tile_convolution.convolve(x, weight, None, (1, 1))
exact = F.conv2d(x.double(), weight.double(), padding=1)
print(tile_loops.REGISTER, float((y - exact).abs().max() / exact.std()) < 3e-5)
gradient = tile_convolution.weight_gradient(y, x, (1, 1))
exact = torch.nn.grad.conv2d_weight(x.double(), weight.shape, y.double(), padding=1)
print(float((gradient - exact).abs().max() / exact.std()) < 3e-5)
"""


@pytest.mark.skipif(platform.machine() != 'x86_64', reason='the registers are those of x86')
@pytest.mark.parametrize('lacks, register', [('avx512 avx10', 8), ('avx fma f16c vaes vpclmul gfni', 4)])
def test_a_cpu_with_shorter_registers(tmp_path, lacks, register):
    environment = dict(os.environ, NUMBA_CACHE_DIR=str(tmp_path))
    command = [sys.executable, '-Wignore', '-c', OTHER_CPU, lacks]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == [str(register), 'True', 'True'], done.stderr


@pytest.mark.parametrize(
    'error, advice',
    [
        (ModuleNotFoundError("No module named 'numba'", name='numba'), r"pip install 'mmpe\[cpu\]'"),
        (ImportError('Numba needs NumPy 2.5 or less'), 'cannot be imported: Numba needs NumPy 2.5 or less'),
    ],
)
def test_without_numba_convolutions_are_pytorchs_and_that_is_said_once(monkeypatch, error, advice):
    class Refusing:
        def find_spec(self, name, *args):
            if name == numba_loops.__name__:
                raise error

    monkeypatch.setattr(sys, 'meta_path', [Refusing(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, numba_loops.__name__)
    for name in ('_has_numba', '_module'):
        monkeypatch.setattr(faster_on_cpu, name, cache(getattr(faster_on_cpu, name).__wrapped__))
    x, weight = normal(1, 32, 64, 64), normal(32, 32, 3, 3, seed=1)
    with pytest.warns(UserWarning, match=advice):
        assert torch.equal(convolve(x, weight), F.conv2d(x, weight))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert torch.equal(convolve(x, weight), F.conv2d(x, weight))


def test_stylegan2_learns_the_same(algorithm, calls):
    def learnt():
        torch.manual_seed(0)
        model = small_model(losses=dict(r1=dict(interval=1), path_length=dict(interval=1)))
        losses = train(model, optimisers(model), 3)
        return losses, [weight.detach() for weight in model.parameters()]

    losses, weights = learnt()
    assert set(calls) >= COMPUTED[algorithm]
    with pytorch_layers():
        exact, wanted = learnt()
    assert losses['loss_r1'] and losses['loss_path_length']
    torch.testing.assert_close(losses, exact, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(weights, wanted, rtol=0, atol=1e-3)  # Adam makes steps of the smallest gradients


@pytest.mark.parametrize('padding', ['zero', 'none', 'reflect'])
@pytest.mark.parametrize('upsampling', ['ConvThenBilinear', 'BilinearThenConv'])
def test_images_of_a_generator(algorithm, calls, padding, upsampling):
    torch.manual_seed(0)
    encoding = dict(type='SinusoidalEncoding', embedding_dim=4)
    config = dict(type='StyleGenerator', out_size=16, max_channels=8, style_channels=8, num_mapping_layers=2)
    mode = 'zero' if padding == 'reflect' else padding
    G = MODELS.build(dict(config, encoding=encoding, upsampling=dict(type=upsampling), padding=mode))
    if padding == 'reflect':
        set_padding(G, padding)
    z = normal(2, 8)
    with torch.no_grad():
        images = G(z, base_size=(5, 6), injected_noise='fixed')
        assert calls
        with pytorch_layers():
            torch.testing.assert_close(images, G(z, base_size=(5, 6), injected_noise='fixed'), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    'channels, options',
    [
        (31, {}),
        (128, dict(groups=2)),
        (128, dict(dilation=2)),
        (128, dict(padding_mode='circular')),
        (128, dict(padding='same')),
    ],
)
def test_a_layer_that_is_not_wide_is_pytorchs_to_the_bit(calls, channels, options):
    options = dict(dict(padding=1), **options)
    layer, x = FastConv2d(channels, channels, 3, **options), normal(1, channels, 64, 64)
    plain = nn.Conv2d(channels, channels, 3, **options)
    plain.load_state_dict(layer.state_dict())
    got, wanted = layer(x), plain(x)
    assert torch.equal(got, wanted)
    assert type(got.grad_fn) is type(wanted.grad_fn) and not calls


@pytest.mark.parametrize('options', [dict(dilation=2), dict(padding='same'), dict(groups=2), dict(bias=False)])
@pytest.mark.parametrize('kind', [Conv2d, EqualizedConv2d, FastConv2d])
def test_every_option_of_a_convolution_counts(kind, options):
    layer, plain = (cls(4, 6, 3, **dict(dict(padding=1), **options)) for cls in (kind, nn.Conv2d))
    plain.load_state_dict(layer.state_dict())
    x = normal(2, 4, 9, 11)
    gain = (plain.weight[0].numel()) ** -0.5 if kind is EqualizedConv2d else 1
    torch.testing.assert_close(layer(x), plain(x * gain), rtol=0, atol=1e-5)


@pytest.mark.parametrize('kind', [Conv2d, EqualizedConv2d, FastConv2d])
def test_a_convolution_made_circular_is_one(kind):
    layer, x = kind(4, 6, 3, padding=1), normal(2, 4, 9, 11)
    layer.padding_mode = 'circular'  # the usual way to make a trained network's images tile
    torch.testing.assert_close(layer(x.roll((2, 5), (2, 3))), layer(x).roll((2, 5), (2, 3)))


@pytest.mark.parametrize('options', [dict(dilation=2, stride=3), dict(output_padding=1, stride=3), dict(groups=2), {}])
def test_every_option_of_a_transposed_convolution_counts(options):
    options = dict(dict(stride=2, padding=1), **options)
    layer, plain = (cls(4, 6, 3, **options) for cls in (ConvTranspose2d, nn.ConvTranspose2d))
    plain.load_state_dict(layer.state_dict())
    x = normal(2, 4, 9, 11)
    torch.testing.assert_close(layer(x), plain(x))
    size = [n + 1 for n in plain(x).shape[2:]]
    torch.testing.assert_close(layer(x, size), plain(x, size))


def test_a_critic_and_its_gradient_penalty(algorithm, calls):
    torch.manual_seed(0)
    critic = ConvChain(3, 1, width=8, num_layers=4, norm_cfg=dict(type='BN'))
    exact = deepcopy(critic).double()
    x = normal(1, 3, 16, 21)
    critic(x).mean().backward()
    assert set(calls) == COMPUTED[algorithm]
    calls.clear()
    chain_penalty(critic.layers, x).backward()
    assert set(calls) == COMPUTED[algorithm]

    exact_x = x.double().requires_grad_()
    scores = exact(exact_x)
    (slope,) = torch.autograd.grad(scores.sum(), exact_x, create_graph=True)
    (scores.mean() + (slope.norm(dim=1) - 1).square().mean()).backward()
    for got, wanted in zip(critic.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(
            got.grad.double(), wanted.grad, rtol=1e-3, atol=1e-5 * float(wanted.grad.abs().max())
        )


def test_an_exported_sampler_has_pytorchs_convolutions(algorithm, calls):
    """So that it can be exported to ONNX, and for sizes that are not known yet."""
    layer = Conv2d(2, 4, 3, padding=1)
    sizes = dict(input={2: torch.export.Dim('height'), 3: torch.export.Dim('width')})
    exported = torch.export.export(layer, (normal(1, 2, 8, 12),), dynamic_shapes=sizes).module()
    assert not calls
    x = normal(1, 2, 5, 7)
    torch.testing.assert_close(exported(x), layer(x), rtol=0, atol=1e-5)
