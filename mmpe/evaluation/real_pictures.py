"""Descriptions of real pictures: measured once, by all processes together, and kept in files."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, collect_results, get_dist_info, is_main_process
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mmpe.caches import cache_folder
from mmpe.datasets import BucketedDataset, PictureFolder
from mmpe.datasets.buckets import nearest_bucket
from mmpe.errors import InputError
from mmpe.files import atomic
from mmpe.grid import Size
from mmpe.models.fitting import check_fit
from mmpe.names import locate
from mmpe.numbers import check_whole, given, size_text
from mmpe.progress import tracked
from mmpe.registry import DATASETS

from .quantized import quantized, resized

Describe = Callable[[Tensor, Sequence[int]], Tensor]

MOST_WORKERS = 1024
_VERSION = 2  # of the measurement: to be raised when it changes, so that old files are not used


class RealPictures:
    """The pictures of a data set, at any size.

    If a data set has several shapes, see :class:`~mmpe.datasets.BucketedDataset`, a size is compared with the pictures
    of the nearest shape.

    Args:
        dataset: Config of the data set. An item is ``dict(inputs=...)``, a uint8 RGB picture (3, H, W).
        num: Number of pictures, evenly spaced over the set, or over the pictures of a shape. None, or more than there
            are: all.
        cache_dir: The folder for the files of descriptions. None: ``mmpe`` in PyTorch's hub folder (see
            ``TORCH_HOME``). Such a file can be large: 600 MB for the features of FFHQ at one size.
        batch_size: Pictures at a time.
        num_workers: Number of processes that read pictures, per process that measures.
        fit: How pictures of another aspect ratio are fitted: ``stretch``, ``crop`` or ``letterbox``.

    Raises:
        InputError: If there is no config, or the data set gives no such pictures.

    >>> real = RealPictures(dict(type='DrawnFaces', num=6, size=32), cache_dir='.', num_workers=0)
    >>> mean_colors = real.measure([(16, 16)], lambda pictures, _: pictures.float().mean((2, 3)), 'mean colors')
    >>> mean_colors[16, 16].shape
    torch.Size([6, 3])
    """

    def __init__(
        self,
        dataset: dict | None,
        num: int | None = None,
        cache_dir: str | Path | None = None,
        batch_size: int = 32,
        num_workers: int = 2,
        fit: str = 'stretch',
    ):
        check_fit(fit)
        check_whole(1, batch_size=batch_size, **given(num_real=num))
        check_whole(0, MOST_WORKERS, num_workers=num_workers)
        if dataset is None:
            raise InputError(
                'the scores compare with real pictures: give real=dict(type=..., data_root=...), or a config file '
                'with a train_dataloader, whose pictures they are by default'
            )
        self.config = _decoded_in_full(dict(dataset))
        self.dataset = DATASETS.build(self.config)
        _check(_as_bytes(self.dataset[0]['inputs']))
        self.num = num
        self.indices = _spread(range(len(self.dataset)), num)
        self.cache_dir = Path(cache_dir or cache_folder())
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.fit = fit

    def measure(
        self, sizes: Sequence[Size], describe: Describe, fingerprint: str, collect_dir: str | None = None
    ) -> dict[Size, Tensor]:
        """Describe all pictures at some sizes. All processes must call it, and each describes a share.

        Args:
            sizes: (H, W), the same in all processes.
            describe: Maps uint8 pictures (N, 3, H, W) and their N numbers to descriptions (N, ...).
            fingerprint: A text that differs whenever ``describe`` gives other descriptions.
            collect_dir: See MMEngine's metrics.

        Returns:
            The descriptions at each size, in the order of the pictures, on the CPU. Empty in all processes but the
            first.
        """
        measured = {}
        for bucket in dict.fromkeys(map(self._bucket, sizes)):
            chosen = self._chosen(bucket)
            alike = [size for size in sizes if self._bucket(size) == bucket]
            measured |= self._measure(chosen, alike, describe, fingerprint, collect_dir)
        return measured

    def _bucket(self, size: Size) -> int | None:
        several = isinstance(self.dataset, BucketedDataset) and len(self.dataset.sizes) > 1
        return nearest_bucket(self.dataset.sizes, size) if several else None

    def _chosen(self, bucket: int | None) -> list[int]:
        """The numbers of the items that count, of the whole set or of a bucket."""
        if bucket is None:
            return self.indices
        return _spread([item for item, own in enumerate(self.dataset.buckets) if own == bucket], self.num)

    def _measure(
        self, chosen: list[int], sizes: list[Size], describe: Describe, fingerprint: str, collect_dir: str | None
    ) -> dict[Size, Tensor]:
        files = {size: self._file(size, fingerprint, chosen) for size in sizes} if is_main_process() else {}
        read = {size: _read(file, len(chosen)) for size, file in files.items()}
        measured = {size: found for size, found in read.items() if found is not None}
        missing = [[size for size in sizes if size not in measured]]
        broadcast_object_list(missing)
        if missing[0]:
            share = list(self._describe_share(chosen, missing[0], describe))
            everything = collect_results(share, len(chosen), 'cpu', tmpdir=collect_dir)
        if not is_main_process():
            return {}
        for size in missing[0]:
            measured[size] = torch.stack([description[size] for description in everything])
            _write(files[size], measured[size])
        return measured

    def _describe_share(
        self, chosen: Sequence[int], sizes: Sequence[Size], describe: Describe
    ) -> Iterator[dict[Size, Tensor]]:
        rank, world = get_dist_info()
        loader = DataLoader(
            _AtSizes(self.dataset, chosen, range(rank, len(chosen), world), sizes, self.fit),
            self.batch_size,
            num_workers=self.num_workers,
            generator=torch.Generator(),  # the global one belongs to training, and a loader draws from it
        )
        for numbers, *pictures in loader if rank else tracked(loader, 'real pictures'):
            found = [describe(at_size, numbers.tolist()).cpu() for at_size in pictures]
            for descriptions in zip(*found):
                # cloned, as pickling a view would pickle the whole batch
                yield {size: description.clone() for size, description in zip(sizes, descriptions)}

    def _file(self, size: Size, fingerprint: str, chosen: Sequence[int]) -> Path:
        parts = (_VERSION, fingerprint, self._fingerprint, len(chosen), tuple(size))
        if self.fit != 'stretch':  # stretch was once the only way, and its files keep their names
            parts += (self.fit,)
        name = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
        return self.cache_dir / f'real_{size_text(size)}_{name}.npz'

    @cached_property
    def _fingerprint(self) -> str:
        """A key for the arguments of the set, and the names, sizes and times of all files under its ``data_root``."""
        root = locate(self.config['data_root']) if self.config.get('data_root') else None
        files = [] if root is None else [root] if root.is_file() else sorted(filter(Path.is_file, root.rglob('*')))
        stats = [(path.relative_to(root).as_posix(), path.stat()) for path in files]
        listing = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
        arguments = json.dumps(self.config, sort_keys=True, default=str)
        return hashlib.sha256(repr((arguments, listing)).encode()).hexdigest()


class _AtSizes(Dataset):
    """Some of the chosen pictures: each with its number among the chosen ones, at several sizes."""

    def __init__(
        self, dataset: Dataset, chosen: Sequence[int], numbers: Sequence[int], sizes: Sequence[Size], fit: str
    ):
        self.dataset, self.chosen, self.numbers = dataset, chosen, numbers
        self.sizes, self.fit = sizes, fit

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: int) -> tuple:
        number = self.numbers[i]
        picture = _as_bytes(self.dataset[self.chosen[number]]['inputs'])
        return number, *(resized(picture[None], size, self.fit)[0] for size in self.sizes)


def _spread(items: Sequence[int], num: int | None) -> list[int]:
    """``num`` of the items, evenly spaced. None, or more than there are: all."""
    num = min(num or len(items), len(items))
    return [items[i * len(items) // num] for i in range(num)]


def _decoded_in_full(config: dict) -> dict:
    """Decode in full, unless the config says otherwise, as other people's scores are of pictures decoded in full."""
    kind = config.get('type')
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    if isinstance(kind, type) and issubclass(kind, PictureFolder):
        config.setdefault('reducing_gap', None)
    return config


