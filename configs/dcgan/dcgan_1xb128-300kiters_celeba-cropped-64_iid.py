"""A latent for every cell, all alike in distribution: only zero padding tells positions."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64.py']

model = dict(generator=dict(head=dict(type='PointwiseHead')))
