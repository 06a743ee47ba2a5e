"""Claim 6: one generator with explicit encodings, compared with one generator per size at the same total cost."""

from __future__ import annotations

from mmpe.numbers import size_text

from ..claim import Check, Finding, Measure, Models, claim
from ..faces import FACES_SHOWN, detail_distance, draw_faces, draw_scores, real_faces
from ..runs import Profile
from ..scores import layout_score


@claim(
    6,
    'one generator with explicit encodings serves several sizes better than one per size at equal cost',
    expected='SWD at each size: MS-PIE < one per size',
    runs=('mspie', 'single 32', 'single 48', 'single 64'),
)
def one_generator_for_all_sizes(models: Models, profile: Profile) -> Finding:
    """The distance of detail at each size, for one generator and for one generator per size."""
    names = [size_text((side, side)) for side in profile.sizes]
    detail, layout = {'MS-PIE': [], 'one per size': []}, {'MS-PIE': [], 'one per size': []}
    pictures, checks = [], []
    for side, name in zip(profile.sizes, names):
        real = real_faces(profile.faces, side)
        mean = real.mean(0, keepdim=True)
        for label, run in (('MS-PIE', 'mspie'), ('one per size', f'single {side}')):
            images = [draw_faces(model, profile.faces, side) for model in models[run]]
            detail[label].append(Measure.over(detail_distance(drawn, real) for drawn in images))
            layout[label].append(Measure.over(layout_score(drawn, mean) for drawn in images))
            pictures.append((f'{label}, {name}', images[0][:FACES_SHOWN]))
        checks.append(
            Check.above(f'SWD at {name}', 'one per size', detail['one per size'][-1], 'MS-PIE', detail['MS-PIE'][-1])
        )
    rows = [['size', 'SWD: MS-PIE', 'SWD: one per size', 'structure: MS-PIE', 'structure: one per size']]
    rows += [list(map(str, row)) for row in zip(names, *detail.values(), *layout.values())]
    return Finding(rows, checks, draw_scores(layout, detail, names, pictures))
