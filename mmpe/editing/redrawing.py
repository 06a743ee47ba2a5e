"""From an inverse map to images: what all edits of the layout have in common."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpe.errors import InputError
from mmpe.grid import Grid, InverseMap, Size
from mmpe.models.sampled import check_memory
from mmpe.models.singan import SinGANSampler
from mmpe.numbers import as_size, check_real
from mmpe.progress import tracked
from mmpe.random_numbers import check_draws, random_generator

from .edited import Edited
from .inverse_maps import pixel_positions, sample_image
from .masks import blend, dilate, soften

_MOVED = 0.25  # pixels; less cannot be seen


def redraw(
    model: SinGANSampler,
    inverse_map: InverseMap,
    num: int = 4,
    seed: int = 0,
    start_scale: int = 1,
    vary_from: int | None = None,
    size: Size | None = None,
    edit_mask: Tensor | None = None,
    softness: float = 4,
    blending: bool = True,
) -> Edited:
    """Draw the picture as an inverse map lays it out.

    At start scale 0 the positional encoding codes the warped grid, and z* is warped along with it, so the network draws
    the new layout from the start. At a higher start scale the reconstruction of the scale below is warped, and the
    scales from there on refine it.

    Image 0 has the reconstruction's noise. Images 1, 2, ... have random noise within the edit mask, where they are
    those of :meth:`SinGANSampler.sample`. Noise is also random beyond the picture, and where neighbors would have the
    same number.

    Args:
        model: Trained.
        inverse_map: See :mod:`mmpe.editing.inverse_maps`.
        num: Number of images.
        seed: Of the noise; image number i depends on the seed and i alone.
        start_scale: 0: the encoding is told of the new layout; above: this scale is shown a warped picture.
        vary_from: First scale with random noise in images 1, 2, ...; None: ``start_scale``.
        size: (height, width) of the new picture; None: the trained one's, which is kept outside of the edit mask.
        edit_mask: (1, 1, H, W), 0 where the picture stays; None: :func:`moved_mask` of the map.
        softness: Pixels inside the edit mask over which the edit fades into the reconstruction.
        blending: Whether to put the reconstruction outside of the edit mask at all.

    Returns:
        The images. ``kept`` and ``edit_mask`` are there where the size is the trained one.

    Raises:
        InputError: If a scale does not exist, the size is too small or too large for memory, or the start scale is 0
            and there is no encoding.

    >>> from mmpe.editing.example import example_singan
    >>> from mmpe.editing.inverse_maps import shift
    >>> edited = redraw(example_singan(), shift((4, 0)), num=2)
    >>> edited.images.shape, list(edited.before)
    (torch.Size([2, 3, 24, 32]), ['picture', 'reconstruction', 'copied'])
    """
    _check(model, start_scale)
    check_draws(num, seed)
    check_real(0, max(model.scaled_sizes()[-1]), softness=softness)
    if vary_from is not None:
        model.check_start_scale(vary_from)
    keeps = size is None or tuple(size) == model.scaled_sizes()[-1]
    size = as_size(size or model.scaled_sizes()[-1])
    check_memory(model, size, num)
    if edit_mask is None:
        edit_mask = moved_mask(inverse_map, size) if keeps else torch.ones(1, 1, *size)
    edit_mask = edit_mask.to(model.fixed_noise)
    varying = start_scale if vary_from is None else max(vary_from, start_scale)
    drawing = _Drawing(model, inverse_map, size, edit_mask, start_scale, varying)
    kept = model.reconstruct()
    images = [drawing.image(seed, i) for i in tracked(range(num), 'image')]
    if keeps and blending:
        images = [blend(image, kept, soften(edit_mask, softness)) for image in images]
    copied = sample_image(model.picture, drawing.grid(-1).positions)
    before = dict(picture=model.picture, reconstruction=kept, copied=copied)
    return Edited(torch.cat(images), before, kept=kept if keeps else None, edit_mask=edit_mask if keeps else None)


def moved_mask(inverse_map: InverseMap, size: Size, radius: int = 4) -> Tensor:
    """The edit mask (1, 1, H, W) of an inverse map: 1 within ``radius`` pixels of what it moves.

    >>> from mmpe.editing.inverse_maps import identity, shift
    >>> [moved_mask(inverse_map, (8, 12)).mean().item() for inverse_map in (identity, shift((1, 0)))]
    [0.0, 1.0]
    """
    positions = pixel_positions(size)
    moved = (inverse_map(positions) - positions).norm(dim=-1) > _MOVED
    return dilate(moved.float()[None, None], radius)


def _check(model: SinGANSampler, start_scale: int) -> None:
    model.check_start_scale(start_scale)
    if start_scale == 0 and model.generator.encoding is None:
        raise InputError(
            'this SinGAN has no positional encoding, so it cannot be told a layout at start scale 0: choose a start '
            'scale of 1 or more, or train one that has, such as positional_encoding_in_gans/singan_csg_quickstart.py'
        )


class _Drawing:
    """All that the images of one edit share; arguments as in :func:`redraw`."""

    def __init__(
        self,
        model: SinGANSampler,
        inverse_map: InverseMap,
        size: Size,
        edit_mask: Tensor,
        start_scale: int,
        varying: int,
    ):
        self.model, self.inverse_map, self.size, self.edit_mask = model, inverse_map, size, edit_mask
        self.start_scale, self.varying = start_scale, varying
        self.margin = model.generator.padding.margin
        self.trained = model.scaled_sizes()
        self.sizes = model.scaled_sizes(size)
        self.image_below = self._warped() if start_scale else None
        if start_scale == 0:
            self.noise_grid = self.grid(0, self.margin)
            self.cells = self.noise_grid.positions

    @torch.no_grad()
    def image(self, seed: int, number: int) -> Tensor:
        """(1, 3, H, W)."""
        # drawn apart, so that what varies is the same as in samples that start at the scale where it begins to vary
        below, above = (random_generator(purpose, seed, number) for purpose in ('filling', 'sampling'))
        drawn = self.model.draw_noises(1, below, self.sizes[self.start_scale : self.varying], self.start_scale)
        drawn += self.model.draw_noises(1, above, self.sizes[self.varying :], self.varying)
        noises = [self._noise(level, noise, number) for level, noise in enumerate(drawn, start=self.start_scale)]
        weights = self.model.noise_weights[self.start_scale :]
        if self.start_scale:
            return self.model.generator(noises, weights, image=self.image_below, first_scale=self.start_scale)
        return self.model.generator(noises, weights, self.noise_grid)

    def grid(self, level: int, margin: int = 0) -> Grid:
        """The new map of a pyramid level with a margin around it: which cells of the trained map its cells look at."""
        rows, columns = self.sizes[level]
        new = Grid(self.size).resized((rows, columns)).extended((rows + 2 * margin, columns + 2 * margin))
        return new.warped(self.inverse_map, frame=self.trained[-1]).reframed(self.trained[level], margin)

    @torch.no_grad()
    def _warped(self) -> Tensor:
        below = self.start_scale - 1
        return sample_image(self.model.reconstruct(self.start_scale), self.grid(below).positions)

    def _noise(self, level: int, drawn: Tensor, number: int) -> Tensor:
        fixed, known = self._fixed(level, drawn)
        if number and level >= self.varying:
            known = known & (self._edit_mask_at(level) == 0)
        return torch.where(known, fixed, drawn)

    def _fixed(self, level: int, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The reconstruction's noise where positions come from, and whether there is any."""
        if level:
            return torch.zeros_like(drawn), torch.ones_like(drawn[:, :1], dtype=torch.bool)
        x, y = self.cells.round().long().unbind(-1)
        height, width = self.model.fixed_noise.shape[-2:]
        known = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        for axis in (0, 1):
            known[_after(axis)] &= (x.diff(dim=axis) != 0) | (y.diff(dim=axis) != 0)
        found = self.model.fixed_noise[..., y.clamp(0, height - 1), x.clamp(0, width - 1)]
        return found, known.to(found.device)

    def _edit_mask_at(self, level: int) -> Tensor:
        """The edit mask over the noise map of a pyramid level."""
        mask = F.interpolate(self.edit_mask, self.sizes[level], mode='nearest-exact')
        return F.pad(mask, (self.margin,) * 4, mode='replicate')


def _after(axis: int) -> tuple[slice, ...]:
    """All but the first along an axis."""
    return (slice(None),) * axis + (slice(1, None),)
