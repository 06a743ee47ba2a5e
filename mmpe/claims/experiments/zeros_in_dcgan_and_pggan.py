"""Claim 3: zero padding in DCGAN and Progressive GAN, with equal cells in the head."""

from __future__ import annotations

from ..claim import Check, Finding, Measure, Models, claim
from ..faces import FACES_SHOWN, detail_distance, draw_faces, draw_scores, real_faces
from ..runs import Profile
from ..scores import layout_score

PADDINGS = {'zero': 'zero', 'reflect': 'reflect', 'none': 'none', 'none + CSG': 'csg nopad'}
_FAMILIES = dict(dcgan='DCGAN', pggan='PGGAN')
_SIDE = 32


@claim(
    3,
    'the same holds in DCGAN and PGGAN',
    expected='structure: zero > none; SWD: zero < none',
    runs=(f'{family} {run}' for family in _FAMILIES for run in PADDINGS.values()),
)
def zeros_in_dcgan_and_pggan(models: Models, profile: Profile) -> Finding:
    """The structure and the distance of detail by padding."""
    real = real_faces(2 * profile.faces, _SIDE)
    real, others = real.chunk(2)
    mean = real.mean(0, keepdim=True)
    rows = [['generator', 'padding', 'structure', 'SWD']]
    rows.append(['real faces', '–', str(layout_score(others, mean)), str(detail_distance(others, real))])
    layout, detail, pictures, checks = {}, {}, [('real faces', real[:FACES_SHOWN])], []
    for family, title in _FAMILIES.items():
        images = {
            name: [draw_faces(model, profile.faces, _SIDE) for model in models[f'{family} {run}']]
            for name, run in PADDINGS.items()
        }
        layout[title] = [Measure.over(layout_score(drawn, mean) for drawn in each) for each in images.values()]
        detail[title] = [Measure.over(detail_distance(drawn, real) for drawn in each) for each in images.values()]
        rows += [[title, *map(str, row)] for row in zip(PADDINGS, layout[title], detail[title])]
        pictures += [(f'{title}, {name}', each[0][:FACES_SHOWN]) for name, each in images.items()]
        none = list(PADDINGS).index('none')
        checks += [
            Check.above(f'{title}, structure', 'zero padding', layout[title][0], 'none', layout[title][none]),
            Check.above(f'{title}, SWD', 'none', detail[title][none], 'zero padding', detail[title][0]),
        ]
    return Finding(rows, checks, draw_scores(layout, detail, list(PADDINGS), pictures))
