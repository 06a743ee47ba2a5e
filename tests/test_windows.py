"""Large maps in windows: equal to the whole, never larger than they should be, and left whole where they must be."""

import pytest
import torch

from mmpe import memory
from mmpe.errors import InputError
from mmpe.models.padding import set_padding
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANModel, windows
from mmpe.models.singan.blocks import ConvChain
from mmpe.models.singan.windows import in_windows
from mmpe.progress import reporting
from mmpe.registry import MODELS

SIZE = (61, 83)
SMALL = 20 * 20 * 6  # windows of 20x20 at a width of 6, of which 10x10 remain
LOCAL = [
    *(dict(type='PadEachLayer', mode=mode) for mode in ('zero', 'reflect', 'replicate')),
    *(dict(type='PadInputOnce', mode=mode) for mode in ('zero', 'circular', 'interp')),
    dict(type='OversizedNoise'),
]
WHOLE = [dict(type='PadEachLayer', mode=mode) for mode in ('circular', 'interp')]


def strong(generator):
    """Weights and statistics as training leaves them: every place of a map tells on its neighbours."""
    torch.manual_seed(0)
    for block in generator.blocks:
        for layer in block.layers:
            torch.nn.init.normal_(layer.conv.weight, std=0.3)
            if layer.with_norm:
                torch.nn.init.normal_(layer.norm.weight, 1, 0.2)
                torch.nn.init.normal_(layer.norm.running_mean)
                torch.nn.init.uniform_(layer.norm.running_var, 0.5, 2)
    return generator.double().eval().requires_grad_(False)


def build(padding, num_scales=1, **settings):
    return strong(
        MODELS.build(dict(type='SinGANGenerator', num_scales=num_scales, base_channels=6, padding=padding, **settings))
    )


def draw(generator, *sizes):
    return [torch.randn(2, *generator.noise_shape(scale, size)).double() for scale, size in enumerate(sizes)]


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(windows, 'LARGEST_MAP', SMALL)


@pytest.fixture
def seen(monkeypatch):
    """The shapes that blocks are given."""
    shapes = []
    forward = ConvChain.forward

    def note(self, x):
        shapes.append(tuple(x.shape))
        return forward(self, x)

    monkeypatch.setattr(ConvChain, 'forward', note)
    return shapes


def check_windows(shapes):
    assert len(shapes) > 2 * 6 * 8
    assert all(shape[0] == 1 and shape[2] * shape[3] * 6 <= SMALL for shape in shapes)


@pytest.mark.parametrize('padding', LOCAL, ids=str)
@pytest.mark.parametrize('size', [SIZE, (1, 2000), (3000, 2)])
def test_equal_to_the_whole(padding, size, seen, monkeypatch):
    if padding.get('mode') in ('reflect', 'circular') and min(size) < 6:
        pytest.skip('this padding cannot be had of so small a map')
    generator = build(padding)
    noises = draw(generator, size)
    whole = generator(noises, [1.0])
    seen.clear()
    monkeypatch.setattr(windows, 'LARGEST_MAP', SMALL)
    windowed = generator(noises, [1.0])
    if size == SIZE:
        check_windows(seen)
    assert len(seen) > 20
    assert whole.std() > 0.1
    torch.testing.assert_close(windowed, whole, atol=1e-10, rtol=0)


