"""A row of images, and its file: GIF, WebP or MP4."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from mmpe.errors import InputError
from mmpe.files import atomic
from mmpe.visualization import maker, to_picture, write_picture

FORMATS = ('.gif', '.webp', '.mp4')
FPS = (0.01, 50)
"""The least and the most frames per second: GIF counts hundredths of a second in 16 bits."""


@dataclass
class Animation:
    """Images in a row.

    Attributes:
        frames: (N, 3, H, W), about [-1, 1].
        fps: Frames per second.

    >>> import torch
    >>> [file.name for file in Animation(torch.zeros(3, 3, 8, 12), fps=5).save('walk.gif')]
    ['walk.gif']
    """

    frames: Tensor
    fps: float = 10.0
    psnr_outside = None  # nothing is kept
    report = ''

    def save(self, path: str | Path) -> list[Path]:
        """Write one file: ``.gif`` and ``.webp``, which start over at the end, or ``.mp4``.

        Returns:
            The file; its folder is made.

        Raises:
            InputError: If the name ends otherwise, or MP4 cannot be written here.
        """
        path = Path(path)
        check_format(path)
        pictures = [to_picture(frame) for frame in self.frames]
        if path.suffix.lower() == '.mp4':
            with atomic(path) as part:
                _write_mp4(part, pictures, self.fps)
        else:
            first, *others = pictures
            quality = dict(quality=90) if path.suffix.lower() == '.webp' else {}
            moving = dict(save_all=True, append_images=others, duration=1000 / self.fps, loop=0)
            write_picture(first, path, **moving, **quality)
        return [path]


def check_format(path: str | Path) -> None:
    """Refuse the name of a file that an animation cannot be written to.

    Raises:
        InputError: As :meth:`Animation.save` does.

    >>> check_format('walk.gif')
    """
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise InputError(f'{path} is no name for an animation: it ends in one of {", ".join(FORMATS)}')
    if ending == '.mp4' and importlib.util.find_spec('imageio_ffmpeg') is None:
        raise InputError(f"writing {path} takes ffmpeg: pip install 'mmpe[video]', or choose .gif or .webp")


def _write_mp4(path: Path, pictures: list[Image.Image], fps: float) -> None:
    import imageio.v2 as imageio
    import imageio_ffmpeg

    height, width = np.asarray(pictures[0]).shape[:2]
    options = dict(fps=fps, quality=8, macro_block_size=1, output_params=['-metadata', f'comment={maker()}'])
    with imageio.get_writer(path, format='FFMPEG', **options) as writer:
        for picture in pictures:
            # players want even sides
            writer.append_data(np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge'))
    try:  # a full disk ends ffmpeg, and imageio does not say so
        written = imageio_ffmpeg.count_frames_and_secs(str(path))[0]
    except RuntimeError:
        written = 0
    if written != len(pictures):
        raise OSError('ffmpeg has not written all frames; the disk may be full')
