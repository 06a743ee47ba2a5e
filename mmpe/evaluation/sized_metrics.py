"""Base classes of metrics for images of several sizes, in MMEngine's val and test loops.

A data sample is ``dict(number=int, images={(H, W): (3, H, W) in [-1, 1]})``, which a model returns for an item of
:class:`~mmpe.datasets.SampleNumbers`. Images are scored as they would be written to files, in 256 steps. The scores are
called ``HxW/name``, such as ``256x384/fid``. With several processes, each image and each real picture counts once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from mmengine.device import get_device
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmpe.errors import InputError
from mmpe.memory import check_room
from mmpe.numbers import check_whole, given, size_text

from .quantized import quantized
from .real_pictures import RealPictures, Size

_COPIES = 2  # of the descriptions: one by one, and stacked


class SizedMetric(BaseMetric):
    """A metric that is computed for each size of the images.

    A result is the description of one sample: a dict from size to tensor.

    Args:
        num: Only samples whose number is lower count. None: all count.
        device: The device to compute on. None: the GPU if there is one.
        **kwargs: Arguments of MMEngine's :class:`BaseMetric`.
    """

    default_prefix = ''  # not None, for which MMEngine warns: the sizes are the prefixes

    def __init__(self, num: int | None = None, device: str | None = None, **kwargs):
        check_whole(1, **given(num=num))
        super().__init__(**kwargs)
        self.num = num
        self.device = torch.device(device or get_device())

    @abstractmethod
    def describe(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        """Describe uint8 pictures (N, 3, H, W) on ``device``, which have N numbers, by a tensor (N, ...)."""

    @abstractmethod
    def score(self, size: Size, fakes: Tensor) -> dict[str, float]:
        """Scores by name, from the descriptions (N, ...) of all samples at a size, on ``device``."""

    @torch.no_grad()
    def process(self, data_batch, data_samples: Sequence[dict]) -> None:
        """Describe a batch. The first batch shows whether memory can hold the descriptions of all samples."""
        entries = [{} for _ in data_samples]
        counted = [i for i, sample in enumerate(data_samples) if self.num is None or sample['number'] < self.num]
        for size in dict.fromkeys(size for i in counted for size in data_samples[i]['images']):
            shown = [i for i in counted if size in data_samples[i]['images']]
            images = torch.stack([data_samples[i]['images'][size].to(self.device) for i in shown])
            if tuple(images.shape[-2:]) != tuple(size):
                raise InputError(
                    f'images of {size_text(size)} were asked for, and the model gave {size_text(images.shape[-2:])}'
                )
            found = self.describe(quantized(images), [data_samples[i]['number'] for i in shown]).cpu()
            for i, description in zip(shown, found):
                # cloned, as pickling a view, when results are collected, would pickle the whole batch
                entries[i][tuple(size)] = description.clone()
        if not self.results:
            self._check_memory(entries)
        self.results.extend(entries)

    def _check_memory(self, entries: Sequence[dict[Size, Tensor]]) -> None:
        expected = (self.dataset_meta or {}).get('num')
        if expected is None or not entries:
            return
        expected = min(expected, self.num or expected)
        of_one = sum(found.numel() * found.element_size() for entry in entries for found in entry.values())
        needed = _COPIES * expected * of_one // len(entries)
        what = f'what {type(self).__name__} keeps of {expected} samples'
        check_room(needed, torch.device('cpu'), what, 'fewer, or smaller ones')

    @torch.no_grad()
    def compute_metrics(self, results: list[dict[Size, Tensor]]) -> dict[str, float]:
        """Score each size."""
        scores = {}
        for size in dict.fromkeys(size for entry in results for size in entry):
            fakes = torch.stack([entry[size] for entry in results if size in entry])
            for name, value in self.score(size, fakes.to(self.device)).items():
                scores[f'{size_text(size)}/{name}'] = value
        return scores


class RealSetMetric(SizedMetric):
    """A metric that compares with real pictures, which are described in the same way, once per size.

    Real pictures are resized to each size, with antialiasing. Pictures of another aspect ratio are stretched, as those
    of a model that is trained on squares, unless ``fit`` says otherwise. If a data set has several shapes, the pictures
    of the nearest shape are used.

    Args:
        real: Config of the data set. :func:`mmpe.apis.load_config` puts the training set here.
        num_real: Number of real pictures, evenly spaced over the set. None, or more than there are: all.
        cache_dir: See :class:`RealPictures`, also for the next two arguments.
        batch_size: Real pictures at a time.
        num_workers: Number of processes that read them.
        fit: ``stretch``, ``crop`` or ``letterbox``.
        **kwargs: Arguments of :class:`SizedMetric`.
    """

    def __init__(
        self,
        real: dict | None = None,
        num_real: int | None = None,
        cache_dir: str | Path | None = None,
        batch_size: int = 32,
        num_workers: int = 2,
        fit: str = 'stretch',
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.real_pictures = RealPictures(real, num_real, cache_dir, batch_size, num_workers, fit)
        self.real: dict[Size, Tensor] = {}

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """All that :meth:`describe` depends on."""

    def evaluate(self, size: int) -> dict[str, float]:
        """Describe the real pictures at all sizes that the samples have, then score."""
        drawn = all_gather_object([size for entry in self.results for size in entry])
        sizes = sorted(set(sum(drawn, [])))
        self.real = self.real_pictures.measure(sizes, self._describe_on_device, self.fingerprint, self.collect_dir)
        try:
            return super().evaluate(size)
        finally:
            self.real = {}

    @torch.no_grad()
    def _describe_on_device(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        return self.describe(pictures.to(self.device), numbers)


def require_torchmetrics(score: str) -> None:
    if find_spec('torchmetrics') is None:
        raise InputError(f'{score} needs torchmetrics: pip install "mmpe[eval]"')
