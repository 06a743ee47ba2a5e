"""DCGAN made small: drawn faces at 32 pixels, about two minutes on one CPU core."""

_base_ = [
    '../_base_/models/dcgan.py',
    '../_base_/datasets/drawn_faces.py',
    '../_base_/schedules/dcgan.py',
]

model = dict(
    generator=dict(out_size=32, channels=128),
    discriminator=dict(in_size=32, channels=32),
    ema=dict(half_life=2000),
)
train_dataloader = dict(batch_size=32, dataset=dict(size=32))
val_dataloader = test_dataloader = dict(dataset=dict(sizes=[32]))
train_cfg = dict(max_iters=3000)
# The released rates for MNIST: with equal ones the discriminator is soon right about everything, and all faces alike.
optim_wrapper = dict(generator=dict(optimizer=dict(lr=0.0004)), discriminator=dict(optimizer=dict(lr=0.0001)))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=500))
custom_hooks = [dict(type='SizesPictureHook', interval=500)]
