"""Features of drawn faces from a small network that comes with mmpe, as Inception has to be downloaded."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from mmpe.datasets.drawn_faces import ATTRIBUTES
from mmpe.errors import InputError
from mmpe.registry import MODELS

from .quantized import resized

SIDE = 64
"""Side of the pictures that the network sees, in pixels."""

DAMAGES = ('none', 'blurred', 'speckled', 'mixed')
"""Damages that the network learns to recognize, so that its features also react to what no drawn face looks like."""

_NUM_FEATURES = 64
_SHIPPED = Path(__file__).with_suffix('.pth')


class AttributeNetwork(nn.Module):
    """Recognize the attributes of drawn faces and their damage by linear classifiers of 64 features.

    Attributes:
        features: A module that maps pictures (N, 3, 64, 64) in [-1, 1] to features (N, 64).

    >>> AttributeNetwork()(torch.zeros(2, 3, 64, 64))['glasses'].shape
    torch.Size([2, 2])
    """

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            *_conv(3, 16, stride=1),
            nn.MaxPool2d(2),  # details of eyes and mouths are one or two pixels large, which an average would lose
            *_conv(16, 24, stride=2),
            *_conv(24, 32, stride=2),
            *_conv(32, 32, stride=1),
            nn.AvgPool2d(2),
            # not pooled further, as attributes are recognized by their places
            nn.Flatten(),
            nn.Linear(32 * (SIDE // 16) ** 2, _NUM_FEATURES),
        )
        values = dict(ATTRIBUTES, damage=len(DAMAGES))
        self.heads = nn.ModuleDict({name: nn.Linear(_NUM_FEATURES, num) for name, num in values.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Scores (N, values) for each attribute, and for the damage, of pictures (N, 3, 64, 64) in [-1, 1]."""
        features = self.features(pictures).relu()
        return {name: head(features) for name, head in self.heads.items()}


def _conv(in_channels: int, out_channels: int, stride: int) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
    return conv, nn.BatchNorm2d(out_channels), nn.ReLU()


@MODELS.register_module()
class FaceFeatures(nn.Module):
    """Features of :class:`AttributeNetwork`, for :class:`~mmpe.evaluation.FeatureMetrics` of drawn faces.

    Distances of these features compare models of drawn faces with each other. They say nothing about other pictures,
    and are not on the scale of Inception's. Eye color, of one or two pixels, hardly shows in them.

    Args:
        path: The file of weights, written by ``mmpe features``. None: the weights that come with mmpe.

    Raises:
        InputError: If the file cannot be read, or holds something else.

    >>> FaceFeatures()(torch.zeros(2, 3, 32, 48, dtype=torch.uint8)).shape
    torch.Size([2, 64])
    """

    def __init__(self, path: str | Path | None = None):
        super().__init__()
        network = AttributeNetwork()
        network.load_state_dict(_weights(Path(path or _SHIPPED), network))
        self.features = network.features.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """Features (N, 64) of uint8 pictures (N, 3, H, W) of any size, RGB in 0 ... 255."""
        return self.features(as_input(pictures))


def as_input(pictures: Tensor) -> Tensor:
    """Convert uint8 pictures (N, 3, H, W) to the network's input, (N, 3, 64, 64) in [-1, 1].

    >>> as_input(torch.full((1, 3, 32, 48), 255, dtype=torch.uint8)).unique()
    tensor([1.])
    """
    return resized(pictures, (SIDE, SIDE)).float().div(127.5).sub(1)


def _weights(path: Path, network: nn.Module) -> dict[str, Tensor]:
    advice = 'make it with: mmpe features FILE'
    if not path.is_file():
        raise InputError(f'there are no features of drawn faces at {path}: {advice}')
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except (RuntimeError, OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f'{path} cannot be read as features of drawn faces: {advice}') from error
    if not isinstance(state, dict) or _shapes(state) != _shapes(network.state_dict()):
        raise InputError(f'{path} does not hold features of drawn faces: {advice}')
    return state


def _shapes(state: dict) -> dict:
    return {name: value.shape if isinstance(value, Tensor) else None for name, value in state.items()}
