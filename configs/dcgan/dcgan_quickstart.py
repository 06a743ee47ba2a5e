"""DCGAN made small: drawn faces at 32 pixels, a minute or two on two CPU cores."""

_base_ = [
    '../_base_/models/dcgan.py',
    '../_base_/datasets/drawn_faces.py',
    '../_base_/schedules/dcgan.py',
]

model = dict(generator=dict(out_size=32, channels=128), discriminator=dict(in_size=32, channels=32))
train_dataloader = dict(batch_size=32, dataset=dict(size=32))
test_dataloader = dict(dataset=dict(sizes=[32]))
train_cfg = dict(max_iters=1000)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=250))
custom_hooks = [dict(type='SizesPictureHook', interval=250)]
