"""The schedule by which a Progressive GAN grows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

from mmpe.errors import InputError

from ..sizes import num_halvings


class Growth:
    """Which side is trained after how many real images, and how far its newest layers have faded in.

    From Karras et al., "Progressive Growing of GANs", ICLR 2018, section 2 and appendix A.

    Args:
        kimgs_per_scale (Mapping): Side to thousands of images; each side is twice the next smaller one. In any
            order: MMEngine writes dictionaries sorted as text, 128 before 16.
        transition_kimgs (float): Thousands of images, from the start of a side on, in which its layers fade in.

    Attributes:
        scales (list[int]): The sides.

    Raises:
        InputError: If the sides are not such, or a number of images is not above 0.
    """

    def __init__(self, kimgs_per_scale: Mapping, transition_kimgs: float = 600):
        lengths = sorted((_side(name), 1000 * kimgs) for name, kimgs in kimgs_per_scale.items())
        self.scales = [side for side, _ in lengths]
        for below, above in zip(self.scales, self.scales[1:]):
            if above != 2 * below:
                raise InputError(f'kimgs_per_scale has sides {self.scales}: each must be twice the next smaller one')
        if not lengths or min(kimgs_per_scale.values()) <= 0 or transition_kimgs < 0:
            raise InputError(
                f'kimgs_per_scale={dict(kimgs_per_scale)} must say at least one side, and above 0 for each; '
                f'transition_kimgs={transition_kimgs} must be at least 0'
            )
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


def _side(name) -> int:
    try:
        side = int(name)
    except ValueError:
        raise InputError(f'kimgs_per_scale has {name!r}, which is no side in pixels') from None
    num_halvings('a side of kimgs_per_scale', side, least=4)
    return side
