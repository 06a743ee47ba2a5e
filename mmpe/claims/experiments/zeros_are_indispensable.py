"""Claim 2: the texture of a SinGAN's images needs zero padding."""

from __future__ import annotations

from ..claim import Check, Finding, Models, claim
from ..photographs import PADDINGS, score_by_padding
from ..runs import Profile
from ..scores import texture_distance


@claim(
    2,
    'zero padding is indispensable for good pictures',
    expected='SWD of patches: zero < reflect, none',
    runs=PADDINGS.values(),
)
def zeros_are_indispensable(models: Models, profile: Profile) -> Finding:
    """The distance of texture by padding, without any encoding."""
    scores, figure = score_by_padding(
        models, profile, texture_distance, 'SWD of 7x7 patches', 'Distance of patches, by padding'
    )
    zero, *others = scores
    checks = [Check.above('SWD 7x7', other, scores[other], 'zero padding', scores[zero]) for other in others]
    return Finding([['padding', 'SWD 7x7'], *([name, str(score)] for name, score in scores.items())], checks, figure)
