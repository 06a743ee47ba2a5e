"""From an inverse map to images: what all edits of the layout have in common."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from mmpe.errors import InputError
from mmpe.grid import Grid, InverseMap, Size
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANModel
from mmpe.numbers import as_size, check_real
from mmpe.random_numbers import check_draws, random_generator

from .edited import Edited
from .masks import blend, dilate, soften
from .places import pixel_positions, sample_image

_MOVED = 0.25  # pixels; less is not seen


def redraw(
    model: SinGANModel,
    places: InverseMap,
    num: int = 4,
    seed: int = 0,
    start_scale: int = 1,
    vary_from: int | None = None,
    size: Size | None = None,
    reach: Tensor | None = None,
    softness: float = 4,
    blending: bool = True,
) -> Edited:
    """Draw the picture with other places in it.

    At start scale 0 the positional encoding is asked for the coordinates of the places, and z* goes along with them, so
    the network draws the new layout from the start. At a higher one the reconstruction of the scale below is warped,
    and the scales from there on make a picture of it.

    Image 0 has the reconstruction's noise; images 1, 2, ... have random noise within the reach, and are those of
    :meth:`SinGANModel.sample` there. Random too is noise for places beyond the picture, and where neighbours would have
    the same number.

    Args:
        model (SinGANModel): Trained.
        places (Callable): Inverse map, see :mod:`mmpe.editing.places`.
        num (int): Number of images.
        seed (int): Of the noise; image number i depends on it and i alone.
        start_scale (int): The scale that is told of the new places, or shown a picture of them.
        vary_from (int | None): First scale with random noise in images 1, 2, ...; None: ``start_scale``.
        size (tuple[int, int] | None): (H, W) of the new picture; None: the trained one's, which is kept out of reach.
        reach (Tensor | None): (1, 1, H, W), 0 where the picture is to stay; None: :func:`reach_of` the places.
        softness (float): Pixels, inside the reach, over which the edit goes over into the reconstruction.
        blending (bool): Whether to put the reconstruction out of reach at all.

    Returns:
        Edited: With what is kept and the reach, where the size is the trained one.

    Raises:
        InputError: If a scale does not exist, the size is too small or too large for memory, or there is no encoding to
            tell.
    """
    _check(model, start_scale)
    check_draws(num, seed)
    check_real(0, max(model.scaled_sizes()[-1]), softness=softness)
    if vary_from is not None:
        model.check_start_scale(vary_from)
    keeps = size is None or tuple(size) == model.scaled_sizes()[-1]
    size = as_size(size or model.scaled_sizes()[-1])
    check_memory(model, size, num)
    if reach is None:
        reach = reach_of(places, size) if keeps else torch.ones(1, 1, *size)
    reach = reach.to(model.fixed_noise)
    varying = start_scale if vary_from is None else max(vary_from, start_scale)
    drawing = _Drawing(model, places, size, reach, start_scale, varying)
    kept = model.reconstruct()
    images = [drawing.image(seed, i) for i in tqdm(range(num), unit='image', leave=False, disable=None)]
    if keeps and blending:
        images = [blend(image, kept, soften(reach, softness)) for image in images]
    copied = sample_image(model.picture, drawing.grid(-1).positions)
    before = dict(picture=model.picture, reconstruction=kept, copied=copied)
    return Edited(torch.cat(images), before, kept=kept if keeps else None, reach=reach if keeps else None)


def reach_of(places: InverseMap, size: Size, radius: int = 4) -> Tensor:
    """(1, 1, H, W), 1 where places are not where they were, and ``radius`` pixels around."""
    positions = pixel_positions(size)
    moved = (places(positions) - positions).norm(dim=-1) > _MOVED
    return dilate(moved.float()[None, None], radius)


def _check(model, start_scale):
    model.check_start_scale(start_scale)
    if start_scale == 0 and model.generator.encoding is None:
        raise InputError(
            'this SinGAN has no positional encoding, so it cannot be told a layout at start scale 0: choose a start '
            'scale of 1 or more, or train one that has, such as positional_encoding_in_gans/singan_csg_quickstart.py'
        )


class _Drawing:
    """All that the images of one edit share; arguments as in :func:`redraw`."""

    def __init__(self, model, places, size, reach, start_scale, varying):
        self.model, self.places, self.size, self.reach = model, places, size, reach
        self.start_scale, self.varying = start_scale, varying
        self.margin = model.generator.border.noise_margin
        self.trained = model.scaled_sizes()
        self.sizes = model.scaled_sizes(size)
        self.image_below = self._warped() if start_scale else None
        if start_scale == 0:
            self.noise_grid = self.grid(0, self.margin)
            self.cells = self.noise_grid.positions

    @torch.no_grad()
    def image(self, seed: int, number: int) -> Tensor:
        """(1, 3, H, W)."""
        # apart from each other, so that what varies is the same as in samples that start at the scale where it begins
        below, above = (random_generator(purpose, seed, number) for purpose in ('filling', 'sampling'))
        drawn = self.model.draw_noises(1, below, self.sizes[self.start_scale : self.varying], self.start_scale)
        drawn += self.model.draw_noises(1, above, self.sizes[self.varying :], self.varying)
        noises = [self._noise(scale, noise, number) for scale, noise in enumerate(drawn, start=self.start_scale)]
        weights = self.model.noise_weights[self.start_scale :]
        if self.start_scale:
            return self.model.generator(noises, weights, image=self.image_below, first_scale=self.start_scale)
        return self.model.generator(noises, weights, self.noise_grid)

    def grid(self, scale: int, margin: int = 0) -> Grid:
        """The new map of a scale, with a margin around: which cells of the trained one are to be seen in its cells."""
        rows, columns = self.sizes[scale]
        new = Grid(self.size).resized((rows, columns)).extended((rows + 2 * margin, columns + 2 * margin))
        return new.warped(self.places, frame=self.trained[-1]).reframed(self.trained[scale], margin)

    @torch.no_grad()
    def _warped(self) -> Tensor:
        below = self.start_scale - 1
        return sample_image(self.model.reconstruct(self.start_scale), self.grid(below).positions)

    def _noise(self, scale, drawn, number) -> Tensor:
        fixed, known = self._fixed(scale, drawn)
        if number and scale >= self.varying:
            known = known & (self._reach(scale) == 0)
        return torch.where(known, fixed, drawn)

    def _fixed(self, scale, drawn) -> tuple[Tensor, Tensor]:
        """The reconstruction's noise where places come from, and where there is any."""
        if scale:
            return torch.zeros_like(drawn), torch.ones_like(drawn[:, :1], dtype=torch.bool)
        x, y = self.cells.round().long().unbind(-1)
        height, width = self.model.fixed_noise.shape[-2:]
        known = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        for axis in (0, 1):
            known[_after(axis)] &= (x.diff(dim=axis) != 0) | (y.diff(dim=axis) != 0)
        found = self.model.fixed_noise[..., y.clamp(0, height - 1), x.clamp(0, width - 1)]
        return found, known.to(found.device)

    def _reach(self, scale) -> Tensor:
        """The reach over the noise map of a scale."""
        h, w = self.sizes[scale]
        mask = F.interpolate(self.reach, (h, w), mode='nearest-exact')
        return F.pad(mask, (self.margin,) * 4, mode='replicate')


def _after(axis) -> tuple:
    """All but the first along an axis."""
    return (slice(None),) * axis + (slice(1, None),)
