"""How much memory training takes, estimated without taking it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from PIL import Image
from torch import Tensor, nn

from mmpe.datasets import SinGANDataset
from mmpe.errors import InputError, as_input_error
from mmpe.grid import Size
from mmpe.models.adversarial import AdversarialModel
from mmpe.models.loss_model import LossModel
from mmpe.models.losses.loss import Term
from mmpe.models.singan import SinGANModel
from mmpe.numbers import as_size, check_whole, size_text
from mmpe.progress import tracked
from mmpe.registry import DATASETS, MODELS
from mmpe.visualization import markdown_table

from .dry_run import DryRun, as_dry, size_of, size_of_model
from .picture_options import name_pictures

DTYPES = dict(float16=torch.float16, bfloat16=torch.bfloat16)
STEP = 'optimizer'
REST = 'other'
_MERGED = dict(fake='D', real='D', generator='G')


@dataclass
class MemoryEstimate:
    """What training takes, in bytes.

    Attributes:
        weights: Of parameters and buffers, the running average's among them.
        optimizer: Of what the optimizers remember.
        peaks: For each size (H, W), and each kind of step, the most that is there beside these two: activations,
            gradients, images. 'other' is what lies between the steps, such as drawing the images that a SinGAN refines.
        batches: Images per batch, for each size.

    >>> from mmpe.apis import load_config
    >>> config = load_config('mmpe::dcgan/dcgan_quickstart.py')
    >>> estimate = estimate_memory(config, batch=8)
    >>> estimate.batches, list(estimate.peaks[32, 32])
    ({(32, 32): 8}, ['D', 'G', 'other', 'optimizer'])
    """

    weights: int = 0
    optimizer: int = 0
    peaks: dict[Size, dict[str, int]] = field(default_factory=dict)
    batches: dict[Size, int] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """Bytes that training takes in all, at the size that takes most."""
        return self.weights + self.optimizer + max(max(kinds.values()) for kinds in self.peaks.values())

    def table(self) -> str:
        """A Markdown table, in GiB."""
        kinds = list(dict.fromkeys(kind for peaks in self.peaks.values() for kind in peaks))
        gib = partial(_gib, digits=2 if self.most >= 2**28 else 4)
        rows = [['size', 'batch', *kinds, 'all']]
        for size, peaks in self.peaks.items():
            in_all = self.weights + self.optimizer + max(peaks.values())
            found = [gib(peaks[kind]) if kind in peaks else '' for kind in kinds]
            rows.append([size_text(size), str(self.batches[size]), *found, gib(in_all)])
        kept = f'weights {gib(self.weights)} GiB, optimizers {gib(self.optimizer)} GiB'
        return '\n'.join([f'{kept}; beside them, in GiB at the most, by the kind of step:', *markdown_table(rows)])


def estimate_memory(
    config: Config,
    batch: int | None = None,
    sizes: Sequence[Size] | None = None,
    amp_dtype: str | None = None,
) -> MemoryEstimate:
    """Train a model by a config for a few steps, by tensors that have shapes and no numbers, and count their bytes.

    Nothing of the model is allocated. CUDA's context, what the caching allocator loses, and the workspaces of
    convolutions are not counted.

    Args:
        config: A config, see :func:`~mmpe.apis.load_config`.
        batch: Images per batch and process. None: as the config says.
        sizes: (H, W) of images. None: all that the config trains. Of a SinGAN one, that of the finest scale, which then
            needs no picture.
        amp_dtype: 'float16' or 'bfloat16', for mixed precision.

    Raises:
        InputError: If the config cannot be built, or its model is not trained at such a size.

    >>> from mmpe.apis import load_config
    >>> config = load_config('mmpe::dcgan/dcgan_quickstart.py')
    >>> small, large = estimate_memory(config, batch=8), estimate_memory(config, batch=16)
    >>> large.weights == small.weights, large.most > small.most
    (True, True)
    """
    if not {'model', 'train_dataloader', 'optim_wrapper'} <= set(config):
        raise InputError('the config does not say what is trained: it needs model, train_dataloader and optim_wrapper')
    if amp_dtype is not None and amp_dtype not in DTYPES:
        raise InputError(f'amp_dtype={amp_dtype!r} cannot work: it is one of {", ".join(DTYPES)}')
    if batch is not None:
        check_whole(1, batch=batch)
    MMLogger.get_current_instance().setLevel('WARNING')
    with as_input_error('the config cannot be built'), torch.device('meta'):
        model = MODELS.build(config.model)
    with torch.random.fork_rng(devices=[]):
        if isinstance(model, SinGANModel):
            if batch not in (None, 1):
                raise InputError(f'batch={batch} cannot work: a SinGAN is trained on one picture')
            return _of_pyramid(model, config, sizes, amp_dtype)
        if isinstance(model, AdversarialModel):
            return _of_images(model, config, batch, sizes, amp_dtype)
    raise InputError(f'the memory of a {type(model).__name__} cannot be estimated: it is no AdversarialModel or SinGAN')


# -------------------------------------------------------------------- the two ways of training


def _of_images(
    model: AdversarialModel, config: Config, batch: int | None, sizes: Sequence[Size] | None, amp_dtype: str | None
) -> MemoryEstimate:
    estimate = MemoryEstimate()
    with _measured(model, config, amp_dtype, estimate) as (run, optimizers):
        for size in tracked(sizes or model.trained_sizes, 'size'):
            size = as_size(size)
            model.train_at(size)
            num = estimate.batches[size] = batch or _batch(config, size)
            pictures = torch.empty(num, 3, *size, dtype=torch.uint8)
            run.peaks.clear()
            for _ in range(optimizers['discriminator']._accumulative_counts):
                model.train_step(dict(inputs=pictures), optimizers)
            estimate.peaks[size] = _above(run, estimate)
    return estimate


def _batch(config: Config, size: Size) -> int:
    loader = config.train_dataloader
    by_side = (loader.get('batch_sampler') or {}).get('batch_sizes') or {}
    return by_side.get(str(size[0]), by_side.get(size[0], loader.batch_size))


def _of_pyramid(
    model: SinGANModel, config: Config, sizes: Sequence[Size] | None, amp_dtype: str | None
) -> MemoryEstimate:
    pyramid = _pyramid(config, sizes)
    with torch.device('meta'):
        model.set_pyramid(pyramid)
    # one iteration that normalizes by the batch, and one that does not any more
    model.iters_per_scale, model.freeze_norm_at = 2, 0.5
    model.map_in_cache = float('inf')  # as on a GPU
    estimate = MemoryEstimate()
    with _measured(model, config, amp_dtype, estimate) as (run, optimizers):
        model.sizes = torch.tensor(pyramid)
        if model.palette is not None:
            model.palette.learn = lambda picture: None
        reals = {f'real_scale{i}': torch.empty(1, 3, *size) for i, size in enumerate(pyramid)}
        for size in tracked(pyramid, 'scale'):
            run.peaks.clear()
            for _ in range(model.iters_per_scale):
                model.train_step(dict(inputs=reals), optimizers)
            estimate.batches[size], estimate.peaks[size] = 1, _above(run, estimate)
    return estimate


def _pyramid(config: Config, sizes: Sequence[Size] | None) -> list[Size]:
    """The sizes of the scales, coarse to fine, for the config's picture or for one of a size."""
    if sizes is not None and len(sizes) != 1:
        raise InputError(
            f'{len(sizes)} sizes are given: a SinGAN has one picture, so give the size of its finest scale'
        )
    with tempfile.TemporaryDirectory() as folder:
        if sizes is not None:
            height, width = as_size(sizes[0])
            blank = str(Path(folder) / 'blank.png')
            Image.new('L', (width, height)).save(blank)
            name_pictures(config, blank, None)
            config.train_dataloader.dataset.max_size = max(height, width)
        with as_input_error('the picture of the config cannot be read (--size HEIGHTxWIDTH needs none)'):
            dataset: SinGANDataset = DATASETS.build(config.train_dataloader.dataset)
    return [tuple(size) for size in dataset.sizes]


