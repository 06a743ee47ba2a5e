"""A verdict in words, from the numbers of the instruments."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .ablation import BorderAblation
from .bias import SpatialBias
from .figures import short
from .position import PositionProbe

_KNOWS = 0.05  # R^2 above which a layer is said to know positions
_MOST = 0.8


def verdict(results: dict, layers: Sequence[str], padding: Sequence[str]) -> str:
    """One line on what a generator knows about position.

    Args:
        results: See :attr:`mmpe.analysis.Audit.results`. Missing results are left out of the verdict.
        layers: All analyzed layers, which the verdict numbers from 1.
        padding: The padding modes that the generator has.

    Returns:
        Such as "Reads absolute position from zero padding: R² .62 at layer 3 (body.1), .01 with circular padding
        in its place; reaches the center from layer 4 (body.2) on; balance .31."
    """
    parts = []
    if 'position_probe' in results:
        parts.append(_position(results['position_probe'], results.get('periodic_probe'), layers, padding))
    if 'spatial_bias' in results:
        parts += _bias(results['spatial_bias'], layers)
    if 'equivariance' in results:
        parts.append(f'EQ-T {short(results["equivariance"].eq_t, 1)} dB')
    if 'border_ablation' in results:
        parts += _ablation(results['border_ablation'])
    return '; '.join(parts) + '.' if parts else 'No instrument applies.'


def _position(
    probe: PositionProbe, periodic: PositionProbe | None, layers: Sequence[str], padding: Sequence[str]
) -> str:
    best = max(probe.layers, key=lambda found: found.best.r2)
    if probe.r2 < _KNOWS:
        return f'Shows no sense of absolute position: R² is at most {short(max(probe.r2, 0.0))} in any layer'
    where = f'R² {short(probe.r2)} at {_numbered(best.layer, layers)}'
    own = [mode for mode in padding if mode != 'circular']
    if not own:
        return f'Knows absolute position, and not from a layer that pads: {where}'
    if periodic is None:
        return f'Knows absolute position: {where}; whether from its padding could not be tested'
    left = next(found for found in periodic.layers if found.layer == best.layer).best.r2
    compared = f'{where}, {short(left)} with circular padding in its place'
    names = f'{" and ".join(own)} padding'
    if left < max(_KNOWS, (1 - _MOST) * probe.r2):
        return f'Reads absolute position from {names}: {compared}'
    if left > _MOST * probe.r2:
        return f'Knows absolute position without the help of its {names}: {compared}'
    return f'Reads absolute position from {names} and from elsewhere: {compared}'


def _bias(bias: SpatialBias, layers: Sequence[str]) -> list[str]:
    if not any(found.reach for found in bias.layers):
        return ['its statistics are the same at every location']
    reaching = [found.reaches_center for found in bias.layers]
    if reaching[-1]:
        first = len(reaching) - next((i for i, r in enumerate(reversed(reaching)) if not r), len(reaching))
        parts = [f'reaches the center from {_numbered(bias.layers[first].layer, layers)} on']
    else:
        deepest = max(bias.layers, key=lambda found: found.reach / max(found.center, 1))
        where = _numbered(deepest.layer, layers)
        cells = f'{deepest.reach} of {deepest.center} cells towards the center'
        parts = [f'reaches the center at {where} only' if deepest.reaches_center else f'reaches {cells} at {where}']
    balances = [found.balance for found in bias.layers if not math.isnan(found.balance)]
    return [*parts, f'balance {short(balances[-1])}'] if balances else parts


def _ablation(ablation: BorderAblation) -> list[str]:
    others = {mode: change for mode, change in ablation.modes.items() if mode not in ablation.own}
    if not others or not ablation.own:
        return []
    mode = 'reflect' if 'reflect' in others else next(iter(others))
    change = others[mode]
    return [
        f'{mode} padding changes the picture by {short(change.border)} standard deviations at the border and '
        f'{short(change.center)} in the center'
    ]


def _numbered(layer: str, layers: Sequence[str]) -> str:
    return f'layer {layers.index(layer) + 1} ({layer})'
