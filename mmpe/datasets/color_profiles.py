"""Colors converted to sRGB by a picture's ICC profile."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_SAME = 2  # of 255; makers' sRGB profiles differ by their rounding
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_MODES = {'RGB': 'RGB', 'GRAY': 'L', 'CMYK': 'CMYK', 'Lab': 'LAB'}


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert colors to sRGB (relative colorimetric, with black point compensation).

    Args:
        image: A picture of mode RGB, L, CMYK or LAB.
        profile: The bytes of an ICC profile.

    Returns:
        A picture of mode RGB. If the profile is that of sRGB, pixels stay the same to the bit.

    Raises:
        ValueError: If the profile cannot be read, or is for other colors.

    >>> profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    >>> to_srgb(Image.new('RGB', (1, 1), 'navy'), profile).getpixel((0, 0))
    (0, 0, 128)
    """
    space = _color_space(profile)
    image = _as_space(image, space)
    transform = _transform(profile, image.mode)
    return image.convert('RGB') if transform is None else ImageCms.applyTransform(image, transform)


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """A CIELAB picture (D50, as in TIFF) without a profile, as RGB.

    >>> lab_to_srgb(Image.new('LAB', (1, 1), (255, 128, 128))).mode
    'RGB'
    """
    return to_srgb(image, ImageCms.ImageCmsProfile(ImageCms.createProfile('LAB')).tobytes())


@lru_cache(maxsize=16)
def _color_space(profile: bytes) -> str:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip()
    except (OSError, ImageCms.PyCMSError) as error:
        raise ValueError('it cannot be read') from error


def _as_space(image: Image.Image, space: str) -> Image.Image:
    mode = _MODES.get(space)
    if image.mode == mode:
        return image
    if (image.mode, mode) == ('L', 'RGB'):
        return image.convert('RGB')
    if (image.mode, mode) == ('RGB', 'L') and len({band.tobytes() for band in image.split()}) == 1:
        return image.getchannel(0)
    raise ValueError(f'it is for {space} and the picture is {image.mode}')


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion to sRGB. None, if the profile changes nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile('sRGB')
        transform = ImageCms.buildTransform(source, target, mode, 'RGB', _INTENT, _FLAGS)
        return None if _changes_nothing(transform, mode) else transform
    except (OSError, ImageCms.PyCMSError) as error:
        raise ValueError('it cannot be used') from error


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode not in ('RGB', 'L'):
        return False
    levels = np.arange(0, 256, 15 if mode == 'RGB' else 1, dtype=np.uint8)
    lattice = np.stack(np.meshgrid(*[levels] * len(mode), indexing='ij'), -1).reshape(1, -1, len(mode))
    image = Image.fromarray(lattice if mode == 'RGB' else lattice[..., 0])
    converted = np.asarray(ImageCms.applyTransform(image, transform), dtype=int)
    return np.abs(converted - np.asarray(image.convert('RGB'), dtype=int)).max() <= _SAME
