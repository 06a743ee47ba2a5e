"""Without padding; the head still tells its cells apart."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64.py']

model = dict(generator=dict(padding='none'))
