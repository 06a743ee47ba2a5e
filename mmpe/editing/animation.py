"""Animation: a random walk through the noise, around that of the reconstruction (SinGAN, sec. 4 and supplement)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from mmpe.errors import InputError
from mmpe.files import atomic
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANModel
from mmpe.numbers import check_real, check_whole
from mmpe.random_numbers import check_seed, random_generator
from mmpe.visualization import maker, to_picture, write_picture

FORMATS = ('.gif', '.webp', '.mp4')
_LEAST_FPS, _MOST_FPS = 0.01, 50  # GIF counts hundredths of a second in 16 bits


@dataclass
class Animation:
    """Images in a row.

    Attributes:
        frames (Tensor): (N, 3, H, W), about [-1, 1].
        fps (float): Frames a second.
    """

    frames: Tensor
    fps: float = 10.0
    psnr_outside = None  # nothing is kept

    def save(self, path: str | Path) -> list[Path]:
        """Write one file, as its name ends: ``.gif`` and ``.webp``, which start over at the end, or ``.mp4``.

        Returns:
            list[Path]: The file; its folder is made.

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
    """Refuse a file that an animation cannot be written to, by its name.

    Raises:
        InputError: As :meth:`Animation.save` does.
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


@torch.no_grad()
def animate(
    model: SinGANModel,
    num_frames: int = 60,
    alpha: float = 0.1,
    beta: float = 0.9,
    start_scale: int = 0,
    seed: int = 0,
    fps: float = 10.0,
) -> Animation:
    """Let the picture move: the noises walk at random, and are drawn back to those of the reconstruction.

    The first frame is the reconstruction. Frames of fewer are the first of those of more.

    Args:
        model (SinGANModel): Trained.
        num_frames (int): How many, at least 1.
        alpha (float): How much the walk is drawn back, from 0, not at all, to 1, nothing moves.
        beta (float): How smooth it is, from 0, each step is new, to 1, it would go on as before, and so never begin.
        start_scale (int): The first scale that moves: 0 moves the layout, higher ones the detail alone.
        seed (int): Of the walk, at least 0.
        fps (float): Frames a second, from 0.01 to 50, as browsers show GIF.

    Returns:
        Animation: The frames.

    Raises:
        InputError: If the start scale does not exist, a number is out of its range, or memory cannot hold the frames.
    """
    _check(model, num_frames, alpha, beta, start_scale, seed, fps)
    below = model.reconstruct(start_scale) if start_scale else None
    weights = model.noise_weights[start_scale:]
    walk = noise_walk(model, alpha, beta, start_scale, seed)
    frames = [
        model.generator(noises, weights, image=below, first_scale=start_scale)
        for noises in tqdm(islice(walk, num_frames), total=num_frames, unit='frame', leave=False, disable=None)
    ]
    return Animation(torch.cat(frames), fps)


def noise_walk(
    model: SinGANModel, alpha: float, beta: float, start_scale: int = 0, seed: int = 0
) -> Iterator[list[Tensor]]:
    """Noises, one a scale from ``start_scale`` on, for one frame after the other, without end.

    z(n + 1) = alpha z* + (1 - alpha) (z(n) + step), where step = beta (z(n) - z(n - 1)) + (1 - beta) u(n), u is drawn
    anew for each frame, and z(0) is z*, the reconstruction's noise (SinGAN, supplement).
    """
    fixed = model.fixed_noises()[start_scale:]
    sizes = model.scaled_sizes()[start_scale:]
    before, now = fixed, fixed
    for frame in count():
        yield now
        drawn = model.draw_noises(1, random_generator('animation', seed, frame), sizes, start_scale)
        steps = [beta * (z - last) + (1 - beta) * u for z, last, u in zip(now, before, drawn)]
        before, now = now, [alpha * star + (1 - alpha) * (z + step) for star, z, step in zip(fixed, now, steps)]


def _check(model, num_frames, alpha, beta, start_scale, seed, fps):
    model.check_start_scale(start_scale)
    check_whole(1, num_frames=num_frames)
    check_real(0, 1, alpha=alpha, beta=beta)
    check_real(_LEAST_FPS, _MOST_FPS, fps=fps)
    check_seed(seed)
    check_memory(model, model.scaled_sizes()[-1], num_frames)
