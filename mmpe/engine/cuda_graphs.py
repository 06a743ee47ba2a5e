"""CUDA graphs of a SinGAN's training: a GPU is given the steps of an iteration at once, and not kernel by kernel.

A graph replays kernels on the addresses that they had when it was captured. So the inputs of the steps, the learning
rates and what the optimizers count are in tensors that stay, and are filled anew before each replay. What Python
decides (the scale, the mode of normalization, which losses are due) is the same in all iterations of a graph: see
:func:`mmpe.models.singan.model.run_steps`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from mmengine.dist import get_world_size
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from torch import Tensor, nn
from torch.optim import Optimizer

from mmpe.errors import InputError, reason
from mmpe.models.singan import SinGANModel
from mmpe.numbers import shown

Inputs = Sequence[Tensor | int | None]
Losses = dict[str, Tensor]

WARM_UPS = 3
"""Iterations of a kind before its graph is captured: libraries choose their kernels, optimizers make their memory."""


def graphs_wanted(cuda_graphs: bool | None) -> bool:
    """Whether a config's ``cuda_graphs`` asks for graphs.

    Raises:
        InputError: If it is neither True nor False.

    >>> graphs_wanted(None), graphs_wanted(True)
    (False, True)
    """
    if cuda_graphs not in (None, False, True):
        raise InputError(f'cuda_graphs={shown(cuda_graphs)} cannot work: it must be True or False')
    return bool(cuda_graphs)


def check_graphs(model: nn.Module, optim_wrapper: OptimWrapper) -> None:
    """Refuse to capture training of which something would not be in a graph.

    Raises:
        InputError: If the model is not a SinGAN's or not on a GPU, there are several processes, or an optimizer cannot
            be captured.

    >>> check_graphs(nn.Linear(1, 1), None)
    Traceback (most recent call last):
    mmpe.errors.InputError: cuda_graphs=True is for a SinGANModel, whose shapes stay within a scale, not for a Linear...
    """
    if not isinstance(model, SinGANModel):
        raise _refusal(f'is for a SinGANModel, whose shapes stay within a scale, not for a {type(model).__name__}')
    device = next(model.parameters()).device
    if device.type != 'cuda':
        raise _refusal(f'needs a GPU, and this run trains on {device}')
    if get_world_size() > 1:
        raise _refusal(f'works with one process, and there are {get_world_size()}')
    for name, wrapper in optim_wrapper.items():
        _check_optimizer(f'optim_wrapper.{name}', wrapper)


def _check_optimizer(name: str, wrapper: OptimWrapper) -> None:
    kind = type(wrapper.optimizer).__name__
    if isinstance(wrapper, AmpOptimWrapper):
        raise _refusal(
            f'does not go with {name}.type={type(wrapper).__name__}, which asks at every step whether gradients are '
            'finite: take mmpe.BFloat16OptimWrapper (--amp-dtype bfloat16)'
        )
    if wrapper.clip_grad_kwargs:
        raise _refusal(f'does not go with {name}.clip_grad, of which MMEngine logs a number at every step')
    if 'capturable' not in wrapper.optimizer.defaults:
        raise _refusal(f'does not go with {name}.optimizer.type={kind}, which cannot be captured: take Adam or AdamW')


def _refusal(why: str) -> InputError:
    return InputError(f'cuda_graphs=True {why}; or leave it out')


class GraphedSteps:
    """Takes the place of :func:`mmpe.models.singan.model.run_steps` in training on a GPU.

    The first iterations of a kind run as they are, on a stream of their own, as PyTorch asks for. The next one is
    captured; it and all further ones are replayed. Graphs are captured anew in another phase, and after a state dict
    has been loaded. Losses are copies, so they stay what they are.

    Args:
        model: What is trained; see :func:`check_graphs`.
        optim_wrapper: Its optimizers.
    """

    def __init__(self, model: SinGANModel, optim_wrapper: OptimWrapperDict):
        self.optimizers = [wrapper.optimizer for wrapper in optim_wrapper.values()]
        self.device = next(model.parameters()).device
        self.stream = torch.cuda.Stream(self.device)
        self.groups = _Groups(self.optimizers, self.device)
        self.phase: Hashable = None
        self.graphs: dict[Hashable, _Graph] = {}
        self.hooks = [model.register_load_state_dict_post_hook(self._forget)]
        self.hooks += [optimizer.register_load_state_dict_post_hook(self._forget) for optimizer in self.optimizers]

    def __call__(
        self, phase: Hashable, kind: Hashable, steps: Callable[..., Losses], *inputs: Tensor | int | None
    ) -> Losses:
        """As :func:`~mmpe.models.singan.model.run_steps`.

        Raises:
            InputError: If PyTorch cannot capture the steps.
        """
        if phase != self.phase:
            self._forget()
            self.phase = phase
        if kind not in self.graphs:
            self.graphs[kind] = _Graph(inputs, self.device, self.stream)
        with self.groups.capturable():
            return self.graphs[kind](steps, inputs)

    def close(self) -> None:
        """Free the graphs' memory, and leave the optimizers as they would be without graphs."""
        self._forget()
        self.groups.give_counts_back()
        for hook in self.hooks:
            hook.remove()

    def _forget(self, *_) -> None:
        self.graphs.clear()