# -------------------------------------------------------------------- counting


@contextmanager
def _measured(
    model: LossModel, config: Config, amp_dtype: str | None, estimate: MemoryEstimate
) -> Iterator[tuple[DryRun, OptimWrapperDict]]:
    """Within, a model and its optimizers are dry, and the bytes are counted by the losses that are computed."""
    with DryRun() as run:
        as_dry(model)
        estimate.weights = size_of_model(model)
        with as_input_error('the optimizers cannot be built'):
            optimizers = build_optim_wrapper(model, _in_half(config.optim_wrapper, amp_dtype))
        for optimizer in optimizers.values():
            _let_remember(optimizer)
            optimizer.optimizer.register_step_pre_hook(lambda *_: run.begin(STEP))
            optimizer.optimizer.register_step_post_hook(lambda *_: run.begin(REST))
        estimate.optimizer = sum(size_of(_memory_of(optimizer)) for optimizer in optimizers.values())
        for loss in model.losses.values():
            loss.interval = 1
        run.begin(REST)
        model.losses.of_discriminator = _named(model.losses.of_discriminator, run)
        model.losses.of_generator = _named(model.losses.of_generator, run)
        model.data_preprocessor.to('cpu')  # data goes there, and not to meta
        model.train()
        yield run, optimizers


