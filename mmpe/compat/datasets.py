"""The released data side of SinGAN: names and arguments, on top of :mod:`mmpe.datasets`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmpe import datasets
from mmpe.datasets.picture_files import MAX_PIXELS
from mmpe.errors import InputError
from mmpe.numbers import MOST_WHOLE, check_whole
from mmpe.registry import DATASETS, MODELS

from .arguments import takes_only

# which entries are images
ENTRIES = ('non_image_keys', 'non_concentate_keys', 'data_keys', 'stack_data_sample')


@DATASETS.register_module()
class SinGANDataset(datasets.SinGANDataset):
    """:class:`mmpe.datasets.SinGANDataset` with the released arguments.

    Args:
        data_root: The picture.
        min_size: Short side of the coarsest scale, in pixels.
        max_size: Long side of the finest scale, in pixels.
        scale_factor_init: Ratio of one scale to the next finer one.
        pipeline: ``PackInputs``, if anything. Its keys have no effect: all scales are there.
        num_samples: How often the picture counts as an item; negative: once, as loops repeat it anyhow.
        img_path: Another name for ``data_root``, mmgeneration's.
        max_pixels: How many pixels the file may have.

    Raises:
        InputError: If the picture is not given once, cannot be read, or does not fit the sizes; if the pipeline does
            anything to the picture.

    >>> dataset = SinGANDataset(img_path='skimage://rocket', max_size=64, pipeline=[dict(type='PackInputs')])
    >>> len(dataset), dataset[0]['inputs']['real_scale0'].shape
    (1, torch.Size([3, 25, 37]))
    """

    def __init__(
        self,
        data_root: str | None = None,
        min_size: int = 25,
        max_size: int = 250,
        scale_factor_init: float = 0.75,
        pipeline: list | tuple = (),
        num_samples: int = -1,
        img_path: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ):
        if data_root and img_path:
            raise InputError(f'give the picture once, not as data_root={data_root!r} and as img_path={img_path!r}')
        for step in pipeline:
            if step.get('type') not in ('PackInputs', 'mmagic.PackInputs'):
                raise InputError(f'{step.get("type")} in the pipeline is not supported: a pyramid is not transformed')
        check_whole(-MOST_WHOLE, num_samples=num_samples)
        super().__init__(data_root or img_path, min_size, max_size, scale_factor_init, max_pixels)
        self.num_samples = num_samples if num_samples >= 0 else 1

    def __len__(self) -> int:
        return self.num_samples

    def __getitem__(self, index: int) -> dict:
        """The pyramid, at every index below the length."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return super().__getitem__(0)


@MODELS.register_module()
class DataPreprocessor(BaseDataPreprocessor):
    """The released preprocessor's name: moves data to the device and stacks lists of tensors.

    mmpe's data sets give RGB in [-1, 1], which leaves nothing else to do.

    Args:
        mean, std: 127.5: what takes pixels to [-1, 1].
        output_channel_order: 'RGB' or None.

    Raises:
        InputError: If the images would have to be changed.

    >>> images = [torch.zeros(3, 4, 4), torch.ones(3, 4, 4)]
    >>> DataPreprocessor()(dict(inputs=images))['inputs'].shape
    torch.Size([2, 3, 4, 4])
    """

    @takes_only(*ENTRIES, 'pad_value', 'pad_mode', pad_size_divisor=1)
    def __init__(
        self,
        mean: float | Sequence[float] = 127.5,
        std: float | Sequence[float] = 127.5,
        output_channel_order: str | None = None,
    ):
        super().__init__()
        for name, value in dict(mean=mean, std=std).items():
            if set(np.ravel(value).tolist()) != {127.5}:
                raise InputError(
                    f'{name}={value!r} is not supported: images are in [-1, 1], as {name}=127.5 makes them'
                )
        if output_channel_order not in (None, 'RGB'):
            raise InputError(f'output_channel_order={output_channel_order!r} is not supported: images are RGB')

    def forward(self, data: dict, training: bool = False) -> dict:
        """``data`` with every list of (C, H, W) tensors in ``inputs`` as one of (N, C, H, W)."""
        data = self.cast_data(data)
        return dict(data, inputs=_stack(data['inputs'])) if 'inputs' in data else data


def _stack(values: object) -> object:
    if isinstance(values, dict):
        return {key: _stack(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)) and values and all(isinstance(value, Tensor) for value in values):
        return torch.stack(list(values))
    return values


def name_picture(dataset: dict, picture: str) -> None:
    """Give a data set's config another picture, by whichever name it had one: ``img_path`` is mmgeneration's."""
    dataset.pop('img_path', None)
    dataset['data_root'] = str(picture)
