"""Shapes: scales that are not square, pictures fitted to them, and batches of one shape."""

from __future__ import annotations

import io
import math
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps, PngImagePlugin
from torch.utils.data import DataLoader

from mmpe.datasets import BucketBatchSampler, DrawnFaces, PictureFolder, ResumableSampler
from mmpe.datasets.buckets import nearest_bucket
from mmpe.datasets.drawn_faces import draw_face
from mmpe.datasets.picture_files import open_picture, picture_size
from mmpe.errors import InputError
from mmpe.models.fitting import resize
from mmpe.models.stylegan2.scales import Scales, nearest_in_aspect, offsets_between

RECORDED = [4, 2, 0, 0, 4, 2, 2, 0, 0, 0, 0, 0, 0, 2, 2, 4, 4, 0, 2, 0, 0, 0, 0, 0]

# ---------------------------------------------------------------- scales


def test_squares_are_drawn_as_ever():
    """Recorded before there were shapes."""
    scales = Scales((0, 2, 4), (0.5, 0.25, 0.25))
    drawn = [scales.draw(7, iteration)[0] - 4 for iteration in range(24)]
    assert drawn == RECORDED
    assert drawn == [Scales([(0, 0), (2, 2), (4, 4)], (0.5, 0.25, 0.25)).draw(7, i)[1] - 4 for i in range(24)]


def test_shapes_are_drawn_as_often_as_configured():
    scales = Scales([0, (0, 4), (4, 0)], (0.5, 0.3, 0.2))
    counts = Counter(scales.draw(0, iteration) for iteration in range(3000))
    assert counts.keys() == {(4, 4), (4, 8), (8, 4)}
    assert [counts[base] / 3000 for base in scales.bases] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


@pytest.mark.parametrize(('low', 'high', 'step'), [(0, 4, 2), ((-1, 0), (3, 1), 1), (2, 2, 5), ((0, 3), (0, 9), 3)])
def test_a_range_is_all_that_lies_in_it(low, high, step):
    (top, left), (bottom, right) = ((end, end) if isinstance(end, int) else end for end in (low, high))
    expected = [
        (rows, columns)
        for rows in range(-4, 12)
        for columns in range(-4, 12)
        if top <= rows <= bottom
        and left <= columns <= right
        and (rows - top) % step == 0
        and (columns - left) % step == 0
    ]
    scales = Scales(dict(low=low, high=high, step=step))
    assert scales.offsets == expected == offsets_between(low, high, step)
    assert scales.probabilities == pytest.approx([1 / len(expected)] * len(expected))


def test_a_range_keeps_to_its_aspect():
    bases = Scales(dict(low=0, high=12, step=4, max_aspect=2)).bases
    assert set(bases) == {(h, w) for h in (4, 8, 12, 16) for w in (4, 8, 12, 16) if max(h, w) <= 2 * min(h, w)}


