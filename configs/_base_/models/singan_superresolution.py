"""SinGAN for super-resolution: the reconstruction counts ten times as much (SinGAN, sec. 4)."""

_base_ = ['./singan.py']

model = dict(reconstruction_weight=100.0)