class _Graph:
    """The steps of one kind of iteration: run as they are at first, then captured, then replayed."""

    def __init__(self, inputs: Inputs, device: torch.device, stream: torch.cuda.Stream):
        self.inputs = [_staying(value, device) for value in inputs]
        self.stream = stream
        self.runs = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.losses: Losses = {}

    def __call__(self, steps: Callable[..., Losses], inputs: Inputs) -> Losses:
        for own, value in zip(self.inputs, inputs, strict=True):
            _fill(own, value)
        if self.runs < WARM_UPS:
            self.runs += 1
            return self._warm_up(steps)
        if self.graph is None:
            self._capture(steps)
        self.graph.replay()
        return {name: loss.clone() for name, loss in self.losses.items()}

    def _warm_up(self, steps: Callable[..., Losses]) -> Losses:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream), warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'This instance was constructed with capturable=True')
            losses = steps(*self.inputs)
        torch.cuda.current_stream().wait_stream(self.stream)
        return losses

    def _capture(self, steps: Callable[..., Losses]) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            # other threads, such as those that pin batches, may go on
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode='thread_local'):
                self.losses = steps(*self.inputs)
        except RuntimeError as error:
            raise InputError(
                f'cuda_graphs=True cannot work, as PyTorch cannot capture a step: {reason(error)}; leave it out'
            ) from error
        self.graph = graph


def _staying(value: Tensor | int | None, device: torch.device) -> Tensor | None:
    if value is None or isinstance(value, Tensor):
        return None if value is None else value.clone()
    return torch.full((), value, device=device)


def _fill(own: Tensor | None, value: Tensor | int | None) -> None:
    if isinstance(value, Tensor):
        own.copy_(value)
    elif value is not None:
        own.fill_(value)


class _Groups:
    """The parameter groups of optimizers, which are as they were whenever they do not step.

    So checkpoints, the log and the other hooks see numbers, and a run goes on with or without graphs.
    """

    def __init__(self, optimizers: Sequence[Optimizer], device: torch.device):
        self.optimizers, self.device = optimizers, device
        self.rates = [[torch.zeros((), device=device) for _ in optimizer.param_groups] for optimizer in optimizers]

    @contextmanager
    def capturable(self) -> Iterator[None]:
        """Within, the learning rate and what is counted are on the device."""
        before = []
        for optimizer, rates in zip(self.optimizers, self.rates):
            for group, rate in zip(optimizer.param_groups, rates):
                before.append((group, {name: group[name] for name in ('lr', 'capturable')}))
                rate.fill_(group['lr'])
                group.update(lr=rate, capturable=True)
            _move_counts(optimizer, optimizer.state, self.device)
        try:
            yield
        finally:
            for group, settings in before:
                group.update(settings)

    def give_counts_back(self) -> None:
        """Move step counts to the CPU, where optimizers that are not captured have them."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                if not (group['capturable'] or group.get('fused')):
                    _move_counts(optimizer, group['params'], torch.device('cpu'))


def _move_counts(optimizer: Optimizer, parameters: Iterable[Tensor], device: torch.device) -> None:
    for parameter in parameters:
        state = optimizer.state.get(parameter, {})
        if state and state['step'].device != device:
            state['step'] = state['step'].to(device)
