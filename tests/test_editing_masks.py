"""Masks, and what is said of an edit's reach."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from mmpe.editing import Edited, blend, box_mask, dilate, fit, read_mask, soften
from mmpe.errors import InputError


def test_box_covers_its_pixels():
    mask = box_mask((2, 1, 3, 2), (5, 8))
    expected = np.zeros((5, 8))
    expected[1:3, 2:5] = 1
    np.testing.assert_array_equal(mask[0, 0].numpy(), expected)


@pytest.mark.parametrize('box', [(0, 0, 0, 1), (-1, 0, 2, 2), (7, 0, 2, 1), (0, 4, 1, 2)])
def test_box_outside_the_picture_is_refused(box):
    with pytest.raises(InputError, match='5x8 pixels'):
        box_mask(box, (5, 8))


def test_dilation_is_a_disc():
    grown = dilate(box_mask((10, 10, 1, 1), (21, 21)), 5)[0, 0].numpy()
    y, x = np.mgrid[-10:11, -10:11]
    np.testing.assert_array_equal(grown, (x**2 + y**2 <= 25).astype(float))


def test_softened_mask_stays_within_the_hard_one_and_is_one_in_its_middle():
    hard = box_mask((10, 10, 40, 40), (60, 60))
    soft = soften(hard, 6.0)
    assert bool((soft[hard == 0] == 0).all())
    assert soft[0, 0, 30, 30] == 1
    row = soft[0, 0, 30, 10:30]
    assert bool((row.diff() >= 0).all()) and 0 <= row[0] < 0.5


def test_blend_is_exact_at_both_ends():
    torch.manual_seed(0)
    image, background = torch.randn(2, 3, 4, 4), torch.randn(1, 3, 4, 4)
    mask = torch.tensor([0.0, 1.0, 0.5, 0.25]).expand(1, 1, 4, 4)
    mixed = blend(image, background, mask)
    assert torch.equal(mixed[..., 0], background[..., 0].expand(2, -1, -1))
    assert torch.equal(mixed[..., 1], image[..., 1])
    torch.testing.assert_close(mixed[..., 2], (image + background)[..., 2] / 2)


def test_a_mask_of_the_same_shape_is_fitted_and_another_shape_refused(tmp_path):
    picture = np.zeros((20, 40), np.uint8)
    picture[:, 20:] = 255
    Image.fromarray(picture).save(tmp_path / 'mask.png')
    mask = read_mask(tmp_path / 'mask.png', (10, 20))
    assert torch.equal(mask[0, 0], torch.cat([torch.zeros(10, 10), torch.ones(10, 10)], 1))
    with pytest.raises(
        InputError, match='mask.png is 20x40 pixels: give one of 20x20, or of another size of that shape'
    ):
        read_mask(tmp_path / 'mask.png', (20, 20))


def test_a_black_mask_is_refused(tmp_path):
    Image.new('L', (8, 8)).save(tmp_path / 'black.png')
    with pytest.raises(InputError, match='black everywhere'):
        read_mask(tmp_path / 'black.png', (8, 8))


def test_a_white_mask_is_refused_and_so_is_one_painted_on_nothing(tmp_path):
    Image.new('L', (8, 8), 255).save(tmp_path / 'white.png')
    painted = Image.new('RGBA', (8, 8), (0, 0, 0, 0))
    painted.paste((255, 255, 255, 255), (2, 2, 5, 5))
    painted.save(tmp_path / 'painted.png')
    for name in ('white.png', 'painted.png'):
        with pytest.raises(InputError, match=f'{name} is white everywhere'):
            read_mask(tmp_path / name, (8, 8))


def test_fit_leaves_what_fits():
    picture = torch.randn(1, 3, 6, 9)
    assert fit(picture, (6, 9), 'it') is picture


@pytest.mark.parametrize('radius', [0, 1, 4, 20])
def test_a_mask_of_nothing_stays_one_however_far_it_is_extended(radius):
    assert not dilate(torch.zeros(1, 1, 21, 31), radius).any()


def test_psnr_outside_the_reach():
    kept = torch.zeros(1, 3, 4, 4)
    images = kept.repeat(2, 1, 1, 1)
    edit_mask = box_mask((0, 0, 2, 4), (4, 4))
    images[..., :2] = 0.7
    assert Edited(images, kept=kept, edit_mask=edit_mask).psnr_outside == math.inf
    images[..., 2:] = 0.2  # of a range of 2: 20 dB
    assert Edited(images, kept=kept, edit_mask=edit_mask).psnr_outside == pytest.approx(20)
    assert Edited(images).psnr_outside is None


def test_files_of_an_edit(tmp_path):
    files = Edited(torch.zeros(2, 3, 8, 8), dict(before=torch.ones(1, 3, 8, 8))).save(tmp_path / 'new')
    assert [file.name for file in files] == ['edited_000.png', 'edited_001.png', 'sheet.png']
    assert Image.open(files[0]).size == (8, 8)
    assert Image.open(files[2]).width > 2 * 128  # enlarged to be seen