@pytest.mark.parametrize('pictures', [(300, 500), (64, 64), (50, 20), (1, 1000)])
def test_pictures_choose_the_scales_of_their_shape(pictures):
    offsets, probabilities = [0, 4, (0, 4), (4, 0), (4, 12)], (0.4, 0.1, 0.2, 0.2, 0.1)
    scales = Scales(offsets, probabilities, by_aspect=True)
    distance = {base: abs(math.log(base[1] / base[0]) - math.log(pictures[1] / pictures[0])) for base in scales.bases}
    expected = {base for base in distance if math.isclose(distance[base], min(distance.values()), abs_tol=1e-9)}
    counts = Counter(scales.draw(3, iteration, pictures) for iteration in range(400))
    assert counts.keys() == expected
    if (4, 4) in expected:
        assert counts[4, 4] / 400 == pytest.approx(0.8, abs=0.06)
    assert Scales(offsets, probabilities).draw(3, 1, pictures) == Scales(offsets, probabilities).draw(3, 1)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(offsets=[(0, -4)]), r'offsets\[0\]\[1\]=-4 cannot work: it must be at least -3'),
        (dict(offsets=[(0, 1, 2)]), r'offsets\[0\]=\(0, 1, 2\) cannot work: it must be a list of 2 numbers'),
        (dict(offsets=['wide']), r'offsets\[0\]=.*wide.* cannot work'),
        (dict(offsets='0x2'), 'offsets=.*0x2.* must be a list'),
        (dict(offsets=[0, (0, 0)], probabilities=[0.5, 0.5]), r'has the scale \(0, 0\) twice'),
        (dict(offsets=dict(low=4, high=0)), 'there is no offset from low=4 to high=0'),
        (dict(offsets=dict(low=(0, 8), high=(0, 12), max_aspect=2)), 'max_aspect=2'),
        (dict(offsets=dict(low=0)), 'is not a range: it has low and high'),
        (dict(offsets=dict(low=0, high=1000)), '1002001 scales, more than 4096: give a larger step'),
        (dict(offsets=dict(low=-4, high=0)), r'low\[0\]=-4 cannot work'),
        (dict(offsets=dict(low=0, high=2, step=0)), 'step=0 cannot work'),
        (dict(offsets=dict(low=0, high=2, max_aspect=0.5)), 'max_aspect=0.5 cannot work'),
    ],
)
def test_what_is_no_scale_is_refused_in_one_line(options, message):
    with pytest.raises(InputError, match=message) as error:
        Scales(**options)
    assert '\n' not in str(error.value)


def test_a_few_scales_stand_for_a_range():
    assert Scales(dict(low=0, high=8)).shown == [(4, 4), (12, 12), (4, 12), (12, 4)]
    assert Scales([0, (0, 2)], (0.5, 0.5)).shown == [(4, 4), (4, 6)]


# ---------------------------------------------------------------- fitting


@pytest.mark.parametrize(('height', 'width'), [(48, 48), (30, 61), (64, 17)])
@pytest.mark.parametrize('size', [(32, 32), (32, 64), (48, 24)])
def test_crop_and_letterbox_are_those_of_pillow(height, width, size):
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
    pictures = torch.from_numpy(np.array(smooth)).permute(2, 0, 1)[None] / 127.5 - 1
    for fit, reference in (('crop', ImageOps.fit), ('letterbox', ImageOps.pad)):
        expected = np.array(reference(smooth, size[::-1], Image.BICUBIC), dtype=np.float32) / 127.5 - 1
        found = resize(pictures, size, fit, mode='bicubic', antialias=True)[0].permute(1, 2, 0).numpy()
        inner = np.abs(found - expected)[2:-2, 2:-2]
        assert found.shape == expected.shape
        assert np.median(inner) < 0.04, (fit, np.median(inner))  # Pillow cuts within pixels


def test_bars_have_the_value_that_is_asked_for():
    found = resize(torch.zeros(1, 3, 10, 40), (20, 40), 'letterbox', 0.5, mode='bilinear')
    assert (found[..., :5, :] == 0.5).all() and (found[..., 15:, :] == 0.5).all() and (found[..., 5:15, :] == 0).all()


@pytest.mark.parametrize(
    ('options', 'message'), [(dict(fit='squash'), 'fit=.*stretch, crop, letterbox'), (dict(bars=2), 'bars=2')]
)
def test_another_fit_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        resize(torch.zeros(1, 3, 4, 4), (4, 8), mode='bilinear', **options)


# ---------------------------------------------------------------- pictures by shape


