"""Scale by scale; the number of iterations follows from the picture."""

_base_ = ['../default_runtime.py']

train_cfg = dict(type='PyramidTrainLoop')
optim_wrapper = dict(
    constructor='mmpe.PerNetworkOptimWrapperConstructor',
    generator=dict(optimizer=dict(type='Adam', lr=0.0005, betas=(0.5, 0.999))),
    discriminator=dict(optimizer=dict(type='Adam', lr=0.0005, betas=(0.5, 0.999))),
)

default_hooks = dict(timer=dict(type='PyramidTimerHook'))
custom_hooks = [dict(type='PyramidPictureHook')]
log_processor = dict(type='PyramidLogProcessor')
