"""What metrics of images of several sizes share, in MMEngine's val and test loops.

A data sample is ``dict(number=int, images={(H, W): (3, H, W) in [-1, 1]})``, as :class:`~mmpe.datasets.SampleNumbers`
asks models for. All scores are of images as they would be written to files, in 256 steps, and are called
``HxW/name``, such as ``256x384/fid``. Over several processes each image and each real picture counts once.
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

from .quantized import quantised
from .real_pictures import RealPictures, Size

_COPIES = 2  # of what is measured: one by one, and put together


class SizedMetric(BaseMetric):
    """A metric at each size that the images have.

    A result is what is measured of one sample: a dict from size to tensor.

    Args:
        num: Samples of this number and higher do not count; None: all count.
        device: Where to compute; None: on the GPU if there is one.
        **kwargs: Of MMEngine's :class:`BaseMetric`.
    """

    default_prefix = ''  # the sizes are: MMEngine warns where it is None

    def __init__(self, num: int | None = None, device: str | None = None, **kwargs):
        check_whole(1, **given(num=num))
        super().__init__(**kwargs)
        self.num = num
        self.device = torch.device(device or get_device())

    @abstractmethod
    def describe(self, pictures: Tensor, numbers: Sequence[int]) -> Tensor:
        """What is measured, (N, ...), of pictures (N, 3, H, W) uint8 on ``device`` and their N numbers."""

    @abstractmethod
    def score(self, size: Size, fakes: Tensor) -> dict[str, float]:
        """Scores by name, from what was measured of all samples at a size, (N, ...) on ``device``."""

    @torch.no_grad()
    def process(self, data_batch, data_samples: Sequence[dict]) -> None:
        """Measure a batch; the first says whether memory can hold them all."""
        entries = [{} for _ in data_samples]
        counted = [i for i, sample in enumerate(data_samples) if self.num is None or sample['number'] < self.num]
        for size in dict.fromkeys(size for i in counted for size in data_samples[i]['images']):
            shown = [i for i in counted if size in data_samples[i]['images']]
            images = torch.stack([data_samples[i]['images'][size].to(self.device) for i in shown])
            if tuple(images.shape[-2:]) != tuple(size):
                raise InputError(
                    f'images of {size_text(size)} were asked for, and the model gave {size_text(images.shape[-2:])}'
                )
            found = self.describe(quantised(images), [data_samples[i]['number'] for i in shown]).cpu()
            for i, description in zip(shown, found):
                # a row alone: pickling a view, to bring results together, takes the whole batch along
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
    """A metric that compares with real pictures, measured the same way, once for each size.

    Real pictures are resized to each size, with antialiasing. Those of another shape are stretched, as the images of a
    model trained on squares are, unless ``fit`` says otherwise; of a data set of several shapes those of the nearest
    shape are taken.

    Args:
        real: Config of the data set; :func:`mmpe.apis.load_config` puts the training set here.
        num_real: How many, evenly spread over the set; None, or more than there are: all.
        cache_dir: See :class:`RealPictures`, as for the next two.
        batch_size: Real pictures at a time.
        num_workers: Processes that read them.
        fit: ``stretch``, ``crop`` or ``letterbox``.
        **kwargs: Of :class:`SizedMetric`.
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
        """Measure the real pictures at all sizes that were drawn, then score."""
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
