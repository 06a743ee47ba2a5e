"""The claims of the paper's abstract, one by one."""

from __future__ import annotations

from .claim import Claim
from .faces import PADDINGS as FACE_PADDINGS
from .faces import one_generator_for_all_sizes, zeros_in_dcgan_and_pggan
from .pictures import (
    EDITABLE,
    PADDINGS,
    layout_comes_from_zeros,
    layout_survives_new_shapes,
    zeros_are_indispensable,
)
from .position import ENCODINGS, UNEVEN, encodings_behave_as_defined, zeros_are_unbalanced

CLAIMS = {
    claim.number: claim
    for claim in (
        Claim(
            1,
            "SinGAN's sense of layout comes from zero padding",
            'structure: zero > reflect, none',
            tuple(PADDINGS.values()),
            layout_comes_from_zeros,
        ),
        Claim(
            2,
            'zero padding is indispensable for good pictures',
            'SWD of patches: zero < reflect, none',
            tuple(PADDINGS.values()),
            zeros_are_indispensable,
        ),
        Claim(
            3,
            'the same holds in DCGAN and PGGAN',
            'structure: zero > none; SWD: zero < none',
            tuple(f'{family} {run}' for family in ('dcgan', 'pggan') for run in FACE_PADDINGS.values()),
            zeros_in_dcgan_and_pggan,
        ),
        Claim(
            4,
            "zero padding's spatial bias is unbalanced: exact at the border, vague in the middle",
            "slope of the probe's answer: middle < .5 border; balance under that of a Cartesian grid",
            tuple(UNEVEN.values()),
            zeros_are_unbalanced,
        ),
        Claim(
            5,
            'explicit encodings can take its place, each in its own way',
            'R² of the probe > .5; a larger image is stretched by CSG and a learned grid, extended by SPE',
            tuple(ENCODINGS.values()),
            encodings_behave_as_defined,
        ),
        Claim(
            6,
            'one generator with explicit encodings serves several sizes better than one a size at equal cost',
            'SWD at each size: MS-PIE < one a size',
            ('mspie', 'single 32', 'single 48', 'single 64'),
            one_generator_for_all_sizes,
        ),
        Claim(
            7,
            'explicit encodings make SinGAN editable: the layout is kept at new shapes',
            'structure at 2:1 and 1:2: CSG, with and without zeros > zero padding',
            tuple(EDITABLE.values()),
            layout_survives_new_shapes,
        ),
    )
}
