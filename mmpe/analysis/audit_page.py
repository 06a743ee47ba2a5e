"""All instruments applied to one generator: a page with figures, numbers and a verdict in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

from mmpe.errors import InputError
from mmpe.files import write_atomic
from mmpe.numbers import check_whole
from mmpe.progress import tracked
from mmpe.visualization import MADE_BY
from mmpe.visualization.page import render

from .ablation import border_ablation
from .bias import spatial_bias
from .figures import to_png
from .layers import choose_layers, features
from .padding import padding_names, swapped
from .position import position_probe
from .stationary import stationarity
from .subject import SampleInput, Subject
from .translation_by_padding import equivariance_by_padding
from .verdict import verdict

_ABOUT = dict(
    position_probe=(
        'Where am I?',
        'How well a small read-out predicts (x, y) from the features of one place, on noise that it has not seen. '
        'R² is 1 where it knows the place, and 0 where it guesses.',
    ),
    periodic_probe=(
        'Where am I, without a border?',
        'The same read-out on a copy with circular padding. What it still knows does not come from padding.',
    ),
    spatial_bias=(
        'What differs from the center?',
        'Reach: how far from the border the statistics over noise differ from those of the center (permutation test, '
        '5 % chance of a single false alarm in all layers). Balance: how well neighbours can be told apart in the '
        'center, compared with the border.',
    ),
    periodic_bias=('What differs, without a border?', 'The same statistics of a copy with circular padding.'),
    stationarity=(
        'Is it the same everywhere?',
        'Mean and covariance by location. Where a layer is affine in the input, they are compared with the closed '
        'form. The input is assumed to be i.i.d. noise.',
    ),
    equivariance=(
        'Does the picture move with its input?',
        'EQ-T of StyleGAN3, a peak signal-to-noise ratio for pictures in [-1, 1]. A higher value means that the '
        'picture depends less on the absolute position. Coordinates are shifted with the input. For a pyramid, the '
        'coarsest picture is measured.',
    ),
    equivariance_by_padding=(
        'Would it, with other padding?',
        'EQ-T of copies of the generator with the same weights and other padding.',
    ),
    border_ablation=(
        'What depends on the border?',
        'How the picture changes when a copy of the generator has other padding, by distance from the border.',
    ),
)


@dataclass
class Audit:
    """What :func:`audit` found.

    Attributes:
        title: The title of the page.
        verdict: The findings in words.
        layers: The layers that were analyzed. The verdict and the figures number them from 1.
        padding: The padding modes that the generator has.
        results: The results of the instruments that apply, by the names of the instruments. ``periodic_probe`` and
            ``periodic_bias`` are of a copy with circular padding.
        skipped: Why the other instruments do not apply, by their names.
    """

    title: str
    verdict: str
    layers: list[str]
    padding: list[str]
    results: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """The page as HTML, figures included."""
        return render(
            'audit.html',
            title=self.title,
            maker=f'{MADE_BY} audit',
            verdict=self.verdict,
            num_layers=len(self.layers),
            padding=self.padding,
            sections=[self._section(name) for name in _ABOUT],
        )

    def _section(self, name: str) -> dict:
        title, about = _ABOUT[name]
        section = dict(name=name, title=title, about=about)
        if name in self.skipped:
            return section | dict(skipped=self.skipped[name])
        result = self.results[name]
        header, *rows = result.table()
        if header[0] == 'layer':
            rows = [[f'{self.layers.index(layer) + 1} {layer}', *cells] for layer, *cells in rows]
        return section | dict(figure=to_png(result.figure()), header=header, rows=rows)


def audit(
    generator: nn.Module,
    sample_input: SampleInput,
    out: str | Path | None = None,
    layers: Sequence[str] | None = None,
    num: int = 128,
    batch: int = 8,
    seed: int = 0,
    title: str | None = None,
    max_layers: int = 12,
    translation: dict | None = None,
) -> Audit:
    """Run all instruments that apply to a generator, and write one page with what they found.

    Whether position comes from the padding is tested on a copy with circular padding, which has no border.

    Args:
        generator: Any module. It is not changed.
        sample_input: See :mod:`mmpe.analysis`.
        out: The HTML file to write. None: no file is written.
        layers: Names of layers. None: up to ``max_layers`` of the layers that give a map, evenly spaced.
        num: Number of draws, at least 16.
        batch: Draws at a time.
        seed: Seed of all random numbers.
        title: Title of the page. None: the name of the generator's class.
        max_layers: See ``layers``.
        translation: ``shift``, ``scale`` and ``sample_input`` of :func:`mmpe.analysis.equivariance`, for generators
            whose inputs are not shifted by shifting all maps among them.

    Raises:
        InputError: If no layer gives a map, a layer's name is wrong, or features are not finite.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> noise = lambda num, rng: torch.randn(num, 1, 12, 12, generator=rng)
    >>> found = audit(nn.Conv2d(1, 3, 3, padding=1), noise, 'audit.html', num=16)
    >>> found.layers, found.padding
    (['output'], ['zero'])
    """
    check_whole(16, num=num)
    check_whole(1, max_layers=max_layers)
    subject = Subject(generator, sample_input, seed, batch)
    names = choose_layers(subject, layers, max_layers)
    next(features(replace(subject, batch=2), names, 2))  # fails on what no instrument can take, before the long work
    common = dict(batch=batch, seed=seed)
    few = max(num // 8, 4)
    shifting = dict(sample_input=sample_input, **common, num=few) | (translation or {})
    periodic = _Periodic(generator)
    by_padding = cache(lambda: equivariance_by_padding(generator, **shifting))
    careful = dict(common, level=0.05 / len(names), permutations=max(199, 40 * len(names)))
    steps = dict(
        position_probe=lambda: position_probe(generator, sample_input, names, num, **common),
        periodic_probe=lambda: position_probe(periodic(), sample_input, names, num, **common),
        spatial_bias=lambda: spatial_bias(generator, sample_input, names, num, **careful),
        periodic_bias=lambda: spatial_bias(periodic(), sample_input, names, num, **careful),
        stationarity=lambda: stationarity(generator, sample_input, names, 4 * num, **common),
        equivariance=lambda: by_padding().own,
        equivariance_by_padding=by_padding,
        border_ablation=lambda: border_ablation(generator, sample_input, num=few, **common),
    )
    results, skipped = _run_steps(steps)
    own = padding_names(generator)
    words = verdict(results, names, own)
    found = Audit(title or type(generator).__name__, words, names, own, results, skipped)
    if out is not None:
        write_atomic(out, found.to_html())
    return found


class _Periodic:
    """Makes a copy of a generator with circular padding, when it is first needed."""

    def __init__(self, generator: nn.Module):
        self.generator, self.copy = generator, None

    def __call__(self) -> nn.Module:
        if self.copy is None:
            if not set(padding_names(self.generator)) - {'circular'}:
                raise InputError('the generator has no padding that shows a border')
            self.copy = swapped(self.generator, 'circular')
        return self.copy


def _run_steps(steps: dict[str, Callable]) -> tuple[dict, dict]:
    """The results of the steps, and the reasons why others do not apply to this generator."""
    results, skipped = {}, {}
    for name, step in tracked(steps.items(), 'audit'):
        try:
            results[name] = step()
        except (ValueError, TypeError) as error:
            skipped[name] = ' '.join(str(error).split()).rstrip('.')
    return results, skipped
