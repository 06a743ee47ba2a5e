"""The pyramid of one picture, as a data set."""

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
    """The image pyramid of one picture. The only item is the whole pyramid.

    In configs, this name stands for a subclass that also takes the released arguments.

    Args:
        data_root: The picture: a file, exactly as typed, or ``skimage://NAME``.
        min_size: Short side of the coarsest scale, in pixels.
        max_size: Long side of the finest scale, in pixels.
        scale_factor_init: A bound below the ratio of one scale to the next finer one. The actual ratio leads from
            ``max_size`` to ``min_size`` in a whole number of steps: see :func:`~mmpe.datasets.pyramid_sizes`.
        max_pixels: How many pixels the file may have. Those of a very large JPEG are counted after decoding at a
            reduced size.

    Raises:
        InputError: If the picture cannot be read, or the sizes do not fit it.

    >>> pyramid = SinGANDataset('skimage://rocket', max_size=64)
    >>> pyramid.sizes
    [(25, 37), (30, 45), (36, 53), (43, 64)]
    >>> pyramid[0]['inputs']['real_scale0'].shape
    torch.Size([3, 25, 37])
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
        """What MMEngine saves about the data set in checkpoints."""
        return dict(sizes=self.sizes)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict:
        """A dict with ``inputs``: ``real_scale0`` (the coarsest), ``real_scale1``, ..., (3, H, W) each, in [-1, 1]."""
        if index != 0:
            raise IndexError(index)
        return dict(inputs={f'real_scale{i}': real[0] for i, real in enumerate(self.reals)})


@DATASETS.register_module()
class SuperResolutionDataset(SinGANDataset):
    """The pyramid of one picture in steps of one exact ratio, which super-resolution repeats (SinGAN, sec. 4).

    It has as many scales as a :class:`SinGANDataset`, which changes the ratio to end at ``min_size``. So the coarsest
    scale is smaller here.

    Args:
        data_root: The picture: a file, exactly as typed, or ``skimage://NAME``.
        min_size: Short side of the coarsest scale of a :class:`SinGANDataset`, in pixels.
        max_size: Long side of the finest scale, in pixels.
        scale_factor_init: The exact ratio of one scale to the next finer one.
        max_pixels: See :class:`SinGANDataset`.

    Raises:
        InputError: If the picture cannot be read, or the sizes do not fit it.

    >>> SuperResolutionDataset('skimage://rocket', max_size=64, scale_factor_init=0.75).sizes
    [(18, 27), (24, 36), (32, 48), (43, 64)]
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
