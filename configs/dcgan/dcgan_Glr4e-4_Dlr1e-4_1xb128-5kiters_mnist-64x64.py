"""DCGAN on MNIST, or any folder of gray pictures."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64.py']

model = dict(generator=dict(out_channels=1), discriminator=dict(in_channels=1))
train_dataloader = dict(dataset=dict(data_root='data/mnist_64/train'))
train_cfg = dict(max_iters=5000, val_interval=500)
optim_wrapper = dict(generator=dict(optimizer=dict(lr=0.0004)), discriminator=dict(optimizer=dict(lr=0.0001)))

default_hooks = dict(checkpoint=dict(interval=500))
custom_hooks = [dict(type='SizesPictureHook', interval=500)]
