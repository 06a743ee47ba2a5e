"""Reflection in place of zeros."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64.py']

model = dict(generator=dict(padding='reflect'))
