"""Seamless textures: two periods are one twice over, a rolled one is itself, and other axes end as they always do."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from singan_runs import edit_tool

from mmpe.analysis import swapped
from mmpe.editing import tile
from mmpe.editing.torus import AXES, Torus, repeat
from mmpe.errors import InputError
from mmpe.models.singan import windows
from mmpe.registry import MODELS

PADDINGS = [
    dict(type='PadEachLayer'),
    dict(type='PadEachLayer', mode='interp'),
    dict(type='PadInputOnce'),
    dict(type='PadInputOnce', mode='interp'),
    dict(type='OversizedNoise'),
]
CSG = dict(type='CartesianGrid')
SPE = dict(type='SinusoidalEncoding', embedding_dim=4)
SIZES = [(8, 12), (12, 18), (18, 26)]
WEIGHTS = [1, 0.3, 0.3]

paddings = pytest.mark.parametrize('padding', PADDINGS, ids=str)
encodings = pytest.mark.parametrize('encoding', [None, CSG, SPE], ids=['none', 'csg', 'spe'])
axes_ = pytest.mark.parametrize('axes', AXES)


def trained(generator):
    """Weights as of a trained network, in double precision."""
    torch.manual_seed(0)
    for block in generator.blocks:
        for layer in block.layers:
            torch.nn.init.normal_(layer.conv.weight, std=0.25)
    return generator.double().eval().requires_grad_(False)


def build(padding, encoding=None, num_scales=3):
    settings = dict(num_scales=num_scales, base_channels=4, padding=padding, encoding=encoding)
    return trained(MODELS.build(dict(type='SinGANGenerator', **settings)))


def model(encoding=CSG, padding=None, sizes=((9, 12), (13, 18), (18, 25))):
    settings = dict(
        type='SinGANGenerator', base_channels=4, encoding=encoding, padding=padding or dict(type='PadEachLayer')
    )
    found = MODELS.build(dict(type='SinGANModel', generator=settings))
    found.set_pyramid(sizes)
    found.stage.fill_(len(sizes))
    trained(found.generator).float()
    return found.eval()


def draw(on_torus, sizes=SIZES):
    return [torch.randn(1, *on_torus.noise_shape(scale, size)).double() for scale, size in enumerate(sizes)]


def noise_grid(on_torus, size=SIZES[0]):
    encoding = on_torus.generator.encoding
    return encoding.coordinates(on_torus.noise_grid(size, (7, 11))) if encoding else None


# ------------------------------------------------------------------------------------------------- the wrap, exactly


@paddings
@encodings
@axes_
def test_two_periods_are_one_twice_over(padding, encoding, axes):
    on_torus = Torus(build(padding, encoding), AXES[axes])
    noises, coordinates = draw(on_torus), noise_grid(on_torus)
    one = on_torus(noises, WEIGHTS, coordinates)
    if coordinates is not None:
        coordinates = coordinates.repeat(*(2 if wraps else 1 for wraps in AXES[axes]), 1)
    two = on_torus([repeat(noise, 2, axes) for noise in noises], WEIGHTS, coordinates)
    assert one.shape == (1, 3, *SIZES[-1])
    assert one.std() > 0.05
    torch.testing.assert_close(two, repeat(one, 2, axes), atol=1e-10, rtol=0)


@paddings
@encodings
@axes_
def test_rolled_noise_gives_the_rolled_image(padding, encoding, axes):
    """By half a period: a whole number of pixels at every scale."""
    on_torus = Torus(build(padding, encoding), AXES[axes])
    noises, coordinates = draw(on_torus), noise_grid(on_torus)

    def roll(x, dims):
        for dim, wraps in zip(dims, AXES[axes]):
            x = x.roll(x.shape[dim] // 2, dim) if wraps else x
        return x

    image = on_torus(noises, WEIGHTS, coordinates)
    coordinates = None if coordinates is None else roll(coordinates, (0, 1))
    rolled = on_torus([roll(noise, (-2, -1)) for noise in noises], WEIGHTS, coordinates)
    torch.testing.assert_close(rolled, roll(image, (-2, -1)), atol=1e-10, rtol=0)


@pytest.mark.parametrize('padding', [PADDINGS[0], PADDINGS[2]], ids=str)
def test_one_scale_is_that_of_circular_padding(padding):
    generator = build(padding, num_scales=1)
    (noise,) = draw(Torus(generator, (True, True)), SIZES[:1])
    expected = swapped(generator, 'circular')([noise], [1.0])
    torch.testing.assert_close(Torus(generator, (True, True))([noise], [1.0]), expected, atol=1e-10, rtol=0)


@paddings
@axes_
def test_two_periods_are_one_twice_over_from_a_later_scale_on(padding, axes):
    on_torus = Torus(build(padding), AXES[axes])
    noises, image = draw(on_torus)[1:], torch.rand(1, 3, *SIZES[0]).double()
    one = on_torus(noises, WEIGHTS[1:], image=image, first_scale=1)
    doubled = [repeat(noise, 2, axes) for noise in noises]
    two = on_torus(doubled, WEIGHTS[1:], image=repeat(image, 2, axes), first_scale=1)
    torch.testing.assert_close(two, repeat(one, 2, axes), atol=1e-10, rtol=0)
    assert (one - on_torus(noises, WEIGHTS[1:], image=-image, first_scale=1)).std() > 0.05


# ------------------------------------------------------------------------------------------------- axes that end


@paddings
@encodings
def test_no_axis_that_wraps_is_the_generator_itself(padding, encoding):
    generator = build(padding, encoding)
    on_torus = Torus(generator, (False, False))
    noises = draw(on_torus)
    torch.testing.assert_close(on_torus(noises, WEIGHTS, noise_grid(on_torus)), generator(noises, WEIGHTS))


@pytest.mark.parametrize('padding', [PADDINGS[0], PADDINGS[2], PADDINGS[4]], ids=str)
def test_the_other_axis_ends_as_it_always_does(padding):
    """Columns further than the reach from the left and right ends cannot tell whether those wrap."""
    generator = build(padding, num_scales=1)
    on_torus = Torus(generator, (False, True))
    noise = torch.randn(1, *generator.noise_shape(0, (9, 30))).double()
    margin = generator.padding.margin
    inside = noise[..., margin : noise.shape[-1] - margin]
    expected = generator([noise], [1.0])
    found = on_torus([inside], [1.0])
    torch.testing.assert_close(found[..., 5:-5], expected[..., 5:-5], atol=1e-10, rtol=0)
    assert (found - expected)[..., :5].abs().max() > 0.01


# ------------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize(('size', 'larger'), [((5, 7), (8, 10)), ((6, 6), (6, 9)), ((9, 4), (7, 3))])
def test_enlargement_is_bicubic_among_periods(size, larger):
    x = torch.randn(2, 3, *size).double()
    among = F.interpolate(x.repeat(1, 1, 3, 3), [3 * n for n in larger], mode='bicubic', align_corners=False)
    middle = among[..., larger[0] : 2 * larger[0], larger[1] : 2 * larger[1]]
    found = Torus(build(PADDINGS[0]), (True, True)).enlarge(x, larger)
    torch.testing.assert_close(found, middle, atol=1e-10, rtol=0)


@pytest.mark.parametrize('encoding', [CSG, SPE], ids=['csg', 'spe'])
@pytest.mark.parametrize('padding', [PADDINGS[0], PADDINGS[4]], ids=str)
def test_coordinates_pass_through_the_picture_and_back(padding, encoding):
    generator = build(padding, encoding)
    margin = generator.padding.margin
    frame = generator.encoding.coordinates((7 + 2 * margin, 11 + 2 * margin))[margin : margin + 7, margin : margin + 11]
    found = generator.encoding.coordinates(Torus(generator, (False, True)).noise_grid((8, 20), (7, 11)))
    x, y = found.unbind(-1)
    torch.testing.assert_close(y, generator.encoding.coordinates((8 + 2 * margin, 20))[..., 1])
    torch.testing.assert_close(x, x[:1].expand_as(x))
    torch.testing.assert_close(x, x.flip(-1))
    step = frame[0, 1, 0] - frame[0, 0, 0]  # from 0 to 10 in ten steps, the ends half a step off
    torch.testing.assert_close(x[0, :10], frame[0, :10, 0] + step / 2)


def test_a_map_smaller_than_the_reach_wraps_more_than_once():
    on_torus = Torus(build(PADDINGS[2]), (True, True))
    noises = draw(on_torus, [(2, 3), (3, 4), (4, 6)])
    two = on_torus([repeat(noise, 2) for noise in noises], WEIGHTS)
    torch.testing.assert_close(two, repeat(on_torus(noises, WEIGHTS), 2), atol=1e-10, rtol=0)


@paddings
def test_large_textures_in_windows(padding, monkeypatch):
    on_torus = Torus(build(padding), (True, False))
    noises = draw(on_torus, [(20, 30), (31, 45), (47, 66)])
    whole = on_torus(noises, WEIGHTS)
    monkeypatch.setattr(windows, 'LARGEST_MAP', 20 * 20 * 4)
    torch.testing.assert_close(on_torus(noises, WEIGHTS), whole, atol=1e-10, rtol=0)


# ------------------------------------------------------------------------------------------------- the edit


@pytest.mark.parametrize('padding', [PADDINGS[0], PADDINGS[2], PADDINGS[4]], ids=str)
@encodings
@axes_
def test_tile(padding, encoding, axes):
    generator = model(encoding, padding)
    before = generator.sample(1)
    three = tile(generator, (24, 40), axes, num=3, seed=5)
    assert three.images.shape == (3, 3, 24, 40)
    assert torch.equal(three.before['picture'], generator.picture)
    assert torch.equal(tile(generator, (24, 40), axes, num=2, seed=5).images, three.images[:2])
    assert not torch.equal(tile(generator, (24, 40), axes, num=1, seed=6).images, three.images[:1])
    assert torch.equal(generator.sample(1), before)


@pytest.mark.parametrize('start_scale', [1, 2])
@axes_
def test_from_a_later_scale_on_it_is_the_picture_and_its_mirror_image(axes, start_scale):
    generator = model()
    for block in generator.generator.blocks[start_scale:]:
        torch.nn.init.zeros_(block.layers[-1].conv.weight)  # finer scales add nothing
        torch.nn.init.zeros_(block.layers[-1].conv.bias)
    texture = tile(generator, axes=axes, num=1, start_scale=start_scale).images
    known = generator.reconstruct()
    mirrored = known
    for dim, wraps in zip((-2, -1), AXES[axes]):
        mirrored = torch.cat([mirrored, mirrored.flip(dim)], dim) if wraps else mirrored
        if wraps:
            torch.testing.assert_close(texture, texture.flip(dim))
    assert texture.shape == mirrored.shape
    assert torch.corrcoef(torch.stack([texture.flatten(), mirrored.flatten()]))[0, 1] > 0.9


def test_each_scale_has_its_own_noise():
    generator = model()
    generator.noise_weights.copy_(torch.tensor([1.0, 0.0, 0.0]))
    one, two = (tile(generator, num=1, seed=seed, start_scale=1).images for seed in (1, 2))
    assert torch.equal(one, two)
    generator.noise_weights[2] = 1
    assert not torch.equal(tile(generator, num=1, seed=1, start_scale=1).images, one)


def test_layout_of_a_later_scale_in_closed_form():
    rows, columns = Torus(build(PADDINGS[0]), (False, True)).layout((5, 8), (5, 4)).positions.movedim(-1, 0).flip(0)
    assert torch.equal(rows, torch.arange(5.0).double()[:, None].expand(5, 8))
    there = torch.tensor([0.375, 1.125, 1.875, 2.625]).double()
    torch.testing.assert_close(columns, torch.cat([there, there.flip(0)]).expand(5, 8))


@pytest.mark.parametrize(
    ('encoding', 'axes', 'start_scale', 'size'),
    [
        (None, 'both', 0, (18, 25)),
        (None, 'both', 1, (36, 50)),
        (CSG, 'both', 0, (36, 50)),
        (CSG, 'x', 2, (18, 50)),
        (SPE, 'y', 0, (36, 25)),
    ],
)
def test_sizes_that_nobody_gave(encoding, axes, start_scale, size):
    assert tile(model(encoding), axes=axes, num=1, start_scale=start_scale).images.shape[-2:] == size


def test_refusals():
    with pytest.raises(InputError, match="wrap on the axes both, x, y, not 'z'"):
        tile(model(), axes='z')
    with pytest.raises(InputError, match='too small'):
        tile(model(), (2, 2))
    with pytest.raises(InputError, match='start scale 3 does not exist: the trained scales are 0 to 2'):
        tile(model(), start_scale=3)
    with pytest.raises(InputError, match='seed=-1 cannot work: it must be at least 0'):
        tile(model(), seed=-1)


# ------------------------------------------------------------------------------------------------- the tool


@pytest.fixture
def edit(monkeypatch, tmp_path):
    generator = dict(type='SinGANGenerator', base_channels=4, encoding=CSG, padding=dict(type='PadEachLayer'))
    return edit_tool(monkeypatch, tmp_path, 'tile', model(), generator)


def test_task(edit):
    out = edit('--axes', 'x', '--size', '20x48', '--num', 2, '--repeat', 3, '--seed', 1, '--start-scale', 1)
    assert sorted(file.name for file in out.iterdir()) == ['edited_000.png', 'edited_001.png', 'sheet.png']
    expected = tile(model(), (20, 48), 'x', 2, 1, 1).images[1]
    with Image.open(out / 'edited_001.png') as picture:
        pixels = np.asarray(picture).astype(int)
    assert np.abs(pixels - (expected.clamp(-1, 1).permute(1, 2, 0).numpy() + 1) * 127.5).max() < 1
    with Image.open(out / 'sheet.png') as sheet:
        assert sheet.width > 3 * 48


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--axes', 'z'), 'Invalid value "z" for --axes'),
        (('--size', '3x3'), 'too small'),
        (('--start-scale', '3'), 'does not exist'),
        (('--size', '100000x100000'), 'GiB are available'),
        (('--repeat', '0'), 'it must be from 1 to 1000'),
    ],
)
def test_task_refuses(edit, capsys, options, message):
    with pytest.raises(SystemExit, match='2'):
        edit(*options)
    streams = capsys.readouterr()
    assert message in streams.err
    assert 'Traceback' not in streams.err
