"""Pictures as users have them: other depths, holes, faulty EXIF, color profiles, sizes beyond Pillow's limit."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import tifffile
import torch
from PIL import Image, ImageCms, ImageDraw
from skimage.transform import resize as resized

from mmpe.datasets import PictureFolder, SinGANDataset, picture_files, read_picture
from mmpe.datasets.picture_files import open_picture
from mmpe.editing.masks import read_mask
from mmpe.errors import InputError

GREY = np.round(resized(skimage.data.camera() / 255, (30, 40), anti_aliasing=True) * 255)
GREY = np.round((GREY - GREY.min()) / np.ptp(GREY) * 255)
ROCKET = Image.fromarray(skimage.data.rocket()).resize((60, 40), Image.Resampling.LANCZOS)


@pytest.fixture
def remarks(monkeypatch):
    said = []
    monkeypatch.setattr(picture_files, '_remarks', picture_files.Counter())
    monkeypatch.setattr(picture_files, 'print_log', lambda message, **options: said.append(message))
    return said


def levels(path, channel=0):
    return np.asarray(open_picture(Path(path)), dtype=float)[..., channel]


def tiff(path, values, **options):
    tifffile.imwrite(path, values, photometric=options.pop('photometric', 'minisblack'), **options)
    return path


# -------------------------------------------------------------------- depths and holes


@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize(
    'dtype, scale, shift',
    [
        ('int8', 0.8, -100),
        ('int16', 100, -12000),
        ('int32', 1, 0),
        ('int32', 2**20, 0),
        ('int32', 2**23, -(2**30)),
        ('uint32', 2**24, 0),
        ('uint64', 2**40, 7),
        ('int64', -(2**40), 7),
        ('float16', 0.1, 3),
        ('float32', 1 / 255, 0),
        ('float32', 2 / 255, -1),
        ('float32', 1, 1500),
        ('float64', 1e-9, 1e-3),
    ],
)
def test_numbers_of_any_type_show_their_content(tmp_path, dtype, scale, shift, order):
    values = np.round(GREY * scale + shift) if 'int' in dtype else GREY * scale + shift
    found = levels(tiff(tmp_path / 'x.tif', values.astype(dtype), byteorder=order))
    tolerance = {'float16': 4, 'int8': 2}.get(dtype, 1)
    assert np.abs(found - (GREY if scale > 0 else 255 - GREY)).max() <= tolerance


@pytest.mark.parametrize('dtype, white', [('uint8', 255), ('uint16', 65535), ('float32', 1), ('int32', 10**6)])
def test_white_may_be_zero(tmp_path, dtype, white):
    path = tiff(tmp_path / 'x.tif', (GREY / 255 * white).astype(dtype), photometric='miniswhite')
    assert np.abs(levels(path) - (255 - GREY)).max() <= 1


@pytest.mark.parametrize('dtype', ['uint16', 'uint32', 'float32', 'float64'])
@pytest.mark.parametrize('layout', ['contig', 'separate', 'alpha'])
def test_colors_of_other_depths(tmp_path, dtype, layout):
    rgb = np.asarray(ROCKET) / 255
    values = rgb if layout != 'alpha' else np.dstack([rgb, np.full(rgb.shape[:2], 0.5)])
    values = values * (1 if 'float' in dtype else np.iinfo(dtype).max)
    options = dict(planarconfig='contig', extrasamples=['unassalpha'] if layout == 'alpha' else None)
    if layout == 'separate':
        values, options = np.moveaxis(values, -1, 0), dict(planarconfig='separate')
    found = np.asarray(open_picture(tiff(tmp_path / 'x.tif', values.astype(dtype), photometric='rgb', **options)))
    expected = np.asarray(ROCKET) / 255
    expected = (expected - expected.min()) / np.ptp(expected) if dtype != 'uint16' else expected
    expected = (expected + 1) / 2 if layout == 'alpha' else expected
    assert np.abs(found / 255 - expected).max() < 2.5 / 255


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'uint32', 'float32', 'float64'])
@pytest.mark.parametrize('kind', ['unspecified', 'assocalpha', 'unassalpha'])
@pytest.mark.parametrize('planes', ['contig', 'separate'])
@pytest.mark.parametrize('colors', [1, 3])
def test_one_more_channel_is_what_the_file_declares(tmp_path, remarks, dtype, kind, planes, colors):
    color = np.stack([GREY, 255 - GREY, GREY][:colors], -1) / 255
    alpha = np.resize([1, 0.5, 0.25, 0], GREY.shape)[..., None]
    values = np.concatenate([color * alpha if kind == 'assocalpha' else color, alpha], -1)
    values = (values * (1 if 'float' in dtype else np.iinfo(dtype).max)).astype(dtype)
    values = values if planes == 'contig' else np.moveaxis(values, -1, 0)
    photometric = 'rgb' if colors == 3 else 'minisblack'
    path = tiff(tmp_path / 'x.tif', values, photometric=photometric, planarconfig=planes, extrasamples=[kind])
    visible = color[alpha[..., 0] > 0] if kind == 'assocalpha' and dtype not in ('uint8', 'uint16') else color
    expected = (color - visible.min()) / np.ptp(visible)
    expected = expected if kind == 'unspecified' else expected * alpha + 1 - alpha
    assert np.abs(np.asarray(open_picture(path)) / 255 - expected).max() < (5 if dtype == 'uint8' else 2.5) / 255
    said = 'x.tif: its last channel is not declared to be alpha (it may be infrared): it is left out'
    assert remarks == ([f'{tmp_path}/{said}'] if kind == 'unspecified' else [])


def test_indices_of_a_palette_are_not_taken_for_greys(tmp_path):
    options = dict(photometric='palette', colormap=np.zeros((3, 65536), 'uint16'))
    with pytest.raises(InputError, match='x.tif cannot be read as a picture: its colors are neither gray nor RGB'):
        open_picture(tiff(tmp_path / 'x.tif', GREY.astype('uint16'), **options))


def test_a_broken_tiff_is_no_picture(tmp_path):
    path = tiff(tmp_path / 'x.tif', GREY.astype('uint8'), compression='zlib')
    content = bytearray(path.read_bytes())
    start = tifffile.TiffFile(path).pages[0].dataoffsets[0]
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(InputError, match='x.tif cannot be read as a picture'):
        open_picture(path)


@pytest.mark.parametrize('name', ['five channels', 'complex'])
def test_what_is_neither_grey_nor_color_is_refused(tmp_path, name):
    values = GREY.astype('complex64') if name == 'complex' else np.stack([GREY] * 5, -1).astype('float32')
    with pytest.raises(InputError, match='x.tif cannot be read as a picture: it has . channels of'):
        open_picture(tiff(tmp_path / 'x.tif', values, planarconfig='contig' if values.ndim > 2 else None))


NAN, HUGE, LOW = np.nan, 3.4028234663852886e38, -3.4e38


@pytest.mark.parametrize(
    'dtype, holes',
    [
        ('float32', [NAN]),
        ('float64', [np.inf, -np.inf, NAN]),
        ('float32', [LOW]),
        ('float32', [-HUGE, HUGE]),
        ('float32', [-9999]),
        ('float32', [-9999, LOW, NAN, 9.96921e36]),
        ('int16', [-32768]),
        ('int32', [-(2**31), -9999]),
        ('uint32', [2**32 - 1]),
        ('float32', [-7777]),
        ('int16', [-999]),
    ],
)
@pytest.mark.parametrize('share', ['corner', 'most'])
def test_holes_are_filled_and_said(tmp_path, remarks, dtype, holes, share):
    values = (GREY * 10).astype(dtype)
    mask = np.zeros(values.shape, bool)
    mask[: 4 if share == 'corner' else 24, : 4 if share == 'corner' else 30] = True
    values[mask] = np.resize(holes, mask.sum())
    found = levels(tiff(tmp_path / 'x.tif', values))
    content = GREY[~mask]
    expected = (content - content.min()) / np.ptp(content) * 255
    assert np.abs(found[~mask] - expected).max() <= 1
    assert set(found[mask]) <= set(found[~mask])
    assert f'{mask.sum()} of {mask.size} pixels have no value' in remarks[0]


@pytest.mark.parametrize('dtype, value', [('float32', 0), ('int16', 1234), ('uint16', 0), ('float64', -1.5)])
def test_a_declared_no_data_value_is_a_hole_wherever_it_lies(tmp_path, remarks, dtype, value):
    values = (GREY * 10 + 20).astype(dtype)
    values[values == value] += 1
    values[:6, :6] = value
    path = tiff(tmp_path / 'x.tif', values, extratags=[(42113, 's', 0, str(value), True)])
    found = levels(path)
    assert '36 of 1200 pixels have no value' in remarks[0]
    assert set(found[:6, :6].ravel()) <= set(found[values != value])


@pytest.mark.parametrize(
    'values',
    [
        np.where(GREY > 250, 255, GREY / 25).astype('int32'),  # a few bright pixels, and the rest dark
        np.where(GREY > 250, 0, 240 + GREY / 25).astype('int32'),  # dark writing on white
        np.where(GREY > 128, 1, 0).astype('int32'),  # a mask
        np.where(GREY > 128, 255, GREY // 128).astype('int32'),  # labels
        (GREY * 40 - 11000).astype('float32'),  # the sea floor, through -9999
        (GREY - 128).astype('float32'),
        np.where(GREY > 90, GREY / 255, -1).astype('float32'),  # a bright thing on a black background, in [-1, 1]
        np.where(GREY > 200, GREY / 255, -1).astype('float64'),
        np.where(GREY > 150, GREY, -1).astype('int16'),
        np.where(GREY > 150, GREY, -255).astype('int32'),
        np.where(GREY > 150, GREY * 100, -25500).astype('float32'),
    ],
)
def test_honest_content_is_neither_cut_nor_filled(tmp_path, remarks, values):
    expected = (values - values.min()) / np.ptp(values.astype(float)) * 255
    assert np.abs(levels(tiff(tmp_path / 'x.tif', values)) - expected).max() <= 1
    assert remarks == []


def test_hot_pixels_do_not_make_the_picture_black(tmp_path, remarks):
    values = GREY.astype('float32')
    values[3, 4], values[7, 7] = 1e6, 2e6
    found = levels(tiff(tmp_path / 'x.tif', values))
    assert found[3, 4] == 255 and np.abs(found - GREY)[values < 1000].max() <= 1
    assert '2 values far above all others' in remarks[0]


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
@pytest.mark.parametrize('colors', [1, 3])
@pytest.mark.parametrize('photometric, look', [('minisblack', 'dark'), ('miniswhite', 'bright')])
def test_a_few_highlights_that_take_the_range_are_said(tmp_path, remarks, dtype, colors, photometric, look):
    values = GREY / 255
    values[3:5, 3:5] = 30
    values = np.stack([values] * colors, -1).squeeze()
    photometric = 'rgb' if colors == 3 else photometric
    levels(tiff(tmp_path / 'x.tif', values.astype(dtype), photometric=photometric))
    look = 'dark' if colors == 3 else look
    said = f'it comes out {look}: 99.67% of its values are up to 1, in the first 16 of 256 levels'
    assert said in remarks[0] and 'a few highlights reach 30;' in remarks[0] and len(remarks) == 1


@pytest.mark.parametrize(
    'values',
    [
        GREY / 255,
        np.where(GREY > 250, 1, 0),  # a small mask
        np.where(GREY > 250, 30, 1),
        np.exp(GREY / 255 * 3),
        np.full((8, 8), 5),
        255 - GREY / 255,
    ],
)
def test_no_other_picture_is_said_to_be_dark(tmp_path, remarks, values):
    levels(tiff(tmp_path / 'x.tif', values.astype('float32')))
    assert remarks == []


@pytest.mark.parametrize('value', [NAN, -np.inf])
def test_a_picture_of_holes_is_refused(tmp_path, value):
    with pytest.raises(InputError, match='no pixel has a value'):
        open_picture(tiff(tmp_path / 'x.tif', np.full((8, 8), value, 'float32')))


@pytest.mark.parametrize(
    'values, message',
    [
        (GREY * 16, 'uses 12 of its 16 bits: the largest value is 4080 of 65535'),
        (GREY * 3, 'uses 10 of its 16 bits'),
        (np.round(GREY * 16.05) * 16, 'uses 12 of its 16 bits: all values are multiples of 16'),
        (GREY * 257, None),
        (np.round(GREY * 128.3), None),
    ],
)
@pytest.mark.parametrize('extension', ['tif', 'png'])
def test_sixteen_bits_stay_on_their_range_and_unused_ones_are_said(tmp_path, remarks, values, message, extension):
    Image.fromarray(values.astype('uint16')).save(tmp_path / f'x.{extension}')
    assert np.abs(levels(tmp_path / f'x.{extension}') - values / 257).max() <= 0.5
    assert (message in remarks[0]) if message else not remarks


def test_twelve_declared_bits_are_the_whole_range(tmp_path):
    values = np.round(GREY / 255 * 4095).astype(int)
    pairs = values.reshape(-1, 2)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], -1)
    tags = {256: 40, 257: 30, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 30, 279: packed.size}
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags.items())
    content = b'II*\0' + struct.pack('<I', 8 + packed.size) + packed.astype(np.uint8).tobytes()
    (tmp_path / 'x.tif').write_bytes(content + struct.pack('<H', len(tags)) + entries + bytes(4))
    assert np.abs(levels(tmp_path / 'x.tif') - GREY).max() <= 1


def test_masks_are_read_by_the_same_reader(tmp_path):
    mask = np.zeros((30, 40), 'int32')
    mask[5:9, 5:9] = 1
    assert read_mask(tiff(tmp_path / 'mask.tif', mask), (30, 40)).sum() == 16


# -------------------------------------------------------------------- kinds of files


def keyed_png(values, key, bits):
    """By the definition of PNG: grey or RGB with a transparent color."""
    lines = values.astype('>u2' if bits == 16 else 'u1').reshape(len(values), -1)
    kind = 2 if values.ndim == 3 else 0
    chunks = {
        b'IHDR': struct.pack('>IIBBBBB', values.shape[1], values.shape[0], bits, kind, 0, 0, 0),
        b'tRNS': struct.pack(f'>{len(key)}H', *key),
        b'IDAT': zlib.compress(b''.join(b'\0' + line.tobytes() for line in lines)),
        b'IEND': b'',
    }
    parts = (struct.pack('>I', len(d)) + t + d + struct.pack('>I', zlib.crc32(t + d)) for t, d in chunks.items())
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('color', [False, True])
def test_the_transparent_color_of_a_png_is_white(bits, color):
    scale = 257 if bits == 16 else 1
    values = (np.asarray(ROCKET) if color else GREY).astype(int) * scale
    key = np.array([3, 5, 9] if color else [7]) * scale + (bits == 16)
    values[10:20, 10:20] = key
    values[20:25, 10:20] = key + 1  # nearly the same, and visible
    found = np.asarray(open_picture(keyed_png(values, key, bits)), dtype=int)
    transparent = (values.reshape(*values.shape[:2], -1) == key).all(-1)
    expected = np.where(transparent[..., None], 255, values.reshape(*values.shape[:2], -1) / scale)
    assert transparent[10:20, 10:20].all() and not transparent[20:25, 10:20].any()
    assert np.abs(found - expected).max() <= 1


def test_the_first_frame_is_read_and_said(tmp_path, remarks):
    frames = [Image.new('RGB', (9, 7), color) for color in ('red', 'blue', 'lime')]
    for name in ('x.gif', 'x.png', 'x.webp', 'x.tif', 'x.avif'):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert np.abs(np.asarray(open_picture(tmp_path / name)).mean((0, 1)) - [255, 0, 0]).max() < 4
        assert f'{name}: it has several frames' in remarks.pop()


@pytest.mark.parametrize('extension', ['gif', 'tif', 'webp', 'png'])
def test_a_broken_second_frame_is_no_matter(tmp_path, extension):
    frames = [Image.new('RGB', (9, 7), 'red'), ROCKET.resize((9, 7))]
    path = tmp_path / f'x.{extension}'
    frames[0].save(path)
    whole = len(path.read_bytes())
    frames[0].save(path, save_all=True, append_images=frames[1:])
    path.write_bytes(path.read_bytes()[: whole + (len(path.read_bytes()) - whole) * 2 // 3])
    try:
        assert np.abs(np.asarray(open_picture(path)).mean((0, 1)) - [255, 0, 0]).max() < 4
    except InputError as error:  # an index at the end of the file, or a length at its beginning, may be needed
        assert extension in ('tif', 'webp') and 'x.' in str(error)


@pytest.mark.parametrize('mode', ['1', 'L', 'P', 'PA', 'LA', 'RGBA', 'CMYK', 'YCbCr', 'LAB', 'I;16', 'I', 'F'])
@pytest.mark.parametrize('size', [(1, 30), (30, 1), (40, 30)])
def test_every_mode_that_a_tiff_can_have_becomes_rgb(tmp_path, mode, size):
    values = np.resize(GREY.astype(np.uint8), size[::-1])
    if mode == 'LAB':
        image = Image.merge('LAB', [Image.fromarray(values), *[Image.new('L', size, 128)] * 2])
    elif mode in ('I', 'F', 'I;16'):
        image = Image.fromarray(values.astype({'I': 'int32', 'F': 'float32', 'I;16': 'uint16'}[mode]))
    else:
        image = Image.fromarray(values).convert('P' if mode == 'PA' else mode)
    if mode == 'PA':
        image = image.convert('PA')
    path = tmp_path / ('x.png' if mode == 'PA' else 'x.tif')
    (image.convert('LA') if mode == 'PA' else image).save(path)
    picture = open_picture(path)
    assert picture.mode == 'RGB' and picture.size == size
    if mode not in ('1', 'P', 'I;16') and size == (40, 30):
        assert np.corrcoef(np.asarray(picture)[..., 1].ravel(), values.ravel())[0, 1] > 0.99


# -------------------------------------------------------------------- orientation


def exif(*entries, order='<'):
    """A block of entries (tag, type, count, value), whatever they are."""
    head = (b'II*\0' if order == '<' else b'MM\0*') + struct.pack(f'{order}IH', 8, len(entries))
    data, start = b'', 8 + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        head += struct.pack(f'{order}HHI', tag, kind, count)
        head += value.ljust(4, b'\0') if len(value) <= 4 else struct.pack(f'{order}I', start + len(data))
        data += value if len(value) > 4 else b''
    return b'Exif\0\0' + head + b'\0' * 4 + data


def jpeg_with(block):
    buffer = io.BytesIO()
    ROCKET.save(buffer, 'JPEG', quality=95)
    content = buffer.getvalue()
    return content[:2] + b'\xff\xe1' + struct.pack('>H', len(block) + 2) + block + content[2:]


TURNED = (0x112, 3, 1, struct.pack('<H', 6))
FAULTS = {
    'resolution as text': exif(TURNED, (0x11A, 2, 5, b'72/1\0')),
    'width as text': exif(TURNED, (0x100, 2, 5, b'4000\0')),
    'bits as text': exif(TURNED, (0x102, 2, 5, b'8888\0')),
    'a fault before it': exif((0x102, 2, 5, b'8888\0'), (0x100, 5, 2**31, b'\0\0\0\7'), TURNED),
    'a value beyond the end': exif(TURNED, (0x10F, 2, 2**30, b'\xff\xff\xff\x7f')),
    'a value beyond the end before it': exif((0x10F, 2, 20, struct.pack('<I', 99999)), TURNED),
    'an unknown type': exif(TURNED, (0x10E, 77, 1, b'abcd')),
    'an IFD that is itself': exif(TURNED, (0x8769, 4, 1, struct.pack('<I', 8)), (0x8825, 4, 1, struct.pack('<I', 8))),
    'an IFD beyond the end': exif(TURNED, (0x8769, 4, 1, struct.pack('<I', 2**32 - 1))),
    'no end': exif(TURNED, (0x10F, 2, 3, b'abc'))[:-14],
    'more entries than there are': exif(TURNED).replace(b'\1\0\x12\1', b'\xff\0\x12\1'),
    'a fraction by zero': exif(TURNED, (0x11A, 5, 1, bytes(8)), (0x128, 3, 1, b'\2\0')),
    'orientation as text': exif((0x112, 2, 2, b'6\0')),
    'orientation as a long': exif((0x112, 4, 1, struct.pack('<I', 6))),
    'big-endian': exif((0x112, 3, 1, struct.pack('>H', 6)), (0x102, 2, 5, b'8888\0'), order='>'),
}
LOST = {
    'nothing': b'Exif\0\0',
    'garbage': b'Exif\0\0' + bytes(range(256)),
    'orientation 77': exif((0x112, 3, 1, struct.pack('<H', 77))),
    'orientation as an essay': exif((0x112, 2, 10, b'portrait!\0')),
    'a directory beyond the end': b'Exif\0\0II*\0\xff\xff\xff\xff',
}


@pytest.mark.parametrize('name', [*FAULTS, *LOST])
@pytest.mark.parametrize('container', ['jpg', 'png', 'webp'])
def test_faulty_exif_leaves_the_picture_upright(tmp_path, name, container):
    block = {**FAULTS, **LOST}[name]
    path = tmp_path / f'x.{container}'
    if container == 'jpg':
        path.write_bytes(jpeg_with(block))
    else:
        ROCKET.save(path, exif=block, **(dict(lossless=True) if container == 'webp' else {}))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = open_picture(path)
    expected = ROCKET.transpose(Image.Transpose.ROTATE_270) if name in FAULTS else ROCKET
    assert found.size == expected.size
    assert np.abs(np.asarray(found, dtype=float) - np.asarray(expected)).mean() < 5


@pytest.mark.parametrize('tag, kind', [(0x102, 3), (0x11A, 5)])
def test_faulty_exif_in_avif(tmp_path, tag, kind):
    """Its encoder takes the orientation out of a faultless block, and its decoder puts it back."""
    whole = exif(TURNED, (0x102, 3, 1, b'\7\0'), (0x11A, 5, 1, struct.pack('<II', 72, 1)))
    ROCKET.save(tmp_path / 'x.avif', exif=whole)
    content = (tmp_path / 'x.avif').read_bytes()
    faulty = content.replace(struct.pack('<HH', tag, kind), struct.pack('<HH', tag, 2))
    assert faulty != content
    expected = open_picture(content)
    assert expected.size == ROCKET.size[::-1] and np.array_equal(open_picture(faulty), expected)


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('dtype', ['uint8', 'float32', 'float64', 'uint16'])
def test_a_tiff_is_upright_whoever_decodes_it(tmp_path, orientation, dtype):
    values = np.arange(48).reshape(6, 8)
    stored = {
        1: values,
        2: values[:, ::-1],
        3: values[::-1, ::-1],
        4: values[::-1],
        5: values.T,
        6: np.rot90(values),
        7: np.rot90(values, 2).T,
        8: np.rot90(values, -1),
    }[orientation]
    path = tiff(tmp_path / 'x.tif', (stored * 5).astype(dtype), extratags=[(274, 'H', 1, orientation, True)])
    found = levels(path)
    assert found.shape == (6, 8) and (np.diff(found.ravel()) >= 0).all()


def test_orientation_in_xmp(tmp_path):
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    ROCKET.save(tmp_path / 'x.webp', xmp=xmp, lossless=True)
    assert open_picture(tmp_path / 'x.webp').size == ROCKET.size[::-1]


# -------------------------------------------------------------------- color profiles


def matrix_profile(primaries, gamma, white=(0.95047, 1.0, 1.08883), space=b'RGB ', colorants=None):
    """A version 2 ICC profile by its definition: colorants adapted to D50 (Bradford) and one gamma."""
    to_d50 = rgb_to_xyz_d50(primaries, white) if colorants is None else np.array(colorants)

    def fixed(*numbers):
        return b''.join(struct.pack('>i', round(n * 65536)) for n in numbers)

    if gamma is None:  # sRGB's own, as a table
        x = np.linspace(0, 1, 128)
        table = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4) * 65535
        curve = b'curv' + bytes(4) + struct.pack('>I128H', 128, *table.round().astype(int))
    else:
        curve = b'curv' + bytes(4) + struct.pack('>IH', 1, round(gamma * 256)) + bytes(2)
    text = b'desc' + bytes(4) + struct.pack('>I', 5) + b'test\0' + bytes(78)
    tags = {b'desc': text, b'wtpt': b'XYZ ' + bytes(4) + fixed(0.9642, 1, 0.8249), b'cprt': b'text' + bytes(4) + b'x\0'}
    if space == b'GRAY':
        tags[b'kTRC'] = curve
    else:
        for i, name in enumerate((b'r', b'g', b'b')):
            tags[name + b'XYZ'] = b'XYZ ' + bytes(4) + fixed(*to_d50[:, i])
            tags[name + b'TRC'] = curve
    table, data, start = struct.pack('>I', len(tags)), b'', 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack('>II', start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    header = struct.pack(
        '>I4sI4s4s4s12s', 132 + len(table) - 4 + len(data), bytes(4), 0x2100000, b'mntr', space, b'XYZ ', bytes(12)
    )
    header += b'acsp' + bytes(28) + fixed(0.9642, 1, 0.8249)
    return header.ljust(128, b'\0') + table + data


def rgb_to_xyz(primaries, white):
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return columns * np.linalg.solve(columns, white)


def rgb_to_xyz_d50(primaries, white):
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    gain = (cone @ [0.9642, 1, 0.8249]) / (cone @ white)
    return np.linalg.inv(cone) @ np.diag(gain) @ cone @ rgb_to_xyz(primaries, np.array(white))


D65 = (0.95047, 1.0, 1.08883)
SRGB = [(0.64, 0.33), (0.3, 0.6), (0.15, 0.06)]
WIDE = {
    'Display P3': [(0.68, 0.32), (0.265, 0.69), (0.15, 0.06)],
    'Adobe RGB': [(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)],
    'Rec. 2020': [(0.708, 0.292), (0.17, 0.797), (0.131, 0.046)],
}


def in_srgb(rgb, primaries, gamma):
    """The closed form, for colors (..., 3) from 0 to 1."""
    linear = rgb**gamma @ (np.linalg.inv(rgb_to_xyz(SRGB, D65)) @ rgb_to_xyz(primaries, D65)).T
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize('name', WIDE)
@pytest.mark.parametrize('extension', ['png', 'tif', 'webp', 'jpg'])
def test_colors_are_those_of_the_profile(tmp_path, name, extension):
    profile, path = matrix_profile(WIDE[name], 2.2), tmp_path / f'x.{extension}'
    options = (
        dict(lossless=True) if extension == 'webp' else dict(quality=100, subsampling=0) if extension == 'jpg' else {}
    )
    ROCKET.save(path, icc_profile=profile, **options)
    found = np.asarray(open_picture(path), dtype=float)
    expected = in_srgb(np.asarray(ROCKET) / 255, WIDE[name], 2.2) * 255
    assert np.abs(expected - np.asarray(ROCKET)).mean() > 1  # a reader that ignores it fails
    assert np.abs(found - expected).mean() < 1
    reader = read_picture(str(path))[0].permute(1, 2, 0).add(1).mul(127.5).numpy()
    assert np.abs(reader - found).max() < 1e-3


def test_transparent_and_palette_pictures_have_profiles_too(tmp_path):
    profile = matrix_profile(WIDE['Display P3'], 2.2)
    rgba = ROCKET.copy()
    rgba.putalpha(128)
    rgba.save(tmp_path / 'rgba.png', icc_profile=profile)
    expected = in_srgb(np.asarray(ROCKET) / 255, WIDE['Display P3'], 2.2) * 128 + 127
    assert np.abs(np.asarray(open_picture(tmp_path / 'rgba.png')) - expected).mean() < 1
    palette = ROCKET.quantize(64)
    palette.save(tmp_path / 'p.png', icc_profile=profile)
    expected = in_srgb(np.asarray(palette.convert('RGB')) / 255, WIDE['Display P3'], 2.2) * 255
    assert np.abs(np.asarray(open_picture(tmp_path / 'p.png')) - expected).mean() < 1


@pytest.mark.parametrize('mode', ['L', 'I;16', 'RGB'])
def test_grey_profiles(tmp_path, mode):
    image = Image.fromarray((GREY * 257).astype('uint16')) if mode == 'I;16' else Image.fromarray(GREY.astype('uint8'))
    image = image.convert('RGB') if mode == 'RGB' else image
    image.save(tmp_path / 'x.png', icc_profile=matrix_profile(SRGB, 1.8, space=b'GRAY'))
    expected = in_srgb(np.repeat(GREY[..., None] / 255, 3, -1), SRGB, 1.8) * 255
    assert np.abs(np.asarray(open_picture(tmp_path / 'x.png')) - expected).max() <= 2


# as in the most common profile of all, sRGB IEC61966-2.1: rounded otherwise than others
IEC = [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]]


@pytest.mark.parametrize('colorants', [None, IEC])
def test_a_profile_of_srgb_changes_no_bit(tmp_path, colorants):
    levels = np.arange(0, 256, 3, dtype=np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, len(levels), 3)
    profile = matrix_profile(SRGB, None, colorants=colorants)
    for image in (Image.fromarray(colors), ROCKET.convert('L')):
        image.save(tmp_path / 'x.png', icc_profile=profile, compress_level=1)
        assert np.array_equal(np.asarray(open_picture(tmp_path / 'x.png')), np.asarray(image.convert('RGB')))


def test_lab_gives_the_numbers_of_srgb(tmp_path):
    srgb, lab = ImageCms.createProfile('sRGB'), ImageCms.createProfile('LAB')
    image = ImageCms.profileToProfile(ROCKET, srgb, lab, outputMode='LAB')
    for profile in (image.info['icc_profile'], None):
        image.save(tmp_path / 'lab.tif', icc_profile=profile)
        assert np.abs(np.asarray(open_picture(tmp_path / 'lab.tif'), dtype=int) - np.asarray(ROCKET)).max() <= 6


WHOLE = matrix_profile(WIDE['Display P3'], 2.2)


@pytest.mark.parametrize(
    'profile',
    [
        b'no profile',
        WHOLE[:100],
        WHOLE[:200],
        WHOLE[:128] + bytes(300),
        matrix_profile(SRGB, 2.2, space=b'GRAY'),
        WHOLE.replace(b'RGB ', b'CMYK'),
    ],
)
def test_a_profile_that_cannot_be_used_costs_nothing_but_a_line(tmp_path, remarks, profile):
    ROCKET.save(tmp_path / 'x.png', icc_profile=profile)
    assert np.array_equal(np.asarray(open_picture(tmp_path / 'x.png')), np.asarray(ROCKET))
    assert 'x.png: its color profile is left out: it' in remarks[0]


# -------------------------------------------------------------------- very large pictures


def png_header(height, width):
    """A PNG that says that it is this large, and holds nothing."""
    head = b'IHDR' + struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + struct.pack('>I', 13)
        + head
        + struct.pack('>I', zlib.crc32(head))
        + b'\0\0\0\x10IDAT'
        + bytes(20)
    )


def test_a_picture_beyond_the_limit_is_refused_with_what_lifts_it(tmp_path):
    (tmp_path / 'x.png').write_bytes(png_header(10000, 20000))
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for dataset in (lambda: SinGANDataset(str(tmp_path / 'x.png')), lambda: PictureFolder(str(tmp_path), 8)[0]):
            with pytest.raises(
                InputError, match='10000x20000 pixels, more than max_pixels=178956970.*max_pixels=20000'
            ):
                dataset()
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_limit_is_the_data_set_s_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)  # Pillow's, which any of its users may change
    ROCKET.save(tmp_path / 'x.png')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert SinGANDataset(str(tmp_path / 'x.png'), max_pixels=2400).sizes[-1] == (40, 60)
        assert PictureFolder(str(tmp_path), 8, max_pixels=2400)[0]['inputs'].shape == (3, 8, 8)
        with pytest.raises(InputError, match='more than max_pixels=2399'):
            SinGANDataset(str(tmp_path / 'x.png'), max_pixels=2399)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_jpeg_is_reduced_while_it_is_decoded(tmp_path, monkeypatch):
    """As of 89 megapixels, which here are some thousand."""
    monkeypatch.setattr(picture_files, '_LARGE', 300 * 200)
    image = Image.new('RGB', (1600, 800), 'navy')
    ImageDraw.Draw(image).ellipse((400, 100, 1200, 700), fill='orange')
    image.save(tmp_path / 'x.jpg', quality=95)
    small = SinGANDataset(str(tmp_path / 'x.jpg'), max_size=50, max_pixels=500 * 1000).reals[-1]
    item = PictureFolder(str(tmp_path), 40, max_pixels=500 * 1000)[0]['inputs']
    with pytest.raises(InputError, match='800x1600 pixels, more than max_pixels=500000'):
        SinGANDataset(str(tmp_path / 'x.jpg'), max_size=400, max_pixels=500 * 1000)
    monkeypatch.undo()
    assert (small - SinGANDataset(str(tmp_path / 'x.jpg'), max_size=50).reals[-1]).abs().mean() < 0.02
    exact = PictureFolder(str(tmp_path), 40)[0]['inputs']
    assert (item.float() - exact.float()).abs().mean() < 2


@pytest.mark.parametrize('max_pixels', [0, -1, 1.5, 'many', True])
def test_what_is_no_limit_is_explained(tmp_path, max_pixels):
    ROCKET.save(tmp_path / 'x.png')
    with pytest.raises(InputError, match='max_pixels=.* cannot work: it must be'):
        SinGANDataset(str(tmp_path / 'x.png'), max_pixels=max_pixels)


def test_ordinary_pictures_keep_their_bits():
    expected = torch.from_numpy(skimage.data.coffee()).permute(2, 0, 1)[None].float().div(127.5).sub(1)
    assert torch.equal(read_picture('skimage://coffee'), expected)
