"""Replace the padding of a finished model's convolutions and pad layers."""

from __future__ import annotations

from torch import nn
from torch.nn.modules import padding as torch_padding
from torch.nn.modules.conv import _ConvNd

from mmpe.errors import InputError

from .layer import Mode, Pad, Sides, as_sides, build_padding


def set_padding(module: nn.Module, mode: Mode) -> nn.Module:
    """Change what every convolution of a finished model sees past the border, in place.

    Weights, ``state_dict`` keys and output sizes stay the same. It changes ``nn.Conv2d``, ``nn.ConvTranspose2d`` (whose
    input is treated as if zeros lay around it), their subclasses that use their ``padding`` attribute, and the 2-D pad
    layers of torch and of this package, at any depth (also in mmcv's ``ConvModule``). It does not change pooling
    layers, crops, ``none`` layers, or padding by a subclass inside its ``forward`` (mmcv's ``Conv2dAdaptivePadding``).
    A second call replaces the first. With the mode that it was built with, a module is as before.

    A :class:`PadInput` on each module pads when the module is called, but not in a direct call of its ``forward``. It
    survives ``copy.deepcopy`` and pickle. It is not in the ``state_dict``, so a new model needs a new call.

    Args:
        module: Any module, a convolution itself included.
        mode: As in :func:`~mmpe.models.padding.pad`, but not ``none``.

    Returns:
        ``module``.

    Raises:
        InputError: If the mode is unknown, or is ``none`` where a module pads, as the output would shrink; if a layer
            pads and crops at once. A map too small for ``reflect`` or ``circular`` is found when the model runs, and so
            is ``output_size`` given to a transposed convolution.
        TypeError: If there is a convolution or pad layer of another kind, such as 1-D, 3-D, deformable or modulated
            ones. After either error the model is unchanged.

    >>> conv = nn.Conv2d(3, 8, 3, padding=1)
    >>> mode_of(set_padding(conv, 'reflect'))
    'reflect'
    """
    wanted = build_padding(mode, 0)
    plans = [(part, _plan(part, name, wanted)) for name, part in module.named_modules()]
    for part, new in plans:
        if old := _hook(part):
            old.detach(part)
        if new:
            new.attach(part)
    return module


def mode_of(module: nn.Module) -> str | None:
    """How a single layer extends what it sees past the border.

    Returns:
        A name of :func:`~mmpe.models.padding.modes`; 'constant' for a constant other than zero; None if the layer shows
        nothing past the border, or is no convolution or pad layer of torch.

    >>> mode_of(nn.Conv2d(3, 8, 3, padding=1))
    'zero'
    """
    if hook := _hook(module):
        return hook.layer.mode
    if not isinstance(module, _KNOWN) or max(_reach(module, module.padding)[0]) <= 0:
        return None
    native = _native(module, _own(module))
    return native.mode if native else 'constant'


def remove_padding(module: nn.Module) -> nn.Module:
    """Remove the padding of convolutions, also transposed ones, and of pad layers, in place. Maps shrink.

    >>> mode_of(remove_padding(nn.Conv2d(3, 8, 3, padding=1))) is None
    True
    """
    for part in module.modules():
        if hook := _hook(part):
            hook.detach(part)
        if isinstance(part, _KNOWN):
            part.padding = _reach(part, part.padding)[1]
        if isinstance(part, _ConvNd):
            part.padding_mode = 'zeros'
    return module


class PadInput:
    """A forward pre-hook that pads the input in place of the module.

    Args:
        layer: The layer that pads the input.
        own: The module's own attributes for padding.
        kept: The values that they have while the hook is on.
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
            raise InputError('output_size is not possible after set_padding: give the convolution an output_padding')
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


def _plan(module: nn.Module, name: str, wanted: Pad) -> PadInput | None:
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
    native = _native(module, own)
    if max(sides) <= 0 or (native and (not native.extends or native.cfg == wanted.cfg)):
        return None
    if not wanted.extends:
        raise InputError(
            f"cannot set the padding of {title} to '{wanted.mode}': its output would shrink. "
            f"Take 'interp', or build the model without padding"
        )
    if min(sides) < 0:
        raise InputError(
            f'cannot set the padding of {title}: {sides} pads and crops at once. Split it into a pad layer and a crop'
        )
    zeros = dict(padding_mode='zeros') if isinstance(module, _ConvNd) else {}
    return PadInput(build_padding(wanted.cfg, sides), own, dict(padding=kept, **zeros))


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


def _native(module: nn.Module, own: dict) -> Pad | None:
    """What a known module without a hook does, as one of mmpe's layers; None where no mode does the same."""
    if isinstance(module, Pad):
        return module
    if isinstance(module, _ConvNd):
        return build_padding('zero' if own['padding_mode'] == 'zeros' else own['padding_mode'], 0)
    if isinstance(module, nn.ConstantPad2d) and module.value != 0:
        return None
    return build_padding(next(name for cls, name in _TORCH_PADS.items() if isinstance(module, cls)), 0)


def _reach(module: nn.Module, padding: str | int | tuple) -> tuple[Sides, tuple[int, ...]]:
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
        return as_sides(numbers), tuple(p + n * s for n, (_, p, _, s) in zip(numbers, axes))
    if padding == 'same':
        top, left = (span // 2 for span in spans)
        return (left, spans[1] - left, top, spans[0] - top), (0, 0)
    return as_sides(0 if padding == 'valid' else padding), (0, 0)
