"""Latents alike, no padding, and a sinusoidal code to tell positions, which extends with the size."""

_base_ = ['./pggan_8xb4-12Mimgs_celeba-cropped-128x128_iid_nopad.py']

model = dict(generator=dict(head=dict(encoding=dict(type='SinusoidalEncoding', embedding_dim=128))))
