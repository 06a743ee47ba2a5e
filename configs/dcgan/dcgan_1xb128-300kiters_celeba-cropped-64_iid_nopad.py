"""The same without padding: nothing tells positions."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64_iid.py']

model = dict(generator=dict(padding='none'))
