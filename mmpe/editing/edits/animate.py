"""Let the picture move: a random walk through the noise around that of the reconstruction (SinGAN, sec. 4)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Annotated

import torch
from torch import Tensor

from mmpe.arguments import Count, Seed, real
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import check_real, check_whole
from mmpe.progress import tracked
from mmpe.random_numbers import check_seed, random_generator

from ..animation import FPS, Animation
from ..tasks import Scale, task


@torch.no_grad()
def animate(
    model: SinGANSampler,
    num_frames: int = 60,
    alpha: float = 0.1,
    beta: float = 0.9,
    start_scale: int = 0,
    seed: int = 0,
    fps: float = 10.0,
) -> Animation:
    """Let the picture move: the noises walk at random, and are drawn back to those of the reconstruction.

    The first frame is the reconstruction. A shorter walk is the beginning of a longer one.

    Args:
        model: Trained.
        num_frames: At least 1.
        alpha: How much the walk is drawn back, from 0 (not at all) to 1 (nothing moves).
        beta: How smooth the walk is, from 0 (each step is new) to 1 (it would go on as before, and so never begin).
        start_scale: The first scale that moves: 0 moves the layout, higher ones move the detail alone.
        seed: Of the walk, at least 0.
        fps: Frames per second, from 0.01 to 50, as browsers show GIF.

    Raises:
        InputError: If the start scale does not exist, a number is out of its range, or memory cannot hold the frames.

    >>> from mmpe.editing.example import example_singan
    >>> animate(example_singan(), num_frames=3).frames.shape
    torch.Size([3, 3, 24, 32])
    """
    _check(model, num_frames, alpha, beta, start_scale, seed, fps)
    below = model.reconstruct(start_scale) if start_scale else None
    weights = model.noise_weights[start_scale:]
    walk = noise_walk(model, alpha, beta, start_scale, seed)
    frames = [
        model.generator(noises, weights, image=below, first_scale=start_scale)
        for noises in tracked(islice(walk, num_frames), 'frame', num_frames)
    ]
    return Animation(torch.cat(frames), fps)


def noise_walk(
    model: SinGANSampler, alpha: float, beta: float, start_scale: int = 0, seed: int = 0
) -> Iterator[list[Tensor]]:
    """The noise maps of one frame after the other, without end; per frame one map per scale from ``start_scale`` on.

    z(n + 1) = alpha z* + (1 - alpha) (z(n) + step), where step = beta (z(n) - z(n - 1)) + (1 - beta) u(n), u is drawn
    anew for each frame, and z(0) is z*, the reconstruction's noise (SinGAN, supplement).

    >>> from mmpe.editing.example import example_singan
    >>> [tuple(z.shape) for z in next(noise_walk(example_singan(), alpha=0.1, beta=0.9, start_scale=1))]
    [(1, 3, 17, 23), (1, 3, 24, 32)]
    """
    fixed = model.fixed_noises()[start_scale:]
    sizes = model.scaled_sizes()[start_scale:]
    before, now = fixed, fixed
    for frame in count():
        yield now
        drawn = model.draw_noises(1, random_generator('animation', seed, frame), sizes, start_scale)
        steps = [beta * (z - last) + (1 - beta) * u for z, last, u in zip(now, before, drawn)]
        before, now = now, [alpha * star + (1 - alpha) * (z + step) for star, z, step in zip(fixed, now, steps)]


def _check(
    model: SinGANSampler, num_frames: int, alpha: float, beta: float, start_scale: int, seed: int, fps: float
) -> None:
    model.check_start_scale(start_scale)
    check_whole(1, num_frames=num_frames)
    check_real(0, 1, alpha=alpha, beta=beta)
    check_real(*FPS, fps=fps)
    check_seed(seed)
    check_memory(model, model.scaled_sizes()[-1], num_frames)


@task('animate', '--out walk.gif --alpha 0.1 --beta 0.9', file='walk.gif')
def animate_task(
    model: SinGANSampler,
    *,
    frames: Count = 60,
    fps: Annotated[float, real(0)] = 10.0,
    alpha: Annotated[float, real(0, 1)] = 0.1,
    beta: Annotated[float, real(0, 1)] = 0.9,
    start_scale: Scale = 0,
    seed: Seed = 0,
) -> Animation:
    """Let the picture move: a random walk around it. Writes one file, .gif, .webp or .mp4.

    Args:
        frames: how many; the first is the picture
        fps: frames per second, 0.01 to 50
        alpha: 0 to 1: how much frames are drawn back to the picture
        beta: 0 to 1: how smooth and slow the motion is
        start_scale: first scale that moves: 0 moves the layout, higher ones detail alone
        seed: the same seed gives the same motion
    """
    return animate(model, frames, alpha, beta, start_scale, seed, fps)
