"""How long each scale of a pyramid is trained, and which of its iterations an iteration of the run is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmpe.errors import InputError
from mmpe.numbers import MOST_WHOLE, check_numbers, check_whole, is_real, is_whole, shown

IterationsPerScale = int | Sequence[int]


def check_iterations(iters_per_scale: IterationsPerScale) -> None:
    """Refuse what is neither a number of iterations nor a list of them.

    Raises:
        InputError: If a number is not whole or below 1, or the list is empty.

    >>> check_iterations([400, 200])
    >>> check_iterations([400, 0])
    Traceback (most recent call last):
    mmpe.errors.InputError: iters_per_scale[1]=0 cannot work: it must be at least 1
    """
    if not isinstance(iters_per_scale, Sequence) or isinstance(iters_per_scale, (str, bytes)):
        check_whole(1, iters_per_scale=iters_per_scale)
        return
    check_numbers(check_whole, iters_per_scale=iters_per_scale)
    if not iters_per_scale:
        raise InputError(
            f'iters_per_scale={iters_per_scale!r} cannot work: give one number for all scales, or a list that begins '
            'with the coarsest scale, whose last number counts for all further scales'
        )


def iterations_of(iters_per_scale: IterationsPerScale, scale: int) -> int:
    """The iterations of a scale, counted from 0 at the coarsest. The last number of a list counts for all further ones.

    >>> [iterations_of([400, 200, 100], scale) for scale in range(5)]
    [400, 200, 100, 100, 100]
    >>> iterations_of(2000, scale=3)
    2000
    """
    listed = _listed(iters_per_scale)
    return listed[min(scale, len(listed) - 1)]


def first_iteration(iters_per_scale: IterationsPerScale, scale: int) -> int:
    """The iteration of the run at which a scale begins, or for the number of scales, how many iterations the run has.

    >>> [first_iteration([400, 200, 100], scale) for scale in range(5)]
    [0, 400, 600, 700, 800]
    """
    listed = _listed(iters_per_scale)
    below = listed[:scale]
    return sum(below) + (scale - len(below)) * listed[-1]


def place_of(iters_per_scale: IterationsPerScale, iteration: int) -> tuple[int, int]:
    """The scale that an iteration of the run belongs to, and which of its iterations it is, both counted from 0.

    >>> place_of([400, 200, 100], 399), place_of([400, 200, 100], 400), place_of([400, 200, 100], 750)
    ((0, 399), (1, 0), (3, 50))
    """
    *listed, last = _listed(iters_per_scale)
    for scale, iterations in enumerate(listed):
        if iteration < iterations:
            return scale, iteration
        iteration -= iterations
    further, step = divmod(iteration, last)
    return len(listed) + further, step


def _listed(iters_per_scale: IterationsPerScale) -> Sequence[int]:
    return iters_per_scale if isinstance(iters_per_scale, Sequence) else (iters_per_scale,)


def check_milestones(lr_milestones: Sequence[float]) -> None:
    """Refuse milestones that are neither iterations of a scale nor shares of its iterations.

    Raises:
        InputError: If one is neither a whole number, at least 0, nor a fraction from 0 to 1.

    >>> check_milestones([1600]), check_milestones([0.8])
    (None, None)
    >>> check_milestones([1.5])
    Traceback (most recent call last):
    mmpe.errors.InputError: lr_milestones[0]=1.5 cannot work: give an iteration, at least 0, or a share from 0.0 to 1.0
    """
    check_numbers(_check_milestone, lr_milestones=lr_milestones)


def _check_milestone(**milestones: Any) -> None:
    for name, milestone in milestones.items():
        if not (is_whole(milestone, 0, MOST_WHOLE) or (is_real(milestone, 0, 1) and not is_whole(milestone))):
            raise InputError(
                f'{name}={shown(milestone)} cannot work: give an iteration, at least 0, or a share from 0.0 to 1.0'
            )


def milestone_iteration(milestone: float, iterations: int) -> int:
    """The iteration of a scale at which a milestone lies: the milestone if it is whole, or else that share of them.

    >>> milestone_iteration(1600, iterations=2000), milestone_iteration(0.8, iterations=400)
    (1600, 320)
    """
    return milestone if is_whole(milestone) else round(milestone * iterations)


def longer(model: Mapping[str, Any], times: int) -> dict[str, Any]:
    """The schedule of a SinGAN's config with as many times the iterations in each scale.

    >>> longer(dict(iters_per_scale=[400, 200], lr_milestones=[0.8]), times=2)
    {'iters_per_scale': [800, 400], 'lr_milestones': [0.8]}
    >>> longer(dict(iters_per_scale=2000, lr_milestones=[1600]), times=2)
    {'iters_per_scale': 4000, 'lr_milestones': [3200]}
    """
    iterations, milestones = model['iters_per_scale'], model.get('lr_milestones', ())
    return dict(
        iters_per_scale=[i * times for i in iterations] if isinstance(iterations, Sequence) else iterations * times,
        lr_milestones=[m * times if is_whole(m) else m for m in milestones],
    )


def describe_unused(iters_per_scale: IterationsPerScale, lr_milestones: Sequence[float], num_scales: int) -> list[str]:
    """Sentences about those numbers of a schedule that have no effect on a pyramid of so many scales.

    >>> describe_unused([400, 200, 100], [0.8], num_scales=2)
    ['iters_per_scale has 3 numbers, and the pyramid has 2 scales: the numbers after the first 2 are not used']
    >>> describe_unused(500, [1600], num_scales=2)
    ['lr_milestones: 1600 is never reached, as no scale has more iterations']
    """
    said = []
    if isinstance(iters_per_scale, Sequence) and len(iters_per_scale) > num_scales:
        said.append(
            f'iters_per_scale has {len(iters_per_scale)} numbers, and the pyramid has {num_scales} scales: the numbers '
            f'after the first {num_scales} are not used'
        )
    most = max(_listed(iters_per_scale)[:num_scales])
    said += [
        f'lr_milestones: {milestone} is never reached, as no scale has more iterations'
        for milestone in lr_milestones
        if milestone_iteration(milestone, most) >= most
    ]
    return said
