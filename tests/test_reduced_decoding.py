"""JPEGs that are decoded at a fraction of their size, against Pillow's full decoding."""

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image, ImageFile, ImageOps

from mmpe.datasets import PictureFolder
from mmpe.datasets.reduced_decoding import fit
from mmpe.errors import InputError
from mmpe.evaluation.real_pictures import RealPictures
from mmpe.registry import DATASETS

COFFEE = Image.fromarray(skimage.data.coffee())  # 400 x 600
LANCZOS = Image.Resampling.LANCZOS


def in_full(path, size):
    """As Pillow alone decodes and fits it."""
    image = ImageOps.exif_transpose(Image.open(path)).convert('RGB')
    return np.asarray(ImageOps.fit(image, (size, size), LANCZOS), dtype=float)


def item(folder, size, **options):
    return PictureFolder(str(folder), size, **options)[0]['inputs'].permute(1, 2, 0).numpy()


def psnr(found, expected):
    return 10 * np.log10(255**2 / np.square(found - expected).mean())


@pytest.fixture
def decoded(monkeypatch):
    """The sizes, (width, height), at which pictures were decoded."""
    sizes, load = [], ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, 'load', lambda self: sizes.append(self.size) or load(self))
    return sizes


@pytest.mark.parametrize('mode', ['RGB', 'L', 'CMYK'])
@pytest.mark.parametrize(
    'options', [{}, dict(progressive=True), dict(subsampling=0, quality=95), dict(restart_marker_rows=1)]
)
def test_a_reduced_picture_is_nearly_the_fully_decoded_one(tmp_path, decoded, mode, options):
    COFFEE.convert(mode).save(tmp_path / 'x.jpg', **options)
    found = item(tmp_path, 48)
    assert min(decoded[0]) == 100
    assert psnr(found, in_full(tmp_path / 'x.jpg', 48)) > 42


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('size', [(585, 393), (393, 585), (599, 397)])
def test_sides_that_do_not_divide_and_turned_pictures_stay_in_place(tmp_path, size, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    COFFEE.resize(size, LANCZOS).save(tmp_path / 'x.jpg', quality=95, exif=exif)
    assert psnr(item(tmp_path, 24), in_full(tmp_path / 'x.jpg', 24)) > 38  # a shift by half a pixel: 25


@pytest.mark.parametrize(
    'size, gap, short_side',
    [
        (24, 2, 50),
        (25, 2, 50),
        (26, 2, 100),
        (50, 1, 50),
        (51, 1, 100),
        (100, 2, 200),
        (100, 1.3, 200),
        (101, 2, 400),
        (10, 2, 50),
        (100, 4.5, 400),
        (24, None, 400),
    ],
)
def test_as_many_pixels_are_left_as_the_gap_says(tmp_path, decoded, size, gap, short_side):
    COFFEE.save(tmp_path / 'x.jpg')
    item(tmp_path, size, reducing_gap=gap)
    assert decoded[0] == (short_side * 3 // 2, short_side)


def test_a_gap_of_two_is_the_default_and_closer_than_one(tmp_path):
    COFFEE.save(tmp_path / 'x.jpg')
    full = in_full(tmp_path / 'x.jpg', 50)
    assert np.array_equal(item(tmp_path, 50), item(tmp_path, 50, reducing_gap=2))
    assert psnr(item(tmp_path, 50), full) > psnr(item(tmp_path, 50, reducing_gap=1), full) + 6


@pytest.mark.parametrize('extension, gap', [('jpg', None), ('png', 2), ('webp', 1), ('tif', 2)])
def test_other_formats_and_no_gap_are_full_decoding_to_the_bit(tmp_path, extension, gap):
    COFFEE.save(tmp_path / f'x.{extension}')
    expected = in_full(tmp_path / f'x.{extension}', 24)
    assert np.array_equal(item(tmp_path, 24, reducing_gap=gap), expected)


def test_a_picture_of_two_jpegs(tmp_path, decoded):
    COFFEE.save(tmp_path / 'x.mpo', save_all=True, append_images=[Image.new('RGB', COFFEE.size)])
    found = item(tmp_path, 48)
    assert min(decoded[0]) == 100 and psnr(found, in_full(tmp_path / 'x.mpo', 48)) > 42


def test_fits_as_pillow_does_to_the_bit():
    rng = np.random.default_rng(0)
    for width, height, *size in rng.integers(1, 90, (60, 4)).tolist():
        image = COFFEE.crop((200, 100, 200 + width, 100 + height))
        assert np.array_equal(fit(image, size), ImageOps.fit(image, size[::-1], LANCZOS))


def test_the_same_bits_every_time(tmp_path):
    COFFEE.save(tmp_path / 'x.jpg')
    first, *others = (torch.from_numpy(item(tmp_path, 31)) for _ in range(3))
    assert all(torch.equal(first, other) for other in others)


@pytest.mark.parametrize('gap', [0, 0.99, -1, float('nan'), float('inf'), 'full', True, (2, 2)])
def test_what_is_no_gap_is_explained(gap):
    with pytest.raises(InputError, match='reducing_gap=.* cannot work: it must be .*1'):
        DATASETS.build(dict(type='PictureFolder', data_root='skimage://lfw_subset', size=8, reducing_gap=gap))


@pytest.mark.parametrize(('options', 'expected'), [({}, None), (dict(reducing_gap=1), 1)])
def test_scores_see_pictures_that_are_decoded_in_full(tmp_path, options, expected):
    """Others' scores are of fully decoded pictures; a config may say otherwise."""
    Image.fromarray(skimage.data.coffee()).save(tmp_path / 'coffee.jpg')
    dataset = dict(type='PictureFolder', data_root=str(tmp_path), size=40)
    seen = RealPictures(dataset | options).dataset[0]['inputs']
    assert torch.equal(seen, PictureFolder(tmp_path, 40, reducing_gap=expected)[0]['inputs'])
    assert not torch.equal(seen, PictureFolder(tmp_path, 40, reducing_gap=1 if expected is None else None)[0]['inputs'])
