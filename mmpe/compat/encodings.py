"""The released encodings: their names, arguments and calls, on top of :mod:`mmpe.models.encodings`."""

from __future__ import annotations

from torch import Tensor

from mmpe.models.encodings import CartesianGrid, SinusoidalEncoding
from mmpe.numbers import check_whole
from mmpe.registry import MODELS


class TensorCall:
    """The released way to call an encoding, with a tensor to take after; a size works as well."""

    def forward(self, like: Tensor | int | tuple[int, int]) -> Tensor:
        """Code a grid.

        Args:
            like: A tensor of shape (N, C, H, W), or a size.

        Returns:
            The code: like the tensor in batch, height, width, dtype and device, or of shape (1, C, H, W) for a size.

        Raises:
            ValueError: If the tensor has not four dimensions, or the size is not valid.
        """
        if not isinstance(like, Tensor):
            return super().forward(like)
        if like.ndim != 4:
            raise ValueError(f'expected a tensor of shape (N, C, H, W), got {tuple(like.shape)}')
        return self.make_grid2d_like(like)

    def make_grid2d(self, height: int, width: int, num_batches: int = 1) -> Tensor:
        """Code a grid, repeated to shape (``num_batches``, C, H, W); raises ValueError for another size."""
        return self((height, width)).repeat(num_batches, 1, 1, 1)

    def make_grid2d_like(self, x: Tensor) -> Tensor:
        """Code a grid with the batch, height, width, dtype and device of ``x``, of shape (N, ..., H, W)."""
        return self.make_grid2d(*x.shape[-2:], num_batches=len(x)).to(x)


@MODELS.register_module(name=['SPE', 'SPE2d'])
class SPE(TensorCall, SinusoidalEncoding):
    """The released sinusoidal encoding, whose positions are 1..n; see :class:`SinusoidalEncoding` for the code.

    Args:
        embedding_dim: Channels per axis.
        padding_idx: The position whose code is all zeros.
        init_size: Size of the released table. There is none here, so it limits nothing.
        div_half_dim: Which frequencies, see :class:`SinusoidalEncoding`.
        center_shift: Without effect, as in the released code, which counts the shifted positions from 1 again: released
            weights have seen 1..n. ``SinusoidalEncoding(center=...)`` does what it was meant to.

    Raises:
        ValueError: If ``embedding_dim`` is odd or less than 2.

    >>> import torch
    >>> encoding = SPE(embedding_dim=4, padding_idx=0, init_size=16)
    >>> encoding(torch.zeros(2, 3, 5, 7)).shape
    torch.Size([2, 8, 5, 7])
    """

    def __init__(
        self,
        embedding_dim: int,
        padding_idx: int,
        init_size: int = 1024,
        div_half_dim: bool = False,
        center_shift: int | None = None,
    ):
        check_whole(0, padding_idx=padding_idx)
        super().__init__(embedding_dim, div_half_dim)
        self.padding_idx = padding_idx

    def waves(self, positions: Tensor) -> Tensor:
        """Code positions on one axis, of shape (...), as (D, ...): zeros at ``padding_idx``."""
        return super().waves(positions).masked_fill(positions == self.padding_idx, 0)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args, **kwargs) -> None:
        # Released checkpoints carry this one number; it only remembered a dtype and a device.
        state_dict.pop(prefix + '_float_tensor', None)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


@MODELS.register_module(name=['CSG', 'CSG2d', 'CatersianGrid'])
class CSG(TensorCall, CartesianGrid):
    """The released Cartesian grid; see :class:`CartesianGrid`.

    >>> CSG()((5, 7)).shape
    torch.Size([1, 2, 5, 7])
    """
