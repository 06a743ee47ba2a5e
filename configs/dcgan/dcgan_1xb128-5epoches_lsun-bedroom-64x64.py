"""DCGAN on LSUN's bedrooms."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64.py']

train_dataloader = dict(dataset=dict(data_root='data/lsun/images/bedroom_train'))
train_cfg = dict(max_iters=1_500_000)
