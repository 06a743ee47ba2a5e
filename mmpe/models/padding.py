"""What a convolution sees past the border: zeros, a mirror image, the nearest value, the opposite side, or nothing.

Zero padding shows a generator where the border is, and with it an encoding of position that is exact at the corners and
vague in the middle ("Positional Encoding as Spatial Inductive Bias in GANs", CVPR 2021, section 3). The paper replaces
it (section 4) by enlarging the map with an interpolation, here ``interp``; the other modes are there to compare.

:func:`pad` does it to a tensor. The layers over it are registered by the names in :data:`MODES`, so that any mmcv
``ConvModule(padding_mode='interp', padding=1)`` finds them. One exception: mmcv takes the name ``circular`` for torch's
and then pads with zeros, so it is ``padding_mode='mmpe.circular'`` there. :func:`set_padding` changes a finished model.
"""

from __future__ import annotations

from numbers import Integral

import torch.nn.functional as F
from mmengine.registry import MODELS as ROOT_MODELS
from torch import Tensor, nn
from torch.nn.modules import padding as torch_padding
from torch.nn.modules.conv import _ConvNd

from mmpe.registry import MODELS

__all__ = [
    'MODES',
    'CircularPad',
    'InterpPad',
    'NoPad',
    'Pad',
    'PadInput',
    'ReflectPad',
    'ReplicatePad',
    'ZeroPad',
    'build_padding',
    'pad',
    'set_padding',
]

MODES = ('zero', 'reflect', 'replicate', 'circular', 'interp', 'none')
INTERPOLATIONS = ('bilinear', 'bicubic', 'nearest')


def pad(x: Tensor, padding, mode='zero') -> Tensor:
    """Extend a map past its borders.

    Args:
        x: (N, C, H, W) or (C, H, W).
        padding: an int, a convolution's pair (rows, columns), or ``F.pad``'s (left, right, top, bottom).
        mode: a name of :data:`MODES`, or ``dict(type='interp', mode='bicubic', align_corners=True)``. ``interp``
            enlarges the whole map to the padded size (``bilinear``, ``bicubic`` or ``nearest``) in place of adding to
            it; ``none`` gives the map as it is.

    Returns:
        (..., top + H + bottom, left + W + right), or ``x`` itself for ``none`` and for a padding of zero.

    Raises:
        ValueError: a padding that is negative or of another form; an unknown mode or option; ``reflect`` by H (W) or
            more rows (columns), ``circular`` by more than H (W).
    """
    cfg, sides = _config(mode), _sides(padding)
    name = cfg.pop('type')
    if name == 'none' or not any(sides):
        return x
    return _enlarge(x, sides, **cfg) if name == 'interp' else _extend(x, sides, name)


def _extend(x: Tensor, sides: tuple, name: str) -> Tensor:
    left, right, top, bottom = sides
    height, width = x.shape[-2:]
    spare = dict(reflect=1, circular=0).get(name)  # a mirror needs one line more, its own, which it does not repeat
    if spare is not None and (max(top, bottom) + spare > height or max(left, right) + spare > width):
        raise ValueError(
            f"'{name}' padding by (left, right, top, bottom) = {sides} needs a map of at least "
            f'{max(top, bottom) + spare} x {max(left, right) + spare}, got {height} x {width}. '
            f"Take 'replicate', which has no limit, a larger map or a smaller padding"
        )
    return F.pad(x, sides, mode='constant' if name == 'zero' else name)


def _enlarge(x: Tensor, sides: tuple, mode: str, align_corners: bool) -> Tensor:
    left, right, top, bottom = sides
    size = (top + x.shape[-2] + bottom, left + x.shape[-1] + right)
    batch = x if x.dim() == 4 else x[None]
    out = F.interpolate(batch, size, mode=mode, align_corners=None if mode == 'nearest' else align_corners)
    return out if x.dim() == 4 else out[0]