def _turned(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif


@pytest.mark.parametrize('kind', ['jpg', 'png', 'webp', 'tiff', 'gif', 'bmp'])
@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_a_size_is_that_of_the_picture_as_it_is_read(tmp_path, kind, orientation):
    path = tmp_path / f'picture.{kind}'
    Image.new('RGB', (30, 20), 'red').save(
        path, **(dict(exif=_turned(orientation)) if kind not in ('gif', 'bmp') else {})
    )
    assert picture_size(path) == open_picture(path).size[::-1] == picture_size(path.read_bytes())


def test_a_turn_that_a_png_declares_after_its_pixels_counts(tmp_path):
    content = io.BytesIO()
    Image.new('RGB', (30, 20)).save(content, 'PNG')
    late = io.BytesIO()
    PngImagePlugin.putchunk(late, b'eXIf', _turned(6).tobytes()[6:])
    end = len(content.getvalue()) - 12  # of IEND
    path = tmp_path / 'picture.png'
    path.write_bytes(content.getvalue()[:end] + late.getvalue() + content.getvalue()[end:])
    assert picture_size(path) == open_picture(path).size[::-1] == (30, 20)


SHAPES = {'square': (40, 40), 'wide': (30, 62), 'panorama': (10, 90), 'tall': (80, 44), 'nearly': (50, 58)}


@pytest.fixture
def folder(tmp_path):
    for name, (height, width) in SHAPES.items():
        for number in range(4):
            Image.new('RGB', (width, height), (40 * number, 0, 0)).save(tmp_path / f'{name}_{number}.png')
    return tmp_path


def test_a_picture_goes_to_the_size_that_is_nearest_in_shape(folder):
    sizes = [(16, 16), (16, 32), (32, 16)]
    dataset = PictureFolder(folder, sizes=sizes, flip=True)
    expected = dict(square=0, wide=1, panorama=1, tall=2, nearly=0)
    names = [name.partition('_')[0] for name in dataset.pictures.names] * 2
    assert dataset.buckets == [expected[name] for name in names]
    for item, name in enumerate(names):
        assert dataset[item]['inputs'].shape[1:] == sizes[expected[name]]
    assert nearest_bucket(sizes, (100, 141)) == 0 and nearest_bucket(sizes, (100, 142)) == 1  # the mean of logarithms


def test_what_pictures_lose_is_said_once_with_its_number(folder, caplog, capsys):
    PictureFolder(folder, sizes=[16, (32, 64), (200, 100)])
    said = capsys.readouterr().out
    assert '16x16: 8, 32x64: 8, 200x100: 4' in said
    assert said.count('4 of 20 pictures lose more than half of their area') == 1 and '78%' in said
    assert '12 of 20 pictures are smaller than the size of their shape' in said


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(sizes=[16, (16, 32), (64, 8)]), 'none of the 20 pictures is nearest in shape to 64x8'),
        (dict(sizes=[16, 32]), 'two of the same shape, 16x16 and 32x32'),
        (dict(sizes=[(16, 32), (24, 48)]), 'two of the same shape, 16x32 and 24x48'),
        (dict(sizes=[]), 'must be a list of sizes'),
        (dict(sizes='16x32'), 'must be a list of sizes'),
        (dict(sizes=[(16, 0)]), r'sizes\[0\]'),
        (dict(sizes=[(16, 2**17)]), r'sizes\[0\]\[1\]=131072'),
        (dict(size=16, sizes=[16]), 'give one of them'),
    ],
)
def test_buckets_that_cannot_be_are_refused_in_one_line(folder, options, message):
    with pytest.raises(InputError, match=message) as error:
        PictureFolder(folder, **options)
    assert '\n' not in str(error.value)


def test_a_picture_that_cannot_be_read_is_replaced_by_one_of_its_size(folder):
    (folder / 'broken.png').write_bytes(b'\x89PNG\r\n\x1a\nbroken')
    with pytest.raises(InputError, match='broken.png'):
        PictureFolder(folder, sizes=[16, (16, 32), (32, 16)])
    dataset = PictureFolder(folder, sizes=[16, (16, 32), (32, 16)], skip_unreadable=True)
    shapes = [tuple(dataset[item]['inputs'].shape[1:]) for item in range(len(dataset))]
    assert shapes == [dataset.sizes[bucket] for bucket in dataset.buckets]