def _let_remember(optimizer: OptimWrapper) -> None:
    """Take a step, so that the optimizer has what it will have in training."""
    for group in optimizer.optimizer.param_groups:
        for parameter in group['params']:
            parameter.grad = torch.empty_like(parameter)
    optimizer.optimizer.step()
    optimizer.zero_grad()


def _memory_of(optimizer: OptimWrapper) -> list[Tensor]:
    states = optimizer.optimizer.state.values()
    return [value for state in states for value in state.values() if isinstance(value, Tensor)]


def _named(terms: Callable[..., list[Term]], run: DryRun) -> Callable[..., list[Term]]:
    """A function that gives losses as ``terms`` does, which begin work of their kind when they are computed."""

    def begin(name: str, compute: Callable[[], Tensor]) -> Tensor:
        run.begin(_kind(name))
        return compute()

    def named(*args) -> list[Term]:
        return [(name, lambda n=name, c=compute: begin(n, c)) for name, compute in terms(*args)]

    return named


def _kind(name: str) -> str:
    """A kind of step, by what its loss is logged as."""
    short = name.removeprefix('loss_')
    return _MERGED.get(short, 'R1' if short == 'r1' else short.replace('_', ' '))


def _above(run: DryRun, estimate: MemoryEstimate) -> dict[str, int]:
    """The peaks beside weights and optimizers, those of steps first."""
    kept = estimate.weights + estimate.optimizer
    kinds = sorted(run.peaks, key=(STEP, REST).__contains__)
    return {kind: run.peaks[kind] - kept for kind in kinds}


class _HalfOptimWrapper(OptimWrapper):
    """Autocast on the CPU, where the dry run takes place, to any type."""

    def __init__(self, dtype: torch.dtype, **settings):
        super().__init__(**settings)
        self.dtype = dtype

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast('cpu', dtype=self.dtype):
            yield


def _in_half(optim_wrapper: dict, amp_dtype: str | None) -> dict:
    """The config of optim wrappers with the autocast that ``mmpe train --amp-dtype`` gives them."""
    half = {} if amp_dtype is None else dict(type=_HalfOptimWrapper, dtype=DTYPES[amp_dtype])
    return {
        name: {**_without_scaling(config), **half} if isinstance(config, dict) else config
        for name, config in optim_wrapper.items()
    }


def _without_scaling(config: dict) -> dict:
    """MMEngine's wrapper for float16 needs a GPU."""
    if config.get('type') != 'AmpOptimWrapper':
        return config
    others = {name: value for name, value in config.items() if name not in ('loss_scale', 'dtype')}
    return dict(others, type=_HalfOptimWrapper, dtype=DTYPES.get(config.get('dtype'), torch.float16))


def _gib(size: int, digits: int) -> str:
    return f'{size / 2**30:.{digits}f}'
