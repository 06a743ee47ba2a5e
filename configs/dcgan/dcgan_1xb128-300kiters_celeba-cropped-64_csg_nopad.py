"""Latents alike, no padding, and a Cartesian grid to tell positions, which stretches with the size."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64_iid_nopad.py']

model = dict(generator=dict(head=dict(encoding=dict(type='CartesianGrid'))))
