"""As released, on one GPU: Adam, the same for both networks."""

_base_ = ['../default_runtime.py']

train_cfg = dict(type='ResumableTrainLoop', max_iters=300_000, val_interval=10_000)
optim_wrapper = dict(
    constructor='mmpe.PerNetworkOptimWrapperConstructor',
    generator=dict(optimizer=dict(type='Adam', lr=0.0002, betas=(0.5, 0.999))),
    discriminator=dict(optimizer=dict(type='Adam', lr=0.0002, betas=(0.5, 0.999))),
)

default_hooks = dict(checkpoint=dict(interval=10_000))
custom_hooks = [dict(type='SizesPictureHook', interval=10_000)]
