"""SinGAN for super-resolution: the reconstruction counts ten times as much (SinGAN, sec. 4)."""

_base_ = ['./singan.py']

model = dict(losses=dict(reconstruction=dict(weight=100.0)))