def _sides(padding) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) of any accepted form of padding."""
    values = tuple(padding) if isinstance(padding, (tuple, list)) else (padding, padding)
    if len(values) == 2:
        rows, columns = values
        values = (columns, columns, rows, rows)
    if len(values) != 4 or not all(isinstance(v, Integral) and v >= 0 for v in values):
        raise ValueError(
            f'padding must be an int, (rows, columns) or (left, right, top, bottom), none negative, got {padding!r}'
        )
    return values


def _config(mode) -> dict:
    """``mode`` (a name or a dict) as a new dict with every option filled in, checked."""
    cfg = dict(mode) if isinstance(mode, dict) else dict(type=mode)
    name = cfg.get('type')
    if name not in MODES:
        raise ValueError(f'unknown padding {mode!r}: it is one of {", ".join(MODES)}')
    defaults = dict(type=name, mode='bilinear', align_corners=True) if name == 'interp' else dict(type=name)
    if cfg.keys() - defaults.keys():
        raise ValueError(f'unknown option in padding {mode!r}: it takes {", ".join(defaults)}')
    cfg = {**defaults, **cfg}
    if name == 'interp' and cfg['mode'] not in INTERPOLATIONS:
        raise ValueError(f'unknown interpolation {cfg["mode"]!r}: it is one of {", ".join(INTERPOLATIONS)}')
    return cfg


class Pad(nn.Module):
    """A layer over :func:`pad`, (N, C, H, W) -> (N, C, top + H + bottom, left + W + right); one subclass a mode.

    Args:
        padding: as in :func:`pad`, kept as ``self.padding`` = (left, right, top, bottom).

    Raises:
        ValueError: as :func:`pad`, when built where that is known then.
    """

    mode = 'zero'

    def __init__(self, padding, **options):
        super().__init__()
        self.padding = _sides(padding)
        self.cfg = _config(dict(type=self.mode, **options))

    def forward(self, input: Tensor) -> Tensor:
        """Extend the map, see :func:`pad`."""
        return pad(input, self.padding, self.cfg)

    def extra_repr(self) -> str:
        """The paddings and options."""
        options = [f'{key}={value!r}' for key, value in self.cfg.items() if key != 'type']
        return ', '.join([str(self.padding), *options])


class ZeroPad(Pad):
    """``zero``: zeros past the border."""


class ReflectPad(Pad):
    """``reflect``: the mirror image past the border, whose own line is not repeated."""

    mode = 'reflect'


class ReplicatePad(Pad):
    """``replicate``: the border's value past the border."""

    mode = 'replicate'


class CircularPad(Pad):
    """``circular``: the opposite side past the border."""

    mode = 'circular'


class NoPad(Pad):
    """``none``: nothing past the border; the map stays as it is, so a convolution after it makes it smaller."""

    mode = 'none'


class InterpPad(Pad):
    """``interp``: the map enlarged by interpolation to the padded size, the paper's substitute for zero padding.

    Args:
        padding: as in :func:`pad`; only the sums left + right and top + bottom count.
        mode: ``bilinear``, ``bicubic`` or ``nearest``.
        align_corners: as in ``F.interpolate``; without meaning for ``nearest``.
    """

    mode = 'interp'

    def __init__(self, padding, mode: str = 'bilinear', align_corners: bool = True):
        super().__init__(padding, mode=mode, align_corners=align_corners)


_LAYERS = {cls.mode: cls for cls in (ZeroPad, ReflectPad, ReplicatePad, CircularPad, InterpPad, NoPad)}

for _name, _layer in _LAYERS.items():
    MODELS.register_module(_name, module=_layer)
# Outside scope mmpe mmcv looks in the root. Its own three names stay free there: mmcv may come to register them later.
for _name in ('circular', 'interp', 'none'):
    if _name not in ROOT_MODELS.module_dict:
        ROOT_MODELS.register_module(_name, module=_LAYERS[_name])


def build_padding(mode, padding) -> Pad:
    """The layer for ``mode``, a name of :data:`MODES` or ``dict(type='interp', mode='bicubic')``.

    Raises:
        ValueError: as :func:`pad`.
    """
    cfg = _config(mode)
    return _LAYERS[cfg.pop('type')](padding, **cfg)


