"""The same without padding: nothing tells positions."""

_base_ = ['./pggan_8xb4-12Mimgs_celeba-cropped-128x128_iid.py']

model = dict(generator=dict(padding='none'))
