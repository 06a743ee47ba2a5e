"""Networks that turn pictures into features, from a file, a URL or the registry.

All of them take uint8 pictures (N, 3, H, W), RGB in 0 ... 255, at the size that is evaluated. They return features
(N, D).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from mmengine.dist import barrier, is_main_process
from torch import Tensor, nn

from mmpe.errors import InputError
from mmpe.numbers import as_size, check_numbers, check_real
from mmpe.registry import MODELS

from .quantized import resized

_ADVICE = (
    'give the path or URL of a TorchScript file that maps uint8 pictures (N, 3, H, W) to features (N, D), such as the '
    "StyleGAN authors' inception-2015-12-05.pt"
)


def build_network(network: str | dict | None) -> nn.Module:
    """Build a feature network, in eval mode, on the CPU.

    Args:
        network: The path or URL of a TorchScript file, or a dict of arguments of :class:`TorchScriptFeatures`, or the
            config of a registered module, which is a dict with a ``type``.

    Raises:
        InputError: If no network is given, or its file cannot be found, downloaded or read.

    >>> features = build_network(dict(type='FaceFeatures'))
    >>> features(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape
    torch.Size([2, 64])
    """
    if not network:
        raise InputError(f'the scores need a feature network: {_ADVICE}')
    if isinstance(network, str):
        network = dict(path=network)
    module = MODELS.build(network) if 'type' in network else TorchScriptFeatures(**network)
    return module.eval().requires_grad_(False)


def network_fingerprint(network: nn.Module) -> str:
    """A key for all that the features depend on: the file and its arguments, or the class and its weights."""
    if isinstance(network, TorchScriptFeatures):
        return network.fingerprint
    digest = hashlib.sha256(repr(network).encode())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class TorchScriptFeatures(nn.Module):
    """A network in a TorchScript file, such as the StyleGAN authors' ``inception-2015-12-05.pt`` and ``vgg16.pt``.

    A TorchScript file is a program: use one only from a source that you trust, as ``weights_only`` cannot protect you.

    Args:
        path: The file or its URL. It is downloaded once, to ``mmpe`` in PyTorch's hub folder (see ``TORCH_HOME``).
        size: (H, W) that the network takes; pictures are resized with antialiasing. None: it takes any size, like the
            two networks above, which resize by themselves.
        value_range: The value range that it takes as float32, such as (-1, 1). None: it takes uint8.
        arguments: Further arguments of the call. None: ``return_features=True`` if the network accepts it, like the two
            networks above.

    Raises:
        InputError: If the file does not exist, or cannot be downloaded or read.

    >>> torch.jit.script(nn.AdaptiveAvgPool2d(1)).save('mean.pt')
    >>> mean_color = TorchScriptFeatures('mean.pt', value_range=(-1, 1))
    >>> mean_color(torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)).flatten(1)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """

    def __init__(
        self,
        path: str,
        size: int | tuple[int, int] | None = None,
        value_range: tuple[float, float] | None = None,
        arguments: dict | None = None,
    ):
        super().__init__()
        size = None if size is None else as_size(size)
        if value_range is not None:
            check_numbers(check_real, 2, value_range=value_range)
        file = _downloaded(path) if '://' in path else Path(path)
        if not file.is_file():
            raise InputError(f'there is no feature network at {path}: {_ADVICE}')
        try:
            self.network = torch.jit.load(file, map_location='cpu')
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(f'{path} cannot be read as TorchScript: {_ADVICE}') from error
        if arguments is None:
            takes = {argument.name for argument in self.network.forward.schema.arguments}
            arguments = {'return_features': True} if 'return_features' in takes else {}
        self.size = size
        self.value_range = value_range
        self.arguments = arguments
        self.path = path
        self.fingerprint = hashlib.sha256(
            file.read_bytes() + repr((self.size, value_range, sorted(arguments.items()))).encode()
        ).hexdigest()

    def forward(self, pictures: Tensor) -> Tensor:
        """Features (N, D) of uint8 pictures (N, 3, H, W)."""
        if self.size:
            pictures = resized(pictures, self.size)
        if self.value_range:
            low, high = self.value_range
            pictures = pictures.float() / 255 * (high - low) + low
        return self.network(pictures, **self.arguments)


def _downloaded(url: str) -> Path:
    """The file of a URL. The first process downloads it, and then the processes that do not share its folder."""
    name = f'{hashlib.sha256(url.encode()).hexdigest()[:8]}_{url.rpartition("/")[2]}'
    file = Path(torch.hub.get_dir()) / 'mmpe' / name
    if is_main_process():
        _download(url, file)
    barrier()
    _download(url, file)
    return file


def _download(url: str, file: Path) -> None:
    if file.is_file():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(file), progress=is_main_process())
    except (OSError, ValueError) as error:
        raise InputError(f'{url} cannot be downloaded ({error}): fetch it by hand, and give its path') from error
