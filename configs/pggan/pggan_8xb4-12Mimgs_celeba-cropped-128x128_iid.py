"""A latent for every cell, all alike in distribution: only zero padding tells positions."""

_base_ = ['./pggan_8xb4-12Mimgs_celeba-cropped-128x128.py']

model = dict(generator=dict(head=dict(type='PointwiseHead')))
