"""Train the network whose features compare drawn faces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.datasets import DrawnFaces
from mmpe.datasets.drawn_faces import ATTRIBUTES, face_attributes
from mmpe.evaluation.face_features import DAMAGES, SIDE, AttributeNetwork, as_input
from mmpe.evaluation.quantized import resized
from mmpe.files import check_writable, write_atomic
from mmpe.numbers import check_whole
from mmpe.progress import tracked

_FIRST = 1_000_000  # far from the faces that generators are trained on, and compared with
_BATCH, _HELD_OUT = 64, 512
_SIDES = (32, 40, 48, SIDE)  # as small as generators' images are


def train_face_features(out: str | Path, iterations: int = 600, seed: int = 0) -> dict[str, float]:
    """Train an :class:`~mmpe.evaluation.AttributeNetwork` on drawn faces of several sizes.

    Args:
        out: The file to write, of weights alone.
        iterations: Batches of 64 faces; the default takes about 90 CPU-seconds.
        seed: Of the initial weights and of the sizes.

    Returns:
        For each attribute the share of 512 other faces, half of them 32x32, for which the network tells it, 0 to 1.

    Raises:
        InputError: If a number is out of its range, or the file cannot be written.
    """
    check_whole(1, iterations=iterations)
    check_whole(0, seed=seed)
    check_writable(Path(out).parent)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = AttributeNetwork()
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=iterations)
        for pictures, truth in tracked(_batches(iterations), 'features', iterations):
            optimizer.zero_grad()
            _loss(network(pictures), truth).backward()
            optimizer.step()
            schedule.step()
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    write_atomic(Path(out), buffer.getvalue())
    return attribute_accuracy(network.eval())


@torch.no_grad()
def attribute_accuracy(network: AttributeNetwork) -> dict[str, float]:
    """For each attribute the share of 512 drawn faces that a network is right about, 0 to 1; no training sees them."""
    halves = [_faces(_FIRST - _HELD_OUT + start, _HELD_OUT // 2, side) for start, side in ((0, 32), (256, SIDE))]
    right = {name: [] for name in ATTRIBUTES}
    for pictures, truth in halves:
        scores = network(pictures)
        for name in ATTRIBUTES:
            right[name].append((scores[name].argmax(1) == truth[name]).float().mean())
    return {name: float(torch.stack(shares).mean()) for name, shares in right.items()}


def _batches(num: int) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    for i in range(num):
        side = _SIDES[torch.randint(len(_SIDES), ())]
        pictures, truth = _faces(_FIRST + i * _BATCH, _BATCH, side)
        pictures, damage = _damaged(pictures.flip(-1) if i % 2 else pictures)
        yield pictures, dict(truth, damage=damage)


def _damaged(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Every second picture in one of the ways of :data:`DAMAGES`, and which way, as numbers (N,)."""
    damage = torch.arange(len(pictures)) // 2 % (len(DAMAGES) - 1) + 1
    damage[::2] = 0
    blurred = F.avg_pool2d(pictures, 5, stride=1, padding=2, count_include_pad=False)
    speckled = pictures + 0.3 * torch.randn_like(pictures)
    cells = F.interpolate(torch.rand(len(pictures), 1, 8, 8), (SIDE, SIDE)) < 0.5
    mixed = pictures.where(cells, pictures.roll(2, 0))
    ways = torch.stack((pictures, blurred, speckled.clamp(-1, 1), mixed))
    return ways[damage, torch.arange(len(pictures))], damage


def _faces(first: int, num: int, side: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Faces as the network sees those of a size, and their attributes."""
    numbers = range(first, first + num)
    data = DrawnFaces(first + num, SIDE)
    pictures = torch.stack([data[number]['inputs'] for number in numbers])
    attributes = [face_attributes(number) for number in numbers]
    truth = {name: torch.tensor([face[name] for face in attributes]) for name in ATTRIBUTES}
    return as_input(resized(pictures, (side, side))), truth


def _loss(scores: dict[str, Tensor], truth: dict[str, Tensor]) -> Tensor:
    return torch.stack([F.cross_entropy(scores[name], truth[name]) for name in scores]).sum()