def set_padding(module: nn.Module, mode) -> nn.Module:
    """Change what every convolution of a finished model sees past the border, in place.

    Weights, ``state_dict`` keys and output sizes stay. Reached are ``nn.Conv2d``, ``nn.ConvTranspose2d`` (which sees an
    input as if zeros lay around it), their subclasses that use their ``padding`` attribute, and the 2-D pad layers of
    torch and of this module, wherever they stand (also in mmcv's ``ConvModule``). Left alone are pooling layers, crops
    and ``none`` layers, and what a subclass pads by itself inside its ``forward`` (mmcv's ``Conv2dAdaptivePadding``).
    Another call replaces the first; a module given the mode that it was built with is as it was.

    A :class:`PadInput` on each module does the work when the module is called (a direct call of its ``forward`` misses
    it). It survives ``copy.deepcopy`` and pickle; a ``state_dict`` knows nothing of it, so a new model needs a call.

    Args:
        module: any module, a convolution itself included.
        mode: as in :func:`pad`, but not ``none``.

    Returns:
        ``module``.

    Raises:
        ValueError: an unknown mode; ``none`` where a module pads, as the output would shrink; a layer that pads and
            crops at once. A map too small for ``reflect`` or ``circular`` is found when the model runs, and so is
            ``output_size`` given to a transposed convolution.
        TypeError: a convolution or pad layer of another kind, such as 1-D, 3-D, deformable or modulated ones.
        After either the model is unchanged.
    """
    cfg = _config(mode)
    plans = [(part, _plan(part, name, cfg)) for name, part in module.named_modules()]
    for part, new in plans:
        if old := _hook(part):
            old.detach(part)
        if new:
            new.attach(part)
    return module


def mode_of(module: nn.Module) -> str | None:
    """How a single layer extends what it sees past the border.

    Returns:
        str | None: A name of :data:`MODES`; 'constant' for a constant other than zero; None if the layer shows nothing
        past the border, or is no convolution or pad layer of torch.
    """
    if hook := _hook(module):
        return hook.layer.mode
    if not isinstance(module, _KNOWN) or max(_reach(module, module.padding)[0]) <= 0:
        return None
    native = _native(module, _own(module))
    return native['type'] if native else 'constant'


def remove_padding(module: nn.Module) -> nn.Module:
    """Let convolutions, also transposed, and pad layers show nothing past the border, in place; maps shrink."""
    for part in module.modules():
        if hook := _hook(part):
            hook.detach(part)
        if isinstance(part, _KNOWN):
            part.padding = _reach(part, part.padding)[1]
        if isinstance(part, _ConvNd):
            part.padding_mode = 'zeros'
    return module


