"""Claim 8, which is not the paper's: shapes are better trained than stretched."""

from __future__ import annotations

from ..claim import Check, Finding, Models, claim
from ..faces import score_faces
from ..runs import Profile, Run, add_run

_CONFIG = 'positional_encoding_in_gans/mspie-stylegan2_quickstart_shapes.py'
_SHAPES = ((32, 64), (64, 32))
_ARMS = {'shapes': 'mspie shapes', 'squares': 'mspie'}

add_run('mspie shapes', cpu=Run(_CONFIG), gpu=Run(_CONFIG, {'train_cfg.max_iters': 50_000}))


@claim(
    8,
    'one generator that is trained at shapes draws them better than one that is trained at squares (not in the paper)',
    expected='at 1:2 and 2:1, SWD: shapes < squares; structure: shapes > squares',
    runs=_ARMS.values(),
)
def shapes_are_trained(models: Models, profile: Profile) -> Finding:
    """Distance of detail and structure at shapes, trained at shapes or at squares, with equal computation."""
    found = score_faces(models, dict.fromkeys(_SHAPES, _ARMS), profile.faces)
    checks = []
    for name, *scores in zip(found.names, *found.detail.values(), *found.layout.values()):
        shaped_swd, square_swd, shaped, square = scores
        checks += [
            Check.above(f'SWD at {name}', 'squares', square_swd, 'shapes', shaped_swd),
            Check.above(f'structure at {name}', 'shapes', shaped, 'squares', square),
        ]
    return Finding(found.rows(), checks, found.figure())
