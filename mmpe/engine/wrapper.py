"""The model wrapper for training on several processes."""

import torch.nn as nn
from mmengine.model import BaseModel, is_model_wrapper

from mmpe.models.distributed import broadcast_state
from mmpe.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class SynchronisedModel(nn.Module):
    """Starts all processes from the same weights, and leaves averaging gradients to the model's training rule.

    ``DistributedDataParallel`` wants one forward pass a backward pass through all parameters; a GAN's steps are not of
    that kind.

    Args:
        module: A model whose ``train_step`` calls :func:`~mmpe.models.distributed.average_gradients`.
    """

    def __init__(self, module: BaseModel):
        super().__init__()
        self.module = module
        broadcast_state(module)

    def train_step(self, data, optim_wrapper):
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data):
        return self.module.val_step(data)

    def test_step(self, data):
        return self.module.test_step(data)

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, whether or not a wrapper is around it."""
    return model.module if is_model_wrapper(model) else model