@pytest.mark.parametrize('size', [(32, 80), (90, 40), (64, 65)])
def test_a_drawn_face_is_the_same_on_every_shape(size):
    side = min(size)
    for number in range(12):
        picture, square = np.array(draw_face(number, size)), np.array(draw_face(number, side))
        top, left = ((length - side) // 2 for length in size)
        middle = picture[top : top + side, left : left + side]
        if (size[0] - side) % 2 or (size[1] - side) % 2:  # it lies half a pixel further
            assert (np.abs(middle.astype(int) - square) > 40).mean() < 0.06
        else:
            assert np.abs(middle.astype(int) - square).max() <= 5  # Pillow rounds what it draws elsewhere differently


def test_drawn_faces_of_several_shapes_are_as_many_of_each():
    faces = DrawnFaces(300, sizes=[16, (16, 32), (32, 16)], flip=True)
    counts = Counter(faces.buckets[:300])
    assert set(counts) == {0, 1, 2} and min(counts.values()) > 70
    assert faces.buckets[300:] == faces.buckets[:300]
    assert faces.buckets[:50] == DrawnFaces(50, sizes=[8, (8, 16), (16, 8)]).buckets
    for item in (0, 1, 2, 301, 599):
        assert tuple(faces[item]['inputs'].shape[1:]) == faces.sizes[faces.buckets[item]]


# ---------------------------------------------------------------- batches of one shape


class _Sampler(ResumableSampler):
    def __init__(self, dataset, rank=0, world_size=1, start=0):
        super().__init__(dataset, seed=5)
        self.rank, self.world_size, self.start = rank, world_size, start


def _batches(dataset, many, batch_size=2, updates=1, **options):
    batches = BucketBatchSampler(_Sampler(dataset, **options), batch_size)
    batches.batches_per_update = updates
    return [batch for batch, _ in zip(batches, range(many))]


@pytest.fixture
def dataset(folder):
    (folder / 'square_0.png').unlink()  # so that buckets are of different, and odd, lengths
    return PictureFolder(folder, sizes=[16, (16, 32), (32, 16)])


def test_a_batch_has_one_shape_and_an_epoch_every_picture(dataset):
    batches = _batches(dataset, 10)
    epoch = len(BucketBatchSampler(_Sampler(dataset), 2))
    assert epoch == 4 + 4 + 2  # 7, 8 and 4 pictures in twos
    assert all(len({dataset.buckets[item] for item in batch}) == 1 for batch in batches)
    counts = Counter(item for batch in batches for item in batch)
    assert counts.keys() == set(range(19)) and sorted(counts.values()) == [1] * 18 + [2]
    assert _batches(dataset, 20)[10:] != batches


@pytest.mark.parametrize('seen', [0, 3, 9, 10, 27])
def test_batches_go_on_where_a_run_was_stopped(dataset, seen):
    assert _batches(dataset, 8, start=2 * seen) == _batches(dataset, seen + 8)[seen:]


@pytest.mark.parametrize('world_size', [2, 3])
def test_processes_see_one_shape_together_and_share_its_pictures(dataset, world_size):
    one = _batches(dataset, 6, batch_size=2 * world_size)
    each = [_batches(dataset, 6, rank=rank, world_size=world_size) for rank in range(world_size)]
    for joined, *shares in zip(one, *each):
        assert sorted(joined) == sorted(item for share in shares for item in share)
        assert len({dataset.buckets[item] for item in joined}) == 1


def test_all_batches_of_an_update_have_one_shape(dataset):
    batches = _batches(dataset, 24, updates=3)
    shapes = [{dataset.buckets[item] for batch in batches[i : i + 3] for item in batch} for i in range(0, 24, 3)]
    assert all(len(shape) == 1 for shape in shapes) and len(set.union(*shapes)) == 3


def test_a_loader_gives_batches_of_one_shape(dataset):
    loader = DataLoader(dataset, batch_sampler=BucketBatchSampler(_Sampler(dataset), 2))
    shapes = {tuple(batch['inputs'].shape) for batch, _ in zip(loader, range(10))}
    assert shapes == {(2, 3, 16, 16), (2, 3, 16, 32), (2, 3, 32, 16)}


def test_a_data_set_of_one_shape_or_another_sampler_is_refused(folder):
    with pytest.raises(InputError, match='needs sampler=dict'):
        BucketBatchSampler(torch.utils.data.SequentialSampler([1]), 2)
    with pytest.raises(InputError, match='needs a data set of several shapes'):
        BucketBatchSampler(ResumableSampler([1, 2], seed=0), 2)


def test_nearest_in_aspect_gives_all_that_are_equally_near():
    assert nearest_in_aspect([(4, 4), (6, 6), (4, 8)], (64, 65)) == [0, 1]
