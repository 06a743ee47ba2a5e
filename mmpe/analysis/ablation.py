"""How the picture changes when the padding of a trained generator is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mmpe.errors import InputError
from mmpe.numbers import check_whole

from .figures import COLORS, MARKERS, draw_map, new_figure, plain_axes, short
from .padding import padding_names, with_each
from .rings import ring_means
from .subject import SampleInput, Subject


@dataclass
class ModeChange:
    """How one padding mode changes the picture.

    Attributes:
        by_distance: Root mean square change per ring, the outermost first, in standard deviations of the picture.
        plane: (H, W), root mean square change per location, in the same unit.
    """

    by_distance: np.ndarray
    plane: np.ndarray

    @property
    def border(self) -> float:
        """The change in the outermost ring."""
        return float(self.by_distance[0])

    @property
    def center(self) -> float:
        """The change in the innermost ring."""
        return float(self.by_distance[-1])

    @property
    def whole(self) -> float:
        """The change over the whole picture."""
        return float(np.sqrt(np.square(self.plane).mean()))


@dataclass
class BorderAblation:
    """What :func:`border_ablation` found.

    Attributes:
        modes: The changes, by padding mode.
        own: The padding modes that the generator itself has.
        refused: Why other modes could not be tried, by mode.
    """

    modes: dict[str, ModeChange]
    own: list[str]
    refused: dict[str, str]

    def table(self) -> list[list[str]]:
        """A header, and a row for each mode."""
        rows = [['padding', 'change at the border', 'in the center', 'over the picture']]
        rows += [[mode, *map(short, (c.border, c.center, c.whole))] for mode, c in self.modes.items()]
        return rows + [[mode, 'refused', reason, ''] for mode, reason in self.refused.items()]

    def figure(self):
        """The change by distance from the border for each mode, and the map of the largest change."""
        figure = new_figure(9, 3.8)
        profile, plane = figure.subplots(1, 2, width_ratios=(1.3, 1))
        for i, (mode, change) in enumerate(self.modes.items()):
            label = f'{mode} (as it is)' if self.own == [mode] else mode
            every = max(1, len(change.by_distance) // 12)
            profile.plot(change.by_distance, color=COLORS[i], marker=MARKERS[i], markevery=every, label=label)
        profile.set_ylim(bottom=min(0, profile.get_ylim()[0]))
        profile.legend(fontsize=8)
        title = f'Change where other padding replaces its own ({" and ".join(self.own) or "none"})'
        plain_axes(profile, title, 'distance from the border (pixels)', 'RMSE / standard deviation')
        mode, change = max(self.modes.items(), key=lambda item: item[1].whole)
        image = draw_map(plane, change.plane, f'Largest: {mode}', 0)
        figure.colorbar(image, ax=plane, shrink=0.85).set_label('RMSE / standard deviation', fontsize=8)
        return figure


def border_ablation(
    module: nn.Module,
    sample_input: SampleInput,
    modes: Sequence[str | dict] | None = None,
    num: int = 16,
    batch: int = 8,
    seed: int = 0,
) -> BorderAblation:
    """Replace the padding in a copy of a module, and compare the pictures of the same inputs.

    Args:
        module: Any module. It is not changed.
        sample_input: See :mod:`mmpe.analysis`.
        modes: Padding modes, as :func:`mmpe.models.padding.set_padding` takes them. None: all modes.
        num: Number of draws.
        batch: Draws at a time.
        seed: Seed of all random numbers.

    Returns:
        The change per mode. A mode that the module cannot have, such as a mirror image wider than its maps, is listed
        in ``refused`` with the reason.

    Raises:
        InputError: If no mode is possible. See :func:`mmpe.analysis.draw_features` for other errors.

    >>> _ = torch.manual_seed(0)
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
    >>> noise = lambda num, rng: torch.randn(num, 1, 12, 12, generator=rng)
    >>> found = border_ablation(net, noise, ['reflect'])
    >>> found.modes['reflect'].border > 0.1, found.modes['reflect'].center
    (True, 0.0)
    """
    check_whole(1, num=num)
    subject = Subject(module, sample_input, seed, batch)
    draws = list(subject.draws(num))
    pictures = [subject.run_map(inputs, first).cpu().double() for inputs, first in draws]
    values = torch.cat(pictures)
    std = float(values.std())

    def change(other: nn.Module) -> ModeChange:
        squares = sum(
            (subject.of(other).run_map(inputs, first).cpu().double() - picture).square().mean(1).sum(0)
            for (inputs, first), picture in zip(draws, pictures)
        )
        return _change((squares / num).numpy(), std)

    found, refused = with_each(module, modes, change, 'border ablation')
    if not found:
        raise InputError(f'no other padding is possible here: {"; ".join(f"{k}: {v}" for k, v in refused.items())}')
    return BorderAblation(found, padding_names(module), refused)


def _change(squares: np.ndarray, std: float) -> ModeChange:
    squares = squares / std**2 if std else np.where(squares > 0, np.inf, 0.0)
    return ModeChange(np.sqrt(ring_means(squares)), np.sqrt(squares))
