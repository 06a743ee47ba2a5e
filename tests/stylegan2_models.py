"""Small multi-scale StyleGAN2 models, and batches to train them on."""

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict

from mmpe.registry import MODELS

SCALES = dict(offsets=(0, 2, 4), probabilities=(0.5, 0.25, 0.25))


def small_model(group_size=2, discriminator=True, critic=None, losses=None, **settings):
    """Images of 16, 24 and 32 pixels, eight channels; R1 every third iteration, path lengths every other."""
    generator = dict(
        type='StyleGenerator',
        out_size=16,
        encoding=dict(type='SinusoidalEncoding', embedding_dim=4),
        upsampling=dict(type='ConvThenBilinear'),
        style_channels=8,
        num_mapping_layers=2,
        max_channels=8,
    )
    critic = dict(in_size=16, max_channels=8, pool_size=2, group_size=group_size) | (critic or {})
    losses = dict(r1=dict(interval=3), path_length=dict(interval=2)) | (losses or {})
    settings = dict(scales=SCALES, losses=losses) | settings
    if discriminator:
        settings['discriminator'] = dict(type='StyleDiscriminator', **critic)
    return MODELS.build(dict(type='StyleGAN2Model', generator=generator, **settings)).train()


def optimisers(model, wrapper=OptimWrapper, **settings):
    return OptimWrapperDict(
        **{
            name: wrapper(
                optimizer=torch.optim.Adam(getattr(model, name).parameters(), lr=2e-3, betas=(0.0, 0.99)), **settings
            )
            for name in ('generator', 'discriminator')
        }
    )


def batch(iteration, num=4, rank=0, world_size=1, side=40):
    """This process's share of the same pictures, whatever the number of processes."""
    rng = torch.Generator().manual_seed(iteration)
    pictures = torch.randint(0, 256, (num * world_size, 3, side, side), dtype=torch.uint8, generator=rng)
    return dict(inputs=list(pictures[rank::world_size]))


def train(model, optim_wrapper, iterations):
    """Train up to an iteration from wherever the model is."""
    losses = {}
    while int(model.iteration) < iterations:
        losses = model.train_step(batch(int(model.iteration)), optim_wrapper)
    return losses
