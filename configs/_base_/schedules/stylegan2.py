"""As released, on 8 GPUs: Adam, slowed down where a step stands in for the regularisation of several."""

_base_ = ['../default_runtime.py']

path_length_share, r1_share = 4 / 5, 16 / 17

train_cfg = dict(type='ResumableTrainLoop', max_iters=1_100_000, val_interval=20_000)
optim_wrapper = dict(
    constructor='mmpe.PerNetworkOptimWrapperConstructor',
    generator=dict(
        optimizer=dict(type='Adam', lr=0.002 * path_length_share, betas=(0.0, 0.99**path_length_share)),
    ),
    discriminator=dict(optimizer=dict(type='Adam', lr=0.002 * r1_share, betas=(0.0, 0.99**r1_share))),
)

default_hooks = dict(checkpoint=dict(interval=10_000))
custom_hooks = [dict(type='SizesPictureHook', interval=5_000)]
