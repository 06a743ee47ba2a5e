"""Claim 8, which is not the paper's: shapes are better trained than stretched."""

from __future__ import annotations

from mmpe.numbers import size_text

from ..claim import Check, Finding, Measure, Models, claim
from ..faces import FACES_SHOWN, detail_distance, draw_faces, draw_scores, real_faces
from ..runs import Profile, Run, add_run
from ..scores import layout_score

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
    names = [size_text(shape) for shape in _SHAPES]
    detail, layout = {arm: [] for arm in _ARMS}, {arm: [] for arm in _ARMS}
    pictures, checks = [], []
    for shape, name in zip(_SHAPES, names):
        real = real_faces(profile.faces, shape)
        mean = real.mean(0, keepdim=True)
        pictures.append((f'real faces, {name}', real[:FACES_SHOWN]))
        for arm, run in _ARMS.items():
            images = [draw_faces(model, profile.faces, shape) for model in models[run]]
            detail[arm].append(Measure.over(detail_distance(drawn, real) for drawn in images))
            layout[arm].append(Measure.over(layout_score(drawn, mean) for drawn in images))
            pictures.append((f'{arm}, {name}', images[0][:FACES_SHOWN]))
        checks += [
            Check.above(f'SWD at {name}', 'squares', detail['squares'][-1], 'shapes', detail['shapes'][-1]),
            Check.above(f'structure at {name}', 'shapes', layout['shapes'][-1], 'squares', layout['squares'][-1]),
        ]
    rows = [['size', *(f'{score}: {arm}' for score in ('SWD', 'structure') for arm in _ARMS)]]
    rows += [list(map(str, row)) for row in zip(names, *detail.values(), *layout.values())]
    return Finding(rows, checks, draw_scores(layout, detail, names, pictures))