class PadInput:
    """A forward pre-hook that extends the input, so that the module itself has nothing left to pad.

    Args:
        layer: extends the input.
        own: the module's own attributes that decide on padding.
        kept: the values that they have while the hook is on.
    """

    def __init__(self, layer: Pad, own: dict, kept: dict):
        self.layer, self.own, self.kept = layer, own, kept

    def attach(self, module: nn.Module) -> None:
        """Take over the padding of ``module``."""
        _assign(module, self.kept)
        # The handle is copied and pickled with the module, and keeps torch from giving its number to another hook then.
        self.handle = module.register_forward_pre_hook(self, with_kwargs=True)

    def detach(self, module: nn.Module) -> None:
        """Leave ``module`` as it was."""
        self.handle.remove()
        _assign(module, self.own)

    def __call__(self, module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments of the module's ``forward`` with the input extended."""
        if getattr(module, 'transposed', False) and any(a is not None for a in (*args[1:], kwargs.get('output_size'))):
            # It would change the output padding, and so how far the convolution looks.
            raise ValueError('output_size is not possible after set_padding: give the convolution an output_padding')
        if args:
            return (self.layer(args[0]), *args[1:]), kwargs
        return args, dict(kwargs, input=self.layer(kwargs['input']))


_TORCH_PADS = {
    nn.ConstantPad2d: 'zero',
    nn.ReflectionPad2d: 'reflect',
    nn.ReplicationPad2d: 'replicate',
    nn.CircularPad2d: 'circular',
}
_KNOWN = (nn.Conv2d, nn.ConvTranspose2d, Pad, *_TORCH_PADS)
_FAMILIES = (
    _ConvNd,
    torch_padding._ConstantPadNd,
    torch_padding._ReflectionPadNd,
    torch_padding._ReplicationPadNd,
    torch_padding._CircularPadNd,
)


def _assign(module: nn.Module, attributes: dict) -> None:
    for name, value in attributes.items():
        setattr(module, name, value)


def _hook(module: nn.Module) -> PadInput | None:
    return next((hook for hook in module._forward_pre_hooks.values() if isinstance(hook, PadInput)), None)


def _plan(module: nn.Module, name: str, cfg: dict) -> PadInput | None:
    """The hook that gives ``module`` its new padding; None where its own does, or where it shows nothing beyond."""
    title = f"'{name}' ({type(module).__name__})" if name else f'the module itself ({type(module).__name__})'
    if not isinstance(module, _KNOWN):
        if _pads_unknown(module):
            raise TypeError(
                f'cannot set the padding of {title}: only the 2-D convolutions (also transposed) and pad layers of '
                f'torch are known. Call set_padding on the other parts of the model, or let this one take its padding '
                f'from a child made by mmpe.models.padding.build_padding'
            )
        return None
    own = _own(module)
    sides, kept = _reach(module, own['padding'])
    if max(sides) <= 0 or _native(module, own) in (cfg, dict(type='none')):
        return None
    if cfg['type'] == 'none':
        raise ValueError(
            f"cannot set the padding of {title} to 'none': its output would shrink. "
            f"Take 'interp', or build the model without padding"
        )
    if min(sides) < 0:
        raise ValueError(
            f'cannot set the padding of {title}: {sides} pads and crops at once. Split it into a pad layer and a crop'
        )
    zeros = dict(padding_mode='zeros') if isinstance(module, _ConvNd) else {}
    return PadInput(build_padding(cfg, sides), own, dict(padding=kept, **zeros))


def _pads_unknown(module: nn.Module) -> bool:
    """Whether a module of unknown kind looks like a convolution, or like a pad layer, that sees past the border."""
    padding = getattr(module, 'padding', 0)
    values = padding if isinstance(padding, (tuple, list)) else (padding,)
    pads = any(isinstance(v, (int, str)) and v not in (0, 'valid') for v in values)
    return (pads or getattr(module, 'transposed', False)) and (
        isinstance(module, _FAMILIES) or any(p.dim() > 2 for p in module.parameters(recurse=False))
    )


def _own(module: nn.Module) -> dict:
    """The attributes that decide on the padding of a known module, as they are without a hook."""
    if hook := _hook(module):
        return hook.own
    names = ('padding', 'padding_mode') if isinstance(module, _ConvNd) else ('padding',)
    return {name: getattr(module, name) for name in names}


def _native(module: nn.Module, own: dict) -> dict | None:
    """The mode of a known module without a hook, None where :data:`MODES` has no name for it."""
    if isinstance(module, Pad):
        return module.cfg
    if isinstance(module, _ConvNd):
        return _config('zero' if own['padding_mode'] == 'zeros' else own['padding_mode'])
    if getattr(module, 'value', 0) != 0:
        return None
    return next(_config(name) for cls, name in _TORCH_PADS.items() if isinstance(module, cls))


def _reach(module: nn.Module, padding) -> tuple[tuple, tuple]:
    """How far a known module of this padding looks past the (left, right, top, bottom) border, and the padding that it
    keeps when its input is extended so far.

    Output ``o`` of a transposed convolution is the sum over the inputs ``i`` and taps ``j`` with ``i * stride + j *
    dilation = o + padding``, 0 <= j < kernel. So its first output sees the ``n``-th input before the border where
    ``n * stride <= dilation * (kernel - 1) - padding``, and its last one the ``n``-th input behind the border where
    ``n * stride <= dilation * (kernel - 1) - padding + output_padding``. Both ends are extended by the larger number:
    it moves the outputs by ``n * stride``, and ``padding``, a crop at both ends here, takes the same off again.
    """
    if not isinstance(module, _ConvNd):
        return padding, (0, 0, 0, 0)
    spans = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size)]
    if module.transposed:
        axes = list(zip(spans, padding, module.output_padding, module.stride))
        numbers = [max(0, (span - p + extra) // s) for span, p, extra, s in axes]
        return _sides(numbers), tuple(p + n * s for n, (_, p, _, s) in zip(numbers, axes))
    if padding == 'same':
        top, left = (span // 2 for span in spans)
        return (left, spans[1] - left, top, spans[0] - top), (0, 0)
    return _sides(0 if padding == 'valid' else padding), (0, 0)
