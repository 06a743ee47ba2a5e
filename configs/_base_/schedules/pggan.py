"""As released, on 8 GPUs: Adam, which starts anew for each side."""

_base_ = ['../default_runtime.py']

train_cfg = dict(type='ResumableTrainLoop', max_iters=280_000, val_interval=20_000)
optim_wrapper = dict(
    constructor='mmpe.PerNetworkOptimWrapperConstructor',
    generator=dict(optimizer=dict(type='Adam', lr=0.001, betas=(0.0, 0.99))),
    discriminator=dict(optimizer=dict(type='Adam', lr=0.001, betas=(0.0, 0.99))),
)

default_hooks = dict(checkpoint=dict(interval=10_000))
custom_hooks = [dict(type='SizesPictureHook', interval=5_000)]
