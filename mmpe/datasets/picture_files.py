"""Reading pictures: any file that Pillow knows, or one of scikit-image's, as RGB with 8 bits."""

from __future__ import annotations

import io
import logging
import math
import threading
import warnings
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from mmengine.logging import print_log
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Size
from mmpe.names import locate, printable
from mmpe.numbers import check_whole

from .bit_depth import to_8_bits
from .color_key import has_key_of_16_bits, make_transparent
from .color_profiles import lab_to_srgb, to_srgb
from .orientation import box_upright, find_orientation, may_be_turned, turn_upright, without_exif
from .reduced_decoding import Box, decode_reduced, fit
from .tiff import SIGNATURES, Numbers, has_undeclared_channel, is_misread, numbers_of, read_numbers

SKIMAGE = 'skimage://'
MAX_PIXELS = 2 * 89_478_485  # Pillow's limit against files that are made to fill a memory
MOST_PIXELS = 2**48  # that a limit may be set to
_LARGE = MAX_PIXELS // 2  # beyond, a picture is reduced as it is read if fewer pixels are enough
_DETAIL = 4  # times the pixels that are needed are left by that
REDUCING_GAP = 2.0
"""A data set decodes a JPEG at the smallest size with this many times the pixels that it needs along a side."""

_DECLARED_16_BITS = ('PNG', 'PPM', 'JPEG2000')  # formats of which Pillow gives 16 bits as mode I
_REDUCIBLE = ('JPEG', 'MPO')  # of whose coding a part is a picture at 1/2, 1/4 or 1/8 of the size
_ANIMATED = ('GIF', 'PNG', 'WEBP', 'AVIF', 'TIFF', 'FLI', 'DCX')
_UNDECLARED = 'its last channel is not declared to be alpha (it may be infrared): it is left out'
_REMARKS = 20  # of one kind, in each process
_lock = threading.Lock()
for _library in ('PIL', 'tifffile'):  # what they log they also raise; without a handler Python prints it
    logging.getLogger(_library).addHandler(logging.NullHandler())

_remarks: Counter[str] = Counter()


class PictureError(InputError):
    """A picture does not exist, or cannot be read. The message names it.

    >>> read_picture('missing.png')
    Traceback (most recent call last):
    mmpe.datasets.picture_files.PictureError: there is no picture at missing.png
    """

    def __init__(self, message: str):
        # A data loader raises what its worker raised once more, with the worker's whole traceback as the message.
        super().__init__(message.rpartition(f'{type(self).__name__}: ')[2].strip())


def read_picture(path: str | Path, enough: int | None = None, max_pixels: int = MAX_PIXELS) -> Tensor:
    """Read a picture as RGB.

    Gray becomes RGB, transparent pixels are laid on white, and EXIF orientation and color profiles are applied. Values
    that are not 8 bits are scaled: see :func:`open_picture`.

    Args:
        path: A file, exactly as typed (``~`` is expanded), or ``skimage://NAME`` for a picture of ``skimage.data``,
            such as ``skimage://rocket``.
        enough: See :func:`open_picture`.
        max_pixels: See :func:`open_picture`.

    Returns:
        (1, 3, H, W), RGB, float32 in [-1, 1].

    Raises:
        InputError: If the file or picture does not exist, cannot be read, or is too large.

    >>> read_picture('skimage://rocket').shape
    torch.Size([1, 3, 427, 640])
    """
    if str(path).startswith(SKIMAGE):
        image = _from_skimage(str(path)[len(SKIMAGE) :])
    else:
        image = open_picture(locate(path), path, enough, max_pixels)
    pixels = np.asarray(image, dtype=np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].div(127.5).sub(1).contiguous()