@pytest.mark.parametrize('num_layers, kernel_size', [(5, 3), (2, 3), (3, 5), (3, 1)])
@pytest.mark.parametrize('padded', [True, False])
def test_any_shape_of_block(num_layers, kernel_size, padded, small_windows):
    chain = ConvChain(3, 2, 6, num_layers, kernel_size, padding=kernel_size // 2 if padded else 0).double().eval()
    for layer in chain.layers:
        torch.nn.init.normal_(layer.conv.weight, std=0.3)
    x = torch.randn(1, 3, *SIZE).double()
    with torch.no_grad():
        torch.testing.assert_close(in_windows(chain, x), chain(x), atol=1e-10, rtol=0)


def test_equal_in_single_precision(monkeypatch):
    generator = build(dict(type='PadEachLayer')).float()
    for block in generator.blocks:
        for layer in block.layers:
            layer.conv.weight.mul_(0.5)
    (noise,) = draw(generator, SIZE)
    whole = generator([noise.float()], [1.0])
    monkeypatch.setattr(windows, 'LARGEST_MAP', SMALL)
    torch.testing.assert_close(generator([noise.float()], [1.0]), whole, atol=1e-5, rtol=0)


def test_a_pyramid_of_several_scales(seen, monkeypatch):
    generator = build(dict(type='PadEachLayer'), 3, encoding=dict(type='CartesianGrid'))
    noises, weights = draw(generator, (33, 40), (50, 62), SIZE), [1, 0.3, 0.3]
    whole = generator(noises, weights)
    monkeypatch.setattr(windows, 'LARGEST_MAP', SMALL)
    torch.testing.assert_close(generator(noises, weights), whole, atol=1e-10, rtol=0)
    assert len(seen) == 3 + 2 * (4 * 4 + 5 * 7 + 7 * 9)


@pytest.mark.parametrize('padding', WHOLE, ids=str)
def test_padding_that_looks_further_sees_the_whole_map(padding, seen, small_windows):
    generator = build(padding)
    generator(draw(generator, SIZE), [1.0])
    assert seen == [(2, 3, *SIZE)]


def test_training_mode_hooks_and_gradients_keep_the_map_whole(seen, small_windows):
    generator = build(dict(type='PadEachLayer'))
    noises = draw(generator, SIZE)
    generator(noises, [1.0])
    check_windows(seen)

    seen.clear()
    generator.train()(noises, [1.0])
    generator.eval()(noises, [1.0])
    assert seen.pop(0) == (2, 3, *SIZE)
    check_windows(seen)

    def assert_whole():
        seen.clear()
        generator(noises, [1.0])
        assert seen == [(2, 3, *SIZE)]

    noises[0].requires_grad_(True)
    assert_whole()
    noises[0].requires_grad_(False)
    generator.requires_grad_(True)
    assert_whole()
    generator.requires_grad_(False)
    set_padding(generator, 'circular')
    assert_whole()
    set_padding(generator, 'zero')
    generator.blocks[0].body.register_forward_hook(lambda *_: None)
    assert_whole()


def test_a_long_pass_reports_how_far_it_is_and_shows_nothing(small_windows, capsys):
    generator = build(dict(type='PadEachLayer'))
    reports = []
    with reporting(lambda *progress: reports.append(progress)):
        generator(draw(generator, SIZE), [1.0])
        assert reports == [('61x83', done, 126) for done in range(127)]
        generator(draw(generator, (12, 12)), [1.0])
    assert len(reports) == 127
    generator(draw(generator, SIZE), [1.0])
    assert capsys.readouterr() == ('', '')


# ------------------------------------------------------------------------------------------------- memory


def model(padding, width=32, num_scales=9):
    """A pyramid of the shape that a picture of 128 pixels has, up to so many scales."""
    sizes = [(round(128 * 0.75**i), round(128 * 0.75**i)) for i in reversed(range(num_scales))]
    found: SinGANModel = MODELS.build(
        dict(type='SinGANModel', generator=dict(type='SinGANGenerator', base_channels=width, padding=padding))
    )
    found.set_pyramid(sizes)
    found.stage.fill_(num_scales)
    return found.eval()


def test_what_can_be_drawn_and_what_not(monkeypatch):
    monkeypatch.setattr(memory, 'available_memory', lambda device: 6 * 2**30)
    windowed = model(dict(type='PadEachLayer'))
    needed = check_memory(windowed, (4096, 4096))
    images = 4096**2 * 3 * 4
    assert 5 * images + 2**28 < needed < 12 * images
    with pytest.raises(InputError, match='16384x16384 would take about'):
        check_memory(windowed, (16384, 16384))
    assert check_memory(windowed, (4096, 4096), num=4) == needed
    with pytest.raises(InputError, match='40 images of 4096x4096 would take .*: choose fewer, or a smaller size'):
        check_memory(windowed, (4096, 4096), num=40)
    with pytest.raises(InputError, match='4096x4096 would take about'):  # 128 channels of it, held as a whole
        check_memory(model(dict(type='PadEachLayer', mode='circular')), (4096, 4096))


def test_small_images_need_little():
    assert check_memory(model(dict(type='PadEachLayer')), (128, 128)) < 2**27


def test_draws_depend_on_seed_and_number_alone():
    drawn = model(dict(type='OversizedNoise'), width=4, num_scales=3)
    images = drawn.sample(3, (40, 50), seed=4)
    for i in range(3):
        torch.testing.assert_close(drawn.sample(1, (40, 50), seed=4, first=i), images[i : i + 1], atol=1e-6, rtol=0)
