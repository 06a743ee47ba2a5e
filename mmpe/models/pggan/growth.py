"""The schedule by which a Progressive GAN grows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

from mmpe.errors import InputError
from mmpe.numbers import check_above, check_real, shown

from ..doubling_generator import num_halvings


class Growth:
    """Which side is trained after how many real images, and how far its newest layers have faded in.

    From Karras et al., "Progressive Growing of GANs", ICLR 2018, section 2 and appendix A.

    Args:
        kimgs_per_scale: Side to thousands of images; each side is twice the next smaller one. In any
            order: MMEngine writes dictionaries sorted as text, 128 before 16.
        transition_kimgs: Thousands of images, from the start of a side on, in which its layers fade in.

    Attributes:
        scales: The sides.

    Raises:
        InputError: If the sides are not such, or a number of images is not above 0.

    >>> growth = Growth({4: 1, 8: 2}, transition_kimgs=0.5)
    >>> [(growth.scale(images), growth.transition_weight(images)) for images in (0, 1000, 1250, 1500)]
    [(4, 1.0), (8, 0.0), (8, 0.5), (8, 1.0)]
    """

    def __init__(self, kimgs_per_scale: Mapping, transition_kimgs: float = 600):
        if not isinstance(kimgs_per_scale, Mapping) or not kimgs_per_scale:
            raise InputError(
                f'kimgs_per_scale={shown(kimgs_per_scale)} must say at least one side, and above 0 for each'
            )
        for side, kimgs in kimgs_per_scale.items():
            check_above(0, **{f'kimgs_per_scale[{side}]': kimgs})
        check_real(0, transition_kimgs=transition_kimgs)
        lengths = sorted((as_side(side, 'kimgs_per_scale'), 1000 * kimgs) for side, kimgs in kimgs_per_scale.items())
        self.scales = [side for side, _ in lengths]
        for below, above in zip(self.scales, self.scales[1:]):
            if above != 2 * below:
                raise InputError(f'kimgs_per_scale has sides {self.scales}: each must be twice the next smaller one')
        self._starts = [0, *accumulate(length for _, length in lengths[:-1])]
        self._transition = 1000 * transition_kimgs

    def stage(self, images: int) -> int:
        """Number of the side that is trained after so many images, from 0."""
        return bisect_right(self._starts, images) - 1

    def scale(self, images: int) -> int:
        """The side that is trained after so many images."""
        return self.scales[self.stage(images)]

    def transition_weight(self, images: int) -> float:
        """Share of the newest layers after so many images, 0 to 1."""
        stage = self.stage(images)
        passed = images - self._starts[stage]
        return 1.0 if stage == 0 or passed >= self._transition else passed / self._transition


def as_side(key: str | int, name: str) -> int:
    """The side in pixels that a key of a dict means: MMEngine writes numbers that are keys as text.

    Raises:
        InputError: If it is not a power of 2 from 4 on; ``name`` is the dict's.

    >>> as_side('128', 'lr_factors')
    128
    """
    side = int(key) if isinstance(key, str) and key.isdecimal() else key
    num_halvings(f'a side of {name}', side, least=4)
    return int(side)
