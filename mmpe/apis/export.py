"""A trained model's sampler as one file, for ONNX runtimes or for PyTorch without mmpe."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.export import ExportedProgram

from mmpe.errors import InputError, is_out_of_memory, one_line
from mmpe.files import atomic, check_output
from mmpe.grid import Size
from mmpe.models.sampled import SampledModel, as_sampled
from mmpe.models.tensor_sampler import TensorSampler
from mmpe.numbers import check_real, size_text
from mmpe.progress import tracked
from mmpe.random_numbers import random_generator
from mmpe.version import __version__

MARK = f'mmpe {__version__} export'
TOLERANCE = 1e-4
"""How far images of the file may be from PyTorch's, where those are in [-1, 1]; elsewhere in proportion."""

_ONNX_PACKAGES = ('onnx', 'onnxruntime', 'onnxscript')
_MOST_BYTES = 2**31 - 2**20  # protocol buffers hold 2 GiB, of which a graph takes some
_ENTRY = 'mmpe.json'


@dataclass(frozen=True)
class Exported:
    """What :func:`export` has written.

    Attributes:
        path: The file.
        description: What the file says of itself: its inputs, the images' size, and how to draw.
        sizes: (H, W) at which its images were compared with PyTorch's.
        difference: The largest difference that was found.
    """

    path: Path
    description: dict
    sizes: list[Size]
    difference: float


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        suffix: Extension of its files.
        write: From a program, the sampler that it was made of, and the description, to a file.
        read: From a file to what runs it: inputs by their names to images.
    """

    suffix: str
    write: Callable[[ExportedProgram, TensorSampler, dict, Path], None]
    read: Callable[[Path], Callable[[dict[str, Tensor]], Tensor]]


def export(model: SampledModel, path: str | Path, format: str = 'onnx', truncation: float | None = None) -> Exported:
    """Write a model's sampler as a function of tensors, one file for every number of images and every size.

    The file is kept only if its images agree with those of the model at several sizes. It says what it takes in its
    metadata: JSON under the key ``mmpe`` of an ONNX file, and the extra file ``mmpe.json`` of a ``.pt2``.

    Args:
        model: A trained model, see :func:`~mmpe.apis.load`.
        path: The file to write: ``.onnx``, or ``.pt2``.
        format: ``onnx``; or ``torch``, which ``torch.export.load(path).module()`` runs without mmpe.
        truncation: How far styles may be from the mean style, for models with styles. None: 1.

    Raises:
        InputError: If the model cannot be exported, the file does not agree with it, or packages are missing.

    >>> from mmpe.registry import MODELS
    >>> generator = dict(type='ConvGenerator', out_size=8, channels=8, latent_channels=4)
    >>> model = MODELS.build(dict(type='DCGANModel', generator=generator)).eval()
    >>> export(model, 'faces.pt2', format='torch').description['inputs']
    [{'name': 'z', 'shape': ['batch', 4], 'values': 'N(0, 1)'}]
    >>> torch.export.load('faces.pt2').module()(torch.randn(5, 4)).shape
    torch.Size([5, 3, 8, 8])
    """
    check_format(format, path)
    model = copy.deepcopy(as_sampled(model)).cpu().eval()
    sampler = tensor_sampler(model, truncation)
    sizes = sampler.sizes_to_check()
    description = describe(model, sampler, sizes[0])
    with torch.no_grad(), _quiet(), closing(tracked(range(2 + len(sizes)), 'step')) as steps:
        next(steps)
        program = _traced(model, sampler, sizes[-1])
        next(steps)
        with atomic(path) as part:
            _write(FORMATS[format], program, sampler, description, part)
            run = FORMATS[format].read(part)
            differences = [_difference(model, sampler, run, size, num=next(steps) - 1) for size in sizes]
    return Exported(Path(path), description, sizes, max(differences))


def check_format(format: str, path: str | Path, **options) -> None:
    """Refuse a format, or a file of it, that cannot be written, before any work is done.

    Args:
        format: One of :data:`FORMATS`.
        path: The file to write.
        **options: More arguments of :func:`~mmpe.files.check_output`.

    Raises:
        InputError: If there is no such format, a package is missing, or the file cannot be written.

    >>> check_format('torch', 'faces.onnx')
    Traceback (most recent call last):
    mmpe.errors.InputError: faces.onnx cannot be written: its name must end in .pt2
    """
    if format not in FORMATS:
        raise InputError(f'there is no format {format!r}: it is one of {", ".join(FORMATS)}')
    check_output(path, suffixes=[FORMATS[format].suffix], **options)
    missing = [name for name in _ONNX_PACKAGES if find_spec(name) is None] if format == 'onnx' else []
    if missing:
        raise InputError(f"writing ONNX needs {' and '.join(missing)}, not installed here: pip install 'mmpe[export]'")


def tensor_sampler(model: SampledModel, truncation: float | None = None) -> TensorSampler:
    """The sampler of a trained model as a function of tensors.

    Raises:
        InputError: If the model is not trained, declares no such sampler, or has no styles to truncate.

    >>> from mmpe.editing.example import example_singan
    >>> [len(tensor_sampler(example_singan()).inputs), tensor_sampler(example_singan()).image_size]
    [3, ('height_2', 'width_2')]
    """
    sampled = as_sampled(model)
    sampled.check_trained()
    if truncation is None:
        return sampled.tensor_sampler()
    check_real(truncation=truncation)
    if 'truncation' not in sampled.sample_options:
        raise InputError(f'a {type(model).__name__} is sampled without a truncation: leave it out')
    return sampled.tensor_sampler(truncation=truncation)


def describe(model: SampledModel, sampler: TensorSampler, size: Size) -> dict:
    """What an exported file says of itself, as JSON has it.

    Args:
        model: The model.
        sampler: Its sampler.
        size: (H, W) of the model's own images.
    """
    own = sampler.pick(_arguments(model, size, num=1))
    return dict(
        made_by=MARK,
        model=type(model).__name__,
        inputs=[dict(name=i.name, shape=i.shape_text, values=i.drawn) for i in sampler.inputs],
        output=dict(name='images', shape=['batch', 3, *sampler.image_size], values='RGB, about [-1, 1]'),
        own_size=list(size),
        own_shapes={declared.name: list(value.shape) for declared, value in zip(sampler.inputs, own)},
        **sampler.options,
    )


# -------------------------------------------------------------------- from the model to a program


def _arguments(model: SampledModel, size: Size, num: int) -> tuple:
    """What the model's generator is called with for some images of a size."""
    return model.generator_inputs(size).draw(num, random_generator('export', num, *size))


