"""Claim 3: zero padding in DCGAN and Progressive GAN, with equal cells in the head."""

from __future__ import annotations

from ..claim import Check, Finding, claim
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
def zeros_in_dcgan_and_pggan(models: dict, profile: Profile) -> Finding:
    """The structure and the distance of detail by padding."""
    real = real_faces(2 * profile.faces, _SIDE)
    real, others = real.chunk(2)
    mean = real.mean(0, keepdim=True)
    rows = [['generator', 'padding', 'structure', 'SWD']]
    rows.append(['real faces', '–', str(layout_score(others, mean)), str(detail_distance(others, real))])
    layout, detail, pictures, checks = {}, {}, [('real faces', real[:FACES_SHOWN])], []
    for family, title in _FAMILIES.items():
        images = {name: draw_faces(models[f'{family} {run}'], profile.faces, _SIDE) for name, run in PADDINGS.items()}
        layout[title] = [layout_score(drawn, mean) for drawn in images.values()]
        detail[title] = [detail_distance(drawn, real) for drawn in images.values()]
        rows += [[title, *map(str, row)] for row in zip(PADDINGS, layout[title], detail[title])]
        pictures += [(f'{title}, {name}', drawn[:FACES_SHOWN]) for name, drawn in images.items()]
        none = list(PADDINGS).index('none')
        checks += [
            Check.above(f'{title}, structure', 'zero padding', layout[title][0], 'none', layout[title][none]),
            Check.above(f'{title}, SWD', 'none', detail[title][none], 'zero padding', detail[title][0]),
        ]
    return Finding(rows, checks, draw_scores(layout, detail, list(PADDINGS), pictures))