def _as_bytes(picture: Tensor) -> Tensor:
    """Convert a picture in [-1, 1], which data sets may give as well, to 256 steps."""
    return quantized(picture) if isinstance(picture, Tensor) and picture.is_floating_point() else picture


def _check(picture: object) -> None:
    if not isinstance(picture, Tensor) or picture.dtype != torch.uint8 or picture.ndim != 3 or len(picture) != 3:
        what = f'{picture.dtype} of {tuple(picture.shape)}' if isinstance(picture, Tensor) else type(picture).__name__
        raise InputError(f'real pictures are the uint8 tensors (3, H, W) of a PictureFolder, not {what}')


def _read(file: Path, num: int) -> Tensor | None:
    """The descriptions in a file. None if there is no such file, or it is damaged."""
    try:
        with np.load(file) as arrays:
            found = torch.from_numpy(arrays['descriptions'])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        print_log(f'{file} is damaged ({error}): its pictures are measured again', 'current', logging.WARNING)
        return None
    return found if len(found) == num else None


def _write(file: Path, descriptions: Tensor) -> None:
    """Write a file atomically. If that fails, the next run measures again, and this run goes on."""
    try:
        with atomic(file) as part:
            np.savez(part, descriptions=descriptions.numpy())
    except OSError as error:
        print_log(f'real pictures will be measured again: {error}', 'current', logging.WARNING)
