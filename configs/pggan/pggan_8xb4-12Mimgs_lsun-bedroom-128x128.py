"""Progressive GAN on LSUN's bedrooms."""

_base_ = ['./pggan_8xb4-12Mimgs_celeba-cropped-128x128.py']

train_dataloader = dict(dataset=dict(data_root='data/lsun/images/bedroom_train'))
