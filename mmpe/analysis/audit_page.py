"""All instruments on one generator, as a page that says in words what they found."""

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
        'How well a small read-out predicts (x, y) from the features of one place, on noise that it has not seen: '
        'R² is 1 where it knows, 0 where it guesses.',
    ),
    periodic_probe=(
        'Where am I, without a border?',
        'The same, all padding replaced by the opposite side: what is still known does not come from padding.',
    ),
    spatial_bias=(
        'What differs from the center?',
        'How far from the border the statistics over noise differ from those of the center (permutation test, 5 % '
        'chance of a single false alarm in all layers), and how well neighbours are told apart in the center, compared '
        'with the border (balance).',
    ),
    periodic_bias=('What differs, without a border?', 'The same, all padding replaced by the opposite side.'),
    stationarity=(
        'Is it the same everywhere?',
        'Mean and covariance by location, against the closed form where a layer is affine in the input. The input is '
        'taken to be i.i.d. noise.',
    ),
    equivariance=(
        'Does the picture move with its input?',
        'EQ-T of StyleGAN3, a peak signal-to-noise ratio for pictures in [-1, 1]: the higher, the less it is tied to '
        'the place. Coordinates are shifted along; of a pyramid it is the coarsest picture.',
    ),
    equivariance_by_padding=(
        'Would it, with another padding?',
        'EQ-T of copies of the generator that have another padding in place of their own, and no other weights.',
    ),
    border_ablation=(
        'What hangs on the border?',
        'Other padding in a copy of the generator: what changes in the picture, by distance from the border.',
    ),
)


@dataclass
class Audit:
    """What :func:`audit` found.

    Attributes:
        title: Of what.
        verdict: In words.
        layers: Those that were looked at; verdict and figures number them from 1.
        padding: Modes of padding that the generator has.
        results: What each instrument found that applies, by its name; ``periodic_probe`` and
            ``periodic_bias`` are of a copy whose padding is circular.
        skipped: Why the others do not apply.
    """

    title: str
    verdict: str
    layers: list[str]
    padding: list[str]
    results: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """One page, figures included."""
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
    """Run all instruments that apply to a generator, say what they found, and write it as one page.

    Where position comes from is settled by experiment: the same is measured on a copy whose padding is circular, which
    has no border.

    Args:
        generator: Any; it is left alone.
        sample_input: See :mod:`mmpe.analysis`.
        out: The page, HTML; None: none is written.
        layers: Names; None: up to ``max_layers`` of those that give a map, evenly spaced.
        num: Number of draws, at least 16.
        batch: Draws at a time.
        seed: Of everything random.
        title: Of the page; None: the name of the generator's class.
        max_layers: See ``layers``.
        translation: ``shift``, ``scale`` and ``sample_input`` of :func:`mmpe.analysis.equivariance`,
            where shifting all maps among the inputs is not right.

    Returns:
        With a verdict in words.

    Raises:
        InputError: If there is nothing to look at, a name is wrong, or features are not finite.

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
    next(features(replace(subject, batch=2), names, 2))  # what is wrong with all is said before the work
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
    """Makes a copy without a border, once it is asked for.

    Args:
        generator: Of which.
    """

    def __init__(self, generator: nn.Module):
        self.generator, self.copy = generator, None

    def __call__(self) -> nn.Module:
        if self.copy is None:
            if not set(padding_names(self.generator)) - {'circular'}:
                raise InputError('the generator has no padding that shows a border')
            self.copy = swapped(self.generator, 'circular')
        return self.copy


def _run_steps(steps: dict[str, Callable]) -> tuple[dict, dict]:
    """What each step gives, and for those that cannot be taken with this generator why."""
    results, skipped = {}, {}
    for name, step in tracked(steps.items(), 'audit'):
        try:
            results[name] = step()
        except (ValueError, TypeError) as error:
            skipped[name] = ' '.join(str(error).split()).rstrip('.')
    return results, skipped
