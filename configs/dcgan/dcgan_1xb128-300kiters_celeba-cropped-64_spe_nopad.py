"""Latents alike, no padding, and a sinusoidal code to tell positions, which extends with the size."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64_iid_nopad.py']

model = dict(generator=dict(head=dict(encoding=dict(type='SinusoidalEncoding', embedding_dim=32))))
