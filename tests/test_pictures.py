"""Pictures and pyramids: what is read, and at which sizes it is trained on."""

import math
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from mmpe.datasets import SinGANDataset, pyramid_sizes, read_picture, resize
from mmpe.errors import InputError

RED, GREEN = (255, 0, 0), (0, 255, 0)


@pytest.fixture
def save(tmp_path):
    def save(image, name='picture.png', **kwargs):
        path = tmp_path / name
        image.save(path, **kwargs)
        return str(path)

    return save


def pixels(path):
    return read_picture(path)[0].permute(1, 2, 0).add(1).mul(127.5)


def test_reads_rgb_not_bgr(save):
    assert pixels(save(Image.new('RGB', (4, 3), RED)))[0, 0].tolist() == list(RED)
    rocket = read_picture('skimage://rocket')
    assert torch.equal(
        rocket[0].permute(1, 2, 0).add(1).mul(127.5).round().byte(), torch.from_numpy(skimage.data.rocket())
    )


def test_range_is_exactly_minus_one_to_one(save):
    image = Image.fromarray(np.array([[[0, 255, 128]]], dtype=np.uint8))
    assert read_picture(save(image)).flatten().tolist() == pytest.approx([-1, 1, 128 / 127.5 - 1], abs=1e-6)


@pytest.mark.parametrize('mode, value', [('L', 100), ('1', 1), ('I;16', 100 * 257), ('P', 7)])
def test_grey_becomes_color(save, mode, value):
    image = Image.new(mode, (4, 3), value)
    if mode == 'P':
        image.putpalette([100] * 768)
    expected = {'1': 255}.get(mode, 100)
    assert torch.allclose(pixels(save(image)), torch.tensor(float(expected)))


@pytest.mark.parametrize('mode, color', [('RGBA', (0, 0, 255, 51)), ('LA', (0, 51))])
def test_transparency_is_laid_on_white(save, mode, color):
    expected = [204, 204, 255] if mode == 'RGBA' else [204] * 3
    assert torch.allclose(
        pixels(save(Image.new(mode, (4, 3), color))), torch.tensor(expected, dtype=torch.float), atol=1
    )


def test_exif_orientation_is_applied(save):
    image = Image.new('RGB', (4, 2), GREEN)
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    picture = pixels(save(image, 'turned.png', exif=exif))
    assert picture.shape[:2] == (4, 2)
    assert picture[0, 1].tolist() == list(RED)


@pytest.mark.parametrize('content', [b'', b'this is text', b'\x89PNG\r\n\x1a\n cut short'])
def test_what_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / 'text.png'
    path.write_bytes(content)
    with pytest.raises(InputError, match=f'{path} cannot be read as a picture'):
        read_picture(str(path))


def test_truncated_picture_is_refused(save, tmp_path):
    path = save(Image.fromarray(skimage.data.rocket()))
    cut = tmp_path / 'cut.png'
    cut.write_bytes(Path(path).read_bytes()[:20000])
    with pytest.raises(InputError, match='cannot be read'):
        read_picture(str(cut))


@pytest.mark.parametrize('path', ['nowhere.png', 'skimage://nothing', 'skimage://__doc__'])
def test_missing_pictures_are_refused(path):
    with pytest.raises(InputError, match='no picture'):
        read_picture(path)


def naive_sizes(size, min_size, max_size, factor):
    """The same rule in small steps: shrink to max_size, then as many gentler-than-factor steps as reach min_size."""
    ratio = min(1, max_size / max(size))
    height, width = (int(n * ratio + 0.5) for n in size)
    steps = 0
    while min(height, width) * factor**steps > min_size + 1e-9:
        steps += 1
    steps += steps > 0
    sizes = []
    for i in range(steps + 1):
        step = (min_size / min(height, width)) ** (i / steps) if steps else 1
        sizes.insert(0, (int(height * step + 0.5), int(width * step + 0.5)))
    return sizes


@pytest.mark.parametrize(
    'size', [(427, 640), (85, 128), (43, 64), (164, 248), (300, 200), (25, 40), (1000, 30), (67, 90)]
)
@pytest.mark.parametrize('max_size', [64, 128, 250, 500])
@pytest.mark.parametrize('factor', [0.75, 0.5, 0.9])
def test_sizes_agree_with_a_naive_count(size, max_size, factor):
    if min(n * min(1, max_size / max(size)) for n in size) < 25:
        with pytest.raises(InputError):
            pyramid_sizes(size, 25, max_size, factor)
        return
    sizes = pyramid_sizes(size, 25, max_size, factor)
    assert sizes == naive_sizes(size, 25, max_size, factor)


def test_sizes_of_the_reference_run():
    assert pyramid_sizes((67, 90), 25, 250, 0.75) == [(25, 34), (30, 41), (37, 50), (45, 61), (55, 74), (67, 90)]


def test_max_size_has_effect():
    """Released fault 6.3: the pyramid was built from the unscaled picture."""
    sizes = SinGANDataset('skimage://rocket', max_size=128).sizes
    assert max(sizes[-1]) == 128 and min(sizes[0]) == 25 and len(sizes) == 7
    ratios = [b[1] / a[1] for a, b in zip(sizes, sizes[1:])]
    assert max(ratios) < 1 / 0.75 and math.isclose(max(ratios), min(ratios), rel_tol=0.05)


def test_resize_keeps_colors_and_does_not_alias():
    flat = torch.full((1, 3, 40, 40), 0.3)
    assert torch.allclose(resize(flat, (7, 9)), torch.full((1, 3, 7, 9), 0.3), atol=1e-6)
    stripes = torch.tensor([1.0, -1.0]).repeat(32).expand(1, 3, 64, 64)
    assert resize(stripes, (13, 13)).abs().max() < 0.2
    assert resize(torch.randn(1, 3, 8, 8).sign(), (64, 64)).abs().max() <= 1


def test_dataset_holds_the_pyramid():
    dataset = SinGANDataset('skimage://rocket', max_size=64)
    reals = dataset[0]['inputs']
    assert len(dataset) == 1 and list(reals) == [f'real_scale{i}' for i in range(len(dataset.sizes))]
    assert [tuple(real.shape) for real in reals.values()] == [(3, *size) for size in dataset.sizes]
    assert torch.equal(reals['real_scale0'], resize(reals['real_scale3'][None], dataset.sizes[0])[0])


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(max_size=20), 'max_size=20 cannot work: it must be at least 25'),
        (dict(min_size=500, max_size=600), '427x640 pixels, smaller than min_size=500'),
        (dict(max_size=30), 'at max_size=30 the picture would be 20x30'),
        (dict(scale_factor_init=1.5), 'between 0 and 1, got 1.5'),
        (dict(min_size=0), 'min_size=0'),
    ],
)
def test_impossible_sizes_are_explained(settings, message):
    with pytest.raises(InputError, match=message):
        SinGANDataset('skimage://rocket', **settings)


def test_three_pixels_are_too_few(save):
    with pytest.raises(InputError, match='3x3 pixels, smaller than min_size=25'):
        SinGANDataset(save(Image.new('RGB', (3, 3))))
