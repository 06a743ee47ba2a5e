"""Claim 1: the layout of a SinGAN comes from zero padding."""

from __future__ import annotations

from ..claim import Check, Finding, Models, claim
from ..photographs import PADDINGS, score_by_padding
from ..runs import Profile
from ..scores import layout_score


@claim(
    1,
    "SinGAN's sense of layout comes from zero padding",
    expected='structure: zero > reflect, none',
    runs=PADDINGS.values(),
)
def layout_comes_from_zeros(models: Models, profile: Profile) -> Finding:
    """Structure by padding, without any encoding."""
    scores, figure = score_by_padding(models, profile, layout_score, 'structure', 'Layout kept, by padding')
    zero, *others = scores
    checks = [Check.above('structure', 'zero padding', scores[zero], other, scores[other]) for other in others]
    return Finding([['padding', 'structure'], *([name, str(score)] for name, score in scores.items())], checks, figure)
