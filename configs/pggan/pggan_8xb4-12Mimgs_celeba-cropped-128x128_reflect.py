"""Reflection in place of zeros."""

_base_ = ['./pggan_8xb4-12Mimgs_celeba-cropped-128x128.py']

model = dict(generator=dict(padding='reflect'))