def open_picture(
    source: Path | bytes,
    name: str | Path | None = None,
    enough: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Image.Image:
    """Open a picture file as RGB, upright, on white.

    Values that are not 8-bit levels are scaled: 16 bits from their declared range, and other types from the range of
    the picture's values. ICC profiles are converted to sRGB. Of several frames the first is read. What is filled in,
    left out or cannot be used is logged.

    Args:
        source: The path of the file, or its bytes.
        name: How messages name the picture. None: as ``source``.
        enough: How many pixels of the short side are needed. A picture of more than 89 megapixels is reduced to at
            least four times as many, a JPEG while it is decoded. None: all pixels are read.
        max_pixels: How many pixels may be decoded.

    Returns:
        A picture of mode RGB.

    Raises:
        PictureError: If the file does not exist, cannot be read as a picture, or has more than ``max_pixels``.

    >>> Image.new('RGBA', (48, 32)).save('transparent.png')
    >>> open_picture(Path('transparent.png')).getpixel((0, 0))
    (255, 255, 255)
    """
    return _open_picture(source, name, enough, max_pixels)[0]


def picture_size(source: Path | bytes, name: str | Path | None = None, max_pixels: int = MAX_PIXELS) -> Size:
    """The (height, width) of a picture file, upright. Its pixels are read only where the header is not enough.

    Args:
        source: See :func:`open_picture`, also for ``name`` and ``max_pixels``.

    Raises:
        PictureError: As :func:`open_picture`.

    >>> Image.new('RGB', (48, 32)).save('a.png')
    >>> picture_size(Path('a.png'))
    (32, 48)
    """
    size = _declared_size(source)
    if size is None:
        size = open_picture(source, name, max_pixels=max_pixels).size
    return size[1], size[0]


def _declared_size(source: Path | bytes) -> tuple[int, int] | None:
    """Width and height, upright, by the header. None, where only reading the whole picture tells them, or an error."""
    try:
        with (
            warnings.catch_warnings(),
            io.BytesIO(source) if isinstance(source, bytes) else open(source, 'rb') as stream,
        ):
            warnings.simplefilter('ignore')
            with _open(stream) as image:
                if is_misread(image) or (image.format == 'PNG' and may_be_turned(stream)):
                    return None
                # Pillow has turned a TIFF's size already, and would read the pixels of a PNG for its orientation
                upright = image.format in ('PNG', 'TIFF') or find_orientation(image) < 5
                return image.size if upright else image.size[::-1]
    except Exception:  # whatever a broken file does to a decoder: reading it says it better
        return None


def open_fitted(
    source: Path | bytes,
    name: str | Path | None,
    size: tuple[int, int],
    max_pixels: int = MAX_PIXELS,
    reducing_gap: float | None = REDUCING_GAP,
) -> Image.Image:
    """Open a picture file as RGB, resized until it just covers a size, and cropped to its center.

    Args:
        source: See :func:`open_picture`, also for ``name`` and ``max_pixels``.
        size: (height, width) of the result.
        reducing_gap: A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, the smallest that has this many times the pixels
            of ``size`` along both sides, and then resized. None: only if it is very large.

    Returns:
        A picture of mode RGB.

    Raises:
        PictureError: As :func:`open_picture`.

    >>> Image.new('RGB', (48, 32)).save('a.png')
    >>> open_fitted(Path('a.png'), None, (16, 16)).size
    (16, 16)
    """
    image, box = _open_picture(source, name, max(size), max_pixels, reducing_gap)
    return fit(image, size, box)


def _open_picture(
    source: Path | bytes,
    name: str | Path | None,
    enough: int | None,
    max_pixels: int,
    reducing_gap: float | None = None,
) -> tuple[Image.Image, Box]:
    in_memory = isinstance(source, bytes)
    name = printable(source if name is None and not in_memory else name or 'the picture')
    check_whole(1, MOST_PIXELS, max_pixels=max_pixels)
    if not in_memory and not _is_file(source):
        what = 'the picture is a folder:' if source.is_dir() else 'there is no picture at'
        raise PictureError(f'{what} {name}')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # what matters of it is raised or logged
            # a stream, not a path: Pillow maps a file of that name, and then mixes up width and height of turned TIFFs
            with io.BytesIO(source) if in_memory else open(source, 'rb') as stream:
                return _read(stream, name, enough, max_pixels, reducing_gap)
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError(f'{name} cannot be read as a picture: it has no known format') from error
    except Exception as error:  # a broken file can break a decoder in any way
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise PictureError(f'{name} cannot be read as a picture: {reason}') from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _read(
    stream: BinaryIO, name: str, enough: int | None, max_pixels: int, reducing_gap: float | None
) -> tuple[Image.Image, Box]:
    """A picture, and where its content is among its pixels: see :func:`~mmpe.datasets.reduced_decoding.fit`."""
    try:
        image = _open(stream)
    except UnidentifiedImageError:
        if not _is_tiff(stream):
            raise
        return _all_of(_read_tiff(stream, name, max_pixels))
    with image:
        if is_misread(image):
            return _all_of(_read_tiff(stream, name, max_pixels))
        size, times = image.size, 1
        is_large = enough is not None and image.width * image.height > _LARGE
        if is_large or (reducing_gap and image.format in _REDUCIBLE):
            times = decode_reduced(image, math.ceil((reducing_gap or _DETAIL) * enough))
        if image.width * image.height > max_pixels:
            raise PictureError(
                f'{name} has {image.height}x{image.width} pixels, more than max_pixels={max_pixels}: give a smaller '
                f'one, or max_pixels={size[0] * size[1]} to the data set (train_dataloader.dataset.max_pixels)'
            )
        if image.format in _ANIMATED and _has_more_frames(image):
            _remark(name, 'it has several frames: the first one is read')
        try:
            image.load()
        except Exception as error:
            return _all_of(_read_tiff_after(error, stream, name, max_pixels))
        if has_key_of_16_bits(image, stream):
            stream.seek(0)
            make_transparent(image, _open(stream))
        if has_undeclared_channel(image):
            _remark(name, _UNDECLARED)
        orientation = find_orientation(image)
        rgb = _to_rgb(image, name)
    if is_large:
        further = max(1, min(rgb.size) // (_DETAIL * enough))
        rgb, times = rgb.reduce(further), times * further
    extent = size[0] / times, size[1] / times
    return turn_upright(rgb, orientation), box_upright(extent, rgb.size, orientation)


def _all_of(image: Image.Image) -> tuple[Image.Image, Box]:
    return image, (0, 0, *image.size)


def _has_more_frames(image: Image.Image) -> bool:
    try:
        return getattr(image, 'is_animated', False)
    except Exception:  # the others are broken, which is no matter
        return True


def _read_tiff(stream: BinaryIO, name: str, max_pixels: int) -> Image.Image:
    numbers = read_numbers(stream, max_pixels)
    return turn_upright(_from_numbers(numbers, name, numbers.profile), numbers.orientation)


def _read_tiff_after(error: Exception, stream: BinaryIO, name: str, max_pixels: int) -> Image.Image:
    """What Pillow took on and could not do, unless the file is broken: then its own message is the better one."""
    if not _is_tiff(stream):
        raise error
    try:
        return _read_tiff(stream, name, max_pixels)
    except Exception:
        raise error from None


def _open(stream: BinaryIO) -> Image.Image:
    """``Image.open`` without its limit, which would be a warning at first, and the same for all of a process."""
    with _lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(stream)
        except Exception:
            stream.seek(0)
            if stream.read(8)[4:] != b'ftyp':
                raise
            stream.seek(0)  # AVIF, which has its orientation elsewhere and whose reader wants a faultless EXIF block
            return Image.open(io.BytesIO(without_exif(stream.read())))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _is_tiff(stream: BinaryIO) -> bool:
    stream.seek(0)
    return stream.read(4) in SIGNATURES


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    profile = image.info.get('icc_profile')
    numbers = numbers_of(image)
    if numbers is not None:
        if image.mode == 'I' and image.format in _DECLARED_16_BITS:
            numbers.values = numbers.values.clip(0, 65535).astype(np.uint16)
        elif image.format == 'FITS' and image.mode == 'I;16':
            numbers.values = numbers.values.astype(np.int32)  # its 16 bits are signed
        return _from_numbers(numbers, name, profile)
    if image.mode in ('LA', 'PA', 'RGBA', 'La', 'RGBa') or 'transparency' in image.info:
        rgba = (image.convert('LA') if image.mode == 'La' else image).convert('RGBA')
        return _on_white(_in_srgb(rgba.convert('RGB'), profile, name), rgba.getchannel('A'))
    return _in_srgb(image, profile, name)


def _from_numbers(numbers: Numbers, name: str, profile: bytes | None) -> Image.Image:
    values = numbers.values
    if values.dtype.kind == 'b':
        values = values.astype(np.uint8) * 255
    full = None
    if values.dtype.kind == 'u' and values.dtype.itemsize <= 2:
        full = 2 ** min(numbers.bits or 16, 8 * values.dtype.itemsize) - 1
    levels, remarks = to_8_bits(values, full, numbers.no_data, numbers.inverted)
    if numbers.extra:
        remarks.append(_UNDECLARED)
    for remark in remarks:
        _remark(name, remark)
    image = _in_srgb(Image.fromarray(levels), profile, name)
    return (
        image
        if numbers.alpha is None
        else _on_white(image, Image.fromarray((numbers.alpha * 255).round().astype(np.uint8)))
    )


def _on_white(image: Image.Image, alpha: Image.Image) -> Image.Image:
    image.putalpha(alpha)
    return Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image).convert('RGB')


def _in_srgb(image: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """As RGB, in the colors that the profile says, if it can be used."""
    if image.mode not in ('RGB', 'L', 'CMYK', 'LAB'):
        image = image.convert('L' if image.mode == '1' else 'RGB')
    if profile:
        try:
            return to_srgb(image, profile)
        except ValueError as error:
            _remark(name, f'its color profile is left out: {error}')
    return lab_to_srgb(image) if image.mode == 'LAB' else image.convert('RGB')


def _remark(name: str, text: str) -> None:
    kind = ''.join(c for c in text if not c.isdigit())
    _remarks[kind] += 1
    if _remarks[kind] <= _REMARKS:
        last = ' (no more of these are logged)' if _remarks[kind] == _REMARKS else ''
        print_log(f'{name}: {text}{last}', logger='current', level=logging.WARNING)


def _from_skimage(name: str) -> Image.Image:
    import skimage.data

    pictures = [n for n in dir(skimage.data) if n in skimage.data.__all__]
    if name not in pictures:
        raise InputError(
            f'scikit-image has no picture {name!r}; it has, among others, astronaut, coffee, chelsea, rocket'
        )
    try:
        pixels = np.asarray(getattr(skimage.data, name)())
        return _to_rgb(Image.fromarray(pixels), f'{SKIMAGE}{name}')
    except Exception as error:  # some of skimage.data's names are no pictures, some are downloads
        raise InputError(f'{SKIMAGE}{name} cannot be loaded: {error}') from error
