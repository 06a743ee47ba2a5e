"""Claim 6: one generator with explicit encodings, compared with one generator per size at the same total cost."""

from __future__ import annotations

from ..claim import Check, Finding, Models, claim
from ..faces import score_faces
from ..runs import Profile


@claim(
    6,
    'one generator with explicit encodings serves several sizes better than one per size at equal cost',
    expected='SWD at each size: MS-PIE < one per size',
    runs=('mspie', 'single 32', 'single 48', 'single 64'),
)
def one_generator_for_all_sizes(models: Models, profile: Profile) -> Finding:
    """The distance of detail at each size, for one generator and for one generator per size."""
    arms = {(side, side): {'MS-PIE': 'mspie', 'one per size': f'single {side}'} for side in profile.sizes}
    found = score_faces(models, arms, profile.faces)
    checks = [
        Check.above(f'SWD at {name}', 'one per size', several, 'MS-PIE', one)
        for name, one, several in zip(found.names, *found.detail.values())
    ]
    return Finding(found.rows(), checks, found.figure())
