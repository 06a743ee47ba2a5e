"""The model wrapper for training on several processes."""

from typing import Any

from mmengine.model import BaseModel, is_model_wrapper
from mmengine.optim import OptimWrapperDict
from torch import nn

from mmpe.models.distributed import broadcast_state
from mmpe.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class SynchronisedModel(nn.Module):
    """Starts all processes with the same weights. The model's training rule averages the gradients.

    ``DistributedDataParallel`` needs one forward pass per backward pass, through all parameters. A GAN's steps are
    different.

    Args:
        module: A model whose ``train_step`` averages its gradients, see :mod:`mmpe.models.gradients`.

    In a config:

    >>> model_wrapper_cfg = dict(type='mmpe.SynchronisedModel')
    >>> MODEL_WRAPPERS.build(dict(model_wrapper_cfg, module=nn.Linear(2, 2))).module
    Linear(in_features=2, out_features=2, bias=True)
    """

    def __init__(self, module: BaseModel):
        super().__init__()
        self.module = module
        broadcast_state(module)

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict:
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: Any) -> list:
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list:
        return self.module.test_step(data)

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, with or without a wrapper around it.

    >>> model = nn.Linear(2, 2)
    >>> unwrapped(SynchronisedModel(model)) is model, unwrapped(model) is model
    (True, True)
    """
    return model.module if is_model_wrapper(model) else model