def _traced(model: SampledModel, sampler: TensorSampler, size: Size) -> ExportedProgram:
    inputs = sampler.pick(_arguments(model, size, num=3))
    with _one_line(f'a {type(model).__name__} cannot be exported'):
        return torch.export.export(
            sampler, inputs, dynamic_shapes=(tuple(i.dynamic_shape for i in sampler.inputs),), strict=False
        )


def _difference(
    model: SampledModel, sampler: TensorSampler, run: Callable[[dict[str, Tensor]], Tensor], size: Size, num: int
) -> float:
    """The largest difference of a file's images to the model's, in units of their range.

    Raises:
        InputError: If it is too large.
    """
    arguments = _arguments(model, size, num)
    inputs = sampler.pick(arguments)
    expected = sampler.finish(model.generator_inputs(size).generator(*arguments, **sampler.options))
    with _one_line(f'the file would not make images of {size_text(size)}, and is not written'):
        got = run({declared.name: value for declared, value in zip(sampler.inputs, inputs)})
    if got.shape != expected.shape:
        raise InputError(
            f'the file would make images of {size_text(got.shape[-2:])} where the model makes '
            f'{size_text(expected.shape[-2:])}, and is not written'
        )
    difference = ((got - expected).abs().max() / expected.abs().max().clamp(min=1)).item()
    if not difference <= TOLERANCE:
        raise InputError(
            f'the file would make images of {size_text(size)} that differ by {difference:.2g} from those of PyTorch, '
            f'more than {TOLERANCE:g}, and is not written'
        )
    return difference


def _write(format: Format, program: ExportedProgram, sampler: TensorSampler, description: dict, part: Path) -> None:
    with _one_line(f'a {description["model"]} cannot be written as {format.suffix}'):
        format.write(program, sampler, description, part)


# -------------------------------------------------------------------- formats


def _write_onnx(program: ExportedProgram, sampler: TensorSampler, description: dict, path: Path) -> None:
    from onnx_ir import Shape

    if sum(value.numel() * value.element_size() for value in program.state_dict.values()) > _MOST_BYTES:
        raise InputError('its weights take more than 2 GiB, which one ONNX file cannot hold')
    names = [declared.name for declared in sampler.inputs]
    written = torch.onnx.export(program, dynamo=True, input_names=names, output_names=['images'], verbose=False)
    graph = written.model.graph
    # PyTorch calls lengths s17 and s62
    for value, declared in zip(graph.inputs, sampler.inputs):
        value.shape = Shape(declared.shape_text)
    graph.outputs[0].shape = Shape(description['output']['shape'])
    written.model.metadata_props['mmpe'] = json.dumps(description)
    written.save(path)


def _read_onnx(path: Path) -> Callable[[dict[str, Tensor]], Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])

    def run(inputs: dict[str, Tensor]) -> Tensor:
        (images,) = session.run(['images'], {name: value.numpy() for name, value in inputs.items()})
        return torch.from_numpy(images)

    return run


def _write_torch(program: ExportedProgram, sampler: TensorSampler, description: dict, path: Path) -> None:
    torch.export.save(program, path, extra_files={_ENTRY: json.dumps(description)})


def _read_torch(path: Path) -> Callable[[dict[str, Tensor]], Tensor]:
    module = torch.export.load(path).module()
    return lambda inputs: module(*inputs.values())


FORMATS = dict(onnx=Format('.onnx', _write_onnx, _read_onnx), torch=Format('.pt2', _write_torch, _read_torch))


# -------------------------------------------------------------------- what PyTorch says meanwhile


@contextmanager
def _one_line(what: str) -> Iterator[None]:
    """Within, an error of PyTorch or of a runtime is one line: its explanations take pages."""
    try:
        yield
    except InputError as error:
        raise InputError(f'{what}: {error}') from error
    except Exception as error:
        if isinstance(error, OSError) or is_out_of_memory(error):
            raise
        cause = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        first = next((line for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
        raise InputError(f'{what}: {one_line(first)}') from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Within, the exporter does not name the operators of packages that are not there."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)
