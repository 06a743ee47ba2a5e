"""EQ-T by padding: how translation equivariance depends on the padding mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from mmpe.models.padding import modes as padding_modes

from .figures import COLORS, draw_decibels, new_figure, plain_axes, short
from .padding import padding_names, with_each
from .subject import SampleInput
from .translation import Equivariance, equivariance


@dataclass
class EquivarianceByPadding:
    """What :func:`equivariance_by_padding` found.

    Attributes:
        modes: The results by padding mode. The generator as it is comes first.
        refused: Why other modes are not possible, by mode.
    """

    modes: dict[str, Equivariance]
    refused: dict[str, str]

    @property
    def own(self) -> Equivariance:
        """The result for the generator as it is."""
        return next(iter(self.modes.values()))

    def table(self) -> list[list[str]]:
        """A header, and a row for each mode."""
        rows = [['padding', 'EQ-T (dB)', 'RMSE / standard deviation']]
        rows += [[mode, short(found.eq_t, 1), short(found.relative_error)] for mode, found in self.modes.items()]
        return rows + [[mode, 'refused', reason] for mode, reason in self.refused.items()]

    def figure(self):
        """EQ-T per mode. A bar that is cut off stands for infinity."""
        figure = new_figure(7, 3.8)
        axes = figure.subplots()
        values = [found.eq_t for found in self.modes.values()]
        draw_decibels(axes, values, [COLORS[0], *[COLORS[4]] * (len(values) - 1)], list(self.modes))
        plain_axes(axes, 'Translation equivariance by padding', 'padding', 'EQ-T (dB)')
        return figure


def equivariance_by_padding(
    module: nn.Module, sample_input: SampleInput, modes: Sequence[str | dict] | None = None, **options
) -> EquivarianceByPadding:
    """EQ-T of a generator, and of copies of it with other padding.

    Args:
        module: Any module. It is not changed.
        sample_input: See :mod:`mmpe.analysis`.
        modes: Padding modes, as :func:`mmpe.models.padding.set_padding` takes them. None: all modes.
        **options: See :func:`mmpe.analysis.equivariance`.

    Returns:
        The result per mode. Modes that the module cannot have are listed in ``refused`` with the reason.

    Raises:
        InputError: See :func:`mmpe.analysis.equivariance`; for the module as it is.

    >>> import torch
    >>> noise = lambda num, rng: torch.randn(num, 1, 16, 16, generator=rng)
    >>> found = equivariance_by_padding(nn.Conv2d(1, 3, 3, padding=1), noise, ['circular'])
    >>> list(found.modes), found.modes['circular'].eq_t
    (['zero (as it is)', 'circular'], inf)
    """
    own = padding_names(module)
    as_it_is = {f'{" and ".join(own) or "none"} (as it is)': equivariance(module, sample_input, **options)}
    if modes is None:
        modes = [mode for mode in padding_modes() if own and mode != 'none' and [mode] != own]
    found, refused = with_each(
        module, modes, lambda other: equivariance(other, sample_input, **options), 'equivariance by padding'
    )
    return EquivarianceByPadding(as_it_is | found, refused)
