"""One picture as a data set: its pyramid."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.utils.data import Dataset

from mmpe.errors import InputError
from mmpe.names import printable
from mmpe.registry import DATASETS

from .image_pyramid import pyramid_sizes, resize
from .picture_files import MAX_PIXELS, read_picture


class SinGANDataset(Dataset):
    """The image pyramid of one picture; its only item is the whole pyramid.

    In configs its name stands for a subclass that takes the released arguments, too.

    Args:
        data_root: The picture, a file (exactly as typed) or ``skimage://NAME``.
        min_size: Short side of the coarsest scale, in pixels.
        max_size: Long side of the finest scale, in pixels.
        scale_factor_init: Ratio of one scale to the next finer one; the actual one is the nearest, not smaller, that
            takes ``max_size`` to ``min_size`` in whole steps.
        max_pixels: How many pixels the file may have; of very large JPEGs, after decoding at reduced size.

    Raises:
        InputError: If the picture cannot be read, or the sizes do not fit it.
    """

    def __init__(
        self,
        data_root: str | Path,
        min_size: int = 25,
        max_size: int = 250,
        scale_factor_init: float = 0.75,
        max_pixels: int = MAX_PIXELS,
    ):
        if not isinstance(data_root, (str, Path)) or not str(data_root):
            raise InputError(f'data_root must be the path of a picture, in quotes, got {data_root!r}')
        picture = read_picture(data_root, max_size, max_pixels)
        try:
            self.sizes: list[tuple[int, int]] = pyramid_sizes(
                tuple(picture.shape[-2:]), min_size, max_size, scale_factor_init
            )
        except InputError as error:
            raise InputError(f'{printable(data_root)}: {error}') from None
        finest = resize(picture, self.sizes[-1])
        self.reals: list[Tensor] = [resize(finest, size) for size in self.sizes]

    @property
    def metainfo(self) -> dict:
        """What MMEngine keeps of a data set in its checkpoints."""
        return dict(sizes=self.sizes)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict:
        """``inputs``: ``real_scale0`` (coarsest) and on, (3, H, W) each, float32 in [-1, 1]."""
        if index != 0:
            raise IndexError(index)
        return dict(inputs={f'real_scale{i}': real[0] for i, real in enumerate(self.reals)})


@DATASETS.register_module()
class SuperResolutionDataset(SinGANDataset):
    """The pyramid of one picture in steps of exactly one ratio, for super-resolution to repeat (SinGAN, sec. 4).

    A :class:`SinGANDataset` takes a gentler one, to end at ``min_size``. This has as many scales, so the coarsest is
    smaller.

    Args:
        data_root: The picture, a file or ``skimage://NAME``.
        min_size: Short side of the coarsest scale, in pixels, if the ratio were not exact.
        max_size: Long side of the finest scale, in pixels.
        scale_factor_init: Ratio of one scale to the next finer one.
        max_pixels: As of :class:`SinGANDataset`.

    Raises:
        InputError: If the picture cannot be read, or the sizes do not fit it.
    """

    def __init__(
        self,
        data_root: str | Path,
        min_size: int = 25,
        max_size: int = 250,
        scale_factor_init: float = 0.5 ** (1 / 3),
        max_pixels: int = MAX_PIXELS,
    ):
        super().__init__(data_root, min_size, max_size, scale_factor_init, max_pixels)
        finest = self.reals[-1]
        steps = reversed(range(len(self.sizes)))
        self.sizes = [tuple(round(n * scale_factor_init**step) for n in finest.shape[-2:]) for step in steps]
        self.reals = [resize(finest, size) for size in self.sizes]
